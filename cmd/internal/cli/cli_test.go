package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/resolver"
)

// testApp is an app whose index is the universe, in a folder with the service
// svc that asks for a.
func testApp(t *testing.T, universe string) (app *App, stdout, stderr *bytes.Buffer) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.Mkdir("svc", 0o755); err != nil {
		t.Fatal(err)
	}
	text := "[project]\nname = \"svc\"\nrequires-python = \">=3.12\"\ndependencies = [\"a\"]\n"
	if err := os.WriteFile("svc/pyproject.toml", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	server := indextest.Serve(t, indextest.MustParse(universe), indextest.PyPI())
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &App{
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr,
		Getenv: func(name string) (string, bool) {
			if name == "UV_DEFAULT_INDEX" {
				return server.SimpleURL(), true
			}
			return "", false
		},
		FS: lockfile.OS{}, Now: time.Now,
		Sleep: func(ctx context.Context, d time.Duration) error { return ctx.Err() },
	}, stdout, stderr
}

func TestInterrupted(t *testing.T) {
	app, stdout, stderr := testApp(t, "a 1\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := app.Run(ctx, []string{"compile", "svc"}); got != exitInterrupted {
		t.Errorf("got exit code %d, want %d", got, exitInterrupted)
	}
	if got := stderr.String(); got != "error: interrupted: nothing is written\n" || stdout.Len() > 0 {
		t.Errorf("got %q on stderr, %q on stdout", got, stdout)
	}
	if _, err := os.Stat("svc/requirements.lock"); err == nil {
		t.Error("a lock is written")
	}
}

// Waiting for the standard input ends with the context.
func TestInterruptedStdin(t *testing.T) {
	app, stdout, stderr := testApp(t, "a 1\n")
	silent, end := io.Pipe()
	defer end.Close()
	app.Stdin = silent
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, context.Canceled)
	defer cancel()
	if got := app.Run(ctx, []string{"compile", "-", "--python-version=3.12"}); got != exitInterrupted {
		t.Errorf("got exit code %d, want %d: %s", got, exitInterrupted, stderr)
	}
	if stdout.Len() > 0 {
		t.Errorf("got %q on stdout", stdout)
	}
}

// stuck is a network that never answers.
type stuck struct{}

func (stuck) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTimeout(t *testing.T) {
	app, _, stderr := testApp(t, "a 1\n")
	app.Transport = stuck{}
	if got := app.Run(t.Context(), []string{"compile", "svc", "--timeout", "10ms"}); got != exitNetwork {
		t.Errorf("got exit code %d, want %d", got, exitNetwork)
	}
	if got := stderr.String(); !strings.HasPrefix(got, "error: gave up after 10ms: ") {
		t.Errorf("got %q", got)
	}
}

// On a terminal progress is shown, and gone in the end; whatever is printed
// stands on lines of its own.
func TestProgress(t *testing.T) {
	for _, tt := range []struct {
		args  []string
		shows bool
	}{
		{nil, true},
		{[]string{"--no-progress"}, false},
		{[]string{"-q"}, false},
	} {
		app, _, stderr := testApp(t, "a 1\n  b\nb 1\n")
		app.Terminal = true
		if got := app.Run(t.Context(), append([]string{"compile", "svc"}, tt.args...)); got != exitYes {
			t.Fatalf("%q: got exit code %d: %s", tt.args, got, stderr)
		}
		if got := strings.Contains(stderr.String(), "resolving"); got != tt.shows {
			t.Errorf("%q: progress shown is %v: %q", tt.args, got, stderr)
		}
		if tt.shows {
			last := stderr.String()[strings.LastIndex(stderr.String(), "\r")+1:]
			if !strings.HasPrefix(last, "Resolved 2 packages") {
				t.Errorf("%q: the last line is %q", tt.args, last)
			}
		}
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
}

func TestClosedPipe(t *testing.T) {
	app, _, stderr := testApp(t, "a 1\n")
	app.Stdout = closedPipe{}
	if got := app.Run(t.Context(), []string{"compile", "svc/pyproject.toml"}); got != exitMachine {
		t.Errorf("got exit code %d, want %d", got, exitMachine)
	}
	if stderr.Len() > 0 {
		t.Errorf("got %q on stderr", stderr)
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{&resolver.NoSolutionError{Report: "no"}, exitNo},
		{&index.NotFoundError{Name: "a"}, exitNo},
		{&project.InputError{Msg: "x"}, exitInput},
		{usagef("x"), exitInput},
		{errors.New("anything else"), exitInput},
		{&index.UnavailableError{Err: io.EOF}, exitNetwork},
		{&index.UnusableError{Err: io.EOF}, exitNetwork},
		{&errTimeout{time.Second}, exitNetwork},
		{context.DeadlineExceeded, exitNetwork},
		{&lockfile.WriteError{Path: "x", Err: syscall.ENOSPC}, exitMachine},
		{&outputError{syscall.ENOSPC}, exitMachine},
		{context.Canceled, exitInterrupted},
		{&index.UnavailableError{Err: context.Canceled}, exitInterrupted},
		{&inputError{&os.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}}, exitInput},
	} {
		if got := exitCode(fmt.Errorf("wrapped: %w", tt.err)); got != tt.want {
			t.Errorf("%T: got %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestParseCutoff(t *testing.T) {
	now := time.Date(2026, 3, 24, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ in, want string }{
		{"2026-03-24", "2026-03-25T00:00:00Z"},
		{"2026-12-31", "2027-01-01T00:00:00Z"},
		{"2026-03-24T12:00:00Z", "2026-03-24T12:00:00Z"},
		{"2026-03-24T12:00:00.5+02:00", "2026-03-24T10:00:00.5Z"},
		{"2026-03-24 12:00:00Z", "2026-03-24T12:00:00Z"},
		{"7 days", "2026-03-17T12:00:00Z"},
		{"7d", "2026-03-17T12:00:00Z"},
		{"1 week", "2026-03-17T12:00:00Z"},
		{"1w 2d", "2026-03-15T12:00:00Z"},
		{"1 week, 2 days", "2026-03-15T12:00:00Z"},
		{"24 hours ago", "2026-03-23T12:00:00Z"},
		{"P7D", "2026-03-17T12:00:00Z"},
		{"p1w", "2026-03-17T12:00:00Z"},
		{"PT12H", "2026-03-24T00:00:00Z"},
		{"P1DT30M", "2026-03-23T11:30:00Z"},
		{"false", ""},
		{"", ""},
	} {
		c, err := parseCutoff(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		got := ""
		if at := c.time(now); !at.IsZero() {
			got = at.Format(time.RFC3339Nano)
		}
		if got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.in, got, tt.want)
		}
		if tt.want != "" && c.text != tt.in {
			t.Errorf("%q: the text is %q", tt.in, c.text)
		}
	}
	for _, in := range []string{"yesterday", "7", "days", "-7 days", "6 months", "1 year", "P1M", "P1Y", "P1H", "PT1D", "P", "0 days", "2026-02-30", "9999999999 weeks", "99999 weeks", "1.5 days", "7 parsecs"} {
		if c, err := parseCutoff(in); err == nil {
			t.Errorf("%q: got %+v, want an error", in, c)
		}
	}
}

func FuzzParseCutoff(f *testing.F) {
	for _, s := range []string{"7 days", "P1DT2H", "2026-03-24", "1w2d3h", "9223372036 s"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 24, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCutoff(s)
		if err == nil && c.span != 0 && (c.span < 0 || c.span > maxSpan || !c.time(now).Before(now)) {
			t.Errorf("%q: %v", s, c.span)
		}
	})
}

func TestCommand(t *testing.T) {
	c := &command{words: []string{"pylock", "compile", "my dir", "it's"}}
	c.flag("upgrade")
	c.values("extra", []string{"b", "a", "b"})
	c.value("index", "https://b.example/")
	c.value("index", "https://a.example/")
	c.value("exclude-newer", "7 days")
	want := `pylock compile 'my dir' 'it'\''s' --exclude-newer='7 days' --extra=a --extra=b --index=https://b.example/ --index=https://a.example/ --upgrade`
	if got := c.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("my dir", "it's", "")
	f.Add(`a\b`, "'", "  ")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		cmd := &command{words: []string{a, b}}
		cmd.value("x", c)
		want := []string{a, b, "--x=" + c}
		if c == "" {
			want[2] = "--x"
		}
		if got, ok := unquote(cmd.String()); !ok || !slices.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, ok, want)
		}
	})
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünïcödé\n\ttab":           "plain ünïcödé\n\ttab",
		"\x1b[31mred":                    `\u001b[31mred`,
		"a\rb":                           `a\u000db`,
		"\u202eevil":                     `\u202eevil`,
		"\u009b2J":                       `\u009b2J`,
		"\xff":                           `\xff`,
		"https://u:secret@example.org/x": "https://****@example.org/x",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestIndexCredentials(t *testing.T) {
	o := &compileOptions{global: &global{app: &App{Getenv: func(name string) (string, bool) {
		switch name {
		case "UV_INDEX_MY_CORP_USERNAME":
			return "bob", true
		case "UV_INDEX_MY_CORP_PASSWORD":
			return "p@ss", true
		}
		return "", false
	}}}}
	o.indexes = []string{"my-corp=https://corp.example/simple/ https://other.example/simple/", "https://corp.example/simple/"}
	s, err := o.indexSettings(project.IndexSettings{Extra: []project.Link{{URL: "https://hidden.example/", Explicit: true}, {URL: "https://third.example/"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := "[https://bob:p%40ss@corp.example/simple/ https://other.example/simple/ https://third.example/]"
	if got := fmt.Sprint(s.extra); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s.byDefault != index.DefaultIndex {
		t.Errorf("got %s", s.byDefault)
	}
	if got := fmt.Sprint(bareAll(s.extra)); strings.Contains(got, "@") {
		t.Errorf("got %s", got)
	}
}

func TestRelative(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	if err := os.MkdirAll(filepath.Join(real, "svc"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(real, link); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct{ root, path, want string }{
		{real, filepath.Join(real, "svc", "x.lock"), "svc/x.lock"},
		{real, filepath.Join(link, "svc", "x.lock"), "svc/x.lock"},
		{filepath.Join(real, "svc"), filepath.Join(real, "c.txt"), "../c.txt"},
		{real, real, "."},
	} {
		if got := relative(tt.root, tt.path); got != tt.want {
			t.Errorf("%s from %s: got %s, want %s", tt.path, tt.root, got, tt.want)
		}
	}
}
