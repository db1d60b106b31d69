package indextest

import (
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

// MaxSize is the largest @size, in bytes.
const MaxSize = 1 << 26

var (
	separators  = regexp.MustCompile(`[-_.]+`)
	namePattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	tagPattern  = regexp.MustCompile(`^([0-9][A-Za-z0-9_.]*-)?[A-Za-z0-9_.]+-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+$`)
	filePattern = regexp.MustCompile(`^[A-Za-z0-9!+._-]+$`)
	extraMarker = regexp.MustCompile(`\bextra\s*==\s*["']([^"']+)["']|["']([^"']+)["']\s*==\s*extra\b`)
	statuses    = []string{"active", "archived", "deprecated", "quarantined"}
	sdistKinds  = []SdistKind{StaticSdist, DynamicSdist, PyprojectSdist, LegacySdist, FailingSdist}
)

// A ParseError is the first fault of a universe's text.
type ParseError struct {
	File string // "" for plain text
	Line int    // from 1
	Msg  string
}

func (e *ParseError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// Parse reads a universe; its form is in the package's documentation. Errors are *ParseError.
func Parse(text string) (*Universe, error) {
	return parse("", text, 0)
}

// MustParse is Parse for text known to be right; it panics on an error.
func MustParse(text string) *Universe {
	u, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}

// LoadFile reads the universe of one file, which is compressed if it is named .gz.
func LoadFile(path string) (*Universe, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return parse(filepath.Base(path), string(text), 0)
}

// Load reads each universe of a folder, DIR/NAME.txt, by its NAME.
func Load(dir string) (map[string]*Universe, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no *.txt file there", dir)
	}
	all := map[string]*Universe{}
	for _, path := range paths {
		u, err := LoadFile(path)
		if err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(filepath.Base(path), ".txt")] = u
	}
	return all, nil
}

type parser struct {
	file     string
	line     int
	projects map[string]*Project
	status   map[string]int // line of @status
	release  *Release
}

func (p *parser) errorf(format string, args ...any) error {
	return &ParseError{p.file, p.line, fmt.Sprintf(format, args...)}
}

// parse reads text that begins after the given number of lines of file.
func parse(file, text string, lines int) (*Universe, error) {
	p := &parser{file: file, line: lines, projects: map[string]*Project{}, status: map[string]int{}}
	for line := range strings.Lines(text) {
		p.line++
		if !utf8.ValidString(line) || strings.ContainsAny(strings.TrimRight(line, "\r\n"), "\r\x00") {
			return nil, p.errorf("not plain UTF-8 text")
		}
		body := strings.TrimSpace(line)
		if body == "" || body[0] == '#' {
			continue
		}
		var err error
		if line[0] == ' ' || line[0] == '\t' {
			err = p.detail(body)
		} else {
			err = p.head(body)
		}
		if err != nil {
			return nil, err
		}
	}
	return p.finish()
}

func (p *parser) project(name string) (*Project, error) {
	if !namePattern.MatchString(name) {
		return nil, p.errorf("%q is no project name; a release is NAME VERSION, and what belongs to it is indented", name)
	}
	key := normalize(name)
	if p.projects[key] == nil {
		p.projects[key] = &Project{Name: key, Title: name}
	}
	return p.projects[key], nil
}

func (p *parser) head(text string) error {
	p.release = nil
	words := strings.Fields(text)
	if words[0] == "@status" {
		return p.setStatus(words[1:])
	}
	project, err := p.project(words[0])
	if err != nil {
		return err
	}
	if len(words) != 2 {
		return p.errorf("%q is not NAME VERSION", text)
	}
	if _, err := pep440.Parse(words[1]); err != nil {
		return p.errorf("%s: version %q: %v", words[0], words[1], err)
	}
	p.release = &Release{Version: words[1], line: p.line}
	project.Releases = append(project.Releases, p.release)
	return nil
}

func (p *parser) setStatus(words []string) error {
	if len(words) < 2 || !slices.Contains(statuses, words[1]) {
		return p.errorf("@status needs NAME, one of %s, and perhaps a reason", strings.Join(statuses, ", "))
	}
	project, err := p.project(words[0])
	if err != nil {
		return err
	}
	if before := p.status[project.Name]; before != 0 {
		return p.errorf("@status of %s is on line %d already", words[0], before)
	}
	p.status[project.Name] = p.line
	project.Status, project.StatusReason = words[1], strings.Join(words[2:], " ")
	return nil
}

func (p *parser) detail(text string) error {
	r := p.release
	if r == nil {
		return p.errorf("%q belongs to no release; put NAME VERSION before it", text)
	}
	if text[0] != '@' {
		r.Requires = append(r.Requires, text)
		return nil
	}
	directive, arg, _ := strings.Cut(text, " ")
	arg = strings.TrimSpace(arg)
	if arg == "" && slices.Contains([]string{"@python", "@extra", "@wheel", "@file", "@uploaded", "@claim", "@size", "@url", "@build-requires"}, directive) {
		return p.errorf("%s needs a value", directive)
	}
	switch directive {
	case "@requires-dist":
		r.Requires = append(r.Requires, arg)
	case "@python":
		r.RequiresPython = arg
	case "@extra":
		r.Extras = append(r.Extras, strings.Fields(arg)...)
	case "@url":
		r.URLs = append(r.URLs, arg)
	case "@wheel":
		if !tagPattern.MatchString(arg) {
			return p.errorf("%q is no wheel tag such as py3-none-any", arg)
		}
		r.Wheels = append(r.Wheels, arg)
	case "@sdist":
		r.Sdist = SdistKind(cmp.Or(arg, string(StaticSdist)))
		if !slices.Contains(sdistKinds, r.Sdist) {
			return p.errorf("%q is no kind of sdist; use one of %v", arg, sdistKinds)
		}
	case "@build-requires":
		r.BuildRequires = append(r.BuildRequires, arg)
	case "@file":
		if !filePattern.MatchString(arg) {
			return p.errorf("%q is no file name", arg)
		}
		r.Files = append(r.Files, arg)
	case "@none":
		r.NoFiles = true
	case "@unread":
		r.Unread = true
	case "@yanked":
		r.Yanked, r.YankedReason = true, arg
	case "@uploaded":
		return p.setUploaded(arg)
	case "@claim":
		if r.Claimed = true; arg != "null" {
			r.Claims = append(r.Claims, arg)
		}
	case "@size":
		size, err := strconv.Atoi(arg)
		if err != nil || size < 0 || size > MaxSize {
			return p.errorf("@size %s: give bytes, 0 to %d", arg, MaxSize)
		}
		r.Size = size
	default:
		return p.errorf("unknown directive %s; a dependency of that text needs @requires-dist before it", directive)
	}
	return nil
}

func (p *parser) setUploaded(arg string) error {
	p.release.Uploaded, p.release.NoUploadTime = time.Time{}, arg == "none"
	if p.release.NoUploadTime {
		return nil
	}
	at, err := time.Parse(time.RFC3339, arg)
	if err != nil || at.IsZero() || at.UTC().Year() > 9999 || at.UTC().Year() < 1 {
		return p.errorf("@uploaded %s: give a time such as 2024-03-24T00:00:00Z, or none", arg)
	}
	p.release.Uploaded = at.UTC()
	return nil
}

// finish orders everything and checks what one line alone cannot tell.
func (p *parser) finish() (*Universe, error) {
	u := &Universe{}
	owner := map[string]int{}
	for _, project := range p.projects {
		u.Projects = append(u.Projects, project)
	}
	slices.SortFunc(u.Projects, func(a, b *Project) int { return strings.Compare(a.Name, b.Name) })
	for _, project := range u.Projects {
		sortReleases(project.Releases)
		for i, r := range project.Releases {
			p.line = r.line
			if i > 0 && compareVersions(project.Releases[i-1], r) == 0 {
				return nil, p.errorf("%s %s is on line %d already", project.Title, r.Version, project.Releases[i-1].line)
			}
			if r.NoFiles && (len(r.Wheels) > 0 || r.Sdist != NoSdist || len(r.Files) > 0) {
				return nil, p.errorf("%s %s has @none and files", project.Title, r.Version)
			}
			if len(r.Wheels) == 0 && r.Sdist == NoSdist && len(r.Files) == 0 && !r.NoFiles {
				r.Wheels = []string{DefaultTag}
			}
			if r.Sdist == PyprojectSdist {
				if _, _, err := splitExtras(r.Requires); err != nil {
					return nil, p.errorf("%s %s: %v", project.Title, r.Version, err)
				}
			}
			for _, f := range artefacts(project, r) {
				if before := owner[f.name]; before != 0 {
					return nil, p.errorf("file %s is of the release on line %d already", f.name, before)
				}
				owner[f.name] = r.line
			}
		}
	}
	return u, nil
}

func sortReleases(releases []*Release) {
	slices.SortStableFunc(releases, compareVersions)
}

func compareVersions(a, b *Release) int {
	return pep440.MustParse(a.Version).Compare(pep440.MustParse(b.Version))
}
