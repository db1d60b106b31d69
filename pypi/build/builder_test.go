package build

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/dist"
)

var findPython = sync.OnceValues(func() (path, version string) {
	for _, name := range []string{"python3", "python"} {
		out, err := exec.Command(name, "-I", "-c", "import sys, venv; print(sys.executable); print('%d.%d' % sys.version_info[:2])").Output()
		if lines := strings.Fields(string(out)); err == nil && len(lines) == 2 {
			return lines[0], lines[1]
		}
	}
	return "", ""
})

// somePython returns a Python of this machine, and its minor version.
func somePython(t testing.TB) (path, version string) {
	t.Helper()
	if path, version = findPython(); path == "" {
		t.Skip("there is no Python 3 with venv on PATH")
	}
	return path, version
}

// newBuilder returns a builder with a scratch folder that must be empty at the end.
func newBuilder(t testing.TB, o Options) *Builder {
	t.Helper()
	path, version := somePython(t)
	if o.Version == "" {
		o.Version, o.Interpreter = version, path
	}
	o.TempDir = t.TempDir()
	b := New(o)
	t.Cleanup(func() {
		if b.scratch != "" {
			if left, _ := filepath.Glob(filepath.Join(b.scratch, "one-*")); left != nil {
				t.Errorf("builds left %q", left)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(o.TempDir); len(left) != 0 {
			t.Errorf("the builder left %v", left)
		}
	})
	return b
}

const inTree = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n"

// preparing is a backend whose hook runs the code first; the metadata has the text that it left in note.
func preparing(code string) string {
	return `import os, sys, time, subprocess
note = ""
def get_requires_for_build_wheel(settings=None):
    return []
def prepare_metadata_for_build_wheel(folder, settings=None):
    global note
` + indent(code) + `
    os.mkdir(os.path.join(folder, "a-1.dist-info"))
    with open(os.path.join(folder, "a-1.dist-info", "METADATA"), "w") as f:
        f.write("Metadata-Version: 2.1\nName: a\nVersion: 1\n" + note)
    return "a-1.dist-info"
def build_wheel(folder, settings=None, metadata=None):
    raise SystemExit("a wheel is not wanted")
`
}

func indent(code string) string {
	lines := strings.Split(strings.TrimSpace(code), "\n")
	for i := range lines {
		lines[i] = "    " + lines[i]
	}
	return strings.Join(lines, "\n")
}

// sdist is an archive with a pyproject.toml and a backend.
func sdist(t testing.TB, pyproject, backend string) string {
	return save(t, pack(t, "a-1/pyproject.toml", pyproject, "a-1/backend.py", backend))
}

func TestMetadata(t *testing.T) {
	b := newBuilder(t, Options{}) // for all
	for _, test := range []struct {
		name, pyproject, backend string
		want                     string // lines after the version, or after a dash part of the error
	}{
		{"hook", inTree, preparing(`note = "Requires-Dist: dep>=2\n"`), "Requires-Dist: dep>=2\n"},
		{"object", strings.Replace(inTree, `"backend"`, `"backend:inner.hooks"`, 1), `
class inner:
    class hooks:
        @staticmethod
        def prepare_metadata_for_build_wheel(folder, settings=None):
            import os
            os.mkdir(folder + "/x.dist-info")
            open(folder + "/x.dist-info/METADATA", "w").write("Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: o\n")
            return "x.dist-info"
`, "Requires-Dist: o\n"},
		{"wheel where there is no hook", inTree, `
import zipfile
def build_wheel(folder, settings=None, metadata=None):
    with zipfile.ZipFile(folder + "/a-1-py3-none-any.whl", "w") as z:
        z.writestr("a/other.dist-info/METADATA", "x")
        z.writestr("a-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: w\n")
    return "a-1-py3-none-any.whl"
`, "Requires-Dist: w\n"},
		{"folder of the tree", inTree, preparing(`note = "Requires-Dist: %s\n" % ("here" if os.path.exists("backend.py") else "elsewhere")`), "Requires-Dist: here\n"},
		{"arguments", inTree, preparing(`note = "Requires-Dist: n%d\n" % len(sys.argv)`), "Requires-Dist: n1\n"},
		{"exception", inTree, preparing(`raise ValueError("no such thing")`), "-ValueError: no such thing"},
		{"exit", inTree, preparing(`sys.exit(7)`), "-exit status 7"},
		{"no backend", strings.Replace(inTree, `"backend"`, `"missing"`, 1), "", "-No module named 'missing'"},
		{"backend elsewhere", strings.Replace(inTree, `"backend"`, `"json"`, 1), "", "-not in its backend-path"},
		{"path outside", strings.Replace(inTree, `["."]`, `[".."]`, 1), "", "-is not a folder of the source tree"},
		{"malformed table", "[build-system]\nrequires = ['!']\n", "", "-build-system.requires"},
		{"no metadata", inTree, "def prepare_metadata_for_build_wheel(folder, settings=None): return 'x'", "-No such file"},
		{"metadata too large", inTree, preparing(`note = "x" * (11 << 20)`), "-over the limit of 10485760 bytes"},
		{"requirements without wheels", strings.Replace(inTree, "[]", `["dep"]`, 1), "", "-installing dep"},
		{"legacy", "", "", "-installing setuptools >= 40.8.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, err := b.Metadata(t.Context(), sdist(t, test.pyproject, test.backend), "a-1.tar.gz", "")
			if want, bad := strings.CutPrefix(test.want, "-"); bad {
				var failed *Error
				if !errors.As(err, &failed) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "the build of a-1.tar.gz failed in ") {
					t.Errorf("got %v, want %q", err, want)
				}
				return
			}
			if got := strings.TrimPrefix(string(data), "Metadata-Version: 2.1\nName: a\nVersion: 1\n"); err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// TestEnvironment plants credentials where a build might look for them.
func TestEnvironment(t *testing.T) {
	const secret = "s3cr3t"
	vars := map[string]string{"PATH": os.Getenv("PATH"), "LANG": "C.UTF-8"}
	for _, name := range []string{"UV_INDEX_PRIVATE_PASSWORD", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "HTTPS_PROXY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PYLOCK_INDEX_A_PASSWORD", "NETRC", "HOME", "PYTHONPATH", "PYTHONSTARTUP"} {
		vars[name] = secret
		t.Setenv(name, secret) // the process of the test has them too
	}
	b := newBuilder(t, Options{Getenv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }})
	data, err := b.Metadata(t.Context(), sdist(t, inTree, preparing(`
found = [k for k in os.environ if "`+secret+`" in os.environ[k]] + [a for a in sys.argv if "`+secret+`" in a]
home = os.path.expanduser("~")
open(os.path.join(home, "litter"), "w").write("x")
import tempfile
note = "Requires-Dist: %s\nHome: %s\nTemp: %s\nUmask: x\n" % ("".join(found) or "clean", home, tempfile.gettempdir())
`)), "a-1.tar.gz", "")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if !strings.Contains(text, "Requires-Dist: clean\n") {
		t.Errorf("the build saw the secret: %s", text)
	}
	for _, want := range []string{"Home: " + b.o.TempDir, "Temp: " + b.o.TempDir} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s, want %s", text, want)
		}
	}
}

// TestOutput has a build that prints a lot, and what a terminal would obey.
func TestOutput(t *testing.T) {
	var logged []string
	b := newBuilder(t, Options{Log: func(line string) { logged = append(logged, line) }})
	_, err := b.Metadata(t.Context(), sdist(t, inTree, preparing(`
for i in range(10000):
    print("line %d \033]0;title\007" % i)
print("progress 1\rprogress 2")
print("y" * 100000)
sys.stdout.flush()
sys.stderr.write("last words")
sys.exit(1)
`)), "a-1.tar.gz", "")
	var failed *Error
	if !errors.As(err, &failed) || len(failed.Output) != maxTail || failed.Output[maxTail-1] != "last words" || failed.Output[maxTail-3] != "progress 2" || len(failed.Output[maxTail-2]) != maxLine {
		t.Fatalf("got %v", err)
	}
	if len(logged) != 10003 {
		t.Errorf("%d lines were logged", len(logged))
	}
}

// alive reports whether a process runs, zombies aside.
func alive(pid int) bool {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(state), ") ")
	return !strings.HasPrefix(rest, "Z") && rest != ""
}

func waitDead(t *testing.T, file string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); alive(pid); {
		if time.Now().After(end) {
			t.Fatalf("process %d lives on", pid)
		}
		runtime.Gosched()
	}
}

// child starts a process that holds the output and writes its number down.
func child(file string) string {
	return `p = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(` + strconv.Quote(file) + `, "w").write(str(p.pid))
`
}

func TestTimeout(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	b := newBuilder(t, Options{Timeout: 2 * time.Second})
	start := time.Now()
	_, err := b.Metadata(t.Context(), sdist(t, inTree, preparing("print('working', flush=True)\n"+child(pid)+"time.sleep(600)")), "a-1.tar.gz", "")
	var late *TimeoutError
	if !errors.As(err, &late) || !strings.Contains(err.Error(), "more than 2s") || !strings.Contains(err.Error(), "| working") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	waitDead(t, pid)
}

// TestChild has a build that ends well, and leaves a process behind that holds its output.
func TestChild(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	b := newBuilder(t, Options{})
	if _, err := b.Metadata(t.Context(), sdist(t, inTree, preparing(child(pid))), "a-1.tar.gz", ""); err != nil {
		t.Error(err)
	}
	waitDead(t, pid)
}

// TestInterrupt ends the context of a build that runs.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	pid := filepath.Join(dir, "pid")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	b := newBuilder(t, Options{Log: func(line string) {
		if line == "working" {
			cancel(why)
		}
	}})
	_, err := b.Metadata(ctx, sdist(t, inTree, preparing(child(pid)+"print('working', flush=True)\ntime.sleep(600)")), "a-1.tar.gz", "")
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	waitDead(t, pid)
}

// TestClose closes a builder while it builds.
func TestClose(t *testing.T) {
	working := make(chan struct{})
	b := newBuilder(t, Options{Log: func(line string) { close(working) }})
	failed := make(chan error)
	go func() {
		_, err := b.Metadata(context.Background(), sdist(t, inTree, preparing("print('working', flush=True)\ntime.sleep(600)")), "a-1.tar.gz", "")
		failed <- err
	}()
	<-working
	closed := b.Close()
	if err := <-failed; !errors.Is(err, errClosed) || closed != nil {
		t.Errorf("got %v, %v", err, closed)
	}
	if _, err := b.Metadata(t.Context(), save(t, nil), "a-1.tar.gz", ""); !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}

// wheel is a wheel with one module and a program.
func wheel(t testing.TB, folder, name, code string) {
	t.Helper()
	f, err := os.Create(filepath.Join(folder, name+"-1-py3-none-any.whl"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	info := name + "-1.dist-info/"
	for _, m := range [][2]string{
		{name + ".py", code},
		{info + "METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "entry_points.txt", "[console_scripts]\n" + name + "-program = " + name + ":program\n"},
		{info + "RECORD", name + ".py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "entry_points.txt,,\n" + info + "RECORD,,\n"},
	} {
		w, err := z.Create(m[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestRequirements has a backend that is a wheel, asks for another one, and runs its program.
func TestRequirements(t *testing.T) {
	path, _ := somePython(t)
	if err := exec.Command(path, "-I", "-c", "import ensurepip").Run(); err != nil {
		t.Skip("the Python on PATH has no ensurepip")
	}
	var asked []string
	b := newBuilder(t, Options{Wheels: func(ctx context.Context, on *Python, requires []string, folder string) error {
		asked = append(asked, strings.Join(requires, ","))
		wheel(t, folder, "maker", strings.Replace(preparing(`
import helper
said = subprocess.run(["helper-program"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
note = "Requires-Dist: %s\nRequires-Dist: %s\n" % (helper.NAME, said)
`), "return []", `return ["helper>=1"]`, 1))
		if len(asked) > 1 {
			wheel(t, folder, "helper", "NAME = 'imported'\ndef program():\n    print('ran')\n")
		}
		return nil
	}})
	archive := sdist(t, "[build-system]\nrequires = [\"maker\"]\nbuild-backend = \"maker\"\n", "")
	for range 2 {
		asked = nil
		data, err := b.Metadata(t.Context(), archive, "a-1.tar.gz", "")
		if err != nil || !strings.Contains(string(data), "Requires-Dist: imported\nRequires-Dist: ran\n") {
			t.Fatalf("got %s, %v", data, err)
		}
		if got := strings.Join(asked, " "); got != "maker maker,helper>=1" {
			t.Errorf("asked for %s", got)
		}
	}
	if requires, err := b.Requires(t.Context(), archive, "a-1.tar.gz"); err != nil || strings.Join(requires, " ") != "maker helper>=1" {
		t.Errorf("got %q, %v", requires, err)
	}
	failing := newBuilder(t, Options{Wheels: func(context.Context, *Python, []string, string) error { return errors.New("no such wheel") }})
	_, err := failing.Metadata(t.Context(), archive, "a-1.tar.gz", "")
	if err == nil || err.Error() != "the build of a-1.tar.gz failed in installing maker: no such wheel" {
		t.Errorf("got %v", err)
	}
}

func TestTreeMetadata(t *testing.T) {
	tree := t.TempDir()
	for name, text := range map[string]string{"pyproject.toml": inTree, "backend.py": preparing(`
open("litter", "w").write("x")
note = "Requires-Dist: %s\n" % " ".join(sorted(os.listdir(".")))
`), ".git/config": "secret", ".venv/pyvenv.cfg": ""} {
		path := filepath.Join(tree, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	b := newBuilder(t, Options{})
	before := listing(t, tree)
	data, sum, err := b.TreeMetadata(t.Context(), tree, "services/a")
	if err != nil || !strings.Contains(string(data), "Requires-Dist: backend.py litter pyproject.toml\n") {
		t.Errorf("got %s, %v", data, err)
	}
	if after := listing(t, tree); after != before {
		t.Errorf("the tree was %s and is %s", before, after)
	}
	if now, err := TreeSum(tree); err != nil || now != sum {
		t.Errorf("the sum of what was built is %q, that of the tree %q, %v", sum, now, err)
	}
	if _, _, err := b.TreeMetadata(t.Context(), filepath.Join(tree, "none"), "services/none"); err == nil || !strings.HasPrefix(err.Error(), "the build of services/none failed in copying") {
		t.Errorf("got %v", err)
	}
}

func TestPython(t *testing.T) {
	path, version := somePython(t)
	b := newBuilder(t, Options{Version: version + ".99"})
	p, err := b.Python(t.Context())
	if err != nil || p.Minor() != version || !filepath.IsAbs(p.Path) || p.Platform == "" || p.Implementation == "" {
		t.Errorf("got %+v, %v", p, err)
	}
	fake := filepath.Join(t.TempDir(), "python3")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	pypy := filepath.Join(t.TempDir(), "pypy")
	if err := os.WriteFile(pypy, []byte("#!/bin/sh\necho '[\"/opt/pypy\", \"pypy\", \"3.11.9\", \"linux-x86_64\", \"\", \"x86_64\", \"\"]'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Version: "3.11", Interpreter: pypy}, "is pypy, and the lock is for CPython"},
		{Options{Version: "3.99"}, "a build needs Python 3.99, which the lock is for: on PATH, python3 is " + version},
		{Options{Version: "3.99", Interpreter: path}, "is " + version},
		{Options{Version: version, Interpreter: "/no/such/python"}, "/no/such/python that builds are to use does not run"},
		{Options{Version: version, Interpreter: "no-such-python"}, "is not there"},
		{Options{Version: version, Interpreter: fake}, "does not say what it is"},
		{Options{Version: version, Getenv: func(string) (string, bool) { return "", false }}, "there is none on PATH"},
	} {
		_, err := newBuilder(t, test.o).Metadata(t.Context(), save(t, nil), "a-1.tar.gz", "")
		var setup *SetupError
		if !errors.As(err, &setup) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want %q", test.o, err, test.want)
		}
	}
}

func TestPlatformTag(t *testing.T) {
	for _, test := range [][5]string{
		{"linux-x86_64", "glibc 2.36", "x86_64", "", "manylinux_2_36_x86_64"},
		{"linux-aarch64", "", "aarch64", "", "musllinux_1_2_aarch64"},
		{"macosx-10.13-universal2", "", "arm64", "14.5", "macosx_14_0_arm64"},
		{"macosx-10.9-x86_64", "", "x86_64", "10.15.7", "macosx_10_15_x86_64"},
		{"win-amd64", "", "AMD64", "", "win_amd64"},
	} {
		if got := platformTag(test[0], test[1], test[2], test[3]); got != test[4] {
			t.Errorf("%v: got %s", test, got)
		}
	}
}

// TestKinds builds from all kinds of archives that are unpacked.
func TestKinds(t *testing.T) {
	b := newBuilder(t, Options{})
	backend := preparing(`note = "Requires-Dist: dep\n"`)
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	for name, text := range map[string]string{"a-1/pyproject.toml": inTree, "a-1/backend.py": backend} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"a-1.tar.gz": sdist(t, inTree, backend), "a-1.tgz": sdist(t, inTree, backend), "a-1.zip": save(t, zipped.Bytes()),
		"a-1.tar": treeTar(t, "a-1/pyproject.toml", inTree, "a-1/backend.py", backend),
	} {
		if data, err := b.Metadata(t.Context(), file, name, ""); err != nil || !strings.Contains(string(data), "Requires-Dist: dep\n") {
			t.Errorf("%s: got %s, %v", name, data, err)
		}
		if !dist.CanUnpack(name) {
			t.Errorf("%s is refused elsewhere", name)
		}
	}
	for _, name := range []string{"a-1.tar.xz", "a-1.tar.zst", "a-1.tar.lz", "a-1.rar", "a-1"} {
		if _, err := b.Metadata(t.Context(), sdist(t, inTree, backend), name, ""); err == nil || !strings.Contains(err.Error(), "failed in unpacking: archives of this kind are not unpacked; want .tar.gz, .tar.bz2, .tar or .zip") {
			t.Errorf("%s: got %v", name, err)
		}
		if dist.CanUnpack(name) {
			t.Errorf("%s is taken elsewhere", name)
		}
	}
}
