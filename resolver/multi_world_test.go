package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// site is one environment, in the words of the brute force.
type site struct {
	sys, machine string
	minor, patch int
	musl         bool
	nt           bool   // os_name is nt on what is not Windows, as far as anyone knows
	platform     string // how a Target names it
}

var (
	platformSites = []site{
		{sys: "linux", machine: "x86_64", platform: "x86_64-manylinux_2_28"},
		{sys: "linux", machine: "aarch64", platform: "aarch64-manylinux_2_28"},
		{sys: "win32", machine: "AMD64", platform: "x86_64-pc-windows-msvc"},
		{sys: "darwin", machine: "arm64", platform: "aarch64-apple-darwin"},
	}
	targetPythons = [][2]int{{11, 0}, {11, 7}, {12, 0}, {12, 4}}
)

func (s site) python() string { return fmt.Sprintf("3.%d.%d", s.minor, s.patch) }

func (s site) String() string {
	libc := ""
	if s.musl {
		libc = " musl"
	}
	return fmt.Sprintf("%s %s%s %s", s.sys, s.machine, libc, s.python())
}

// from reports whether the Python of the site is minor.patch or later.
func (s site) from(minor, patch int) bool {
	return s.minor > minor || s.minor == minor && s.patch >= patch
}

func (s site) environment() pep508.Environment {
	e := pep508.Environment{ImplementationName: "cpython", ImplementationVersion: s.python(), PlatformPythonImplementation: "CPython",
		OSName: "posix", SysPlatform: s.sys, PlatformMachine: s.machine, PythonFullVersion: s.python(), PythonVersion: fmt.Sprintf("3.%d", s.minor)}
	switch s.sys {
	case "win32":
		e.OSName, e.PlatformSystem = "nt", "Windows"
	case "darwin":
		e.PlatformSystem = "Darwin"
	case "linux":
		e.PlatformSystem = "Linux"
	case "cygwin":
		e.PlatformSystem = "CYGWIN_NT-10.0"
	}
	if s.nt {
		e.OSName = "nt"
	}
	return e
}

// universalSites are all kinds of environment that a universal resolution is
// for, as far as the markers below tell them apart; those that do not exist
// as machines are there too, since markers may speak of them.
func universalSites(lowest int) []site {
	var out []site
	for _, s := range []site{{sys: "linux"}, {sys: "win32"}, {sys: "darwin"}, {sys: "cygwin"}, {sys: "cygwin", nt: true}} {
		other := "arm64"
		if s.sys == "win32" {
			other = "AMD64"
		}
		for _, s.machine = range []string{"x86_64", "aarch64", other} {
			for s.minor = lowest; s.minor <= 14; s.minor++ {
				for _, s.patch = range []int{0, 1, 3, 9} {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// known is a text of which brute force knows where it holds.
type known struct {
	text  string
	holds func(site) bool
}

var knownMarkers = []known{
	{"sys_platform == 'linux'", func(s site) bool { return s.sys == "linux" }},
	{"sys_platform != 'win32'", func(s site) bool { return s.sys != "win32" }},
	{"sys_platform == 'win32'", func(s site) bool { return s.sys == "win32" }},
	{"sys_platform == 'darwin'", func(s site) bool { return s.sys == "darwin" }},
	{"os_name == 'nt'", func(s site) bool { return s.sys == "win32" || s.nt }},
	{"platform_system == 'Linux'", func(s site) bool { return s.sys == "linux" }},
	{"platform_system != 'Darwin'", func(s site) bool { return s.sys != "darwin" }},
	{"platform_machine == 'x86_64'", func(s site) bool { return s.machine == "x86_64" }},
	{"platform_machine != 'aarch64'", func(s site) bool { return s.machine != "aarch64" }},
	{"python_version >= '3.12'", func(s site) bool { return s.minor >= 12 }},
	{"python_version < '3.12'", func(s site) bool { return s.minor < 12 }},
	{"python_version == '3.11'", func(s site) bool { return s.minor == 11 }},
	{"python_version > '3.11'", func(s site) bool { return s.minor > 11 }},
	{"python_version <= '3.9'", func(s site) bool { return s.minor <= 9 }},
	{"python_full_version >= '3.12.2'", func(s site) bool { return s.from(12, 2) }},
	{"python_full_version < '3.11.5'", func(s site) bool { return !s.from(11, 5) }},
	{"sys_platform == 'linux' and python_version >= '3.12'", func(s site) bool { return s.sys == "linux" && s.minor >= 12 }},
	{"sys_platform == 'win32' or python_version < '3.12'", func(s site) bool { return s.sys == "win32" || s.minor < 12 }},
	{"sys_platform == 'win32' and platform_machine != 'x86_64'", func(s site) bool { return s.sys == "win32" && s.machine != "x86_64" }},
	{"sys_platform == 'cygwin'", func(s site) bool { return s.sys == "cygwin" }},
	{"implementation_name == 'cpython'", func(site) bool { return true }},
	{"python_version < '3'", func(site) bool { return false }},
}

// knownPythons are values of Requires-Python, of which the lower bound counts.
var knownPythons = []known{
	{">=3.12", func(s site) bool { return s.from(12, 0) }},
	{">=3.8,<3.12", func(s site) bool { return s.from(8, 0) }},
	{">=3.11.5", func(s site) bool { return s.from(11, 5) }},
	{"<4", func(site) bool { return true }},
	{"!=3.12.*", func(site) bool { return true }},
	{">=3.9", func(s site) bool { return s.from(9, 0) }},
	{">=3.9.2", func(s site) bool { return s.from(9, 2) }},
	{">=3.10,!=3.11.*", func(s site) bool { return s.from(10, 0) }},
	{"==3.12.*", func(s site) bool { return s.from(12, 0) }},
	{"~=3.11", func(s site) bool { return s.from(11, 0) }},
	{">=3.13", func(s site) bool { return s.from(13, 0) }},
}

func linuxWheel(machine string, minor func(int) bool) func(site) bool {
	return func(s site) bool { return s.sys == "linux" && !s.musl && s.machine == machine && minor(s.minor) }
}

func exactly(n int) func(int) bool { return func(m int) bool { return m == n } }
func from(n int) func(int) bool    { return func(m int) bool { return m >= n } }

var knownWheels = []known{
	{"py3-none-any", func(site) bool { return true }},
	{"cp311-cp311-manylinux_2_17_x86_64", linuxWheel("x86_64", exactly(11))},
	{"cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", linuxWheel("x86_64", exactly(12))},
	{"cp312-cp312-manylinux_2_28_aarch64", linuxWheel("aarch64", exactly(12))},
	{"cp38-abi3-manylinux_2_17_x86_64", linuxWheel("x86_64", from(8))},
	{"cp38-abi3-manylinux2014_aarch64", linuxWheel("aarch64", from(8))},
	{"cp312-cp312-win_amd64", func(s site) bool { return s.sys == "win32" && s.minor == 12 }},
	{"cp39-abi3-win_amd64", func(s site) bool { return s.sys == "win32" && s.minor >= 9 }},
	{"py3-none-win_amd64", func(s site) bool { return s.sys == "win32" }},
	{"py3-none-macosx_11_0_arm64", func(s site) bool { return s.sys == "darwin" }},
	{"cp311-cp311-macosx_11_0_arm64", func(s site) bool { return s.sys == "darwin" && s.minor == 11 }},
	{"cp38-abi3-musllinux_1_1_x86_64", func(s site) bool { return s.musl && s.machine == "x86_64" }},
	{"py3-none-manylinux_2_39_x86_64", func(site) bool { return false }}, // too new a glibc
	{"py312-none-any", func(s site) bool { return s.minor >= 12 }},
	{"py2-none-any", func(site) bool { return false }},
}

// ladder of versions; brute force speaks of them by rank.
var ladderTexts = []string{"1.0", "1.1", "1.2rc1", "1.2", "2.0.dev1", "2.0", "2.0.post1", "3.0b1"}

func ladderPre(rank int) bool { return rank == 2 || rank == 4 || rank == 7 }

// clause is one comparison of a specifier, with a meaning that does not hang
// on the fine print of PEP 440.
type clause struct {
	op   string // also "*": == with a wildcard for the major version
	rank int
}

func (c clause) text() string {
	if c.op == "*" {
		return "==" + ladderTexts[c.rank][:1] + ".*"
	}
	return c.op + ladderTexts[c.rank]
}

func (c clause) admits(rank int) bool {
	switch c.op {
	case ">=":
		return rank >= c.rank
	case "<=":
		return rank <= c.rank
	case "==":
		return rank == c.rank
	case "!=":
		return rank != c.rank
	}
	return ladderTexts[rank][0] == ladderTexts[c.rank][0]
}

// mdep is a requirement. Its marker, and the extra that switches it on, are
// joined by "and", or by "or".
type mdep struct {
	pkg    int
	spec   []clause
	extras []string
	marker int // of knownMarkers; -1 for none
	under  string
	or     bool
}

type mversion struct {
	rank   int
	deps   []mdep
	extras []string
	python int // of knownPythons; -1 for none
	wheels []int
	sdist  string // "", "static" or "dynamic"
	yanked bool
}

type mpkg struct {
	name     string
	versions []mversion // by rank
}

// mworld is a random universe with a question.
type mworld struct {
	pkgs              []mpkg
	root, cons, overs []mdep
	pre               PrereleaseMode
	mode              Mode
	sites             []site // the targets; of a universal world none
	lowest            int    // the minor version of the lowest Python of a universal world
	fork              ForkStrategy
	prefs             map[pypi.Name][]Preference
}

func (w *mworld) universal() bool { return len(w.sites) == 0 }

func (d mdep) admits(rank int) bool {
	return !slices.ContainsFunc(d.spec, func(c clause) bool { return !c.admits(rank) })
}

// exact reports whether the requirement pins a version.
func (d mdep) exact(rank int) bool {
	return d.admits(rank) && slices.ContainsFunc(d.spec, func(c clause) bool { return c.op == "==" })
}

// namesPre reports whether the requirement names a pre-release.
func (d mdep) namesPre() bool {
	return slices.ContainsFunc(d.spec, func(c clause) bool { return c.op != "!=" && c.op != "*" && ladderPre(c.rank) })
}

func (d mdep) holds(s site, extra string) bool {
	m := d.marker < 0 || knownMarkers[d.marker].holds(s)
	switch {
	case d.under == "":
		return m
	case d.or:
		return m || d.under == extra
	}
	return m && d.under == extra
}

func (w *mworld) text(d mdep) string {
	s := w.pkgs[d.pkg].name
	if len(d.extras) > 0 {
		s += "[" + strings.Join(d.extras, ",") + "]"
	}
	for i, c := range d.spec {
		if i > 0 {
			s += ","
		}
		s += c.text()
	}
	var m []string
	if d.marker >= 0 {
		m = append(m, knownMarkers[d.marker].text)
	}
	if d.under != "" {
		m = append(m, fmt.Sprintf("extra == '%s'", d.under))
	}
	join := " and "
	if d.or {
		join = " or "
	}
	if len(m) == 2 {
		m[0] = "(" + m[0] + ")"
	}
	if len(m) > 0 {
		s += " ; " + strings.Join(m, join)
	}
	return s
}

// universe is the index as text; an order of packages, and of what belongs to
// a release, may be given.
func (w *mworld) universe(shuffle func(n int, swap func(i, j int))) string {
	var blocks []string
	for _, p := range w.pkgs {
		for _, v := range p.versions {
			var lines []string
			for _, d := range v.deps {
				lines = append(lines, w.text(d))
			}
			for _, x := range v.extras {
				lines = append(lines, "@extra "+x)
			}
			if v.python >= 0 {
				lines = append(lines, "@python "+knownPythons[v.python].text)
			}
			for _, k := range v.wheels {
				lines = append(lines, "@wheel "+knownWheels[k].text)
			}
			if v.sdist != "" {
				lines = append(lines, "@sdist "+v.sdist)
			}
			if v.yanked {
				lines = append(lines, "@yanked broken")
			}
			if shuffle != nil {
				shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			}
			s := p.name + " " + ladderTexts[v.rank] + "\n"
			for _, l := range lines {
				s += "  " + l + "\n"
			}
			blocks = append(blocks, s)
		}
	}
	if shuffle != nil {
		shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	}
	return strings.Join(blocks, "")
}

func (w *mworld) texts(ds []mdep) []string {
	var out []string
	for _, d := range ds {
		out = append(out, w.text(d))
	}
	return out
}

func (w *mworld) String() string {
	what := fmt.Sprintf("universal, Python from 3.%d, fork strategy %s", w.lowest, w.fork)
	if !w.universal() {
		what = fmt.Sprintf("targets %v", w.sites)
	}
	prefs := ""
	for _, name := range sortedKeys(w.prefs) {
		for _, p := range w.prefs[name] {
			prefs += fmt.Sprintf(" %s==%s;%s", name, p.Version, p.Marker)
		}
	}
	return fmt.Sprintf("%srequirements %q\nconstraints %q\noverrides %q\npre-releases %s, resolution %s, %s\npreferences%s\n",
		w.universe(nil), w.texts(w.root), w.texts(w.cons), w.texts(w.overs), w.pre, w.mode, what, prefs)
}

func (w *mworld) request(t testing.TB) Request {
	q := Request{Prerelease: w.pre, Resolution: w.mode, Preferences: w.prefs, Universal: w.universal(), ForkStrategy: w.fork}
	if w.universal() {
		q.LowestPython = pep440.MustParse(fmt.Sprintf("3.%d", w.lowest))
	}
	for _, s := range w.sites {
		q.Targets = append(q.Targets, target(t, s.python(), s.platform))
	}
	for _, d := range w.root {
		q.Requirements = append(q.Requirements, requirement(t, w.text(d)))
	}
	for _, d := range w.cons {
		q.Constraints = append(q.Constraints, requirement(t, w.text(d)))
	}
	for _, d := range w.overs {
		q.Overrides = append(q.Overrides, requirement(t, w.text(d)))
	}
	return q
}

// worldTimeout is far beyond what a universe of six packages takes.
const worldTimeout = 30 * time.Second

// ask resolves a request over the text of an index. A panic is an error.
func ask(t testing.TB, universe string, q Request) (res *Resolution, err error) {
	defer func() {
		if r := recover(); r != nil {
			res, err = nil, fmt.Errorf("panic: %v", r)
		}
	}()
	u, err := indextest.Parse(universe)
	if err != nil {
		return nil, fmt.Errorf("universe: %w", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), worldTimeout)
	defer cancel()
	m := &strict{memory: newMemory(t, u)}
	res, err = Resolve(ctx, m, q, nil)
	if m.fileless.Load() {
		return nil, errFileless
	}
	return res, err
}

// strict is an index that notes when it is asked for metadata without a file.
type strict struct {
	*memory
	fileless atomic.Bool
}

var errFileless = errors.New("metadata was asked for without a file")

func (s *strict) MetadataOf(ctx context.Context, p *index.Project, r *index.Release, f *index.File) (*index.Metadata, error) {
	if f == nil {
		s.fileless.Store(true)
		return nil, errFileless
	}
	return s.memory.MetadataOf(ctx, p, r, f)
}

func isNoSolution(err error) bool {
	var none *NoSolutionError
	return errors.As(err, &none)
}
