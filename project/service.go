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
)

// LockName is the lock of a service whose settings name no other.
const LockName = "requirements.lock"

// maxServiceDirs bounds the folders that are looked at for services.
const maxServiceDirs = 50_000

// Workspace is a repository as its settings describe it.
type Workspace struct {
	Root string // absolute
	// Values are the settings of the root's own table.
	Values Values

	l        *loader
	file     *pyproject
	table    *tomlValue // nil without settings
	services []*Service
	listed   bool
}

// Service is a folder with a pyproject.toml that has locks.
type Service struct {
	Dir string // absolute
	Rel string // slash path relative to the root; "." for the root itself
	// Outputs are its locks, in the order in which they are made: one that is
	// constrained by another comes after it.
	Outputs []Output
	// Left are the outputs of the root's settings that the service has no lock
	// of, since it has none of their groups and extras.
	Left []LeftOutput
}

// LeftOutput is an output of the root's settings that a service lacks.
type LeftOutput struct {
	Files   []string // as those of an [Output]
	Lacking []string // such as "group dev"
	Place   Place    // of the first group or extra
}

// Output is a resolution and the files that it is written to.
type Output struct {
	// Files are names relative to the folder of the service. The pins of the
	// first are preferred.
	Files []string
	// ConstrainedBy is a file of an earlier output, or "", and BoundPlace where
	// the settings, in BoundTable, say so.
	ConstrainedBy string
	BoundPlace    Place
	BoundTable    string
	Values        Values
}

// Declared reports whether the settings name the output, which else is the one
// that every service has.
func (o *Output) Declared() bool {
	_, ok := o.Values["output"]
	return ok
}

// OpenWorkspace finds the root of dir and its settings. What is wrong with them
// is an [*InputError].
func OpenWorkspace(dir string) (*Workspace, error) { return OpenWorkspaceAt(FindRoot(dir)) }

// OpenWorkspaceAt is OpenWorkspace for a root that is known, as an absolute
// folder.
func OpenWorkspaceAt(root string) (*Workspace, error) {
	l, err := newLoader(LoadOptions{Root: root, WorkDir: root, Sources: []string{"."}})
	if err != nil {
		return nil, err
	}
	w := &Workspace{Root: root, l: l, Values: Values{}}
	if w.file, w.table, err = l.pylockTable(root); err != nil || w.table == nil {
		return w, err
	}
	return w, w.Values.add(settingsTable{w.file, w.table, tablePylock, tablePylock}, 0, map[string]int{})
}

// Table returns the settings in a table of the root's that has keys of its own.
func (w *Workspace) Table(key string) (Values, error) {
	k, v := keyOf(key), w.table.get(key)
	if v == nil || k == nil {
		return Values{}, nil
	}
	return w.file.subValues(k, v, tablePylock+"."+key)
}

// Services returns the services that the settings list, or that are found,
// sorted by path. Their outputs are not read.
func (w *Workspace) Services() ([]*Service, error) {
	if w.listed {
		return w.services, w.checkServiceTables(w.file, w.table)
	}
	dirs, err := w.serviceDirs(w.file, w.table)
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		w.services = append(w.services, &Service{Dir: d, Rel: w.l.rel(d)})
	}
	w.listed = true
	return w.services, w.checkServiceTables(w.file, w.table)
}

// CheckServices refuses tables for services that there are not. It looks for
// services only where there are such tables.
func (w *Workspace) CheckServices() error {
	if w.table.get("service") == nil {
		return nil
	}
	_, err := w.Services()
	return err
}

// Service returns the service of an absolute folder with its outputs. The
// settings need not list it.
func (w *Workspace) Service(dir string) (*Service, error) {
	s := w.Unread(dir)
	return s, w.readOutputs(s)
}

// Unread returns the service of an absolute folder without its outputs.
func (w *Workspace) Unread(dir string) *Service { return &Service{Dir: dir, Rel: w.l.rel(dir)} }

// Settings returns what the settings say of a lock whose sources are in dir,
// apart from the outputs of a service.
func (w *Workspace) Settings(dir string) (Values, error) {
	return w.l.settingsOf(dir, nil)
}

// SettingsOf returns what the settings say of a lock whose sources are in dir.
func SettingsOf(dir, root string) (Values, error) {
	l, err := newLoader(LoadOptions{Root: root, WorkDir: root, Sources: []string{"."}})
	if err != nil {
		return nil, err
	}
	return l.settingsOf(dir, nil)
}

func (l *loader) settingsOf(dir string, strongest *settingsTable) (Values, error) {
	var tables []settingsTable
	if strongest != nil {
		tables = append(tables, *strongest)
	}
	own, err := l.ownTables(dir)
	if err != nil {
		return nil, err
	}
	other, err := l.otherTables(dir)
	if err != nil {
		return nil, err
	}
	vs, by := Values{}, map[string]int{}
	for n, t := range slices.Concat(tables, own, other) {
		if err := vs.add(t, n, by); err != nil {
			return nil, err
		}
	}
	return vs, nil
}

// readOutputs reads the entries of the strongest table that has some.
func (w *Workspace) readOutputs(s *Service) error {
	tables, err := w.l.ownTables(s.Dir)
	if err != nil {
		return err
	}
	list := outputTables(tables)
	if list == nil {
		vs, err := w.l.settingsOf(s.Dir, nil)
		s.Outputs = []Output{{Files: []string{LockName}, Values: vs}}
		return err
	}
	var bounds []string // of the outputs that the service lacks
	named := map[string]bool{}
	for _, t := range list {
		o := Output{}
		if o.Files, err = w.outputFiles(s, t, named); err != nil {
			return err
		}
		by, err := t.file.stringKey(t.value, t.path, "constrained-by")
		if err != nil {
			return err
		}
		if by != nil {
			o.ConstrainedBy, o.BoundPlace, o.BoundTable = filepath.FromSlash(by.text), t.file.text.place(by.off), t.path
			if !named[by.text] || slices.Contains(o.Files, o.ConstrainedBy) {
				return t.file.errorAt(by, "%s.constrained-by: no output before this one is called %q", t.path, by.text)
			}
		}
		for i := range s.Left {
			if slices.Contains(s.Left[i].Files, o.ConstrainedBy) {
				o.ConstrainedBy = bounds[i]
			}
		}
		if o.Values, err = w.l.settingsOf(s.Dir, &t); err != nil {
			return err
		}
		// A service may lack what the root asks all services for.
		if t.path == tablePylock+".output" && w.file != nil && t.file.rel == w.file.rel {
			lacking, some, err := w.narrow(s, o.Values, t)
			if err != nil {
				return err
			}
			if len(lacking.Lacking) > 0 && !some {
				lacking.Files = o.Files
				s.Left, bounds = append(s.Left, lacking), append(bounds, o.ConstrainedBy)
				continue
			}
		}
		s.Outputs = append(s.Outputs, o)
	}
	if s.Outputs == nil {
		left := s.Left[0]
		return &InputError{Place: left.Place, Msg: fmt.Sprintf("%s.output: %s has no %s, so that no lock is left for it: add an output without", tablePylock, s.Rel, strings.Join(left.Lacking, ", no "))}
	}
	return nil
}

// narrow takes the groups and extras that an output of the root asks for, and
// that the service lacks, out of the values, and returns them; some reports
// whether others are left. What no service has is an error.
func (w *Workspace) narrow(s *Service, vs Values, t settingsTable) (left LeftOutput, some bool, err error) {
	own, err := w.l.pyprojectAt(s.Dir)
	if err != nil {
		return left, false, nil // told when the service is read
	}
	for _, key := range []string{"group", "extra"} {
		v, ok := vs[key]
		if !ok || v.Table != t.path || v.Place.File != t.file.rel {
			continue
		}
		var texts []string
		var places []Place
		for i, text := range v.Texts {
			if strings.Contains(text, ":") || own.has(key, text) {
				texts, places = append(texts, text), append(places, v.Places[i])
				continue
			}
			names, ok, err := w.anyHas(key, text)
			if err != nil {
				return left, false, err
			}
			if !ok {
				return left, false, &InputError{Place: v.Places[i], Msg: fmt.Sprintf("%s.%s: no service has the %s %q: %s", t.path, key, key, text, Choices(text, names))}
			}
			if left.Lacking == nil {
				left.Place = v.Places[i]
			}
			left.Lacking = append(left.Lacking, key+" "+text)
		}
		some = some || len(texts) > 0
		if v.Texts, v.Places = texts, places; len(texts) == 0 {
			delete(vs, key)
		} else {
			vs[key] = v
		}
	}
	if v := vs["all-extras"]; v.Table == t.path && v.Bool() && len(own.extras) > 0 {
		some = true
	}
	return left, some, nil
}

// has reports whether a project has a group, or an extra; a build might add
// any of the latter.
func (f *pyproject) has(key, name string) bool {
	if key == "group" {
		return f.group(string(pypi.NormalizeName(name))) != nil
	}
	e, err := pypi.ParseExtra(name)
	_, ok := f.extra(e)
	return err == nil && ok || f.dynamic["optional-dependencies"] != nil
}

// anyHas reports whether some service has a group, or an extra, or cannot be
// read, and the names of all.
func (w *Workspace) anyHas(key, name string) (names []string, ok bool, err error) {
	services, err := w.Services()
	if err != nil {
		return nil, false, err
	}
	for _, s := range services {
		f, err := w.l.pyprojectAt(s.Dir)
		if err != nil || f.has(key, name) {
			return nil, true, nil
		}
		if key == "group" {
			names = append(names, f.groupNames()...)
		} else {
			names = append(names, f.extraNames()...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), false, nil
}

// RootOutputs are the outputs that the root's settings give a service whose own
// cannot be read: their files alone, of one at least.
func (w *Workspace) RootOutputs(s *Service) []Output {
	var tables []settingsTable
	if t, path := w.l.serviceTable(w.table, s.Dir); t != nil {
		tables = append(tables, settingsTable{w.file, t, path, tablePylock})
	}
	if w.table != nil {
		tables = append(tables, settingsTable{w.file, w.table, tablePylock, tablePylock})
	}
	var outs []Output
	named := map[string]bool{}
	for _, t := range outputTables(tables) {
		files, err := w.outputFiles(s, t, named)
		if err != nil {
			break
		}
		outs = append(outs, Output{Files: files})
	}
	if outs == nil {
		outs = []Output{{Files: []string{LockName}}}
	}
	return outs
}

// outputTables are the entries of the first table that has some.
func outputTables(tables []settingsTable) (list []settingsTable) {
	for _, t := range tables {
		out := t.value.get("output")
		if out == nil {
			continue
		}
		for _, item := range out.items {
			list = append(list, settingsTable{t.file, item, t.path + ".output", tablePylock})
		}
		break
	}
	return list
}

// outputFiles reads the names of an output's files; named are those before it.
func (w *Workspace) outputFiles(s *Service, t settingsTable, named map[string]bool) (files []string, err error) {
	v := t.value.get("file")
	if v == nil {
		return nil, t.file.errorAt(t.value, "%s has no file: name the lock", t.path)
	}
	items := []*tomlValue{v}
	if v.kind == tomlArray {
		items = v.items
	}
	if len(items) == 0 {
		return nil, t.file.errorAt(v, "%s.file is empty: name the lock", t.path)
	}
	for _, item := range items {
		if err := t.file.want(item, tomlString, t.path+".file"); err != nil {
			return nil, err
		}
		name := strings.ReplaceAll(item.text, "{service}", w.label(s))
		switch {
		case name == "" || filepath.IsAbs(name) || !filepath.IsLocal(filepath.FromSlash(name)):
			return nil, t.file.errorAt(item, "%s.file: %q is not a file in the folder of the service", t.path, item.text)
		case named[name]:
			return nil, t.file.errorAt(item, "%s.file: %q is named twice: remove one", t.path, item.text)
		}
		named[name] = true
		files = append(files, filepath.FromSlash(name))
	}
	return files, nil
}

// label is what {service} stands for: the name of the folder, which is that of
// the project for the root, since a checkout may be called anything.
func (w *Workspace) label(s *Service) string {
	if s.Rel == "." {
		if f, err := w.l.pyprojectAt(s.Dir); err == nil && f.name != "" {
			return string(f.name)
		}
	}
	return filepath.Base(s.Dir)
}

// serviceDirs returns the folders of the services, sorted by path.
func (w *Workspace) serviceDirs(f *pyproject, table *tomlValue) ([]string, error) {
	excluded := map[string]bool{}
	each := func(key string, yield func(item *tomlValue, dirs []string) error) error {
		v := table.get(key)
		if v == nil {
			return nil
		}
		items := []*tomlValue{v}
		if v.kind == tomlArray {
			items = v.items
		}
		for _, item := range items {
			dirs, err := globDirs(f, item)
			if err != nil {
				return err
			}
			if err := yield(item, dirs); err != nil {
				return err
			}
		}
		return nil
	}
	if err := each("exclude-services", func(_ *tomlValue, dirs []string) error {
		for _, d := range dirs {
			excluded[d], excluded[w.real(d)] = true, true
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if table.get("services") == nil {
		return w.discover(excluded)
	}
	found := map[string]bool{}
	if err := each("services", func(item *tomlValue, dirs []string) error {
		pattern := strings.ContainsAny(item.text, "*?[")
		if len(dirs) == 0 && !pattern {
			return f.errorAt(item, "%s.services: there is no folder %q: correct it, or take it out", tablePylock, item.text)
		}
		for _, d := range dirs {
			real := w.real(d)
			switch {
			case excluded[d] || excluded[real]:
			case !within(w.Root, d):
				return f.errorAt(item, "%s.services: %s is outside the root %s: its locks are made from there", tablePylock, item.text, filepath.ToSlash(w.Root))
			case pattern && real == w.Root && !w.Declares(real):
				// A pyproject.toml for settings alone is no service.
			case isFile(filepath.Join(d, pyprojectName)):
				found[real] = true
			case !pattern:
				return f.errorAt(item, "%s.services: %s has no %s: add one, or take it out", tablePylock, item.text, pyprojectName)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return w.sorted(found), nil
}

// real returns the folder that a link below the root leads to, if that is below
// the root too: a service has one name, and one lock.
func (w *Workspace) real(dir string) string {
	root, err := filepath.EvalSymlinks(w.Root)
	if err != nil {
		return dir
	}
	target, err := filepath.EvalSymlinks(dir)
	if err != nil || !within(root, target) {
		return dir
	}
	return filepath.Join(w.Root, strings.TrimPrefix(target, root))
}

// Declares reports whether the pyproject.toml of an absolute folder has a
// project, or is too broken to tell.
func (w *Workspace) Declares(dir string) bool {
	f, err := w.l.pyprojectAt(dir)
	return err != nil || f.declared
}

func (w *Workspace) sorted(dirs map[string]bool) []string {
	out := make([]string, 0, len(dirs))
	for d := range dirs {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(w.l.rel(a), w.l.rel(b)) })
	return out
}

// discover finds the services of a repository whose settings list none: the
// folders whose pyproject.toml declares a project, without those that another
// one has as a path dependency, unless these have a lock already.
func (w *Workspace) discover(excluded map[string]bool) ([]string, error) {
	found, used := map[string]bool{}, map[string]bool{}
	err := w.walk(w.Root, excluded, func(dir, name string) error {
		if name != pyprojectName {
			return nil
		}
		return w.consider(dir, found, used)
	})
	if err != nil {
		return nil, err
	}
	for d := range used {
		if !isFile(filepath.Join(d, LockName)) {
			delete(found, d)
		}
	}
	return w.sorted(found), nil
}

// walk calls file for each file below a folder, but for those in folders that
// hold what others made.
func (w *Workspace) walk(top string, excluded map[string]bool, file func(dir, name string) error) error {
	visited := 0
	var walk func(dir string) error
	walk = func(dir string) error {
		if visited++; visited > maxServiceDirs {
			return &InputError{Place: Place{File: w.l.rel(top)}, Msg: fmt.Sprintf("more than %d folders to look for services in: name them with services in [tool.pylock]", maxServiceDirs)}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil // not ours to read
		}
		for _, e := range entries {
			name := e.Name()
			path := filepath.Join(dir, name)
			switch {
			case e.IsDir() && (skippedDir(path, name) || excluded[path]):
			case e.IsDir():
				err = walk(path)
			default:
				err = file(dir, name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return walk(top)
}

// consider notes whether a folder is a service, and which others it depends
// on. A pyproject.toml that cannot be read is one: to compile it tells why.
func (w *Workspace) consider(dir string, found, used map[string]bool) error {
	f, err := w.l.pyprojectAt(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		found[dir] = true
		return nil
	}
	if f.declared {
		found[dir] = true
	}
	for name, d := range f.sources {
		for _, a := range d.alternatives {
			switch {
			case a.path != nil:
				p := filepath.FromSlash(a.path.text)
				if !filepath.IsAbs(p) {
					p = filepath.Join(dir, p)
				}
				used[filepath.Clean(p)] = true
			case a.workspace:
				if m, err := w.l.workspaceOf(dir); err == nil && m != nil {
					used[m.members[name]] = true
				}
			}
		}
	}
	items := slices.Clone(f.dependencies)
	for _, e := range f.extras {
		items = append(items, e.items...)
	}
	for _, item := range items {
		_, at, ok := strings.Cut(item.text, "@")
		at, _, _ = strings.Cut(strings.TrimSpace(at), ";")
		if path, _, err := localPath(strings.TrimSpace(at), func(format string, args ...any) error { return fmt.Errorf(format, args...) }); ok && err == nil && scheme(at) == "file" {
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			used[filepath.Clean(path)] = true
		}
	}
	return nil
}

// skippedDir reports folders that hold what others made.
func skippedDir(path, name string) bool {
	switch name {
	case "node_modules", "__pycache__", "site-packages", "__pypackages__":
		return true
	}
	return strings.HasPrefix(name, ".") || isFile(filepath.Join(path, "pyvenv.cfg"))
}

// checkServiceTables refuses tables for services that there are not.
func (w *Workspace) checkServiceTables(f *pyproject, table *tomlValue) error {
	services := table.get("service")
	if services == nil {
		return nil
	}
	var names []string
	for _, s := range w.services {
		names = append(names, s.Rel)
		if base := filepath.Base(s.Dir); base != s.Rel {
			names = append(names, base)
		}
	}
	for _, k := range services.keys {
		if !slices.Contains(names, k.name) {
			return f.text.errorAt(k.off, len(k.name), "%s.service: there is no service %q: %s", tablePylock, k.name, Choices(k.name, names))
		}
	}
	return nil
}

// LockPath is the absolute path of the first lock of a service whose outputs
// are read.
func (s *Service) LockPath() string { return filepath.Join(s.Dir, s.Outputs[0].Files[0]) }

// Orphans returns the files below a folder that are called like a lock of ours
// and are none of a service, sorted: those that lie where no service is, and in
// the folders of services those, and each .lock, that are not among their
// outputs.
func (w *Workspace) Orphans(below string) ([]string, error) {
	services, err := w.Services()
	if err != nil {
		return nil, err
	}
	// homes has the folders of services, false where the locks are not known.
	names, homes, outputs := map[string]bool{LockName: true}, map[string]bool{}, map[string]bool{}
	for _, s := range services {
		s, err = w.Service(s.Dir)
		if homes[s.Dir] = err == nil; err != nil {
			continue // told of the service itself
		}
		for _, o := range s.Outputs {
			for _, f := range o.Files {
				names[filepath.Base(f)], outputs[filepath.Join(s.Dir, f)] = true, true
			}
		}
		for _, o := range s.Left {
			for _, f := range o.Files {
				names[filepath.Base(f)] = true
			}
		}
	}
	var out []string
	err = w.walk(below, map[string]bool{}, func(dir, name string) error {
		if !names[name] && !strings.HasSuffix(name, ".lock") {
			return nil
		}
		real := w.real(dir)
		known, home := homes[real]
		if (names[name] || home) && !outputs[filepath.Join(real, name)] && (known || !home) {
			out = append(out, filepath.Join(dir, name))
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}
