package lockfile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

// The cases are text, in ../testdata/drift: files of a repository, its index
// and settings as texts, and then cases,
//
//	== NAME
//	on BASE...                      the targets to try, else all
//	set KEY VALUE                   one more setting, before the lock is made
//	old TEXT: OLD => NEW            an edit before the lock is made
//	edit TEXT: OLD => NEW           one after; TEXT is a file, index, settings or lock
//	VERB NAME VALUE                 an edit of the lock, see driftCase.editLock
//	want[(BASE...)] RULE PACKAGE [@PLACE] [: MESSAGE]
//
// in which @PLACE is the beginning of a place, and MESSAGE a part of a message.
type driftCase struct {
	name, file string
	bases      []string
	lines      []string
	wants      []string
	offline    bool
}

const driftDir = "../testdata/drift"

// bases are the targets of the cases.
var bases = map[string]string{
	"single":    "python 3.12\nplatform x86_64-manylinux_2_28\n",
	"pair":      "python 3.12\n",
	"several":   "python 3.12\nplatform x86_64-manylinux_2_28\nplatform aarch64-manylinux_2_28\nplatform x86_64-pc-windows-msvc\nplatform aarch64-apple-darwin\n",
	"universal": "python 3.12\nuniversal\n",
}

func loadDrift(t *testing.T) (texts map[string]string, cases []driftCase) {
	t.Helper()
	texts = map[string]string{}
	paths, err := filepath.Glob(driftDir + "/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		for l := range strings.Lines(string(data)) {
			text := strings.TrimSpace(l)
			if n, ok := strings.CutPrefix(text, "-- "); ok {
				name = strings.TrimSuffix(n, " --")
				continue
			}
			if n, ok := strings.CutPrefix(text, "== "); ok {
				name = ""
				cases = append(cases, driftCase{name: n, file: filepath.Base(path)})
				continue
			}
			if name != "" {
				texts[name] += l
				continue
			}
			if text == "" || text[0] == '#' {
				continue
			}
			c := &cases[len(cases)-1]
			verb, rest, _ := strings.Cut(text, " ")
			switch {
			case verb == "on":
				c.bases = strings.Fields(rest)
			case verb == "offline":
				c.offline = true
			case strings.HasPrefix(verb, "want"):
				c.wants = append(c.wants, text)
			default:
				c.lines = append(c.lines, text)
			}
		}
	}
	return texts, cases
}

// bench is one repository with its index, while a case runs.
type bench struct {
	t       *testing.T
	texts   map[string]string
	indexes map[string]*indextest.Handler // by host
}

const (
	mainIndex  = "http://index.test/simple/"
	extraIndex = "http://extra.test/simple/"
)

var universes sync.Map // of *indextest.Handler, by text

func universe(text string) *indextest.Handler {
	h, ok := universes.Load(text)
	if !ok {
		p := indextest.PyPI()
		p.Gzip, p.Caching = false, false
		h, _ = universes.LoadOrStore(text, indextest.MustParse(text).Handler(p))
	}
	return h.(*indextest.Handler)
}

// RoundTrip asks an index without a network.
func (b *bench) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	b.indexes[r.URL.Host].ServeHTTP(w, r)
	a := w.Result()
	a.Request = r
	return a, nil
}

func (b *bench) edit(line string) {
	b.t.Helper()
	file, change, ok := strings.Cut(line, ": ")
	old, now, ok2 := strings.Cut(change+" ", " => ")
	now = strings.TrimSuffix(now, " ")
	if !ok || !ok2 {
		b.t.Fatalf("%q is not TEXT: OLD => NEW", line)
	}
	text := strings.NewReplacer(`\n`, "\n", `\s`, " ")
	old, now = text.Replace(old), text.Replace(now)
	if !strings.Contains(b.texts[file], old) {
		b.t.Fatalf("%s does not have %q", file, old)
	}
	b.texts[file] = strings.Replace(b.texts[file], old, now, 1)
}

// settled are the settings as values.
type settled struct {
	request resolver.Request
	build   BuildOptions
	want    Expectation
}

func (b *bench) settle() settled {
	t := b.t
	t.Helper()
	dir := t.TempDir()
	for name, text := range b.texts {
		if !strings.Contains(name, ".") {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	load := project.LoadOptions{Root: dir, WorkDir: dir, Sources: []string{"svc"}}
	var s settled
	q := &s.request
	var flags, platforms []string
	var err error
	must := func(e error) {
		if e != nil {
			t.Fatal(e)
		}
	}
	python := ""
	s.build.DefaultIndex = mainIndex
	for l := range strings.Lines(b.texts["settings"]) {
		key, value, _ := strings.Cut(strings.TrimSpace(l), " ")
		flag := true
		switch key {
		case "":
			continue
		case "python":
			python, flag = value, false
		case "platform":
			platforms = append(platforms, value)
		case "universal":
			q.Universal = true
		case "extra":
			load.Extras = append(load.Extras, value)
		case "group":
			load.Groups = append(load.Groups, value)
		case "constraints":
			load.Constraints = append(load.Constraints, value)
		case "overrides":
			load.Overrides = append(load.Overrides, value)
		case "exclude":
			q.Exclusions = append(q.Exclusions, project.Exclusion{Names: []pypi.Name{pypi.Name(value)}})
		case "hashes":
			s.build.Hashes, err = ParseHashes(value)
		case "prerelease":
			q.Prerelease, err = resolver.ParsePrereleaseMode(value)
		case "resolution":
			q.Resolution, err = resolver.ParseMode(value)
		case "exclude-newer":
			q.ExcludeNewer, err = time.Parse(time.DateOnly, value)
		case "no-build":
			q.NoBuild = true
		case "no-deps":
			q.NoDeps = true
		case "no-binary":
			q.NoBinary = resolver.Names{Names: map[pypi.Name]bool{pypi.Name(value): true}}
		case "no-emit-package":
			s.build.NoEmit = append(s.build.NoEmit, pypi.Name(value))
		case "no-strip-extras":
			s.build.NoStripExtras = true
		case "no-header":
			s.want.NoHeader, flag = true, false
		case "emit-index-url":
			s.build.Options = append(s.build.Options, "--index-url "+mainIndex)
		case "required-environment":
			m, _, e := pep508.ParseMarker(value)
			must(e)
			q.RequiredEnvironments, flag = append(q.RequiredEnvironments, m), false
		case "index": // extra, the only other
		default:
			t.Fatalf("unknown setting %q", key)
		}
		must(err)
		if key == "platform" {
			key = "python-platform"
		}
		if flag {
			flags = append(flags, strings.TrimSuffix("--"+key+"="+value, "="))
		}
	}
	p, err := project.Load(load)
	must(err)
	q.Root, q.Requirements, q.Constraints, q.Overrides = p.Name, p.Requirements, p.Constraints, p.Overrides
	q.ScopedOverrides, q.DependencyMetadata, q.Locals = p.ScopedOverrides, p.DependencyMetadata, p.Locals
	q.Exclusions = append(q.Exclusions, p.Exclusions...)
	q.RequiresPython, q.RequiresPythonPlace = p.RequiresPython, p.RequiresPythonPlace
	target := ""
	if q.Universal {
		q.LowestPython = pep440.MustParse(python)
		target = "CPython " + python + " and newer on every platform"
	} else {
		if len(platforms) == 0 {
			q.BestEffort, platforms = true, []string{"x86_64-manylinux_2_28", "aarch64-manylinux_2_28"}
		}
		for _, name := range platforms {
			platform, err := tags.ParsePlatform(name)
			must(err)
			q.Targets = append(q.Targets, resolver.Target{Python: pep440.MustParse(python), Platform: platform})
		}
		target = resolver.TargetNames(q.Targets)
	}
	slices.Sort(flags)
	command := strings.Join(append([]string{"pylock compile svc"}, flags...), " ")
	s.build.Header = Header(command, target)
	w := &s.want
	w.Service, w.Lock, w.Fix = "svc", "svc/requirements.lock", "pylock compile svc"
	w.Command, w.Target, w.Python = command, target, python
	w.Options, w.DefaultIndex, w.Hashes = s.build.Options, s.build.DefaultIndex, s.build.Hashes
	w.NoEmit, w.NoStripExtras = s.build.NoEmit, s.build.NoStripExtras
	return s
}

func (b *bench) client() *index.Client {
	o := index.Options{DefaultIndex: mainIndex, Transport: b, Sleep: func(context.Context, time.Duration) error { return nil }}
	if strings.Contains(b.texts["settings"], "\nindex") {
		o.ExtraIndexes = []string{extraIndex}
	}
	c, err := index.NewClient(o)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// compile makes a lock, with the pins of the old one, if any, as preferences.
// A nil lock means that there is no solution.
func (b *bench) compile(s settled, old *Lock) *Lock {
	b.t.Helper()
	q := s.request
	if old != nil {
		pins, err := old.LockedPins()
		if err != nil {
			b.t.Fatal(err)
		}
		q.Preferences = map[pypi.Name][]resolver.Preference{}
		for _, p := range pins {
			q.Preferences[p.Name] = append(q.Preferences[p.Name], resolver.Preference{Version: p.Version, Marker: p.Marker})
		}
	}
	res, err := resolver.Resolve(b.t.Context(), b.client(), q, nil)
	if none := (*resolver.NoSolutionError)(nil); errors.As(err, &none) {
		return nil
	}
	if err != nil {
		b.t.Fatal(err)
	}
	s.build.Old = old
	l, err := FromResolution(res, s.build)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// changed compares a lock with the one that compile would put in its place,
// by what both mean: "" or the first difference.
func changed(s settled, old, now *Lock) string {
	if now == nil {
		return "there is no solution"
	}
	foreign := old.Tool() == ToolUV || old.Tool() == ToolPipTools
	if !foreign && !s.want.NoHeader {
		if old.Command() != now.Command() || old.Target() != now.Target() {
			return fmt.Sprintf("the header becomes %q", now.Header)
		}
	}
	if p := old.Python(); foreign && p != "" && p != s.want.Python {
		return "the Python becomes " + s.want.Python
	}
	if err := sameStrings("option", old.Options, now.Options); err != nil {
		return err.Error()
	}
	place := func(marker string) (string, pep508.MarkerSet) {
		m, _, err := pep508.ParseMarker(marker)
		if marker == "" {
			m, err = pep508.Marker{}, nil
		}
		if err != nil {
			panic(err)
		}
		if s.request.Universal {
			lowest := pep440.Specifiers{{Op: pep440.GreaterEqual, Version: s.request.LowestPython, Text: s.request.LowestPython.String()}}
			return "", m.AppliesSet().And(pep508.Possible()).And(pep508.RequiresPython(lowest))
		}
		bits := ""
		for _, t := range s.request.Targets {
			bits += fmt.Sprint(m.Applies(t.Environment(), ""), " ")
		}
		return bits, pep508.MarkerSet{}
	}
	x, y := sortedPins(old), sortedPins(now)
	for i := range max(len(x), len(y)) {
		if i == len(x) || i == len(y) {
			return fmt.Sprintf("%d pins become %d", len(x), len(y))
		}
		a, b := &x[i], &y[i]
		bitsA, setA := place(a.Marker)
		bitsB, setB := place(b.Marker)
		switch {
		case a.Name != b.Name || !a.Version.Equal(b.Version):
			return fmt.Sprintf("%s==%s becomes %s==%s", a.Name, a.Version, b.Name, b.Version)
		case bitsA != bitsB || !setA.Equal(setB):
			return fmt.Sprintf("the marker %q of %s becomes %q", a.Marker, a.Name, b.Marker)
		case !slices.Equal(a.Hashes, b.Hashes):
			return fmt.Sprintf("the hashes of %s change", a.Name)
		case !slices.Equal(a.Extras, b.Extras) && old.Tool() != ToolPipTools:
			return fmt.Sprintf("the extras of %s change", a.Name)
		}
	}
	return ""
}

// editLock does one edit of the lock as a value.
func (b *bench) editLock(l *Lock, line string) {
	b.t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	name, value, _ := strings.Cut(rest, " ")
	at := func() *Pin {
		i := slices.IndexFunc(l.Pins, func(p Pin) bool { return string(p.Name) == name })
		if i < 0 {
			b.t.Fatalf("%s: no such pin", line)
		}
		return &l.Pins[i]
	}
	hashes := func(version string) []string {
		p, err := b.client().Project(b.t.Context(), pypi.Name(name))
		if errors.Is(err, index.ErrNotFound) {
			return []string{digest("e")}
		}
		if err != nil {
			b.t.Fatal(err)
		}
		r := p.Release(pep440.MustParse(version))
		if r == nil {
			return []string{digest("e")}
		}
		var s []string
		for i := range r.Files {
			s = append(s, "sha256:"+r.Files[i].Hashes["sha256"])
		}
		return s
	}
	switch verb {
	case "drop": // the pins of a name
		l.Pins = slices.DeleteFunc(l.Pins, func(p Pin) bool { return string(p.Name) == name })
	case "pin": // another version, with its hashes
		p := at()
		p.Version, p.Hashes = pep440.MustParse(value), hashes(value)
	case "type": // another version and nothing else
		at().Version = pep440.MustParse(value)
	case "add": // NAME VERSION [; MARKER]
		version, marker, _ := strings.Cut(value, " ; ")
		p := Pin{Name: pypi.Name(name), Version: pep440.MustParse(version), Marker: marker}
		p.Hashes = hashes(version)
		l.Pins = append(l.Pins, p)
	case "marker": // NAME MARKER, or none
		at().Marker = value
	case "foreign": // one more hash, of no file
		p := at()
		p.Hashes = append(p.Hashes, digest("f"))
	case "unhash": // NAME all, or a part of the name of the file
		p := at()
		if value == "all" {
			p.Hashes = nil
			return
		}
		project, err := b.client().Project(b.t.Context(), p.Name)
		if err != nil {
			b.t.Fatal(err)
		}
		r := project.Release(p.Version)
		for i := range r.Files {
			if strings.Contains(r.Files[i].Filename, value) {
				p.Hashes = slices.DeleteFunc(slices.Clone(p.Hashes), func(h string) bool { return h == "sha256:"+r.Files[i].Hashes["sha256"] })
			}
		}
	case "extras":
		p := at()
		p.Extras = nil
		for x := range strings.SplitSeq(value, ",") {
			p.Extras = append(p.Extras, pypi.Extra(x))
		}
	case "header": // of another tool
		switch name {
		case "uv":
			l.Header = []string{"This file was autogenerated by uv via the following command:", "   uv pip compile svc/pyproject.toml --generate-hashes -o svc/requirements.lock"}
		case "pip-tools":
			l.Header = []string{"", "This file is autogenerated by pip-compile with Python " + value, "by the following command:", "", "   pip-compile --generate-hashes svc/pyproject.toml", ""}
		case "none":
			l.Header = nil
		}
	case "option":
		l.Options = append(l.Options, rest)
	case "via": // nobody is named any more
		for i := range l.Pins {
			l.Pins[i].Via = nil
		}
	default:
		b.t.Fatalf("unknown verb %q", verb)
	}
}

// run makes the lock, edits and checks it.
func (c *driftCase) run(t *testing.T, texts map[string]string, base string) {
	b := &bench{t: t, texts: map[string]string{}}
	for k, v := range texts {
		b.texts[k] = v
	}
	b.texts["settings"] = bases[base] + b.texts["settings"]
	later := slices.Clone(c.lines)
	for len(later) > 0 {
		verb, rest, _ := strings.Cut(later[0], " ")
		switch verb {
		case "set":
			b.texts["settings"] += rest + "\n"
		case "old":
			b.edit(rest)
		}
		if verb != "set" && verb != "old" {
			break
		}
		later = later[1:]
	}
	b.indexes = map[string]*indextest.Handler{"index.test": universe(b.texts["index"]), "extra.test": universe(b.texts["extra"])}
	lock := b.compile(b.settle(), nil)
	if lock == nil {
		t.Fatal("there is no lock to begin with")
	}
	var raw []string
	for _, l := range later {
		verb, rest, _ := strings.Cut(l, " ")
		switch {
		case verb == "edit" && strings.HasPrefix(rest, "lock: "):
			raw = append(raw, rest)
		case verb == "edit":
			b.edit(rest)
		case verb == "set":
			b.texts["settings"] += rest + "\n"
		default:
			b.editLock(lock, l)
		}
	}
	b.indexes["index.test"] = universe(b.texts["index"])
	slices.SortStableFunc(lock.Pins, comparePins)
	s := b.settle()
	if s.want.NoHeader {
		lock.Header = nil
	}
	b.texts["lock"] = string(render(lock, Style{}))
	for _, r := range raw {
		b.edit(r)
	}
	s.want.Offline = c.offline
	findings, lock := b.check(s)
	c.compare(t, base, findings)
	stale := slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Stale })
	if lock == nil || c.offline {
		return
	}
	diff := changed(s, lock, b.compile(s, lock))
	if quarantined := slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == Quarantined }); (diff != "") != stale && !quarantined {
		t.Errorf("the check says stale: %v, a resolution says %q", stale, diff)
	}
}

// check is what a command does: the lock is nil where it has a conflict.
func (b *bench) check(s settled) ([]Finding, *Lock) {
	t := b.t
	t.Helper()
	l, err := ParseLax(s.want.Lock, []byte(b.texts["lock"]))
	if conflict := (*MergeConflictError)(nil); errors.As(err, &conflict) {
		return []Finding{{Rule: MergeConflict, Place: conflict.Place, Lock: s.want.Lock, Message: conflict.Mark}}, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	pins, err := l.LockedPins()
	if err != nil {
		t.Fatal(err)
	}
	v, err := resolver.Check(t.Context(), b.client(), s.request, pins, s.want.CheckOptions())
	if none := (*resolver.NoSolutionError)(nil); errors.As(err, &none) {
		return []Finding{{Rule: TargetChanged, Place: s.request.RequiresPythonPlace, Message: none.Report}}, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return Drift(l, v, s.want), l
}

func (c *driftCase) compare(t *testing.T, base string, findings []Finding) {
	t.Helper()
	var wants []string
	for _, w := range c.wants {
		verb, rest, _ := strings.Cut(strings.TrimPrefix(w, "want"), " ")
		if strings.HasPrefix(verb, "(") {
			only, more, _ := strings.Cut(strings.TrimPrefix(w, "want("), ")")
			if !slices.Contains(strings.Fields(only), base) {
				continue
			}
			rest = strings.TrimSpace(more)
		}
		wants = append(wants, rest)
	}
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%s %s @%s: %s", f.Rule.ID, orDash(string(f.Package)), f.Place, f.Message))
	}
	rest := slices.Clone(got)
	for _, w := range wants {
		head, message, _ := strings.Cut(w, ": ")
		id, place, _ := strings.Cut(head, " @")
		i := slices.IndexFunc(rest, func(g string) bool {
			return strings.HasPrefix(g, strings.TrimSpace(id)+" @"+place) && strings.Contains(g, message)
		})
		if i < 0 {
			t.Errorf("no finding %s in\n  %s", w, strings.Join(got, "\n  "))
			continue
		}
		rest = slices.Delete(rest, i, i+1)
	}
	for _, g := range rest {
		t.Errorf("did not expect %s", g)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func TestDrift(t *testing.T) {
	texts, cases := loadDrift(t)
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("%s: %s is there twice", c.file, c.name)
		}
		names[c.name] = true
		on := c.bases
		if len(on) == 0 {
			on = []string{"single", "pair", "several", "universal"}
		}
		for _, base := range on {
			t.Run(strings.ReplaceAll(c.name, " ", "_")+"/"+base, func(t *testing.T) {
				t.Parallel()
				c.run(t, texts, base)
			})
		}
	}
	const least = 60
	if len(cases) < least {
		t.Errorf("%d cases, want %d", len(cases), least)
	}
}
