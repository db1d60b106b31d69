package resolver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// lockOf are the pins of a resolution, with the hashes that a lock would have.
func lockOf(res *Resolution) []LockedPin {
	var pins []LockedPin
	for _, p := range res.Packages {
		if p.Local != nil {
			continue
		}
		pin := LockedPin{Name: p.Name, Version: p.Version, Marker: parsedMarker(p.Marker), Annotated: true}
		for _, v := range p.Via {
			if v.Package != "" {
				pin.Via = append(pin.Via, v.Package)
			}
		}
		for _, f := range p.Files {
			pin.Hashes = append(pin.Hashes, "sha256:"+f.Hashes.Get("sha256"))
		}
		pins = append(pins, pin)
	}
	return pins
}

func prefer(q Request, pins []LockedPin) Request {
	q.Preferences = map[pypi.Name][]Preference{}
	for _, p := range pins {
		q.Preferences[p.Name] = append(q.Preferences[p.Name], Preference{p.Version, p.Marker, p.Hashes})
	}
	return q
}

// sameLock compares pins with a resolution that preferred them: "" where that
// would write the same, else the first difference.
func sameLock(q *Request, pins []LockedPin, res *Resolution) string {
	sc, err := newScope(q)
	if err != nil {
		return err.Error()
	}
	whole := sc.narrow(sc.stated)
	in := func(m pep508.Marker) where {
		w := whole.holds(m, "")
		if w.universal {
			w = w.and(possible())
		}
		return w
	}
	used := make([]bool, len(res.Packages))
	for _, pin := range pins {
		i := slices.IndexFunc(res.Packages, func(p Package) bool {
			return p.Local == nil && p.Name == pin.Name && p.Version.Equal(pin.Version)
		})
		switch {
		case i < 0:
			return fmt.Sprintf("%s==%s goes", pin.Name, pin.Version)
		case used[i]:
			return fmt.Sprintf("%s==%s becomes one", pin.Name, pin.Version)
		case !in(pin.Marker).equal(in(parsedMarker(res.Packages[i].Marker))):
			return fmt.Sprintf("%s==%s has the marker %q, not %q", pin.Name, pin.Version, res.Packages[i].Marker, pin.Marker)
		}
		used[i] = true
		if unknown, missing := HashFaults(pin.Hashes, res.Packages[i].AllFiles, res.Packages[i].Servings); len(pin.Hashes) == 0 || len(unknown)+len(missing) > 0 {
			return fmt.Sprintf("%s==%s has other hashes", pin.Name, pin.Version)
		}
	}
	for i, p := range res.Packages {
		if !used[i] && p.Local == nil {
			return fmt.Sprintf("%s==%s comes", p.Name, p.Version)
		}
	}
	return ""
}

// editLock changes pins by hand.
func (w *mworld) editLock(r *rand.Rand, pins []LockedPin) []LockedPin {
	pins = slices.Clone(pins)
	pick := func() int { return r.IntN(len(pins)) }
	version := func(name pypi.Name) pep440.Version {
		for _, p := range w.pkgs {
			if p.name == string(name) && len(p.versions) > 0 && r.IntN(6) > 0 {
				return pep440.MustParse(ladderTexts[p.versions[r.IntN(len(p.versions))].rank])
			}
		}
		return pep440.MustParse(ladderTexts[r.IntN(len(ladderTexts))])
	}
	marker := func() pep508.Marker { return parsedMarker(knownMarkers[r.IntN(len(knownMarkers))].text) }
	if len(pins) == 0 {
		return pins
	}
	switch r.IntN(12) {
	case 0:
		i := pick()
		pins = slices.Delete(pins, i, i+1)
	case 1, 2, 9, 10, 11:
		p := &pins[pick()]
		p.Version = version(p.Name)
		p.Hashes = []string{"sha256:" + strings.Repeat("f", 64)}
		for _, pk := range w.pkgs {
			if pk.name == string(p.Name) {
				for _, v := range pk.versions {
					if ladderTexts[v.rank] == p.Version.String() {
						p.Hashes = w.hashes(p.Name, v)
					}
				}
			}
		}
	case 3:
		pins[pick()].Marker = marker()
	case 4:
		pins[pick()].Marker = pep508.Marker{}
	case 5:
		name := pypi.Name(w.pkgs[r.IntN(len(w.pkgs))].name)
		pins = append(pins, LockedPin{Name: name, Version: version(name), Marker: marker(), Hashes: []string{"sha256:" + strings.Repeat("f", 64)}})
	case 6:
		p := pins[pick()]
		q := p
		p.Marker, q.Marker = parsedMarker("sys_platform == 'linux'"), parsedMarker("sys_platform != 'linux'")
		q.Version = version(p.Name)
		i := slices.IndexFunc(pins, func(x LockedPin) bool { return x.Name == p.Name })
		pins = append(slices.Delete(pins, i, i+1), p, q)
	case 7:
		p := &pins[pick()]
		if len(p.Hashes) > 0 {
			i := r.IntN(len(p.Hashes))
			p.Hashes = slices.Delete(slices.Clone(p.Hashes), i, i+1)
		}
	case 8:
		p := &pins[pick()]
		p.Hashes = append(slices.Clone(p.Hashes), "sha256:"+strings.Repeat("e", 64))
	}
	return pins
}

// hashes are those of all files of a release.
func (w *mworld) hashes(name pypi.Name, v mversion) []string {
	base := string(name) + "-" + pep440.MustParse(ladderTexts[v.rank]).String()
	var out []string
	add := func(file string) { out = append(out, "sha256:"+digest(file)) }
	for _, k := range v.wheels {
		add(base + "-" + knownWheels[k].text + ".whl")
	}
	if v.sdist != "" {
		add(base + ".tar.gz")
	} else if len(v.wheels) == 0 {
		add(base + "-py3-none-any.whl")
	}
	return out
}

// editInput changes what the project asks for.
func (w *mworld) editInput(r *rand.Rand) *mworld {
	w = w.clone()
	drop := func(ds []mdep) []mdep {
		if len(ds) == 0 {
			return ds
		}
		i := r.IntN(len(ds))
		return slices.Delete(ds, i, i+1)
	}
	switch r.IntN(12) {
	case 0, 1:
		w.root = append(w.root, w.randomDep(r))
	case 2, 3:
		w.root = drop(w.root)
	case 4, 5:
		if len(w.root) > 0 {
			d := &w.root[r.IntN(len(w.root))]
			switch e := w.randomDep(r); r.IntN(3) {
			case 0:
				d.spec = nil
			case 1:
				d.marker = e.marker
			default:
				d.extras = e.extras
			}
		}
	case 6:
		d := w.randomDep(r)
		d.extras = nil
		w.cons = append(w.cons, d)
	case 7:
		w.cons = drop(w.cons)
	case 8:
		w.overs = append(w.overs, w.randomDep(r))
	case 9:
		w.overs = drop(w.overs)
	case 10:
		w.pre = PrereleaseMode(r.IntN(5))
	case 11:
		if w.universal() {
			w.lowest = []int{8, 10}[r.IntN(2)]
		} else if len(w.sites) > 1 {
			w.sites = w.sites[1:]
		} else {
			w.sites[0].minor = 23 - w.sites[0].minor
		}
	}
	return w
}

// TestCheckAgainstResolution: a lock is stale if and only if a resolution that
// prefers its pins gives another, whatever was edited.
func TestCheckAgainstResolution(t *testing.T) {
	fresh, stale, moved, edited := 0, 0, 0, 0
	cases := manyCases(6000)
	property := func(w *mworld) error {
		res, err := ask(t, w.universe(nil), w.request(t))
		if err != nil {
			return nil
		}
		seed := uint64(len(w.String()))
		r := rand.New(rand.NewPCG(shortSeed, seed))
		pins, now := lockOf(res), w
		kind := r.IntN(8)
		if kind&1 != 0 {
			pins = w.editLock(r, pins)
		}
		if kind&2 != 0 {
			now = w.editInput(r)
		}
		if kind&4 != 0 {
			pins = w.editLock(r, pins)
		}
		if kind != 0 {
			edited++
		}
		q := now.request(t)
		m := newMemory(t, indextest.MustParse(now.universe(nil)))
		v, err := Check(t.Context(), m, q, pins, CheckOptions{Hashes: true})
		switch {
		case isNoSolution(err):
			return nil
		case err != nil:
			return fmt.Errorf("check: %w", err)
		}
		again, err := ask(t, now.universe(nil), prefer(q, pins))
		diff := ""
		switch {
		case isNoSolution(err):
			diff = "there is no solution"
		case err != nil:
			return fmt.Errorf("again: %w", err)
		default:
			diff = sameLock(&q, pins, again)
		}
		show := func() string {
			s := "the lock was\n"
			for _, p := range pins {
				s += fmt.Sprintf("  %s==%s ; %s %d hashes\n", p.Name, p.Version, p.Marker, len(p.Hashes))
			}
			s += "now requirements " + fmt.Sprint(now.texts(now.root), now.texts(now.cons), now.texts(now.overs), now.pre, now.sites, now.lowest) + "\n"
			for _, d := range v.Defects {
				s += fmt.Sprintf("  defect %+v\n", d)
			}
			return s
		}
		if v.Stale() {
			stale++
			if diff == "" {
				return fmt.Errorf("false alarm: %s", show())
			}
			return nil
		}
		fresh++
		if diff != "" {
			return fmt.Errorf("miss: %s: %s", diff, show())
		}
		// A plain search may end elsewhere where several parts are solved.
		searched, err := resolve(t.Context(), m, prefer(q, pins), nil, false)
		if err == nil {
			diff = sameLock(&q, pins, searched)
		} else {
			diff = err.Error()
		}
		if diff != "" {
			if moved++; !now.universal() && len(now.sites) == 1 {
				return fmt.Errorf("the search moves: %s: %s", diff, show())
			}
		}
		return nil
	}
	eachWorld(t, cases, func(r *rand.Rand) *mworld { return randomMulti(r, max(0, r.IntN(6)-2)) }, property)
	t.Logf("%d edited, %d up to date, %d stale; a search alone would move %d", edited, fresh, stale, moved)
}
