package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// secret is the password that is planted; every form of it is looked for.
const secret = "s3cr3t-T0ken"

var secretForms = []string{secret, base64.StdEncoding.EncodeToString([]byte("bob:" + secret))}

// stranger is an origin that a page names or a redirect leads to. It keeps all
// that it is sent.
type stranger struct {
	*httptest.Server
	mu  sync.Mutex
	got bytes.Buffer
	n   int
}

func newStranger(t *testing.T, h http.Handler) *stranger {
	s := &stranger{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, true)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.got.Write(dump)
		s.n++
		s.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// secretWorld is an index that wants credentials, whose files are elsewhere and
// whose page of b is, too.
type secretWorld struct {
	dir      string
	env      map[string]string
	index    *httptest.Server
	other    *stranger
	refusing bool // the index fails
	out      bytes.Buffer
	keyring  time.Duration     // to answer in
	table    string            // of the pyproject.toml, and
	files    map[string]string // others to be written
}

func newSecretWorld(t *testing.T) *secretWorld {
	t.Helper()
	w := &secretWorld{dir: t.TempDir()}
	t.Chdir(w.dir)
	w.env = map[string]string{"HOME": filepath.Join(w.dir, "home"), "PYLOCK_CACHE_DIR": filepath.Join(w.dir, "cache"), "UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple/"}
	u := indextest.MustParse("a 1\n  b\nb 1\n")
	w.other = newStranger(t, u.Handler(indextest.PyPI()))
	profile := indextest.PyPI()
	profile.User, profile.Password, profile.FilesBase = "bob", secret, w.other.URL
	h := u.Handler(profile)
	w.index = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		switch {
		case password == secret && w.refusing:
			http.Error(rw, "no", http.StatusForbidden)
		case password == secret && strings.HasPrefix(r.URL.Path, "/simple/b/"):
			http.Redirect(rw, r, w.other.URL+r.URL.Path, http.StatusFound)
		case password == secret && r.URL.Path == "/links/":
			io.WriteString(rw, "<html><body>")
			for _, name := range []string{"a-1-py3-none-any.whl", "b-1-py3-none-any.whl"} {
				io.WriteString(rw, `<a href="`+w.other.URL+"/files/"+name+`">`+name+"</a>")
			}
			io.WriteString(rw, "</body></html>")
		default:
			h.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(w.index.Close)
	w.write(t, "svc/pyproject.toml", "[project]\nname = \"svc\"\nrequires-python = \">=3.12\"\ndependencies = [\"a\"]\n")
	return w
}

func (w *secretWorld) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// address is that of a path of the index with a user and perhaps a password.
func (w *secretWorld) address(user, path string) string {
	return strings.Replace(w.index.URL, "://", "://"+user, 1) + path
}

func (w *secretWorld) run(args ...string) int {
	app := &App{
		Stdin: strings.NewReader(""), Stdout: &w.out, Stderr: &w.out, FS: lockfile.OS{}, Now: time.Now,
		Getenv:       func(name string) (string, bool) { v, ok := w.env[name]; return v, ok },
		Sleep:        func(ctx context.Context, d time.Duration) error { return ctx.Err() },
		SystemConfig: filepath.Join(w.dir, "etc"), KeyringTimeout: w.keyring,
	}
	w.out.WriteString("\n$ " + args[0] + "\n")
	return app.Run(context.Background(), args)
}

// TestSecrets plants a password wherever one may be and looks for it wherever
// none may be.
func TestSecrets(t *testing.T) {
	pyproject := func(w *secretWorld, more string) string {
		return "[project]\nname = \"svc\"\nrequires-python = \">=3.12\"\ndependencies = [\"a\"]\n" + more
	}
	full := "bob:" + secret + "@"
	tests := []struct {
		name  string
		plant func(t *testing.T, w *secretWorld) (args []string)
	}{
		{name: "flag", plant: func(t *testing.T, w *secretWorld) []string {
			return []string{"-i", w.address(full, "/simple/")}
		}},
		{name: "index flag", plant: func(t *testing.T, w *secretWorld) []string {
			return []string{"--index", "corp=" + w.address(full, "/simple/")}
		}},
		{name: "environment", plant: func(t *testing.T, w *secretWorld) []string {
			w.env["UV_DEFAULT_INDEX"] = w.address(full, "/simple/")
			return nil
		}},
		{name: "extra of pip", plant: func(t *testing.T, w *secretWorld) []string {
			w.env["PIP_EXTRA_INDEX_URL"] = w.address(full, "/simple/")
			return nil
		}},
		{name: "named for uv", plant: func(t *testing.T, w *secretWorld) []string {
			w.env["UV_INDEX_CORP_USERNAME"], w.env["UV_INDEX_CORP_PASSWORD"] = "bob", secret
			return []string{"--index", "corp=" + w.address("", "/simple/")}
		}},
		{name: "named for pylock", plant: func(t *testing.T, w *secretWorld) []string {
			w.env["PYLOCK_INDEX_CORP_USERNAME"], w.env["PYLOCK_INDEX_CORP_PASSWORD"] = "bob", secret
			return []string{"--index", "corp=" + w.address("", "/simple/")}
		}},
		{name: "netrc", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "home/.netrc", "machine 127.0.0.1 login bob password "+secret+"\n")
			return []string{"-i", w.address("", "/simple/")}
		}},
		{name: "netrc for all", plant: func(t *testing.T, w *secretWorld) []string {
			w.env["NETRC"] = filepath.Join(w.dir, "netrc")
			w.write(t, "netrc", "default login bob password "+secret+"\n")
			return []string{"-i", w.address("", "/simple/")}
		}},
		{name: "keyring", plant: func(t *testing.T, w *secretWorld) []string {
			if runtime.GOOS == "windows" {
				t.Skip("a shell script")
			}
			w.write(t, "bin/keyring", "#!/bin/sh\necho "+secret+" >&2\necho "+secret+"\n")
			t.Setenv("PATH", filepath.Join(w.dir, "bin")+":"+os.Getenv("PATH"))
			return []string{"--keyring-provider", "subprocess", "-i", w.address("bob@", "/simple/")}
		}},
		{name: "pip.conf", plant: func(t *testing.T, w *secretWorld) []string {
			delete(w.env, "UV_DEFAULT_INDEX")
			w.write(t, "home/.config/pip/pip.conf", "[global]\nindex-url = "+w.address(full, "/simple/")+"\n")
			return nil
		}},
		{name: "pip.conf of the machine", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "etc/pip.conf", "[install]\nextra-index-url =\n  "+w.address(full, "/simple/")+"\n")
			return nil
		}},
		{name: "uv.toml", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "etc/uv/uv.toml", "[[index]]\nname = \"corp\"\nurl = \""+w.address(full, "/simple/")+"\"\n")
			return nil
		}},
		{name: "uv.toml of the project", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "svc/uv.toml", "[[index]]\nurl = \""+w.address(full, "/simple/")+"\"\n")
			return nil
		}},
		{name: "explicit index of the user", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "home/.config/uv/uv.toml", "[[index]]\nname = \"corp\"\nexplicit = true\nurl = \""+w.address(full, "/simple/")+"\"\n")
			return []string{"-i", w.address("", "/simple/")}
		}},
		{name: "sole credentials of the host", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "svc/pyproject.toml", pyproject(w, "[[tool.uv.index]]\nname = \"corp\"\nexplicit = true\nurl = \""+w.address(full, "/elsewhere/simple/")+"\"\n"))
			return []string{"-i", w.address("", "/simple/")}
		}},
		{name: "place around", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "home/.config/pip/pip.conf", "[global]\nindex-url = "+w.address(full, "/")+"\n")
			return []string{"-i", w.address("", "/simple/")}
		}},
		{name: "user with the password of a place around", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "svc/pyproject.toml", pyproject(w, "[[tool.uv.index]]\nname = \"corp\"\nexplicit = true\nurl = \""+w.address(full, "/")+"\"\n"))
			return []string{"-i", w.address("bob@", "/simple/")}
		}},
		{name: "keyring without a user", plant: func(t *testing.T, w *secretWorld) []string {
			if runtime.GOOS == "windows" {
				t.Skip("a shell script")
			}
			w.write(t, "bin/keyring", "#!/bin/sh\n[ \"$*\" = \"--mode creds get "+w.address("", "/simple/")+"\" ] || exit 1\necho bob\necho "+secret+"\n")
			t.Setenv("PATH", filepath.Join(w.dir, "bin")+":"+os.Getenv("PATH"))
			w.write(t, "svc/pyproject.toml", pyproject(w, "[[tool.uv.index]]\ndefault = true\nauthenticate = \"always\"\nurl = \""+w.address("", "/simple/")+"\"\n"))
			delete(w.env, "UV_DEFAULT_INDEX")
			return []string{"--keyring-provider", "subprocess"}
		}},
		{name: "pyproject", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "svc/pyproject.toml", pyproject(w, "[[tool.uv.index]]\nurl = \""+w.address(full, "/simple/")+"\"\n"))
			return nil
		}},
		{name: "explicit index", plant: func(t *testing.T, w *secretWorld) []string {
			w.env["UV_DEFAULT_INDEX"] = w.address(full, "/simple/")
			w.write(t, "svc/pyproject.toml", pyproject(w, "[tool.uv.sources]\na = { index = \"corp\" }\n[[tool.uv.index]]\nname = \"corp\"\nexplicit = true\nurl = \""+w.address(full, "/simple/")+"\"\n"))
			return nil
		}},
		{name: "variable of a requirements file", plant: func(t *testing.T, w *secretWorld) []string {
			w.env["TOKEN"] = secret
			w.write(t, "svc/bounds.txt", "--extra-index-url "+w.address("bob:${TOKEN}@", "/simple/")+"\na<2\n")
			return []string{"-c", "svc/bounds.txt"}
		}},
		{name: "find-links", plant: func(t *testing.T, w *secretWorld) []string {
			return []string{"--no-index", "--find-links", w.address(full, "/links/"), "--no-hashes"}
		}},
		{name: "query", plant: func(t *testing.T, w *secretWorld) []string {
			w.write(t, "home/.netrc", "machine 127.0.0.1 login bob password "+secret+"\n")
			return []string{"-i", w.address("", "/simple/?token="+secret)}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newSecretWorld(t)
			args := tt.plant(t, w)
			if code := w.run(append([]string{"compile", "svc", "-vv"}, args...)...); code != exitYes {
				t.Fatalf("exit code %d: %s", code, &w.out)
			}
			lock, err := os.ReadFile("svc/requirements.lock")
			if err != nil || !strings.Contains(string(lock), "b==1") {
				t.Fatalf("%v: %s", err, lock)
			}
			if w.other.n == 0 {
				t.Fatal("the other origin was never asked")
			}
			w.run(append([]string{"check", "svc", "-vv"}, args...)...)
			w.run("config", "svc")
			w.run("config", "svc", "--format", "json")
			w.run("tree", "svc")
			w.run("export", "svc/requirements.lock")
			w.refusing = true
			if code := w.run(append([]string{"compile", "svc", "-vv", "-U", "--refresh"}, args...)...); code != exitNetwork {
				t.Errorf("refused: exit code %d: %s", code, &w.out)
			}
			w.index.Close()
			w.run(append([]string{"compile", "svc", "-vv", "-U", "--refresh"}, args...)...)
			seek := func(where string, text []byte) {
				for _, form := range secretForms {
					if bytes.Contains(text, []byte(form)) {
						t.Errorf("%s holds the secret:\n%s", where, text)
					}
				}
			}
			seek("the output", w.out.Bytes())
			seek("another origin", w.other.got.Bytes())
			lock, err = os.ReadFile("svc/requirements.lock")
			if err != nil {
				t.Fatal(err)
			}
			seek("the lock", lock)
			files := 0
			err = filepath.WalkDir("cache", func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				seek("the cache's name", []byte(path))
				if d.Type().IsRegular() {
					files++
					data, err := os.ReadFile(path)
					seek("the cache's "+path, data)
					return err
				}
				return nil
			})
			if err != nil || files == 0 {
				t.Errorf("the cache has %d files: %v", files, err)
			}
		})
	}
}

// TestSecretOfProxy has a password in the address of a proxy, which no index
// and no message sees.
func TestSecretOfProxy(t *testing.T) {
	for _, variable := range []string{"HTTP_PROXY", "ALL_PROXY", "PIP_PROXY", "pip.conf"} {
		t.Run(variable, func(t *testing.T) {
			w := newSecretWorld(t)
			u := indextest.MustParse("a 1\n")
			h := u.Handler(indextest.PyPI())
			var got bytes.Buffer
			proxied := 0
			proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				want := "Basic " + base64.StdEncoding.EncodeToString([]byte("bob:"+secret))
				if r.Header.Get("Proxy-Authorization") != want || r.URL.Host != "index.test" {
					http.Error(rw, "proxy", http.StatusProxyAuthRequired)
					return
				}
				proxied++
				r.Header.Del("Proxy-Authorization")
				dump, _ := httputil.DumpRequest(r, true)
				got.Write(dump)
				h.ServeHTTP(rw, r)
			}))
			defer proxy.Close()
			address := strings.Replace(proxy.URL, "://", "://bob:"+secret+"@", 1)
			if variable == "pip.conf" {
				w.write(t, "etc/pip.conf", "[global]\nproxy = "+address+"\n")
			} else {
				w.env[variable] = address
			}
			w.env["UV_DEFAULT_INDEX"] = "http://index.test/simple/"
			if code := w.run("compile", "svc", "-vv"); code != exitYes || proxied == 0 {
				t.Fatalf("exit code %d, %d requests: %s", code, proxied, &w.out)
			}
			w.run("config", "svc")
			proxy.Close()
			w.run("compile", "svc", "-vv", "-U", "--refresh")
			w.env[variable] = "gopher://bob:" + secret + "@x"
			w.run("compile", "svc", "-vv", "-U", "--refresh")
			for _, form := range secretForms {
				if bytes.Contains(w.out.Bytes(), []byte(form)) || bytes.Contains(got.Bytes(), []byte(form)) {
					t.Errorf("the secret is in the output or the request:\n%s\n%s", &w.out, &got)
				}
			}
		})
	}
}
