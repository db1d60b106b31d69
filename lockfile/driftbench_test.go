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

// bench is one repository with its index, while a case runs.
type bench struct {
	t       *testing.T
	texts   map[string]string
	indexes sync.Map // of *indextest.Handler by host; what a resolution read ahead may be asked for after it
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
	h, _ := b.indexes.Load(r.URL.Host)
	h.(*indextest.Handler).ServeHTTP(w, r)
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
		case "required-environment", "environment":
			m, _, e := pep508.ParseMarker(value)
			must(e)
			if flag = false; key == "environment" {
				q.Environments = append(q.Environments, m)
			} else {
				q.RequiredEnvironments = append(q.RequiredEnvironments, m)
			}
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
	w.Command, w.Target, w.Python, w.PythonPlace = command, target, python, p.RequiresPythonPlace
	w.Options, w.DefaultIndex, w.Hashes = s.build.Options, s.build.DefaultIndex, s.build.Hashes
	w.NoEmit, w.NoStripExtras = s.build.NoEmit, s.build.NoStripExtras
	return s
}

func (b *bench) client(offline bool) *index.Client {
	o := index.Options{Offline: offline, DefaultIndex: mainIndex, Transport: b, Sleep: func(context.Context, time.Duration) error { return nil }}
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
	res, err := resolver.Resolve(b.t.Context(), b.client(false), q, nil)
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

// check is what a command does: the lock is nil where it has a conflict.
func (b *bench) check(s settled) ([]Finding, *Lock) {
	t := b.t
	t.Helper()
	failed := func(err error) ([]Finding, *Lock) {
		f, ok := Failure(err, s.want)
		if !ok {
			t.Fatal(err)
		}
		return []Finding{f}, nil
	}
	l, err := ParseLax(s.want.Lock, []byte(b.texts["lock"]))
	if err != nil {
		return failed(err)
	}
	pins, err := l.LockedPins()
	if err != nil {
		return failed(err)
	}
	v, err := resolver.Check(t.Context(), b.client(s.want.Offline), s.request, pins, s.want.CheckOptions())
	if err != nil {
		return failed(err)
	}
	return Drift(l, v, s.want), l
}
