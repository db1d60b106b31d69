package build

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pack makes a tar.gz of names, or headers, and contents.
func pack(t testing.TB, members ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	writeTar(t, z, members)
	z.Close()
	return b.Bytes()
}

// writeTar writes a tar of names, or headers, and contents.
func writeTar(t testing.TB, out io.Writer, members []any) {
	t.Helper()
	w := tar.NewWriter(out)
	for i := 0; i < len(members); i += 2 {
		content := members[i+1].(string)
		h, ok := members[i].(*tar.Header)
		if !ok {
			h = &tar.Header{Name: members[i].(string), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func save(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listing names all below dir, with contents and targets.
func listing(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		b.WriteString(filepath.ToSlash(rel))
		switch {
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			b.WriteString("->" + target + " ")
			return err
		case d.IsDir():
			b.WriteString("/ ")
			return nil
		}
		data, err := os.ReadFile(path)
		fi, _ := d.Info()
		if fi.Mode()&0o100 != 0 {
			b.WriteString("*")
		}
		b.WriteString("=" + string(data) + " ")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func TestUnpack(t *testing.T) {
	link := func(name, target string) *tar.Header {
		return &tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}
	}
	hard := func(name, target string) *tar.Header {
		return &tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}
	}
	folder := func(name string) *tar.Header {
		return &tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}
	}
	for _, test := range []struct {
		name string
		data []byte
		want string // the tree, or after a dash part of the error
	}{
		{"tree", pack(t, folder("a-1/"), "", "a-1/setup.py", "x", "a-1/a/b.py", "y"), "a/ a/b.py=y setup.py=x"},
		{"without folders", pack(t, "a-1/p/q/r", "x"), "p/ p/q/ p/q/r=x"},
		{"dot first", pack(t, folder("./"), "", "./a-1/f", "x"), "f=x"},
		{"no folder at the top", pack(t, "f", "x", "g", "y"), "f=x g=y"},
		{"program", pack(t, &tar.Header{Name: "a/configure", Mode: 0o6755, Typeflag: tar.TypeReg}, ""), "configure*="},
		{"unreadable file", pack(t, &tar.Header{Name: "a/f", Mode: 0, Typeflag: tar.TypeReg}, ""), "f="},
		{"twice", pack(t, "a/f", "x", "a/f", "y"), "f=y"},
		{"link inside", pack(t, "a/f", "x", link("a/l", "f"), "", link("a/d/l", "../f"), ""), "d/ d/l->../f f=x l->f"},
		{"link to nothing", pack(t, link("a/l", "none"), "", "a/f", ""), "f= l->none"},
		{"hard link", pack(t, "a/f", "x", hard("a/l", "a/f"), ""), "f=x l=x"},
		{"comment of git", pack(t, &tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "1"}}, "", "a/f", "x"), "f=x"},
		{"file in the place of a link", pack(t, "a/f", "x", link("a/l", "f"), "", "a/l", "y"), "f=x l=y"},
		{"parent", pack(t, "../evil", "x"), "-leads out"},
		{"parent within", pack(t, "a/../../evil", "x"), "-leads out"},
		{"parent that stays", pack(t, "a/../b", "x"), "-leads out"},
		{"absolute", pack(t, "/evil", "x"), "-leads out"},
		{"backslash", pack(t, `a\..\..\evil`, "x"), "-leads out"},
		{"absolute link", pack(t, link("a/l", "/etc"), ""), "-outside of its folder"},
		{"link to the parent", pack(t, link("a/l", "../.."), ""), "-outside of its folder"},
		{"link through a link", pack(t, folder("a/d/e"), "", link("a/d/e/up", "../../.."), "", link("a/l", "d/e/up/.."), ""), "-link"},
		{"file through a link", pack(t, folder("a/d/e"), "", link("a/d/e/up", "../../.."), "", "a/d/e/up/../evil", "x"), "-leads out"},
		{"hard link outside", pack(t, hard("a/l", "../evil"), ""), "-leads out"},
		{"hard link to a link", pack(t, link("a/l", "f"), "", hard("a/m", "a/l"), ""), "-no file before it"},
		{"device", pack(t, &tar.Header{Name: "a/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, ""), "-device"},
		{"pipe", pack(t, &tar.Header{Name: "a/p", Typeflag: tar.TypeFifo}, ""), "-special file"},
		{"file without a name", pack(t, &tar.Header{Name: ".", Typeflag: tar.TypeReg}, ""), "-no name"},
		{"bomb", pack(t, "a/zeros", strings.Repeat("\x00", minRatioSize+1<<20)), "-over the limit of 20 to 1"},
		{"cut", pack(t, "a/f", strings.Repeat("x", 5000))[:60], "-unexpected EOF"},
		{"no archive", []byte("hello, world"), "-gzip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			above := t.TempDir()
			dir := filepath.Join(above, "in", "src")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			tree, err := unpack(save(t, test.data), "a-1.tar.gz", dir)
			if want, bad := strings.CutPrefix(test.want, "-"); bad {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			} else if err != nil {
				t.Error(err)
			} else if got := listing(t, tree); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if _, err := os.Stat(filepath.Join(above, "evil")); err == nil {
				t.Error("it wrote outside")
			}
			if _, err := os.Stat(filepath.Join(above, "in", "evil")); err == nil {
				t.Error("it wrote outside")
			}
		})
	}
}

func TestUnpackZip(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a-1/", "a-1/setup.py"} {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	tree, err := unpack(save(t, b.Bytes()), "a-1.zip", t.TempDir())
	if err != nil || listing(t, tree) != "setup.py=" {
		t.Errorf("got %s, %v", listing(t, tree), err)
	}
	b.Reset()
	w = zip.NewWriter(&b)
	if _, err := w.Create("../evil"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := unpack(save(t, b.Bytes()), "a-1.zip", t.TempDir()); err == nil || !strings.Contains(err.Error(), "leads out") {
		t.Errorf("got %v", err)
	}
	if _, err := unpack(save(t, nil), "a-1.tar.zst", t.TempDir()); err == nil || !strings.Contains(err.Error(), "want .tar.gz") {
		t.Errorf("got %v", err)
	}
}

// FuzzUnpack checks that nothing is written outside, whatever a tar holds.
func FuzzUnpack(f *testing.F) {
	f.Add("a/f", "", byte(tar.TypeReg), "a/l", "../f", byte(tar.TypeSymlink))
	f.Add("a", "..", byte(tar.TypeSymlink), "a/f", "", byte(tar.TypeReg))
	f.Add("a/b", "../../..", byte(tar.TypeSymlink), "a/b/f", "a", byte(tar.TypeLink))
	f.Fuzz(func(t *testing.T, name, target string, kind byte, name2, target2 string, kind2 byte) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		for _, h := range []*tar.Header{{Name: name, Linkname: target, Typeflag: kind, Mode: 0o755}, {Name: name2, Linkname: target2, Typeflag: kind2, Mode: 0o755}} {
			if w.WriteHeader(h) != nil {
				return
			}
		}
		w.Close()
		z.Close()
		above := t.TempDir()
		dir := filepath.Join(above, "in", "src")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, _ = unpack(save(t, b.Bytes()), "a.tar.gz", dir)
		for _, at := range []string{above, filepath.Join(above, "in")} {
			if entries, err := os.ReadDir(at); err != nil || len(entries) != 1 {
				t.Fatalf("%s has %v, %v", at, entries, err)
			}
		}
	})
}
