package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// transcript is a command of a page and what the page says that it prints.
type transcript struct {
	line    int
	command string
	output  string // "" where the page shows none
}

// transcripts returns the commands of a page in their order: those behind "$ "
// in indented blocks, with the lines below them, and those that a reader does
// by hand, in comments: <!-- run COMMAND -->.
func transcripts(page string) []transcript {
	var out []transcript
	open := false // the lines that come are of the last command
	n := 0
	for line := range strings.Lines(page) {
		n++
		text, indented := strings.CutPrefix(line, "    ")
		command, given := strings.CutPrefix(text, "$ ")
		by, hand := strings.CutPrefix(line, "<!-- run ")
		switch {
		case indented && given:
			out = append(out, transcript{n, strings.TrimSpace(command), ""})
			open = true
		case hand:
			out = append(out, transcript{n, strings.TrimSuffix(strings.TrimSpace(by), " -->"), ""})
			open = false
		case indented && open:
			out[len(out)-1].output += text
		default:
			open = false
		}
	}
	return out
}

// figures are the times and the numbers of packages, which come from the
// index of the day.
var figures = regexp.MustCompile(`\d+\.\d s|\d+ packages?`)

// docs/monorepo.md is followed command by command, against an index that has
// what the services of examples/monorepo ask for, and little else.
func TestMonorepoPage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the edits of the page are made with GNU sed")
	}
	for _, tool := range []string{"bash", "git", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, "docs/monorepo.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	steps := transcripts(page)
	work := t.TempDir()
	server := indextest.Serve(t, indextest.MustParse(monorepoUniverse(t, root)), indextest.PyPI())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"work/pylock": root, "bin/pylock": self} {
		name = filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	// One shell for all, as the reader has; each output ends with a line that
	// nothing prints.
	const end = "-- end of output --"
	var script strings.Builder
	script.WriteString("exec 2>&1\n")
	for _, s := range steps {
		fmt.Fprintf(&script, "%s\ncode=$?\necho '%s'\n(exit $code)\n", s.command, end)
	}
	cmd := exec.Command("bash", "-c", script.String())
	cmd.Dir = filepath.Join(work, "work")
	cmd.Env = append(ownEnviron(), envNow+"="+startTime, "UV_DEFAULT_INDEX="+server.SimpleURL(), "PYLOCK_CACHE_DIR="+t.TempDir(),
		"PATH="+filepath.Join(work, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	got := strings.Split(string(out), end+"\n")
	if len(got) != len(steps)+1 {
		t.Fatalf("%d outputs of %d commands:\n%s", len(got)-1, len(steps), out)
	}
	shown := 0
	for i, s := range steps {
		if s.output != "" {
			shown++
		}
		if !showsOutput(s.output, got[i]) {
			t.Errorf("docs/monorepo.md:%d: %s\nprints:\n%s\nand not:\n%s", s.line, s.command, got[i], s.output)
		}
	}
	if shown < 6 {
		t.Errorf("the page shows the output of %d commands", shown)
	}
	// The table that the page shows is the file.
	_, table, _ := strings.Cut(page, "```toml\n")
	table, _, _ = strings.Cut(table, "```\n")
	written, err := os.ReadFile(filepath.Join(work, "work/trial/pyproject.toml"))
	if err != nil || string(written) != table {
		t.Errorf("pyproject.toml is\n%s\nand not\n%s%v", written, table, err)
	}
}

// showsOutput reports whether a page shows what a command printed, figures
// aside: all of it, or up to a line that holds an ellipsis alone.
func showsOutput(shown, got string) bool {
	shown, got = figures.ReplaceAllString(shown, "N"), figures.ReplaceAllString(got, "N")
	if head, cut := strings.CutSuffix(shown, "…\n"); cut {
		return strings.HasPrefix(got, head)
	}
	return shown == got
}

// monorepoUniverse has what the projects of examples/monorepo ask for, in a
// hundred versions, so that every bound admits some, with the extras that they
// name; and one dependency of a dependency that the page tells of.
func monorepoUniverse(t *testing.T, root string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "examples/monorepo/*/*/pyproject.toml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no services", err)
	}
	item := regexp.MustCompile(`(?m)^    "(.*)",$`)
	extras := map[string]map[string]bool{"tenacity": {}}
	for _, file := range append(files, filepath.Join(root, "examples/monorepo/shared/pyproject.toml")) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range item.FindAllStringSubmatch(string(data), -1) {
			r, _, err := pep508.ParseRequirement(m[1])
			if err != nil {
				t.Fatal(err)
			}
			if extras[string(r.Name)] == nil {
				extras[string(r.Name)] = map[string]bool{}
			}
			for _, e := range r.Extras {
				extras[string(r.Name)][string(e)] = true
			}
		}
	}
	delete(extras, "shared")
	var b strings.Builder
	for name, of := range extras {
		for major := range 100 {
			fmt.Fprintf(&b, "%s %d.99\n", name, major)
			if name == "langchain" {
				b.WriteString("  tenacity\n")
			}
			for e := range of {
				fmt.Fprintf(&b, "  @extra %s\n", e)
			}
		}
	}
	return b.String()
}
