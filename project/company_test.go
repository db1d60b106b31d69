package project

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// listing is what the files of a machine say, a line a value.
func listing(t *testing.T, dir string, env map[string]string) (string, error) {
	t.Helper()
	s, err := Company(CompanyFiles{Getenv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, System: filepath.Join(dir, "etc")})
	var b strings.Builder
	for _, s := range s {
		rel, _ := filepath.Rel(dir, filepath.FromSlash(s.Place.File))
		fmt.Fprintf(&b, "%s %s %s %t%s %s:%d\n", s.Key, s.Name, s.Value, s.Default, map[bool]string{true: " explicit"}[s.Explicit], filepath.ToSlash(rel), s.Place.Line)
	}
	return b.String(), err
}

func TestCompany(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("where the files are differs")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		writeFile(t, filepath.Join(dir, name), []byte(text))
	}
	env := map[string]string{"HOME": filepath.Join(dir, "home")}
	if got, err := listing(t, dir, env); got != "" || err != nil {
		t.Fatalf("nothing is there: %s %v", got, err)
	}
	write("home/.config/uv/uv.toml", "exclude-newer = \"x\"\nindex-url = \"https://u.example/\"\nfind-links = [\"wheels\", \"https://l.example/\"]\n"+
		"[[index]]\nname = \"a\"\nurl = \"https://a.example/\"\n[[index]]\nname = \"hidden\"\nurl = \"https://h.example/\"\nexplicit = true\n[[index]]\nurl = \"https://d.example/\"\ndefault = true\n[pip]\nno-index = false\nkeyring-provider = \"subprocess\"\n")
	write("etc/uv/uv.toml", "allow-insecure-host = [\"x\"]\nhttp-proxy = \"http://p\"\n")
	write("etc/pip.conf", "[global]\nindex-url = https://machine.example/\nproxy = http://machine.proxy\n")
	write("home/.config/pip/pip.conf", "; mine\n[global]\nExtra_Index_URL = https://x.example/ \n\thttps://y.example/\n# between\n\thttps://z.example/\nindex-url: https://mine.example/\ntimeout = 1\n[install]\ntrusted-host = h1 h2\nindex-url=https://install.example/\nno-index = no\n[list]\nindex-url = https://list.example/\n")
	write("home/.pip/pip.conf", "[global]\nindex-url = https://legacy.example/\ncert = relative.pem\nclient-cert = /c.pem\n")
	want := `index-url  https://u.example/ false home/.config/uv/uv.toml:2
find-links  DIR/home/.config/uv/wheels false home/.config/uv/uv.toml:3
find-links  https://l.example/ false home/.config/uv/uv.toml:3
index a https://a.example/ false home/.config/uv/uv.toml:6
index hidden https://h.example/ false explicit home/.config/uv/uv.toml:9
index  https://d.example/ true home/.config/uv/uv.toml:12
keyring-provider  subprocess false home/.config/uv/uv.toml:16
allow-insecure-host  x false etc/uv/uv.toml:1
proxy  http://p false etc/uv/uv.toml:2
allow-insecure-host  h1 false home/.config/pip/pip.conf:10
allow-insecure-host  h2 false home/.config/pip/pip.conf:10
index-url  https://install.example/ false home/.config/pip/pip.conf:11
extra-index-url  https://x.example/ false home/.config/pip/pip.conf:3
extra-index-url  https://y.example/ false home/.config/pip/pip.conf:4
extra-index-url  https://z.example/ false home/.config/pip/pip.conf:6
client-cert  /c.pem false home/.pip/pip.conf:4
proxy  http://machine.proxy false etc/pip.conf:3
`
	got, err := listing(t, dir, env)
	got = strings.ReplaceAll(got, filepath.ToSlash(dir), "DIR")
	// keyring-provider comes with its table, before the others of the file.
	if err != nil || sortedLines(got) != sortedLines(want) {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, got, want)
	}
	// A file of PIP_CONFIG_FILE takes the place of the user's, and /dev/null of all.
	env["PIP_CONFIG_FILE"] = filepath.Join(dir, "own.conf")
	write("own.conf", "[global]\nindex-url = https://own.example/\n")
	got, err = listing(t, dir, env)
	if err != nil || !strings.Contains(got, "https://own.example/") || strings.Contains(got, "install.example") || strings.Contains(got, "machine.example") || !strings.Contains(got, "machine.proxy") {
		t.Errorf("%v\n%s", err, got)
	}
	env["PIP_CONFIG_FILE"] = os.DevNull
	if got, err = listing(t, dir, env); err != nil || strings.Contains(got, "pip.conf") || !strings.Contains(got, "uv.toml") {
		t.Errorf("%v\n%s", err, got)
	}
	env = map[string]string{"XDG_CONFIG_HOME": filepath.Join(dir, "xdg"), "XDG_CONFIG_DIRS": filepath.Join(dir, "dirs"), "VIRTUAL_ENV": filepath.Join(dir, "venv")}
	write("xdg/pip/pip.conf", "[global]\nfind-links = /x\n")
	write("dirs/pip/pip.conf", "[global]\nno-index = true\n")
	write("venv/pip.conf", "[global]\nfind-links = /venv\n")
	got, err = listing(t, dir, env)
	if err != nil || !strings.Contains(got, "/venv") || strings.Contains(got, "/x ") || !strings.Contains(got, "no-index  true") {
		t.Errorf("%v\n%s", err, got)
	}
}

func sortedLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		for j := range i {
			if lines[i] < lines[j] {
				lines[i], lines[j] = lines[j], lines[i]
			}
		}
	}
	return strings.Join(lines, "\n")
}

func TestCompanyErrors(t *testing.T) {
	for name, tests := range map[string]map[string]string{
		"etc/uv/uv.toml": {
			"index = 1": "index must be an array", "index-url = 3": "must be a string", "[[index]]\nname = \"x\"": "has no url", "x = \"https://bob:s3cret@h": "",
			"no-index = \"s3cret\"": "no-index must be",
		},
		"etc/pip.conf": {"index-url = https://bob:s3cret@h/": "neither a section", "[global\nx = 1": "a section does not end", "[global]\ns3cret": "neither a section"},
	} {
		for text, want := range tests {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, name), []byte(text))
			_, err := listing(t, dir, nil)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "--no-config") {
				t.Errorf("%q: got %v, want %q", text, err, want)
			}
		}
	}
}

func FuzzCompanyINI(f *testing.F) {
	f.Add("[global]\nindex-url = https://x/\n extra\n[install]\nno-index=1\n")
	f.Add("[x\n")
	f.Fuzz(func(t *testing.T, s string) {
		in, err := newText("pip.conf", []byte(s))
		if err != nil {
			return
		}
		out, err := companyINI(in)
		if err != nil && len(out) > 0 {
			t.Fatal("both")
		}
		for _, s := range out {
			if s.Place.Line < 1 || strings.TrimSpace(s.Value) != s.Value || s.Value == "" {
				t.Fatalf("%+v", s)
			}
		}
	})
}
