package resolver

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// shires are indexes by name, with packages that come from one of them in some
// environments: "" are the usual ones.
type shires struct {
	indexes map[string]*memory
	text    map[string]string
	homes   map[string][]string // of packages: the index on each of shirePlatforms
	request Request
}

var shirePlatforms = []struct {
	name, sys, target string
}{
	{"linux", "linux", "x86_64-manylinux_2_28"},
	{"macos", "darwin", "aarch64-apple-darwin"},
	{"windows", "win32", "x86_64-pc-windows-msvc"},
}

// randomShires has two packages with homes, and two more that they need.
func randomShires(t testing.TB, r *rand.Rand) *shires {
	s := &shires{indexes: map[string]*memory{}, text: map[string]string{}, homes: map[string][]string{}}
	tag := map[string]string{"": "py3-none-any", "x": "py310-none-any", "y": "py311-none-any"}
	for _, name := range []string{"", "x", "y"} {
		var b strings.Builder
		for _, p := range []string{"t", "u"} {
			for v := 1; v <= 3; v++ {
				if r.IntN(4) == 0 {
					continue
				}
				fmt.Fprintf(&b, "%s %d\n", p, v)
				for _, d := range []string{"a", "b", "u"} {
					if d != p && r.IntN(3) == 0 {
						fmt.Fprintf(&b, "  %s%s%d\n", d, []string{"<", ">=", "==", "!="}[r.IntN(4)], 1+r.IntN(3))
					}
				}
				fmt.Fprintf(&b, "  @wheel %s\n", tag[name])
			}
		}
		if name == "" {
			b.WriteString("a 1\na 2\n  b<2\na 3\n  b\n  t\nb 1\nb 2\nb 3\n")
		}
		s.text[name] = b.String()
	}
	s.text["mirror"] = s.text[""]
	for name, text := range s.text {
		m := newMemory(t, indextest.MustParse(text))
		for _, p := range m.projects {
			p.Index = "https://" + name + ".test/simple/"
		}
		s.indexes[name] = m
	}
	q := Request{From: map[*project.IndexSource]Index{}}
	for _, p := range []string{"t", "u"} {
		at := make([]string, len(shirePlatforms))
		for i := range at {
			at[i] = []string{"", "x", "y", "mirror"}[r.IntN(4)]
		}
		s.homes[p] = at
		for i, sys := range shirePlatforms {
			from := &project.IndexSource{Name: at[i]}
			if at[i] != "" {
				q.From[from] = s.indexes[at[i]]
			}
			req := requirement(t, p+" ; sys_platform == '"+sys.sys+"'")
			req.Index = from
			q.Requirements = append(q.Requirements, req)
		}
		if r.IntN(3) == 0 {
			q.Constraints = append(q.Constraints, requirement(t, fmt.Sprintf("%s<%d", p, 2+r.IntN(2))))
		}
	}
	if r.IntN(2) == 0 {
		q.Requirements = append(q.Requirements, requirement(t, "a"))
	}
	if q.Universal = r.IntN(2) == 0; q.Universal {
		// The rest of the platforms ask for neither.
		q.LowestPython = pep440.MustParse("3.12")
	} else {
		for i := range shirePlatforms {
			q.Targets = append(q.Targets, s.target(t, i))
		}
	}
	s.request = q
	return s
}

func (s *shires) target(t testing.TB, i int) Target {
	return target(t, "3.12", shirePlatforms[i].target)
}

// alone is the one index that a platform sees, and the request for it.
func (s *shires) alone(t testing.TB, i int) (*memory, Request) {
	m := &memory{projects: maps.Clone(s.indexes[""].projects), docs: maps.Clone(s.indexes[""].docs)}
	for p, at := range s.homes {
		from := s.indexes[at[i]]
		delete(m.projects, pypi.Name(p))
		if page := from.projects[pypi.Name(p)]; page != nil {
			m.projects[pypi.Name(p)] = page
		}
		maps.Copy(m.docs, from.docs)
	}
	q := s.request
	q.From, q.Universal, q.LowestPython = nil, false, pep440.Version{}
	q.Targets = []Target{s.target(t, i)}
	return m, q
}

func (s *shires) String() string {
	var b strings.Builder
	for _, name := range sortedKeys(s.text) {
		fmt.Fprintf(&b, "-- index %q\n%s", name, s.text[name])
	}
	for i := range s.request.Requirements {
		q := &s.request.Requirements[i]
		fmt.Fprintf(&b, "%s", q.Requirement.String())
		if q.Index != nil {
			fmt.Fprintf(&b, " from %q", q.Index.Name)
		}
		b.WriteString("\n")
	}
	for i := range s.request.Constraints {
		fmt.Fprintf(&b, "constraint %s\n", s.request.Constraints[i].Requirement.String())
	}
	fmt.Fprintf(&b, "universal %v\n", s.request.Universal)
	return b.String()
}

// judge holds a resolution against what each platform has to have: it asks of
// the pins there that they solve the platform's own problem, each from its
// index.
func (s *shires) judge(t testing.TB, res *Resolution) error {
	for i, sys := range shirePlatforms {
		m, q := s.alone(t, i)
		var pins []LockedPin
		for _, p := range res.Packages {
			if !parsedMarker(p.Marker).Applies(q.Targets[0].Environment(), "") {
				continue
			}
			if at := s.homes[string(p.Name)]; at != nil {
				page := s.indexes[at[i]].projects[p.Name]
				if page == nil || page.Release(p.Version) == nil {
					return fmt.Errorf("%s: %s %s is not on its index %q", sys.name, p.Name, p.Version, at[i])
				}
				theirs := page.Release(p.Version).Files()[0].Filename
				if p.Files[0].Filename != theirs {
					return fmt.Errorf("%s: %s %s has the file %s of another index, want %s", sys.name, p.Name, p.Version, p.Files[0].Filename, theirs)
				}
			}
			pins = append(pins, LockedPin{Name: p.Name, Version: p.Version})
		}
		v, err := Check(t.Context(), m, q, pins, CheckOptions{})
		if err != nil {
			return err
		}
		if len(v.Defects) > 0 {
			return fmt.Errorf("%s: %s", sys.name, defectText(v))
		}
	}
	return nil
}

func defectText(v *Verdict) string {
	var out []string
	for _, d := range v.Defects {
		out = append(out, fmt.Sprintf("kind %d of %s where %q: %s", d.Kind, d.Name, d.Where, d.Reason))
	}
	return strings.Join(out, "; ")
}

// pinLines are pins as text, sorted.
func pinLines(pins []LockedPin) []string {
	var out []string
	for _, p := range pins {
		out = append(out, fmt.Sprintf("%s==%s ; %s", p.Name, p.Version, p.Marker))
	}
	slices.Sort(out)
	return out
}

func unhashed(pins []LockedPin) []LockedPin {
	pins = slices.Clone(pins)
	for i := range pins {
		pins[i].Hashes = nil
	}
	return pins
}

// TestHomesAgainstEachPlatform: a package that comes from several indexes has a
// solution where each platform has one, which is a solution of each; its lock
// holds and is kept; and a lock that was edited holds if and only if it is kept
// too.
func TestHomesAgainstEachPlatform(t *testing.T) {
	solved, several, edited, kept := 0, 0, 0, 0
	cases := manyCases(300)
	for seed := range cases {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		s := randomShires(t, r)
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("case %d: %s\n%s", seed, fmt.Sprintf(format, args...), s)
		}
		possible := true
		for i := range shirePlatforms {
			m, q := s.alone(t, i)
			if _, err := Resolve(t.Context(), m, q, nil); err != nil {
				if !isNoSolution(err) {
					fail("%v", err)
				}
				possible = false
			}
		}
		res, err := Resolve(t.Context(), s.indexes[""], s.request, nil)
		if err != nil {
			if !isNoSolution(err) || possible {
				fail("each platform possible: %v; %v", possible, err)
			}
			continue
		}
		if !possible {
			fail("some platform has no solution:\n%s", describePins(res))
		}
		if solved++; len(res.Packages) > 4 {
			several++
		}
		if err := s.judge(t, res); err != nil {
			fail("%v\n%s", err, describePins(res))
		}
		pins := lockOf(res)
		if r.IntN(2) == 0 {
			pins = unhashed(pins)
		}
		same := func() bool {
			again, err := Resolve(t.Context(), s.indexes[""], prefer(s.request, pins), nil)
			if err != nil {
				fail("again: %v", err)
			}
			return slices.Equal(pinLines(pins), pinLines(lockOf(again)))
		}
		check := func() *Verdict {
			v, err := Check(t.Context(), s.indexes[""], s.request, pins, CheckOptions{})
			if err != nil {
				fail("check: %v", err)
			}
			return v
		}
		if v := check(); len(v.Defects) > 0 {
			fail("a fresh lock does not hold: %s\n%s", defectText(v), describePins(res))
		}
		if !same() {
			fail("a fresh lock is not kept:\n%s", describePins(res))
		}
		// Another version of one pin, or one pin for all, without hashes.
		pins = unhashed(pins)
		i := r.IntN(len(pins))
		if name := pins[i].Name; r.IntN(3) == 0 {
			// One pin in the place of all of the package.
			pins = slices.DeleteFunc(pins, func(p LockedPin) bool { return p.Name == name })
			pins = append(pins, LockedPin{Name: name, Version: res.Packages[i].Version, Annotated: true})
			i = len(pins) - 1
		} else {
			pins[i].Version = pep440.MustParse(fmt.Sprint(1 + r.IntN(3)))
		}
		edited++
		v, again := check(), same()
		if again {
			kept++
		}
		if again != (len(v.Defects) == 0) {
			fail("with %s==%s, kept %v: %s\n%s", pins[i].Name, pins[i].Version, again, defectText(v), describePins(res))
		}
	}
	t.Logf("%d solved, %d with several versions of a package; %d locks edited, %d of them hold", solved, several, edited, kept)
	lopsided(t, solved, cases)
}

// TestHomeClash: two indexes in one environment are refused, by name.
func TestHomeClash(t *testing.T) {
	s := &Request{From: map[*project.IndexSource]Index{}, Universal: true, LowestPython: pep440.MustParse("3.12")}
	m := newMemory(t, indextest.MustParse("t 1\n"))
	for i, marker := range []string{"sys_platform == 'linux'", "platform_machine == 'x86_64'"} {
		req := requirement(t, "t ; "+marker)
		req.Index = &project.IndexSource{Name: []string{"x", "y"}[i]}
		s.From[req.Index] = newMemory(t, indextest.MustParse("t 1\n"))
		s.Requirements = append(s.Requirements, req)
	}
	_, err := Resolve(t.Context(), m, *s, nil)
	var clash *SourceClashError
	if !errors.As(err, &clash) || clash.AtA != "the index x" || clash.AtB != "the index y" || clash.Target == "" {
		t.Errorf("%v", err)
	}
}
