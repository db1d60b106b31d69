package project

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

const (
	// maxLocals bounds the path dependencies of one lock.
	maxLocals = 10_000
	// maxExpansion bounds the references of a package's extras to the package
	// itself, counted each time one is followed.
	maxExpansion = 10_000
)

// failure makes an error at the place in question.
type failure func(format string, args ...any) error

// local is a Local and the file that it comes from.
type local struct {
	Local
	file *pyproject
	fail failure // at what first asked for it

	extras bool // some are asked for
	read   bool // its requirements are those of file
	built  bool // file has what a build told
}

// localAt returns the package in an absolute folder, and has its requirements
// read later. name is what it is asked for by, "" where nothing names it: a
// package that only its build names has to wait for [loader.readLocals] then.
func (l *loader) localAt(dir string, name pypi.Name, fail failure) (*local, error) {
	key := dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		key = real
	}
	if p, ok := l.locals[key]; ok {
		return p, nil
	}
	if len(l.locals) >= maxLocals {
		return nil, fail("more than %d path dependencies", maxLocals)
	}
	f, err := l.packageAt(dir)
	if err != nil {
		return nil, err
	}
	p := &local{file: f, fail: fail, Local: Local{
		Name: f.name, Version: f.version, Dir: dir, Rel: l.rel(dir),
		RequiresPython: f.requiresPython, Place: f.nameAt,
	}}
	switch {
	case f.declared:
	case !f.needsBuild(false):
		return nil, f.undeclared()
	case l.o.Build == nil:
		return nil, fail("%s does not state its name and dependencies: allow its build to tell them with --build, or add a [project] table to %s", l.rel(dir), f.rel)
	case name == "":
		if err := l.stateLocal(p); err != nil {
			return nil, err
		}
	default:
		p.Name, p.Place = name, Place{File: f.rel}
	}
	l.locals[key] = p
	l.localList = append(l.localList, p)
	l.addFile(f)
	return p, nil
}

// locate makes r a path requirement.
func (l *loader) locate(r *Requirement, dir string, fail failure) error {
	p, err := l.localAt(dir, r.Name, fail)
	if err != nil {
		return err
	}
	if r.Name != "" && r.Name != p.Name {
		return fail("the package at %s is called %s (%s), not %s: use its name", p.Rel, p.Name, p.Place, r.Name)
	}
	if len(r.Extras) > 0 && !p.extras {
		p.extras, p.read = true, p.read && !p.file.needsBuild(true)
	}
	for _, other := range l.folders {
		if !l.overriding && other.name == p.Name && other.dir != p.Dir && !other.marker.Set().Disjoint(r.Marker.Set()) {
			return fail("%s and %s are both called %s: rename one, or ask for one only", l.rel(other.dir), p.Rel, p.Name)
		}
	}
	if !l.overriding {
		l.folders = append(l.folders, askedFolder{p.Name, p.Dir, r.Marker})
	}
	r.Path = p.Dir
	l.sourced[p.Name] = true
	return nil
}

// askedFolder is a folder that is asked for under a marker.
type askedFolder struct {
	name   pypi.Name
	dir    string
	marker pep508.Marker
}

// readLocals reads what the path dependencies need, and what those need.
func (l *loader) readLocals() error {
	for _, read := range l.unnamed {
		if err := read(); err != nil {
			return err
		}
	}
	for again := true; again; {
		again = false
		for i := 0; i < len(l.localList); i++ {
			p := l.localList[i]
			if p.read {
				continue
			}
			p.read, again = true, true
			if err := l.readLocal(p); err != nil {
				return err
			}
		}
	}
	if err := l.checkExtras(l.p.Requirements); err != nil {
		return err
	}
	for _, p := range l.localList {
		if err := l.checkExtras(p.Requirements); err != nil {
			return err
		}
		for _, e := range p.file.extras {
			if err := l.checkExtras(p.Extras[e.name]); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(l.localList, func(a, b *local) int { return strings.Compare(string(a.Name), string(b.Name)) })
	for _, p := range l.localList {
		l.p.Locals = append(l.p.Locals, p.Local)
	}
	return nil
}

// readLocal reads what one path dependency needs.
func (l *loader) readLocal(p *local) error {
	err := l.stateLocal(p)
	if err != nil {
		return err
	}
	n := 0
	if p.Requirements, err = l.expanded(p.file, "", &n); err != nil {
		return err
	}
	p.Extras = nil
	for _, e := range p.file.extras {
		if p.Extras == nil {
			p.Extras = map[pypi.Extra][]Requirement{}
		}
		if p.Extras[e.name], err = l.expanded(p.file, e.name, &n); err != nil {
			return err
		}
	}
	return nil
}

// checkExtras refuses extras that path dependencies do not have. What a release
// of an index lacks is its business; a folder of one's own was renamed in.
func (l *loader) checkExtras(reqs []Requirement) error {
	for i := range reqs {
		r := &reqs[i]
		if r.Path == "" {
			continue
		}
		k := slices.IndexFunc(l.localList, func(p *local) bool { return p.Name == r.Name && p.Dir == r.Path })
		if k < 0 {
			continue
		}
		f := l.localList[k].file
		for _, x := range r.Extras {
			if _, ok := f.extra(x); !ok {
				return &InputError{Place: r.Place, Msg: fmt.Sprintf("asks for %s, and %s (%s) has no extra %q: %s", r.Requirement.String(), f.name, f.nameAt, string(x), Choices(string(x), f.extraNames()))}
			}
		}
	}
	return nil
}

// expanded returns the requirements of an extra, or with "" those of every
// install, where references to the package's own extras are replaced by what
// they stand for.
//
// n counts toward maxExpansion.
func (l *loader) expanded(f *pyproject, extra pypi.Extra, n *int) ([]Requirement, error) {
	x := expansion{l: l, f: f, seen: map[string]bool{}, n: n}
	err := x.add(extra, conditions{}, nil)
	return x.out, err
}

type expansion struct {
	l    *loader
	f    *pyproject
	seen map[string]bool // extra and conditions under which it was added
	out  []Requirement
	n    *int
	// remote is set for a package of a repository.
	remote *remote
}

// conditions are the markers under which an extra is added.
type conditions struct {
	texts []string // sorted, unique
	all   pep508.Marker
}

// add appends what an extra asks for under the conditions.
func (x *expansion) add(extra pypi.Extra, under conditions, fail failure) error {
	key := string(extra) + "\x00" + strings.Join(under.texts, "\x00")
	if x.seen[key] {
		return nil
	}
	x.seen[key] = true
	items := x.f.dependencies
	if extra != "" {
		e, ok := x.f.extra(extra)
		if !ok {
			if err := x.f.static("optional-dependencies"); err != nil {
				return err
			}
			return fail("%s has no extra %q: %s", x.f.name, string(extra), Choices(string(extra), x.f.extraNames()))
		}
		items = e.items
	}
	for _, item := range items {
		sc := scope{file: x.f, origin: x.f.origin(""), extra: extra, own: true}
		declared := x.l.declared
		if x.remote != nil {
			declared = x.remote.declared
		}
		rs, err := declared(sc, item)
		if err != nil {
			return err
		}
		for _, r := range rs {
			if r.Name == x.f.name && r.Path == "" && r.URL == "" && r.Ref == nil && !x.f.script {
				if err := x.follow(r, under, item); err != nil {
					return err
				}
				continue
			}
			if r.Marker, err = conjunction(under.all, r.Marker); err != nil {
				return x.f.errorAt(item, "%s: %s", r.Name, err)
			}
			x.out = append(x.out, r)
		}
	}
	return nil
}

// added reports whether an extra is in without any conditions.
func (x *expansion) added(extra pypi.Extra) bool { return x.seen[string(extra)+"\x00"] }

// follow adds the extras that a reference of the package to itself names.
func (x *expansion) follow(r Requirement, under conditions, item *tomlValue) error {
	next := under
	if !r.Marker.IsTrivial() {
		text := r.Marker.String()
		if i, found := slices.BinarySearch(under.texts, text); !found {
			all, err := conjunction(under.all, r.Marker)
			if err != nil {
				return x.f.errorAt(item, "%s: %s", r.Name, err)
			}
			next = conditions{slices.Insert(slices.Clone(under.texts), i, text), all}
		}
	}
	for _, e := range r.Extras {
		if *x.n++; *x.n > maxExpansion {
			return x.f.errorAt(item, "the extras of %s refer to each other more than %d times: simplify them", x.f.name, maxExpansion)
		}
		err := x.add(e, next, func(format string, args ...any) error { return x.f.errorAt(item, format, args...) })
		if err != nil {
			return err
		}
	}
	return nil
}

// scheme returns the lower-case scheme of a URL, "" for a path. One letter is
// a drive.
func scheme(s string) string {
	i := strings.IndexByte(s, ':')
	if i < 2 {
		return ""
	}
	for j, c := range []byte(s[:i]) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (j == 0 || !(c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return ""
		}
	}
	return strings.ToLower(s[:i])
}

// localPath returns the path of a file: URL or of a plain path, which may
// still be relative, and the name that an #egg= fragment gives.
func localPath(u string, fail failure) (path, egg string, err error) {
	if scheme(u) != "file" {
		return filepath.FromSlash(u), "", nil
	}
	p := u[len("file:"):]
	p, fragment, _ := strings.Cut(p, "#")
	if strings.Contains(p, "?") {
		return "", "", fail("a file URL has no query: take it out")
	}
	if rest, ok := strings.CutPrefix(p, "//"); ok {
		host, _, _ := strings.Cut(rest, "/")
		switch {
		case host == "" || host == "." || host == "..":
			p = rest
		case strings.EqualFold(host, "localhost"):
			p = rest[len(host):]
		default:
			return "", "", fail("the file URL names a host: write file:///path, or file:../path for a relative one")
		}
	}
	decoded, err := url.PathUnescape(p)
	if err != nil || strings.ContainsRune(decoded, 0) {
		return "", "", fail("malformed percent escape in the file URL: write %%25 for a percent sign")
	}
	if runtime.GOOS == "windows" && len(decoded) > 2 && decoded[0] == '/' && decoded[2] == ':' {
		decoded = decoded[1:]
	}
	for _, part := range strings.Split(fragment, "&") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "egg":
			egg = value
		case "subdirectory":
			if !isArchive(decoded) {
				decoded = strings.TrimSuffix(decoded, "/") + "/" + value
			}
		}
	}
	if decoded == "" {
		return "", "", fail("the file URL has no path: write file:../folder")
	}
	return filepath.FromSlash(decoded), egg, nil
}

// archiveEnds are the endings of files that pip installs.
var archiveEnds = []string{".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz", ".tar"}

func isArchive(path string) bool {
	return slices.ContainsFunc(archiveEnds, func(end string) bool { return strings.HasSuffix(strings.ToLower(path), end) })
}

// checkPath refuses what is neither the folder of a package nor an archive.
// shown is the path as written.
func (l *loader) checkPath(file, shown string, fail failure) (archive bool, err error) {
	st, err := os.Stat(file)
	switch {
	case err != nil && (filepath.IsAbs(shown) || scheme(shown) == "file" && strings.HasPrefix(shown[len("file:"):], "/")):
		return false, fail("%s does not exist: name the folder of a package, or an archive", shown)
	case err != nil:
		return false, fail("%s does not exist (looked for %s): paths are relative to the file that names them, else to the root", shown, l.rel(file))
	case st.Mode().IsRegular() && isArchive(file):
		return true, nil
	case !st.IsDir():
		return false, fail("%s is neither a folder nor an archive: name the folder of a package, a .whl, .tar.gz or .zip", shown)
	case isFile(filepath.Join(file, pyprojectName)):
		return false, nil
	case legacyFile(file) != "" && l.o.Build != nil:
		return false, nil
	case legacyFile(file) != "":
		return false, fail("%s has no %s, only a %s, which needs a build: allow that with --build, or add a %s with its name and dependencies", shown, pyprojectName, legacyFile(file), pyprojectName)
	}
	return false, fail("%s has no %s: name the folder of a package", shown, pyprojectName)
}

// found is what a path or a source leads to: a folder, a reference, or an index.
type found struct {
	dir   string
	ref   *Reference
	index *IndexSource
	egg   string // the name of an #egg= fragment
}

// find resolves a path or file: URL with variables in it, relative to base, else
// to the root.
func (l *loader) find(written, base string, fail failure) (found, error) {
	var first string
	for _, b := range []string{base, l.root} {
		expanded, err := l.expand(written, b, fail)
		if err != nil {
			return found{}, err
		}
		path, egg, err := localPath(expanded, fail)
		if err != nil {
			return found{}, err
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(b, path)
		}
		path = filepath.Clean(path)
		if exists(path) {
			return l.foundAt(path, written, expanded, egg, fail)
		}
		if first == "" {
			first = path
		}
	}
	if strings.Contains(written, "${") {
		return found{}, fail("%s does not exist", written) // the path may hold a variable's value
	}
	_, err := l.checkPath(first, written, fail)
	return found{}, err
}

func (l *loader) foundAt(path, written, expanded, egg string, fail failure) (found, error) {
	archive, err := l.checkPath(path, written, fail)
	if err != nil || !archive {
		return found{dir: path, egg: egg}, err
	}
	ref := fileReference(path)
	if scheme(expanded) == "file" {
		_, fragment, _ := strings.Cut(expanded, "#")
		if err := ref.fragment(fragment); err != nil {
			return found{}, fail("%s", err)
		}
	}
	return found{ref: ref, egg: egg}, nil
}

// settle makes r a requirement of what a path leads to.
func (l *loader) settle(r *Requirement, at found, fail failure) error {
	if err := checkEgg(at.egg, r.Name, fail); err != nil {
		return err
	}
	if at.ref != nil {
		return l.point(r, at.ref, fail)
	}
	return l.locate(r, at.dir, fail)
}

// point makes r a requirement of what a reference leads to.
func (l *loader) point(r *Requirement, ref *Reference, fail failure) error {
	if r.Editable {
		return fail("an editable must be a folder: write -e ./folder")
	}
	if ref.Name != "" && ref.Name != r.Name {
		return fail("the fragment #egg= and the requirement name two packages: take the fragment out")
	}
	if len(r.Hashes) > 0 && ref.Kind == Git {
		return fail("a git repository has no hash: name its commit, and leave --hash out")
	}
	if len(r.Hashes) > 0 {
		ref.Hashes = slices.Compact(slices.Sorted(slices.Values(slices.Concat(ref.Hashes, r.Hashes))))
	}
	if ref.File != "" {
		l.files[l.rel(ref.File)] = true
	}
	ref.Name, ref.Place = r.Name, r.Place
	r.Ref, r.URL = ref, ref.String()
	l.sourced[r.Name] = true
	return nil
}
