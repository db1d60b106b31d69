package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// owned is a service of a command, and which of its locks the command is
// about.
type owned struct {
	service   *project.Service
	workspace *project.Workspace
	named     bool     // by its folder, or one of its locks
	files     []string // the locks that were named; none for all
}

// selection are the services of a command, each once and in the order in which
// the sources name them.
type selection []*owned

// add puts a service in, all of it or one of its locks; all is more than one.
func (s *selection) add(w *project.Workspace, service *project.Service, named bool, file string) {
	i := slices.IndexFunc(*s, func(o *owned) bool { return o.service.Dir == service.Dir })
	if i < 0 {
		*s = append(*s, &owned{service: service, workspace: w, named: named})
		i = len(*s) - 1
	} else if (*s)[i].files == nil {
		return
	}
	o := (*s)[i]
	if file == "" {
		o.files = nil
	} else if !slices.Contains(o.files, file) {
		o.files = append(o.files, file)
	}
}

// jobsOf makes the jobs of a service, of which those stay that write what the
// command is about.
func (o *compileOptions) jobsOf(s *owned) ([]*job, error) {
	jobs, err := o.serviceJobs(s.workspace, s.service.Dir, s.named)
	if err != nil || s.files == nil {
		return jobs, err
	}
	for _, j := range jobs {
		j.asked = slices.DeleteFunc(slices.Clone(j.outputs), func(f string) bool {
			return !slices.ContainsFunc(s.files, func(g string) bool { return sameFile(f, g) })
		})
	}
	return slices.DeleteFunc(jobs, func(j *job) bool { return len(j.asked) == 0 }), nil
}

func sameFile(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && resolved(a) == resolved(b)
}

// owner returns the service that a file is a lock of: one that the settings
// make, or the lock that a service has without settings, unless its header
// says that it was made in another way. nil is for a file of none.
func (o *compileOptions) owner(file string) (*project.Workspace, *project.Service, error) {
	if isInput(file) || o.format.value != "" {
		return nil, nil, nil
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, nil, err
	}
	w, err := o.workspace(filepath.Dir(abs))
	if err != nil {
		return nil, nil, err
	}
	rel, err := filepath.Rel(resolved(w.Root), resolved(abs))
	if err != nil || !filepath.IsLocal(rel) {
		return nil, nil, nil
	}
	abs = filepath.Join(w.Root, rel)
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "pyproject.toml")); err == nil {
			s, err := w.Service(dir)
			if err != nil {
				return nil, nil, nil // told of the service, or by what reads its settings
			}
			makes := slices.ContainsFunc(s.Outputs, func(out project.Output) bool {
				return slices.ContainsFunc(out.Files, func(f string) bool { return filepath.Join(dir, f) == abs })
			})
			if makes && (s.Outputs[0].Declared() || o.bySelf(w, s, abs)) {
				return w, s, nil
			}
		}
		if dir == w.Root || dir == filepath.Dir(dir) {
			return nil, nil, nil
		}
	}
}

// bySelf reports whether the default lock of a service is, or would be, made
// by naming the service alone.
func (o *compileOptions) bySelf(w *project.Workspace, s *project.Service, path string) bool {
	data, exists, err := lockfile.ReadFile(path, o.app.FS)
	if err != nil {
		return false
	}
	if !exists {
		all, err := w.Services()
		return err == nil && slices.ContainsFunc(all, func(a *project.Service) bool { return a.Dir == s.Dir })
	}
	lock, err := lockfile.ReadConflicted(s.Rel, data)
	if err != nil || lock.Tool() != lockfile.ToolPylock {
		return false
	}
	was, err := o.described(lock, path, w.Root)
	return err == nil && was != nil && was.output == "" && was.format.value == "" && slices.Equal(was.sources, []string{s.Rel})
}

// name turns the names of services among the sources into their folders. A
// source that is there is itself; what is neither stays as it is, unless it
// looks like the name of a service.
func (o *compileOptions) name() error {
	for i, arg := range o.sources {
		if _, err := os.Lstat(arg); arg == "-" || err == nil {
			continue
		}
		found, known, err := o.servicesNamed(arg)
		switch {
		case err != nil:
			return err
		case len(found) == 1:
			o.sources[i] = relativeToHere(found[0].Dir)
		case len(found) > 1:
			return severalServices(arg, found)
		default:
			if near := project.Nearest(arg, known); len(near) > 0 && filepath.Ext(arg) == "" {
				return usagef("%s: no such file, and no such service: did you mean %s?", slashed(arg), strings.Join(near, " or "))
			}
		}
	}
	return nil
}

// servicesNamed returns the services that have a name: the last part of their
// path, or all of it from the root. known are the names that there are.
func (o *compileOptions) servicesNamed(name string) (found []*project.Service, known []string, err error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, nil, err
	}
	w, err := o.workspace(here)
	if err != nil {
		return nil, nil, err
	}
	services, err := w.Services()
	if err != nil {
		return nil, nil, err
	}
	name = strings.TrimSuffix(filepath.ToSlash(name), "/")
	for _, s := range services {
		base := filepath.Base(s.Dir)
		if known = append(known, s.Rel); base != s.Rel {
			known = append(known, base)
		}
		if s.Rel == name || base == name {
			found = append(found, s)
		}
	}
	return found, known, nil
}

func severalServices(name string, found []*project.Service) error {
	var rels []string
	for _, s := range found {
		rels = append(rels, s.Rel)
	}
	return usagef("%s is the name of several services: name one by its folder, %s", name, strings.Join(rels, " or "))
}

// locksOf returns the locks of the service that an argument names by its name
// or its folder, or of all services in that folder, as a person here would
// write them; none where there is no such service.
func (o *compileOptions) locksOf(arg string) ([]string, error) {
	n := newOptions(o.global, false)
	n.workspaces, n.sources = o.workspaces, []string{arg}
	if _, err := os.Lstat(arg); err != nil {
		if err := n.name(); err != nil || n.sources[0] == arg {
			return nil, err
		}
	}
	dir := n.sources[0]
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return nil, nil
	}
	w, services, _, err := n.services(dir)
	if err != nil {
		return nil, err
	}
	var locks []string
	for _, s := range services {
		outputs := w.RootOutputs(s)
		if read, err := w.Service(s.Dir); err == nil {
			outputs = read.Outputs
		}
		for _, out := range outputs {
			for _, f := range out.Files {
				locks = append(locks, filepath.Join(relativeToHere(s.Dir), f))
			}
		}
	}
	return locks, nil
}

// lockNamed is the lock that an argument stands for: the first one of a
// service, the default one of any other folder, else the argument itself.
func (o *compileOptions) lockNamed(arg string) (string, error) {
	locks, err := o.locksOf(arg)
	if err != nil || len(locks) == 0 {
		return lockIn(arg), err
	}
	return locks[0], nil
}
