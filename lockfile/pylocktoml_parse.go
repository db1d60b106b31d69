package lockfile

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

const (
	maxTOMLBytes = 16 << 20 // bytes of a pylock.toml
	maxVersions  = 64       // entries of one name in a pylock.toml
)

// ParseTOML reads a lock in the format of PEP 751 as pylock, uv, pip and PDM
// write it; name is the file in the places of pins and errors. It is strict
// where the format is: a lock of another major version, a package without a
// source or with several, a file whose name is of another package or version,
// text that is no version, marker or specifier. Keys that it does not know are
// passed over, and so are extras and dependency groups, which only markers
// then mention. A pin stands where its name does.
//
// Everything that is wrong is a [*project.InputError].
func ParseTOML(name string, data []byte) (*Lock, error) {
	root, err := project.ParseDocument(name, data, maxTOMLBytes)
	if err != nil {
		if conflict := (*MergeConflictError)(nil); errors.As(err, &conflict) {
			conflict.Lock = true
		}
		return nil, err
	}
	p := &tomlParser{name: name, lock: &Lock{Header: headerTOML(data)}, byName: map[pypi.Name][]int{}}
	if err := p.head(root); err != nil {
		return nil, err
	}
	if err := p.packages(root); err != nil {
		return nil, err
	}
	return p.lock, nil
}

// headerTOML returns the comments that a file begins with.
func headerTOML(data []byte) []string {
	var header []string
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte(byteOrderMark))) {
		text, ok := strings.CutPrefix(string(line), "#")
		if !ok {
			break
		}
		header = append(header, strings.TrimRight(strings.TrimPrefix(text, " "), " \t\r\n"))
	}
	return header
}

type tomlParser struct {
	name   string
	lock   *Lock
	byName map[pypi.Name][]int // entries: pins from 0 up, folders from -1 down
	links  []link
}

// link is an item of dependencies.
type link struct {
	from    pypi.Name
	to      pypi.Name
	version string
}

// text returns the string under a key; "" where there is none.
func text(table project.Document, key string, required bool) (string, error) {
	v := table.Get(key)
	if !v.Exists() {
		if required {
			return "", table.Errorf("there is no %s, which the format demands", key)
		}
		return "", nil
	}
	s, ok := v.Text()
	if !ok {
		return "", v.Errorf("%s is %s: it should be a string", key, v.Kind())
	}
	if s == "" {
		return "", v.Errorf("%s is empty", key)
	}
	return s, nil
}

func marker(v project.Document, s string) (string, error) {
	if _, _, err := pep508.ParseMarker(s); err != nil {
		return "", v.Errorf("%q is not a marker: %s", s, reasonOf(err))
	}
	return strings.Join(strings.Fields(s), " "), nil
}

func reasonOf(err error) string {
	if pe := (*pep508.ParseError)(nil); errors.As(err, &pe) {
		return pe.Msg
	}
	return err.Error()
}

func specifiers(table project.Document) (string, error) {
	s, err := text(table, "requires-python", false)
	if err != nil || s == "" {
		return "", err
	}
	if _, err := pep440.ParseSpecifiers(s); err != nil {
		return "", table.Get("requires-python").Errorf("requires-python: %s", err)
	}
	return strings.Join(strings.Fields(s), " "), nil
}

// array returns the items under a key.
func array(table project.Document, key string) ([]project.Document, error) {
	v := table.Get(key)
	if !v.Exists() {
		return nil, nil
	}
	items, ok := v.Items()
	if !ok {
		return nil, v.Errorf("%s is %s: it should be an array", key, v.Kind())
	}
	return items, nil
}

func (p *tomlParser) head(root project.Document) error {
	s, err := text(root, "lock-version", false)
	if err != nil {
		return err
	}
	at := root.Get("lock-version")
	if !at.Exists() {
		return &project.InputError{Place: project.Place{File: p.name}, Msg: "there is no lock-version: this is not a lock of PEP 751"}
	}
	v, err := pep440.Parse(s)
	if err != nil {
		return at.Errorf("lock-version %q is not a version", s)
	}
	known := pep440.MustParse(lockVersion)
	switch {
	case v.Epoch() != 0 || v.Release()[0] != known.Release()[0]:
		return at.Errorf("lock-version is %s, and this pylock reads %s: use a newer pylock, or lock anew", s, lockVersion)
	case known.Compare(v) < 0:
		p.lock.Warnings = append(p.lock.Warnings, fmt.Sprintf("%s: lock-version is %s, and this pylock knows %s: what is new in it is passed over", at.Place(), s, lockVersion))
	}
	if _, err := text(root, "created-by", false); err != nil {
		return err
	}
	if !root.Get("created-by").Exists() {
		return &project.InputError{Place: project.Place{File: p.name}, Msg: "there is no created-by, which the format demands"}
	}
	if p.lock.RequiresPython, err = specifiers(root); err != nil {
		return err
	}
	items, err := array(root, "environments")
	if err != nil {
		return err
	}
	for _, item := range items {
		s, ok := item.Text()
		if !ok {
			return item.Errorf("an environment is %s: it should be a marker", item.Kind())
		}
		m, err := marker(item, s)
		if err != nil {
			return err
		}
		p.lock.Environments = append(p.lock.Environments, m)
	}
	return nil
}

func (p *tomlParser) packages(root project.Document) error {
	if !root.Get("packages").Exists() {
		return &project.InputError{Place: project.Place{File: p.name}, Msg: "there are no packages, which the format demands, though the array may be empty"}
	}
	items, err := array(root, "packages")
	if err != nil {
		return err
	}
	for _, item := range items {
		if !item.IsTable() {
			return item.Errorf("a package is %s: it should be a table", item.Kind())
		}
		if err := p.pkg(item); err != nil {
			return err
		}
	}
	for _, l := range p.links {
		for _, i := range p.byName[l.to] {
			if i >= 0 {
				pin := &p.lock.Pins[i]
				if l.version == "" || pin.Version.String() == l.version {
					pin.Via = add(pin.Via, string(l.from))
				}
				continue
			}
			d := &p.lock.Direct[-1-i]
			d.Via = add(d.Via, string(l.from))
		}
	}
	if _, second := twice(p.lock); second != nil {
		return &project.InputError{Place: second.place, Msg: string(second.name) + " is in the lock twice, and both could be meant: only markers can tell them apart"}
	}
	return nil
}

func add(labels []string, l string) []string {
	if n := len(labels); n > 0 && labels[n-1] == l {
		return labels
	}
	return append(labels, l)
}

// pkg reads one of the packages.
func (p *tomlParser) pkg(t project.Document) error {
	s, err := text(t, "name", true)
	if err != nil {
		return err
	}
	nameAt := t.Get("name")
	name, err := pypi.ParseName(s)
	if err != nil || string(name) != s {
		return nameAt.Errorf("%q is not a normalized package name", s)
	}
	if len(p.byName[name]) == maxVersions {
		return nameAt.Errorf("more than %d entries of %s", maxVersions, name)
	}
	m, err := text(t, "marker", false)
	if err != nil {
		return err
	}
	if m != "" {
		if m, err = marker(t.Get("marker"), m); err != nil {
			return err
		}
	}
	requires, err := specifiers(t)
	if err != nil {
		return err
	}
	var version pep440.Version
	if s, err = text(t, "version", false); err != nil {
		return err
	} else if s != "" {
		if version, err = pep440.Parse(s); err != nil {
			return t.Get("version").Errorf("%q is not a version: %s", s, err)
		}
	}
	from, err := text(t, "index", false)
	if err != nil {
		return err
	}
	via, err := p.relations(t, name)
	if err != nil {
		return err
	}
	files, version, err := distributionsOf(t, name, version)
	if err != nil {
		return err
	}
	var sources []string
	for _, key := range []string{"vcs", "directory", "archive"} {
		if v := t.Get(key); v.Exists() {
			if !v.IsTable() {
				return v.Errorf("%s is %s: it should be a table", key, v.Kind())
			}
			sources = append(sources, key)
		}
	}
	switch {
	case len(files) > 0 && len(sources) > 0:
		return nameAt.Errorf("%s has both files of an index and a %s: there is one source a package", name, sources[0])
	case len(sources) > 1:
		return nameAt.Errorf("%s has both a %s and a %s: there is one source a package", name, sources[0], sources[1])
	case len(files) > 0:
		pin := Pin{Name: name, NameText: string(name), Version: version, Marker: m, RequiresPython: requires, Files: files, Via: via, From: from, Place: nameAt.Place()}
		for i := range files {
			pin.Hashes = append(pin.Hashes, files[i].pipHashes()...)
		}
		slices.Sort(pin.Hashes)
		pin.Hashes = slices.Compact(pin.Hashes)
		p.byName[name] = append(p.byName[name], len(p.lock.Pins))
		p.lock.Pins = append(p.lock.Pins, pin)
		return nil
	case len(sources) == 0:
		return nameAt.Errorf("%s has no source: neither wheels nor sdist, vcs, directory or archive", name)
	}
	d := Direct{Name: name, Version: version, Marker: m, Via: via, Place: nameAt.Place()}
	if err := d.source(sources[0], t.Get(sources[0])); err != nil {
		return err
	}
	p.lock.Direct = append(p.lock.Direct, d)
	p.byName[name] = append(p.byName[name], -len(p.lock.Direct))
	return nil
}

// relations reads dependencies and what pylock keeps under tool.
func (p *tomlParser) relations(t project.Document, name pypi.Name) (via []string, err error) {
	items, err := array(t, "dependencies")
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if !item.IsTable() {
			return nil, item.Errorf("a dependency is %s: it should be a table", item.Kind())
		}
		// The format bids installers to ignore dependencies: one that cannot be
		// read is no reason to refuse the lock.
		to, _ := item.Get("name").Text()
		version, _ := item.Get("version").Text()
		if v, err := pep440.Parse(version); err == nil {
			version = v.String()
		}
		if to != "" {
			p.links = append(p.links, link{name, pypi.NormalizeName(to), version})
		}
	}
	items, _ = t.Get("tool").Get("pylock").Get("via").Items()
	for _, item := range items {
		if s, _ := item.Text(); s != "" {
			via = append(via, s)
		}
	}
	return via, nil
}

// source reads what an entry that is not of an index comes from.
func (d *Direct) source(key string, t project.Document) error {
	subdirectory, err := text(t, "subdirectory", false)
	if err != nil {
		return err
	}
	path, err := text(t, "path", key == "directory")
	if err != nil {
		return err
	}
	if key == "directory" {
		editable := false
		if v := t.Get("editable"); v.Exists() {
			var ok bool
			if editable, ok = v.Bool(); !ok {
				return v.Errorf("editable is %s: it should be true or false", v.Kind())
			}
		}
		d.Directory = &Directory{Path: path, Editable: editable, Subdirectory: subdirectory}
		d.Text = d.Directory.text()
		return nil
	}
	address, err := text(t, "url", false)
	if err != nil {
		return err
	}
	if address == "" {
		address = path
	}
	if address == "" {
		return t.Errorf("the %s of %s has neither url nor path", key, d.Name)
	}
	if key == "vcs" {
		kind, err := text(t, "type", true)
		if err != nil {
			return err
		}
		commit, err := text(t, "commit-id", true)
		if err != nil {
			return err
		}
		asked, err := text(t, "requested-revision", false)
		if err != nil {
			return err
		}
		if kind == "git" {
			if asked != "" {
				d.From = "git+" + BareURL(address) + "@" + asked
			}
			d.URL = "git+" + BareURL(address) + "@" + commit
		}
		address = kind + "+" + address + "@" + commit
	} else {
		if d.Hashes, err = hashesOf(t); err != nil {
			return err
		}
		if n, ok := t.Get("size").Int(); ok {
			d.Size = n
		}
		if d.URL = BareURL(address); path != "" && address == path {
			d.URL = "file:" + (&url.URL{Path: path}).EscapedPath()
		}
	}
	if subdirectory != "" {
		address += "#subdirectory=" + subdirectory
		if d.URL != "" {
			d.URL += "#subdirectory=" + subdirectory
		}
	}
	d.Text = string(d.Name) + " @ " + address
	return nil
}
