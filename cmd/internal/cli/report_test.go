package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/cmd/internal/report"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
)

func TestWriteReport(t *testing.T) {
	stale := report.Lock{Service: "a", Path: "a/requirements.lock", State: report.Stale, Findings: []lockfile.Finding{{
		Rule: lockfile.PinMissing, Place: project.Place{File: "a/pyproject.toml", Line: 3}, Message: "asks for b",
	}}}
	network := failedLock("c", "c/requirements.lock", &index.UnavailableError{Err: syscall.ECONNREFUSED})
	for _, tt := range []struct {
		format           string
		locks            []report.Lock
		code             int
		stdout           string // part of it
		outputs, summary bool
	}{
		{"text", []report.Lock{{Path: "b"}}, exitYes, "b is up to date\n", false, false},
		{"text", []report.Lock{stale}, exitNo, "1 of 1 lock is stale\n", false, false},
		{"text", []report.Lock{stale, network}, exitNetwork, "c/requirements.lock failed:", false, false},
		{"text", []report.Lock{network, {State: report.Failed, Exit: exitMachine}}, exitMachine, "", false, false},
		{"text", []report.Lock{{State: report.Failed, Exit: exitInput}, {State: report.Failed, Exit: exitMachine}}, exitInput, "", false, false},
		{"json", []report.Lock{stale}, exitNo, `"file": "a/pyproject.toml"`, true, false},
		{"github", []report.Lock{stale}, exitNo, "::error file=mono/a/pyproject.toml,line=3,", true, true},
	} {
		app, stdout, stderr := testApp(t, "a 1\n")
		root := filepath.Join("repo", "mono")
		if err := errors.Join(os.MkdirAll(root, 0o755), os.Mkdir("repo/.git", 0o755)); err != nil {
			t.Fatal(err)
		}
		app.Getenv = func(name string) (string, bool) { return name, strings.HasPrefix(name, "GITHUB_") }
		g := &global{app: app}
		f := &formatFlag{}
		cmd := &cobra.Command{}
		f.register(cmd)
		if err := cmd.ParseFlags([]string{"--format=" + tt.format}); err != nil {
			t.Fatal(err)
		}
		err := g.writeReport(f.Format, &report.Report{Command: "check", Locks: tt.locks}, root)
		if got := g.exit(t.Context(), err); got != tt.code {
			t.Errorf("%s: got exit code %d, want %d", tt.format, got, tt.code)
		}
		if !strings.Contains(stdout.String(), tt.stdout) || stderr.Len() > 0 {
			t.Errorf("%s: got %s%s, want %s", tt.format, stdout, stderr, tt.stdout)
		}
		for name, want := range map[string]bool{"GITHUB_OUTPUT": tt.outputs, "GITHUB_STEP_SUMMARY": tt.summary} {
			if _, err := os.Stat(name); (err == nil) != want {
				t.Errorf("%s: %s is written: %t", tt.format, name, err == nil)
			}
		}
	}
}

func TestWriteReportFails(t *testing.T) {
	app, stdout, stderr := testApp(t, "a 1\n")
	app.Getenv = func(name string) (string, bool) { return "none/" + name, true }
	g := &global{app: app}
	f, _ := report.ParseFormat("json")
	if got := g.exit(t.Context(), g.writeReport(f, &report.Report{}, ".")); got != exitMachine {
		t.Errorf("got exit code %d: %s", got, stderr)
	}
	if stdout.Len() == 0 || !strings.Contains(stderr.String(), "none/GITHUB_OUTPUT: ") {
		t.Errorf("got %q, %q", stdout, stderr)
	}
	app.Stdout = closedPipe{}
	if got := g.exit(t.Context(), g.writeReport(f, &report.Report{}, ".")); got != exitMachine {
		t.Errorf("got exit code %d", got)
	}
}
