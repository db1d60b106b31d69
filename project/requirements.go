package project

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// maxIncludeDepth bounds requirements files that include each other.
const maxIncludeDepth = 64

// fileKind is what the requirements in a file are for.
type fileKind uint8

const (
	requirementFile fileKind = iota
	constraintFile
	overrideFile
	excludeFile
)

func (k fileKind) String() string {
	return [...]string{"requirements", "a constraint", "an override", "an exclusion"}[k]
}

// option is the flag before the file name in an origin.
func (k fileKind) option() string { return [...]string{"-r ", "-c ", "--override ", "--exclude "}[k] }

// reqFile is a requirements file while it is read.
type reqFile struct {
	l      *loader
	text   *text
	dir    string
	kind   fileKind
	origin string
	depth  int
	line   logicalLine
}

// readStdin reads requirements from the standard input; their relative paths
// are relative to the working directory.
func (l *loader) readStdin() error {
	if l.read["-"] {
		return nil
	}
	l.read["-"] = true
	if l.o.Stdin == nil {
		return &InputError{Place: Place{File: "-"}, Msg: "there is no standard input: name a file"}
	}
	data, err := io.ReadAll(io.LimitReader(l.o.Stdin, maxFileSize+1))
	if err != nil {
		return &InputError{Place: Place{File: "-"}, Msg: err.Error(), Err: err}
	}
	t, err := newText("-", data)
	if err != nil {
		return err
	}
	f := reqFile{l: l, text: t, dir: l.workDir}
	if err := f.readAll(); err != nil {
		return err
	}
	return l.nearestUV(l.workDir)
}

// requirementsArg reads a file named by an option.
func (l *loader) requirementsArg(arg string, kind fileKind) error {
	if s := scheme(arg); s != "" && strings.HasPrefix(arg[len(s):], "://") {
		return &InputError{Msg: Redact(arg) + ": requirements are not read from the network: save the file and name it"}
	}
	return l.requirementsFile(l.abs(arg), kind, 0)
}

// requirementsFile reads a requirements, constraints or overrides file, once
// for each kind: includes that come back to it are thereby stopped.
func (l *loader) requirementsFile(path string, kind fileKind, depth int) error {
	key := kind.option() + path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		key = kind.option() + real
	}
	if l.read[key] {
		return nil
	}
	l.read[key] = true
	name := l.rel(path)
	var t *text
	var err error
	if data, ok := l.o.Unwritten[path]; ok {
		t, err = newText(name, data)
	} else {
		t, err = readText(path, name)
	}
	if err != nil {
		return err
	}
	l.files[name] = true
	f := reqFile{l: l, text: t, dir: filepath.Dir(path), kind: kind, origin: kind.option() + name, depth: depth}
	if err := f.readAll(); err != nil {
		return err
	}
	if kind == requirementFile && depth == 0 {
		return l.nearestUV(f.dir)
	}
	return nil
}

func (f *reqFile) readAll() error {
	// Not left to the first line that cannot be read: the marks may be among
	// comments, or behind a line that goes on.
	if err := f.text.mergeConflict(); err != nil {
		return err
	}
	lines, err := logicalLines(f.text)
	if err != nil {
		return err
	}
	for _, line := range lines {
		f.line = line
		if err := f.read(); err != nil {
			return err
		}
	}
	return nil
}

// failAt is an error about n bytes of the current line.
func (f *reqFile) failAt(i, n int) failure {
	line := f.line // an error may be told when others are read
	return func(format string, args ...any) error {
		off, n := line.at(i, n)
		return f.text.errorAt(off, n, format, args...)
	}
}

// read takes one logical line: a requirement with options of its own, or
// options.
func (f *reqFile) read() error {
	words, err := splitLine(f.line, f.failAt)
	if err != nil {
		return err
	}
	split := len(f.line.text)
	for _, w := range words {
		if strings.HasPrefix(f.line.text[w.start:], "-") {
			split = w.start
			break
		}
	}
	written := strings.TrimRight(f.line.text[:split], " \t")
	if written == "" {
		return f.options(words)
	}
	var rest []word
	for _, w := range words {
		if w.start >= split {
			rest = append(rest, w)
		}
	}
	hashes, err := f.requirementOptions(rest)
	if err != nil {
		return err
	}
	return f.requirement(written, 0, false, hashes)
}

// requirement reads one, written at byte i of the line.
func (f *reqFile) requirement(written string, i int, editable bool, hashes []string) error {
	l := f.l
	fail := f.failAt(i, len(written))
	at := func(j, n int) (int, int) { return f.line.at(i+j, n) }
	if editable && f.kind != requirementFile && f.kind != overrideFile {
		return fail("an editable cannot be %s: give a name and versions", f.kind)
	}
	off, _ := at(0, len(written))
	r := Requirement{Text: written, Place: f.text.place(off), Origin: f.origin, Editable: editable, Hashes: hashes}
	s := scope{dir: f.dir, origin: f.origin}
	l.overriding = f.kind == overrideFile
	defer func() { l.overriding = false }()

	if path, extras, marker, ok := unnamed(written, editable); ok {
		if f.kind != requirementFile && f.kind != overrideFile {
			return fail("%s needs a name: write NAME and versions, or NAME @ before it", f.kind)
		}
		shown, err := l.expand(path, f.dir, fail)
		if err != nil {
			return err
		}
		if sch := scheme(shown); sch != "" && sch != "file" {
			ref, err := parseReference(shown)
			if err != nil {
				return fail("%s", err)
			}
			return f.unnamedReference(r, ref, extras+marker, fail)
		}
		at, err := l.find(path, f.dir, fail)
		if err != nil {
			return f.missingPath(path, err, fail)
		}
		if at.ref != nil {
			return f.unnamedReference(r, at.ref, extras+marker, fail)
		}
		dir, egg := at.dir, at.egg
		read := func() error {
			p, err := l.localAt(dir, "", fail)
			if err != nil {
				return err
			}
			if err := checkEgg(egg, p.Name, fail); err != nil {
				return err
			}
			named := string(p.Name) + extras + marker
			if named, err = l.expand(named, f.dir, fail); err != nil {
				return err
			}
			req, _, err := pep508.ParseRequirement(named)
			if err != nil {
				return fail("malformed extras or marker after the path: write ./folder[extra] ; marker")
			}
			r.Requirement = req
			r.NameText = string(p.Name)
			if scheme(path) == "file" {
				r.URL = path
			}
			if err := l.locate(&r, dir, fail); err != nil { // again, with its extras
				return err
			}
			f.add(r)
			return nil
		}
		if g, err := l.packageAt(dir); err == nil && l.mayBuild(g) {
			overriding := l.overriding
			l.unnamed = append(l.unnamed, func() error {
				defer func(was bool) { l.overriding = was }(l.overriding)
				l.overriding = overriding
				return read()
			})
			return nil
		}
		return read()
	}

	expanded, err := l.expand(written, f.dir, fail)
	if err != nil {
		return err
	}
	if f.kind != requirementFile {
		b, err := l.bound(f.text, at, written, expanded, f.dir, f.origin, f.kind)
		if err != nil {
			return err
		}
		switch f.kind {
		case constraintFile:
			l.p.Constraints = append(l.p.Constraints, b)
		case overrideFile:
			l.p.Overrides = append(l.p.Overrides, b)
		default:
			if len(b.Specifiers) > 0 || len(b.Extras) > 0 || !b.Marker.IsTrivial() {
				l.warn(b.Place, "an exclusion holds for every version, extra and environment: only the name %s counts", b.Name)
			}
			l.p.Exclusions = append(l.p.Exclusions, Exclusion{Names: []pypi.Name{b.Name}, Place: b.Place})
		}
		return nil
	}
	if err := f.missingPath(written, nil, fail); err != nil {
		return err
	}
	req, warnings, err := pep508.ParseRequirement(expanded)
	if err != nil {
		return requirementError(f.text, at, written, err)
	}
	if written == expanded {
		for _, w := range warnings {
			off, _ := at(w.Offset, w.Length)
			l.warn(f.text.place(off), "%s", w.Msg)
		}
	}
	r.Requirement = req
	if r.URL == "" {
		if editable {
			return fail("an editable must be a folder: write -e ./folder")
		}
		rs, err := l.plainOrPlaced(s, r, fail)
		if err != nil {
			return err
		}
		l.p.Requirements = append(l.p.Requirements, rs...)
		return nil
	}
	// The URL as written, so that it can be shown.
	if _, u, ok := strings.Cut(written, "@"); ok {
		if fields := strings.Fields(u); len(fields) > 0 {
			r.URL = strings.TrimSuffix(fields[0], ";")
		}
	}
	if err := l.refer(&r, r.URL, f.dir, fail); err != nil {
		return err
	}
	l.p.Requirements = append(l.p.Requirements, r)
	return nil
}

// unnamedReference adds a requirement that is a URL or an archive without a name
// before it. rest are its extras and marker.
func (f *reqFile) unnamedReference(r Requirement, ref *Reference, rest string, fail failure) error {
	name := ref.Name
	if name == "" && ref.Kind == Archive {
		name = archiveName(ref)
	}
	if name == "" {
		return fail("this does not tell the name of the package: write NAME @ before it")
	}
	rest, err := f.l.expand(rest, f.dir, fail)
	if err != nil {
		return err
	}
	if r.Requirement, _, err = pep508.ParseRequirement(string(name) + rest); err != nil {
		return fail("malformed extras or marker after the URL: write NAME[extra] @ URL ; marker")
	}
	if err := f.l.point(&r, ref, fail); err != nil {
		return err
	}
	f.add(r)
	return nil
}

// add keeps a requirement or an override.
func (f *reqFile) add(r Requirement) {
	list := &f.l.p.Requirements
	if f.kind == overrideFile {
		list = &f.l.p.Overrides
	}
	*list = append(*list, r)
}

// missingPath returns err, or what a path was probably meant to be.
func (f *reqFile) missingPath(path string, err error, fail failure) error {
	full := filepath.Join(f.dir, filepath.FromSlash(path))
	if isFile(full) && (strings.HasSuffix(path, ".txt") || strings.HasSuffix(path, ".in")) {
		return fail("%s is a file of requirements: write -r %s", path, path)
	}
	return err
}

// unnamed tells a path or URL without a name from a PEP 508 requirement, as
// pip does, and takes its extras and marker off. For an editable everything
// without a name is a path.
func unnamed(s string, editable bool) (path, extras, marker string, ok bool) {
	name, _, hasAt := strings.Cut(s, "@")
	looksLikePath := func(s string) bool {
		return strings.HasPrefix(s, ".") || strings.ContainsAny(s, `/`) || filepath.Separator != '/' && strings.ContainsRune(s, filepath.Separator) || strings.HasPrefix(s, "${")
	}
	sch := scheme(strings.TrimSpace(s))
	sep := ";"
	switch {
	case sch != "" && !strings.ContainsAny(name, " \t[") && (sch == "file" || strings.HasPrefix(s[len(sch):], "://")):
		sep = "; " // a URL may hold a semicolon
	case hasAt && !looksLikePath(name):
		return "", "", "", false
	case editable, isArchive(s) && !strings.ContainsAny(s, "<>=~; \t"):
	default:
		head, _, _ := strings.Cut(s, ";")
		if strings.HasPrefix(s, "${") && !strings.ContainsAny(head, "/") || !looksLikePath(head) {
			return "", "", "", false
		}
		// A name with a variable in its specifier is no path.
		if i := strings.IndexAny(head, "<>=~! ["); i > 0 && !looksLikePath(head[:i]) {
			return "", "", "", false
		}
	}
	path = s
	if i := strings.Index(s, sep); i >= 0 {
		path, marker = strings.TrimRight(s[:i], " \t"), " "+s[i:]
	}
	if i := strings.LastIndexByte(path, '['); i > 0 && strings.HasSuffix(path, "]") {
		path, extras = strings.TrimRight(path[:i], " \t"), path[i:]
	}
	return path, extras, marker, true
}

// expand replaces ${VAR} by the variable's value. Only this form, in upper
// case, is one, as for pip. PROJECT_ROOT, where unset, is base.
func (l *loader) expand(s, base string, fail failure) (string, error) {
	if !strings.Contains(s, "${") {
		return s, nil
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			break
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			break
		}
		name := s[i+2 : i+end]
		b.WriteString(s[:i])
		s = s[i+end+1:]
		if !isVariable(name) {
			b.WriteString("${" + name + "}")
			continue
		}
		value, ok := l.getenv(name)
		switch {
		case !ok && name == "PROJECT_ROOT":
			value = filepath.ToSlash(base)
		case !ok:
			return "", fail("the variable %s is not set: set it, or write its value here", name)
		case value == "":
			return "", fail("the variable %s is empty: set it, or write its value here", name)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", fail("the value of the variable %s holds control characters: set it to one line of text", name)
		}
		b.WriteString(value)
	}
	b.WriteString(s)
	return b.String(), nil
}

func isVariable(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// include reads a file that the current line names.
func (f *reqFile) include(w word, value string, kind fileKind) error {
	fail := f.failAt(w.start, w.end-w.start)
	expanded, err := f.l.expand(value, f.dir, fail)
	if err != nil {
		return err
	}
	switch s := scheme(expanded); {
	case s == "http" || s == "https":
		return fail("requirements are not read from the network: save the file and name it")
	case s != "" && s != "file":
		return fail("unknown URL scheme %s: name a file", s)
	}
	path, _, err := localPath(expanded, fail)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.dir, path)
	}
	if base := filepath.Base(path); base == pyprojectName || strings.HasSuffix(base, ".py") {
		return fail("%s is not a requirements file: name it, or its folder, as a source of its own", value)
	}
	switch {
	case isDir(path):
		return fail("%s is a folder: name a requirements file", value)
	case !exists(path):
		return fail("%s does not exist: paths of -r and -c are relative to the file that names them", value)
	case f.depth >= maxIncludeDepth:
		return fail("more than %d files deep: flatten the includes", maxIncludeDepth)
	}
	// Whatever a constraints or overrides file includes is of its kind, as
	// uv has it; pip would install what a constraints file names with -r.
	if f.kind != requirementFile && kind == requirementFile {
		kind = f.kind
	}
	return f.l.requirementsFile(path, kind, f.depth+1)
}
