package resolver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// preferring returns the pins of a lock as preferences, but for some packages.
func preferring(res *Resolution, but ...pypi.Name) map[pypi.Name][]Preference {
	out := map[pypi.Name][]Preference{}
	for _, p := range res.Packages {
		if !slices.Contains(but, p.Name) {
			out[p.Name] = append(out[p.Name], Preference{Version: p.Version, Marker: parsedMarker(p.Marker)})
		}
	}
	return out
}

// versionsIn returns the versions of a package in a lock.
func versionsIn(res *Resolution, name pypi.Name) []pep440.Version {
	var out []pep440.Version
	for _, p := range res.Packages {
		if p.Name == name {
			out = append(out, p.Version)
		}
	}
	return out
}

// TestUpgradeOne: a lock made before the newest releases came, and one package
// moved, with or without a specifier. What comes out is right everywhere and a
// fixed point; pins that another version of the package leaves valid are kept;
// a package has one pin where the others, as they are, admit one and a search
// that is not cut along the lock's markers has one.
func TestUpgradeOne(t *testing.T) {
	kinds := append(slices.Clone(worldKinds), worldKind{"cut", 400, randomCut})
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			moved, cut, two := 0, 0, 0
			eachWorld(t, manyCases(k.cases), k.make, func(w *mworld) error {
				r := rand.New(rand.NewPCG(3, 4))
				old := w.clone()
				for i := range old.pkgs {
					if n := len(old.pkgs[i].versions); n > 1 {
						old.pkgs[i].versions = old.pkgs[i].versions[:n-r.IntN(n)]
					}
				}
				before, err := ask(t, old.universe(nil), old.request(t))
				if err != nil || len(before.Packages) == 0 {
					return nil
				}
				name := before.Packages[r.IntN(len(before.Packages))].Name
				q := w.request(t)
				if r.IntN(2) == 0 {
					d := mdep{pkg: int(name[0] - 'a'), marker: -1, spec: []clause{{[]string{"<=", ">=", "!="}[r.IntN(3)], r.IntN(len(ladderTexts))}}}
					q.Constraints = append(slices.Clone(q.Constraints), added(t, w.text(d)))
					w = w.clone()
					w.cons = append(w.cons, d)
				}
				q.Preferences = preferring(before, name)
				after, err := ask(t, w.universe(nil), q)
				if isNoSolution(err) {
					return nil
				}
				if err != nil {
					return fmt.Errorf("error: %w", err)
				}
				moved++
				sites := w.sites
				if w.universal() {
					sites = universalSites(w.lowest)
				}
				if err := w.checkSites(t, after, sites); err != nil {
					return err
				}
				again := q
				again.Preferences = preferring(after)
				fed, err := ask(t, w.universe(nil), again)
				if err != nil {
					return fmt.Errorf("fed back: fails: %w", err)
				}
				if err := differ("fed back", short(after, nil), short(fed, nil)); err != nil {
					return err
				}
				return w.checkUpgrade(t, q, before, after, name, sites, &cut, &two)
			})
			t.Logf("%d moved; %d of locks cut by their markers, %d with two pins of the package", moved, cut, two)
		})
	}
}

// checkUpgrade says what an upgrade did that it need not have done.
func (w *mworld) checkUpgrade(t *testing.T, q Request, before, after *Resolution, name pypi.Name, sites []site, cut, two *int) error {
	got := versionsIn(after, name)
	if len(got) == 1 && len(versionsIn(before, name)) == 1 {
		// The old lock with another version of this package alone.
		swapped := &Resolution{Packages: slices.Clone(before.Packages)}
		for i := range swapped.Packages {
			if p := &swapped.Packages[i]; p.Name == name {
				p.Version = got[0]
			}
		}
		if w.checkSites(t, swapped, sites) == nil {
			if err := differ("moved too much", pins(swapped), pins(after)); err != nil {
				return err
			}
		}
	}
	pinned := map[pypi.Name]int{}
	for _, p := range before.Packages {
		pinned[p.Name]++
	}
	if !slices.ContainsFunc(before.Packages, func(p Package) bool { return p.Name != name && pinned[p.Name] > 1 }) {
		return nil
	}
	*cut++
	if len(got) < 2 {
		return nil
	}
	*two++
	if uncut, err := w.uncut(t, q); err != nil || len(uncut[name]) != 1 {
		return err
	}
	others := func(res *Resolution) string {
		return lines(&Resolution{Packages: slices.DeleteFunc(slices.Clone(res.Packages), func(p Package) bool { return p.Name == name })})
	}
	for _, v := range w.pkgs[name[0]-'a'].versions {
		one := q
		one.Constraints = append(slices.Clone(q.Constraints), added(t, fmt.Sprintf("%s==%s", name, ladderTexts[v.rank])))
		res, err := ask(t, w.universe(nil), one)
		if err == nil && others(res) == others(after) {
			return fmt.Errorf("two pins: got\n%sin the place of\n%s", describePins(after), describePins(res))
		}
	}
	return nil
}

// uncut returns the versions of each package that a universal search finds
// which starts from one scope.
func (w *mworld) uncut(t *testing.T, q Request) (map[pypi.Name][]pep440.Version, error) {
	u, err := indextest.Parse(w.universe(nil))
	if err != nil {
		return nil, err
	}
	whole, err := newScope(&q)
	if err != nil {
		return nil, err
	}
	r := &resolving{request: &q, library: &library{index: newMemory(t, u)}}
	defer r.library.wg.Wait()
	parts, err := r.solveParts(t.Context(), []*scope{whole})
	if err != nil {
		return nil, nil
	}
	return versionsOf(parts), nil
}

// randomCut makes universal worlds that have a lock most of the time, often
// with several pins of a package.
func randomCut(r *rand.Rand) *mworld {
	w := &mworld{pre: Allow, lowest: 10}
	if r.IntN(4) == 0 {
		w.mode = Mode(r.IntN(3))
	}
	for i := range 3 + r.IntN(4) {
		p := mpkg{name: string(rune('a' + i))}
		for rank := range ladderTexts {
			if r.IntN(2) == 0 {
				p.versions = append(p.versions, mversion{rank: rank, python: -1})
			}
		}
		w.pkgs = append(w.pkgs, p)
	}
	dep := func(from int) mdep {
		d := w.randomDep(r)
		d.pkg = from + r.IntN(len(w.pkgs)-from)
		d.extras, d.spec = nil, nil
		if r.IntN(4) > 0 {
			d.marker = -1
		}
		if vs := w.pkgs[d.pkg].versions; len(vs) > 0 && r.IntN(3) > 0 {
			d.spec = []clause{{[]string{">=", "<="}[r.IntN(2)], vs[r.IntN(len(vs))].rank}}
		}
		return d
	}
	for i := range w.pkgs {
		vs := w.pkgs[i].versions
		high := r.IntN(2) * r.IntN(len(vs)+1)
		for j := range vs {
			if j >= len(vs)-high && high < len(vs) {
				vs[j].python = 0
			}
			for range r.IntN(3) {
				if i+1 < len(w.pkgs) {
					vs[j].deps = append(vs[j].deps, dep(i+1))
				}
			}
		}
	}
	for range 2 + r.IntN(2) {
		d := dep(0)
		d.spec = nil
		w.root = append(w.root, d)
	}
	if r.IntN(2) == 0 {
		w.root = append(w.root, w.rivals(r)...)
	}
	return w
}

// TestFedBack: pins that hold only inside of a fork which no package with two
// pins shows.
func TestFedBack(t *testing.T) {
	for _, tt := range []struct {
		name, universe string
		mode           Mode
		reqs           []string
		want           string
	}{
		{
			"the fork of a dependency", `
a 2.0
  c ; sys_platform == 'win32'
  c==1.1 ; python_full_version < '3.11.5'
a 1.0
c 2.0
  b ; sys_platform == 'darwin'
`, Highest, []string{"a"},
			"a==1.0 ; python_full_version < '3.11.5'\na==2.0 ; python_full_version >= '3.11.5'\nc==2.0 ; python_full_version >= '3.11.5' and sys_platform == 'win32'",
		},
		{
			"a part that has no solution by itself", `
c 1
c 2
d 1
  e ; sys_platform == 'darwin'
`, Lowest, []string{"d ; sys_platform == 'linux' and python_version >= '3.12'", "c==2 ; python_version >= '3.12'", "c"},
			"c==1 ; python_full_version < '3.12'\nc==2 ; python_full_version >= '3.12'\nd==1 ; python_full_version >= '3.12' and sys_platform == 'linux'",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := universal(t, "3.10", tt.reqs...)
			q.Resolution = tt.mode
			for range 2 {
				res, err := ask(t, tt.universe, q)
				if err != nil {
					t.Fatal(err)
				}
				if got := lines(res); got != tt.want {
					t.Errorf("got\n%s\nwant\n%s", got, tt.want)
				}
				q.Preferences = preferring(res)
			}
		})
	}
}
