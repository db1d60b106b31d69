package main

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// makeWheel writes a wheel that says what it requires:
//
//	wheel FILE [REQUIREMENT...]
func makeWheel(ts *testscript.TestScript, neg bool, args []string) {
	name, version, _ := strings.Cut(filepath.Base(args[0]), "-")
	version, _, _ = strings.Cut(version, "-")
	metadata := "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"
	for _, r := range args[1:] {
		metadata += "Requires-Dist: " + r + "\n"
	}
	info := name + "-" + version + ".dist-info/"
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, member := range [][2]string{{name + "/__init__.py", ""}, {info + "METADATA", metadata}, {info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}, {info + "RECORD", ""}} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: member[0], Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		ts.Check(err)
		_, err = f.Write([]byte(member[1]))
		ts.Check(err)
	}
	ts.Check(w.Close())
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}

// serveFolder serves a folder over HTTP; its address becomes VAR:
//
//	serve DIR VAR
func serveFolder(ts *testscript.TestScript, neg bool, args []string) {
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(s.Close)
	ts.Setenv(args[1], s.URL)
}

// commitAll makes a repository of a folder, commits what is in it, and sets a
// tag; the commit becomes VAR:
//
//	commit DIR VAR [TAG]
func commitAll(ts *testscript.TestScript, neg bool, args []string) {
	git := func(args2 ...string) string {
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"}, args2...)...)
		cmd.Dir = ts.MkAbs(args[0])
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
		out, err := cmd.CombinedOutput()
		if err != nil {
			ts.Fatalf("git %v: %v\n%s", args2, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if _, err := os.Stat(filepath.Join(ts.MkAbs(args[0]), ".git")); err != nil {
		git("init", "--quiet", "--initial-branch=main", ".")
	}
	git("add", "--all")
	git("commit", "--quiet", "--allow-empty", "--message=x")
	ts.Setenv(args[1], git("rev-parse", "HEAD"))
	if len(args) > 2 {
		git("tag", args[2])
	}
}

// fill replaces $VAR in a file by the variables of the script.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), func(name string) string {
		if v := ts.Getenv(name); v != "" {
			return v
		}
		return "$" + name
	})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// edit replaces what a pattern matches in a file:
//
//	edit FILE PATTERN TEXT
func edit(ts *testscript.TestScript, neg bool, args []string) {
	old := ts.ReadFile(args[0])
	text := regexp.MustCompile(args[1]).ReplaceAllString(old, args[2])
	if text == old {
		ts.Fatalf("%s does not match in %s", args[1], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}
