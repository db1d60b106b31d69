package report

import (
	"io"

	"github.com/pylock-dev/pylock/lockfile"
)

// failedRule names a lock without a verdict where a format asks for a rule.
const failedRule = "failed"

// issue is one of GitLab's Code Quality report.
type issue struct {
	Description string   `json:"description"`
	CheckName   string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity"`
	Location    location `json:"location"`
}

type location struct {
	Path  string `json:"path"`
	Lines struct {
		Begin int `json:"begin"`
	} `json:"lines"`
}

// writeGitLab writes a Code Quality report. GitLab drops findings whose
// fingerprints are the same.
func writeGitLab(w io.Writer, r *Report, o Options) error {
	issues := []issue{}
	seen := fingerprints{}
	for _, l := range r.Locks {
		if l.State == Failed {
			f := failure(&l)
			issues = append(issues, newIssue(seen, failedRule, "critical", &f, o))
		}
		for i := range l.Findings {
			f := &l.Findings[i]
			severity := "major"
			if f.Severity == lockfile.Warning {
				severity = "minor"
			}
			issues = append(issues, newIssue(seen, f.Rule.ID, severity, f, o))
		}
	}
	return writeIndented(w, issues)
}

func newIssue(seen fingerprints, rule, severity string, f *lockfile.Finding, o Options) issue {
	i := issue{
		Description: clean(sentence(f)), CheckName: clean(rule),
		Fingerprint: seen.of(rule, f), Severity: severity,
	}
	i.Location.Path = value(o.inRepository(file(f)))
	i.Location.Lines.Begin = max(f.Place.Line, 1)
	return i
}

// failure is the error of a lock, its first line, in the form of a finding.
func failure(l *Lock) lockfile.Finding {
	return lockfile.Finding{Service: l.Service, Lock: l.Path, Message: l.errorLines()[0]}
}
