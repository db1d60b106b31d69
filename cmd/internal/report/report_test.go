package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

var update = flag.Bool("update", false, "write the goldens of testdata anew")

func finding(rule lockfile.Rule, pkg pypi.Name, place project.Place, message string) lockfile.Finding {
	return lockfile.Finding{Rule: rule, Severity: rule.Severity, Package: pkg, Place: place, Message: message}
}

// sample has each state, and text that each format has to escape.
func sample() *Report {
	api := project.Place{File: "services/api/pyproject.toml", Line: 14, Column: 5}
	unmet := finding(lockfile.PinUnmet, "httpx", api, "asks for httpx>=0.28, the lock has httpx==0.27.2")
	unmet.Fix = "pylock compile services/api"
	extra := finding(lockfile.PinMissing, "hiredis", project.Place{File: "services/api/pyproject.toml", Line: 15, Column: 5}, "asks for redis[hiredis]>=5, the lock has no hiredis")
	extra.Where, extra.Fix = "linux aarch64", unmet.Fix
	old := finding(lockfile.PinSuperfluous, "idna", project.Place{File: "services/api/requirements.lock", Line: 40, Column: 1}, "nothing asks for idna 3.6 & <its> friends, 100% sure")
	old.Fix = unmet.Fix
	yanked := finding(lockfile.Yanked, "idna", project.Place{File: "services/web/requirements.lock", Line: 7}, "idna 3.6 was yanked: \"see https://bob:secret@example.org/|why\"")
	raised := finding(lockfile.Archived, "left-pad", project.Place{}, "left-pad is archived")
	raised.Severity = lockfile.Stale
	missing := finding(lockfile.LockMissing, "", project.Place{File: "services/agents one/pyproject.toml"}, "services/agents one has no lock")
	missing.Fix = "pylock compile 'services/agents one'"
	return &Report{Command: "check", Locks: []Lock{
		{Service: "web", Path: "services/web/requirements.lock", Findings: []lockfile.Finding{yanked}},
		{Service: "api", Path: "services/api/requirements.lock", State: Stale, Findings: []lockfile.Finding{old, unmet, extra, raised}},
		{Service: "worker", Path: "services/worker/requirements.lock", State: Failed, Exit: 2, Error: "services/worker/pyproject.toml:3:1: want a table\n    dependencies\n    ^\n"},
		{Service: "agents one", Path: "services/agents one/requirements.lock", State: Stale, Findings: []lockfile.Finding{missing}},
		{Service: "cron", Path: "services/cron/requirements.lock"},
	}}
}

// render writes a report with all that the options can ask for.
func render(t testing.TB, format Format, r *Report, o Options) (out, summary, outputs string) {
	t.Helper()
	dir := t.TempDir()
	o.SummaryFile, o.OutputFile = filepath.Join(dir, "summary"), filepath.Join(dir, "output")
	var b bytes.Buffer
	if err := Write(&b, format, r, o); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return string(data)
	}
	return b.String(), read(o.SummaryFile), read(o.OutputFile)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is stale: go test ./cmd/internal/report -update\ngot:\n%s", name, got)
	}
}

func TestGoldens(t *testing.T) {
	for _, f := range Formats {
		out, summary, outputs := render(t, f, sample(), Options{Version: "1.2.3", Prefix: "mono"})
		golden(t, "sample."+f.String(), out)
		if f.String() == "github" {
			golden(t, "summary.md", summary)
			golden(t, "outputs", outputs)
		} else if summary != "" {
			t.Errorf("%s wrote a job summary", f)
		}
		if outputs == "" {
			t.Errorf("%s wrote no outputs", f)
		}
	}
}

// The order of locks and findings is no matter, and the report stays as it is.
func TestOrder(t *testing.T) {
	for _, f := range Formats {
		want, _, _ := render(t, f, sample(), Options{})
		r := sample()
		slices.Reverse(r.Locks)
		for _, l := range r.Locks {
			slices.Reverse(l.Findings)
		}
		before := fmt.Sprint(r)
		if got, _, _ := render(t, f, r, Options{}); got != want {
			t.Errorf("%s depends on the order:\n%s\n%s", f, got, want)
		}
		if fmt.Sprint(r) != before {
			t.Errorf("%s changes the report", f)
		}
	}
}

func TestSummaryLine(t *testing.T) {
	warning := []lockfile.Finding{finding(lockfile.Yanked, "a", project.Place{}, "yanked")}
	for _, tt := range []struct {
		locks []Lock
		want  string
	}{
		{nil, "no lock to check"},
		{[]Lock{{}}, "the lock is up to date"},
		{[]Lock{{}, {Findings: warning}}, "all 2 locks are up to date, 1 warning"},
		{[]Lock{{State: Stale}, {}}, "1 of 2 locks is stale"},
		{[]Lock{{State: Stale}, {State: Stale}, {State: Failed}}, "2 of 3 locks are stale, 1 failed"},
		{[]Lock{{State: Failed}}, "1 of 1 lock failed"},
	} {
		if got := (&Report{Command: "check", Locks: tt.locks}).summary(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestQuiet(t *testing.T) {
	text, _ := ParseFormat("text")
	out, _, _ := render(t, text, sample(), Options{Quiet: true})
	if strings.Contains(out, "services/cron") || !strings.Contains(out, "services/web") {
		t.Errorf("got %s", out)
	}
}

func TestParseFormat(t *testing.T) {
	for _, name := range Names() {
		if f, err := ParseFormat(name); err != nil || f.String() != name {
			t.Errorf("%s: got %s, %v", name, f, err)
		}
	}
	if _, err := ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "junit") {
		t.Errorf("got %v", err)
	}
}

// many is a report with n stale locks of m findings and a warning each.
func many(n, m int) *Report {
	r := &Report{Command: "check"}
	for i := range n {
		l := Lock{Service: fmt.Sprintf("s%04d", i), Path: fmt.Sprintf("s%04d/requirements.lock", i), State: Stale}
		for j := range m {
			l.Findings = append(l.Findings, finding(lockfile.PinUnmet, pypi.NormalizeName(fmt.Sprintf("p%d", j)), project.Place{File: l.Path, Line: j + 1}, "outside"))
		}
		l.Findings = append(l.Findings, finding(lockfile.Yanked, "y", project.Place{File: l.Path, Line: 1}, "yanked"))
		r.Locks = append(r.Locks, l)
	}
	return r
}

// GitHub shows ten annotations of a level: as many findings, else as many
// locks, the last of which tells how many are left.
func TestAnnotationLimits(t *testing.T) {
	github, _ := ParseFormat("github")
	for _, tt := range []struct{ locks, findings, errors, warnings int }{
		{1, 1, 1, 1}, {1, 10, 10, 1}, {1, 11, 1, 1}, {2, 5, 10, 2}, {2, 6, 2, 2}, {10, 1, 10, 10}, {11, 1, 10, 10}, {300, 40, 10, 10},
	} {
		out, _, _ := render(t, github, many(tt.locks, tt.findings), Options{})
		errors, warnings := strings.Count(out, "\n::error "), strings.Count(out, "\n::warning ")
		if errors != tt.errors || warnings != tt.warnings {
			t.Errorf("%d locks with %d findings: got %d errors, %d warnings, want %d, %d", tt.locks, tt.findings, errors, warnings, tt.errors, tt.warnings)
		}
		if tt.locks > maxAnnotations && !strings.Contains(out, fmt.Sprintf("::%d more locks", tt.locks-9)) {
			t.Errorf("%d locks: nothing tells of the rest", tt.locks)
		}
	}
}

// The limit of a summary counts what the step has written before.
func TestSummaryLimit(t *testing.T) {
	github, _ := ParseFormat("github")
	for _, before := range []int{1000, maxSummary - 20, maxSummary + 5} {
		path := filepath.Join(t.TempDir(), "summary")
		if err := os.WriteFile(path, bytes.Repeat([]byte("\n"), before), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Write(&bytes.Buffer{}, github, many(500, 50), Options{SummaryFile: path}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > max(maxSummary, before) {
			t.Errorf("after %d bytes: got %d", before, len(data))
		}
		if before < 2000 && (len(data) < maxSummary*9/10 || !strings.HasSuffix(string(data), "the log has all.\n")) {
			t.Errorf("after %d bytes: got %d, ending in %q", before, len(data), data[len(data)-80:])
		}
	}
}

func TestUnwritableFile(t *testing.T) {
	text, _ := ParseFormat("text")
	err := Write(&bytes.Buffer{}, text, sample(), Options{OutputFile: filepath.Join(t.TempDir(), "none", "output")})
	if we := (*lockfile.WriteError)(nil); !errors.As(err, &we) {
		t.Errorf("got %v", err)
	}
}

func TestSARIFLimit(t *testing.T) {
	sarif, _ := ParseFormat("sarif")
	out, _, _ := render(t, sarif, many(100, 60), Options{})
	var log sarifLog
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if n := len(run.Results); n != maxResults {
		t.Errorf("got %d results", n)
	}
	for _, r := range run.Results {
		if r.Level != "error" {
			t.Fatal("a warning stays where an error goes")
		}
	}
	if n := run.Invocations[0].Notifications; len(n) != 1 || !strings.HasPrefix(n[0].Message.Text, "1100 of 6100 ") {
		t.Errorf("got %v", n)
	}
}

// Fingerprints are unique, and stay where lines and versions change.
func TestFingerprints(t *testing.T) {
	prints := func(r *Report) (s []string) {
		seen := fingerprints{}
		r = sorted(r)
		for _, l := range r.Locks {
			for i := range l.Findings {
				s = append(s, seen.of(l.Findings[i].Rule.ID, &l.Findings[i]))
			}
		}
		return s
	}
	r := sample()
	twice := r.Locks[1].Findings[0]
	twice.Message = "the second of the kind"
	r.Locks[1].Findings = append(r.Locks[1].Findings, twice)
	want := prints(r)
	if n := len(slices.Compact(slices.Sorted(slices.Values(want)))); n != len(want) {
		t.Errorf("%d of %d fingerprints differ", n, len(want))
	}
	for i := range r.Locks {
		for j := range r.Locks[i].Findings {
			f := &r.Locks[i].Findings[j]
			f.Message = strings.ReplaceAll(f.Message, "0.27.2", "0.27.3")
			if f.Place.Line > 0 {
				f.Place.Line += 3
			}
		}
	}
	if got := prints(r); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
