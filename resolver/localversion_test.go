package resolver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// localWheels are platforms that builds are for, and their tags.
var localWheels = []struct{ target, tag string }{
	{"x86_64-manylinux_2_28", "cp312-cp312-manylinux_2_28_x86_64"},
	{"aarch64-manylinux_2_28", "cp312-cp312-manylinux_2_28_aarch64"},
	{"aarch64-apple-darwin", "cp312-cp312-macosx_11_0_arm64"},
	{"x86_64-pc-windows-msvc", "cp312-cp312-win_amd64"},
}

// randomLocals is an index with releases of t and u, with and without local
// versions, for some platforms each; those without ask for nothing.
func randomLocals(r *rand.Rand) string {
	var b strings.Builder
	for _, name := range []string{"t", "u"} {
		for v := 1; v <= 3; v++ {
			for _, local := range []string{"", "+x"} {
				if r.IntN(4) == 0 {
					continue
				}
				fmt.Fprintf(&b, "%s %d%s\n", name, v, local)
				if name == "u" && r.IntN(2) == 0 {
					fmt.Fprintf(&b, "  t==%d\n", 1+r.IntN(3))
				}
				if local != "" && r.IntN(2) == 0 {
					fmt.Fprintf(&b, "  n<%d\n", 2+r.IntN(2))
				}
				wheels := 0
				for _, w := range localWheels {
					if r.IntN(2) == 0 {
						wheels++
						fmt.Fprintf(&b, "  @wheel %s\n", w.tag)
					}
				}
				if wheels == 0 {
					b.WriteString([]string{"  @wheel py3-none-any\n", "  @sdist\n"}[r.IntN(2)])
				}
			}
		}
	}
	return b.String() + "n 1\nn 2\nn 3\nm 1\n"
}

// TestLocalVersions: where a release with a local version has no file, and the
// release without it has one and asks for nothing, nobody gets the former. A
// lock of it holds and is kept; with one more requirement, a search from its
// pins finds what one among all releases does.
func TestLocalVersions(t *testing.T) {
	solved, split := 0, 0
	cases := manyCases(300)
	for seed := range cases {
		r := rand.New(rand.NewPCG(uint64(seed), 12))
		text := randomLocals(r)
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("case %d: %s\n%s", seed, fmt.Sprintf(format, args...), text)
		}
		m := newMemory(t, indextest.MustParse(text))
		q := Request{Universal: true, LowestPython: pep440.MustParse("3.12")}
		for _, name := range []string{"t", "u", "n"} {
			if name == "t" || r.IntN(2) == 0 {
				q.Requirements = append(q.Requirements, requirement(t, name))
			}
		}
		res, err := Resolve(t.Context(), m, q, nil)
		if err != nil {
			if !isNoSolution(err) {
				fail("%v", err)
			}
			continue
		}
		solved++
		for _, w := range localWheels {
			env := target(t, "3.12", w.target).Environment()
			for _, p := range res.Packages {
				if p.Name != "t" || p.Version.Local() == "" || !parsedMarker(p.Marker).Applies(env, "") {
					continue
				}
				base := m.projects["t"].Release(p.Version.Public())
				if served(p.AllFiles, w.tag) || base == nil || base.Version.Local() != "" {
					continue
				}
				if served(filesOf(base), w.tag) {
					fail("%s gets t %s, which has no file for it, and t %s has:\n%s", w.target, p.Version, base.Version, describePins(res))
				}
			}
		}
		for i := range res.Packages[1:] {
			if res.Packages[i].Name == res.Packages[i+1].Name {
				split++
				break
			}
		}
		pins := lockOf(res)
		v, err := Check(t.Context(), m, q, pins, CheckOptions{Hashes: true})
		if err != nil || len(v.Defects) > 0 {
			fail("check: %v %s\n%s", err, defectText(v), describePins(res))
		}
		again, err := Resolve(t.Context(), m, prefer(q, pins), nil)
		if err := differ("again", full(res, nil), full(again, err)); err != nil {
			fail("%v", err)
		}
		if r.IntN(2) == 0 { // as a lock that knows of no split
			pins = slices.DeleteFunc(pins, func(p LockedPin) bool { return p.Version.Local() == "" && !p.Marker.IsTrivial() })
		}
		more := prefer(q, pins)
		more.Requirements = append(slices.Clone(more.Requirements), requirement(t, "m"))
		if err := differ("from pins", full(resolve(t.Context(), m, more, nil, false)), full(Resolve(t.Context(), m, more, nil))); err != nil {
			fail("%v", err)
		}
	}
	t.Logf("%d solved, %d with several versions of a package", solved, split)
	lopsided(t, solved, cases)
}

func filesOf(r *index.Release) []*index.File {
	var out []*index.File
	for i := range r.Files() {
		out = append(out, &r.Files()[i])
	}
	return out
}

// served reports whether one of the files is for any platform, or has the tag.
func served(files []*index.File, tag string) bool {
	return slices.ContainsFunc(files, func(f *index.File) bool {
		return f.IsSdist() || strings.HasSuffix(f.Filename, "-any.whl") || strings.HasSuffix(f.Filename, tag+".whl")
	})
}
