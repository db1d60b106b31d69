package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v3"

	"github.com/pylock-dev/pylock/project"
)

// composeTime is how long a compose file may take to be read; maxIncludes
// bounds the files that it may take.
const (
	composeTime = 10 * time.Second
	maxIncludes = 100
	maxNodes    = 100_000 // values of a compose file, with its aliases
)

// ComposeFile is one with what it includes and extends.
type ComposeFile struct {
	*Text
	Services []*ComposeService // those that it has itself, in its order
	// Base is set for the file that `docker compose up` takes by itself.
	Base bool
}

// ComposeService is a service of a compose file.
type ComposeService struct {
	Name     string
	Key      project.Place // of its name
	Image    string
	Build    *Build // nil without
	Profiles []string
	Command  []string // entrypoint and command
	// Needed is set where another service without a profile depends on it.
	Needed bool
	Ports  bool
	// Source is set where a folder of the repository with code is mounted: that
	// is how one develops.
	Source    bool
	CacheTo   []Scalar
	CacheFrom []Scalar
	// Indent is that of the keys of the service, and First the line of the
	// first of them; 0 where it is written on one line.
	Indent, First int
}

// Scalar is a text of a YAML file.
type Scalar struct {
	Text  string
	Place project.Place
}

var composeName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(docker-)?compose([.-][A-Za-z0-9_.-]+)?\.ya?ml$`) })

func (t *Tree) readCompose() {
	logrus.SetOutput(io.Discard) // of compose-go, which warns there
	for _, file := range t.Files {
		if !composeName().MatchString(base(file)) || strings.HasPrefix(file, ".github/") {
			continue
		}
		if len(t.Compose) >= maxParsed {
			return
		}
		if f := t.readComposeFile(file); f != nil {
			t.Compose = append(t.Compose, f)
		}
	}
}

func (t *Tree) readComposeFile(file string) *ComposeFile {
	text := t.Text(file)
	if text == nil {
		return nil
	}
	services, ok := t.composeNodes(file)
	if !ok || len(services) == 0 {
		return nil
	}
	p, err := t.loadCompose(file, text)
	if err != nil {
		t.noteAt(project.Place{File: file}, err)
		return nil
	}
	f := &ComposeFile{Text: text}
	switch base(file) {
	case "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml":
		f.Base = true
	}
	all := p.AllServices()
	for _, n := range services {
		s, ok := all[n.key.Value]
		if !ok {
			continue
		}
		cs := newComposeService(t, file, n, &s)
		for name, other := range all {
			if _, ok := other.DependsOn[s.Name]; ok && name != s.Name && len(other.Profiles) == 0 {
				cs.Needed = true
			}
		}
		f.Services = append(f.Services, cs)
	}
	return f
}

// composeNode is a service as it is written.
type composeNode struct{ key, value *yaml.Node }

// composeNodes reads the services of a file for their places; ok is false, with
// a note, where it is no compose file, or takes what is not of the repository.
func (t *Tree) composeNodes(file string) (services []composeNode, ok bool) {
	var visit func(file string, depth int) error
	seen := map[string]bool{}
	visit = func(from string, depth int) error {
		if seen[from] {
			return nil // a cycle is compose-go's to tell
		}
		seen[from] = true
		if len(seen) > maxIncludes {
			return fmt.Errorf("it takes more than %d files", maxIncludes)
		}
		text := t.Text(from)
		if text == nil {
			return fmt.Errorf("it takes %s, which cannot be read", from)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text.Data), &doc); err != nil {
			return err
		}
		root := content(&doc)
		if expanded(root, map[*yaml.Node]int{}) > maxNodes {
			return fmt.Errorf("its aliases stand for more than %d values", maxNodes)
		}
		list := get(root, "services")
		for _, kv := range pairs(list) {
			if from == file {
				services = append(services, composeNode{kv[0], kv[1]})
			}
			if e := get(get(kv[1], "extends"), "file"); e != nil {
				if err := t.composeTakes(from, e.Value, depth, visit); err != nil {
					return err
				}
			}
		}
		include := get(root, "include")
		if include == nil {
			return nil
		}
		for _, item := range include.Content {
			paths := []*yaml.Node{item}
			if item.Kind == yaml.MappingNode {
				p := get(item, "path")
				if paths = []*yaml.Node{p}; p != nil && p.Kind == yaml.SequenceNode {
					paths = p.Content
				}
			}
			for _, p := range paths {
				if p != nil && p.Kind == yaml.ScalarNode {
					if err := t.composeTakes(from, p.Value, depth, visit); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	if err := visit(file, 0); err != nil {
		t.noteAt(project.Place{File: file}, err)
		return nil, false
	}
	return services, true
}

func (t *Tree) composeTakes(from, value string, depth int, visit func(string, int) error) error {
	if strings.Contains(value, "$") || strings.Contains(value, "://") {
		return fmt.Errorf("it takes %s, which only compose can tell", value)
	}
	target, ok := join(path.Dir(from), value)
	if path.IsAbs(value) || !ok || !t.Has(target) {
		return fmt.Errorf("it takes %s, which is no file of the repository", value)
	}
	return visit(target, depth+1)
}

// loadCompose has compose-go read a file, with all profiles.
func (t *Tree) loadCompose(file string, text *Text) (*types.Project, error) {
	abs := filepath.Join(t.Root, filepath.FromSlash(file))
	details := types.ConfigDetails{
		WorkingDir:  filepath.Dir(abs),
		ConfigFiles: []types.ConfigFile{{Filename: abs, Content: []byte(text.Data)}},
		Environment: types.Mapping{},
	}
	ctx, cancel := context.WithTimeout(context.Background(), composeTime)
	defer cancel()
	type answer struct {
		p   *types.Project
		err error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- answer{nil, fmt.Errorf("the parser of compose files stumbles over it: %v", r)}
			}
		}()
		p, err := loader.LoadWithContext(ctx, details, func(o *loader.Options) {
			o.SetProjectName("doctor", true)
			o.Profiles = []string{"*"}
			o.SkipConsistencyCheck = true
			o.SkipResolveEnvironment = true
			o.ResolvePaths = true
			o.Interpolate.Substitute = substitute
		})
		done <- answer{p, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			a.err = errors.New(strings.ReplaceAll(a.err.Error(), t.Root+string(filepath.Separator), ""))
		}
		return a.p, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("it takes longer than %s to read", composeTime)
	}
}

var required = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*):?\?[^{}]*\}`) })

// substitute is compose's own, for which a variable that has to be set is.
func substitute(text string, mapping template.Mapping) (string, error) {
	return template.Substitute(required().ReplaceAllString(text, "${${1}:-1}"), mapping)
}

// hasVariable reports whether a value depends on a variable that has no default.
func hasVariable(n *yaml.Node) bool {
	switch {
	case n == nil:
		return false
	case n.Kind == yaml.ScalarNode:
		text := strings.ReplaceAll(n.Value, "$$", "")
		return strings.Contains(defaulted().ReplaceAllString(text, ""), "$")
	case n.Kind == yaml.AliasNode:
		return true // wherever that leads
	}
	return slices.ContainsFunc(n.Content, hasVariable)
}

var defaulted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*:?-[^{}$]*\}`) })

func newComposeService(t *Tree, file string, n composeNode, s *types.ServiceConfig) *ComposeService {
	cs := &ComposeService{
		Name: s.Name, Key: nodePlace(file, n.key), Image: s.Image, Profiles: slices.Clone(s.Profiles),
		Command: slices.Concat(s.Entrypoint, s.Command), Ports: len(s.Ports) > 0,
	}
	if n.value.Kind == yaml.MappingNode && n.value.Style&yaml.FlowStyle == 0 && len(n.value.Content) > 0 {
		cs.First, cs.Indent = n.value.Content[0].Line, n.value.Content[0].Column-1
	}
	for _, v := range s.Volumes {
		if dir, ok := t.relative(v.Source); ok && v.Type == types.VolumeTypeBind && slices.ContainsFunc(t.Below(dir), func(f string) bool { return path.Ext(f) == ".py" }) {
			cs.Source = true
		}
	}
	build := get(n.value, "build")
	cs.CacheTo, cs.CacheFrom = scalars(file, get(build, "cache_to")), scalars(file, get(build, "cache_from"))
	if s.Build == nil || s.Build.DockerfileInline != "" {
		return cs
	}
	b := &Build{Place: cs.Key, Target: s.Build.Target, Args: map[string]string{}}
	dir, ok := t.relative(s.Build.Context)
	if !ok {
		return cs
	}
	b.Context = dir
	dockerfile := s.Build.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	if filepath.IsAbs(dockerfile) {
		b.Dockerfile, ok = t.relative(dockerfile)
	} else {
		b.Dockerfile, ok = join(dir, filepath.ToSlash(dockerfile))
	}
	if !ok {
		return cs
	}
	args := get(build, "args")
	for _, key := range []string{"context", "dockerfile", "target"} {
		if hasVariable(get(build, key)) || build != nil && build.Kind == yaml.ScalarNode && hasVariable(build) {
			return cs // whoever sets the variable knows what is built
		}
	}
	for k, v := range s.Build.Args {
		b.Args[k] = unset
		if v != nil && !hasVariable(args) {
			b.Args[k] = *v
		}
	}
	if s.Image != "" && !hasVariable(get(n.value, "image")) {
		b.Names = append(b.Names, s.Image)
	}
	b.Names = append(b.Names, s.Build.Tags...)
	cs.Build = b
	return cs
}

// relative is an absolute path of this machine as one from the root.
func (t *Tree) relative(abs string) (string, bool) {
	if strings.Contains(abs, "://") || !filepath.IsAbs(abs) {
		return "", false
	}
	rel, err := filepath.Rel(t.Root, abs)
	if err != nil {
		return "", false
	}
	return join(filepath.ToSlash(rel))
}

// expanded counts the values of a document, those of an alias wherever it is
// used.
func expanded(n *yaml.Node, known map[*yaml.Node]int) int {
	if n == nil {
		return 0
	}
	if c, ok := known[n]; ok {
		return c
	}
	known[n] = maxNodes + 1 // what holds itself has no end
	count := 1
	if n.Kind == yaml.AliasNode {
		count = expanded(n.Alias, known)
	}
	for _, c := range n.Content {
		if count += expanded(c, known); count > maxNodes {
			count = maxNodes + 1
			break
		}
	}
	known[n] = count
	return count
}

// content is the root of a document.
func content(doc *yaml.Node) *yaml.Node {
	if doc.Kind == yaml.DocumentNode && len(doc.Content) > 0 {
		return doc.Content[0]
	}
	return doc
}

// pairs are the keys and values of a mapping.
func pairs(n *yaml.Node) (out [][2]*yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		out = append(out, [2]*yaml.Node{n.Content[i], n.Content[i+1]})
	}
	return out
}

// get is the value of a key of a mapping, or nil; an alias is followed once.
func get(n *yaml.Node, key string) *yaml.Node {
	for _, kv := range pairs(n) {
		if kv[0].Value == key {
			if kv[1].Kind == yaml.AliasNode {
				return kv[1].Alias
			}
			return kv[1]
		}
	}
	return nil
}

func nodePlace(file string, n *yaml.Node) project.Place {
	return project.Place{File: file, Line: n.Line, Column: n.Column}
}

// scalars are the texts of a sequence, or the one text.
func scalars(file string, n *yaml.Node) (out []Scalar) {
	if n == nil {
		return nil
	}
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	for _, n := range nodes {
		if n.Kind == yaml.ScalarNode {
			out = append(out, Scalar{n.Value, nodePlace(file, n)})
		}
	}
	return out
}
