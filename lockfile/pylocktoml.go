package lockfile

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// What a pylock.toml says of itself.
const (
	lockVersion = "1.0"
	createdBy   = "pylock"
)

// RenderTOML returns a lock in the format of PEP 751:
//
//	# the header, as in a requirements.lock
//	lock-version = "1.0"
//	environments = [MARKER…]            where it can be installed
//	requires-python = ">=3.12"          from its lowest Python on
//	created-by = "pylock"
//
//	[[packages]]                        by name, version and marker
//	name, version, marker, requires-python
//	dependencies = [{ name }…]          who it wants; with a version where the lock has two
//	index = "https://…/simple/"
//	sdist = { name, url, upload-time, size, hashes = { sha256 } }
//	wheels = [{ … the same … }…]        by name; with path in the place of url for a file of a folder
//	tool = { pylock = { via = […] } }   what else wants it: the origins of requirements
//
//	[[packages]]                        a path dependency
//	name, marker, dependencies, tool
//	directory = { path, editable }      path relative to the folder of the lock
//
//	[[packages]]                        a package from a URL, a file or a repository
//	name, version, marker, dependencies, tool
//	archive = { url or path, size, hashes, subdirectory }
//	vcs = { type, url, requested-revision, commit-id, subdirectory }
//
// extras, dependency-groups and default-groups are left out: the lock is of a
// choice of them that is made already, which the PEP calls a single-use lock
// and uv pip compile writes the same way. A version of the source of a folder
// changes with it and is left out too, as the PEP asks.
//
// Like [Render] it reads its text back and compares before it returns it, and
// the bytes depend on the content alone. Options and the trailer are not
// written, since the format has other means; extras are those of requirements.
//
// https://packaging.python.org/en/latest/specifications/pylock-toml/
func RenderTOML(l *Lock, s Style) ([]byte, error) {
	n, err := normalizeTOML(l, s)
	if err != nil {
		return nil, err
	}
	text := renderTOML(n)
	back, err := ParseTOML("", text)
	if err != nil {
		return nil, fmt.Errorf("the lock cannot be read back: %w", err)
	}
	if err := sameTOML(n, back); err != nil {
		return nil, fmt.Errorf("the lock reads back differently: %w", err)
	}
	return text, nil
}

// normalizeTOML returns what of a lock is written, sorted and checked.
func normalizeTOML(l *Lock, s Style) (*Lock, error) {
	flat := *l
	flat.Direct, flat.Options, flat.Trailer = nil, nil, nil
	flat.Pins = slices.Clone(l.Pins)
	for i := range flat.Pins {
		flat.Pins[i].Extras = nil
	}
	n, err := normalize(&flat, Style{NoHeader: s.NoHeader})
	if err != nil {
		return nil, err
	}
	n.Scope = Scope{Environments: slices.Compact(slices.Sorted(slices.Values(l.Environments))), RequiresPython: l.RequiresPython}
	for _, m := range n.Environments {
		if err := checkMarkerTOML(m); err != nil {
			return nil, err
		}
	}
	if err := checkSpecifiers(n.RequiresPython); err != nil {
		return nil, err
	}
	for i := range n.Pins {
		p := &n.Pins[i]
		if s.NoAnnotate {
			p.Via = nil
		}
		if err := p.normalizeFiles(); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	for _, d := range l.Direct {
		d.Via = sortLabels(d.Via)
		if s.NoAnnotate {
			d.Via = nil
		}
		if d.URL != "" {
			if _, rev, _ := GitParts(d.From); rev == "" {
				d.From = ""
			}
			d.Text = string(d.Name) + " @ " + d.URL
		}
		if err := checkDirect(&d); err != nil {
			return nil, err
		}
		if d.Directory != nil {
			d.Text = d.Directory.text()
		}
		n.Direct = append(n.Direct, d)
	}
	slices.SortFunc(n.Direct, func(a, b Direct) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text)) })
	if _, second := twice(n); second != nil {
		return nil, fmt.Errorf("%s is in the lock twice", second.name)
	}
	return n, nil
}

// normalizeFiles sorts and checks what the pin is installed from.
func (p *Pin) normalizeFiles() error {
	if len(p.Files) == 0 {
		return fmt.Errorf("there is no file to install: pylock.toml names the files of a version")
	}
	if err := checkMarkerTOML(p.Marker); err != nil {
		return err
	}
	if err := checkSpecifiers(p.RequiresPython); err != nil {
		return err
	}
	p.Files = slices.Clone(p.Files)
	slices.SortFunc(p.Files, func(a, b Distribution) int {
		return cmp.Or(cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.URL, b.URL))
	})
	sdists := 0
	p.Hashes = nil
	for i := range p.Files {
		f := &p.Files[i]
		f.UploadTime = f.UploadTime.UTC().Truncate(time.Second)
		if y := f.UploadTime.Year(); f.UploadTime.IsZero() || y < 1 || y > 9999 {
			f.UploadTime = time.Time{}
		}
		v, err := f.check(p.Name)
		if err != nil {
			return err
		}
		if !v.Equal(p.Version) {
			return fmt.Errorf("the file %s is not of version %s", f.Filename, p.Version)
		}
		if !f.IsWheel() {
			sdists++
		}
		if err := checkFileURL(f); err != nil {
			return err
		}
		if len(f.Hashes) == 0 || f.Size < 0 {
			return fmt.Errorf("the file %s has no hash, or a size below 0", f.Filename)
		}
		f.Hashes = slices.Compact(slices.Sorted(slices.Values(f.Hashes)))
		for j, h := range f.Hashes {
			algorithm, digits, ok := strings.Cut(h, ":")
			if !ok || !bareKey(algorithm) || digits == "" || strings.Trim(digits, "0123456789abcdef") != "" || j > 0 && strings.HasPrefix(f.Hashes[j-1], algorithm+":") {
				return fmt.Errorf("the file %s: %q is not the one hash of its algorithm", f.Filename, h)
			}
		}
		p.Hashes = append(p.Hashes, f.pipHashes()...)
	}
	if sdists > 1 {
		return fmt.Errorf("there are %d source distributions: pylock.toml has room for one", sdists)
	}
	slices.Sort(p.Hashes)
	p.Hashes = slices.Compact(p.Hashes)
	return nil
}

func checkFileURL(f *Distribution) error {
	if f.Path != "" && f.URL == "" {
		if lastPart(f.Path) != f.Filename || strings.ContainsAny(f.Path, `\`) {
			return fmt.Errorf("the path %s does not end in the name of its file", project.Escape(f.Path))
		}
		return checkText("path", f.Path)
	}
	// The query is not shown either: it may be a token.
	if u, err := url.Parse(f.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Contains(f.URL, "?") {
		return fmt.Errorf("the address %q of a file cannot be written into a lock: it wants http or https, a host and no query", project.Redact(withoutQuery(f.URL)))
	}
	return checkURL(f.URL)
}

func checkDirect(d *Direct) error {
	if d.URL != "" {
		if !d.isGit() && len(d.Hashes) == 0 {
			return fmt.Errorf("%s has no hash, which the format demands", d.Name)
		}
		if err := checkReference(d); err != nil {
			return err
		}
		return checkMarkerTOML(d.Marker)
	}
	if d.Directory == nil {
		return fmt.Errorf("%s is neither of an index nor a folder, which is all that a lock can have", project.Escape(project.Redact(d.Text)))
	}
	if n, err := pypi.ParseName(string(d.Name)); err != nil || n != d.Name {
		return fmt.Errorf("%q is not a normalized package name", d.Name)
	}
	if err := checkMarkerTOML(d.Marker); err != nil {
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	for _, p := range []string{d.Directory.Path, d.Directory.Subdirectory} {
		if err := checkText("path", p); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	if d.Directory.Path == "" {
		return fmt.Errorf("%s has no folder", d.Name)
	}
	for _, v := range d.Via {
		if v == "" {
			return fmt.Errorf("%s: an empty label", d.Name)
		}
		if err := checkText("label", v); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return nil
}

func checkMarkerTOML(m string) error {
	if m == "" {
		return nil
	}
	if err := checkMarker(m); err != nil {
		return err
	}
	if _, _, err := pep508.ParseMarker(m); err != nil {
		return fmt.Errorf("the marker %q: %w", m, err)
	}
	return nil
}

func checkSpecifiers(s string) error {
	if s == "" {
		return nil
	}
	if err := checkText("requires-python", s); err != nil {
		return err
	}
	_, err := pep440.ParseSpecifiers(s)
	return err
}

// entry is a package of a lock, in whichever list it stands.
type entry struct {
	name    pypi.Name
	version string // "" for a folder
	marker  string
	via     *[]string
	place   project.Place
}

// entries are the packages of a lock by name.
func entries(l *Lock) []entry {
	var es []entry
	for i := range l.Pins {
		p := &l.Pins[i]
		es = append(es, entry{p.Name, p.Version.String(), p.Marker, &p.Via, p.Place})
	}
	for i := range l.Direct {
		d := &l.Direct[i]
		version := ""
		if !d.Version.IsZero() {
			version = d.Version.String()
		}
		es = append(es, entry{d.Name, version, d.Marker, &d.Via, d.Place})
	}
	slices.SortStableFunc(es, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return es
}

// twice returns the second of two entries of one name that cannot both be
// meant, by place, and the first; or nil.
func twice(l *Lock) (first, second *entry) {
	es := entries(l)
	for i := 0; i < len(es); {
		j := i
		markers := map[string]*entry{}
		for ; j < len(es) && es[j].name == es[i].name; j++ {
			e := &es[j]
			other := markers[e.marker]
			switch {
			case other != nil:
			case markers[""] != nil:
				other = markers[""]
			case e.marker == "" && j > i:
				other = &es[i]
			}
			if other == nil {
				markers[e.marker] = e
				continue
			}
			if e.place.Line < other.place.Line {
				return e, other
			}
			return other, e
		}
		i = j
	}
	return nil, nil
}

// wants is who each package of a lock wants, from who is wanted by whom.
func wants(l *Lock) map[pypi.Name][]string {
	es := entries(l)
	count := map[pypi.Name]int{}
	for _, e := range es {
		count[e.name]++
	}
	out := map[pypi.Name][]string{}
	for _, e := range es {
		item := "{ name = " + quoteTOML(string(e.name)) + " }"
		if count[e.name] > 1 && e.version != "" {
			item = "{ name = " + quoteTOML(string(e.name)) + ", version = " + quoteTOML(e.version) + " }"
		}
		for _, v := range *e.via {
			if count[pypi.Name(v)] > 0 {
				out[pypi.Name(v)] = append(out[pypi.Name(v)], item)
			}
		}
	}
	for n := range out {
		slices.Sort(out[n])
		out[n] = slices.Compact(out[n])
	}
	return out
}

func renderTOML(l *Lock) []byte {
	var b bytes.Buffer
	for _, h := range l.Header {
		comment(&b, h)
	}
	field := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s = %s\n", key, quoteTOML(value))
		}
	}
	list := func(key string, items []string) {
		if len(items) > 0 {
			fmt.Fprintf(&b, "%s = [\n    %s,\n]\n", key, strings.Join(items, ",\n    "))
		}
	}
	field("lock-version", lockVersion)
	list("environments", quoteAll(l.Environments))
	field("requires-python", l.RequiresPython)
	field("created-by", createdBy)
	if len(l.Pins)+len(l.Direct) == 0 {
		b.WriteString("packages = []\n")
	}
	wants := wants(l)
	known := map[string]bool{}
	for _, e := range entries(l) {
		known[string(e.name)] = true
	}
	end := func(via []string) {
		if via = slices.DeleteFunc(slices.Clone(via), func(v string) bool { return known[v] }); len(via) > 0 {
			fmt.Fprintf(&b, "tool = { pylock = { via = [%s] } }\n", strings.Join(quoteAll(via), ", "))
		}
	}
	directs := l.Direct
	folder := func(d *Direct) {
		b.WriteString("\n[[packages]]\n")
		field("name", string(d.Name))
		if !d.Version.IsZero() {
			field("version", d.Version.String())
		}
		field("marker", d.Marker)
		list("dependencies", wants[d.Name])
		if d.URL != "" {
			b.WriteString(d.inline())
			end(d.Via)
			return
		}
		parts := []string{"path = " + quoteTOML(d.Directory.Path)}
		if d.Directory.Editable {
			parts = append(parts, "editable = true")
		}
		if d.Directory.Subdirectory != "" {
			parts = append(parts, "subdirectory = "+quoteTOML(d.Directory.Subdirectory))
		}
		fmt.Fprintf(&b, "directory = { %s }\n", strings.Join(parts, ", "))
		end(d.Via)
	}
	for i := range l.Pins {
		p := &l.Pins[i]
		for ; len(directs) > 0 && directs[0].Name < p.Name; directs = directs[1:] {
			folder(&directs[0])
		}
		b.WriteString("\n[[packages]]\n")
		field("name", string(p.Name))
		field("version", p.Version.String())
		field("marker", p.Marker)
		field("requires-python", p.RequiresPython)
		list("dependencies", wants[p.Name])
		field("index", p.From)
		var wheels []string
		for j := range p.Files {
			f := &p.Files[j]
			if f.IsWheel() {
				wheels = append(wheels, inline(f))
			} else {
				fmt.Fprintf(&b, "sdist = %s\n", inline(f))
			}
		}
		list("wheels", wheels)
		end(p.Via)
	}
	for i := range directs {
		folder(&directs[i])
	}
	return b.Bytes()
}

// inline is a file as an inline table.
func inline(f *Distribution) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{ name = %s, ", quoteTOML(f.Filename))
	if f.URL != "" {
		b.WriteString("url = " + quoteTOML(f.URL))
	} else {
		b.WriteString("path = " + quoteTOML(f.Path))
	}
	if !f.UploadTime.IsZero() {
		b.WriteString(", upload-time = " + f.UploadTime.Format("2006-01-02T15:04:05Z"))
	}
	if f.Size > 0 {
		b.WriteString(", size = " + strconv.FormatInt(f.Size, 10))
	}
	for i, h := range f.Hashes {
		algorithm, digits, _ := strings.Cut(h, ":")
		b.WriteString([]string{", hashes = { ", ", "}[min(i, 1)])
		fmt.Fprintf(&b, "%s = %s", algorithm, quoteTOML(digits))
	}
	b.WriteString(" } }")
	return b.String()
}

func quoteAll(texts []string) []string {
	var out []string
	for _, s := range texts {
		out = append(out, quoteTOML(s))
	}
	return out
}

// quoteTOML returns a basic string in which everything that is not printable
// ASCII is escaped, but for letters of other scripts.
func quoteTOML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r <= '~', r > 0x9f && strconv.IsPrint(r) && r != utf8.RuneError:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// bareKey reports whether s is a key that needs no quotes.
func bareKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// sameTOML compares all that a pylock.toml holds.
func sameTOML(a, b *Lock) error {
	if err := Same(a, b); err != nil {
		return err
	}
	if err := sameComments(a, b); err != nil {
		return err
	}
	if err := sameStrings("environment", a.Environments, b.Environments); err != nil {
		return err
	}
	if a.RequiresPython != b.RequiresPython {
		return fmt.Errorf("requires-python is %q in the first and %q in the second", a.RequiresPython, b.RequiresPython)
	}
	x, y := sortedPins(a), sortedPins(b)
	for i := range x {
		if x[i].RequiresPython != y[i].RequiresPython {
			return fmt.Errorf("requires-python of %s is %q in the first and %q in the second", x[i].Name, x[i].RequiresPython, y[i].RequiresPython)
		}
		if !slices.EqualFunc(x[i].Files, y[i].Files, func(f, g Distribution) bool { return f.equal(&g) }) {
			return fmt.Errorf("the files of %s differ", x[i].Name)
		}
	}
	for i := range a.Direct {
		d, e := &a.Direct[i], &b.Direct[i]
		if d.Name != e.Name || d.Marker != e.Marker || d.URL != e.URL || d.Size != e.Size || !d.Version.Equal(e.Version) ||
			(d.Directory == nil) != (e.Directory == nil) || d.Directory != nil && *d.Directory != *e.Directory {
			return fmt.Errorf("the source of %s differs", d.Name)
		}
		if err := sameStrings("label of "+string(d.Name), d.Via, e.Via); err != nil {
			return err
		}
	}
	return nil
}
