package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// schema is the version of the JSON format, which docs/schema/check.schema.json
// describes. A field that is added does not change it.
const schema = 1

type jsonReport struct {
	Schema  int         `json:"schema"`
	Command string      `json:"command"`
	Drift   bool        `json:"drift"`
	Summary jsonSummary `json:"summary"`
	Locks   []jsonLock  `json:"locks"`
}

type jsonSummary struct {
	Locks    int `json:"locks"`
	UpToDate int `json:"up-to-date"`
	Stale    int `json:"stale"`
	Failed   int `json:"failed"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
}

type jsonLock struct {
	Service  string        `json:"service"`
	Path     string        `json:"path"`
	State    string        `json:"state"`
	Findings []jsonFinding `json:"findings"`
	Error    *jsonError    `json:"error,omitempty"`
}

type jsonError struct {
	Message  string `json:"message"`
	ExitCode int    `json:"exit-code"`
}

type jsonFinding struct {
	Rule         string `json:"rule"`
	Severity     string `json:"severity"`
	Package      string `json:"package,omitempty"`
	File         string `json:"file,omitempty"`
	Line         int    `json:"line,omitempty"`
	Column       int    `json:"column,omitempty"`
	Message      string `json:"message"`
	Environments string `json:"environments,omitempty"`
	Fix          string `json:"fix,omitempty"`
	Why          string `json:"why,omitempty"`
	Cost         string `json:"cost,omitempty"`
}

// jsonFiles is the report on files, which docs/schema/doctor.schema.json
// describes.
type jsonFiles struct {
	Schema  int    `json:"schema"`
	Command string `json:"command"`
	Summary struct {
		Files    int `json:"files"`
		Errors   int `json:"errors"`
		Warnings int `json:"warnings"`
	} `json:"summary"`
	Files []jsonFile `json:"files"`
}

type jsonFile struct {
	Path     string        `json:"path"`
	Findings []jsonFinding `json:"findings"`
}

func writeJSON(w io.Writer, r *Report, o Options) error {
	c := r.counts()
	if r.Files {
		out := jsonFiles{Schema: schema, Command: value(r.Command), Files: []jsonFile{}}
		out.Summary.Files, out.Summary.Errors, out.Summary.Warnings = c.locks, c.errors, c.warnings
		for _, l := range r.Locks {
			out.Files = append(out.Files, jsonFile{value(l.Path), jsonFindings(l.Findings)})
		}
		return writeIndented(w, out)
	}
	out := jsonReport{
		Schema: schema, Command: value(r.Command), Drift: c.stale > 0,
		Summary: jsonSummary{c.locks, c.upToDate, c.stale, c.failed, c.errors, c.warnings},
		Locks:   []jsonLock{},
	}
	for _, l := range r.Locks {
		jl := jsonLock{Service: value(l.Service), Path: value(l.Path), State: l.State.String(), Findings: jsonFindings(l.Findings)}
		if l.State == Failed {
			jl.Error = &jsonError{value(strings.TrimRight(l.Error, "\n")), l.Exit}
		}
		out.Locks = append(out.Locks, jl)
	}
	return writeIndented(w, out)
}

func jsonFindings(fs []lockfile.Finding) []jsonFinding {
	out := []jsonFinding{}
	for _, f := range fs {
		out = append(out, jsonFinding{
			Rule: value(f.Rule.ID), Severity: f.Severity.String(), Package: value(string(f.Package)),
			File: value(f.Place.File), Line: f.Place.Line, Column: f.Place.Column,
			Message: value(f.Message), Environments: value(f.Where), Fix: value(f.Fix),
			Why: value(f.Why), Cost: value(f.Cost),
		})
	}
	return out
}

// value is text as a program reads it: control characters are the business of
// the encoder.
func value(s string) string { return strings.ToValidUTF8(project.Redact(s), "\ufffd") }

// writeIndented writes v as JSON whose bytes are safe for a terminal.
func writeIndented(w io.Writer, v any) error {
	data, err := marshal(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// marshal returns v on one line, with an escape for every character that is
// not graphic, such as U+202E: outside of strings JSON has none of those.
func marshal(v any) ([]byte, error) {
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, r := range strings.TrimSuffix(raw.String(), "\n") {
		switch {
		case r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Z, r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return b.Bytes(), nil
}
