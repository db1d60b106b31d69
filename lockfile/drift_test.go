package lockfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// The cases are text, in ../testdata/drift: files of a repository, its index
// and settings as texts, and then cases,
//
//	== NAME
//	on BASE...                      the targets to try, else all
//	set KEY VALUE                   one more setting, before the lock is made
//	old TEXT: OLD => NEW            an edit before the lock is made
//	edit TEXT: OLD => NEW           one after; TEXT is a file, index, settings or lock
//	offline, blind                  how it is checked; blind is without the oracle
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
	blind      bool // what a resolution says cannot be known
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
			case verb == "blind":
				c.blind = true
			case strings.HasPrefix(verb, "want"):
				c.wants = append(c.wants, text)
			default:
				c.lines = append(c.lines, text)
			}
		}
	}
	return texts, cases
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
		p, err := b.client(false).Project(b.t.Context(), pypi.Name(name))
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
		for i := range r.Files() {
			s = append(s, "sha256:"+r.Files()[i].Hashes.Get("sha256"))
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
		project, err := b.client(false).Project(b.t.Context(), p.Name)
		if err != nil {
			b.t.Fatal(err)
		}
		r := project.Release(p.Version)
		for i := range r.Files() {
			if strings.Contains(r.Files()[i].Filename, value) {
				p.Hashes = slices.DeleteFunc(slices.Clone(p.Hashes), func(h string) bool { return h == "sha256:"+r.Files()[i].Hashes.Get("sha256") })
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
	b.indexes.Store("index.test", universe(b.texts["index"]))
	b.indexes.Store("extra.test", universe(b.texts["extra"]))
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
	b.indexes.Store("index.test", universe(b.texts["index"]))
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
	if lock == nil || c.offline || c.blind {
		return
	}
	diff := changed(s, lock, b.compile(s, lock))
	if quarantined := slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == Quarantined }); (diff != "") != stale && !quarantined {
		t.Errorf("the check says stale: %v, a resolution says %q", stale, diff)
	}
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
