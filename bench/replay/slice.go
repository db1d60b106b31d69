package replay

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// A File is one distribution of a project.
type File struct {
	Name           string `json:"n"`
	Path           string `json:"p"` // of its address, without a leading slash: "packages/…/NAME"
	SHA256         string `json:"h"`
	Size           int64  `json:"s"`
	Uploaded       string `json:"t,omitempty"` // as the index writes it; "" where it does not
	RequiresPython string `json:"r,omitempty"`
	Yanked         bool   `json:"y,omitempty"`
	YankedReason   string `json:"w,omitempty"`
	Sidecar        bool   `json:"c,omitempty"` // the recorded index has a metadata file beside it

	text    string         // METADATA, "" unless recorded
	version pep440.Version // zero where the name says none
}

// Wheel reports whether f is a wheel.
func (f *File) Wheel() bool { return strings.HasSuffix(f.Name, ".whl") }

// A Project is a package and its files, in the index's order.
type Project struct {
	Name  string  `json:"name"`  // normalized
	Title string  `json:"title"` // as the index writes it
	Files []*File `json:"files"`

	texts map[string]string // METADATA recorded, by version
}

// A Source is what a [Handler] serves.
type Source interface {
	// Project returns a package by its normalized name; nil where the index has none.
	Project(ctx context.Context, name string) (*Project, error)
	// Find returns what is at the path of a file; nil where nothing is.
	Find(path string) (*Project, *File)
	// Metadata returns the METADATA of f; nil where it was not recorded.
	Metadata(ctx context.Context, p *Project, f *File) ([]byte, error)
	// Content returns the whole of f; nil where it was not recorded.
	Content(ctx context.Context, f *File) ([]byte, error)
}

// A Slice is the part of an index that was recorded. It is a Source; methods may be called at once.
type Slice struct {
	Recorded string // the day, YYYY-MM-DD
	Note     string // what it was recorded for

	mu       sync.Mutex
	projects map[string]*Project // nil for a name that the index does not have
	paths    map[string]place
	contents map[string][]byte // by path
}

type place struct {
	p *Project
	f *File
}

// NewSlice returns an empty slice.
func NewSlice(recorded, note string) *Slice {
	return &Slice{Recorded: recorded, Note: note, projects: map[string]*Project{}, paths: map[string]place{}, contents: map[string][]byte{}}
}

// AddProject adds a package, or, with no files and an empty title, the knowledge that there is none.
func (s *Slice) AddProject(p *Project) {
	for _, f := range p.Files {
		f.version = versionOf(p.Name, f.Name)
	}
	p.texts = map[string]string{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Title == "" {
		s.projects[p.Name] = nil
		return
	}
	s.projects[p.Name] = p
	for _, f := range p.Files {
		s.paths[f.Path] = place{p, f}
	}
}

// AddMetadata keeps the METADATA of a file of p.
func (s *Slice) AddMetadata(p *Project, f *File, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.text = string(text)
	key := f.version.String()
	if first := p.texts[key]; first == "" {
		p.texts[key] = f.text
	} else if first == f.text {
		f.text = first // one copy for all wheels of a version
	}
}

// AddContent keeps a whole file.
func (s *Slice) AddContent(f *File, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contents[f.Path] = body
}

// Known reports whether it was recorded that the index has the name, or has not.
func (s *Slice) Known(name string) (p *Project, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, known = s.projects[name]
	return p, known
}

// Projects returns all packages, by name.
func (s *Slice) Projects() []*Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Project
	for _, p := range s.projects {
		if p != nil {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *Project) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Project is Source's; a name that was not recorded counts as absent.
func (s *Slice) Project(_ context.Context, name string) (*Project, error) {
	p, _ := s.Known(name)
	return p, nil
}

// Find is Source's.
func (s *Slice) Find(path string) (*Project, *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.paths[path]
	return at.p, at.f
}

// Metadata is Source's. The METADATA of another wheel of the version does where the file's own was not recorded: all
// wheels of a version are taken to declare the same.
func (s *Slice) Metadata(_ context.Context, p *Project, f *File) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := f.text
	if text == "" && f.Wheel() {
		text = p.texts[f.version.String()]
	}
	if text == "" {
		return nil, nil
	}
	return []byte(text), nil
}

// Content is Source's.
func (s *Slice) Content(_ context.Context, f *File) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.contents[f.Path], nil
}

// Counts returns how many packages, files and METADATA the slice holds.
func (s *Slice) Counts() (projects, files, texts int) {
	for _, p := range s.Projects() {
		projects++
		files += len(p.Files)
		texts += len(p.texts)
	}
	return
}

func versionOf(project, filename string) pep440.Version {
	if strings.HasSuffix(filename, ".whl") {
		w, err := dist.ParseWheel(filename)
		if err != nil {
			return pep440.Version{}
		}
		return w.Version
	}
	sd, err := dist.ParseSdistOf(filename, pypi.Name(project))
	if err != nil {
		return pep440.Version{}
	}
	return sd.Version
}

// stored is the form of a slice on disk, as JSON compressed by gzip. Texts are stored once and referred to by number.
type stored struct {
	Recorded string            `json:"recorded"`
	Note     string            `json:"note"`
	Absent   []string          `json:"absent"`
	Projects []*storedProject  `json:"projects"`
	Texts    []string          `json:"texts"`
	Contents map[string][]byte `json:"contents,omitempty"`
}

type storedProject struct {
	*Project
	Texts map[string]int `json:"texts,omitempty"` // by file name
}

// Save writes the slice to a file.
func (s *Slice) Save(name string) error {
	out := stored{Recorded: s.Recorded, Note: s.Note, Contents: s.contents}
	numbers := map[string]int{}
	for _, p := range s.Projects() {
		sp := &storedProject{Project: p}
		for _, f := range p.Files {
			if f.text == "" {
				continue
			}
			if sp.Texts == nil {
				sp.Texts = map[string]int{}
			}
			n, ok := numbers[f.text]
			if !ok {
				n = len(out.Texts)
				numbers[f.text] = n
				out.Texts = append(out.Texts, f.text)
			}
			sp.Texts[f.Name] = n
		}
		out.Projects = append(out.Projects, sp)
	}
	s.mu.Lock()
	for name, p := range s.projects {
		if p == nil {
			out.Absent = append(out.Absent, name)
		}
	}
	s.mu.Unlock()
	slices.Sort(out.Absent)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	file, err := os.Create(name + ".part")
	if err != nil {
		return err
	}
	z, _ := gzip.NewWriterLevel(file, gzip.BestCompression)
	enc := json.NewEncoder(z)
	enc.SetEscapeHTML(false)
	if err := errors.Join(enc.Encode(out), z.Close(), file.Close()); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}

// Load reads a slice that Save wrote.
func Load(name string) (*Slice, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var in stored
	if err := json.NewDecoder(z).Decode(&in); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := NewSlice(in.Recorded, in.Note)
	for _, name := range in.Absent {
		s.AddProject(&Project{Name: name})
	}
	for _, sp := range in.Projects {
		s.AddProject(sp.Project)
		for _, f := range sp.Files {
			if n, ok := sp.Texts[f.Name]; ok {
				if n < 0 || n >= len(in.Texts) {
					return nil, fmt.Errorf("%s: %s has text %d of %d", name, f.Name, n, len(in.Texts))
				}
				s.AddMetadata(sp.Project, f, []byte(in.Texts[n]))
			}
		}
	}
	for path, body := range in.Contents {
		s.contents[path] = body
	}
	return s, nil
}

// Trim returns a slice of the named packages, with their newest releases and every other of which a file or its
// METADATA was asked for, and the METADATA that was asked for, without description and addresses.
func (s *Slice) Trim(names []string, asked map[string]bool, releases int) *Slice {
	out := NewSlice(s.Recorded, s.Note)
	for _, name := range names {
		p, _ := s.Known(name)
		if p == nil {
			out.AddProject(&Project{Name: name})
			continue
		}
		versions := versionsOf(p)
		from := versions[max(0, len(versions)-releases)]
		keep := map[string]bool{}
		for _, f := range p.Files {
			if f.version.Compare(from) >= 0 || asked[f.Path] {
				keep[f.version.String()] = true
			}
		}
		q := &Project{Name: p.Name, Title: p.Title}
		read := map[*File]string{}
		for _, f := range p.Files {
			if !keep[f.version.String()] {
				continue
			}
			g := *f
			g.text = ""
			q.Files = append(q.Files, &g)
			if body, _ := s.Metadata(context.Background(), p, f); body != nil && asked[f.Path] {
				read[&g] = string(body)
			}
		}
		out.AddProject(q)
		for _, g := range q.Files {
			if all, ok := read[g]; ok {
				out.AddMetadata(q, g, []byte(essence(all)))
			}
			s.mu.Lock()
			if body := s.contents[g.Path]; body != nil {
				out.contents[g.Path] = body
			}
			s.mu.Unlock()
		}
	}
	return out
}

// essence returns METADATA without its description and without the fields that hold addresses or licences.
func essence(text string) string {
	head, _, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	var b strings.Builder
	drop := false
	for line := range strings.Lines(head) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(strings.ToLower(line), ":")
			switch name {
			case "project-url", "home-page", "download-url", "license", "description":
				drop = true
			default:
				drop = false
			}
		}
		if !drop {
			b.WriteString(line)
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n\n"
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
