package main

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pylock-dev/pylock/cmd/internal/cli"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// Variables that set the stage for the command in a script.
const (
	envNow    = "TEST_NOW"   // the time, RFC 3339
	envFault  = "TEST_FAULT" // OPERATION:ERRNO, such as write:ENOSPC
	envEtc    = "TEST_ETC"   // the folder of the machine's settings
	envTorch  = "TEST_TORCH" // BACKEND=URL of the indexes that take the place of PyTorch's
	startTime = "2026-03-24T12:00:00Z"
	noIndex   = "http://127.0.0.1:1/simple/"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pylock": func() {
			app := cli.New()
			app.Sleep = func(ctx context.Context, d time.Duration) error { return ctx.Err() }
			now, err := time.Parse(time.RFC3339, os.Getenv(envNow))
			if err != nil {
				panic(err)
			}
			app.Now = func() time.Time { return now }
			app.SystemConfig = os.Getenv(envEtc)
			if torch := strings.Fields(os.Getenv(envTorch)); len(torch) > 0 {
				app.Transport = detour(torch)
			}
			if op, errno, ok := strings.Cut(os.Getenv(envFault), ":"); ok {
				app.FS = faulty{op: op, err: map[string]error{"ENOSPC": syscall.ENOSPC, "EACCES": syscall.EACCES, "EROFS": syscall.EROFS, "EIO": syscall.EIO}[errno]}
			}
			os.Exit(app.Run(context.Background(), os.Args[1:]))
		},
		hostileServer: runHostileServer,
	})
}

// ownEnviron is the environment without settings of the machine, which must not
// decide what a test sees.
func ownEnviron() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PIP_") || strings.HasPrefix(v, "UV_") || strings.HasPrefix(v, "PYLOCK_") || strings.HasPrefix(v, "NETRC=")
	})
	return append(env, "PYLOCK_NO_CONFIG=1")
}

// detour sends requests for indexes of PyTorch to others, BACKEND=URL.
type detour []string

func (d detour) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, one := range d {
		backend, to, _ := strings.Cut(one, "=")
		if rest, ok := strings.CutPrefix(r.URL.String(), project.TorchIndex(backend)+"/"); ok {
			u, err := url.Parse(to + rest)
			if err != nil {
				return nil, err
			}
			r = r.Clone(r.Context())
			r.URL, r.Host = u, u.Host
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// faulty is a file system on which one operation fails: open (of a new
// file), write, sync, close or rename.
type faulty struct {
	lockfile.OS
	op  string
	err error
}

func (f faulty) OpenFile(name string, flag int, perm fs.FileMode) (lockfile.File, error) {
	created := flag&os.O_CREATE != 0
	if created && f.op == "open" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
	}
	file, err := f.OS.OpenFile(name, flag, perm)
	if err != nil || !created {
		return file, err
	}
	return faultyFile{file, f, name}, nil
}

func (f faulty) Rename(from, to string) error {
	if f.op == "rename" {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: f.err}
	}
	return f.OS.Rename(from, to)
}

type faultyFile struct {
	lockfile.File
	f    faulty
	name string
}

func (f faultyFile) fail(op string) error {
	if f.f.op != op {
		return nil
	}
	return &fs.PathError{Op: op, Path: f.name, Err: f.f.err}
}

func (f faultyFile) Write(b []byte) (int, error) {
	if err := f.fail("write"); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f faultyFile) Sync() error { return errors.Join(f.fail("sync"), f.File.Sync()) }

func (f faultyFile) Close() error { return errors.Join(f.fail("close"), f.File.Close()) }

// somePython returns the path and the minor version of a Python that can build,
// "" where there is none.
var somePython = sync.OnceValues(func() (path, version string) {
	out, err := exec.Command("python3", "-I", "-c", "import sys, venv, ensurepip; print(sys.executable); print('%d.%d' % sys.version_info[:2])").Output()
	if lines := strings.Fields(string(out)); err == nil && len(lines) == 2 {
		return lines[0], lines[1]
	}
	return "", ""
})

// TestScript runs the scripts: one behaviour a file. Besides testscript's own
// commands they have
//
//	index FILE [VAR] [pypi|mirror] [USER:PASSWORD]
//	        serve the universe in FILE; the address of its Simple API becomes
//	        VAR, or both INDEX and the default index of what follows; VAR_BARE
//	        is the address without credentials, VAR_LINKS a page of all files,
//	        VAR_BOB and VAR_ALICE the address with a user alone
//	files FILE DIR
//	        write the files of the universe in FILE into a folder
//	expand FILE
//	        replace the variables in a file
//	down    the default index is one that nobody serves
//	exits CODE COMMAND...
//	        run a command that must exit with that code
//	mask FILE
//	        write FILE.masked, with HASH for each digest
//	tmpfs DIR
//	        mount a file system of 16 KiB, under the condition [tmpfs]
//	[python]
//	        the condition that a Python can build here: $PYTHON, of the minor
//	        version $PYTHON_VERSION
//	count N PATTERN FILE
//	        the pattern must match N times
//	wheel, serve, commit, fill, edit
//	        make a wheel, serve a folder, make a git repository, change a file: direct_test.go
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "../../testdata/script",
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv(envNow, startTime)
			e.Setenv("UV_DEFAULT_INDEX", noIndex)     // never the real one
			e.Setenv("PYLOCK_CACHE_DIR", t.TempDir()) // of this script alone
			path, version := somePython()
			e.Setenv("PYTHON", path)
			e.Setenv("PYTHON_VERSION", version)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "python":
				path, _ := somePython()
				return path != "", nil
			case "devfull":
				_, err := os.Stat("/dev/full")
				return err == nil, nil
			case "tmpfs":
				dir := t.TempDir()
				if mount(dir) != nil {
					return false, nil
				}
				return true, unmount(dir)
			}
			return false, errors.New("unknown condition " + cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"wheel":  makeWheel,
			"serve":  serveFolder,
			"commit": commitAll,
			"fill":   fill,
			"edit":   edit,
			"index":  func(ts *testscript.TestScript, neg bool, args []string) { serveIndex(t, ts, args) },
			"down": func(ts *testscript.TestScript, neg bool, args []string) {
				s := indextest.Serve(t, indextest.MustParse("a 1\n"), indextest.PyPI())
				url := s.SimpleURL()
				s.Close()
				ts.Setenv("INDEX", url)
				ts.Setenv("UV_DEFAULT_INDEX", url)
			},
			"files": func(ts *testscript.TestScript, neg bool, args []string) {
				u, err := indextest.Parse(ts.ReadFile(args[0]))
				ts.Check(err)
				ts.Check(u.WriteFiles(ts.MkAbs(args[1])))
			},
			"expand": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o644))
			},
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				err = ts.Exec(args[1], args[2:]...)
				got := 0
				if ee := (*exec.ExitError)(nil); errors.As(err, &ee) {
					got = ee.ExitCode()
				} else {
					ts.Check(err)
				}
				if got != want {
					ts.Fatalf("exit code %d, want %d", got, want)
				}
			},
			"mask": func(ts *testscript.TestScript, neg bool, args []string) {
				masked := regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(ts.ReadFile(args[0]), "sha256:HASH")
				ts.Check(os.WriteFile(ts.MkAbs(args[0]+".masked"), []byte(masked), 0o644))
			},
			"tmpfs": func(ts *testscript.TestScript, neg bool, args []string) {
				dir := ts.MkAbs(args[0])
				ts.Check(mount(dir))
				ts.Defer(func() { ts.Check(unmount(dir)) })
			},
			"count": func(ts *testscript.TestScript, neg bool, args []string) {
				got := len(regexp.MustCompile(`(?m)`+args[1]).FindAllString(ts.ReadFile(args[2]), -1))
				if want, err := strconv.Atoi(args[0]); err != nil || got != want {
					ts.Fatalf("%s matches %d times, want %s", args[1], got, args[0])
				}
			},
		},
	})
}

func mount(dir string) error {
	return exec.Command("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", dir).Run()
}

func unmount(dir string) error { return exec.Command("umount", dir).Run() }

func serveIndex(t *testing.T, ts *testscript.TestScript, args []string) {
	u, err := indextest.Parse(ts.ReadFile(args[0]))
	ts.Check(err)
	profile, variable, userinfo := indextest.PyPI(), "", ""
	for _, arg := range args[1:] {
		user, password, auth := strings.Cut(arg, ":")
		switch {
		case auth:
			profile.User, profile.Password, userinfo = user, password, arg+"@"
		case arg == "pypi":
		case arg == "mirror":
			profile = indextest.Mirror()
		default:
			variable = arg
		}
	}
	url := indextest.Serve(t, u, profile).SimpleURL()
	with := strings.Replace(url, "://", "://"+userinfo, 1)
	if variable == "" {
		ts.Setenv("UV_DEFAULT_INDEX", with)
		variable = "INDEX"
	}
	ts.Setenv(variable, with)
	ts.Setenv(variable+"_BARE", url)
	ts.Setenv(variable+"_BOB", strings.Replace(url, "://", "://bob@", 1))
	ts.Setenv(variable+"_ALICE", strings.Replace(url, "://", "://alice@", 1))
	ts.Setenv(variable+"_LINKS", strings.TrimSuffix(with, "simple/")+"links/")
}
