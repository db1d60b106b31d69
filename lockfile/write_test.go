package lockfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// faulty fails its nth operation, counted from 0, with err. A failing write
// writes half.
type faulty struct {
	OS
	n    *int
	err  error
	seen *[]string
}

func (f faulty) fail(op string) error {
	*f.seen = append(*f.seen, op)
	*f.n--
	if *f.n == -1 {
		return f.err
	}
	return nil
}

func (f faulty) Lstat(name string) (fs.FileInfo, error) {
	if err := f.fail("lstat"); err != nil {
		return nil, err
	}
	return f.OS.Lstat(name)
}

func (f faulty) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := f.fail("open"); err != nil {
		return nil, err
	}
	file, err := f.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return faultyFile{file, f}, nil
}

func (f faulty) Rename(from, to string) error {
	if err := f.fail("rename"); err != nil {
		return err
	}
	return f.OS.Rename(from, to)
}

func (f faulty) Remove(name string) error {
	*f.seen = append(*f.seen, "remove")
	return f.OS.Remove(name)
}

type faultyFile struct {
	File
	f faulty
}

func (f faultyFile) Read(b []byte) (int, error) {
	if err := f.f.fail("read"); err != nil {
		return 0, err
	}
	return f.File.Read(b)
}

func (f faultyFile) Write(b []byte) (int, error) {
	if err := f.f.fail("write"); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f faultyFile) Chmod(mode fs.FileMode) error {
	if err := f.f.fail("chmod"); err != nil {
		return err
	}
	return f.File.Chmod(mode)
}

func (f faultyFile) Sync() error {
	if err := f.f.fail("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f faultyFile) Close() error {
	err := f.File.Close()
	if ferr := f.f.fail("close"); ferr != nil {
		return ferr
	}
	return err
}

func TestWriteFileFaults(t *testing.T) {
	const old, text = "old lock\n", "new lock\n"
	for _, exists := range []bool{true, false} {
		for n := 0; ; n++ {
			dir := t.TempDir()
			path := filepath.Join(dir, "requirements.lock")
			if exists {
				if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			left, seen := n, []string{}
			changed, err := WriteFile(path, []byte(text), faulty{n: &left, err: syscall.ENOSPC, seen: &seen})
			got, rerr := os.ReadFile(path)
			entries, _ := os.ReadDir(dir)
			if left >= 0 { // nothing failed
				if err != nil || !changed || string(got) != text {
					t.Errorf("without a fault: got %v, %v, %q", changed, err, got)
				}
				if n < 10 {
					t.Errorf("only %d operations: %q", n, seen)
				}
				break
			}
			renamed := err == nil
			want := 1
			switch {
			case renamed:
				if !changed || string(got) != text {
					t.Errorf("fault in %q: no error, but %v, %q", seen, changed, got)
				}
			case exists:
				if string(got) != old {
					t.Errorf("fault in %q: the old lock is now %q", seen, got)
				}
			case !errors.Is(rerr, fs.ErrNotExist):
				t.Errorf("fault in %q: a new lock %q", seen, got)
			default:
				want = 0
			}
			if len(entries) != want {
				t.Errorf("fault in %q: %v left behind", seen, entries)
			}
			var we *WriteError
			if err != nil && (!errors.As(err, &we) || !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), ".tmp")) {
				t.Errorf("fault in %q: got %v", seen, err)
			}
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "requirements.lock")
	for _, tt := range []struct {
		text    string
		changed bool
	}{{"a\n", true}, {"a\n", false}, {"b\n", true}} {
		before, _ := os.Stat(path)
		changed, err := WriteFile(path, []byte(tt.text), OS{})
		if err != nil || changed != tt.changed {
			t.Errorf("%q: got %v, %v", tt.text, changed, err)
		}
		after, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && os.SameFile(before, after) == tt.changed {
			t.Errorf("%q: rewritten is %v", tt.text, !tt.changed)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteFile(path, []byte("c\n"), OS{}); err != nil {
		t.Fatal(err)
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o640 {
		t.Errorf("got mode %v, want that of the old file", fi.Mode())
	}
}

// Of many writers at once one wins, and its lock is whole.
func TestWriteFileConcurrently(t *testing.T) {
	const writers = 50
	dir := t.TempDir()
	path := filepath.Join(dir, "requirements.lock")
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if _, err := WriteFile(path, bytes.Repeat([]byte{'a' + byte(i%26)}, 10_000), OS{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 10_000 || len(bytes.Trim(got, string(got[:1]))) != 0 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%v left behind", entries)
	}
}

func TestWriteFileRefuses(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("target", link); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct{ path, want string }{
		{link, "symbolic link"},
		{dir, "is a folder"},
		{os.DevNull, "not a regular file"},
		{filepath.Join(dir, "none", "x.lock"), "create it"},
	} {
		_, err := WriteFile(tt.path, []byte("new\n"), OS{})
		var we *WriteError
		if !errors.As(err, &we) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.path, err, tt.want)
		}
	}
	if got, _ := os.ReadFile(target); string(got) != "old\n" {
		t.Errorf("the target of the link is now %q", got)
	}
}

// A write removes what killed writes left long ago, and nothing else.
func TestWriteFileSweeps(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	name := func(s string) string { return filepath.Join(dir, s) }
	for _, f := range []string{".pylock-ABCDEFGHIJ23.tmp", ".pylock-ABCDEFGHIJ24.tmp", ".pylock-abcdefghij23.tmp", ".pylock-ABC.tmp", "x.pylock-ABCDEFGHIJ23.tmp"} {
		if err := os.WriteFile(name(f), []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		if f != ".pylock-ABCDEFGHIJ24.tmp" {
			if err := os.Chtimes(name(f), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(name(".pylock-ABCDEFGHIJ25.tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name(".pylock-ABCDEFGHIJ25.tmp"), old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteFile(name("requirements.lock"), []byte("a==1\n"), OS{}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := []string{".pylock-ABC.tmp", ".pylock-ABCDEFGHIJ24.tmp", ".pylock-ABCDEFGHIJ25.tmp", ".pylock-abcdefghij23.tmp", "requirements.lock", "x.pylock-ABCDEFGHIJ23.tmp"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
