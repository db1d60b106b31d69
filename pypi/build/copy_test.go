package build

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// plant makes a tree of files; a text that begins with -> is a link.
func plant(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "->"); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTreeSum changes one thing after the other: what a build would see is in the sum, and nothing else.
func TestTreeSum(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are neither links nor executable files")
	}
	base := func() map[string]string {
		return map[string]string{"pyproject.toml": "x", "a/version.py": "1", "link": "->a/version.py", ".git/HEAD": "1", "a/__pycache__/x.pyc": "1", "env/pyvenv.cfg": "", "env/lib": "1"}
	}
	sum := func(files map[string]string, change func(dir string) error) string {
		t.Helper()
		dir := plant(t, files)
		if change != nil {
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
		}
		s, err := TreeSum(dir)
		if err != nil {
			t.Fatal(err)
		}
		copied, err := copyTree(dir, filepath.Join(t.TempDir(), "copy"))
		if err != nil || copied != s {
			t.Fatalf("the copy has %q, %v, the tree %q", copied, err, s)
		}
		return s
	}
	with := func(name, text string) map[string]string {
		f := base()
		f[name] = text
		return f
	}
	without := func(name string) map[string]string {
		f := base()
		delete(f, name)
		return f
	}
	first := sum(base(), nil)
	for name, other := range map[string]string{
		"again":          sum(base(), nil),
		"what git keeps": sum(with(".git/HEAD", "2"), nil),
		"bytecode":       sum(with("a/__pycache__/x.pyc", "2"), nil),
		"an environment": sum(with("env/lib", "2"), nil),
		"time, and right to write": sum(base(), func(dir string) error {
			path := filepath.Join(dir, "a", "version.py")
			return errors.Join(os.Chtimes(path, time.Time{}, time.Unix(1, 0)), os.Chmod(path, 0o600))
		}),
	} {
		if other != first {
			t.Errorf("%s: another sum", name)
		}
	}
	seen := map[string]string{first: "the first"}
	for name, other := range map[string]string{
		"content":               sum(with("a/version.py", "2"), nil),
		"a file more":           sum(with("requirements.txt", ""), nil),
		"a file less":           sum(without("a/version.py"), nil),
		"another target":        sum(with("link", "->pyproject.toml"), nil),
		"a file for a link":     sum(with("link", "a/version.py"), nil),
		"a link that leads out": sum(with("out", "->../.."), nil),
		"executable":            sum(base(), func(dir string) error { return os.Chmod(filepath.Join(dir, "pyproject.toml"), 0o755) }),
		"an empty folder":       sum(base(), func(dir string) error { return os.Mkdir(filepath.Join(dir, "b"), 0o755) }),
		"another name": sum(base(), func(dir string) error {
			return os.Rename(filepath.Join(dir, "a", "version.py"), filepath.Join(dir, "a", "_version.py"))
		}),
		"no longer an environment": sum(without("env/pyvenv.cfg"), nil),
	} {
		if was := seen[other]; was != "" {
			t.Errorf("%s: the sum of %s", name, was)
		}
		seen[other] = name
	}
	if _, err := TreeSum(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a tree that is not there has a sum")
	}
}

// treeTar is a tar of a commit.
func treeTar(t testing.TB, members ...any) string {
	t.Helper()
	var b bytes.Buffer
	writeTar(t, &b, members)
	return save(t, b.Bytes())
}

// TestSubdirectory builds packages that are not at the top of what holds them.
func TestSubdirectory(t *testing.T) {
	b := newBuilder(t, Options{})
	backend := preparing(`note = "Requires-Dist: %s\nRequires-Dist: %s\n" % (os.path.basename(os.getcwd()), os.environ.get("SETUPTOOLS_SCM_PRETEND_VERSION", "none"))
note += "Requires-Dist: %s\n" % open("../shared.txt").read()`)
	members := func(top string) []any {
		return []any{top + "x/pyproject.toml", inTree, top + "x/backend.py", backend, top + "shared.txt", "beside"}
	}
	archive := save(t, pack(t, members("a-1/")...))
	if data, err := b.Metadata(t.Context(), archive, "a-1.tar.gz", "x"); err != nil || !strings.Contains(string(data), "Requires-Dist: x\nRequires-Dist: none\nRequires-Dist: beside\n") {
		t.Errorf("got %s, %v", data, err)
	}
	commit := treeTar(t, members("")...)
	if data, err := b.CommitMetadata(t.Context(), commit, "git+https://example.org/a@1", "x"); err != nil || !strings.Contains(string(data), "Requires-Dist: x\nRequires-Dist: 0\nRequires-Dist: beside\n") {
		t.Errorf("got %s, %v", data, err)
	}
	for dir, want := range map[string]string{"none": `it has no folder "none"`, "shared.txt": "it has no folder", "../..": "leads out of it"} {
		if _, err := b.CommitMetadata(t.Context(), commit, "git+https://example.org/a@1", dir); err == nil || !strings.HasPrefix(err.Error(), "the build of git+https://example.org/a@1 failed in unpacking: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", dir, err, want)
		}
	}
	alone := treeTar(t, members("")[:4]...) // one folder is no reason to look below it
	if _, err := b.CommitMetadata(t.Context(), alone, "a", ""); err == nil || !strings.Contains(err.Error(), "installing setuptools") {
		t.Errorf("got %v", err)
	}
	out := treeTar(t, "pyproject.toml", inTree, "backend.py", backend, &tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: "../y"}, "")
	if _, err := b.CommitMetadata(t.Context(), out, "git+https://example.org/a@1", ""); err == nil || !strings.Contains(err.Error(), `is a link to "../y", outside of its folder`) {
		t.Errorf("got %v", err)
	}
}

// TestHostileTrees has commits and folders that do what archives of an index are known to do.
func TestHostileTrees(t *testing.T) {
	const secret = "s3cr3t"
	vars := map[string]string{"PATH": os.Getenv("PATH"), "LANG": "C.UTF-8", "UV_INDEX_PRIVATE_PASSWORD": secret, "GITHUB_TOKEN": secret, "SSH_AUTH_SOCK": secret, "GIT_ASKPASS": secret, "NETRC": secret}
	for name := range vars {
		t.Setenv(name, vars[name])
	}
	getenv := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	each := func(t *testing.T, o Options, code string, judge func(data []byte, err error)) {
		t.Helper()
		o.Getenv = getenv
		b := newBuilder(t, o)
		data, err := b.CommitMetadata(t.Context(), treeTar(t, "pyproject.toml", inTree, "backend.py", preparing(code)), "git+https://example.org/a@1", "")
		judge(data, err)
		tree := plant(t, map[string]string{"pyproject.toml": inTree, "backend.py": preparing(code)})
		before := listing(t, tree)
		data, _, err = b.TreeMetadata(t.Context(), tree, "libs/a")
		judge(data, err)
		if after := listing(t, tree); after != before {
			t.Errorf("the tree was %s and is %s", before, after)
		}
	}
	each(t, Options{}, `
found = [k for k in os.environ if "`+secret+`" in os.environ[k]] + [a for a in sys.argv if "`+secret+`" in a]
for f in "~/.netrc", "~/.pypirc", "~/.git-credentials", "~/.config/uv/uv.toml", "~/.ssh/id_ed25519":
    if os.path.exists(os.path.expanduser(f)): found.append(f)
open("litter", "w").write("x")
open(os.path.join(os.path.expanduser("~"), "litter"), "w").write("x")
note = "Requires-Dist: %s\n" % ("".join(found) or "clean")`, func(data []byte, err error) {
		if err != nil || !strings.Contains(string(data), "Requires-Dist: clean\n") {
			t.Errorf("got %s, %v", data, err)
		}
	})
	pids := filepath.Join(t.TempDir(), "pid")
	each(t, Options{Timeout: 2 * time.Second}, child(pids)+"time.sleep(600)", func(_ []byte, err error) {
		var late *TimeoutError
		if !errors.As(err, &late) {
			t.Errorf("got %v", err)
		}
		waitDead(t, pids)
	})
	each(t, Options{}, child(pids), func(_ []byte, err error) {
		if err != nil {
			t.Error(err)
		}
		waitDead(t, pids)
	})
	each(t, Options{}, "os.chmod('.', 0); os.chmod(os.path.expanduser('~'), 0o500) if "+strconv.Itoa(os.Getuid())+" else None", func(_ []byte, err error) {})
}
