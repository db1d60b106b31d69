package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pylock-dev/pylock/lockfile"
)

// failing is a file system whose operation number n fails, and no other.
type failing struct {
	lockfile.OS
	mu sync.Mutex
	n  int // counts down to the one that fails
	op string
}

func (f *failing) fail(op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n != 0 {
		return nil
	}
	f.op = op
	return &fs.PathError{Op: op, Path: name, Err: syscall.EIO}
}

func (f *failing) Lstat(name string) (fs.FileInfo, error) {
	if err := f.fail("lstat", name); err != nil {
		return nil, err
	}
	return f.OS.Lstat(name)
}

func (f *failing) Rename(from, to string) error {
	if err := f.fail("rename", to); err != nil {
		return err
	}
	return f.OS.Rename(from, to)
}

func (f *failing) OpenFile(name string, flag int, perm fs.FileMode) (lockfile.File, error) {
	if err := f.fail("open", name); err != nil {
		return nil, err
	}
	file, err := f.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return failingFile{file, f, name}, nil
}

type failingFile struct {
	lockfile.File
	f    *failing
	name string
}

func (f failingFile) Read(b []byte) (int, error) {
	if err := f.f.fail("read", f.name); err != nil {
		return 0, err
	}
	return f.File.Read(b)
}

func (f failingFile) Write(b []byte) (int, error) {
	if err := f.f.fail("write", f.name); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f failingFile) Chmod(mode fs.FileMode) error {
	if err := f.f.fail("chmod", f.name); err != nil {
		return err
	}
	return f.File.Chmod(mode)
}

func (f failingFile) Sync() error {
	if err := f.f.fail("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f failingFile) Close() error {
	err := f.File.Close()
	if e := f.f.fail("close", f.name); e != nil {
		return e
	}
	return err
}

// Each file operation of a compile over two services fails once: every lock is
// the old or the new one, no temporary file is left, and the exit code says
// that this machine is at fault, unless all was written before.
func TestEveryFileOperationFails(t *testing.T) {
	app, _, stderr := testApp(t, "a 2\na 1\nb 1\n")
	app.Jobs = 1 // else the order of the operations is another each time
	project := func(name, deps string) {
		text := fmt.Sprintf("[project]\nname = %q\nrequires-python = \">=3.12\"\ndependencies = [%s]\n", name, deps)
		if err := os.MkdirAll(name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+"/pyproject.toml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all := func() string {
		var b strings.Builder
		files, err := filepath.Glob("*/*")
		if err != nil {
			t.Fatal(err)
		}
		hidden, err := filepath.Glob("*/.*")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range append(files, hidden...) {
			if !strings.HasSuffix(f, "pyproject.toml") {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "-- %s --\n%s", filepath.ToSlash(f), data)
			}
		}
		return b.String()
	}
	lockBoth := func() (code int) {
		stderr.Reset()
		return app.Run(t.Context(), []string{"compile", "svc", "svc2", "--no-hashes"})
	}
	setUp := func(old bool) {
		app.FS = lockfile.OS{}
		for _, name := range []string{"svc", "svc2"} {
			if old {
				project(name, `"a"`)
			} else {
				project(name, `"a", "b"`)
			}
		}
	}
	setUp(true)
	if code := lockBoth(); code != 0 {
		t.Fatal(stderr)
	}
	before := all()
	setUp(false)
	if code := lockBoth(); code != 0 {
		t.Fatal(stderr)
	}
	after := all()
	mixed := []string{before, after}
	cut := strings.Index(before, "-- svc2/")
	mixed = append(mixed, before[:cut]+after[strings.Index(after, "-- svc2/"):], after[:strings.Index(after, "-- svc2/")]+before[cut:])
	ops := map[string]int{}
	for n := 1; ; n++ {
		setUp(true)
		if code := lockBoth(); code != 0 {
			t.Fatal(stderr)
		}
		setUp(false)
		f := &failing{n: n}
		app.FS = f
		code := lockBoth()
		got := all()
		if f.op == "" {
			if code != 0 {
				t.Errorf("nothing fails: exit code %d\n%s", code, stderr)
			}
			t.Logf("%d operations: %v", n-1, ops)
			break
		}
		ops[f.op]++
		ok := false
		for _, m := range mixed {
			ok = ok || got == m
		}
		if !ok {
			t.Fatalf("operation %d, %s: the locks are neither old nor new, or something is left:\n%s", n, f.op, got)
		}
		if code != exitMachine && !(code == 0 && got == after) {
			t.Errorf("operation %d, %s: exit code %d with\n%s\n%s", n, f.op, code, got, stderr)
		}
		if code != 0 && !bytes.Contains(stderr.Bytes(), []byte("input/output error")) {
			t.Errorf("operation %d, %s: the message does not say why: %s", n, f.op, stderr)
		}
	}
	if ops["write"] == 0 || ops["rename"] == 0 || ops["sync"] == 0 {
		t.Errorf("not all kinds of operations failed: %v", ops)
	}
}
