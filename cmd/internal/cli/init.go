package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
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
	libraries, err := w.Libraries()
	if err != nil {
		return err
	}
	services = withoutLibraries(services, libraries)
	if len(services) == 0 {
		return usagef("%s: no folder below has a pyproject.toml with a [project] table: add one first", slashed(relativeToHere(w.Root)))
	}
	file := filepath.Join(w.Root, "pyproject.toml")
	old, exists, err := lockfile.ReadFile(file, g.app.FS)
	if err != nil {
		return err
	}
	text, header, sources := old, "[tool.pylock]\n", "[tool.pylock.sources]\n"
	if !exists {
		file, text, header, sources = filepath.Join(w.Root, ".pylock.toml"), nil, "", "[sources]\n"
	}
	if len(text) > 0 {
		text = append(bytes.TrimRight(text, "\r\n"), "\n\n"...)
	}
	table := header + "services = " + patterns(services) + "\n"
	if len(libraries) > 0 {
		table += "\n" + sources
		for _, lib := range libraries {
			table += fmt.Sprintf("%s = { path = %s }\n", lib.Name, tomlString(lib.Rel))
		}
	}
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
			var unsourced []project.Library
			if found, err = again.Services(); err == nil && len(found) != len(services) {
				err = fmt.Errorf("%d services are listed and %d were found", len(found), len(services))
			}
			if err == nil {
				unsourced, err = again.Libraries()
			}
			if err == nil && len(unsourced) > 0 {
				err = fmt.Errorf("the source of %s has no effect", unsourced[0].Name)
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
	for _, lib := range libraries {
		p.infof("%s", aboutLibrary(lib, services))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n%s", name, table)
	fmt.Fprintf(&b, "\n# Makefile\n%s", makeSnippet)
	if _, err := os.Stat(filepath.Join(w.Root, ".gitlab-ci.yml")); err == nil {
		fmt.Fprintf(&b, "\n# .gitlab-ci.yml\n%s", gitlabSnippet)
	} else {
		fmt.Fprintf(&b, "\n# .github/workflows/locks.yml\n%s", githubSnippet)
	}
	return g.print([]byte(b.String()))
}

// withoutLibraries drops the services that others depend on and that have no
// lock, as [project.Workspace.Services] does for those with a source. Where
// they all depend on each other, all stay.
func withoutLibraries(services []*project.Service, libraries []project.Library) []*project.Service {
	var out []*project.Service
	for _, s := range services {
		_, err := os.Stat(filepath.Join(s.Dir, project.LockName))
		if err == nil || !slices.ContainsFunc(libraries, func(lib project.Library) bool { return lib.Dir == s.Dir }) {
			out = append(out, s)
		}
	}
	if out == nil {
		return services
	}
	return out
}

// aboutLibrary tells what becomes of a package that others depend on.
func aboutLibrary(lib project.Library, services []*project.Service) string {
	who := lib.Askers[0].File
	files := map[string]bool{}
	for _, at := range lib.Askers {
		files[at.File] = true
	}
	verb := "asks"
	if n := len(files) - 1; n == 1 {
		who, verb = who+" and another ask", ""
	} else if n > 1 {
		who, verb = fmt.Sprintf("%s and %d others ask", who, n), ""
	}
	s := fmt.Sprintf("%s is %s: %s for it, so it has a source", lib.Name, lib.Rel, strings.TrimSpace(who+" "+verb))
	if !slices.ContainsFunc(services, func(s *project.Service) bool { return s.Dir == lib.Dir }) {
		s += " and no lock of its own"
	}
	return s
}

// What docs/ci.md shows, as a test holds.
const (
	makeSnippet = `.PHONY: locks check-locks

locks:
	pylock compile

check-locks:
	pylock check
`
	gitlabSnippet = `locks:
  image: golang:1.26
  script:
    - go install github.com/pylock-dev/pylock/cmd/pylock@latest # better a version
    - pylock check --format gitlab > gl-code-quality-report.json
  artifacts:
    when: always
    reports:
      codequality: gl-code-quality-report.json
`
	githubSnippet = `name: locks

on:
  pull_request:
  push:
    branches: [main]

permissions:
  contents: read

jobs:
  locks:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
        with:
          persist-credentials: false
      - uses: pylock-dev/pylock@v0 # a commit is safer than a tag
`
)

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
