package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

var pythonMismatch = Rule{
	Rule: lockfile.Rule{ID: "python-mismatch", Severity: lockfile.Stale,
		Title: "builder, runtime and lock are for different Pythons",
		Help:  "Start both stages from the Python that the lock is for, or compile the lock for that of the image."},
	Reason: `A lock has the packages, and the hashes of the wheels, for one minor version of Python. Another one needs other packages,
or finds no wheel whose hash is listed; and what one Python installed lies where another does not look (lib/python3.12).`,
	Cost: "a build that fails, packages that are built from source, or an image that finds no package",
	Before: `FROM python:3.12-slim AS builder
RUN pip install --ignore-installed --prefix=/install -r requirements.lock
FROM python:3.11-slim
COPY --from=builder /install /usr/local`,
	After: `FROM python:3.12-slim AS builder
RUN pip install --ignore-installed --prefix=/install -r requirements.lock
FROM python:3.12-slim
COPY --from=builder /install /usr/local`,
	Lang: "dockerfile",
	find: findPythonMismatch,
}

var libcMismatch = Rule{
	Rule: lockfile.Rule{ID: "libc-mismatch", Severity: lockfile.Stale,
		Title: "the lock is for another C library than the image has",
		Help:  "Compile the lock for the image (--python-platform), or start from an image with the C library that the lock is for."},
	Reason: `Wheels with compiled code are for glibc (manylinux) or for musl (musllinux), and need a version of it at least. An image
with the other one, or with an older one, cannot use them: pip builds the packages from source, if the lock has the hashes of their sources, and fails if not. A lock
without hashes is another matter: pip takes the wheels that the image can use.`,
	Cost: "a build that fails, or that compiles for minutes",
	Before: `# Target: CPython 3.12 on linux (x86_64)    (of the lock: glibc)
FROM python:3.12-alpine
RUN pip install --no-cache-dir -r requirements.lock`,
	After: `FROM python:3.12-slim
RUN pip install --no-cache-dir -r requirements.lock`,
	Lang: "dockerfile",
	find: findLibcMismatch,
}

// pythonOf is the Python of a stage, "" where the name of its image does not
// tell, or something may have brought another.
func pythonOf(s *tree.Stage) (version string, from project.Place) {
	chain := s.Chain()
	for _, st := range chain {
		for _, step := range st.Steps {
			if step.Run == nil {
				continue
			}
			if !step.Run.Known {
				return "", from
			}
			for _, c := range step.Run.Commands {
				if otherPython(c) {
					return "", from
				}
			}
		}
	}
	version, _ = project.ImagePython(s.Origin())
	return version, chain[0].Place
}

// otherPython reports whether a command may bring another Python.
func otherPython(c *tree.Command) bool {
	texts := c.Texts()
	switch c.Name() {
	case "apt-get", "apt", "apk", "dnf", "yum", "microdnf":
		return slices.ContainsFunc(texts, func(s string) bool { return strings.HasPrefix(s, "python") })
	case "pyenv", "conda", "mamba", "micromamba", "asdf", "mise":
		return true
	case "uv":
		return len(texts) > 1 && (texts[1] == "python" || slices.ContainsFunc(texts, func(s string) bool {
			return s == "-p" || s == "--python" || strings.HasPrefix(s, "--python=")
		}))
	}
	return false
}

func findPythonMismatch(e *examiner) {
	for _, i := range e.shipped() {
		told := map[*tree.Stage]bool{}
		for _, s := range e.sites(i) {
			if !s.isPip() || isSet(s.Command, "UV_PYTHON") {
				continue
			}
			version, place := pythonOf(s.stage)
			for _, l := range e.locks(&s) {
				if version == "" || len(l.Pythons) == 0 || slices.Contains(l.Pythons, version) {
					continue
				}
				told[s.stage] = true
				e.add(place, fmt.Sprintf("start from Python %s, or compile the lock with --python-version %s", strings.Join(l.Pythons, " or "), version),
					fmt.Sprintf("%s has Python %s, and %s, which is installed in it, is for %s", s.stage.Origin(), version, l.Path, strings.Join(l.Pythons, " and ")))
			}
		}
		e.eachHandover(i, func(from, to *tree.Stage) {
			a, _ := pythonOf(from)
			b, place := pythonOf(to)
			if a != "" && b != "" && a != b && !told[from] {
				e.add(place, "start both stages from one Python", fmt.Sprintf("%s has Python %s, and takes packages that Python %s installed (%s, line %d)", to.Origin(), b, a, from.Origin(), from.Place.Line))
			}
		})
	}
}

// isSet reports whether a variable has a value, known or not.
func isSet(c *tree.Command, name string) bool { _, set := c.Env[name]; return set }

// eachHandover calls yield for stages of an image of which one copies packages
// that the other installed.
func (e *examiner) eachHandover(i *tree.Image, yield func(from, to *tree.Stage)) {
	for _, to := range i.Final.Needs() {
		for _, st := range to.Steps {
			if st.Copy == nil || st.Copy.From == nil {
				continue
			}
			for _, src := range st.Copy.Sources {
				if handsOver(st.Copy.From, src) {
					yield(st.Copy.From, to)
				}
			}
		}
	}
}

// handsOver reports whether pip installed packages below a path of a stage.
func handsOver(s *tree.Stage, src string) bool {
	if strings.Contains(src, "site-packages") {
		return true
	}
	for _, stage := range s.Chain() {
		for _, st := range stage.Steps {
			if st.Run == nil {
				continue
			}
			for _, in := range st.Run.Installs {
				if in.Tool != tree.Pip && in.Tool != tree.UvPip {
					continue
				}
				if in.Prefix.Text == src && src != "" || in.Prefix.Text == "" && in.Target.Text == "" && src == "/usr/local" && in.Tool == tree.Pip {
					return true
				}
				if w := in.Command.Words[0]; w.Known && path.IsAbs(w.Text) && path.Dir(path.Dir(w.Text)) == src {
					return true // /venv/bin/pip
				}
				if v, ok := in.Command.Env.Get("VIRTUAL_ENV"); ok && v == src {
					return true
				}
			}
		}
	}
	return false
}

// codenames are the glibc 2.x of what images are made from.
var codenames = map[string]int{
	"stretch": 24, "buster": 28, "bullseye": 31, "bookworm": 36, "trixie": 41,
	"xenial": 23, "bionic": 27, "focal": 31, "jammy": 35, "noble": 39,
}

var ubuntus = map[string]int{"16.04": 23, "18.04": 27, "20.04": 31, "22.04": 35, "24.04": 39}

var debians = map[int]int{9: 24, 10: 28, 11: 31, 12: 36, 13: 41}

var debianNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`debian-?([0-9]{1,2})\b`) })

// libcOf is the C library of a stage's image; zero where its name does not tell.
func libcOf(s *tree.Stage) tree.Libc {
	ref, _, _ := strings.Cut(s.Origin(), "@")
	name, tag := path.Base(ref), ""
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name, tag = name[:i], name[i+1:]
	}
	if _, alpine := project.ImagePython(ref); alpine {
		return tree.Libc{Musl: true}
	}
	for word, minor := range codenames {
		if slices.Contains(strings.Split(tag, "-"), word) {
			return tree.Libc{Glibc: true, Minor: minor}
		}
	}
	if m := debianNumber().FindStringSubmatch(name + ":" + tag); m != nil {
		n, _ := strconv.Atoi(m[1])
		return tree.Libc{Glibc: true, Minor: debians[n]}
	}
	switch name {
	case "ubuntu":
		return tree.Libc{Glibc: true, Minor: ubuntus[tag]}
	case "debian":
		n, _ := strconv.Atoi(strings.SplitN(strings.SplitN(tag, ".", 2)[0], "-", 2)[0])
		return tree.Libc{Glibc: true, Minor: debians[n]}
	case "python":
		if strings.Contains(tag, "windows") || strings.Contains(tag, "nanoserver") {
			return tree.Libc{}
		}
		return tree.Libc{Glibc: tag != ""}
	}
	return tree.Libc{}
}

func (e *examiner) libcMismatchOf(s *site, l *tree.Lock) string {
	have, want := libcOf(s.stage), l.Libc
	switch {
	case have.Musl && want.Glibc && !want.Musl:
		return fmt.Sprintf("%s has musl, and %s, which is installed in it, is for glibc alone", s.stage.Origin(), l.Path)
	case have.Glibc && want.Musl && !want.Glibc:
		return fmt.Sprintf("%s has glibc, and %s, which is installed in it, is for musl alone", s.stage.Origin(), l.Path)
	case have.Glibc && have.Minor > 0 && want.Glibc && want.Minor > have.Minor:
		return fmt.Sprintf("%s has glibc 2.%d, and the wheels of %s need up to 2.%d", s.stage.Origin(), have.Minor, l.Path, want.Minor)
	}
	return ""
}

func findLibcMismatch(e *examiner) {
	for _, i := range e.shipped() {
		for _, s := range e.sites(i) {
			if !s.isPip() {
				continue
			}
			for _, l := range e.locks(&s) {
				if bound(l) {
					if message := e.libcMismatchOf(&s, l); message != "" {
						e.add(s.stage.Chain()[0].Place, "", message)
					}
				}
			}
		}
		e.eachHandover(i, func(from, to *tree.Stage) {
			a, b := libcOf(from), libcOf(to)
			if !slices.ContainsFunc(e.sites(i), func(s site) bool { return slices.ContainsFunc(e.locks(&s), compiled) }) {
				return
			}
			if a.Musl && b.Glibc || a.Glibc && b.Musl {
				e.add(to.Chain()[0].Place, "start both stages from images with one C library",
					fmt.Sprintf("%s takes packages that were installed in %s, which has another C library", to.Origin(), from.Origin()))
			}
		})
	}
}

// compiledPackages are some whose wheels have compiled code, of which most locks
// have one at least. A lock does not say which of its pins have.
var compiledPackages = strings.Fields(`aiohttp argon2-cffi-bindings asyncpg bcrypt cffi charset-normalizer confluent-kafka cryptography cython
 frozenlist fonttools greenlet grpcio h5py hiredis httptools jiter kiwisolver lxml markupsafe matplotlib msgpack multidict mypy
 mysqlclient numpy orjson ormsgpack pandas pillow polars propcache protobuf psutil psycopg-binary psycopg2-binary pyarrow pydantic-core
 pymongo pynacl pyyaml pyzmq rapidfuzz regex rpds-py safetensors scikit-learn scipy shapely sqlalchemy tiktoken tokenizers torch tornado
 uvloop watchfiles websockets wrapt yarl zstandard`)

// compiled reports whether a lock has a package whose wheels have compiled code.
func compiled(l *tree.Lock) bool {
	return slices.ContainsFunc(compiledPackages, func(n string) bool { return l.Pinned[pypi.Name(n)] != nil })
}

// manyFiles is how many hashes a pin has that lists the files of all platforms;
// those of a target are a few.
const manyFiles = 8

// bound reports whether a lock has the hashes of wheels with compiled code for
// its target alone: without hashes pip takes the wheels that the image can use.
func bound(l *tree.Lock) bool {
	return slices.ContainsFunc(compiledPackages, func(n string) bool {
		pin := l.Pinned[pypi.Name(n)]
		return pin != nil && len(pin.Hashes) > 0 && len(pin.Hashes) <= manyFiles
	})
}
