package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
)

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
	Out      *junitText  `xml:"system-out"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
}

type junitProblem struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",cdata"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

// writeJUnit writes one suite: a failing case for each lock and rule, an error
// for a lock without a verdict, a passing case for a lock that is up to date.
// Warnings are what the suite has printed.
func writeJUnit(w io.Writer, r *Report, o Options) error {
	suite := junitSuite{Name: "pylock " + clean(r.Command)}
	var warnings []string
	for i := range r.Locks {
		l := &r.Locks[i]
		class := cmp.Or(clean(l.Path), "lock")
		for _, f := range l.of(lockfile.Warning) {
			warnings = append(warnings, findingLine(&f))
		}
		switch l.State {
		case UpToDate:
			if r.Files {
				break // its warnings are told below
			}
			suite.Cases = append(suite.Cases, junitCase{Class: class, Name: UpToDate.String(), File: clean(o.inRepository(l.Path))})
		case Failed:
			suite.Errors++
			lines := l.errorLines()
			suite.Cases = append(suite.Cases, junitCase{Class: class, Name: failedRule, File: clean(o.inRepository(l.Path)), Error: &junitProblem{
				Type: fmt.Sprintf("exit-%d", l.Exit), Message: lines[0], Text: strings.Join(lines, "\n"),
			}})
		}
		suite.add(class, l.of(lockfile.Stale), o)
	}
	if r.Files && len(suite.Cases) == 0 {
		suite.Cases = append(suite.Cases, junitCase{Class: clean(r.Command), Name: "no errors"})
	}
	suite.Tests = len(suite.Cases)
	if len(warnings) > 0 {
		suite.Out = &junitText{strings.Join(warnings, "\n")}
	}
	data, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(data)+"\n")
	return err
}

// add adds a case for each rule among the findings of a lock, in the order of
// their first findings.
func (s *junitSuite) add(class string, findings []lockfile.Finding, o Options) {
	at := map[string]int{}
	for i := range findings {
		f := &findings[i]
		rule := clean(f.Rule.ID)
		n, known := at[rule]
		if !known {
			n = len(s.Cases)
			at[rule] = n
			s.Failures++
			s.Cases = append(s.Cases, junitCase{Class: class, Name: rule, File: clean(o.inRepository(file(f))), Failure: &junitProblem{
				Type: rule, Message: clean(sentence(f)),
			}})
		}
		p := s.Cases[n].Failure
		if p.Text != "" {
			p.Text += "\n"
		}
		p.Text += findingLine(f)
		for _, more := range remarks(f, true) {
			p.Text += "\n  " + clean(more)
		}
	}
}
