package resolver

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

var (
	oracleCases = flag.Int("oracle.cases", 3000, "random universes to compare with brute force")
	oracleSeed  = flag.Uint64("oracle.seed", 0, "seed of the random universes; 0 takes one at random")
)

// world is a random universe in a form that brute force can judge without
// any of the code under test: versions are indexes, and whether a marker
// holds is known because it was made so.
type world struct {
	pkgs  []wpkg
	root  []wdep
	cons  []wdep
	overs []wdep
	pre   PrereleaseMode
	mode  Mode
}

type wpkg struct {
	name     string
	versions []wversion
}

type wversion struct {
	text    string
	deps    []wdep
	extras  []string
	refused bool // by Requires-Python, a foreign wheel, or missing metadata
	yanked  bool
	pre     bool
	raw     []string // directives
}

type wdep struct {
	pkg    int
	allow  []bool // by version of pkg
	spec   string
	exact  bool
	extras []string
	under  string // the extra that switches it on; "" for none
	marker string
	holds  bool
}

var versionTexts = []string{"1.0", "1.1", "1.2rc1", "1.2", "2.0.dev1", "2.0", "2.0.post1", "3.0b1"}

func randomWorld(r *rand.Rand) *world {
	w := &world{pre: PrereleaseMode(r.IntN(5)), mode: Mode(r.IntN(3))}
	n := 2 + r.IntN(5)
	for i := range n {
		p := wpkg{name: string(rune('a' + i))}
		for _, t := range versionTexts {
			if r.IntN(3) == 0 {
				v := pep440.MustParse(t)
				p.versions = append(p.versions, wversion{text: t, pre: v.IsPrerelease()})
			}
		}
		w.pkgs = append(w.pkgs, p)
	}
	for i := range w.pkgs {
		for j := range w.pkgs[i].versions {
			v := &w.pkgs[i].versions[j]
			for _, x := range []string{"x", "y"} {
				if r.IntN(3) == 0 {
					v.extras = append(v.extras, x)
					v.raw = append(v.raw, "@extra "+x)
				}
			}
			for range r.IntN(3) {
				d := w.randomDep(r)
				if d.pkg == i {
					continue
				}
				if len(v.extras) > 0 && r.IntN(2) == 0 {
					d.under = v.extras[r.IntN(len(v.extras))]
				}
				v.deps = append(v.deps, d)
			}
			if len(v.extras) == 2 && r.IntN(4) == 0 {
				// An extra that switches on the other one.
				v.deps = append(v.deps, wdep{pkg: i, allow: all(len(w.pkgs[i].versions)), extras: []string{"y"}, under: "x", holds: true})
			}
			switch r.IntN(14) {
			case 0:
				v.refused = true
				v.raw = append(v.raw, "@python >=3.13")
			case 1:
				v.raw = append(v.raw, "@python >=3.8,<3.12") // lax
			case 2:
				v.refused = true
				v.raw = append(v.raw, "@wheel cp312-cp312-win_amd64")
			case 3:
				v.yanked = true
				v.raw = append(v.raw, "@yanked broken")
			case 4:
				v.refused = true
				v.raw = append(v.raw, "@sdist dynamic")
			case 5:
				v.raw = append(v.raw, "@wheel cp312-cp312-win_amd64", "@sdist")
			}
		}
	}
	for range 1 + r.IntN(3) {
		w.root = append(w.root, w.randomDep(r))
	}
	for range r.IntN(3) {
		if r.IntN(2) == 0 {
			d := w.randomDep(r)
			d.extras = nil
			w.cons = append(w.cons, d)
		}
	}
	if r.IntN(5) == 0 {
		d := w.randomDep(r)
		w.overs = append(w.overs, d)
	}
	return w
}

func all(n int) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = true
	}
	return out
}

func (w *world) randomDep(r *rand.Rand) wdep {
	d := wdep{pkg: r.IntN(len(w.pkgs)), holds: true}
	vs := w.pkgs[d.pkg].versions
	d.allow = all(len(vs))
	pick := func() (int, string) { i := r.IntN(len(vs)); return i, vs[i].text }
	if len(vs) > 0 {
		// Bounds whose meaning does not hang on the fine print of PEP 440.
		switch r.IntN(6) {
		case 0:
			i, t := pick()
			d.spec = ">=" + t
			for k := range vs {
				d.allow[k] = k >= i
			}
		case 1:
			i, t := pick()
			d.spec = "<=" + t
			for k := range vs {
				d.allow[k] = k <= i
			}
		case 2:
			i, t := pick()
			d.spec, d.exact = "=="+t, true
			for k := range vs {
				d.allow[k] = k == i
			}
		case 3:
			i, t := pick()
			d.spec = "!=" + t
			for k := range vs {
				d.allow[k] = k != i
			}
		case 4:
			i, t := pick()
			j, u := pick()
			d.spec = ">=" + t + ",<=" + u
			for k := range vs {
				d.allow[k] = k >= i && k <= j
			}
		}
	}
	if r.IntN(4) == 0 {
		d.extras = []string{[]string{"x", "y"}[r.IntN(2)]}
	}
	switch r.IntN(6) {
	case 0:
		d.marker, d.holds = "sys_platform == 'win32'", false
	case 1:
		d.marker = "python_version >= '3.10'"
	case 2:
		d.marker, d.holds = "python_full_version < '3.12' and os_name == 'posix'", false
	}
	return d
}

func (w *world) text(d wdep) string {
	s := w.pkgs[d.pkg].name
	if len(d.extras) > 0 {
		s += "[" + strings.Join(d.extras, ",") + "]"
	}
	s += d.spec
	var m []string
	if d.marker != "" {
		m = append(m, d.marker)
	}
	if d.under != "" {
		m = append(m, fmt.Sprintf("extra == '%s'", d.under))
	}
	if len(m) > 0 {
		s += " ; " + strings.Join(m, " and ")
	}
	return s
}

func (w *world) universe() string {
	var b strings.Builder
	for _, p := range w.pkgs {
		for _, v := range p.versions {
			fmt.Fprintf(&b, "%s %s\n", p.name, v.text)
			for _, d := range v.deps {
				fmt.Fprintf(&b, "  %s\n", w.text(d))
			}
			for _, raw := range v.raw {
				fmt.Fprintf(&b, "  %s\n", raw)
			}
		}
	}
	return b.String()
}

// possible searches exhaustively for a choice of versions.
func (w *world) possible() bool {
	usable := func(i, j int) bool {
		v := w.pkgs[i].versions[j]
		if v.refused {
			return false
		}
		exact, explicit := false, false
		note := func(d wdep, con bool) {
			if d.pkg != i || !d.holds {
				return
			}
			exact = exact || !con && d.exact && d.allow[j]
			for _, s := range strings.Split(d.spec, ",") {
				if s != "" && !strings.HasPrefix(s, "!=") && pep440.MustParse(strings.TrimLeft(s, "<>=")).IsPrerelease() {
					explicit = true
				}
			}
		}
		for _, d := range w.root {
			note(d, false)
		}
		for _, d := range w.overs {
			note(d, false)
		}
		for _, d := range w.cons {
			note(d, true)
		}
		if v.yanked && !exact {
			return false
		}
		if v.pre && (w.pre == Disallow || w.pre == Explicit && !explicit) {
			return false
		}
		for _, c := range w.cons {
			if c.pkg == i && c.holds && !c.allow[j] {
				return false
			}
		}
		return true
	}
	chosen := make([]int, len(w.pkgs)) // version + 1, 0 for open
	wants := make([]map[string]bool, len(w.pkgs))
	for i := range wants {
		wants[i] = map[string]bool{}
	}
	replace := func(d wdep) []wdep {
		out, hit := []wdep(nil), false
		for _, o := range w.overs {
			if o.pkg == d.pkg {
				hit = true
				if o.holds {
					o.under = ""
					out = append(out, o)
				}
			}
		}
		if hit {
			return out
		}
		return []wdep{d}
	}
	var meet func(queue []wdep) bool
	// active returns what version j of package i asks for because of one
	// extra, or without any.
	active := func(i, j int, x string) []wdep {
		var out []wdep
		for _, d := range w.pkgs[i].versions[j].deps {
			if d.holds && d.under == x {
				out = append(out, replace(d)...)
			}
		}
		return out
	}
	meet = func(queue []wdep) bool {
		if len(queue) == 0 {
			return true
		}
		d, rest := queue[0], queue[1:]
		try := func(j int) bool {
			if !d.allow[j] {
				return false
			}
			next := append([]wdep(nil), rest...)
			var added []string
			for _, x := range d.extras {
				if !wants[d.pkg][x] {
					wants[d.pkg][x] = true
					added = append(added, x)
					next = append(next, active(d.pkg, j, x)...)
				}
			}
			fresh := chosen[d.pkg] == 0
			if fresh {
				chosen[d.pkg] = j + 1
				next = append(next, active(d.pkg, j, "")...)
			}
			ok := meet(next)
			if fresh {
				chosen[d.pkg] = 0
			}
			for _, x := range added {
				delete(wants[d.pkg], x)
			}
			return ok
		}
		if chosen[d.pkg] > 0 {
			return try(chosen[d.pkg] - 1)
		}
		for j := range w.pkgs[d.pkg].versions {
			if usable(d.pkg, j) && try(j) {
				return true
			}
		}
		return false
	}
	var queue []wdep
	for _, d := range w.root {
		if d.holds {
			queue = append(queue, replace(d)...)
		}
	}
	return meet(queue)
}

func TestAgainstBruteForce(t *testing.T) {
	seed := *oracleSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d, %d cases", seed, *oracleCases)
	solved := 0
	for i := range *oracleCases {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		w := randomWorld(r)
		q := Request{Targets: []Target{target(t, "3.12", "x86_64-manylinux_2_28")}, Prerelease: w.pre, Resolution: w.mode}
		add := func(list *[]wdep, into *[]string) {
			for _, d := range *list {
				*into = append(*into, w.text(d))
			}
		}
		var root, cons, overs []string
		add(&w.root, &root)
		add(&w.cons, &cons)
		add(&w.overs, &overs)
		for _, s := range root {
			q.Requirements = append(q.Requirements, requirement(t, s))
		}
		for _, s := range cons {
			q.Constraints = append(q.Constraints, requirement(t, s))
		}
		for _, s := range overs {
			q.Overrides = append(q.Overrides, requirement(t, s))
		}
		if r.IntN(3) == 0 {
			q.Preferences = map[pypi.Name][]Preference{}
			for _, p := range w.pkgs {
				if len(p.versions) == 0 {
					continue
				}
				// A pin of an existing lock allows a yanked version, which brute force does not know.
				if v := p.versions[r.IntN(len(p.versions))]; !v.yanked {
					q.Preferences[pypi.Name(p.name)] = []Preference{{Version: pep440.MustParse(v.text)}}
				}
			}
		}
		u, err := indextest.Parse(w.universe())
		if err != nil {
			t.Fatal(err)
		}
		describe := func() string {
			return fmt.Sprintf("seed %d case %d\n%sroot %q constraints %q overrides %q prerelease %s resolution %s preferences %v",
				seed, i, w.universe(), root, cons, overs, w.pre, w.mode, q.Preferences)
		}
		res, err := Resolve(t.Context(), newMemory(t, u), q, nil)
		var none *NoSolutionError
		switch {
		case errors.As(err, &none):
			if w.possible() {
				t.Fatalf("%s\nthere is a solution, and none was found:\n%v", describe(), err)
			}
			if strings.TrimSpace(none.Report) == "" {
				t.Fatalf("%s\nempty report", describe())
			}
		case err != nil:
			t.Fatalf("%s\n%v", describe(), err)
		default:
			// Resolve has verified the solution; brute force must know one too.
			solved++
			if !w.possible() {
				t.Fatalf("%s\nfound %s where there is no solution", describe(), pins(res))
			}
		}
	}
	t.Logf("%d solved, %d without a solution", solved, *oracleCases-solved)
	if *oracleCases >= 1000 && (solved < *oracleCases/10 || solved > *oracleCases*9/10) {
		t.Errorf("%d of %d solved: the random universes are lopsided", solved, *oracleCases)
	}
}
