package resolver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// plan is a world as one place sees it: what applies there, overrides
// applied. A place is an environment, or, for the flat reading of a universal
// world, all of them at once.
type plan struct {
	root []pdep
	pkgs [][]pversion // by package and version of the world
}

type pdep struct {
	pkg    int
	admits func(rank int) bool
	extras []string
}

type pversion struct {
	usable bool
	deps   map[string][]pdep // by the extra because of which they apply
}

// policy says how widely the project's requirements allow pre-releases and
// yanked versions.
type policy uint8

const (
	narrow policy = iota // only where the requirement applies and was not replaced
	wide                 // wherever any requirement or constraint says so
)

// planAt works out a place; of the packages, those with pins alone, unless
// pins is nil.
func (w *mworld) planAt(place []site, pol policy, pins map[int]int) *plan {
	anyOf := func(ok func(site) bool) bool { return slices.ContainsFunc(place, ok) }
	replace := func(d mdep, holds func(site) bool) []pdep {
		var out []pdep
		hit := false
		for _, o := range w.overs {
			if o.pkg == d.pkg {
				hit = true
				if anyOf(func(s site) bool { return holds(s) && o.holds(s, "") }) {
					out = append(out, pdep{o.pkg, o.admits, o.extras})
				}
			}
		}
		if !hit && anyOf(holds) {
			out = append(out, pdep{d.pkg, d.admits, d.extras})
		}
		return out
	}
	everywhere := func(d mdep) bool {
		if w.universal() {
			return d.marker < 0 // there are more environments than sites
		}
		return !slices.ContainsFunc(place, func(s site) bool { return !d.holds(s, "") })
	}
	p := &plan{}
	for _, d := range w.root {
		p.root = append(p.root, replace(d, func(s site) bool { return d.holds(s, "") })...)
	}
	for i, pk := range w.pkgs {
		overridden := slices.ContainsFunc(w.overs, func(o mdep) bool { return o.pkg == i })
		var vs []pversion
		for j, v := range pk.versions {
			if k, ok := pins[i]; pins != nil && (!ok || k != j) {
				vs = append(vs, pversion{})
				continue
			}
			exact, explicit := false, false
			note := func(ds []mdep, counts bool) {
				for _, d := range ds {
					if d.pkg == i && (pol == wide || counts && everywhere(d)) {
						exact = exact || d.exact(v.rank)
						explicit = explicit || d.namesPre()
					}
				}
			}
			note(w.root, !overridden)
			note(w.overs, true)
			if pol == wide {
				note(w.cons, true)
			}
			out := pversion{usable: w.usable(v, place), deps: map[string][]pdep{}}
			if v.yanked && !exact || ladderPre(v.rank) && (w.pre == Disallow || w.pre == Explicit && !explicit) {
				out.usable = false
			}
			for _, c := range w.cons {
				if c.pkg == i && anyOf(func(s site) bool { return c.holds(s, "") }) && !c.admits(v.rank) {
					out.usable = false
				}
			}
			for _, x := range []string{"", "x", "y"} {
				for _, d := range v.deps {
					out.deps[x] = append(out.deps[x], replace(d, func(s site) bool { return d.holds(s, x) && (x == "" || !d.holds(s, "")) })...)
				}
			}
			vs = append(vs, out)
		}
		p.pkgs = append(p.pkgs, vs)
	}
	return p
}

// usable reports whether a version can be installed all over a place.
func (w *mworld) usable(v mversion, place []site) bool {
	for _, s := range place {
		if v.python >= 0 && !knownPythons[v.python].holds(s) {
			return false
		}
		if !w.universal() && w.fileFor(v, s) == nil {
			return false
		}
	}
	if !w.universal() {
		return true
	}
	// A universal lock needs some file; wheels for one Python may or may not do.
	flat := len(place) > 1
	return v.sdist == "static" || len(v.wheels) == 0 && v.sdist == "" || slices.ContainsFunc(v.wheels, func(k int) bool {
		text := knownWheels[k].text
		return !strings.HasPrefix(text, "py2-") && (!flat || strings.HasPrefix(text, "py3-") || strings.Contains(text, "-abi3-"))
	})
}

// fileFor returns the tags of the wheels for an environment, else the sdist's
// name, nil if nothing can be used.
func (w *mworld) fileFor(v mversion, s site) []string {
	var out []string
	wheels := v.wheels
	if len(wheels) == 0 && v.sdist == "" {
		wheels = []int{0}
	}
	for _, k := range wheels {
		if knownWheels[k].holds(s) {
			out = append(out, knownWheels[k].text)
		}
	}
	// Some wheel tells the dependencies of an sdist that does not.
	if out == nil && (v.sdist == "static" || v.sdist == "dynamic" && len(wheels) > 0) {
		out = append(out, ".tar.gz")
	}
	return out
}

// possible searches exhaustively for one choice of versions that serves all
// plans.
func (w *mworld) possible(plans ...*plan) bool {
	type goal struct {
		at int
		pdep
	}
	type want struct {
		at, pkg int
		extra   string
	}
	chosen := make([]int, len(w.pkgs)) // version + 1, 0 for open
	wanted := map[want]bool{}
	var meet func(queue []goal) bool
	meet = func(queue []goal) bool {
		if len(queue) == 0 {
			return true
		}
		g, rest := queue[0], queue[1:]
		try := func(j int) bool {
			v := &plans[g.at].pkgs[g.pkg][j]
			if !v.usable || !g.admits(w.pkgs[g.pkg].versions[j].rank) {
				return false
			}
			next := slices.Clone(rest)
			var added []want
			for _, x := range append([]string{""}, g.extras...) {
				if k := (want{g.at, g.pkg, x}); !wanted[k] {
					wanted[k] = true
					added = append(added, k)
					for _, d := range v.deps[x] {
						next = append(next, goal{g.at, d})
					}
				}
			}
			before := chosen[g.pkg]
			chosen[g.pkg] = j + 1
			ok := meet(next)
			chosen[g.pkg] = before
			for _, k := range added {
				delete(wanted, k)
			}
			return ok
		}
		if j := chosen[g.pkg]; j > 0 {
			return try(j - 1)
		}
		for j := range w.pkgs[g.pkg].versions {
			if try(j) {
				return true
			}
		}
		return false
	}
	var queue []goal
	for at, p := range plans {
		for _, d := range p.root {
			queue = append(queue, goal{at, d})
		}
	}
	return meet(queue)
}

// serves checks that pins, the version of each package by its number, are a
// correct, complete and minimal solution of a plan, and returns what is
// wanted: "name" and "name[extra]".
func (w *mworld) serves(p *plan, pins map[int]int) (map[string]bool, error) {
	wanted := map[string]bool{}
	queue := slices.Clone(p.root)
	for len(queue) > 0 {
		d := queue[0]
		queue = queue[1:]
		name := w.pkgs[d.pkg].name
		j, ok := pins[d.pkg]
		if !ok {
			return nil, fmt.Errorf("incomplete: %s is needed and not there", name)
		}
		v := w.pkgs[d.pkg].versions[j]
		if !d.admits(v.rank) {
			return nil, fmt.Errorf("incorrect: %s is %s, which some requirement forbids", name, ladderTexts[v.rank])
		}
		if !p.pkgs[d.pkg][j].usable {
			return nil, fmt.Errorf("incorrect: %s %s cannot be used there", name, ladderTexts[v.rank])
		}
		for _, x := range append([]string{""}, d.extras...) {
			k := name
			if x != "" {
				k += "[" + x + "]"
			}
			if !wanted[k] {
				wanted[k] = true
				queue = append(queue, p.pkgs[d.pkg][j].deps[x]...)
			}
		}
	}
	for i := range pins {
		if !wanted[w.pkgs[i].name] {
			return nil, fmt.Errorf("not minimal: nobody needs %s", w.pkgs[i].name)
		}
	}
	return wanted, nil
}

// markersOf reads the markers of a result.
func markersOf(res *Resolution) ([]pep508.Marker, error) {
	out := make([]pep508.Marker, len(res.Packages))
	for k, p := range res.Packages {
		if p.Marker == "" {
			continue
		}
		m, warnings, err := pep508.ParseMarker(p.Marker)
		if err != nil || len(warnings) > 0 {
			return nil, fmt.Errorf("marker: %q of %s: %v %v", p.Marker, p.Name, err, warnings)
		}
		out[k] = m
	}
	return out, nil
}

// pinsAt returns the pins of which the markers hold, and their packages.
func (w *mworld) pinsAt(res *Resolution, markers []pep508.Marker, env pep508.Environment) (map[int]int, []*Package, error) {
	out := map[int]int{}
	var list []*Package
	for k := range res.Packages {
		p := &res.Packages[k]
		ok, err := markers[k].Eval(env, "")
		if err != nil {
			return nil, nil, fmt.Errorf("marker: %q of %s: %v", p.Marker, p.Name, err)
		}
		if !ok {
			continue
		}
		i := slices.IndexFunc(w.pkgs, func(k mpkg) bool { return k.name == string(p.Name) })
		if i < 0 {
			return nil, nil, fmt.Errorf("unknown: package %s", p.Name)
		}
		j := slices.IndexFunc(w.pkgs[i].versions, func(v mversion) bool { return ladderTexts[v.rank] == p.Version.String() })
		if j < 0 {
			return nil, nil, fmt.Errorf("unknown: version %s %s", p.Name, p.Version)
		}
		if _, ok := out[i]; ok {
			return nil, nil, fmt.Errorf("two versions: of %s in one environment", p.Name)
		}
		out[i] = j
		list = append(list, p)
	}
	return out, list, nil
}

func describePins(res *Resolution) string {
	var b strings.Builder
	for _, p := range res.Packages {
		fmt.Fprintf(&b, "  %s%v==%s ; %s\n", p.Name, p.Extras, p.Version, p.Marker)
	}
	return b.String()
}

// checkSites holds a resolution against every site; for targets, the packages
// must have exactly the extras and files that the targets use.
func (w *mworld) checkSites(t testing.TB, res *Resolution, sites []site) error {
	extras, files := map[*Package]map[string]bool{}, map[*Package]map[string]bool{}
	markers, err := markersOf(res)
	if err != nil {
		return err
	}
	for _, s := range sites {
		env := s.environment()
		if !w.universal() {
			env = target(t, s.python(), s.platform).Environment()
		}
		pins, list, err := w.pinsAt(res, markers, env)
		if err != nil {
			return fmt.Errorf("%w at %s:\n%s", err, s, describePins(res))
		}
		wanted, err := w.serves(w.planAt([]site{s}, wide, pins), pins)
		if err != nil {
			return fmt.Errorf("%w at %s:\n%s", err, s, describePins(res))
		}
		for _, p := range list {
			if extras[p] == nil {
				extras[p], files[p] = map[string]bool{}, map[string]bool{}
			}
			for _, x := range []string{"x", "y"} {
				if wanted[string(p.Name)+"["+x+"]"] {
					extras[p][x] = true
				}
			}
			i := slices.IndexFunc(w.pkgs, func(k mpkg) bool { return k.name == string(p.Name) })
			for _, f := range w.fileFor(w.pkgs[i].versions[pins[i]], s) {
				files[p][f] = true
			}
		}
	}
	for k := range res.Packages {
		p := &res.Packages[k]
		if len(p.Via) == 0 {
			return fmt.Errorf("no via: nobody is said to ask for %s:\n%s", p.Name, describePins(res))
		}
		for _, x := range sortedKeys(extras[p]) {
			if !slices.Contains(p.Extras, pypi.Extra(x)) {
				return fmt.Errorf("extras: %s lacks %s:\n%s", p.Name, x, describePins(res))
			}
		}
		if w.universal() {
			continue
		}
		if extras[p] == nil {
			return fmt.Errorf("nowhere: the marker of %s %s holds on no target:\n%s", p.Name, p.Version, describePins(res))
		}
		if len(p.Extras) != len(extras[p]) {
			return fmt.Errorf("extras: %s has more than the %v that are wanted:\n%s", p.Name, sortedKeys(extras[p]), describePins(res))
		}
		var got []string
		for _, f := range p.Files {
			// What follows name and version: the tags, or the suffix of an sdist.
			rest := strings.TrimPrefix(f.Filename, fmt.Sprintf("%s-%s", p.Name, p.Version))
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(rest, "-"), ".whl"))
		}
		slices.Sort(got)
		if want := sortedKeys(files[p]); !slices.Equal(got, want) {
			return fmt.Errorf("files: %s has %q, want %q:\n%s", p.Name, got, want, describePins(res))
		}
	}
	return nil
}

// TestSeveralTargetsAgainstBruteForce: a lock for several targets exists
// where each of them has a solution, serves each of them exactly, and forks
// only where no choice of versions serves all.
func TestSeveralTargetsAgainstBruteForce(t *testing.T) {
	solved, forks, band := 0, 0, 0
	cases := manyCases(2000)
	eachWorld(t, cases, func(r *rand.Rand) *mworld { return randomMulti(r, 2+r.IntN(2)) }, func(w *mworld) error {
		var strict, lenient []*plan
		all, some := true, true
		for _, s := range w.sites {
			strict, lenient = append(strict, w.planAt([]site{s}, narrow, nil)), append(lenient, w.planAt([]site{s}, wide, nil))
		}
		// Targets that no marker tells apart must share one choice.
		for k := range w.sites {
			var a, b []*plan
			for l, s := range w.sites {
				if s.sys == w.sites[k].sys && s.machine == w.sites[k].machine && s.python() == w.sites[k].python() {
					a, b = append(a, strict[l]), append(b, lenient[l])
				}
			}
			all, some = all && w.possible(a...), some && w.possible(b...)
		}
		res, err := ask(t, w.universe(nil), w.request(t))
		switch {
		case err != nil && !isNoSolution(err) && !(!all && strings.Contains(err.Error(), "no marker tells")):
			return fmt.Errorf("error: %w", err)
		case err != nil && all:
			return fmt.Errorf("missed: every target has a solution, and none was found:\n%w", err)
		case err != nil:
			return nil
		case !some:
			return fmt.Errorf("false: some target has no solution:\n%s", describePins(res))
		}
		if solved++; !all {
			band++
		}
		if err := w.checkSites(t, res, w.sites); err != nil {
			return err
		}
		for k := 1; k < len(res.Packages); k++ {
			if res.Packages[k].Name == res.Packages[k-1].Name {
				forks++
				if w.possible(strict...) {
					return fmt.Errorf("needless fork: one version of each package would serve all targets:\n%s", describePins(res))
				}
				break
			}
		}
		return w.needlessPins(t, res)
	})
	t.Logf("%d solved, %d of them with several versions of a package, %d by what one target's requirements allow for another", solved, forks, band)
	lopsided(t, solved, cases)
}

// needlessPins fails if one version of a package with several pins could take
// the place of the others, with all else as it is, and is no worse a choice.
func (w *mworld) needlessPins(t testing.TB, res *Resolution) error {
	for _, p := range res.Packages {
		lax := slices.ContainsFunc(w.pkgs[p.Name[0]-'a'].versions, func(v mversion) bool {
			return ladderTexts[v.rank] == p.Version.String() && v.python >= 0
		})
		if len(versionsIn(res, p.Name)) < 2 || p.Version.IsPrerelease() || lax {
			continue
		}
		one := &Resolution{}
		for _, o := range res.Packages {
			if o.Name == p.Name {
				o.Version = p.Version
			}
			one.Packages = append(one.Packages, o)
		}
		if w.serve(t, one) {
			return fmt.Errorf("needless pin: %s %s would serve all targets:\n%s", p.Name, p.Version, describePins(res))
		}
	}
	return nil
}

// serve reports whether pins are right on every target, by the narrow reading.
func (w *mworld) serve(t testing.TB, res *Resolution) bool {
	markers, err := markersOf(res)
	if err != nil {
		return false
	}
	for _, s := range w.sites {
		pins, _, err := w.pinsAt(res, markers, target(t, s.python(), s.platform).Environment())
		if err != nil {
			return false
		}
		if _, err := w.serves(w.planAt([]site{s}, narrow, pins), pins); err != nil {
			return false
		}
	}
	return true
}

// TestUniversalAgainstBruteForce: what a universal lock pins is right in every
// environment. Where there is a choice that meets all requirements at once,
// whatever their markers, a lock is found.
func TestUniversalAgainstBruteForce(t *testing.T) {
	solved, forks, unexplained := 0, 0, 0
	cases := manyCases(2000)
	sites := map[int][]site{8: universalSites(8), 10: universalSites(10)}
	eachWorld(t, cases, func(r *rand.Rand) *mworld { return randomMulti(r, 0) }, func(w *mworld) error {
		here := sites[w.lowest]
		res, err := ask(t, w.universe(nil), w.request(t))
		if err != nil {
			if !isNoSolution(err) {
				return fmt.Errorf("error: %w", err)
			}
			if w.possible(w.planAt(here, narrow, nil)) {
				return fmt.Errorf("missed: one choice meets all requirements everywhere:\n%w", err)
			}
			unexplained++
			for _, s := range here {
				if !w.possible(w.planAt([]site{s}, narrow, nil)) {
					unexplained--
					break
				}
			}
			return nil
		}
		if solved++; res.Stats.Forks > 1 {
			forks++
		}
		return w.checkSites(t, res, here)
	})
	t.Logf("%d solved, %d of them in parts; %d without a solution where each environment has one by itself", solved, forks, unexplained)
	lopsided(t, solved, cases)
}

// TestUniversalConstraintsAgainstBruteForce: where nothing but the markers of
// constraints tells environments apart, a universal lock exists if and only if
// each environment has a solution by itself.
func TestUniversalConstraintsAgainstBruteForce(t *testing.T) {
	solved, forks := 0, 0
	cases := manyCases(1000)
	sites := map[int][]site{8: universalSites(8), 10: universalSites(10)}
	world := func(r *rand.Rand) *mworld {
		w := randomMulti(r, 0)
		w.withoutMarkers()
		w.cons = append(w.rivalConstraints(r), w.rivalConstraints(r)...)
		return w
	}
	eachWorld(t, cases, world, func(w *mworld) error {
		here := sites[w.lowest]
		res, err := ask(t, w.universe(nil), w.request(t))
		if err != nil {
			if !isNoSolution(err) {
				return fmt.Errorf("error: %w", err)
			}
			if !slices.ContainsFunc(here, func(s site) bool { return !w.possible(w.planAt([]site{s}, narrow, nil)) }) {
				return fmt.Errorf("missed: each environment has a solution:\n%w", err)
			}
			return nil
		}
		if solved++; res.Stats.Forks > 1 {
			forks++
		}
		return w.checkSites(t, res, here)
	})
	t.Logf("%d solved, %d of them in parts", solved, forks)
	lopsided(t, solved, cases)
}
