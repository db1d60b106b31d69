package indextest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// checkWheel reads a wheel as an installer does: every member by its CRC, each listed in RECORD with hash and size.
func checkWheel(t *testing.T, f *file) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(f.body), int64(len(f.body)))
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	members := map[string]string{}
	var record string
	for _, e := range z.File {
		if e.Flags&8 != 0 {
			t.Errorf("%s: %s has a data descriptor", f.name, e.Name)
		}
		r, err := e.Open()
		if err != nil {
			t.Fatalf("%s: %s: %v", f.name, e.Name, err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %s: %v", f.name, e.Name, err)
		}
		if _, twice := members[e.Name]; twice {
			t.Errorf("%s: %s is there twice", f.name, e.Name)
		}
		members[e.Name] = string(data)
		if path.Base(e.Name) == "RECORD" {
			record = e.Name
		}
	}
	rows, err := csv.NewReader(strings.NewReader(members[record])).ReadAll()
	if err != nil || len(rows) != len(members) {
		t.Fatalf("%s: RECORD has %d rows for %d members, %v", f.name, len(rows), len(members), err)
	}
	for _, row := range rows {
		data, ok := members[row[0]]
		sum := sha256.Sum256([]byte(data))
		hash, size := "sha256="+base64.RawURLEncoding.EncodeToString(sum[:]), strconv.Itoa(len(data))
		if row[0] == record {
			hash, size = "", ""
		}
		if !ok || row[1] != hash || row[2] != size {
			t.Errorf("%s: RECORD has %q, want %s,%s", f.name, row, hash, size)
		}
	}
	if got := members[strings.TrimSuffix(record, "RECORD")+"METADATA"]; got != string(f.metadata) {
		t.Errorf("%s: METADATA is %q, beside it %q", f.name, got, f.metadata)
	}
	return members
}

func untar(t *testing.T, body []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		members[h.Name] = string(data)
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // the checksum behind the archive
		t.Fatal(err)
	}
	return members
}

func TestWheel(t *testing.T) {
	u := MustParse("Foo_.bar v1.0-ALPHA.1+Local_2\n  dep>=1; extra == 'x'\n  @python >=3.8\n  @wheel 1-cp38.cp39-abi3-linux_x86_64.win32\n  @size 70000\n")
	f := artefacts(u.Projects[0], u.Projects[0].Releases[0])[0].build()
	if want := "foo_bar-1.0a1+local.2-1-cp38.cp39-abi3-linux_x86_64.win32.whl"; f.name != want {
		t.Errorf("got %s, want %s", f.name, want)
	}
	members := checkWheel(t, f)
	want := map[string]string{
		"foo_bar/__init__.py":                      "__version__ = \"v1.0-ALPHA.1+Local_2\"\n",
		"foo_bar-1.0a1+local.2.dist-info/METADATA": "Metadata-Version: 2.3\nName: Foo_.bar\nVersion: v1.0-ALPHA.1+Local_2\nRequires-Python: >=3.8\nRequires-Dist: dep>=1; extra == 'x'\nProvides-Extra: x\n",
		"foo_bar-1.0a1+local.2.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: indextest\nRoot-Is-Purelib: true\nBuild: 1\nTag: cp38-abi3-linux_x86_64\nTag: cp38-abi3-win32\nTag: cp39-abi3-linux_x86_64\nTag: cp39-abi3-win32\n",
	}
	for name, text := range want {
		if members[name] != text {
			t.Errorf("%s: got %q, want %q", name, members[name], text)
		}
	}
	if n := len(members["foo_bar/filler.bin"]); n != 70000 {
		t.Errorf("got %d bytes of filler", n)
	}
}

func TestSdist(t *testing.T) {
	const release = "  needed>=1\n  more; (os_name == \"nt\" or os_name == \"posix\") and extra == \"b\"\n  @python >=3.8\n  @extra a\n"
	for _, test := range []struct {
		kind            string
		pkgInfo, pyproj string
	}{
		{"static",
			"Metadata-Version: 2.2\nName: X.y\nVersion: 1\nRequires-Python: >=3.8\nRequires-Dist: needed>=1\nRequires-Dist: more; (os_name == \"nt\" or os_name == \"posix\") and extra == \"b\"\nProvides-Extra: a\nProvides-Extra: b\n",
			"[project]\nname = \"X.y\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"needed>=1\"]\n\n[project.optional-dependencies]\n\"a\" = []\n\"b\" = [\"more ; (os_name == \\\"nt\\\" or os_name == \\\"posix\\\")\"]\n"},
		{"dynamic",
			"Metadata-Version: 2.2\nName: X.y\nVersion: 1\nDynamic: Requires-Dist\nDynamic: Requires-Python\nDynamic: Provides-Extra\n",
			"[project]\nname = \"X.y\"\nversion = \"1\"\ndynamic = [\"dependencies\", \"optional-dependencies\", \"requires-python\"]\n"},
		{"pyproject",
			"Metadata-Version: 2.1\nName: X.y\nVersion: 1\n",
			"[project]\nname = \"X.y\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"needed>=1\"]\n\n[project.optional-dependencies]\n\"a\" = []\n\"b\" = [\"more ; (os_name == \\\"nt\\\" or os_name == \\\"posix\\\")\"]\n"},
		{"legacy", "Metadata-Version: 2.1\nName: X.y\nVersion: 1\n", ""},
	} {
		u := MustParse("X.y 1\n" + release + "  @sdist " + test.kind + "\n")
		f := artefacts(u.Projects[0], u.Projects[0].Releases[0])[0].build()
		if f.name != "x_y-1.tar.gz" {
			t.Errorf("%s: file %s", test.kind, f.name)
		}
		members := untar(t, f.body)
		_, project, _ := strings.Cut(members["x_y-1/pyproject.toml"], "backend-path = [\".\"]\n")
		if got := members["x_y-1/PKG-INFO"]; got != test.pkgInfo {
			t.Errorf("%s: PKG-INFO\n%swant\n%s", test.kind, got, test.pkgInfo)
		}
		if got := strings.TrimPrefix(project, "\n"); got != test.pyproj {
			t.Errorf("%s: pyproject.toml\n%swant\n%s", test.kind, got, test.pyproj)
		}
		for name := range members {
			if !strings.HasPrefix(name, "x_y-1/") {
				t.Errorf("%s: member %s", test.kind, name)
			}
		}
	}
}

// The artefacts of each universe are sound, and the same when made again. One hash is pinned, so that a change of the
// form does not go unnoticed: golden files hold such hashes.
func TestArtefacts(t *testing.T) {
	all, err := Load(universes)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		for _, p := range u.Projects {
			for _, r := range p.Releases {
				again := artefacts(p, r)
				for i, f := range artefacts(p, r) {
					f.build()
					if !bytes.Equal(f.body, again[i].build().body) || f.sha256 != hexSHA256(f.body) {
						t.Errorf("%s differs when made again", f.name)
					}
					if f.wheel {
						checkWheel(t, f)
					} else {
						untar(t, f.body)
					}
				}
			}
		}
	}
	u := MustParse("a 1.0\n  b\n  @wheel py3-none-any\n  @sdist\n")
	var got []string
	for _, f := range artefacts(u.Projects[0], u.Projects[0].Releases[0]) {
		got = append(got, f.build().sha256)
	}
	want := []string{"cc6229c321df69c29e2ec2b9f2f95e07e413443f3c16157580d4cbe3a1097bd6", "bdbca5a76aedfbd971ebc7587bfc0fde67d97ab8feb5daeb61360bb033d4f81e"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDeflate(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 600 {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		z, err := gzip.NewReader(bytes.NewReader(gzipFixed(data)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: got %q, %v; want %q", n, got, err, data)
		}
	}
}
