package pylock

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Inputs reach the shell as variables, and every input does.
func TestActionInputs(t *testing.T) {
	data, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`^        PYLOCK_[A-Z]+: \$\{\{ inputs\.([a-z-]+) \}\}$`)
	passed := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		m := variable.FindStringSubmatch(line)
		switch {
		case m != nil:
			passed[m[1]] = true
		case strings.Contains(line, "inputs."):
			t.Errorf("an input is used elsewhere than in a variable: %s", line)
		case strings.Contains(line, "run:") && strings.Contains(line, "${{"):
			t.Errorf("an expression is part of a script: %s", line)
		}
	}
	_, inputs, _ := strings.Cut(string(data), "\ninputs:\n")
	inputs, _, _ = strings.Cut(inputs, "\noutputs:\n")
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+):$`).FindAllStringSubmatch(inputs, -1) {
		n++
		if !passed[m[1]] {
			t.Errorf("the input %s goes nowhere", m[1])
		}
	}
	if n < 7 {
		t.Errorf("found %d inputs", n)
	}
}

// The hooks run for every file that may change what a lock should be, and for
// the locks.
func TestHookFiles(t *testing.T) {
	data, err := os.ReadFile(".pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	patterns := regexp.MustCompile(`(?m)^  files: (.*)$`).FindAllStringSubmatch(string(data), -1)
	if len(patterns) != strings.Count(string(data), "- id: ") || len(patterns) == 0 {
		t.Fatalf("%d patterns", len(patterns))
	}
	for _, m := range patterns {
		files := regexp.MustCompile(m[1])
		for _, name := range []string{
			"pyproject.toml", "services/api/pyproject.toml", ".pylock.toml", "pylock.toml", "services/api/pylock.api.toml",
			"services/api/requirements.lock", "requirements-dev.lock", "dev.lock",
			"requirements.in", "services/api/requirements-dev.txt", "dev-requirements.txt", "requirements/base.in",
			"constraints.txt", "services/api/constraints-dev.txt", "overrides.txt", "excludes.txt",
			".python-version", "services/api/.python-version", "uv.toml", "services/api/uv.toml",
			"Dockerfile", "services/api/Dockerfile.prod", "docker/api.Dockerfile", "Containerfile",
		} {
			if !files.MatchString(name) {
				t.Errorf("%s is not matched", name)
			}
		}
		for _, name := range []string{"main.py", "README.md", "services/api/config.toml", "notes.txt", "setup.cfg", "xpyproject.toml", "docker-compose.yml"} {
			if files.MatchString(name) {
				t.Errorf("%s is matched", name)
			}
		}
	}
}

// The script of the action, with a pylock that prints its arguments, one a
// line, writes a lock and exits with STUB_CODE.
const stub = `#!/bin/sh
printf '%s\n' "$@"
for f in $STUB_WRITES; do mkdir -p "$(dirname "$f")"; date +%N >>"$f"; done
exit $STUB_CODE
`

func TestActionScript(t *testing.T) {
	for _, tool := range []string{"bash", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	script, err := filepath.Abs("tools/action.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name           string
		env            []string
		code           int
		stdout, report string // report is that of the format sarif
		outputs        string
	}{
		{name: "check", stdout: "check\n--format=github\n--\n"},
		{
			name:   "arguments stay words",
			env:    []string{"PYLOCK_SERVICES=services/a b\n\n  $(touch evil); x  \n--strict", "PYLOCK_ARGS=--strict\n--x=*"},
			stdout: "check\n--format=github\n--strict\n--x=*\n--\nservices/a b\n$(touch evil); x\n--strict\n",
		},
		{name: "stale", env: []string{"STUB_CODE=1", "PYLOCK_FORMAT=text"}, code: 1, stdout: "check\n--format=text\n--\n"},
		{
			name: "sarif", env: []string{"STUB_CODE=1", "PYLOCK_FORMAT=sarif"}, code: 1, report: "check\n--format=sarif\n--\n",
			outputs: "report-file=TEMP/pylock-report.sarif\nsarif-file=TEMP/pylock-report.sarif\n",
		},
		{
			name:   "compile",
			env:    []string{"PYLOCK_COMMAND=compile", "PYLOCK_SERVICES=a", `STUB_WRITES=requirements.lock b/requirements.lock a/requirements.lock a/requirements-dev.lock a/other.lock c"/pylock.c.toml`},
			stdout: "compile\n--\na\n", outputs: "drift=true\nchanged-services=[\".\",\"a\",\"b\",\"c\\\"\"]\n",
		},
		{name: "nothing to compile", env: []string{"PYLOCK_COMMAND=compile"}, stdout: "compile\n--\n", outputs: "drift=false\nchanged-services=[]\n"},
		{name: "no solution", env: []string{"PYLOCK_COMMAND=compile", "STUB_CODE=3"}, code: 3, stdout: "compile\n--\n", outputs: "drift=false\nchanged-services=[]\n"},
		{name: "another command", env: []string{"PYLOCK_COMMAND=version; touch evil"}, code: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			temp, work := t.TempDir(), t.TempDir()
			if err := os.MkdirAll(filepath.Join(temp, "pylock"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(temp, "pylock", "pylock"), []byte(stub), 0o755); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("git", "init", "-q", work).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			outputs := filepath.Join(temp, "outputs")
			cmd := exec.Command("bash", script, "run")
			cmd.Dir = work
			cmd.Env = append(os.Environ(), "RUNNER_TEMP="+temp, "GITHUB_OUTPUT="+outputs, "STUB_CODE=0", "STUB_WRITES=")
			cmd.Env = append(cmd.Env, tt.env...)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			stdout, err := cmd.Output()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("got exit code %d, want %d: %v %s", code, tt.code, err, &stderr)
			}
			if string(stdout) != tt.stdout {
				t.Errorf("got %q, want %q", stdout, tt.stdout)
			}
			got, _ := os.ReadFile(outputs)
			if s := strings.ReplaceAll(string(got), temp, "TEMP"); s != tt.outputs {
				t.Errorf("got outputs %q, want %q", s, tt.outputs)
			}
			report, _ := os.ReadFile(filepath.Join(temp, "pylock-report.sarif"))
			if string(report) != tt.report {
				t.Errorf("got report %q, want %q", report, tt.report)
			}
			if _, err := os.Stat(filepath.Join(work, "evil")); err == nil {
				t.Error("text of an input has run")
			}
		})
	}
}

// The blocks of pages that name a file are that file.
func TestPagesShowFiles(t *testing.T) {
	for _, page := range []string{"docs/ci.md", "docs/docker.md"} {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)<!-- file (\\S+) -->\n```[a-z]+\n(.*?)```\n").FindAllStringSubmatch(string(data), -1)
		if len(blocks) == 0 {
			t.Errorf("there is no block in %s", page)
		}
		for _, m := range blocks {
			want, err := os.ReadFile(m[1])
			if err != nil {
				t.Error(err)
			} else if m[2] != string(want) {
				t.Errorf("%s in %s is not as the file", m[1], page)
			}
		}
	}
}
