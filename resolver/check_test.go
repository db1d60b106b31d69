package resolver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// locked reads pins: "a==1 ; marker|b==2".
func locked(text string) []LockedPin {
	var pins []LockedPin
	for line := range strings.SplitSeq(text, "|") {
		pin, marker, _ := strings.Cut(line, " ; ")
		name, version, _ := strings.Cut(pin, "==")
		pins = append(pins, LockedPin{Name: pypi.Name(name), Version: pep440.MustParse(version), Marker: parsedMarker(marker)})
	}
	return pins
}

func (v *Verdict) node(i int) string {
	if i < 0 {
		return "-"
	}
	return string(v.Packages[i].Name)
}

// TestEdges: who asks for what, sorted, with places, chains and environments.
func TestEdges(t *testing.T) {
	const universe = `
web 1
  core>=1
  speed; extra == "fast"
core 1
  leaf; sys_platform == "win32"
  web[fast]
leaf 1
speed 1
base 1
`
	q := request(t, "web[fast]", "core<2", "libs")
	q.Universal, q.LowestPython = true, pep440.MustParse("3.12")
	for i := range q.Requirements {
		q.Requirements[i].Place.Line = i + 1
	}
	base := requirement(t, "base>=1")
	base.Place = project.Place{File: "libs/pyproject.toml", Line: 7}
	q.Requirements[2].Path = "/libs"
	q.Locals = []project.Local{{Name: "libs", Version: pep440.MustParse("0.1"), Dir: "/libs", Rel: "libs", Requirements: []project.Requirement{base}}}
	v, err := Check(t.Context(), newMemory(t, indextest.MustParse(universe)), q,
		locked("base==1|core==1|leaf==1 ; sys_platform == 'win32'|speed==1|web==1"), CheckOptions{})
	if err != nil || len(v.Defects) > 0 {
		t.Fatal(err, v.Defects)
	}
	var got []string
	for i := range v.Edges {
		e := &v.Edges[i]
		var chain []string
		for _, c := range v.Chain(i) {
			chain = append(chain, v.node(v.Edges[c].Parent))
		}
		got = append(got, strings.Join(strings.Fields(fmt.Sprintf("%s[%s] %s -> %s %s %s (%s)", v.node(e.Parent), e.Extra, e.Requirement, v.node(e.Child), e.Where, e.Place(), strings.Join(chain, " "))), " "))
	}
	want := []string{
		"-[] core<2 -> core requirements.in:2:1 (-)",
		"-[] libs -> libs requirements.in:3:1 (-)",
		"-[] web[fast] -> web requirements.in:1:1 (-)",
		"core[] leaf -> leaf sys_platform == 'win32' (- core)",
		"core[] web[fast] -> web (- core)",
		"web[] core>=1 -> core (- web)",
		"web[fast] speed -> speed (- web)",
		"libs[] base>=1 -> base libs/pyproject.toml:7 (- libs)",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := &v.Packages[4]; !p.Needed || p.Where != "" || fmt.Sprint(p.Extras) != "[fast]" || len(p.Requires) != 2 || !p.Found {
		t.Errorf("web: %+v", p)
	}
	if p := &v.Packages[2]; p.Where != "sys_platform == 'win32'" || p.Cause != 3 {
		t.Errorf("leaf: %+v", p)
	}
}

// broken is an index of which some answers are errors.
type broken struct {
	*memory
	versions, metadata map[pypi.Name]error
}

func (b *broken) Versions(ctx context.Context, name pypi.Name, pins []index.Pinned) (*index.Project, error) {
	if err := b.versions[name]; err != nil {
		return nil, err
	}
	return b.memory.Versions(ctx, name, pins)
}

func (b *broken) MetadataOf(ctx context.Context, p *index.Project, r *index.Release, f *index.File) (*index.Metadata, error) {
	if err := b.metadata[p.Name]; err != nil {
		return nil, err
	}
	return b.memory.MetadataOf(ctx, p, r, f)
}

// TestCheckErrors: what the index could not tell is an error, not a finding;
// what it tells of a file is a finding, but for a wrong hash.
func TestCheckErrors(t *testing.T) {
	down := &index.UnavailableError{URL: "https://index.test/", Err: errors.New("down")}
	unusable := &index.UnusableError{URL: "https://index.test/", Err: errors.New("broken")}
	hash := &index.UnusableError{URL: "https://index.test/", Err: &index.HashError{Algorithm: "sha256", Want: "a", Got: "b"}}
	for _, tt := range []struct {
		name               string
		versions, metadata error
		want               string
	}{
		{"fine", nil, nil, "[]"},
		{"not there", &index.NotFoundError{Name: "b"}, nil, "[b 7]"},
		{"down", down, nil, "b 1: https://index.test/ is not available"},
		{"metadata down", nil, down, "b 1: https://index.test/ is not available"},
		{"metadata broken", nil, unusable, "[b 8]"},
		{"a build", nil, index.ErrNeedsBuild, "[b 8]"},
		{"a wrong hash", nil, hash, "SECURITY ERROR"},
		{"interrupted", context.Canceled, nil, "b 1: context canceled"},
	} {
		ix := &broken{newMemory(t, indextest.MustParse("a 1\n  b\nb 1\n  c\nc 1\n")), map[pypi.Name]error{"b": tt.versions}, map[pypi.Name]error{"b": tt.metadata}}
		v, err := Check(t.Context(), ix, request(t, "a"), locked("a==1|b==1|c==1"), CheckOptions{})
		got := fmt.Sprint(err)
		if err == nil {
			var kinds []string
			for _, d := range v.Defects {
				kinds = append(kinds, fmt.Sprintf("%s %d", d.Name, d.Kind))
			}
			got = fmt.Sprint(kinds)
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
