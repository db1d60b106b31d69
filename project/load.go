package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// loader collects one Project.
type loader struct {
	o       LoadOptions
	p       *Project
	root    string // absolute
	workDir string // absolute
	getenv  func(string) (string, bool)

	pyprojects   map[string]*pyproject // by path
	roots        []*pyproject          // the sources that are pyproject.toml files or scripts
	noRootFile   bool
	memberOf     map[string]*workspace      // by folder; nil values are known not to be in one
	workspaces   map[string]*workspace      // by folder of the root
	locals       map[string]*local          // by folder, links resolved
	builds       map[string]*StaticMetadata // what builds told, by folder
	unnamed      []func() error             // lines that ask for packages which only their builds name
	settingsDone map[*tomlValue]bool        // tables that readSettings has read
	localList    []*local
	folders      []askedFolder      // to tell two of one name
	overriding   bool               // an override is read, whose folder may be another one
	sourced      map[pypi.Name]bool // has a path requirement
	packages     map[pypi.Name]repositoryFolder

	read      map[string]bool // requirements files, by kind and path
	readGroup map[string]bool
	uvTOMLs   map[string]*pyproject // by path; nil for none
	// pipTools are the tables of pip-tools that count.
	pipTools     []settingsTable
	pipToolsDone map[string]bool
	uvFiles      []*pyproject // whose conflicts and environments of uv count
	uvSet        []*pyproject // whose other settings of uv count
	// What is asked for that may conflict, and the files of the groups.
	asked      []member
	groupFiles []*pyproject
	files      map[string]bool
	plain      []plainRequirement
	warned     map[string]bool
	ownIndexes bool
	tables     map[string]settingsTable // of [tool.pylock], by folder
}

// plainRequirement is one without a source, with what is needed to complain.
type plainRequirement struct {
	name  pypi.Name
	scope scope
	fail  failure
}

// scope is where a requirement is written.
type scope struct {
	file   *pyproject // nil for a requirements file
	dir    string     // of the requirements file
	origin string
	extra  pypi.Extra
	group  string
	own    bool // references to the package itself are expanded by the caller
}

func newLoader(o LoadOptions) (*loader, error) {
	l := &loader{
		o: o, p: &Project{}, getenv: o.Getenv, workDir: o.WorkDir,
		pyprojects:   map[string]*pyproject{},
		memberOf:     map[string]*workspace{},
		workspaces:   map[string]*workspace{},
		locals:       map[string]*local{},
		builds:       map[string]*StaticMetadata{},
		settingsDone: map[*tomlValue]bool{},
		sourced:      map[pypi.Name]bool{},
		read:         map[string]bool{},
		readGroup:    map[string]bool{},
		uvTOMLs:      map[string]*pyproject{},

		pipToolsDone: map[string]bool{},
		files:        map[string]bool{},
		tables:       map[string]settingsTable{},
		warned:       map[string]bool{},
	}
	if l.getenv == nil {
		l.getenv = func(string) (string, bool) { return "", false }
	}
	var err error
	if l.workDir == "" {
		if l.workDir, err = os.Getwd(); err != nil {
			return nil, err
		}
	}
	if l.workDir, err = filepath.Abs(l.workDir); err != nil {
		return nil, err
	}
	if len(o.Sources) == 0 && len(o.Groups) == 0 {
		return nil, &InputError{Msg: "nothing to read: name a folder with a " + pyprojectName + ", a requirements file, or - for the standard input"}
	}
	l.p.Dir = l.workDir
	if len(o.Sources) > 0 && o.Sources[0] != "-" {
		l.p.Dir = l.abs(o.Sources[0])
		if !isDir(l.p.Dir) {
			l.p.Dir = filepath.Dir(l.p.Dir)
		}
	} else if len(o.Sources) == 0 {
		if i := strings.LastIndexByte(o.Groups[0], ':'); i >= 0 {
			l.p.Dir = strings.TrimSuffix(l.abs(o.Groups[0][:i]), string(filepath.Separator)+pyprojectName)
		}
	}
	l.root = o.Root
	if l.root == "" {
		l.root = FindRoot(l.p.Dir)
	}
	if l.root, err = filepath.Abs(l.root); err != nil {
		return nil, err
	}
	l.p.Root = l.root
	return l, nil
}

// abs resolves a path of the options.
func (l *loader) abs(path string) string {
	path = filepath.FromSlash(path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.workDir, path)
	}
	return filepath.Clean(path)
}

// rel is the name of a path in places and labels.
func (l *loader) rel(path string) string { return relative(l.root, path) }

func (l *loader) addFile(f *pyproject) { l.files[f.rel] = true }

func (l *loader) warn(p Place, format string, args ...any) {
	s := Escape(p.String() + ": " + Redact(fmt.Sprintf(format, args...)))
	if !l.warned[s] {
		l.warned[s] = true
		l.p.Warnings = append(l.p.Warnings, s)
	}
}

func (l *loader) load() error {
	for _, s := range l.o.Sources {
		if err := l.readSourceArg(s); err != nil {
			return err
		}
	}
	if err := l.loadProjects(); err != nil {
		return err
	}
	if err := l.loadGroups(); err != nil {
		return err
	}
	if err := l.readSettings(); err != nil {
		return err
	}
	if err := l.checkConflicts(); err != nil {
		return err
	}
	for _, path := range l.o.Excludes {
		if err := l.askedFile("excludes", path, excludeFile); err != nil {
			return err
		}
	}
	for _, path := range l.o.Constraints {
		if err := l.askedFile("constraints", path, constraintFile); err != nil {
			return err
		}
	}
	for _, path := range l.o.Overrides {
		if err := l.askedFile("overrides", path, overrideFile); err != nil {
			return err
		}
	}
	if err := l.readLocals(); err != nil {
		return err
	}
	for _, p := range l.localList {
		for _, m := range l.p.DependencyMetadata {
			if m.Name == p.Name {
				l.warn(m.Place, "dependency-metadata for %s has no effect: it is the folder %s, whose %s says what it needs", p.Name, p.Rel, pyprojectName)
			}
		}
	}
	if err := l.checkPlain(); err != nil {
		return err
	}
	for f := range l.files {
		l.p.Files = append(l.p.Files, f)
	}
	slices.Sort(l.p.Files)
	return nil
}

// readSourceArg reads one of the sources; what pyproject.toml files ask for
// is read when all are known.
func (l *loader) readSourceArg(arg string) error {
	if arg == "-" {
		l.addSource(arg)
		return l.readStdin()
	}
	if s := scheme(arg); s != "" && strings.HasPrefix(arg[len(s):], "://") {
		return &InputError{Msg: Redact(arg) + ": requirements are not read from the network: save the file and name it"}
	}
	path := l.abs(arg)
	name := l.rel(path)
	l.addSource(name)
	st, err := os.Stat(path)
	if err != nil {
		return &InputError{Place: Place{File: name}, Msg: reason(err), Err: err}
	}
	base := filepath.Base(path)
	switch {
	case st.IsDir():
		if !isFile(filepath.Join(path, pyprojectName)) {
			if l.o.Build == nil || legacyFile(path) == "" {
				return noPyproject(path, name)
			}
			return l.addLegacy(path)
		}
		f, err := l.pyprojectAt(path)
		if err != nil {
			return err
		}
		l.addRoot(f)
		return nil
	case base == pyprojectName:
		f, err := l.pyprojectAt(filepath.Dir(path))
		if err != nil {
			return err
		}
		l.addRoot(f)
		return nil
	case base == "setup.py" || base == "setup.cfg":
		if l.o.Build == nil {
			return &InputError{Place: Place{File: name}, Msg: "only a build tells what it asks for: allow that with --build, or move name and dependencies to the [project] table of a " + pyprojectName}
		}
		return l.addLegacy(filepath.Dir(path))
	case strings.HasSuffix(base, ".py"):
		f, err := l.readScript(path, name)
		if err != nil {
			return err
		}
		l.addRoot(f)
		return nil
	case strings.HasSuffix(base, ".toml"):
		return &InputError{Place: Place{File: name}, Msg: "is not a file of requirements: name a " + pyprojectName + ", its folder, a requirements file or a script"}
	}
	return l.requirementsFile(path, requirementFile, 0)
}

func (l *loader) addSource(name string) {
	if !slices.Contains(l.p.Sources, name) {
		l.p.Sources = append(l.p.Sources, name)
	}
}

// addLegacy adds the project of setup.py or setup.cfg in an absolute folder,
// whose pyproject.toml counts where there is one.
func (l *loader) addLegacy(dir string) error {
	read := l.legacyAt
	if isFile(filepath.Join(dir, pyprojectName)) {
		read = l.pyprojectAt
	}
	f, err := read(dir)
	if err == nil {
		l.addRoot(f)
	}
	return err
}

func (l *loader) addRoot(f *pyproject) {
	if !slices.Contains(l.roots, f) {
		l.roots = append(l.roots, f)
	}
}

// noPyproject says what a folder holds instead.
func noPyproject(dir, name string) error {
	var found []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &InputError{Place: Place{File: name}, Msg: reason(err), Err: err}
	}
	for _, e := range entries {
		n := e.Name()
		if n == "requirements.in" || n == "requirements.txt" {
			found = append([]string{n}, found...)
		} else if !e.IsDir() && (strings.HasSuffix(n, ".in") || strings.HasSuffix(n, ".txt") || strings.HasPrefix(n, "setup.")) && len(found) < maxListed {
			found = append(found, n)
		}
	}
	msg := "has no " + pyprojectName
	switch {
	case len(found) > 0 && !strings.HasPrefix(found[0], "setup."):
		msg += ", but " + strings.Join(found, ", ") + ": name a file, such as " + strings.TrimPrefix(name+"/"+found[0], "./")
	case len(found) > 0:
		msg += ", but " + strings.Join(found, ", ") + ", which only a build understands: allow that with --build, or add a " + pyprojectName
	default:
		msg += ": add one, or name a requirements file"
	}
	return &InputError{Place: Place{File: name}, Msg: msg}
}

// loadProjects reads what the pyproject.toml sources and scripts ask for.
func (l *loader) loadProjects() error {
	if err := l.buildRoots(); err != nil {
		return err
	}
	wanted, err := l.wantedExtras()
	if err != nil {
		return err
	}
	for _, f := range l.roots {
		l.addFile(f)
		if !f.declared {
			if len(l.o.Groups) > 0 && len(f.groups) > 0 {
				continue // groups alone
			}
			if f.needsBuild(false) {
				return l.orBuild(f.undeclared())
			}
			return f.undeclared()
		}
		if l.p.Name == "" {
			l.p.Name = string(f.name)
		}
		if err := f.static("dependencies"); err != nil {
			return l.orBuild(err)
		}
		if d := f.dynamic["requires-python"]; d != nil {
			l.warn(f.text.place(d.off), "requires-python is dynamic and taken as unknown")
		}
		l.requirePython(f)
		extras := []pypi.Extra{""}
		if l.o.AllExtras {
			if err := f.static("optional-dependencies"); err != nil {
				return l.orBuild(err)
			}
			for _, e := range f.extras {
				extras = append(extras, e.name)
			}
		}
		for _, e := range wanted {
			if _, ok := f.extra(e); ok && !slices.Contains(extras, e) {
				extras = append(extras, e)
			}
		}
		// One expansion for all, so that what two extras share comes once.
		x := expansion{l: l, f: f, seen: map[string]bool{}, n: new(int)}
		for _, e := range extras {
			if err := x.add(e, conditions{}, nil); err != nil {
				return err
			}
		}
		l.p.Requirements = append(l.p.Requirements, x.out...)
		if !f.script {
			l.ask(member{pkg: f.name})
			for _, e := range f.extras {
				if x.added(e.name) {
					l.ask(member{pkg: f.name, extra: e.name})
				}
			}
		}
		if err := l.readOthers(f); err != nil {
			return err
		}
	}
	return nil
}

// wantedExtras checks that each extra asked for exists in some source.
func (l *loader) wantedExtras() ([]pypi.Extra, error) {
	if len(l.o.Extras) == 0 && !l.o.AllExtras {
		return nil, nil
	}
	var files []*pyproject
	for _, f := range l.roots {
		if !f.script {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, &InputError{Msg: "extras belong to a " + pyprojectName + ", and none is among the sources: name one, or leave --extra and --all-extras out"}
	}
	known := map[string]bool{}
	for _, f := range files {
		for _, e := range f.extraNames() {
			known[e] = true
		}
	}
	var wanted []pypi.Extra
	var unknown []string
	var at Place
	for _, given := range l.o.Extras {
		e, err := pypi.ParseExtra(given)
		if err != nil {
			return nil, &InputError{Msg: "--extra: " + err.Error(), Err: err}
		}
		if !known[string(e)] {
			for _, f := range files {
				if err := f.static("optional-dependencies"); err != nil {
					return nil, l.orBuild(err)
				}
			}
			unknown = append(unknown, quoteChoice(given, string(e), known))
			if at.File == "" {
				at = l.o.Asked[Asking("extra", given)]
			}
		}
		wanted = append(wanted, e)
	}
	if len(unknown) > 0 {
		return nil, unknownNames(at, files[0].rel, plural(len(unknown), "unknown extra ", "unknown extras: "), unknown)
	}
	return wanted, nil
}

// requirePython adds a requires-python to the conjunction.
func (l *loader) requirePython(f *pyproject) {
	if len(f.requiresPython) == 0 {
		return
	}
	if len(l.p.RequiresPython) == 0 || laterLower(l.p.RequiresPython, f.requiresPython) {
		l.p.RequiresPythonPlace = f.requiresPythonAt
	}
	for _, s := range f.requiresPython {
		if !slices.ContainsFunc(l.p.RequiresPython, func(t pep440.Specifier) bool { return s.String() == t.String() }) {
			l.p.RequiresPython = append(l.p.RequiresPython, s)
		}
	}
}

// laterLower reports whether the lower bound of b is above that of a.
func laterLower(a, b pep440.Specifiers) bool {
	v, _, hasA := a.Set().Lower()
	w, _, hasB := b.Set().Lower()
	return hasB && (!hasA || v.Compare(w) < 0)
}

// unknownNames is the error about extras or groups that a file does not have:
// at the setting that asks for them, else at the file.
func unknownNames(at Place, file, what string, unknown []string) error {
	msg := what + strings.Join(unknown, ", ")
	if at.File == "" {
		at.File = file
	} else if at.File != file {
		msg = file + ": " + msg
	}
	return &InputError{Place: at, Msg: msg}
}

// askedFile reads a file that an option or a setting names. One that is not
// there is an error of the setting.
func (l *loader) askedFile(key, path string, kind fileKind) error {
	err := l.requirementsArg(path, kind)
	at, asked := l.o.Asked[Asking(key, path)]
	var input *InputError
	if asked && errors.As(err, &input) && errors.Is(err, fs.ErrNotExist) && input.Place.File == l.rel(l.abs(path)) {
		return &InputError{Place: at, Msg: key + ": " + input.Place.File + ": " + input.Msg, Err: input.Err}
	}
	return err
}
