package index

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

const (
	staticInfo  = "Metadata-Version: 2.2\nName: demo\nVersion: 1.0\nRequires-Dist: dep>=2\n"
	dynamicInfo = "Metadata-Version: 2.2\nName: demo\nVersion: 1.0\nDynamic: Requires-Dist\n"
	oldInfo     = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
	staticTOML  = "[project]\nname = \"demo\"\ndynamic = [\"version\"]\ndependencies = [\"dep>=3\"]\n"
	dynamicTOML = "[project]\nname = \"demo\"\nversion = \"1.0\"\ndynamic = [\"dependencies\"]\n"
)

func makeTar(t testing.TB, headers ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(headers); i += 2 {
		content := headers[i+1].(string)
		h, ok := headers[i].(*tar.Header)
		if !ok {
			h = &tar.Header{Name: headers[i].(string), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}
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
	z.Close()
	return b.Bytes()
}

// paxSize replaces the PAX record comment=0 by a size, which archive/tar does not write.
func paxSize(data []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		panic(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	raw = bytes.Replace(raw, []byte("13 comment=0\n"), []byte("13 size=0000\n"), 1)
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(raw)
	w.Close()
	return b.Bytes()
}

func TestSdists(t *testing.T) {
	const info, toml = "demo-1.0/PKG-INFO", "demo-1.0/pyproject.toml"
	link := func(kind byte) *tar.Header {
		return &tar.Header{Name: info, Typeflag: kind, Linkname: "other"}
	}
	whole := makeTar(t, info, staticInfo)
	tests := []struct {
		name   string
		data   []byte
		source Source
		want   string
	}{
		{"static", whole, FromPKGINFO, "dep>=2\n"},
		{"static, dot first", makeTar(t, "./demo-1.0/setup.py", "", "./"+info, staticInfo), FromPKGINFO, "dep>=2\n"},
		{"static before the project table", makeTar(t, toml, staticTOML, info, staticInfo), FromPKGINFO, "dep>=2\n"},
		{"folder spelled otherwise", makeTar(t, "Demo-1.0.0/PKG-INFO", staticInfo), FromPKGINFO, "dep>=2\n"},
		{"nested PKG-INFO", makeTar(t, info, staticInfo, "demo-1.0/demo.egg-info/PKG-INFO", "evil"), FromPKGINFO, "dep>=2\n"},
		{"traversal elsewhere", makeTar(t, "../../evil", "x", info, staticInfo), FromPKGINFO, "dep>=2\n"},
		{"link elsewhere", makeTar(t, &tar.Header{Name: "demo-1.0/x", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, "", info, staticInfo), FromPKGINFO, "dep>=2\n"},
		{"project table", makeTar(t, info, oldInfo, toml, staticTOML), FromPyproject, "dep>=3\n"},
		{"project table beside dynamic", makeTar(t, info, dynamicInfo, toml, staticTOML), FromPyproject, "dep>=3\n"},
		{"partly dynamic", makeTar(t, info, dynamicInfo+"Requires-Dist: dep>=4\n"), 0, ErrNeedsBuild.Error()},
		{"partly dynamic in the table", makeTar(t, info, oldInfo, toml, dynamicTOML+"dependencies = [\"dep\"]\n"), 0, ErrNeedsBuild.Error()},
		{"dynamic extras in the table", makeTar(t, info, oldInfo, toml, strings.Replace(staticTOML, "version", "optional-dependencies", 1)+"version = \"1.0\"\n"), 0, ErrNeedsBuild.Error()},
		{"dynamic extras", makeTar(t, info, strings.Replace(dynamicInfo, "Requires-Dist", "Provides-Extra", 1)), 0, ErrNeedsBuild.Error()},
		{"dynamic version alone", makeTar(t, info, strings.Replace(staticInfo, "Requires", "Dynamic: Version\nRequires", 1)), FromPKGINFO, "dep>=2\n"},
		{"metadata of the future", makeTar(t, info, strings.Replace(staticInfo, "2.2", "2.9", 1)), FromPKGINFO, "dep>=2\n"},
		{"no metadata version", makeTar(t, info, strings.Replace(staticInfo, "Metadata-Version: 2.2\n", "", 1)), 0, ErrNeedsBuild.Error()},
		{"table of Poetry alone", makeTar(t, info, oldInfo, toml, "[tool.poetry]\nname = \"demo\"\nversion = \"1.0\"\n[tool.poetry.dependencies]\ndep = \"^2\"\n"), 0, ErrNeedsBuild.Error()},
		{"table of Poetry beside", makeTar(t, info, oldInfo, toml, "[project]\nname = \"demo\"\nversion = \"1.0\"\n[tool.poetry.dependencies]\ndep = \"^2\"\n"), 0, ErrNeedsBuild.Error()},
		{"table of flit alone", makeTar(t, info, oldInfo, toml, "[tool.flit.metadata]\nmodule = \"demo\"\nrequires = [\"dep\"]\n"), 0, ErrNeedsBuild.Error()},
		{"setup.cfg that looks static", makeTar(t, info, oldInfo, "demo-1.0/setup.cfg", "[options]\ninstall_requires = dep\n"), 0, ErrNeedsBuild.Error()},
		{"dynamic", makeTar(t, info, dynamicInfo), 0, ErrNeedsBuild.Error()},
		{"both dynamic", makeTar(t, info, dynamicInfo, toml, dynamicTOML), 0, ErrNeedsBuild.Error()},
		{"old", makeTar(t, info, oldInfo), 0, ErrNeedsBuild.Error()},
		{"broken project table", makeTar(t, info, oldInfo, toml, "[project"), 0, ErrNeedsBuild.Error()},
		{"symbolic link", makeTar(t, link(tar.TypeSymlink), ""), 0, "not a regular file"},
		{"hard link", makeTar(t, link(tar.TypeLink), ""), 0, "not a regular file"},
		{"device", makeTar(t, link(tar.TypeChar), ""), 0, "not a regular file"},
		{"folder", makeTar(t, &tar.Header{Name: info, Typeflag: tar.TypeDir}, ""), 0, "not a regular file"},
		{"link, then file", makeTar(t, link(tar.TypeSymlink), "", info, staticInfo), 0, "not a regular file"},
		{"twice", makeTar(t, info, staticInfo, info, staticInfo), 0, "twice"},
		{"twice by dot", makeTar(t, info, staticInfo, "./"+info, staticInfo), 0, "twice"},
		{"two folders", makeTar(t, info, staticInfo, "Demo-1.0/pyproject.toml", staticTOML), 0, "two folders"},
		{"folder of another project", makeTar(t, "other-1.0/PKG-INFO", staticInfo), 0, "no PKG-INFO"},
		{"folder of another version", makeTar(t, "demo-2.0/PKG-INFO", staticInfo), 0, "no PKG-INFO"},
		{"another project inside", makeTar(t, info, strings.Replace(staticInfo, "demo", "other", 1)), 0, "that of other"},
		{"another version inside", makeTar(t, info, strings.Replace(staticInfo, "1.0", "1.1", 1)), 0, "that of demo 1.1"},
		{"another project in the table", makeTar(t, info, oldInfo, toml, strings.Replace(staticTOML, "demo", "other", 1)), 0, "that of other"},
		{"size in a PAX record", paxSize(makeTar(t, &tar.Header{Name: "demo-1.0/x", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"comment": "0"}, Format: tar.FormatPAX}, "", info, staticInfo)), 0, "states size anew"},
		{"path for all in a PAX record", makeTar(t, &tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "x"}}, "", info, staticInfo), 0, "states path anew"},
		{"comment for all in a PAX record", makeTar(t, &tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "0123456789abcdef"}}, "", info, staticInfo), FromPKGINFO, "dep>=2\n"},
		{"too large", makeTar(t, info, staticInfo+strings.Repeat("\nx", maxMetadata/2)), 0, "over the limit"},
		{"bomb", makeTar(t, "demo-1.0/zeros", strings.Repeat("\x00", minSdistRatio+1), info, staticInfo), 0, "over the limit of 20 to 1"},
		{"no gzip", []byte("PK\x03\x04 and so on"), 0, "gzip"},
		{"cut", whole[:len(whole)/2], 0, "unexpected EOF"},
		{"empty", nil, 0, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := `{"files": [{"filename": "demo-1.0.tar.gz", "url": "../../files/demo-1.0.tar.gz", "hashes": {"sha256": "` + sum(tt.data) + `"}}]}`
			c, p, r := fileServer(t, Options{}, page, func(w http.ResponseWriter, r *http.Request) { w.Write(tt.data) })
			m, err := c.MetadataOf(t.Context(), p, r, nil)
			if tt.source == 0 {
				var unusable *UnusableError
				if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, ErrNeedsBuild) && !errors.As(err, &unusable) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil || m.Source != tt.source || requires(m) != tt.want || m.File == nil || m.Version.String() != "1.0" {
				t.Errorf("got %+v, %v", m, err)
			}
		})
	}
}

// TestSdistHash finds a wrong hash before anything else, and without a hash an archive that was cut.
func TestSdistHash(t *testing.T) {
	whole := makeTar(t, "demo-1.0/PKG-INFO", staticInfo)
	page := `{"files": [{"filename": "demo-1.0.tar.gz", "url": "../../files/demo-1.0.tar.gz", "hashes": {"sha256": "` + sum(nil) + `"}}]}`
	requests := 0
	c, p, r := fileServer(t, Options{}, page, func(w http.ResponseWriter, r *http.Request) { requests++; w.Write(whole) })
	_, err := c.MetadataOf(t.Context(), p, r, nil)
	var hash *HashError
	if !errors.As(err, &hash) || requests != doubtTries {
		t.Errorf("got %v after %d requests", err, requests)
	}
	page = `{"files": [{"filename": "demo-1.0.tar.gz", "url": "../../files/demo-1.0.tar.gz"}]}`
	c, p, r = fileServer(t, Options{Tries: 2}, page, func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Fatal(err)
		}
		buf.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
		buf.Write(whole[:len(whole)-6])
		buf.Flush()
		conn.Close()
	})
	if m, err := c.MetadataOf(t.Context(), p, r, nil); err == nil {
		t.Errorf("read %+v from a file without its end", m)
	}
}

func TestOldSdists(t *testing.T) {
	page := `{"files": [{"filename": "demo-1.0.zip", "url": "../../files/demo-1.0.zip"}]}`
	c, p, r := fileServer(t, Options{}, page, func(w http.ResponseWriter, r *http.Request) { t.Error("asked for " + r.URL.Path) })
	if _, err := c.MetadataOf(t.Context(), p, r, nil); !errors.Is(err, ErrNeedsBuild) {
		t.Errorf("got %v", err)
	}
}

// FuzzSdist checks that what is read is one regular member of the archive, by the standard library's account.
func FuzzSdist(f *testing.F) {
	f.Add([]byte("demo-1.0/PKG-INFO"), []byte(staticInfo), byte(tar.TypeReg))
	f.Add([]byte("./demo-1.0/pyproject.toml"), []byte(staticTOML), byte(tar.TypeSymlink))
	f.Fuzz(func(t *testing.T, name, content []byte, kind byte) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		if w.WriteHeader(&tar.Header{Name: string(name), Typeflag: kind, Size: int64(len(content))}) != nil {
			return
		}
		w.Write(content)
		w.Close()
		z.Close()
		got, err := readSdist(&countReader{r: &b}, &File{Filename: "demo-1.0.tar.gz"}, true)
		if err != nil {
			return
		}
		if got.pkgInfo == nil && got.pyproject == nil {
			return // neither is there
		}
		if kind != tar.TypeReg && kind != 0 || !bytes.Equal(append(got.pkgInfo, got.pyproject...), content) {
			t.Fatalf("read %q and %q of type %q", got.pkgInfo, got.pyproject, kind)
		}
	})
}
