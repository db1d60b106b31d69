package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

func newInit(g *global) *cobra.Command {
	dry := false
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write the settings of a repository",
		Long: `Write a [tool.pylock] table for the services that are found into the root's
pyproject.toml, or into a .pylock.toml where there is none, and print snippets
for a Makefile and for CI.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return runInit(cmd.Context(), g, dir, dry)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print the table, and write nothing")
	return cmd
}

func runInit(_ context.Context, g *global, dir string, dry bool) error {
	p := g.printer()
	w, err := project.OpenWorkspace(dir)
	if err != nil {
		return err
	}
	if len(w.Values) > 0 {
		return usagef("%s has settings already: see them with pylock config", slashed(relativeToHere(w.Root)))
	}
	services, err := w.Services()
	if err != nil {
		return err
	}
	if len(services) == 0 {
		return usagef("%s: no folder below has a pyproject.toml with a [project] table: add one first", slashed(relativeToHere(w.Root)))
	}
	file := filepath.Join(w.Root, "pyproject.toml")
	old, exists, err := lockfile.ReadFile(file, g.app.FS)
	if err != nil {
		return err
	}
	text, header := old, "[tool.pylock]\n"
	if !exists {
		file, text, header = filepath.Join(w.Root, ".pylock.toml"), nil, ""
	}
	if len(text) > 0 {
		text = append(bytes.TrimRight(text, "\r\n"), "\n\n"...)
	}
	table := header + "services = " + patterns(services) + "\n"
	text = append(text, table...)
	if bytes.Contains(old, []byte("\r\n")) {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}
	name := slashed(relativeToHere(file))
	if !dry {
		if _, err := lockfile.WriteFile(file, text, g.app.FS); err != nil {
			return err
		}
		// What is written must mean what was found.
		again, err := project.OpenWorkspace(w.Root)
		if err == nil {
			var found []*project.Service
			if found, err = again.Services(); err == nil && len(found) != len(services) {
				err = fmt.Errorf("%d services are listed and %d were found", len(found), len(services))
			}
		}
		if err != nil {
			undo := func() (err error) {
				if exists {
					_, err = lockfile.WriteFile(file, old, g.app.FS)
					return err
				}
				return g.app.FS.Remove(file)
			}
			if undone := undo(); undone != nil {
				return undone
			}
			return fmt.Errorf("%s is as it was, since a table for pylock does not fit in: write it by hand: %w", name, err)
		}
		p.infof("Wrote %s: %s", name, count(int64(len(services)), "service"))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n%s", name, table)
	b.WriteString("\n# Makefile\n.PHONY: locks check-locks\nlocks: ## after a change to a pyproject.toml\n\tpylock compile\ncheck-locks: ## in CI\n\tpylock check\n")
	if _, err := os.Stat(filepath.Join(w.Root, ".gitlab-ci.yml")); err == nil {
		b.WriteString("\n# .gitlab-ci.yml\nlocks:\n  image: golang:1.26\n  script:\n    - go install " + module + "@latest\n    - pylock check --format gitlab > locks.json\n  artifacts:\n    when: always\n    reports:\n      codequality: locks.json\n")
	} else {
		b.WriteString("\n# .github/workflows/locks.yml\nname: locks\non: [push, pull_request]\njobs:\n  check:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - uses: actions/setup-go@v5\n        with:\n          go-version: '1.26'\n      - run: go install " + module + "@latest\n      - run: pylock check --format github\n")
	}
	return g.print([]byte(b.String()))
}

// module is what `go install` builds.
const module = "github.com/pylock-dev/pylock/cmd/pylock"

// patterns lists services as TOML: a folder all of whose services were found
// as a pattern, others by path.
func patterns(services []*project.Service) string {
	var list []string
	parents := map[string]int{}
	for _, s := range services {
		parents[path.Dir(s.Rel)]++
	}
	done := map[string]bool{}
	for _, s := range services {
		parent := path.Dir(s.Rel)
		switch {
		case parent == "." || parents[parent] < 2 || !onlyServices(filepath.Dir(s.Dir), parents[parent]):
			list = append(list, tomlString(literal(s.Rel)))
		case !done[parent]:
			done[parent] = true
			list = append(list, tomlString(literal(parent)+"/*"))
		}
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// literal is the pattern that a path alone matches.
func literal(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

// onlyServices reports whether no other folder in dir has a pyproject.toml.
func onlyServices(dir string, n int) bool {
	found, err := filepath.Glob(filepath.Join(dir, "*", "pyproject.toml"))
	return err == nil && len(found) == n
}

// tomlString quotes a path, which holds no control characters that a basic
// string would not escape.
func tomlString(s string) string { return fmt.Sprintf("%q", project.Escape(s)) }
