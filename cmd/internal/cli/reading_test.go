package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// twoServices are api, which asks for a and c<2, and worker, which asks for b;
// both a and b ask for c, b for an old one.
func twoServices(t *testing.T, g *global) *reading {
	pin := func(name, version string) lockfile.Node {
		return lockfile.Node{Name: pypi.Name(name), Version: pep440.MustParse(version), Place: project.Place{File: "x.lock", Line: 3}}
	}
	edge := func(from, to int, text string) lockfile.Edge {
		r, _, err := pep508.ParseRequirement(text)
		if err != nil {
			t.Fatal(err)
		}
		e := lockfile.Edge{From: from, To: to, Requirement: r}
		if from == lockfile.FromProject {
			e.Place = project.Place{File: "pyproject.toml", Line: 7}
		}
		return e
	}
	graphs := map[string]*lockfile.Graph{
		"api": lockfile.NewGraph("api", "api/requirements.lock", []lockfile.Node{pin("a", "1"), pin("c", "1.5")},
			[]lockfile.Edge{edge(-1, 0, "a"), edge(-1, 1, "c<2"), edge(0, 1, "c>=1")}),
		"worker": lockfile.NewGraph("worker", "worker/requirements.lock", []lockfile.Node{pin("b", "1"), pin("c", "1.0")},
			[]lockfile.Edge{edge(-1, 0, "b"), edge(0, 1, "c<1.5")}),
	}
	return &reading{
		locks: func(_ context.Context, args []string) ([]string, error) {
			if len(args) == 0 {
				return []string{"api", "worker"}, nil
			}
			for _, a := range args {
				if graphs[a] == nil {
					return nil, usagef("%s is no service: there are api and worker", a)
				}
			}
			return slices.Clone(args), nil
		},
		graph: func(_ context.Context, s string) (*lockfile.Graph, error) { return graphs[s], nil },
		world: func(context.Context, string) (pages, resolver.Request, error) {
			c, err := g.indexClient()
			if err != nil {
				return nil, resolver.Request{}, err
			}
			platform, err := tags.ParsePlatform("x86_64-manylinux_2_28")
			return c.Project, resolver.Request{Targets: []resolver.Target{{Python: pep440.MustParse("3.12"), Platform: platform}}}, err
		},
	}
}

// readingRoot is the command line with another source of locks.
func readingRoot(g *global, r *reading) *cobra.Command {
	root := newRoot(g)
	for _, c := range []*cobra.Command{newTree(g, r), newWhy(g, r), newOutdated(g, r), newCoherence(g, r)} {
		for _, real := range root.Commands() {
			if real.Name() == c.Name() {
				root.RemoveCommand(real)
			}
		}
		root.AddCommand(c)
	}
	return root
}

func TestReading(t *testing.T) {
	const universe = "a 1\nb 1\nb 2\n  @python >=3.13\nc 1.0\n  @yanked broken\nc 1.5\nc 1.6\nc 2.0\n"
	for _, tt := range []struct {
		args string
		code int
		want string // of both outputs, or a part of them after "…"
	}{
		{"tree api", 0, "api (api/requirements.lock)\n├── a 1 pyproject.toml:7\n│   └── c 1.5 [>=1]\n└── c 1.5 [<2] pyproject.toml:7\n"},
		{"tree --depth 1 --ascii --no-bounds", 0, "api (api/requirements.lock)\n|-- a 1\n`-- c 1.5\n\nworker (worker/requirements.lock)\n`-- b 1\n"},
		{"tree -i -p C -p a", 0, "c 1.5\n├── api [<2] pyproject.toml:7\n└── a 1 [>=1]\n    └── api pyproject.toml:7\n\na 1\n└── api pyproject.toml:7\n\nc 1.0\n└── b 1 [<1.5]\n    └── worker pyproject.toml:7\n"},
		{"tree -p b", 0, "b 1\n└── c 1.0 [<1.5]\n"},
		{"tree -p nope", 1, "error: none of api/requirements.lock, worker/requirements.lock has nope: check the spelling\n"},
		{"tree api -p b", 1, "error: api/requirements.lock does not have b: check the spelling\n"},
		{"tree -p -x", 2, "…invalid project name"},
		{"tree nope", 2, "error: nope is no service: there are api and worker\n"},
		{"tree --format json", 0, "…\"services\": ["},
		{"why", 2, "…name a package"},
		{"why nope", 1, "…has nope"},
		{"why c --paths 0", 2, "…give 1 at least"},
		{"why c worker", 0, "c 1.0 (x.lock:3)\n\n1 path leads to it:\n  worker asks for b (pyproject.toml:7)\n    b 1 asks for c<1.5\n\nbounds:\n  <1.5  b 1\n\nnewer releases:\n  1.5 to 2.0  excluded by c<1.5 of b 1\n"},
		{"why b --offline", 0, "b 1 (x.lock:3)\n\n1 path leads to it:\n  worker asks for b (pyproject.toml:7)\n\nbounds:\n  any version  worker (pyproject.toml:7)\n"},
		{"why b", 0, "…\n  2  requires Python >=3.13\n"},
		{"why c --format json", 0, "…\"pins\": ["},
		{"outdated", 0, `api (api/requirements.lock)
package  locked  allowed  newest  why
c        1.5     1.6      2.0     c<2 of api (pyproject.toml:7)

worker (worker/requirements.lock)
package  locked  allowed  newest  why
c        1.0     -        2.0     yanked: broken; c<1.5 of b 1
b        1       1        2       requires Python >=3.13
`},
		{"outdated worker --direct --exit-code", 1, "worker (worker/requirements.lock)\npackage  locked  allowed  newest  why\nb        1       1        2       requires Python >=3.13\n"},
		{"outdated --format json", 0, "…\"services\": ["},
		{"coherence", 0, "c\n  1.5  api\n  1.0  worker  c<1.5 of b 1\n"},
		{"coherence --exit-code", 1, "c\n  1.5  api\n  1.0  worker  c<1.5 of b 1\n"},
		{"coherence api --exit-code", 0, "1 lock, and each package has one version\n"},
		{"coherence --format json", 0, "…\"packages\": ["},
	} {
		t.Run(tt.args, func(t *testing.T) {
			app, stdout, stderr := testApp(t, universe)
			g := &global{app: app}
			root := readingRoot(g, twoServices(t, g))
			root.SetArgs(strings.Fields(tt.args))
			if code := g.exit(t.Context(), root.ExecuteContext(t.Context())); code != tt.code {
				t.Errorf("got exit code %d, want %d", code, tt.code)
			}
			got := stdout.String() + stderr.String()
			if part, ok := strings.CutPrefix(tt.want, "…"); ok && !strings.Contains(got, part) || !ok && got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if strings.Contains(tt.args, "json") && !json.Valid(stdout.Bytes()) {
				t.Error("the output is no JSON")
			}
		})
	}
}

// Why a package is there can be told without an index.
func TestWhyIndexDown(t *testing.T) {
	app, stdout, stderr := testApp(t, "a 1\n")
	app.Getenv = func(name string) (string, bool) {
		if name == "UV_DEFAULT_INDEX" {
			return "http://127.0.0.1:1/simple/", true
		}
		return "", false
	}
	g := &global{app: app}
	root := readingRoot(g, twoServices(t, g))
	root.SetArgs([]string{"why", "a"})
	if code := g.exit(t.Context(), root.ExecuteContext(t.Context())); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	if got := stderr.String(); !strings.HasPrefix(got, "warning: newer releases of a are not known: ") {
		t.Errorf("got %q", got)
	}
	if got := stdout.String(); !strings.HasPrefix(got, "a 1 (x.lock:3)\n") || strings.Contains(got, "newer") {
		t.Errorf("got %q", got)
	}
}

// A failure of one service is that of the command.
func TestReadingErrors(t *testing.T) {
	app, stdout, stderr := testApp(t, "a 1\n")
	for _, c := range []string{"tree", "why a", "outdated", "coherence"} {
		stderr.Reset()
		g := &global{app: app}
		r := twoServices(t, g)
		r.graph = func(context.Context, string) (*lockfile.Graph, error) {
			return nil, &project.InputError{Place: project.Place{File: "x.lock", Line: 2}, Msg: "is broken"}
		}
		root := readingRoot(g, r)
		root.SetArgs(strings.Fields(c))
		if code := g.exit(t.Context(), root.ExecuteContext(t.Context())); code != 2 {
			t.Errorf("%s: got exit code %d", c, code)
		}
		if got := stdout.String() + stderr.String(); got != "error: x.lock:2: is broken\n" {
			t.Errorf("%s: got %q", c, got)
		}
	}
}
