package tree

import (
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Project is a folder with a pyproject.toml that has a [project] table.
type Project struct {
	Dir          string
	Name         pypi.Name
	Place        project.Place // of the name
	Dependencies []Requirement
	// Dynamic is set where a build says what it depends on.
	Dynamic bool
	Sources map[pypi.Name]string // folders of path sources
	text    *Text
}

// Line is the text of a line of its pyproject.toml.
func (p *Project) Line(n int) string {
	if p.text == nil || n < 1 || n > len(p.text.Lines) {
		return ""
	}
	return p.text.Lines[n-1]
}

func (t *Tree) readProjects() {
	n := 0
	for _, file := range t.Files {
		if base(file) != "pyproject.toml" {
			continue
		}
		if n++; n > maxParsed {
			t.note(file, "left out: there are more than %d projects", maxParsed)
			break
		}
		if p := t.readProject(file); p != nil {
			t.Projects = append(t.Projects, p)
		}
	}
	for _, p := range t.Projects {
		for _, dir := range p.Sources {
			if l := t.ProjectIn(dir); l != nil && !slices.Contains(t.Libraries, l) {
				t.Libraries = append(t.Libraries, l)
			}
		}
	}
	slices.SortFunc(t.Libraries, func(a, b *Project) int { return strings.Compare(a.Dir, b.Dir) })
}

func (t *Tree) readProject(file string) *Project {
	text := t.Text(file)
	if text == nil {
		return nil
	}
	doc, err := project.ParseDocument(file, []byte(text.Data), maxTextBytes)
	if err != nil {
		t.noteAt(project.Place{File: file}, err)
		return nil
	}
	table := doc.Get("project")
	p := &Project{Dir: path.Dir(file), text: text, Sources: map[pypi.Name]string{}}
	p.readSources(doc)
	if !table.IsTable() {
		return p
	}
	if name, ok := table.Get("name").Text(); ok {
		p.Name, p.Place = pypi.NormalizeName(name), table.Get("name").Place()
	}
	if items, ok := table.Get("dynamic").Items(); ok {
		for _, item := range items {
			if s, _ := item.Text(); s == "dependencies" {
				p.Dynamic = true
			}
		}
	}
	items, _ := table.Get("dependencies").Items()
	for _, item := range items {
		s, ok := item.Text()
		if !ok {
			continue
		}
		if r, _, err := pep508.ParseRequirement(s); err == nil {
			p.Dependencies = append(p.Dependencies, Requirement{r, item.Place()})
		}
	}
	return p
}

// readSources reads where path dependencies are: the tables of sources, and
// direct references to folders.
func (p *Project) readSources(doc project.Document) {
	for _, tool := range []string{"pylock", "uv"} {
		doc.Get("tool").Get(tool).Get("sources").Each(func(name string, v project.Document) bool {
			entries := []project.Document{v}
			if items, ok := v.Items(); ok {
				entries = items
			}
			for _, e := range entries {
				if s, ok := e.Get("path").Text(); ok {
					if dir, ok := join(p.Dir, s); ok {
						p.Sources[pypi.NormalizeName(name)] = dir
					}
				}
			}
			return true
		})
	}
}

// ProjectIn is the project of a folder, or nil.
func (t *Tree) ProjectIn(dir string) *Project {
	for _, p := range t.Projects {
		if p.Dir == dir {
			return p
		}
	}
	return nil
}

// Open is the first dependency that allows several versions and is no package
// of the repository; nil without.
func (t *Tree) Open(p *Project) *Requirement {
	for i := range p.Dependencies {
		d := &p.Dependencies[i]
		if !Pinned(d.Requirement) && !t.IsLocal(d.Name) {
			return d
		}
	}
	return nil
}

// IsLocal reports whether a name is that of a package of the repository.
func (t *Tree) IsLocal(name pypi.Name) bool {
	return slices.ContainsFunc(t.Projects, func(p *Project) bool { return p.Name == name && name != "" })
}
