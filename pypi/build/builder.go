package build

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pylock-dev/pylock/pypi/dist"
)

//go:embed hooks.py
var hooks []byte

// Wheels puts the wheels of build requirements, and of all that they need, into a folder, as files named as on the
// index. No other file may be there after it.
type Wheels func(ctx context.Context, on *Python, requires []string, folder string) error

// Options configures a builder.
type Options struct {
	Version     string        // of Python, such as 3.12; a patch level is not looked at
	Interpreter string        // path or name of the Python; "" for the first on PATH of the version
	Timeout     time.Duration // of one build; 0 is DefaultTimeout
	Wheels      Wheels        // nil where builds that require anything fail

	Log     func(line string)                // of what builds print, one line at a time, from several goroutines; may be nil
	Getenv  func(name string) (string, bool) // nil is os.LookupEnv
	TempDir string                           // where scratch folders are made; "" is os.TempDir
}

// Builder builds for one version of Python. It is safe for concurrent use, and looks for a Python when it first needs
// one.
type Builder struct {
	o      Options
	getenv func(string) (string, bool)
	slots  chan struct{}
	closed chan struct{} // ends builds
	builds sync.WaitGroup

	mu      sync.Mutex
	scratch string // of all builds, "" before the first
	python  *Python
	pip     string // the Python of an environment that has pip, "" before the first
}

// New returns a builder; nothing is run or written yet.
func New(o Options) *Builder {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Getenv == nil {
		o.Getenv = os.LookupEnv
	}
	return &Builder{o: o, getenv: o.Getenv, slots: make(chan struct{}, min(maxConcurrent, runtime.GOMAXPROCS(0))), closed: make(chan struct{})}
}

// Close ends the builds that run, waits for their end, and removes what is left of all. The builder cannot be used
// after it.
func (b *Builder) Close() error {
	b.mu.Lock()
	select {
	case <-b.closed:
	default:
		close(b.closed)
	}
	b.mu.Unlock()
	b.builds.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.scratch == "" {
		return nil
	}
	dir := b.scratch
	b.scratch, b.pip = "", ""
	return remove(dir)
}

// Python returns the interpreter that builds use. The error is a *SetupError, or that of the context.
func (b *Builder) Python(ctx context.Context) (*Python, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.python != nil {
		return b.python, nil
	}
	if err := b.prepare(); err != nil {
		return nil, err
	}
	p, err := b.find(ctx)
	if err == nil {
		b.python = p
	}
	return p, err
}

// prepare makes the scratch folder of all builds.
func (b *Builder) prepare() (err error) {
	if b.scratch == "" {
		b.scratch, err = os.MkdirTemp(b.o.TempDir, "pylock-build-*")
	}
	return err
}

// Metadata returns the core metadata that a build of the source distribution would have. archive is a file whose hash
// the caller has verified, name its file name, which tells the format, subdirectory the clean slash path of the package
// in it, "" for its top folder. Nothing of the text is judged here.
//
// The error is an *Error where the build failed, a *SetupError where none is possible, or that of the context.
func (b *Builder) Metadata(ctx context.Context, archive, name, subdirectory string) ([]byte, error) {
	return b.metadata(ctx, name, nil, fromArchive(archive, name, name, subdirectory))
}

// CommitMetadata is Metadata for the files of a commit, which archive has as a tar, whose top is that of the commit. A
// version that only git would tell is 0. subject is its name in errors.
func (b *Builder) CommitMetadata(ctx context.Context, archive, subject, subdirectory string) ([]byte, error) {
	return b.metadata(ctx, subject, withoutGit, fromArchive(archive, subject, "", subdirectory))
}

func (b *Builder) metadata(ctx context.Context, subject string, vars []string, place placing) (text []byte, err error) {
	err = b.build(ctx, subject, vars, place, func(ctx context.Context, j *job) error {
		text, err = j.metadata(ctx)
		return err
	})
	return text, err
}

// Requires returns what a build of the source distribution requires, as written: [build-system] requires, and what the
// backend asks for besides. Arguments and errors are those of Metadata, the package that of the top folder.
func (b *Builder) Requires(ctx context.Context, archive, name string) (requires []string, err error) {
	err = b.build(ctx, name, nil, fromArchive(archive, name, name, ""), func(ctx context.Context, j *job) error {
		_, requires, err = j.requirements(ctx)
		return err
	})
	return requires, err
}

// placing puts a source tree into the scratch folder of a build, and returns its folder.
type placing func(scratch string) (tree string, err error)

// fromArchive places the tree of an archive, whose format the end of a file name tells; "" is a tar of a commit.
func fromArchive(archive, subject, format, subdirectory string) placing {
	return func(scratch string) (string, error) {
		src := filepath.Join(scratch, "src")
		if err := os.Mkdir(src, 0o755); err != nil {
			return "", err
		}
		tree, err := unpack(archive, cmp.Or(format, ".tar"), src)
		if format == "" {
			tree = src // a folder that is alone at its top is one of the commit
		}
		if err == nil && subdirectory != "" {
			tree, err = below(src, tree, subdirectory)
		}
		if err != nil {
			err = &Error{Subject: subject, Step: "unpacking", Err: err}
		}
		return tree, err
	}
}

// below returns a folder of a tree, which may be behind links within root.
func below(root, tree, subdirectory string) (string, error) {
	dir := filepath.Join(tree, filepath.FromSlash(subdirectory))
	rel, err := filepath.Rel(root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("the folder %q leads out of it", subdirectory)
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if fi, err := r.Stat(rel); err != nil || !fi.IsDir() {
		return "", fmt.Errorf("it has no folder %q", subdirectory)
	}
	return dir, nil
}

// TreeMetadata is Metadata for a source tree on disk, a folder of the repository. The tree is copied before the build,
// without .git, and stays as it is; a version that only git would tell is 0. subject is its name in errors. sum is the
// [TreeSum] of what was built.
func (b *Builder) TreeMetadata(ctx context.Context, tree, subject string) (text []byte, sum string, err error) {
	place := func(scratch string) (string, error) {
		src := filepath.Join(scratch, "src")
		var err error
		if sum, err = copyTree(tree, src); err != nil {
			err = &Error{Subject: subject, Step: "copying", Err: err}
		}
		return src, err
	}
	text, err = b.metadata(ctx, subject, withoutGit, place)
	return text, sum, err
}

// build asks the tree that place puts into a scratch folder, with some variables more.
func (b *Builder) build(ctx context.Context, subject string, vars []string, place placing, ask func(context.Context, *job) error) error {
	ctx, end, err := b.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	on, err := b.Python(ctx)
	if err != nil {
		return err
	}
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	outer := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, b.o.Timeout, &TimeoutError{b.o.Timeout})
	defer cancel()
	scratch, err := os.MkdirTemp(b.scratch, "one-*")
	if err != nil {
		return err
	}
	defer remove(scratch)
	tree, err := place(scratch)
	if err != nil {
		return err
	}
	j := &job{b: b, on: on, subject: subject, scratch: scratch, tree: tree, vars: vars}
	err = ask(ctx, j)
	if err != nil && outer.Err() != nil {
		return context.Cause(outer)
	}
	return err
}

var errClosed = errors.New("the builder is closed")

// begin counts a build, and returns a context that ends with the builder too.
func (b *Builder) begin(ctx context.Context) (_ context.Context, end func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.closed:
		return nil, nil, errClosed
	default:
	}
	ctx, cancel := context.WithCancelCause(ctx)
	b.builds.Add(1)
	go func() {
		select {
		case <-b.closed:
			cancel(errClosed)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); b.builds.Done() }, nil
}

// job is one build.
type job struct {
	b       *Builder
	on      *Python
	subject string
	scratch string
	tree    string
	vars    []string
	system  *dist.BuildSystem
	envs    int
}

// requirements returns what the build requires, and an environment with the part that [build-system] names.
func (j *job) requirements(ctx context.Context) (env string, all []string, err error) {
	text, err := readFile(filepath.Join(j.tree, "pyproject.toml"), maxPyproject)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, j.fail("reading pyproject.toml", err, nil)
	}
	if j.system, err = dist.ParseBuildSystem(text); err != nil {
		return "", nil, j.fail("reading pyproject.toml", err, nil)
	}
	if env, err = j.environment(ctx, j.system.Requires); err != nil {
		return "", nil, err
	}
	answer, err := j.hook(ctx, env, "requires", "get_requires_for_build_wheel", maxRequires)
	if err != nil {
		return "", nil, err
	}
	var more []string
	if err := json.Unmarshal(answer, &more); err != nil {
		return "", nil, j.fail("get_requires_for_build_wheel", err, nil)
	}
	return env, slices.Concat(j.system.Requires, more), nil
}

func (j *job) metadata(ctx context.Context) ([]byte, error) {
	env, all, err := j.requirements(ctx)
	if err == nil && len(all) > len(j.system.Requires) {
		env, err = j.environment(ctx, all)
	}
	if err != nil {
		return nil, err
	}
	return j.hook(ctx, env, "metadata", "prepare_metadata_for_build_wheel", maxMetadata)
}

func (j *job) fail(step string, err error, output []string) error {
	return &Error{Subject: j.subject, Step: step, Err: err, Output: slices.Clone(output)}
}

// environment makes one with the requirements.
func (j *job) environment(ctx context.Context, requires []string) (string, error) {
	j.envs++
	env := filepath.Join(j.scratch, fmt.Sprintf("env%d", j.envs))
	bare := j.b.environment(j.scratch, "")
	if tail, err := j.b.run(ctx, j.scratch, bare, j.on.Path, "-I", "-m", "venv", "--without-pip", env); err != nil {
		return "", j.fail("making an environment", err, tail)
	}
	if len(requires) == 0 {
		return env, nil
	}
	step := "installing " + strings.Join(requires, ", ")
	if j.b.o.Wheels == nil {
		return "", j.fail(step, errors.New("builds without requirements alone are possible here"), nil)
	}
	folder := filepath.Join(j.scratch, fmt.Sprintf("wheels%d", j.envs))
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	if err := j.b.o.Wheels(ctx, j.on, requires, folder); err != nil {
		return "", j.fail(step, err, nil)
	}
	pip, err := j.b.withPip(ctx, j.on)
	if err != nil {
		return "", err
	}
	args := []string{"-I", "-m", "pip", "install", "--no-index", "--no-deps", "--no-compile", "--ignore-installed", "--no-warn-script-location",
		"--no-cache-dir", "--quiet", "--prefix", env}
	wheels, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	for _, w := range wheels {
		args = append(args, filepath.Join(folder, w.Name()))
	}
	if tail, err := j.b.run(ctx, j.scratch, bare, pip, args...); err != nil {
		return "", j.fail(step, err, tail)
	}
	return env, nil
}

// withPip returns the Python of an environment that has pip, which ensurepip has with it, made once.
func (b *Builder) withPip(ctx context.Context, on *Python) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pip != "" {
		return b.pip, nil
	}
	env := filepath.Join(b.scratch, "pip")
	if tail, err := b.run(ctx, b.scratch, b.environment(b.scratch, ""), on.Path, "-I", "-m", "venv", "--clear", env); err != nil {
		return "", b.setup(ctx, err, "Python %s at %s cannot make an environment with pip for a build (%v): install its venv and ensurepip, python3-venv on Debian%s",
			on.Version, on.Path, err, strings.Join(append([]string{""}, tail...), "\n  | "))
	}
	b.pip = python(env)
	return b.pip, nil
}

// hook calls a hook of the backend.
func (j *job) hook(ctx context.Context, env, what, step string, limit int64) ([]byte, error) {
	dir, err := os.MkdirTemp(j.scratch, "hook-*")
	if err != nil {
		return nil, err
	}
	script, answer, out := filepath.Join(dir, "hooks.py"), filepath.Join(dir, "answer"), filepath.Join(dir, "out")
	if err := errors.Join(os.WriteFile(script, hooks, 0o644), os.Mkdir(out, 0o755)); err != nil {
		return nil, err
	}
	vars := slices.Concat(j.b.environment(j.scratch, scripts(env)), j.vars, []string{"VIRTUAL_ENV=" + env})
	if site := sitePackages(env, j.on); site != "" {
		vars = append(vars, "PYTHONPATH="+site) // for programs of the requirements, which are pip's Python's
	}
	args := append([]string{script, what, answer, out, j.system.Backend}, j.system.BackendPath...)
	tail, err := j.b.run(ctx, j.tree, vars, python(env), args...)
	if err != nil {
		return nil, j.fail(step, err, tail)
	}
	data, err := readFile(answer, limit)
	if err != nil {
		return nil, j.fail(step, err, tail)
	}
	return data, nil
}

// sitePackages is where packages of an environment are.
func sitePackages(env string, on *Python) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(env, "Lib", "site-packages")
	}
	return filepath.Join(env, "lib", "python"+on.Minor(), "site-packages")
}

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	if fi, err := os.Lstat(path); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", filepath.Base(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is over the limit of %d bytes", filepath.Base(path), limit)
	}
	return data, err
}

// remove deletes a folder, also where a build took its own rights away.
func remove(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
