package report

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://json.schemastore.org/sarif-2.1.0.json"
	// maxResults is how many results GitHub keeps of a run.
	maxResults = 5000
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool              `json:"tool"`
	Invocations []sarifInvocation      `json:"invocations"`
	BaseIDs     map[string]sarifBaseID `json:"originalUriBaseIds"`
	ColumnKind  string                 `json:"columnKind"`
	Results     []sarifResult          `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string    `json:"id"`
	Short   sarifText `json:"shortDescription"`
	Help    sarifText `json:"help"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifBaseID struct {
	Description sarifText `json:"description"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    *int              `json:"ruleIndex,omitempty"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI    string `json:"uri"`
			BaseID string `json:"uriBaseId"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	} `json:"physicalLocation"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

const srcRoot = "%SRCROOT%"

// writeSARIF writes a log of one run. A lock without a verdict is a
// notification of the run: it is no result of the check.
func writeSARIF(w io.Writer, r *Report, o Options) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "pylock", Version: value(o.Version)}},
		Invocations: []sarifInvocation{{Successful: true}},
		BaseIDs:     map[string]sarifBaseID{srcRoot: {sarifText{"the top of the repository"}}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []sarifResult{},
	}
	for _, rule := range r.rules() {
		s := sarifRule{ID: value(rule.ID), Short: sarifMessage(rule.Title), Help: sarifMessage(rule.Help)}
		s.Default.Level = rule.Severity.String()
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, s)
	}
	run.Results = sarifResults(r, o)
	invocation := &run.Invocations[0]
	for i := range r.Locks {
		if l := &r.Locks[i]; l.State == Failed {
			invocation.Successful = false
			f := failure(l)
			invocation.Notifications = append(invocation.Notifications, sarifNotification{
				Level: "error", Message: sarifMessage(l.Path + ": " + f.Message), Locations: []sarifLocation{sarifPlace(&f, o)},
			})
		}
	}
	if n := len(run.Results); n > maxResults {
		slices.SortStableFunc(run.Results, func(a, b sarifResult) int { return strings.Compare(a.Level, b.Level) }) // errors first
		run.Results = run.Results[:maxResults]
		invocation.Notifications = append(invocation.Notifications, sarifNotification{
			Level: "warning", Message: sarifText{fmt.Sprintf("%d of %d findings are left out: mend some, then look again", n-maxResults, n)},
		})
	}
	return writeIndented(w, sarifLog{sarifSchema, sarifVersion, []sarifRun{run}})
}

func sarifResults(r *Report, o Options) []sarifResult {
	results := []sarifResult{}
	seen := fingerprints{}
	for _, l := range r.Locks {
		for i := range l.Findings {
			f := &l.Findings[i]
			message := sentence(f)
			for _, more := range remarks(f, true) {
				message += "; " + more
			}
			print := seen.of(f.Rule.ID, f)
			res := sarifResult{
				RuleID: value(f.Rule.ID), Level: f.Severity.String(), Message: sarifMessage(message),
				Locations: []sarifLocation{sarifPlace(f, o)},
				// GitHub heeds the name primaryLocationLineHash alone.
				Fingerprints: map[string]string{"primaryLocationLineHash": print + ":1", "pylock/v1": print},
			}
			if n := slices.IndexFunc(r.rules(), func(r lockfile.Rule) bool { return r.ID == f.Rule.ID }); n >= 0 {
				res.RuleIndex = &n
			}
			results = append(results, res)
		}
	}
	return results
}

func sarifPlace(f *lockfile.Finding, o Options) (l sarifLocation) {
	l.Physical.Artifact.URI = uri(o.inRepository(file(f)))
	l.Physical.Artifact.BaseID = srcRoot
	l.Physical.Region = &sarifRegion{StartLine: max(f.Place.Line, 1)} // which GitHub asks for
	if f.Place.Line > 0 {
		l.Physical.Region.StartColumn = f.Place.Column
	}
	return l
}

// uri is a path as a relative reference: a leading slash would make it the name
// of a host.
func uri(file string) string {
	parts := strings.Split(strings.TrimLeft(project.Redact(file), "/"), "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), ":", "%3A")
	}
	return strings.Join(parts, "/")
}

var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{(\d+)\}`) })

// sarifMessage is a plain text message: in one, [text](target) is a link and
// {0} an argument, which text from outside must not be.
func sarifMessage(s string) sarifText {
	s = strings.ReplaceAll(clean(s), "](", "] (")
	return sarifText{placeholder().ReplaceAllString(s, "{{$1}}")}
}
