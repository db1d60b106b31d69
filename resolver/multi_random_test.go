package resolver

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomMulti makes a world for several targets, or a universal one if n is 0.
func randomMulti(r *rand.Rand, n int) *mworld {
	w := &mworld{pre: PrereleaseMode(r.IntN(5)), mode: Mode(r.IntN(3))}
	if n == 0 {
		w.lowest = []int{8, 10}[r.IntN(2)]
		w.fork = ForkStrategy(r.IntN(2))
	}
	for len(w.sites) < n {
		s := platformSites[r.IntN(len(platformSites))]
		p := targetPythons[r.IntN(len(targetPythons))]
		if s.minor, s.patch = p[0], p[1]; !slices.Contains(w.sites, s) {
			w.sites = append(w.sites, s)
		}
	}
	if n > 1 && r.IntN(12) == 0 {
		// No marker tells musl from glibc.
		i := r.IntN(n)
		s := platformSites[0]
		s.minor, s.patch = w.sites[i].minor, w.sites[i].patch
		w.sites[i] = s
		s.musl, s.platform = true, "x86_64-unknown-linux-musl"
		k := (i + 1) % n
		w.sites[k] = s
		if n > 2 && w.sites[3-i-k] == w.sites[i] {
			w.sites = slices.Delete(w.sites, 3-i-k, 4-i-k)
		}
	}
	for i := range 2 + r.IntN(5) {
		p := mpkg{name: string(rune('a' + i))}
		for rank := range ladderTexts {
			if r.IntN(3) == 0 {
				p.versions = append(p.versions, mversion{rank: rank, python: -1})
			}
		}
		w.pkgs = append(w.pkgs, p)
	}
	for i := range w.pkgs {
		for j := range w.pkgs[i].versions {
			w.fill(r, i, &w.pkgs[i].versions[j])
		}
	}
	for range 1 + r.IntN(3) {
		w.root = append(w.root, w.randomDep(r))
	}
	if r.IntN(3) == 0 {
		w.root = append(w.root, w.rivals(r)...)
	}
	for range r.IntN(3) {
		d := w.randomDep(r)
		d.extras = nil
		w.cons = append(w.cons, d)
	}
	if r.IntN(4) == 0 {
		w.cons = append(w.cons, w.rivalConstraints(r)...)
	}
	if r.IntN(5) == 0 {
		for range 1 + r.IntN(2) {
			w.overs = append(w.overs, w.randomDep(r))
		}
	}
	return w
}

func (w *mworld) fill(r *rand.Rand, pkg int, v *mversion) {
	for _, x := range []string{"x", "y"} {
		if r.IntN(3) == 0 {
			v.extras = append(v.extras, x)
		}
	}
	deps := []mdep{}
	for range r.IntN(4) {
		deps = append(deps, w.randomDep(r))
	}
	if r.IntN(8) == 0 {
		deps = append(deps, w.rivals(r)...)
	}
	for _, d := range deps {
		if len(v.extras) > 0 && r.IntN(2) == 0 {
			d.under = v.extras[r.IntN(len(v.extras))]
			d.or = d.marker >= 0 && r.IntN(5) == 0
		}
		if d.pkg == pkg && (len(d.extras) == 0 || r.IntN(3) > 0) {
			continue
		}
		v.deps = append(v.deps, d)
	}
	if r.IntN(5) == 0 {
		v.python = r.IntN(len(knownPythons))
	}
	switch r.IntN(6) {
	case 0:
		for range 1 + r.IntN(3) {
			if k := r.IntN(len(knownWheels)); !slices.Contains(v.wheels, k) {
				v.wheels = append(v.wheels, k)
			}
		}
		if r.IntN(3) == 0 {
			v.sdist = []string{"static", "dynamic"}[r.IntN(2)]
		}
	case 1:
		if r.IntN(3) == 0 {
			v.sdist = []string{"static", "dynamic"}[r.IntN(2)]
		}
	}
	v.yanked = r.IntN(14) == 0
}

func (w *mworld) randomDep(r *rand.Rand) mdep {
	d := mdep{pkg: r.IntN(len(w.pkgs)), marker: -1}
	rank := func() int {
		if vs := w.pkgs[d.pkg].versions; len(vs) > 0 && r.IntN(8) > 0 {
			return vs[r.IntN(len(vs))].rank
		}
		return r.IntN(len(ladderTexts))
	}
	switch r.IntN(7) {
	case 0:
		d.spec = []clause{{">=", rank()}}
	case 1:
		d.spec = []clause{{"<=", rank()}}
	case 2:
		d.spec = []clause{{"==", rank()}}
	case 3:
		d.spec = []clause{{"!=", rank()}}
	case 4:
		d.spec = []clause{{">=", rank()}, {"<=", rank()}}
	case 5:
		if r.IntN(2) == 0 {
			d.spec = []clause{{"*", rank()}, {"!=", rank()}}
		}
	}
	if r.IntN(4) == 0 {
		d.extras = []string{[]string{"x", "y"}[r.IntN(2)]}
	}
	if r.IntN(5) < 2 {
		d.marker = r.IntN(len(knownMarkers))
	}
	return d
}

// rivals are two requirements on a package that hold in different places.
func (w *mworld) rivals(r *rand.Rand) []mdep {
	a, b := w.randomDep(r), w.randomDep(r)
	for range 20 {
		if len(w.pkgs[a.pkg].versions) > 1 {
			break
		}
		a = w.randomDep(r)
	}
	vs := w.pkgs[a.pkg].versions
	if len(vs) == 0 {
		return nil
	}
	b.pkg = a.pkg
	a.spec = []clause{{[]string{"==", "<="}[r.IntN(2)], vs[r.IntN(len(vs))].rank}}
	b.spec = []clause{{[]string{"==", ">="}[r.IntN(2)], vs[r.IntN(len(vs))].rank}}
	pair := [][2]string{
		{"sys_platform == 'win32'", "sys_platform != 'win32'"},
		{"python_version >= '3.12'", "python_version < '3.12'"},
		{"python_version == '3.11'", "python_version > '3.11'"},
		{"sys_platform == 'linux'", "sys_platform == 'darwin'"},
		{"platform_machine == 'x86_64'", "platform_system != 'Darwin'"},
	}[r.IntN(5)]
	find := func(text string) int {
		return slices.IndexFunc(knownMarkers, func(k known) bool { return k.text == text })
	}
	a.marker, b.marker = find(pair[0]), find(pair[1])
	return []mdep{a, b}
}

// rivalConstraints are two constraints on a package that hold in different
// places.
func (w *mworld) rivalConstraints(r *rand.Rand) []mdep {
	ds := w.rivals(r)
	for i := range ds {
		ds[i].extras = nil
	}
	return ds
}

// withoutMarkers takes away all that differs between environments.
func (w *mworld) withoutMarkers() {
	strip := func(ds []mdep) {
		for i := range ds {
			ds[i].marker, ds[i].or = -1, false
		}
	}
	strip(w.root)
	strip(w.cons)
	strip(w.overs)
	for i := range w.pkgs {
		for j := range w.pkgs[i].versions {
			v := &w.pkgs[i].versions[j]
			v.python, v.wheels, v.sdist = -1, nil, ""
			strip(v.deps)
		}
	}
}

// lopsided fails a long run of which hardly any case, or nearly every one, has a solution.
func lopsided(t *testing.T, solved, cases int) {
	t.Helper()
	if cases >= 1000 && (solved < cases/10 || solved > cases*9/10) {
		t.Errorf("%d of %d solved: the random universes are lopsided", solved, cases)
	}
}

// manyCases returns how many universes to try: the flag's number if one was given.
func manyCases(standard int) int {
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "oracle.cases" {
			standard = *oracleCases
		}
	})
	return standard
}

// maxReports is how many failures of one property are reported.
const maxReports = 5

// shortSeed is the seed of -short, by which a change is judged on its own and
// not on luck; without it, and in make oracle, each run has new worlds.
const shortSeed = 20261124

// eachWorld runs a property over random worlds, and reports those that do not
// have it in the smallest form that can be found, one of each kind. The text
// of an error up to its first colon is its kind.
func eachWorld(t *testing.T, cases int, make func(*rand.Rand) *mworld, property func(*mworld) error) {
	t.Helper()
	seed := *oracleSeed
	switch {
	case seed != 0:
	case testing.Short():
		seed = shortSeed
	default:
		seed = rand.Uint64()
	}
	t.Logf("seed %d, %d cases", seed, cases)
	failures := map[string]int{}
	for i := range cases {
		w := make(rand.New(rand.NewPCG(seed, uint64(i))))
		err := property(w)
		if err == nil {
			continue
		}
		if failures[kind(err)]++; failures[kind(err)] == 1 {
			small := shrink(w, kind(err), property)
			t.Errorf("seed %d case %d; the smallest form:\n%s%v", seed, i, small, property(small))
		}
		if len(failures) == maxReports {
			break
		}
	}
	for _, k := range sortedKeys(failures) {
		t.Logf("%d of the kind %q", failures[k], k)
	}
}

func kind(err error) string {
	if err == nil {
		return ""
	}
	k, _, _ := strings.Cut(err.Error(), ":")
	return k
}

// shrink takes away what the failure does not need.
func shrink(w *mworld, want string, property func(*mworld) error) *mworld {
	for again := true; again; {
		again = false
		for cut := range w.smaller {
			if kind(property(cut)) == want {
				w, again = cut, true
				break
			}
		}
	}
	return w
}

func (w *mworld) clone() *mworld {
	c := *w
	c.pkgs = slices.Clone(w.pkgs)
	for i := range c.pkgs {
		c.pkgs[i].versions = slices.Clone(c.pkgs[i].versions)
		for j := range c.pkgs[i].versions {
			v := &c.pkgs[i].versions[j]
			v.deps, v.wheels, v.extras = slices.Clone(v.deps), slices.Clone(v.wheels), slices.Clone(v.extras)
		}
	}
	c.root, c.cons, c.overs, c.sites = slices.Clone(w.root), slices.Clone(w.cons), slices.Clone(w.overs), slices.Clone(w.sites)
	return &c
}

// smaller yields worlds with one thing less.
func (w *mworld) smaller(yield func(*mworld) bool) {
	cut := func(change func(*mworld)) bool {
		c := w.clone()
		change(c)
		return yield(c)
	}
	list := func(of func(*mworld) *[]mdep) bool {
		for k, d := range *of(w) {
			if !cut(func(c *mworld) { l := of(c); *l = slices.Delete(*l, k, k+1) }) {
				return false
			}
			at := func(c *mworld) *mdep { return &(*of(c))[k] }
			if d.marker >= 0 && !cut(func(c *mworld) { at(c).marker, at(c).or = -1, false }) ||
				len(d.spec) > 0 && !cut(func(c *mworld) { at(c).spec = nil }) ||
				len(d.spec) > 1 && !cut(func(c *mworld) { at(c).spec = at(c).spec[:1] }) ||
				len(d.spec) > 1 && !cut(func(c *mworld) { at(c).spec = at(c).spec[1:] }) ||
				len(d.extras) > 0 && !cut(func(c *mworld) { at(c).extras = nil }) ||
				d.under != "" && !cut(func(c *mworld) { at(c).under, at(c).or = "", false }) {
				return false
			}
		}
		return true
	}
	for k := range w.sites {
		if len(w.sites) > 1 && !cut(func(c *mworld) { c.sites = slices.Delete(c.sites, k, k+1) }) {
			return
		}
	}
	for i := range w.pkgs {
		if len(w.pkgs[i].versions) > 0 && !cut(func(c *mworld) { c.pkgs[i].versions = nil }) {
			return
		}
	}
	for i, p := range w.pkgs {
		for j, v := range p.versions {
			at := func(c *mworld) *mversion { return &c.pkgs[i].versions[j] }
			if !cut(func(c *mworld) { c.pkgs[i].versions = slices.Delete(c.pkgs[i].versions, j, j+1) }) ||
				v.python >= 0 && !cut(func(c *mworld) { at(c).python = -1 }) ||
				v.yanked && !cut(func(c *mworld) { at(c).yanked = false }) ||
				v.sdist != "" && !cut(func(c *mworld) { at(c).sdist = "" }) ||
				len(v.wheels) > 0 && !cut(func(c *mworld) { at(c).wheels = nil }) ||
				len(v.wheels) > 1 && !cut(func(c *mworld) { at(c).wheels = at(c).wheels[1:] }) ||
				len(v.wheels) > 1 && !cut(func(c *mworld) { at(c).wheels = at(c).wheels[:len(at(c).wheels)-1] }) ||
				len(v.extras) > 0 && !cut(func(c *mworld) { at(c).extras = nil }) ||
				!list(func(c *mworld) *[]mdep { return &at(c).deps }) {
				return
			}
		}
	}
	_ = list(func(c *mworld) *[]mdep { return &c.root }) && list(func(c *mworld) *[]mdep { return &c.cons }) &&
		list(func(c *mworld) *[]mdep { return &c.overs }) &&
		(w.mode == Highest || cut(func(c *mworld) { c.mode = Highest })) &&
		(w.pre == Allow || cut(func(c *mworld) { c.pre = Allow })) &&
		(w.prefs == nil || cut(func(c *mworld) { c.prefs = nil }))
}
