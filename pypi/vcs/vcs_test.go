package vcs

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// origin is a repository that a test makes.
type origin struct {
	t   *testing.T
	dir string
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	o := &origin{t, t.TempDir()}
	o.git("init", "--quiet", "--initial-branch=main", ".")
	return o
}

func (o *origin) git(args ...string) string {
	o.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"}, args...)...)
	cmd.Dir = o.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		o.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files and commits them.
func (o *origin) commit(files map[string]string) string {
	o.t.Helper()
	for name, text := range files {
		path := filepath.Join(o.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			o.t.Fatal(err)
		}
	}
	o.git("add", "--all")
	o.git("commit", "--quiet", "--message=x")
	return o.git("rev-parse", "HEAD")
}

func (o *origin) url() string { return "file://" + filepath.ToSlash(o.dir) }

// serve serves the repository by git's own program.
func (o *origin) serve(user, password string) *httptest.Server {
	o.t.Helper()
	path := filepath.Join(o.git("--exec-path"), "git-http-backend")
	if _, err := os.Stat(path); err != nil {
		o.t.Skip("git has no http-backend here")
	}
	h := &cgi.Handler{Path: path, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(o.dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	o.t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, s *Store, url string) *Repository {
	t.Helper()
	r, err := s.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestResolve(t *testing.T) {
	o := newOrigin(t)
	first := o.commit(map[string]string{"pyproject.toml": "one"})
	o.git("tag", "v1")
	o.git("tag", "--annotate", "--message=x", "v1-annotated")
	second := o.commit(map[string]string{"pyproject.toml": "two"})
	o.git("branch", "feature/x")
	o.git("branch", "both", first)
	o.git("tag", "both", second)
	s := &Store{Dir: t.TempDir()}
	for _, tt := range []struct {
		rev  string
		kind Kind
		want string
	}{
		{"", Any, second}, {"main", Any, second}, {"v1", Any, first}, {"v1", Tag, first}, {"v1-annotated", Tag, first}, {"v1-annotated", Any, first},
		{"feature/x", Branch, second}, {"both", Branch, first}, {"both", Tag, second}, {first, Any, first},
		{"v1", Branch, `has no branch "v1"`}, {"main", Tag, `has no tag "main"`}, {"nope", Any, "neither a branch nor a tag"}, {first[:10], Any, "full hash"},
		{"refs/tags/v1-annotated", Any, first}, {"refs/heads/both", Any, first}, {"refs/tags/both", Any, second}, {"refs/tags/nope", Any, "neither a branch nor a tag"},
		{"--upload-pack=touch x", Any, "not the name"}, {"a..b", Any, "not the name"}, {"main^{tree}", Any, "not the name"},
	} {
		got, err := open(t, s, o.url()).Resolve(t.Context(), tt.rev, tt.kind)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want && (len(tt.want) == 40 || !strings.Contains(got, tt.want)) {
			t.Errorf("%q %d: got %s, want %s", tt.rev, tt.kind, got, tt.want)
		}
	}
	// What was asked for is known offline, even when the origin has moved on.
	o.commit(map[string]string{"pyproject.toml": "three"})
	off := &Store{Dir: s.Dir, Offline: true}
	if got, err := open(t, off, o.url()).Resolve(t.Context(), "main", Any); err != nil || got != second {
		t.Errorf("offline: %s %v, want %s", got, err, second)
	}
	if _, err := open(t, off, o.url()).Resolve(t.Context(), "main", Branch); !errors.Is(err, ErrOffline) {
		t.Errorf("offline, never asked: %v", err)
	}
	if _, err := open(t, &Store{Offline: true}, o.url()).Resolve(t.Context(), "main", Any); !errors.Is(err, ErrOffline) {
		t.Errorf("offline without a copy: %v", err)
	}
}

func TestTree(t *testing.T) {
	o := newOrigin(t)
	old := o.commit(map[string]string{"pyproject.toml": "one", "libs/a/pyproject.toml": "a", "libs/ä b/pyproject.toml": "b", "big": strings.Repeat("x", maxFile+1)})
	if err := os.Symlink("/etc/passwd", filepath.Join(o.dir, "link")); err != nil {
		t.Fatal(err)
	}
	o.git("rm", "--quiet", "pyproject.toml")
	o.commit(map[string]string{"other": "x"})
	s := &Store{Dir: t.TempDir()}
	tree, err := open(t, s, o.url()).Tree(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := tree.File(t.Context(), "pyproject.toml"); err != nil || string(data) != "one" {
		t.Errorf("%s %v", data, err)
	}
	if data, err := tree.File(t.Context(), "libs/ä b/pyproject.toml"); err != nil || string(data) != "b" {
		t.Errorf("%s %v", data, err)
	}
	if got, err := tree.Find(t.Context(), "pyproject.toml"); err != nil || !slices.Equal(got, []string{"libs/a/pyproject.toml", "libs/ä b/pyproject.toml", "pyproject.toml"}) {
		t.Errorf("%q %v", got, err)
	}
	if _, err := tree.File(t.Context(), "nope"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for path, want := range map[string]string{"big": "larger than", "libs": "no regular file"} {
		if _, err := tree.File(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	head := o.git("rev-parse", "HEAD")
	if tree, err = open(t, s, o.url()).Tree(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.File(t.Context(), "link"); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("link: %v", err)
	}
	if _, err := open(t, s, o.url()).Tree(t.Context(), strings.Repeat("1", 40)); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown commit: %v", err)
	}
	// Nothing is checked out.
	filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, _ error) error {
		if d.Name() == "pyproject.toml" || d.Name() == "hooks" {
			t.Errorf("%s is on disk", path)
		}
		return nil
	})
}

func TestHTTP(t *testing.T) {
	o := newOrigin(t)
	commit := o.commit(map[string]string{"pyproject.toml": "one"})
	server := o.serve("me", "s3cret-word")
	name := "/" + filepath.Base(o.dir) + "/.git"
	s := &Store{Dir: t.TempDir(), Environ: append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)}
	asked := map[string]int{}
	s.Asked = func(url string) { asked[url]++ }
	with := strings.Replace(server.URL, "://", "://me:s3cret-word@", 1) + name
	r := open(t, s, with)
	if got, err := r.Resolve(t.Context(), "main", Branch); err != nil || got != commit {
		t.Fatalf("%s %v", got, err)
	}
	tree, err := r.Tree(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := tree.File(t.Context(), "pyproject.toml"); err != nil || string(data) != "one" {
		t.Errorf("%s %v", data, err)
	}
	if len(asked) != 1 || asked[server.URL+name] != 2 {
		t.Errorf("conversations: %v", asked)
	}
	// Without credentials nobody is asked, and with wrong ones they are not told.
	for _, url := range []string{server.URL + name, strings.Replace(server.URL, "://", "://me:wr0ng@", 1) + name} {
		_, err := open(t, &Store{Environ: s.Environ}, url).Resolve(t.Context(), "main", Any)
		if err == nil || strings.Contains(err.Error(), "wr0ng") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v", err)
		}
	}
	secrets := []string{"s3cret-word", base64.StdEncoding.EncodeToString([]byte("me:s3cret-word"))}
	filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, _ error) error {
		data, _ := os.ReadFile(path)
		for _, secret := range secrets {
			if strings.Contains(path, secret) || strings.Contains(string(data), secret) {
				t.Errorf("%s holds the password", path)
			}
		}
		return nil
	})
}

// TestRedirect: credentials do not follow to another origin.
func TestRedirect(t *testing.T) {
	o := newOrigin(t)
	o.commit(map[string]string{"x": "x"})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials reached another origin")
		}
		http.NotFound(w, r)
	}))
	defer other.Close()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.String(), http.StatusFound)
	}))
	defer first.Close()
	s := &Store{Environ: append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)}
	if _, err := open(t, s, strings.Replace(first.URL, "://", "://me:pw@", 1)+"/x").Resolve(t.Context(), "main", Any); err == nil || strings.Contains(err.Error(), "pw") {
		t.Errorf("%v", err)
	}
}

// TestHostile: addresses that would make git run something are refused before
// it is started.
func TestHostile(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "ran")
	s := &Store{Dir: t.TempDir()}
	for _, url := range []string{
		"ext::sh -c 'touch " + mark + "'", "ext::touch", "fd::7", "-oProxyCommand=touch " + mark, "--upload-pack=touch " + mark,
		"ssh://-oProxyCommand=touch%20" + mark + "/x", "ssh://-oProxyCommand=x@host/x", "git://host/x", "ftp://host/x", "rsync://host/x", "host:path", "/path", "", "https:///x",
	} {
		if _, err := s.Open(url); err == nil {
			t.Errorf("%s is opened", url)
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("something ran")
	}
}

// TestHooks: neither the hooks nor the configuration of a repository, nor what
// the environment says of another one, has an effect.
func TestHooks(t *testing.T) {
	o := newOrigin(t)
	commit := o.commit(map[string]string{"pyproject.toml": "one", ".gitattributes": "* filter=evil\n", ".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = ext::touch\n"})
	mark := filepath.Join(t.TempDir(), "ran")
	script := "#!/bin/sh\ntouch " + mark + "\n"
	templates := t.TempDir()
	for _, hook := range []string{"post-checkout", "reference-transaction", "post-merge", "pre-auto-gc", "fsmonitor-watchman"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(templates, "hooks"), 0o755), os.WriteFile(filepath.Join(templates, "hooks", hook), []byte(script), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	o.git("config", "core.hooksPath", filepath.Join(templates, "hooks"))
	o.git("config", "core.fsmonitor", filepath.Join(templates, "hooks", "fsmonitor-watchman"))
	env := append(os.Environ(), "GIT_TEMPLATE_DIR="+templates, "GIT_DIR=/nonexistent", "GIT_WORK_TREE=/nonexistent", "GIT_INDEX_FILE=/nonexistent", "GIT_ASKPASS="+filepath.Join(templates, "hooks", "post-merge"))
	r := open(t, &Store{Dir: t.TempDir(), Environ: env}, o.url())
	if got, err := r.Resolve(t.Context(), "main", Any); err != nil || got != commit {
		t.Fatal(got, err)
	}
	if _, err := r.Tree(t.Context(), commit); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a hook ran")
	}
}

func TestTimeout(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	stop := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(stop)
	_, err := open(t, &Store{Timeout: 300 * time.Millisecond}, s.URL+"/x").Resolve(t.Context(), "main", Any)
	if err == nil || !strings.Contains(err.Error(), "no complete answer within") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, &Store{}, s.URL+"/x").Resolve(ctx, "main", Any); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestTar writes a tree as git has it: no attribute of the repository converts
// or leaves out anything, and nothing of it runs.
func TestTar(t *testing.T) {
	o := newOrigin(t)
	mark := filepath.Join(t.TempDir(), "ran")
	o.git("config", "filter.evil.smudge", "touch "+mark)
	o.git("config", "core.autocrlf", "true")
	if err := os.Symlink("../../outside", filepath.Join(o.dir, "link")); err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(filepath.Join(o.dir, "program"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 1<<20)
	commit := o.commit(map[string]string{
		".gitattributes": "left export-ignore\nsubst export-subst\nfiltered filter=evil\n",
		"left":           "in", "subst": "$Format:%H$", "filtered": "as it is", "a/b c\td": "deep", "empty": "", "big": big,
	})
	r := open(t, &Store{Dir: t.TempDir()}, o.url())
	tree, err := r.Tree(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tree.Tar(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for in := tar.NewReader(&out); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = fmt.Sprintf("%c%o %s%s", h.Typeflag, h.Mode, h.Linkname, data)
	}
	want := map[string]string{
		".gitattributes": "0644 left export-ignore\nsubst export-subst\nfiltered filter=evil\n",
		"left":           "0644 in", "subst": "0644 $Format:%H$", "filtered": "0644 as it is", "a/b c\td": "0644 deep",
		"empty": "0644 ", "big": "0644 " + big, "program": "0755 #!/bin/sh\n", "link": "2644 ../../outside",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %.2000q", got)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a filter ran")
	}

	full := errors.New("disk full")
	if err := tree.Tar(t.Context(), failingWriter{full}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tree.Tar(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}

	// A commit with a submodule is another tree than pip would build.
	o.git("update-index", "--add", "--cacheinfo", "160000,"+commit+",vendored/sub")
	o.git("commit", "--quiet", "--message=x")
	if tree, err = r.Tree(t.Context(), o.git("rev-parse", "HEAD")); err != nil {
		t.Fatal(err)
	}
	if err := tree.Tar(t.Context(), io.Discard); !errors.Is(err, ErrUnfit) || !strings.Contains(err.Error(), "has a submodule, vendored/sub,") {
		t.Errorf("got %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
