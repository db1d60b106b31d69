package rules

import (
	"fmt"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
)

// Page is all there is to say of a rule, as Markdown.
func (r *Rule) Page() string {
	var b strings.Builder
	severity := "warning"
	if r.Severity == lockfile.Stale {
		severity = "error"
	}
	fmt.Fprintf(&b, "## %s\n\n", r.ID)
	fmt.Fprintf(&b, "%s (%s).\n\n", capital(r.Title), severity)
	fmt.Fprintf(&b, "**Why.** %s\n\n", strings.ReplaceAll(r.Reason, "\n", " "))
	fmt.Fprintf(&b, "**What it costs.** %s.\n\n", capital(r.Cost))
	fmt.Fprintf(&b, "**What to do.** %s\n\n", r.Help)
	if r.Mends != "" {
		fmt.Fprintf(&b, "**--fix** %s.\n\n", r.Mends)
	}
	fmt.Fprintf(&b, "Before:\n\n```%s\n%s\n```\n\nAfter:\n\n```%s\n%s\n```\n", r.Lang, r.Before, r.Lang, r.After)
	return b.String()
}

// Pages is docs/rules.md.
func Pages() string {
	var b strings.Builder
	b.WriteString(`# The rules of pylock doctor

What each rule finds, why that is a fault, and what is right. This page is made
of the rules themselves (` + "`go test ./internal/rules -update`" + ` in cmd/pylock-doctor);
` + "`pylock doctor --explain RULE`" + ` prints a part of it. [doctor.md](doctor.md) tells how
the doctor is used.

| rule | severity | fault | --fix |
|---|---|---|---|
`)
	for _, r := range All {
		severity, mends := "warning", ""
		if r.Severity == lockfile.Stale {
			severity = "error"
		}
		if r.Mends != "" {
			mends = "yes"
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", r.ID, r.ID, severity, r.Title, mends)
	}
	for _, r := range All {
		b.WriteString("\n" + r.Page())
	}
	return b.String()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
