package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
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

func open1(t testing.TB, dir string) (*Store, *Bucket) {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b, err := s.Bucket("https://index.test/simple/", false)
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

// only returns the single file of a kind.
func only(t testing.TB, dir, kind string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, Layout, "*", kind, "*"+extension))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", kind, found, err)
	}
	return found[0]
}

func TestRecord(t *testing.T) {
	dir := t.TempDir()
	_, b := open1(t, dir)
	for _, want := range []string{"", "one", strings.Repeat("two", 1e5)} {
		b.Write(Simple, "a", []byte(want))
		_, again := open1(t, dir)
		for _, b := range []*Bucket{b, again} {
			if got, ok := b.Read(Simple, "a"); !ok || string(got) != want {
				t.Errorf("got %d bytes, %v, want %d", len(got), ok, len(want))
			}
		}
	}
	for _, at := range [][2]string{{Simple, "b"}, {JSON, "a"}} {
		if _, ok := b.Read(at[0], at[1]); ok {
			t.Errorf("%s is there", at)
		}
	}
	s, _ := open1(t, dir)
	other, _ := s.Bucket("https://other.test/simple/", false)
	secret, err := s.Bucket("https://index.test/simple/", true)
	if _, ok := secret.Read(Simple, "a"); ok || err != nil {
		t.Errorf("the record is there for a secret identity, or %v", err)
	}
	if _, ok := other.Read(Simple, "a"); ok {
		t.Error("the record is there for another index")
	}
	if read, write := s.Errors(); read != nil || write != nil {
		t.Error(read, write)
	}
	b.Remove(Simple, "a")
	if _, ok := b.Read(Simple, "a"); ok {
		t.Error("the record is there after its removal")
	}
}

// A record in which anything is changed is not there.
func TestRecordDamaged(t *testing.T) {
	dir := t.TempDir()
	_, b := open1(t, dir)
	b.Write(Simple, "a", []byte("the page of a"))
	file := only(t, dir, Simple)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := b.Read(Simple, "a"); ok {
			t.Errorf("%s: read %q", what, got)
		}
	}
	for i := range whole {
		try(fmt.Sprint("cut at ", i), whole[:i])
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << bit
			try(fmt.Sprintf("bit %d of byte %d", bit, i), flipped)
		}
	}
	try("longer", append(bytes.Clone(whole), 0))
	try("foreign", []byte("#!/bin/sh\nexit 0 # nothing of ours\n"))
	try("zeros", make([]byte, 1000))
	// The record of another package under this name.
	b.Write(Simple, "b", []byte("the page of b"))
	other, err := os.ReadFile(filepath.Join(filepath.Dir(file), "b"+extension))
	if err != nil {
		t.Fatal(err)
	}
	try("of b", other)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Read(Simple, "a"); ok {
		t.Error("a folder is a record")
	}
}

// A pack in which anything is changed has lost entries, and none is wrong; what is added then is there for the next.
func TestPackDamaged(t *testing.T) {
	dir := t.TempDir()
	_, b := open1(t, dir)
	want := map[string]string{"one": "1", "two": "22", "three": "", "four": "4444"}
	p := b.Pack(Releases, "a")
	for _, k := range slices.Sorted(maps.Keys(want)) {
		p.Add(k, []byte(want[k]))
	}
	file := only(t, dir, Releases)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, data []byte, all bool) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p := b.Pack(Releases, "a")
		found := 0
		for k, v := range want {
			if got, ok := p.Get(k); ok && string(got) != v {
				t.Fatalf("%s: %s is %q, want %q", what, k, got, v)
			} else if ok {
				found++
			}
		}
		if len(p.entries) != found || all != (found == len(want)) {
			t.Fatalf("%s: %d entries, %d of them right", what, len(p.entries), found)
		}
		p.Add("five", []byte("new"))
		again := b.Pack(Releases, "a")
		if got, ok := again.Get("five"); !ok || string(got) != "new" || len(again.entries) != found+1 || again.damaged {
			t.Fatalf("%s: after an addition there are %d entries, damaged: %v", what, len(again.entries), again.damaged)
		}
	}
	try("whole", whole, true)
	for i := range whole {
		try(fmt.Sprint("cut at ", i), whole[:i], false)
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << bit
			try(fmt.Sprintf("bit %d of byte %d", bit, i), flipped, false)
		}
	}
	try("longer", append(bytes.Clone(whole), 1, 2, 3), true)
	try("foreign", []byte("pylockP1 but not really one of them"), false)
}

func TestPackReplaced(t *testing.T) {
	dir := t.TempDir()
	_, b := open1(t, dir)
	p := b.Pack(Releases, "a")
	for i := range 1000 {
		p.Add("1.0", fmt.Appendf(nil, "%0100d", i))
	}
	fi, err := os.Stat(only(t, dir, Releases))
	if err != nil || fi.Size() > 10_000 {
		t.Errorf("%d bytes for an entry of 100, %v", fi.Size(), err)
	}
	if got, _ := b.Pack(Releases, "a").Get("1.0"); string(got) != fmt.Sprintf("%0100d", 999) {
		t.Errorf("got %s", got)
	}
}

// Processes that write and read at once see a whole record of one of them, and lose no entry that they appended.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	const writers, rounds = 4, 60
	_, first := open1(t, dir)
	first.Pack(Releases, "p").Add("start", nil)
	for w := range writers {
		s, b := open1(t, dir) // as another process would
		p := b.Pack(Releases, "p")
		wg.Go(func() {
			for i := range rounds {
				b.Write(Simple, "a", bytes.Repeat([]byte{byte('a' + w)}, 1000+i))
				if got, ok := b.Read(Simple, "a"); !ok || len(got) < 1000 || len(bytes.Trim(got, string(got[:1]))) > 0 {
					t.Errorf("read %d bytes, %v", len(got), ok)
				}
				p.Add(fmt.Sprint(w, " ", i), fmt.Appendf(nil, "value %d %d", w, i))
			}
			if read, write := s.Errors(); read != nil || write != nil {
				t.Error(read, write)
			}
		})
	}
	wg.Wait()
	p := first.Pack(Releases, "p")
	found := 0
	for k, v := range p.entries {
		if k != "start" && string(v) != "value "+k {
			t.Errorf("%s is %q", k, v)
		}
		found++
	}
	if found != writers*rounds+1 || p.damaged {
		t.Errorf("%d of %d entries, damaged: %v", found, writers*rounds+1, p.damaged)
	}
	left, _ := os.ReadDir(filepath.Join(dir, Layout, tmpName))
	if len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

// full is a disk on which the first bytes of a file find room.
type full struct{ io.WriteCloser }

func (f full) Write(p []byte) (int, error) {
	n, _ := f.WriteCloser.Write(p[:len(p)/2])
	return n, syscall.ENOSPC
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	s, b := open1(t, dir)
	b.Write(Simple, "a", []byte("before"))
	create := s.create
	s.create = func(root *os.Root, name string) (io.WriteCloser, error) {
		f, err := create(root, name)
		return full{f}, err
	}
	b.Write(Simple, "a", []byte("after"))
	b.Write(Simple, "b", []byte("after"))
	if got, ok := b.Read(Simple, "a"); !ok || string(got) != "before" {
		t.Errorf("got %q, %v", got, ok)
	}
	if _, ok := b.Read(Simple, "b"); ok {
		t.Error("half a record is there")
	}
	if _, write := s.Errors(); !errors.Is(write, syscall.ENOSPC) {
		t.Errorf("got %v", write)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, Layout, tmpName)); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestOpenRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are those of Unix")
	}
	for _, tt := range []struct {
		name string
		make func(dir string) error
		want error
	}{
		{"a folder of somebody's files", func(dir string) error { return os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o644) }, ErrForeign},
		{"a folder with v1 among others", func(dir string) error {
			os.Mkdir(filepath.Join(dir, "src"), 0o755)
			return os.Mkdir(filepath.Join(dir, Layout), 0o755)
		}, ErrForeign},
		{"another's tag", func(dir string) error {
			os.WriteFile(filepath.Join(dir, "x"), nil, 0o644)
			return os.WriteFile(filepath.Join(dir, tagName), []byte("Signature: 8a477f597d28d172789f06886806bc55\n# of uv\n"), 0o644)
		}, ErrForeign},
		{"everybody may write", func(dir string) error {
			if s, err := Open(dir); err != nil {
				return err
			} else {
				s.Close()
			}
			return os.Chmod(filepath.Join(dir, Layout), 0o777)
		}, ErrUntrusted},
		{"a link out of it", func(dir string) error {
			s, err := Open(dir)
			if err != nil {
				return err
			}
			s.Close()
			os.RemoveAll(filepath.Join(dir, Layout))
			out := filepath.Join(dir, "..", "out")
			os.Mkdir(out, 0o777)
			os.Chmod(out, 0o777)
			return os.Symlink(out, filepath.Join(dir, Layout))
		}, ErrUntrusted},
		{"a file", func(dir string) error { os.Remove(dir); return os.WriteFile(dir, nil, 0o644) }, syscall.ENOTDIR},
		{"empty", func(dir string) error { return nil }, nil},
		{"half made", func(dir string) error { return os.WriteFile(filepath.Join(dir, gitignore), nil, 0o644) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := tt.make(dir); err != nil {
				t.Fatal(err)
			}
			s, err := Open(dir)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if _, err := os.Stat(filepath.Join(dir, gitignore)); errors.Is(tt.want, ErrForeign) && err == nil {
				t.Error("a .gitignore was written into it")
			}
		})
	}
}

// A link in the place of a record leads nowhere.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	_, b := open1(t, dir)
	b.Write(Simple, "a", []byte("page"))
	file := only(t, dir, Simple)
	outside := filepath.Join(t.TempDir(), "a"+extension)
	if err := os.Rename(file, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, file); err != nil {
		t.Skip(err)
	}
	if _, ok := b.Read(Simple, "a"); ok {
		t.Error("a link out of the folder was followed")
	}
	b.Write(Simple, "a", []byte("new"))
	if got, ok := b.Read(Simple, "a"); !ok || string(got) != "new" {
		t.Errorf("got %q, %v", got, ok)
	}
	if data, _ := os.ReadFile(outside); !bytes.HasSuffix(data, []byte("page")) {
		t.Error("the file outside was written to")
	}
}

func TestSecretBucket(t *testing.T) {
	dir := t.TempDir()
	identity := "https://index.test/simple/ auth Basic dXNlcjpzZWNyZXQ="
	s, _ := open1(t, dir)
	b, err := s.Bucket(identity, true)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(Simple, "a", []byte("private"))
	again, _ := open1(t, dir)
	if b, err := again.Bucket(identity, true); err != nil {
		t.Fatal(err)
	} else if got, ok := b.Read(Simple, "a"); !ok || string(got) != "private" {
		t.Errorf("got %q, %v", got, ok)
	}
	elsewhere, _ := open1(t, t.TempDir())
	if c, _ := elsewhere.Bucket(identity, true); c == nil || c.name == b.name {
		t.Error("the name of the bucket tells what was hashed")
	}
	// Many at once agree on a key.
	fresh := t.TempDir()
	names := make([]string, 8)
	var wg sync.WaitGroup
	for i := range names {
		s, _ := open1(t, fresh)
		wg.Go(func() {
			if b, err := s.Bucket(identity, true); err != nil {
				t.Error(err)
			} else {
				names[i] = b.name
			}
		})
	}
	wg.Wait()
	if len(slices.Compact(names)) != 1 {
		t.Errorf("several keys: %v", names)
	}
}

func TestAdmin(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	now := time.Now()
	s, b := open1(t, dir)
	for i := range 10 {
		name := fmt.Sprint("p", i)
		b.Write(Simple, name, make([]byte, 1000))
		b.Pack(Releases, name).Add("k", make([]byte, 100))
		for _, kind := range []string{Simple, Releases} {
			file := filepath.Join(dir, Layout, b.name, kind, name+extension)
			if err := os.Chtimes(file, now, now.Add(-time.Duration(100-i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	os.MkdirAll(filepath.Join(dir, "v0", "x"), 0o700)
	os.WriteFile(filepath.Join(dir, "v0", "x", "old"), make([]byte, 77), 0o600)
	leftover := filepath.Join(dir, Layout, tmpName, "dead-1")
	os.WriteFile(leftover, make([]byte, 50), 0o600)
	os.Chtimes(leftover, now, now.Add(-2*time.Hour))
	os.WriteFile(filepath.Join(dir, Layout, tmpName, "live-1"), make([]byte, 5), 0o600)

	info, err := Measure(dir)
	if err != nil || info.Kinds[Simple].Files != 10 || info.Kinds[Releases].Files != 10 || info.Indexes != 1 || info.Other.Files != 3 {
		t.Errorf("got %+v, %v", info, err)
	}
	b.Read(Simple, "p0") // a use
	removed, err := Prune(dir, 4*1016, now)
	if err != nil || removed.Files == 0 {
		t.Errorf("removed %+v, %v", removed, err)
	}
	info, err = Measure(dir)
	if err != nil || info.Total.Bytes > 4*1016+5 || info.Other.Files != 1 {
		t.Errorf("after: %+v, %v", info, err)
	}
	for name, want := range map[string]bool{"p0": true, "p1": false, "p5": false, "p9": true} {
		if _, ok := b.Read(Simple, name); ok != want {
			t.Errorf("%s is there: %v", name, ok)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "v0")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("v0: %v", err)
	}
	if _, err := Clean(dir, "p9"); err != nil {
		t.Error(err)
	}
	if _, ok := b.Read(Simple, "p9"); ok {
		t.Error("p9 is there after clean")
	}
	// A run goes on while its cache is cleaned.
	pack := b.Pack(Releases, "p8")
	if _, err := Clean(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
	b.Write(Simple, "p1", nil)
	pack.Add("x", nil)
	if _, ok := b.Read(Simple, "p1"); ok {
		t.Log("the folder is used though it has no name")
	}
	s.Close()
}

func TestAdminForeign(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, Layout, "bucket", Simple), 0o700)
	precious := filepath.Join(dir, Layout, "bucket", Simple, "a"+extension)
	os.WriteFile(precious, []byte("x"), 0o600)
	os.WriteFile(filepath.Join(dir, tagName), []byte("Signature: 8a477f597d28d172789f06886806bc55\n"), 0o600)
	_, cleaned := Clean(dir)
	_, pruned := Prune(dir, 0, time.Now())
	_, measured := Measure(dir)
	for _, err := range []error{cleaned, pruned, measured} {
		if !errors.Is(err, ErrNoCache) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	// What else is in a cache stays.
	dir = t.TempDir()
	s, b := open1(t, dir)
	b.Write(Simple, "a", nil)
	s.Close()
	os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600)
	if _, err := Clean(dir); err != nil {
		t.Error(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || entries[0].Name() != "notes.txt" {
		t.Errorf("left: %v", entries)
	}
}

func TestPruneNow(t *testing.T) {
	dir := t.TempDir()
	s, b := open1(t, dir)
	now := time.Now()
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {time.Hour, false}, {23 * time.Hour, false}, {25 * time.Hour, true}} {
		b.Write(Simple, "a", nil)
		s.PruneNow(0, now.Add(tt.after))
		if _, ok := b.Read(Simple, "a"); ok == tt.want {
			t.Errorf("after %s: pruned is %v, want %v", tt.after, !ok, tt.want)
		}
	}
}

func TestPruneRepositories(t *testing.T) {
	dir := t.TempDir()
	s, _ := open1(t, dir)
	now := time.Now()
	for name, age := range map[string]time.Duration{"old": 31 * 24 * time.Hour, "new": 29 * 24 * time.Hour} {
		copy := filepath.Join(s.Repositories(), name)
		if err := os.MkdirAll(filepath.Join(copy, "objects"), 0o700); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(copy, now.Add(-age), now.Add(-age))
	}
	if _, err := Prune(dir, 1<<30, now); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(s.Repositories())
	if err != nil || len(left) != 1 || left[0].Name() != "new" {
		t.Errorf("%v %v", left, err)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := t.TempDir()
	s, b := open1(t, dir)
	b.Write(Simple, "a", nil)
	os.Chmod(only(t, dir, Simple), 0)
	if _, ok := b.Read(Simple, "a"); ok {
		t.Error("an unreadable record was read")
	}
	if read, _ := s.Errors(); !errors.Is(read, fs.ErrPermission) {
		t.Errorf("got %v", read)
	}
}

func FuzzPack(f *testing.F) {
	dir := f.TempDir()
	_, b := open1(f, dir)
	b.Pack(Releases, "a").Add("key", []byte("value"))
	file := only(f, dir, Releases)
	whole, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(append(bytes.Clone(whole), 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p := b.Pack(Releases, "a")
		if p.live > int64(len(data)) {
			t.Errorf("%d bytes of entries in %d", p.live, len(data))
		}
		b.Read(Releases, "a")
	})
}
