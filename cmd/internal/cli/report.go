package cli

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/cmd/internal/report"
	"github.com/pylock-dev/pylock/project"
)

// formatFlag is --format of the commands that report on several locks.
type formatFlag struct{ report.Format }

func (f *formatFlag) Type() string { return "choice" }

func (f *formatFlag) Set(s string) (err error) {
	f.Format, err = report.ParseFormat(s)
	return err
}

// register adds the flag to cmd.
func (f *formatFlag) register(cmd *cobra.Command) {
	f.Format = report.Formats[0]
	cmd.Flags().Var(f, "format", "how to write the result: text, json, github, sarif, junit or gitlab")
	complete(cmd, "format", report.Names()...)
}

// reported is the exit code of a command whose product says why.
type reported struct{ code int }

func (e *reported) Error() string { return "the report says why" }

// writeReport writes the product of a command and returns what its exit code
// is: nil, or a [reported]. GitHub's files are for what a program reads: text
// leaves them alone.
func (g *global) writeReport(format report.Format, r *report.Report, root string) error {
	o := report.Options{Version: version(), Quiet: g.quiet > 0, Prefix: inRepository(root)}
	if name := format.String(); name != "text" {
		o.OutputFile, _ = g.app.Getenv("GITHUB_OUTPUT")
		if name == "github" {
			o.SummaryFile, _ = g.app.Getenv("GITHUB_STEP_SUMMARY")
		}
	}
	var b bytes.Buffer
	failed := report.Write(&b, format, r, o)
	if err := g.print(b.Bytes()); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if code := reportCode(r); code != exitYes {
		return &reported{code}
	}
	return nil
}

// reportCode is the gravest of the locks' codes.
func reportCode(r *report.Report) int {
	var codes []int
	for _, l := range r.Locks {
		switch l.State {
		case report.Stale:
			codes = append(codes, exitNo)
		case report.Failed:
			codes = append(codes, l.Exit)
		}
	}
	return gravest(codes)
}

// inRepository is the path of a folder from the top of the git repository that
// it is in, with slashes; "" for the top, or where there is none.
func inRepository(root string) string {
	root, err := filepath.Abs(root)
	if err != nil {
		return ""
	}
	for dir := root; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			if rel := relative(dir, root); rel != "." {
				return rel
			}
			return ""
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// failedLock is a lock without a verdict.
func failedLock(service, path string, err error) report.Lock {
	return report.Lock{Service: service, Path: path, State: report.Failed, Error: project.Redact(err.Error()), Exit: exitCode(err)}
}
