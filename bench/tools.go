package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The target that both tools lock for, and what both write.
var target = []string{"--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_28", "--generate-hashes", "--no-build"}

// tools are the programs to run.
type tools struct {
	pylock, uv string
	python     string // folder of a real interpreter of the target's version, which uv looks for
}

func (t *tools) flags(f *flag.FlagSet) {
	f.StringVar(&t.pylock, "pylock", "bin/pylock", "the `program` pylock")
	f.StringVar(&t.uv, "uv", ".bench/venv/bin/uv", "the `program` uv")
	f.StringVar(&t.python, "python", "", "the `folder` of Python 3.12, not that of a version manager's shim")
}

// find makes the paths absolute.
func (t *tools) find() error {
	for _, p := range []*string{&t.pylock, &t.uv, &t.python} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		if _, err := os.Stat(abs); err != nil {
			return err
		}
		*p = abs
	}
	return nil
}

func (t *tools) version(ctx context.Context, program string) string {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// A tool is one of the two with a repository and a cache of its own.
type tool struct {
	name    string // pylock or uv
	program string
	root    string // of its copy of the repository
	cache   string // folder, may be missing
	env     []string
}

// sample is one run, or several that belong together.
type sample struct {
	Wall      time.Duration
	CPU       time.Duration
	Peak      int64 // bytes of memory, of the largest process
	Requests  int
	Bytes     int64
	Solvable  bool
	Complaint string // what it wrote, where it failed
}

// environment is what both tools see, and nothing else.
func (t *tools) environment(index, ca, home, cache string) []string {
	return []string{
		"PATH=" + t.python + ":/usr/bin:/bin", "HOME=" + home, "SSL_CERT_FILE=" + ca,
		"UV_DEFAULT_INDEX=" + index, "UV_PYTHON_DOWNLOADS=never", "UV_NO_CONFIG=1", "UV_NO_PROGRESS=1",
		"UV_CACHE_DIR=" + cache, "PYLOCK_CACHE_DIR=" + cache, "XDG_CACHE_HOME=" + filepath.Join(home, ".cache"),
	}
}

// run starts the program once in dir, a folder of the tool's copy.
func (t *tool) run(ctx context.Context, dir string, args ...string) (sample, error) {
	c := exec.CommandContext(ctx, t.program, args...)
	c.Dir, c.Env = filepath.Join(t.root, dir), t.env
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	start := time.Now()
	err := c.Run()
	s := sample{Wall: time.Since(start), Solvable: err == nil}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return s, err
	}
	state := c.ProcessState
	s.CPU = state.UserTime() + state.SystemTime()
	s.Peak = state.SysUsage().(*syscall.Rusage).Maxrss << 10
	if err != nil {
		s.Complaint = output.String()
		if state.ExitCode() != 1 {
			return s, fmt.Errorf("%s %s: %w\n%s", t.name, strings.Join(args, " "), err, s.Complaint)
		}
	}
	return s, nil
}

// compile locks one input. It is the folder of a service, or a file.
func (t *tool) compile(ctx context.Context, input string) (sample, error) {
	if t.name == "pylock" {
		args := append([]string{"compile", "-q", input}, target...)
		if lock := lockOf(input); strings.HasSuffix(input, ".in") {
			args = append(args, "-o", lock)
		}
		return t.run(ctx, ".", args...)
	}
	dir, file := input, "pyproject.toml"
	if strings.HasSuffix(input, ".in") {
		dir, file = filepath.Split(input)
	}
	return t.run(ctx, dir, append([]string{"pip", "compile", "-q", file, "-o", "requirements.lock"}, target...)...)
}

// compileAll locks all services: one run of pylock, one of uv for each.
func (t *tool) compileAll(ctx context.Context, services []string) (sample, error) {
	if t.name == "pylock" {
		return t.run(ctx, ".", append([]string{"compile", "-q"}, target...)...)
	}
	sum := sample{Solvable: true}
	for _, s := range services {
		one, err := t.compile(ctx, s)
		if err != nil {
			return sum, err
		}
		sum.Wall += one.Wall
		sum.CPU += one.CPU
		sum.Peak = max(sum.Peak, one.Peak)
		sum.Solvable = sum.Solvable && one.Solvable
		sum.Complaint += one.Complaint
	}
	return sum, nil
}

// check asks whether the lock of a service is up to date. For uv, that is to lock again; the comparison of the two
// files is not counted.
func (t *tool) check(ctx context.Context, service string) (sample, error) {
	if t.name == "pylock" {
		return t.run(ctx, ".", "check", "-q", service)
	}
	return t.compile(ctx, service)
}

func lockOf(input string) string {
	if strings.HasSuffix(input, ".in") {
		input = filepath.Dir(input)
	}
	return filepath.Join(input, "requirements.lock")
}

// A repository is what gets locked: the example's services without their path dependency, which uv would need other
// settings for, and the pits as files of requirements.
type repository struct {
	monorepo string
	services []string // services/NAME
	pits     []pit
}

// pit is a question that drowns some resolvers.
type pit struct{ name, asks string }

var pits = []pit{
	{"boto3-urllib3", "boto3 urllib3<1.25.4"},
	{"starlette-fastapi", "starlette<=0.36.0 fastapi<=0.115.2"},
	{"sentry-kafka", "sentry-kafka-schemas python-rapidjson"},
	{"fastapi-langchain", "pydantic<2 fastapi>=0.120 langchain"},
}

func (p pit) input() string { return filepath.Join("pits", p.name, "requirements.in") }

func newRepository(monorepo string) (*repository, error) {
	entries, err := os.ReadDir(filepath.Join(monorepo, "services"))
	if err != nil {
		return nil, err
	}
	r := &repository{monorepo: monorepo, pits: pits}
	for _, e := range entries {
		r.services = append(r.services, filepath.Join("services", e.Name()))
	}
	return r, nil
}

// extra is the dependency that is added to a service: another service of the example has it.
const extra = "apscheduler>=3.10,<4"

// write makes a copy of the repository. With added, langgraph has one dependency more; with locks, the locks of the
// example are there.
func (r *repository) write(root string, locks bool) error {
	write := func(name, text string) error {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		return os.WriteFile(name, []byte(text), 0o666)
	}
	if err := write("pyproject.toml", "[tool.pylock]\nservices = [\"services/*\"]\npython-version = \"3.12\"\n"); err != nil {
		return err
	}
	for _, s := range r.services {
		text, err := os.ReadFile(filepath.Join(r.monorepo, s, "pyproject.toml"))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(s, "pyproject.toml"), strings.Replace(string(text), "    \"shared\",\n", "", 1)); err != nil {
			return err
		}
		if !locks {
			continue
		}
		lock, err := os.ReadFile(filepath.Join(r.monorepo, lockOf(s)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if err := write(lockOf(s), string(lock)); err != nil {
			return err
		}
	}
	for _, p := range r.pits {
		if err := write(p.input(), strings.ReplaceAll(p.asks, " ", "\n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// add gives a service of a copy one more dependency.
func add(root, service string) error {
	name := filepath.Join(root, service, "pyproject.toml")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	const list = "dependencies = [\n"
	if !strings.Contains(string(text), list) {
		return fmt.Errorf("%s has no list of dependencies", name)
	}
	return os.WriteFile(name, []byte(strings.Replace(string(text), list, list+"    \""+extra+"\",\n", 1)), 0o666)
}

// pins reads "name==version" and the hashes of each from a lock.
func pins(lock string) (versions map[string]string, hashes map[string][]string, err error) {
	text, err := os.ReadFile(lock)
	if err != nil {
		return nil, nil, err
	}
	versions, hashes = map[string]string{}, map[string][]string{}
	name := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "\\"))
		if h, ok := strings.CutPrefix(line, "--hash="); ok {
			hashes[name] = append(hashes[name], h)
		} else if n, v, ok := strings.Cut(line, "=="); ok && !strings.HasPrefix(line, "#") {
			name = n
			if i := strings.IndexAny(v, " ;"); i >= 0 {
				v = v[:i]
			}
			versions[name] = v
		}
	}
	for _, h := range hashes {
		slices.Sort(h)
	}
	return versions, hashes, nil
}

// differences tells in which pins two locks differ, by lines.
func differences(pylock, uv string) ([]string, error) {
	ours, ourHashes, err := pins(pylock)
	if err != nil {
		return nil, err
	}
	theirs, theirHashes, err := pins(uv)
	if err != nil {
		return nil, err
	}
	var out []string
	seen := map[string]bool{}
	for _, m := range []map[string]string{ours, theirs} {
		for n := range m {
			if seen[n] {
				continue
			}
			seen[n] = true
			a, b := ours[n], theirs[n]
			switch {
			case a == "":
				a = "none"
			case b == "":
				b = "none"
			}
			if a != b {
				out = append(out, fmt.Sprintf("%s: pylock %s, uv %s", n, a, b))
			} else if !slices.Equal(ourHashes[n], theirHashes[n]) {
				out = append(out, fmt.Sprintf("%s: the same version, other hashes", n))
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// depth is how many requirements one has to follow to reach the last package of a lock, by its comments.
func depth(lock string) (int, error) {
	text, err := os.ReadFile(lock)
	if err != nil {
		return 0, err
	}
	via := map[string][]string{}
	name := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if n, _, ok := strings.Cut(line, "=="); ok && !strings.HasPrefix(line, "#") {
			name = n
		} else if rest, ok := strings.CutPrefix(line, "#"); ok && name != "" {
			who := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), "via"))
			if who != "" {
				via[name] = append(via[name], who)
			}
		}
	}
	level := map[string]int{}
	for n := 1; ; n++ {
		var reached []string
		for pin, from := range via {
			if level[pin] != 0 {
				continue
			}
			for _, who := range from {
				_, isPin := via[who]
				if n == 1 && !isPin || n > 1 && level[who] == n-1 {
					reached = append(reached, pin)
					break
				}
			}
		}
		if len(reached) == 0 {
			return n - 1, nil
		}
		for _, pin := range reached {
			level[pin] = n
		}
	}
}
