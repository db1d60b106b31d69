package lockfile

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// pages makes the pages of a universe, wheels for any platform alone.
func pagesOf(t testing.TB, text string) func(context.Context, pypi.Name) (*index.Project, error) {
	u := indextest.MustParse(text)
	return func(_ context.Context, name pypi.Name) (*index.Project, error) {
		for _, p := range u.Projects {
			if p.Name != string(name) {
				continue
			}
			out := &index.Project{Name: name}
			for _, r := range p.Releases {
				file := fmt.Sprintf("%s-%s-py3-none-any.whl", p.Name, r.Version)
				w, err := dist.ParseWheel(file)
				if err != nil {
					t.Fatal(err)
				}
				f := index.File{Filename: file, RequiresPython: r.RequiresPython, Yanked: r.Yanked, YankedReason: r.YankedReason, Wheel: &w}
				if f.Python, err = dist.ParseRequiresPython(r.RequiresPython); err != nil {
					t.Fatal(err)
				}
				out.Releases = append(out.Releases, index.NewRelease(pep440.MustParse(r.Version), f))
			}
			return out, nil
		}
		return nil, fmt.Errorf("%s: %w", name, index.ErrNotFound)
	}
}

// TestOutdated runs each archive of testdata/outdated: graph and universe in;
// text, json and direct out.
func TestOutdated(t *testing.T) {
	golden(t, "outdated", func(t *testing.T, files map[string][]byte) map[string]string {
		g := parseGraph(t, string(files["graph"]))
		platform, err := tags.ParsePlatform("x86_64-manylinux_2_28")
		if err != nil {
			t.Fatal(err)
		}
		q := resolver.Request{Targets: []resolver.Target{{Python: pep440.MustParse("3.12"), Platform: platform}}}
		got := map[string]string{}
		for _, name := range []string{"text", "json", "direct"} {
			o, err := FindOutdated(t.Context(), g, pagesOf(t, string(files["universe"])), q, name == "direct")
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if name == "json" {
				err = OutdatedJSON(&b, []*Outdated{o})
				conforms(t, "outdated", b.Bytes())
			} else {
				err = OutdatedText(&b, []*Outdated{o, o}[:1], false)
			}
			if err != nil {
				t.Fatal(err)
			}
			got[name] = b.String()
		}
		return got
	})
}
