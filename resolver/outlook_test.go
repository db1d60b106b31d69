package resolver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

const outlookUniverse = `
plain 1
plain 2
plain 3
pre 1
pre 2
pre 3rc1
only-pre 1a1
only-pre 1a2
python 1
python 2
  @python >=3.13
upper 1
upper 2
  @python <3.12
wheel 1
wheel 2
  @wheel cp312-cp312-win32
sdist 1
sdist 2
  @sdist
new 1
new 2
  @uploaded 2026-05-01T00:00:00Z
yanked 1
yanked 2
yanked 3
  @yanked
held 1
  @yanked too bad
held 2
empty 1
empty 2
  @none
half 1
half 2
  @wheel py3-none-manylinux_2_28_x86_64
`

func TestOutlooks(t *testing.T) {
	for _, tt := range []struct {
		pin, bounds, marker string
		change              func(*Request)
		want                string
	}{
		{"plain 1", "", "", nil, "3 3"},
		{"plain 1", "<3", "", nil, "2 3"},
		{"plain 1", "<3 !=2", "", nil, "1 3"},
		{"plain 3", "", "", nil, "3 3"},
		{"plain 1", "", "", func(q *Request) { q.Resolution = Lowest }, "3 3"},
		{"plain 1", "", "", func(q *Request) {
			q.Preferences = map[pypi.Name][]Preference{"plain": {{Version: pep440.MustParse("1")}}}
		}, "3 3"},
		{"plain 9", "", "", nil, "3 3 missing: the index does not have this version"},
		{"none 1", "", "", nil, "- - missing: no index has the package"},
		{"pre 1", "", "", nil, "2 2 pre 3rc1"},
		{"pre 3rc1", "", "", nil, "3rc1 3rc1"},
		{"pre 1", "", "", func(q *Request) { q.Prerelease = Allow }, "3rc1 3rc1"},
		{"only-pre 1a1", "", "", nil, "1a2 1a2"},
		{"only-pre 1a1", "", "", func(q *Request) { q.Prerelease = Disallow }, "- 1a2 unusable: a pre-release"},
		{"python 1", "", "", nil, "1 2 unusable: requires Python >=3.13"},
		{"upper 1", "", "", nil, "1 2 unusable: requires Python <3.12"},
		{"wheel 1", "", "", nil, "1 2 unusable: no file for the target"},
		{"sdist 1", "", "", nil, "2 2"},
		{"sdist 1", "", "", func(q *Request) { q.NoBuild = true }, "1 2 unusable: only a source distribution, which must not be built"},
		{"new 1", "", "", func(q *Request) { q.ExcludeNewer = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) }, "1 2 unusable: published 2026-05-01T00:00:00Z, after the cutoff"},
		{"yanked 1", "", "", nil, "2 2"},
		{"held 1", "", "", nil, "2 2 yanked: too bad"},
		{"held 1", "==1", "", nil, "- 2 yanked: too bad"},
		{"empty 1", "", "", nil, "1 1"},
		{"half 1", "", "", func(q *Request) { q.Targets = append(q.Targets, target(t, "3.12", "aarch64-manylinux_2_28")) }, "1 2 unusable: no file for the target"},
		{"half 1", "", "platform_machine == 'x86_64'", func(q *Request) { q.Targets = append(q.Targets, target(t, "3.12", "aarch64-manylinux_2_28")) }, "2 2"},
		{"half 1", "", "", func(q *Request) {
			q.Targets, q.BestEffort = append(q.Targets, target(t, "3.12", "aarch64-manylinux_2_28")), true
		}, "2 2"},
	} {
		name, version, _ := strings.Cut(tt.pin, " ")
		p := Pinned{Name: pypi.Name(name), Version: pep440.MustParse(version)}
		for _, b := range strings.Fields(tt.bounds) {
			s, err := pep440.ParseSpecifiers(b)
			if err != nil {
				t.Fatal(err)
			}
			p.Bounds = append(p.Bounds, s)
		}
		if tt.marker != "" {
			m, _, err := pep508.ParseMarker(tt.marker)
			if err != nil {
				t.Fatal(err)
			}
			p.Marker = m
		}
		q := request(t)
		if tt.change != nil {
			tt.change(&q)
		}
		os, err := Outlooks(t.Context(), newMemory(t, indextest.MustParse(outlookUniverse)).Project, q, []Pinned{p})
		if err != nil {
			t.Fatal(err)
		}
		o := os[0]
		show := func(v pep440.Version) string {
			if v.IsZero() {
				return "-"
			}
			return v.String()
		}
		got := show(o.Allowed) + " " + show(o.Newest)
		if !o.Prerelease.IsZero() {
			got += " pre " + o.Prerelease.String()
		}
		for _, x := range []struct{ what, text string }{{"missing", o.Missing}, {"unusable", o.Unusable}, {"yanked", o.YankedReason}} {
			if x.text != "" {
				text, _, _ := strings.Cut(x.text, " (")
				got += fmt.Sprintf(" %s: %s", x.what, text)
			}
		}
		if got != tt.want {
			t.Errorf("%s, bounds %q, marker %q: got %q, want %q", tt.pin, tt.bounds, tt.marker, got, tt.want)
		}
	}
}

func TestJudge(t *testing.T) {
	m := newMemory(t, indextest.MustParse(outlookUniverse))
	for _, tt := range []struct{ name, want string }{
		{"python", "1 2:requires Python >=3.13"},
		{"yanked", "1 2"},
		{"empty", "1"},
		{"pre", "1 2 3rc1"},
	} {
		page, err := m.Project(t.Context(), pypi.Name(tt.name))
		if err != nil {
			t.Fatal(err)
		}
		js, err := Judge(page, request(t), pep508.Marker{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, j := range js {
			s := j.Version.String()
			if j.Unusable != "" {
				s += ":" + j.Unusable
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, s, tt.want)
		}
	}
}

func TestOutlooksError(t *testing.T) {
	down := errors.New("down")
	_, err := Outlooks(t.Context(), func(context.Context, pypi.Name) (*index.Project, error) { return nil, down }, request(t),
		[]Pinned{{Name: "a", Version: pep440.MustParse("1")}})
	if !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}
