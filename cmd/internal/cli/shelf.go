package cli

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/resolver"
)

// shelf gets at the locks of services, for the commands that read them.
type shelf struct {
	options *compileOptions
	team    *team
	jobs    map[string]*job // by the lock, or what the job is called without one
	runs    map[string]*run
}

// newReading returns how the reading commands get at locks.
func newReading(g *global) *reading {
	s := &shelf{options: newOptions(g, false), jobs: map[string]*job{}, runs: map[string]*run{}}
	return &reading{
		locks: func(ctx context.Context, args []string) ([]string, error) { return s.locks(args) },
		graph: s.graph,
		world: s.world,
	}
}

func (s *shelf) locks(args []string) ([]string, error) {
	o := s.options
	if err := o.environment(); err != nil {
		return nil, err
	}
	s.team = &team{global: o.global, clients: map[string]*index.Client{}}
	var err error
	if o.sources, err = o.find(args); err != nil {
		return nil, err
	}
	jobs, err := o.lockJobs()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, j := range jobs {
		name := j.label()
		if len(j.outputs) > 0 {
			name = j.outputs[0]
		}
		if s.jobs[name] == nil {
			s.jobs[name] = j
			names = append(names, name)
		}
	}
	return names, nil
}

// find turns the names of services into their folders. Without a name it is
// the service of the current folder, or none, which stands for all.
func (o *compileOptions) find(args []string) ([]string, error) {
	if len(args) == 0 {
		here, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		w, err := o.workspace(here)
		if err != nil {
			return nil, err
		}
		services, err := w.Services()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(services, func(s *project.Service) bool { return s.Dir == here }) {
			return []string{"."}, nil
		}
		return nil, nil
	}
	var sources []string
	for _, arg := range args {
		if _, err := os.Stat(arg); err == nil {
			sources = append(sources, arg)
			continue
		}
		found, known, err := o.servicesNamed(arg)
		switch {
		case err != nil:
			return nil, err
		case len(found) == 0:
			return nil, usagef("%s is no service and no lock: %s", arg, project.Choices(arg, known))
		case len(found) > 1:
			return nil, severalServices(arg, found)
		}
		sources = append(sources, relativeToHere(found[0].Dir))
	}
	return sources, nil
}

// run prepares a job once.
func (s *shelf) run(ctx context.Context, name string) (*job, *run, error) {
	j := s.jobs[name]
	if r := s.runs[name]; r != nil {
		return j, r, nil
	}
	r, err := j.prepare(ctx, s.team)
	if err != nil {
		return nil, nil, err
	}
	s.runs[name] = r
	return j, r, nil
}

func (s *shelf) graph(ctx context.Context, name string) (*lockfile.Graph, error) {
	j, r, err := s.run(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(j.outputs) == 0 {
		return nil, usagef("%s has no lock: name one", j.label())
	}
	want := j.expect(r)
	data, exists, err := lockfile.ReadFile(j.outputs[0], s.options.app.FS)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, usagef("%s: there is no lock yet: run %s", want.Lock, want.Fix)
	}
	lock, err := lockfile.ReadLax(want.Lock, data)
	if err != nil {
		return nil, err
	}
	verdict, err := j.judge(ctx, s.team, r, lock, want)
	if err != nil {
		return nil, err
	}
	g, err := graphOf(want.Service, lock, verdict, &r.request, want.Lock)
	if err == nil && j.bound != nil {
		g.BoundBy = relative(r.project.Root, j.bound.outputs[0])
	}
	return g, err
}

// graphOf is the graph that a check found.
func graphOf(service string, lock *lockfile.Lock, v *resolver.Verdict, q *resolver.Request, path string) (*lockfile.Graph, error) {
	nodes := make([]lockfile.Node, len(v.Packages))
	for i := range v.Packages {
		p := &v.Packages[i]
		nodes[i] = lockfile.Node{Name: p.Name, Version: p.Version}
		if p.Local != nil {
			nodes[i].Local = p.Local.Rel
			continue
		}
		nodes[i].Marker, nodes[i].Place = lock.Pins[i].Marker, lock.Pins[i].Place
	}
	var edges []lockfile.Edge
	for i := range v.Edges {
		e := &v.Edges[i]
		if e.Child < 0 {
			continue
		}
		req, _, err := pep508.ParseRequirement(e.Requirement)
		if err != nil {
			return nil, fmt.Errorf("internal error: %q does not read back: %w; please report this", e.Requirement, err)
		}
		edges = append(edges, lockfile.Edge{From: e.Parent, To: e.Child, Requirement: req, Place: e.Place(), Extra: e.Extra, Where: e.Where})
	}
	for i := range q.Constraints {
		c := &q.Constraints[i]
		holds := q.Universal || slices.ContainsFunc(q.Targets, func(t resolver.Target) bool { return c.Marker.Applies(t.Environment(), "") })
		where := ""
		if !c.Marker.IsTrivial() {
			where = c.Marker.String()
		}
		for n := range nodes {
			if holds && nodes[n].Name == c.Name && nodes[n].Local == "" {
				edges = append(edges, lockfile.Edge{From: lockfile.FromProject, To: n, Requirement: c.Requirement, Constraint: true, Place: c.Place, Where: where})
			}
		}
	}
	return lockfile.NewGraph(service, path, nodes, edges), nil
}

func (s *shelf) world(ctx context.Context, name string) (pages, resolver.Request, error) {
	j, r, err := s.run(ctx, name)
	if err != nil {
		return nil, resolver.Request{}, err
	}
	client, err := s.team.client(j.options, r.indexes)
	if err != nil {
		return nil, resolver.Request{}, err
	}
	q := r.ask(client)
	q.Preferences = nil
	return client.Project, q, nil
}

// onlyChanged drops the jobs none of whose files differ from those of a git
// revision. One whose inputs cannot be read stays, to say why.
func (o *compileOptions) onlyChanged(ctx context.Context, t *team, jobs []*job, rev string) ([]*job, error) {
	byRoot := map[string]map[string]bool{}
	var out []*job
	for _, j := range jobs {
		root := project.FindRoot(folder(j.options.sources[0]))
		if byRoot[root] == nil {
			var err error
			if byRoot[root], err = changedFiles(ctx, root, rev); err != nil {
				return nil, err
			}
		}
		r, err := j.prepare(ctx, t)
		if err != nil || j.touched(r, byRoot[root]) {
			out = append(out, j)
		}
	}
	return out, nil
}

// changedFiles are the files of a repository that differ from those of a git
// revision, relative to the root of a workspace in it: a service may use files
// beside that.
func changedFiles(ctx context.Context, root, rev string) (map[string]bool, error) {
	g := git{root}
	commit, err := g.commit(ctx, rev)
	if err != nil {
		return nil, err
	}
	up, err := g.run(ctx, "", "rev-parse", "--show-cdup")
	if err != nil {
		return nil, err
	}
	g.dir = filepath.Join(root, filepath.FromSlash(strings.TrimSuffix(string(up), "\n")))
	list, err := g.changed(ctx, commit)
	if err != nil {
		return nil, err
	}
	files := map[string]bool{}
	for _, f := range list {
		rel, err := filepath.Rel(root, filepath.Join(g.dir, filepath.FromSlash(f)))
		if err != nil {
			return nil, err
		}
		files[filepath.ToSlash(rel)] = true
	}
	return files, nil
}

// touched reports whether one of the files says something of the job: its
// inputs and locks, the settings, and what tells the Python of its target. A
// link is touched by what it leads to.
func (j *job) touched(r *run, files map[string]bool) bool {
	root := r.project.Root
	mine := slices.Clone(r.project.Files)
	for _, f := range slices.Concat(j.outputs, j.options.sources, j.options.constraints, j.options.overrides, j.options.excludeFiles, []string{j.options.buildDeps}) {
		if f == "" {
			continue
		}
		mine = append(mine, relative(root, f))
	}
	home := relative(root, r.project.Dir)
	for dir := home; ; dir = path.Dir(dir) {
		// Those above the service may say something too.
		for _, name := range []string{"pyproject.toml", "uv.toml", ".pylock.toml", ".python-version", "Dockerfile", "Containerfile"} {
			mine = append(mine, path.Join(dir, name))
		}
		if dir == path.Dir(dir) {
			break
		}
	}
	for _, f := range slices.Clone(mine) {
		mine = append(mine, relative(root, filepath.Join(root, filepath.FromSlash(f))))
	}
	for f := range files {
		dir := path.Dir(f)
		base := strings.Contains(path.Base(f), "ockerfile") && (dir == home || dir == "." || path.Dir(dir) == ".")
		built := func(dir string) bool { return dir == "." || strings.HasPrefix(f, dir+"/") }
		if base || slices.Contains(mine, f) || slices.ContainsFunc(r.project.Built, built) {
			return true
		}
	}
	return false
}

// lockJobs are the jobs of sources, of which files are locks.
func (o *compileOptions) lockJobs() ([]*job, error) {
	if err := o.name(); err != nil {
		return nil, err
	}
	var files, services []string
	for _, s := range o.sources {
		if fi, err := os.Stat(s); err == nil && fi.IsDir() {
			services = append(services, s)
			continue
		}
		_, owner, err := o.owner(s)
		if err != nil {
			return nil, err
		}
		if owner != nil {
			services = append(services, s)
		} else {
			files = append(files, s)
		}
	}
	var jobs []*job
	if len(services) > 0 || len(files) == 0 {
		o.sources = services
		var err error
		if jobs, err = o.jobs(); err != nil {
			return nil, err
		}
		for _, j := range jobs {
			if j.asked != nil {
				j.outputs = j.asked
			}
		}
	}
	for _, f := range files {
		j, err := o.lockJob(f)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	if len(jobs) > 1 {
		for _, j := range jobs {
			if j.name == "" {
				j.name = j.label()
			}
		}
	}
	return jobs, nil
}

// lockJob is the job that makes the lock in a file, by what its header says.
func (o *compileOptions) lockJob(file string) (*job, error) {
	switch filepath.Base(file) {
	case "pyproject.toml", "requirements.in":
		return nil, usagef("%s is an input: name its folder, or the lock", slashed(file))
	}
	data, exists, err := lockfile.ReadFile(file, o.app.FS)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, usagef("%s: no such file: name a lock, or the folder of a service", slashed(file))
	}
	old, err := lockfile.ReadConflicted(slashed(file), data)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	root := project.FindRoot(filepath.Dir(abs))
	was, err := o.described(old, file, root)
	if err != nil {
		return nil, usagef("%s: the command in its header is not understood: %w", slashed(file), err)
	}
	if was == nil || len(was.sources) == 0 {
		return nil, usagef("%s: its header does not say what it was made from: check the folder of its service", slashed(file))
	}
	n := o.fork()
	n.sources = nil
	for _, s := range was.sources {
		if s == "-" {
			return nil, usagef("%s was made from the standard input, which is not there any more: save the requirements in a file and compile that", slashed(file))
		}
		n.sources = append(n.sources, relativeToHere(filepath.Join(root, filepath.FromSlash(s))))
	}
	if was.output != "" {
		n.output = file
	}
	j := &job{named: true, outputs: []string{file}}
	if len(was.sources) == 1 {
		dir := filepath.Join(root, filepath.FromSlash(was.sources[0]))
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
			w, err := o.workspace(dir)
			if err != nil {
				return nil, err
			}
			j.service = w.Unread(dir)
		}
	}
	return j, j.settleBySource(n)
}
