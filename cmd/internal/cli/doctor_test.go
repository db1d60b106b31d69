package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/lockfile"
)

// Without the program that has the doctor there is one error, which says how to
// get it; help and mistakes in flags need no other program.
func TestDoctorAbsent(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, tt := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"doctor", exitMachine, "", "error: pylock doctor is a program of its own, pylock-doctor, which is neither beside pylock nor on PATH: "},
		{"doctor --help", exitYes, "pylock doctor [ROOT]", ""},
		{"doctor --nonsense", exitInput, "", "error: unknown flag: --nonsense"},
		{"doctor a b", exitInput, "", "error: name one folder"},
		{"lint", exitInput, "", "did you mean pylock doctor"},
	} {
		var stdout, stderr bytes.Buffer
		app := New()
		app.Stdout, app.Stderr = &stdout, &stderr
		if got := app.Run(t.Context(), strings.Fields(tt.args)); got != tt.code {
			t.Errorf("%s: exit code %d, want %d", tt.args, got, tt.code)
		}
		if !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%s: printed %q and %q", tt.args, stdout.String(), stderr.String())
		}
		if n := strings.Count(stderr.String(), "\n"); n > 1 {
			t.Errorf("%s: %d lines of errors: %s", tt.args, n, stderr.String())
		}
	}
}

// patient is a doctor that finds the same in each repository.
type patient struct{ diagnosis Diagnosis }

func (patient) Rules() []lockfile.Rule { return []lockfile.Rule{{ID: "slow"}, {ID: "wrong"}} }

func (patient) Explain(id string) string { return "# " + id + "\n" }

func (p patient) Examine(context.Context, Examination) (*Diagnosis, error) { return &p.diagnosis, nil }

// Errors decide the exit code, with --strict warnings too; text from the
// repository is escaped.
func TestDoctorExit(t *testing.T) {
	slow := lockfile.Finding{Rule: lockfile.Rule{ID: "slow"}, Severity: lockfile.Warning, Message: "x\x1b[31m"}
	wrong := lockfile.Finding{Rule: lockfile.Rule{ID: "wrong"}, Severity: lockfile.Stale}
	for _, tt := range []struct {
		args     string
		findings []lockfile.Finding
		code     int
	}{
		{"doctor", nil, exitYes},
		{"doctor", []lockfile.Finding{slow}, exitYes},
		{"doctor --strict", []lockfile.Finding{slow}, exitNo},
		{"doctor", []lockfile.Finding{slow, wrong}, exitNo},
		{"doctor --ignore slow", nil, exitYes},
		{"doctor --ignore slower", nil, exitInput},
		{"doctor --explain slow", nil, exitYes},
		{"doctor --explain slower", nil, exitInput},
	} {
		t.Chdir(t.TempDir())
		var stdout, stderr bytes.Buffer
		app := New()
		app.Stdout, app.Stderr = &stdout, &stderr
		app.Doctor = patient{Diagnosis{Findings: tt.findings, Notes: []Note{{Message: "a\x1bb"}}}}
		if got := app.Run(t.Context(), strings.Fields(tt.args)); got != tt.code {
			t.Errorf("%s with %d findings: exit code %d, want %d: %s", tt.args, len(tt.findings), got, tt.code, stderr.String())
		}
		if strings.Contains(stdout.String()+stderr.String(), "\x1b") {
			t.Errorf("%s: an escape is printed: %q %q", tt.args, stdout.String(), stderr.String())
		}
	}
}
