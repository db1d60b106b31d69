package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

// job is one resolution of a command, and the files that it is written to.
type job struct {
	// name tells the job from others in messages: the path of its service, or
	// of its lock where the service has several. "" for the only job of a
	// command.
	name    string
	service *project.Service // nil for sources that were named one by one
	named   bool             // the command named the service
	// bound is the earlier job whose lock bounds this one, or nil.
	bound   *job
	output  project.Output  // of the settings, by which it is made
	options *compileOptions // of all layers
	// outputs are the paths of its files, the first of which has the pins that
	// are preferred; none where the lock is printed.
	outputs []string
	// asked are those of outputs that the command names; nil for all.
	asked []string
	// left are outputs that its service lacks, told with the first of its jobs.
	left []project.LeftOutput
	// err is what is wrong with the settings of its service: the others are
	// locked all the same.
	err error
}

// jobs finds what there is to lock: the services that the sources name, or of
// which they name locks, all those below the current folder where there are no
// sources, or the sources together.
func (o *compileOptions) jobs() ([]*job, error) {
	if o.pip {
		return o.single()
	}
	if err := o.name(); err != nil {
		return nil, err
	}
	if o.output != "" || slices.Contains(o.sources, "-") {
		return o.single()
	}
	sources := o.sources
	if len(sources) == 0 {
		sources = []string{"."}
	}
	var chosen selection
	for _, source := range sources {
		if fi, err := os.Stat(source); err != nil || !fi.IsDir() {
			w, s, err := o.owner(source)
			if err != nil {
				return nil, err
			}
			if s == nil {
				return o.single()
			}
			chosen.add(w, s, true, source)
			continue
		}
		w, services, named, err := o.services(source)
		if err != nil {
			return nil, err
		}
		if services == nil {
			if v := w.Values["services"]; len(v.Texts) > 0 {
				if all, err := w.Services(); err == nil && len(all) == 0 {
					return nil, &project.InputError{Place: v.Place, Msg: "tool.pylock.services: no folder that it names has a pyproject.toml: correct it"}
				}
			}
			if len(sources) == 1 {
				return o.single()
			}
			return nil, usagef("%s: there is no service in this folder: name one that has a pyproject.toml", filepath.ToSlash(source))
		}
		for _, s := range services {
			chosen.add(w, s, named, "")
		}
	}
	var jobs []*job
	for _, s := range chosen {
		own, err := o.jobsOf(s)
		if err != nil {
			if ofRoot(err) {
				return nil, err
			}
			own = o.brokenJobs(s, err)
		}
		jobs = append(jobs, own...)
	}
	if len(jobs) == 1 {
		jobs[0].name = ""
	}
	return jobs, nil
}

// services returns the services in a folder, their outputs not read: the one
// that it is, where the command names it, else those of the repository below
// it, and their workspace. named says which.
func (o *compileOptions) services(dir string) (w *project.Workspace, services []*project.Service, named bool, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, false, err
	}
	if w, err = o.workspace(abs); err != nil {
		return nil, nil, false, err
	}
	// A link to a service is that service.
	abs = resolved(abs)
	root := resolved(w.Root)
	if rel, err := filepath.Rel(root, abs); err == nil && filepath.IsLocal(rel) {
		abs = filepath.Join(w.Root, rel)
	}
	// One for settings and tools alone is no service: its folder stands for the
	// services below it.
	_, err = os.Stat(filepath.Join(abs, "pyproject.toml"))
	here := err == nil && w.Declares(abs)
	if here && len(o.sources) > 0 {
		return w, []*project.Service{w.Unread(abs)}, true, nil
	}
	all, err := w.Services()
	if err != nil {
		return nil, nil, false, err
	}
	for _, s := range all {
		if rel, err := filepath.Rel(abs, s.Dir); err != nil || !filepath.IsLocal(rel) {
			continue
		}
		services = append(services, s)
	}
	if here && services == nil && abs != w.Root {
		// A folder that is not listed can be locked all the same.
		return w, []*project.Service{w.Unread(abs)}, true, nil
	}
	return w, services, false, nil
}

// workspace returns the workspace of a folder, each read once.
func (o *compileOptions) workspace(dir string) (*project.Workspace, error) {
	root := project.FindRoot(dir)
	if w := o.workspaces[root]; w != nil {
		return w, nil
	}
	w, err := project.OpenWorkspace(dir)
	if err != nil {
		return nil, err
	}
	if err := checkRequiredVersion(w.Values); err != nil {
		return nil, err
	}
	if err := w.CheckServices(); err != nil {
		return nil, err
	}
	if o.workspaces == nil {
		o.workspaces = map[string]*project.Workspace{}
	}
	o.workspaces[root] = w
	return w, nil
}

// ofRoot reports whether an error is in a file of the root, and so the same
// for every service.
func ofRoot(err error) bool {
	var input *project.InputError
	return errors.As(err, &input) && input.Place.File != "" && !strings.Contains(input.Place.File, "/")
}

// brokenJobs stand for the locks of a service whose settings cannot be read:
// those that the root's settings give it, as far as the command is about them.
func (o *compileOptions) brokenJobs(s *owned, err error) []*job {
	dir := relativeToHere(s.service.Dir)
	var jobs []*job
	for _, out := range s.workspace.RootOutputs(s.service) {
		n := o.fork()
		n.sources = []string{dir}
		j := &job{name: s.service.Rel, service: s.service, named: s.named, options: n, err: err}
		for _, f := range out.Files {
			j.outputs = append(j.outputs, filepath.Join(dir, f))
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// serviceJobs makes a job of each output of the service in a folder.
func (o *compileOptions) serviceJobs(w *project.Workspace, dir string, named bool) ([]*job, error) {
	s, err := w.Service(dir)
	if err != nil {
		return nil, err
	}
	var jobs []*job
	outputs := s.Outputs
	if o.format.value != "" {
		// A form that is asked for has its own name, whatever else is written.
		outputs = []project.Output{{Files: []string{o.fileName()}, Values: outputs[0].Values}}
	}
	for _, out := range outputs {
		n := o.fork()
		n.sources = []string{relativeToHere(s.Dir)}
		j := &job{name: s.Rel, service: s, named: named, output: out}
		for _, f := range out.Files {
			j.outputs = append(j.outputs, filepath.Join(n.sources[0], f))
		}
		if len(outputs) > 1 {
			j.name = filepath.ToSlash(filepath.Join(s.Rel, out.Files[0]))
		}
		if err := j.settle(n, out.Values); err != nil {
			return nil, err
		}
		if out.ConstrainedBy != "" {
			by := filepath.Join(n.sources[0], out.ConstrainedBy)
			j.options.constraints = append(j.options.constraints, by)
			j.bound = jobs[slices.IndexFunc(jobs, func(j *job) bool { return slices.Contains(j.outputs, by) })]
		}
		jobs = append(jobs, j)
	}
	jobs[0].left = s.Left
	return jobs, nil
}

// single makes one job of all sources.
func (o *compileOptions) single() ([]*job, error) {
	n := o.fork()
	output, err := n.chooseOutput()
	if err != nil {
		return nil, err
	}
	j := &job{named: true}
	if output != "" {
		j.outputs = []string{output}
	}
	return []*job{j}, j.settleBySource(n)
}

// settleBySource is settle with the settings of where the first source is.
func (j *job) settleBySource(o *compileOptions) error {
	dir, err := filepath.Abs(folder(o.sources[0]))
	if err != nil {
		return err
	}
	w, err := o.workspace(dir)
	if err != nil {
		return err
	}
	vs, err := w.Settings(dir)
	if err != nil {
		return err
	}
	return j.settle(o, vs)
}

// settle puts the layers below flags and environment under the options: the
// settings, and the header of the existing lock.
func (j *job) settle(o *compileOptions, vs project.Values) error {
	if len(j.outputs) > 0 && !o.pip {
		var err error
		if o, err = o.inherit(j.outputs[0], vs); err != nil {
			return err
		}
	}
	j.options = o.fork()
	j.options.written = o
	if err := j.options.apply(vs); err != nil {
		return err
	}
	v, ok := vs["generate-hashes"]
	if _, both := vs["hashes"]; !ok || both || v.Bool() || j.options.given(flagsOf(v)...) {
		return nil
	}
	// To say no means more than to say nothing, but for a form that always has
	// hashes.
	output := ""
	if len(j.outputs) > 0 {
		output = j.outputs[0]
	}
	if format, err := j.options.chooseFormat(output); err == nil && format != lockfile.PylockTOML {
		j.options.hashes.value = lockfile.NoHashes.String()
	}
	return nil
}

// relativeToHere returns a folder as a person in the current one would write
// it.
func relativeToHere(dir string) string {
	here, err := os.Getwd()
	if err != nil {
		return dir
	}
	// Behind a link, a relative path would lead to another name of the folder.
	if rel, err := filepath.Rel(resolved(here), resolved(dir)); err == nil && (filepath.IsLocal(rel) || strings.Count(rel, "..") < 3) &&
		(filepath.Join(here, rel) == dir || resolved(here) == here) {
		return rel
	}
	return dir
}

// label names the job in a sentence.
func (j *job) label() string {
	switch {
	case j.name != "":
		return j.name
	case j.service != nil:
		return j.service.Rel
	case len(j.outputs) > 0:
		return filepath.ToSlash(j.outputs[0])
	}
	return strings.Join(j.options.sources, " ")
}
