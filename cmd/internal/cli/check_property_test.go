package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// handlers answer by host, without a network.
type handlers map[string]http.Handler

func (h handlers) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h[r.URL.Host].ServeHTTP(w, r)
	a := w.Result()
	a.Request = r
	return a, nil
}

const checkUniverse = `web 1.0
  core>=1
  speed; extra == "fast"
web 2.0
  core>=2
  speed; extra == "fast"
web 3.0
  @uploaded 2026-03-20T00:00:00Z
  core>=2
  speed; extra == "fast"
core 1.0
core 2.0
  leaf
core 3.0
  leaf>=1
leaf 1.0
leaf 2.0
leaf 3.0rc1
leaf 3.0
  @yanked broken
speed 1.0
plat 1.0
  colors; sys_platform == "win32"
plat 1.1
  colors; sys_platform == "win32"
  base; platform_machine == "aarch64"
colors 1.0
colors 2.0
native 1.0
  @wheel cp312-cp312-manylinux_2_17_x86_64
  @wheel cp312-cp312-manylinux_2_17_aarch64
  @wheel cp312-cp312-win_amd64
  @wheel cp312-cp312-macosx_11_0_arm64
native 1.2
  @wheel cp312-cp312-manylinux_2_17_x86_64
  @wheel cp312-cp312-manylinux_2_17_aarch64
  @wheel cp312-cp312-win_amd64
  @wheel cp312-cp312-macosx_11_0_arm64
  @sdist
native 1.3
  @wheel cp313-cp313-manylinux_2_17_x86_64
  @sdist
native 2.0
split 1.0
split 1.5
split 2.0
split 2.5
base 1.0
base 2.0
loop 1.0
  ring
ring 1.0
  loop
ring 2.0
  loop
more 1.0
new 1.0
  deep
new 2.0
  deep
tool 1.0
  deep
deep 1.0
  deeper
deeper 1.0
pre 1.0
pre 2.0rc1
sdist 1.0
  @wheel py3-none-any
  @sdist
builds 1.0
  @sdist dynamic
builds 0.9
any 1.0
any 2.0
  @python >=3.13
old 1.0
  any<2; python_version < "3.13"
  any>=2; python_version >= "3.13"
`

// world is a repository with one service, in the current folder.
type world struct {
	t     *testing.T
	r     *rand.Rand
	h     handlers
	env   map[string]string
	files map[string]string
	now   time.Time
	log   []string
}

func (w *world) write() {
	for name, text := range w.files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) run(args ...string) (code int, stdout, stderr string) {
	var out, talk bytes.Buffer
	env, now := maps.Clone(w.env), w.now // for what still reads ahead when the run is over
	app := &App{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &talk, Transport: w.h,
		Getenv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		FS:     lockfile.OS{}, Now: func() time.Time { return now },
		Sleep: func(ctx context.Context, d time.Duration) error { return ctx.Err() },
	}
	code = app.Run(w.t.Context(), args)
	w.log = append(w.log, fmt.Sprintf("$ pylock %s → %d\n%s%s", strings.Join(args, " "), code, &out, &talk))
	return code, out.String(), talk.String()
}

func (w *world) one(of ...string) string { return of[w.r.IntN(len(of))] }

func (w *world) some(n int, of ...string) []string {
	of = slices.Clone(of)
	w.r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return of[:min(w.r.IntN(n+1), len(of))]
}

func (w *world) maybe(percent int) bool { return w.r.IntN(100) < percent }

var someRequirements = []string{
	"web[fast]>=1", "web<3", "web", "plat", "native<2", "native<1.3", "native",
	"split<2 ; platform_machine == 'x86_64'|split>=2 ; platform_machine != 'x86_64'",
	"split<2 ; python_version < '3.13'|split>=2 ; python_version >= '3.13'",
	"loop", "leaf", "leaf>=1", "pre", "pre>=2.0rc1", "sdist", "any", "old", "new", "base<2", "colors ; sys_platform == 'darwin'",
	"core<3", "tool", "shared",
}

func (w *world) pyproject() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = %q\ndependencies = [\n", w.one(">=3.12", ">=3.12", ">=3.13", ">=3.12,<3.14"))
	for _, r := range w.some(6, someRequirements...) {
		for one := range strings.SplitSeq(r, "|") {
			fmt.Fprintf(&b, "  %q,\n", one)
		}
	}
	b.WriteString("]\n[project.optional-dependencies]\nmore = [\"more>=1\", \"web[fast]\"]\n[dependency-groups]\ndev = [\"tool\"]\n[tool.uv.sources]\nshared = { path = \"../shared\" }\n")
	return b.String()
}

func (w *world) settings() string {
	var b strings.Builder
	b.WriteString("[tool.pylock]\n")
	put := func(percent int, values ...string) {
		if w.maybe(percent) {
			b.WriteString(w.one(values...) + "\n")
		}
	}
	put(20, `python-version = "3.12"`, `python-version = "3.13"`)
	put(20, `platforms = ["linux"]`, `platforms = ["x86_64-manylinux_2_28", "windows"]`, `universal = true`)
	put(20, `constraints = ["constraints.txt"]`)
	put(10, `overrides = ["overrides.txt"]`)
	put(15, `hashes = "all"`, `hashes = "none"`, `hashes = "target"`)
	put(10, `no-emit-package = ["leaf"]`, `no-emit-package = ["core", "deep"]`)
	put(10, `exclude-newer = "7 days"`, `exclude-newer = "2026-03-01"`)
	put(10, `prerelease = "allow"`)
	put(10, `resolution = "lowest-direct"`)
	put(10, `no-strip-extras = true`)
	put(10, `emit-index-url = true`)
	put(5, `no-header = true`)
	put(10, `extra = ["more"]`)
	put(10, `group = ["dev"]`)
	put(5, `no-annotate = true`)
	put(10, `no-build = true`)
	return b.String()
}

// options is a random combination of the flags of compile.
func (w *world) options() []string {
	var out []string
	put := func(percent int, values ...string) {
		if w.maybe(percent) {
			out = append(out, strings.Split(w.one(values...), "|")...)
		}
	}
	put(15, "--extra=more", "--all-extras")
	put(15, "--group=dev")
	put(15, "-c|constraints.txt")
	put(10, "--overrides=overrides.txt")
	put(8, "--exclude=leaf", "--excludes=excludes.txt")
	put(4, "--no-deps")
	put(3, "--no-sources")
	put(25, "--python-version=3.12", "-p|3.13", "--python-version=3.12|--python-version=3.13")
	put(30, "--universal", "--python-platform=linux", "--python-platform=macos|--python-platform=windows", "--universal|--fork-strategy=fewest")
	put(15, "--resolution=lowest", "--resolution=lowest-direct", "--resolution=highest")
	put(15, "--prerelease=allow", "--pre", "--prerelease=disallow", "--prerelease-package=pre=allow")
	put(15, "--exclude-newer=7 days", "--exclude-newer=2026-03-01", "--exclude-newer=false", "--exclude-newer-package=web=30 days")
	put(8, "--no-build", "--no-binary=sdist", "--only-binary=:all:", "--no-binary=sdist|--only-binary=native")
	put(10, "--index=http://extra.test/simple/", "--index=corp=http://u:secret@extra.test/simple/")
	put(25, "--hashes=all", "--no-hashes", "--generate-hashes", "--hashes=target")
	put(10, "--annotation-style=line", "--no-annotate")
	put(4, "--no-header")
	put(10, "--no-strip-extras")
	put(8, "--no-emit-package=leaf", "--no-emit-package=core,deep")
	put(8, "--emit-index-url")
	put(8, "--emit-build-options")
	put(8, "--emit-index-annotation")
	put(5, "--custom-compile-command=make lock")
	return out
}

// edit changes one thing of the repository or of the lock, and says what.
func (w *world) edit(lock string) string {
	svc := w.files["svc/pyproject.toml"]
	lines := strings.SplitAfter(lock, "\n")
	pins := func() (at []int) {
		for i, l := range lines {
			if strings.Contains(l, "==") && l[0] != '#' && l[0] != ' ' {
				at = append(at, i)
			}
		}
		return at
	}()
	hashed := func() (at []int) {
		for i, l := range lines {
			if strings.Contains(l, "--hash=") {
				at = append(at, i)
			}
		}
		return at
	}()
	set := func(text string) { w.files["svc/requirements.lock"] = text }
	pinEnd := func(i int) int {
		j := i + 1
		for j < len(lines) && strings.HasPrefix(lines[j], "    ") {
			j++
		}
		return j
	}
	switch k := w.r.IntN(26); {
	case k == 0:
		w.files["svc/pyproject.toml"] = w.pyproject()
		return "new pyproject"
	case k == 1:
		r := w.one(someRequirements...)
		var add string
		for one := range strings.SplitSeq(r, "|") {
			add += fmt.Sprintf("  %q,\n", one)
		}
		w.files["svc/pyproject.toml"] = strings.Replace(svc, "dependencies = [\n", "dependencies = [\n"+add, 1)
		return "add " + r
	case k == 2:
		req := regexp.MustCompile(`(?m)^  ".*",\n`).FindAllString(svc, -1)
		if len(req) > 0 {
			r := w.one(req...)
			w.files["svc/pyproject.toml"] = strings.Replace(svc, r, "", 1)
			return "drop " + r
		}
	case k == 3:
		w.files["constraints.txt"] = w.one("", "leaf<2\n", "leaf<9\n", "web<2\nbase<2\n", "split<2 ; python_version >= '3.13'\n", "nothing==1\n")
		return "constraints " + w.files["constraints.txt"]
	case k == 4:
		w.files["overrides.txt"] = w.one("", "leaf==1.0\n", "ring==2.0\n", "ring==1.0\n", "core==1.0\nleaf==2.0\n")
		return "overrides " + w.files["overrides.txt"]
	case k == 5:
		w.files["pyproject.toml"] = w.settings()
		return "settings " + w.files["pyproject.toml"]
	case k == 6:
		w.files["svc/.python-version"] = w.one("3.12\n", "3.13\n", "3.14.1\n")
		return ".python-version"
	case k == 7:
		w.files["svc/Dockerfile"] = "FROM python:" + w.one("3.12-slim", "3.13", "3.12-alpine") + "\n"
		return "Dockerfile " + w.files["svc/Dockerfile"]
	case k == 8:
		w.files["shared/pyproject.toml"] = "[project]\nname = \"shared\"\nversion = \"0.1\"\ndependencies = [" + w.one(`"base"`, `"base", "new"`, ``, `"leaf<2"`) + "]\n"
		return "shared " + w.files["shared/pyproject.toml"]
	case k == 9 && len(pins) > 0: // pin removed
		i := pins[w.r.IntN(len(pins))]
		set(strings.Join(slices.Delete(slices.Clone(lines), i, pinEnd(i)), ""))
		return "lock: pin removed " + lines[i]
	case k == 10 && len(pins) > 0: // twice
		i := pins[w.r.IntN(len(pins))]
		set(strings.Join(slices.Insert(slices.Clone(lines), i, lines[i:pinEnd(i)]...), ""))
		return "lock: pin twice " + lines[i]
	case k == 11 && len(pins) > 0: // another version
		i := pins[w.r.IntN(len(pins))]
		was := lines[i]
		lines[i] = regexp.MustCompile(`==[^ \n]+`).ReplaceAllString(lines[i], "=="+w.one("1.0", "2.0", "1.5", "3.0", "9", "1", "1.0.0"))
		set(strings.Join(lines, ""))
		return "lock: " + was + " is " + lines[i]
	case k == 12 && len(hashed) > 0:
		i := hashed[w.r.IntN(len(hashed))]
		was := lines[i]
		lines[i] = regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(lines[i], "sha256:"+strings.Repeat("a", 64))
		set(strings.Join(lines, ""))
		return "lock: hash " + was
	case k == 13 && len(hashed) > 0:
		i := hashed[w.r.IntN(len(hashed))]
		was := lines[i]
		if !strings.HasSuffix(was, "\\\n") && !strings.HasPrefix(lines[i-1], "    --hash") {
			lines[i-1] = strings.TrimSuffix(lines[i-1], " \\\n") + "\n"
		} else if !strings.HasSuffix(was, "\\\n") {
			lines[i-1] = strings.TrimSuffix(lines[i-1], " \\\n") + "\n"
		}
		set(strings.Join(slices.Delete(lines, i, i+1), ""))
		return "lock: hash gone " + was
	case k == 14 && len(pins) > 0 && strings.Contains(lock, "# Target"):
		i := pins[w.r.IntN(len(pins))]
		was := lines[i]
		head, rest, _ := strings.Cut(lines[i], "==")
		v := regexp.MustCompile(`^[^ \n]+`).FindString(rest)
		tail := "\n"
		if strings.HasSuffix(was, "\\\n") {
			tail = " \\\n"
		}
		lines[i] = head + "==" + v + w.one("", " ; sys_platform == 'linux'", " ; python_full_version >= '3.13'", " ; platform_machine == 'x86_64'", " ; sys_platform == 'win32'", " ; python_full_version >= '3.0'") + tail
		set(strings.Join(lines, ""))
		return "lock: marker " + was + "→ " + lines[i]
	case k == 15:
		set(strings.ReplaceAll(lock, "\n", "\r\n"))
		return "lock: CRLF"
	case k == 16:
		set(regexp.MustCompile(`(?m)^ +#.*\n`).ReplaceAllString(lock, ""))
		return "lock: comments gone"
	case k == 17:
		set(lock + w.one("\n# a note\n", "base==1.0\n", "deeper==1.0\n", "colors==2.0 ; sys_platform == 'win32'\n", "leaf==2.0\n", "--pre\n", "--index-url http://u:secret@other.test/simple/\n", "--extra-index-url http://extra.test/simple/\n", "--trusted-host other.test\n", "-r other.txt\n", "-e ./shared\n", "x @ https://files.test/x-1.0-py3-none-any.whl\n", "--only-binary :all:\n"))
		return "lock: appended " + w.files["svc/requirements.lock"][len(lock):]
	case k == 18:
		set(regexp.MustCompile(`(?m)^# Target.*\n`).ReplaceAllString(lock, w.one("", "# Target: CPython 3.11 on linux (x86_64)\n")))
		return "lock: target edited"
	case k == 19:
		set(regexp.MustCompile(`(?m)^#    pylock.*$`).ReplaceAllString(lock, "#    pylock compile svc"+w.one("", " --universal", " --python-version=3.13", " --no-such", " --extra=more", " --generate-hashes", " --hashes=target", " --exclude-newer=false", " --group=dev --extra=more")))
		return "lock: command edited"
	case k == 20:
		set(regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(lock, ""))
		return "lock: header removed"
	case k == 21:
		u := w.one("web 9.0\nleaf 9.0\nbase 9.0\nany 9.0\nnative 9.0\nplat 9.0\n", "web 9.0\nnative 1.25\n", "leaf 8.0\ncore 9.0\n  leaf\n")
		w.h["index.test"] = indextest.MustParse(checkUniverse + u).Handler(plainProfile())
		return "index: newer"
	case k == 22:
		n := w.one("web 2.0", "web 3.0", "leaf 2.0", "core 3.0", "base 2.0", "ring 2.0", "plat 1.1", "native 1.2", "split 2.5")
		re := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(n) + `\n(  .*\n)*`)
		w.h["index.test"] = indextest.MustParse(re.ReplaceAllString(checkUniverse, "")).Handler(plainProfile())
		return "index: gone " + n
	case k == 23:
		w.now = w.now.Add(time.Duration(w.r.IntN(40)) * 24 * time.Hour)
		return "time goes by " + w.now.String()
	case k == 24:
		w.env["UV_EXCLUDE_NEWER"] = "2026-03-01"
		return "UV_EXCLUDE_NEWER"
	case k == 25:
		w.files["svc/pyproject.toml"] = regexp.MustCompile(`requires-python = ".*"`).ReplaceAllString(svc, `requires-python = "`+w.one(">=3.11", ">=3.12", ">=3.13", ">=3.12,<3.13", ">=3.14")+`"`)
		return "requires-python"
	}
	return ""
}

func plainProfile() indextest.Profile {
	p := indextest.PyPI()
	p.Gzip, p.Caching = false, false
	return p
}

func lockOf(t *testing.T, text string) *lockfile.Lock {
	l, err := lockfile.ParseLax("svc/requirements.lock", []byte(text))
	if err != nil {
		return nil
	}
	return l
}

var platformsOfTarget = map[string]string{
	"linux (x86_64, aarch64)": "x86_64-manylinux_2_28 aarch64-manylinux_2_28", "linux (x86_64)": "x86_64-manylinux_2_28",
	"windows (x86_64)": "windows", "macos (aarch64)": "macos", "musl linux (x86_64, aarch64)": "x86_64-unknown-linux-musl aarch64-unknown-linux-musl",
}

// normalMarker is the same for markers that hold in the same environments of a
// target.
func normalMarker(t *testing.T, marker, target string) string {
	m := pep508.Marker{}
	if marker != "" {
		var err error
		if m, _, err = pep508.ParseMarker(marker); err != nil {
			return marker
		}
	}
	if target == "" {
		return marker
	}
	if low, ok := strings.CutSuffix(target, " and newer on every platform"); ok {
		low = strings.TrimPrefix(low, "CPython ")
		lowest := pep440.Specifiers{{Op: pep440.GreaterEqual, Version: pep440.MustParse(low), Text: low}}
		set := m.AppliesSet().And(pep508.Possible()).And(pep508.RequiresPython(lowest))
		all := pep508.Marker{}.AppliesSet().And(pep508.Possible()).And(pep508.RequiresPython(lowest))
		if set.Equal(all) {
			return ""
		}
		return set.String()
	}
	bits := ""
	for one := range strings.SplitSeq(target, "; ") {
		python, where, _ := strings.Cut(strings.TrimPrefix(one, "CPython "), " on ")
		names, ok := platformsOfTarget[where]
		if !ok {
			t.Fatalf("unknown platform %q", where)
		}
		for name := range strings.FieldsSeq(names) {
			p, err := tags.ParsePlatform(name)
			if err != nil {
				t.Fatal(err)
			}
			bits += fmt.Sprint(m.Applies(resolver.Target{Python: pep440.MustParse(python), Platform: p}.Environment(), ""), " ")
		}
	}
	return bits
}

// differs says what of a lock a recompile changed, but for comments.
func differs(t *testing.T, a, b *lockfile.Lock, target string) string {
	if a == nil || b == nil {
		return "unreadable"
	}
	for _, l := range []*lockfile.Lock{a, b} {
		for i := range l.Pins {
			l.Pins[i].Marker = normalMarker(t, l.Pins[i].Marker, cmp.Or(b.Target(), target))
		}
	}
	if err := lockfile.Same(a, b); err != nil {
		return err.Error()
	}
	targets := regexp.MustCompile(` --(python-version|python-platform|universal)(=\S+)?`)
	if targets.ReplaceAllString(a.Command(), "") != targets.ReplaceAllString(b.Command(), "") {
		return "command: " + a.Command() + " | " + b.Command()
	}
	if a.Target() != b.Target() {
		return "target: " + a.Target() + " | " + b.Target()
	}
	return ""
}

// newWorld is a random repository in a new current folder; when the test fails,
// it tells what it did.
func newWorld(t *testing.T, seed uint64, p indextest.Profile) *world {
	t.Chdir(t.TempDir())
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), env: map[string]string{"UV_DEFAULT_INDEX": "http://index.test/simple/"}, files: map[string]string{}, now: time.Date(2026, 3, 24, 12, 0, 0, 0, time.UTC)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d\n%s\n== svc\n%s== root\n%s", seed, strings.Join(w.log, "\n"), w.files["svc/pyproject.toml"], w.files["pyproject.toml"])
		}
	})
	w.h = handlers{"index.test": indextest.MustParse(checkUniverse).Handler(p), "extra.test": indextest.MustParse("leaf 2.0\nmore 1.0\n").Handler(p)}
	w.files[".git/HEAD"] = ""
	w.files["constraints.txt"] = "leaf<9\n"
	w.files["overrides.txt"] = "ring==1.0\n"
	w.files["excludes.txt"] = "speed\n"
	w.files["shared/pyproject.toml"] = "[project]\nname = \"shared\"\nversion = \"0.1\"\ndependencies = [\"base\"]\n"
	w.files["svc/pyproject.toml"] = w.pyproject()
	w.files["pyproject.toml"] = w.settings()
	w.write()
	return w
}

// TestCheckAgreesWithCompile: what compile wrote, with any options, check calls
// up to date and compile leaves alone; after a random edit check calls it stale
// if and only if compile changes a pin, a hash, an option, or the target.
// TEST_SEEDS=FROM:TO tries others than usual.
func TestCheckAgreesWithCompile(t *testing.T) {
	start, end := uint64(0), uint64(300)
	if testing.Short() {
		end = 60
	}
	if s := os.Getenv("TEST_SEEDS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d:%d", &start, &end); err != nil {
			t.Fatal(err)
		}
	}
	done, edited, staleN := 0, 0, 0
	for seed := start; seed < end; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Chdir(t.TempDir())
			w := newWorld(t, seed, plainProfile())
			flags := w.options()
			if w.maybe(50) {
				flags = nil
			} else {
				w.files["pyproject.toml"] = "[tool.pylock]\n"
			}
			w.write()
			if code, _, _ := w.run(append([]string{"compile", "svc"}, flags...)...); code != 0 {
				return
			}
			done++
			made, err := os.ReadFile("svc/requirements.lock")
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(made), "secret") {
				t.Errorf("credentials:\n%s", made)
			}
			bare := []string{}
			if slices.Contains(flags, "--no-header") || slices.Contains(flags, "--custom-compile-command=make lock") {
				bare = flags
			}
			if code, _, _ := w.run(append([]string{"check", "svc"}, flags...)...); code != 0 {
				t.Errorf("check with the flags")
			}
			if code, _, _ := w.run(append([]string{"check", "svc"}, bare...)...); code != 0 {
				if !(strings.Contains(w.files["pyproject.toml"], "no-header") && len(flags) > 0) {
					t.Errorf("check without the flags")
				} else {
					bare = flags
				}
			}
			if code, _, _ := w.run(append([]string{"compile", "svc"}, bare...)...); code != 0 {
				t.Errorf("recompile")
			}
			again, _ := os.ReadFile("svc/requirements.lock")
			if string(again) != string(made) {
				t.Errorf("recompile changed\n%s\n%s", made, again)
			}
			if t.Failed() {
				return
			}
			what := w.edit(string(made))
			if what == "" {
				return
			}
			edited++
			w.log = append(w.log, "EDIT "+what)
			w.write()
			before, _ := os.ReadFile("svc/requirements.lock")
			code, _, _ := w.run(append([]string{"check", "svc"}, bare...)...)
			after, _ := os.ReadFile("svc/requirements.lock")
			if !bytes.Equal(before, after) {
				t.Errorf("check wrote")
			}
			re, _, _ := w.run(append([]string{"compile", "svc"}, bare...)...)
			after, _ = os.ReadFile("svc/requirements.lock")
			noHeader := slices.Contains(flags, "--no-header") || strings.Contains(w.files["pyproject.toml"], "no-header")
			diff := differs(t, lockOf(t, string(before)), lockOf(t, string(after)), "CPython 3.13 on linux (x86_64, aarch64)")
			if (strings.Contains(what, "pin removed") || strings.Contains(what, "marker")) && strings.Contains(string(made), "packages were excluded") && code == 0 {
				return // what a package that is left out needs cannot be known
			}
			if noHeader && (strings.HasPrefix(diff, "command") || strings.HasPrefix(diff, "target")) {
				diff = ""
			}
			switch {
			case re == 0 && code == 0 && diff != "":
				t.Errorf("MISS: recompile changes %s", diff)
			case re == 0 && code == 1 && diff == "":
				t.Errorf("FALSE ALARM")
			case re == 1 && code != 1:
				t.Errorf("no solution, check says %d", code)
			case re > 1 && code == 0:
				t.Errorf("compile fails with %d, check is green", re)
			case re == 0 && code > 1:
				t.Errorf("check fails with %d, compile works", code)
			}
			if code == 1 {
				staleN++
			}
			if re == 0 {
				if code, _, _ := w.run(append([]string{"check", "svc"}, bare...)...); code != 0 {
					t.Errorf("not green after recompile")
				}
			}
			if t.Failed() {
				t.Logf("BEFORE\n%s\nAFTER\n%s", before, after)
			}
		})
	}
	t.Logf("%d compiled, %d edited, %d stale", done, edited, staleN)
}
