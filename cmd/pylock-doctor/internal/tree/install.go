package tree

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Tool is what installs.
type Tool string

const (
	Pip    Tool = "pip"
	UvPip  Tool = "uv pip"
	Uv     Tool = "uv"
	Poetry Tool = "poetry"
	PDM    Tool = "pdm"
	Pipenv Tool = "pipenv"
	Conda  Tool = "conda"
)

// Install is a command that installs Python packages.
type Install struct {
	Command *Command
	Tool    Tool
	Verb    string // install, sync, wheel, download
	At      Word   // the verb
	Place   project.Place
	Dir     string // the working directory, "" when unknown

	Files       []Argument // of -r
	Constraints []Argument // of -c
	Paths       []Path
	Specs       []Spec
	// Unclear is set where some argument is not known or not understood, so
	// that nobody can tell all of what is installed.
	Unclear bool

	NoDeps, NoIndex, IgnoreInstalled, Upgrade bool
	Prefix, Target                            Word // zero without
	// NoCache is the option that turns the cache off, or the zero Word; where a
	// variable does that, NoCacheBy is its name.
	NoCache   Word
	NoCacheBy string
	CacheDir  string // of --cache-dir, PIP_CACHE_DIR or UV_CACHE_DIR
	Frozen    bool   // of uv sync and the like: the lock is taken as it is
}

// Argument is the value of an option.
type Argument struct {
	Word
	Path string // within the container, absolute; "" when unknown
}

// Path is a folder or a file that is installed.
type Path struct {
	Argument
	Editable bool
	Extras   bool
}

// Spec is a requirement on the command line.
type Spec struct {
	Word
	Name   pypi.Name
	Pinned bool
	Extras []pypi.Extra
}

// Cached reports whether the cache is in use.
func (in *Install) Cached() bool { return in.NoCache.Text == "" && in.NoCacheBy == "" }

// valued are options of pip and uv that take a value in the next word.
var valued = strings.Fields(`-i --index-url --extra-index-url -f --find-links --root --src --platform --python-version
 --implementation --abi --progress-bar --trusted-host --cache-dir --timeout --retries --proxy --cert --client-cert
 --exists-action --no-binary --only-binary --upgrade-strategy --config-settings -C --config-setting --global-option
 --build-option --report --log --use-feature --use-deprecated --root-user-action --python -p -d --dest -w --wheel-dir
 --build-constraint --build-constraints -b --link-mode --index --default-index --index-strategy --keyring-provider --resolution
 --prerelease --exclude-newer --extra --group --only-group --no-group --override --overrides --excludes --config-file --directory --project
 --torch-backend --color -P --upgrade-package --reinstall-package --refresh-package --no-build-package
 --no-binary-package --no-build-isolation-package --python-platform --package --no-install-package --fork-strategy
 --allow-insecure-host --with --without --only --extras -E --no-extra --requirements-from-script -s --source`)

var pythonCommand = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^python([23](\.[0-9]+)?)?$`) })
var pipCommand = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^pip([23](\.[0-9]+)?)?$`) })

// NewInstall reads a command that installs packages; nil for any other.
func NewInstall(c *Command) *Install {
	words := c.Words
	in := &Install{Command: c, Place: c.Place, Dir: c.Dir}
	for len(words) > 0 {
		name := c.Name()
		if !words[0].Known {
			return nil
		}
		if i := len(c.Words) - len(words); i > 0 {
			name = words[0].Text
		}
		rest := words[1:]
		switch {
		case pythonCommand().MatchString(name):
			// python -I -m pip …
			for len(rest) > 0 && rest[0].Known && strings.HasPrefix(rest[0].Text, "-") && rest[0].Text != "-m" && rest[0].Text != "-c" {
				rest = rest[1:]
			}
			if len(rest) < 2 || rest[0].Text != "-m" {
				return nil
			}
			words = rest[1:]
			if !words[0].Known || words[0].Text != "pip" && words[0].Text != "uv" && words[0].Text != "poetry" {
				return nil
			}
			continue
		case pipCommand().MatchString(name):
			in.Tool = Pip
			return in.pip(rest, "install", "wheel", "download")
		case name == "uv":
			return in.uv(rest)
		case name == "poetry":
			in.Tool = Poetry
			return in.pip(rest, "install", "sync")
		case name == "pdm":
			in.Tool = PDM
			return in.pip(rest, "install", "sync")
		case name == "pipenv":
			in.Tool = Pipenv
			return in.pip(rest, "install", "sync")
		case name == "conda" || name == "mamba" || name == "micromamba":
			in.Tool = Conda
			in.Unclear = true
			return in.pip(rest, "install")
		}
		return nil
	}
	return nil
}

// uv reads uv pip …, uv sync and uv run.
func (in *Install) uv(words []Word) *Install {
	for i, w := range words {
		switch {
		case !w.Known:
			return nil
		case strings.HasPrefix(w.Text, "-"):
			if in.option(words, i) {
				in.Unclear = true
			}
		case w.Text == "pip":
			in.Tool = UvPip
			return in.pip(words[i+1:], "install", "sync")
		case w.Text == "sync":
			in.Tool = Uv
			return in.pip(words[i:], "sync")
		default:
			return nil
		}
	}
	return nil
}

// option takes in an option that may stand before the verb; valued reports
// whether the next word is its value.
func (in *Install) option(words []Word, i int) (takesNext bool) {
	w := words[i]
	name, value, joined := strings.Cut(w.Text, "=")
	switch name {
	case "--no-cache-dir", "--no-cache", "-n":
		if name != "-n" || in.Tool == UvPip || in.Tool == Uv {
			in.NoCache = w
		}
	case "--no-deps", "--no-dependencies":
		in.NoDeps = true
	case "--no-index", "--offline":
		in.NoIndex = true
	case "--ignore-installed", "-I", "--reinstall", "--force-reinstall":
		in.IgnoreInstalled = true
	case "--upgrade", "-U":
		in.Upgrade = true
	case "--frozen", "--locked", "--deploy", "--frozen-lockfile", "--ignore-pipfile":
		in.Frozen = true
	}
	if name == "--cache-dir" {
		if !joined && i+1 < len(words) {
			value = words[i+1].Text
		}
		in.CacheDir = value
	}
	return !joined && slices.Contains(valued, name)
}

// pip reads the arguments of pip and of what is like it.
func (in *Install) pip(words []Word, verbs ...string) *Install {
	i := 0
	for ; i < len(words); i++ {
		w := words[i]
		if !w.Known {
			return nil
		}
		if strings.HasPrefix(w.Text, "-") {
			if in.option(words, i) {
				i++
			}
			continue
		}
		if !slices.Contains(verbs, w.Text) {
			return nil
		}
		in.Verb, in.At = w.Text, w
		break
	}
	if in.Verb == "" {
		return nil
	}
	in.environment()
	if in.Tool == UvPip && in.Verb == "sync" {
		return in.arguments(words[i+1:], true)
	}
	return in.arguments(words[i+1:], false)
}

func (in *Install) arguments(words []Word, files bool) *Install {
	options := true
	for i := 0; i < len(words); i++ {
		w := words[i]
		if !w.Known {
			in.Unclear = true
			continue
		}
		if w.Text == "--" {
			options = false
			continue
		}
		if !options || !strings.HasPrefix(w.Text, "-") || w.Text == "-" {
			if files {
				in.Files = append(in.Files, in.argument(w))
			} else {
				in.add(w, false)
			}
			continue
		}
		name, value, joined := strings.Cut(w.Text, "=")
		if !strings.HasPrefix(w.Text, "--") && len(w.Text) > 2 && strings.Contains("rcet", w.Text[1:2]) {
			name, value, joined = w.Text[:2], strings.TrimPrefix(w.Text[2:], "="), true // -rFILE
		}
		v := Word{Text: value, Known: true, Line: w.Line}
		next := func() (Word, bool) {
			if joined {
				return v, true
			}
			if i+1 < len(words) {
				i++
				if words[i].Known {
					return words[i], true
				}
			}
			in.Unclear = true
			return Word{}, false
		}
		switch name {
		case "-r", "--requirement", "--requirements":
			if v, ok := next(); ok {
				in.Files = append(in.Files, in.argument(v))
			}
		case "-c", "--constraint", "--constraints":
			if v, ok := next(); ok {
				in.Constraints = append(in.Constraints, in.argument(v))
			}
		case "-e", "--editable":
			if in.Tool == Pip || in.Tool == UvPip {
				if v, ok := next(); ok {
					in.add(v, true)
				}
			}
		case "--prefix":
			in.Prefix, _ = next()
			if joined {
				in.Prefix.Line, in.Prefix.Column = w.Line, w.Column
			}
		case "-t", "--target":
			in.Target, _ = next()
		default:
			if in.option(words, i) {
				i++
			} else if !joined && strings.HasPrefix(name, "--") && !slices.Contains(flags, name) && i+1 < len(words) {
				in.Unclear = true // whether the next word is its value, nobody knows
			}
		}
	}
	return in
}

// flags are options without a value.
var flags = strings.Fields(`--no-cache-dir --no-cache --no-deps --no-dependencies --no-index --offline --ignore-installed --reinstall
 --force-reinstall --upgrade --frozen --locked --deploy --user --require-hashes --pre --quiet --verbose --no-input --isolated
 --compile --no-compile --no-warn-script-location --no-warn-conflicts --break-system-packages --system --disable-pip-version-check
 --no-build-isolation --no-build --prefer-binary --no-clean --require-virtualenv --dry-run --use-pep517 --ignore-requires-python
 --strict --exact --native-tls --no-dev --no-default-groups --all-extras --all-groups --no-editable --no-install-project
 --no-install-workspace --no-install-local --compile-bytecode --no-root --no-interaction --no-ansi --only-main --no-directory --inexact --sync
 --all-packages --active --no-config --no-managed-python --managed-python --no-python-downloads --no-progress --no-sources --refresh
 --no-verify-hashes --verify-hashes --no-break-system-packages --check-build-dependencies --no-self --prod --production --no-isolation`)

func (in *Install) argument(w Word) Argument {
	a := Argument{Word: w}
	p := strings.TrimPrefix(w.Text, "file://")
	switch {
	case strings.Contains(p, "://") || p == "-" || strings.HasPrefix(p, "~") || strings.ContainsAny(p, "*?["):
	case path.IsAbs(p):
		a.Path = path.Clean(p)
	case in.Dir != "":
		a.Path = path.Join(in.Dir, p)
	}
	return a
}

// add adds what stands alone, or behind -e.
func (in *Install) add(w Word, editable bool) {
	if in.Tool != Pip && in.Tool != UvPip {
		in.Unclear = true
		return
	}
	text := w.Text
	if !strings.Contains(text, "://") && (editable || strings.HasPrefix(text, ".") || strings.Contains(text, "/") && !strings.Contains(text, " @ ") && !strings.Contains(text, "@ ")) {
		p := Path{Editable: editable}
		folder := text
		if i := strings.IndexByte(text, '['); i > 0 && strings.HasSuffix(text, "]") {
			folder, p.Extras = text[:i], true
		}
		p.Argument = in.argument(Word{Text: folder, Known: true, Line: w.Line, Column: w.Column})
		in.Paths = append(in.Paths, p)
		return
	}
	if !strings.Contains(text, "@ ") && (strings.HasSuffix(text, ".whl") || strings.HasSuffix(text, ".tar.gz") || strings.HasSuffix(text, ".zip")) {
		in.Paths = append(in.Paths, Path{Argument: in.argument(w)})
		return
	}
	r, _, err := pep508.ParseRequirement(text)
	if err != nil {
		in.Unclear = true
		return
	}
	in.Specs = append(in.Specs, Spec{Word: w, Name: r.Name, Pinned: Pinned(r), Extras: r.Extras})
}

// Pinned reports whether a requirement allows one version alone, or says where
// the package is.
func Pinned(r pep508.Requirement) bool {
	if r.URL != "" {
		return true
	}
	for _, s := range r.Specifiers {
		text := s.String()
		if strings.HasPrefix(text, "==") && !strings.HasSuffix(text, ".*") {
			return true
		}
	}
	return false
}

// environment takes in what variables say to pip and uv.
func (in *Install) environment() {
	get := func(name string) (string, bool) { return in.Command.Env.Get(name) }
	names := map[Tool][3]string{
		Pip:    {"PIP_NO_CACHE_DIR", "PIP_CACHE_DIR", "PIP_IGNORE_INSTALLED"},
		UvPip:  {"UV_NO_CACHE", "UV_CACHE_DIR", ""},
		Uv:     {"UV_NO_CACHE", "UV_CACHE_DIR", ""},
		Poetry: {"POETRY_NO_CACHE", "POETRY_CACHE_DIR", ""},
	}[in.Tool]
	if names[0] == "" {
		return
	}
	if v, ok := get(names[0]); ok && truthy(v) {
		in.NoCacheBy = names[0]
	}
	if v, ok := get(names[1]); ok && in.CacheDir == "" {
		in.CacheDir = v
	}
	if v, ok := get(names[2]); ok && truthy(v) {
		in.IgnoreInstalled = true
	}
	if in.Tool == Pip {
		if v, ok := get("PIP_NO_DEPS"); ok && truthy(v) {
			in.NoDeps = true
		}
		if v, ok := get("PIP_CONSTRAINT"); ok && v != "" {
			for _, f := range strings.Fields(v) {
				in.Constraints = append(in.Constraints, in.argument(Word{Text: f, Known: true}))
			}
		}
		// A variable that is set to nobody knows what may be one of these.
		for _, name := range []string{"PIP_NO_CACHE_DIR", "PIP_IGNORE_INSTALLED", "PIP_PREFIX"} {
			if s, set := in.Command.Env[name]; set && s == nil {
				in.Unclear = true
			}
		}
	}
	if in.Tool == Uv {
		for _, name := range []string{"UV_FROZEN", "UV_LOCKED"} {
			if v, ok := get(name); ok && truthy(v) {
				in.Frozen = true
			}
		}
	}
}

// truthy is what pip and uv take for yes.
func truthy(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "0", "false", "no", "off", "n", "f":
		return false
	}
	return true
}
