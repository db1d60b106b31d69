package build

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Python is an interpreter as it describes itself.
type Python struct {
	Path           string // absolute
	Implementation string // cpython
	Version        string // 3.12.4
	// Platform is its tag of PEP 425, such as manylinux_2_36_x86_64: what the newest wheels that it takes may have.
	Platform string
}

// Minor is the version without the patch level.
func (p *Python) Minor() string { return minor(p.Version) }

func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// probe prints what a Python says of itself.
const probe = `import json, os, platform, sys, sysconfig
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (AttributeError, OSError, ValueError):
    libc = ""
print(json.dumps([sys.executable, sys.implementation.name, "%d.%d.%d" % sys.version_info[:3], sysconfig.get_platform(), libc, platform.machine(), platform.mac_ver()[0]]))
`

// inspect asks the interpreter at path what it is.
func (b *Builder) inspect(ctx context.Context, path string) (*Python, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTimeout, &TimeoutError{probeTimeout})
	defer cancel()
	quiet := &Builder{o: Options{}, getenv: b.getenv}
	lines, err := quiet.run(ctx, b.scratch, b.environment(b.scratch, ""), path, "-I", "-c", probe)
	var said []string
	switch {
	case err != nil && len(lines) > 0:
		return nil, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	case err != nil:
		return nil, err
	case len(lines) == 0 || json.Unmarshal([]byte(lines[len(lines)-1]), &said) != nil || len(said) != 7 || !filepath.IsAbs(said[0]):
		return nil, fmt.Errorf("it does not say what it is as Python does")
	}
	p := &Python{Path: said[0], Implementation: said[1], Version: said[2]}
	p.Platform = platformTag(said[3], said[4], said[5], said[6])
	return p, nil
}

// platformTag makes a tag of sysconfig.get_platform(), the C library ("glibc 2.36"), the machine and the version of
// macOS.
func platformTag(platform, libc, machine, mac string) string {
	tag := strings.NewReplacer("-", "_", ".", "_").Replace(platform)
	switch {
	case strings.HasPrefix(platform, "linux-"):
		arch := strings.TrimPrefix(tag, "linux_")
		if version, ok := strings.CutPrefix(libc, "glibc "); ok {
			return "manylinux_" + strings.ReplaceAll(version, ".", "_") + "_" + arch
		}
		return "musllinux_1_2_" + arch
	case strings.HasPrefix(platform, "macosx-"):
		major, rest, _ := strings.Cut(mac, ".")
		minor, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(major); err != nil || n > 10 || minor == "" {
			minor = "0"
		}
		return "macosx_" + major + "_" + minor + "_" + machine
	}
	return tag
}

// find returns the interpreter that is named, else the first on PATH of the version.
func (b *Builder) find(ctx context.Context) (*Python, error) {
	want := minor(b.o.Version)
	if b.o.Interpreter != "" {
		path, err := b.look(b.o.Interpreter)
		if err != nil {
			return nil, &SetupError{fmt.Sprintf("the Python %s that builds are to use is not there: name another, or leave it out", b.o.Interpreter)}
		}
		p, err := b.inspect(ctx, path)
		if err != nil {
			return nil, b.setup(ctx, err, "the Python %s that builds are to use does not run: %v", b.o.Interpreter, err)
		}
		if p.Implementation != "cpython" {
			return nil, &SetupError{fmt.Sprintf("the Python %s that builds are to use is %s, and the lock is for CPython: name one", b.o.Interpreter, p.Implementation)}
		}
		if p.Minor() != want {
			return nil, &SetupError{fmt.Sprintf("the Python %s that builds are to use is %s, and the lock is for %s: name one of that version", b.o.Interpreter, p.Version, want)}
		}
		return p, nil
	}
	var tried []string
	for _, name := range []string{"python" + want, "python3", "python"} {
		path, err := b.look(name)
		if err != nil {
			continue
		}
		p, err := b.inspect(ctx, path)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		switch {
		case err != nil:
			tried = append(tried, name+" does not run")
		case p.Implementation != "cpython":
			tried = append(tried, name+" is "+p.Implementation)
		case p.Minor() != want:
			tried = append(tried, name+" is "+p.Version)
		default:
			return p, nil
		}
	}
	found := "there is none on PATH"
	if tried != nil {
		found = "on PATH, " + strings.Join(tried, ", ")
	}
	return nil, &SetupError{fmt.Sprintf("a build needs Python %s, which the lock is for: %s; install it, or name one with --python PATH or UV_PYTHON", want, found)}
}

// setup is a [SetupError], or the end of ctx.
func (b *Builder) setup(ctx context.Context, err error, format string, args ...any) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &SetupError{fmt.Sprintf(format, args...)}
}

// look finds a program by the caller's PATH.
func (b *Builder) look(name string) (string, error) {
	if strings.ContainsAny(name, `/\`) {
		return filepath.Abs(name)
	}
	list, _ := b.getenv("PATH")
	for _, dir := range filepath.SplitList(list) {
		if !filepath.IsAbs(dir) {
			continue // what is in the current folder is not meant
		}
		path := filepath.Join(dir, name)
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", exec.ErrNotFound
}
