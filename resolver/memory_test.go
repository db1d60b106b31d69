package resolver

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
)

// memory is an Index without a network, made from a text universe.
type memory struct {
	projects map[pypi.Name]*index.Project
	docs     map[string]*indextest.Release // by file name
	reads    atomic.Int64                  // metadata documents
	partial  bool                          // a recording: of names that are not there nothing is known
}

func newMemory(t testing.TB, u *indextest.Universe) *memory {
	t.Helper()
	m := &memory{projects: map[pypi.Name]*index.Project{}, docs: map[string]*indextest.Release{}}
	for _, p := range u.Projects {
		ip := &index.Project{Name: pypi.Name(p.Name), Index: "https://index.test/simple/"}
		for _, r := range p.Releases {
			version := pep440.MustParse(r.Version)
			var files []index.File
			base := strings.ReplaceAll(p.Name, "-", "_") + "-" + version.String()
			file := func(name string, w *dist.Wheel) {
				f := index.File{Filename: name, URL: "https://index.test/" + name, Hashes: index.NewHashes("sha256:" + digest(name)),
					RequiresPython: r.RequiresPython, Yanked: r.Yanked, YankedReason: r.YankedReason, Wheel: w, UploadTime: r.Uploaded}
				if !r.NoUploadTime && f.UploadTime.IsZero() {
					f.UploadTime = indextest.DefaultUploaded
				}
				if r.RequiresPython != "" {
					s, err := dist.ParseRequiresPython(r.RequiresPython)
					if err != nil {
						return
					}
					f.Python = s
				}
				files = append(files, f)
				m.docs[name] = r
			}
			wheels := r.Wheels
			if len(wheels) == 0 && r.Sdist == indextest.NoSdist && !r.NoFiles {
				wheels = []string{"py3-none-any"}
			}
			for _, tag := range wheels {
				name := base + "-" + tag + ".whl"
				w, err := dist.ParseWheel(name)
				if err != nil {
					t.Fatal(err)
				}
				file(name, &w)
			}
			if r.Sdist != indextest.NoSdist {
				file(base+".tar.gz", nil)
			}
			if len(files) > 0 {
				ip.Releases = append(ip.Releases, index.NewRelease(version, files...))
			}
		}
		slices.SortFunc(ip.Releases, func(a, b index.Release) int { return a.Version.Compare(b.Version) })
		m.projects[ip.Name] = ip
	}
	return m
}

func (m *memory) Project(_ context.Context, name pypi.Name) (*index.Project, error) {
	p, ok := m.projects[name]
	if !ok && m.partial {
		return nil, fmt.Errorf("the page of %s was not recorded", name)
	}
	if !ok || m.partial && len(p.Releases) == 0 {
		return nil, &index.NotFoundError{Name: name}
	}
	return p, nil
}

// digest is the hash of a file, which has no content but its name.
func digest(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name))) }

func (m *memory) Versions(ctx context.Context, name pypi.Name, pins []index.Pinned) (*index.Project, error) {
	p, err := m.Project(ctx, name)
	if err != nil {
		return nil, err
	}
	q := *p
	q.Releases = nil
	for _, r := range p.Releases {
		if slices.ContainsFunc(pins, func(pin index.Pinned) bool { return r.Version.Equal(pin.Version) }) {
			q.Releases = append(q.Releases, r)
		}
	}
	return &q, nil
}

func (m *memory) MetadataOf(_ context.Context, p *index.Project, r *index.Release, f *index.File) (*index.Metadata, error) {
	m.reads.Add(1)
	doc := m.docs[f.Filename]
	if doc.Unread {
		return nil, fmt.Errorf("the metadata of %s %s was not recorded", p.Name, r.Version)
	}
	if f.IsSdist() && (doc.Sdist == indextest.DynamicSdist || doc.Sdist == indextest.LegacySdist) {
		return nil, index.ErrNeedsBuild
	}
	md, err := dist.NewMetadata(doc.Requires, doc.RequiresPython, doc.ProvidesExtra())
	if err != nil {
		return nil, &index.UnusableError{URL: f.URL, Err: err}
	}
	md.Name, md.Version = p.Name, r.Version
	return &index.Metadata{Metadata: md, File: f, Source: index.FromSidecar}, nil
}

func requirement(t testing.TB, s string) project.Requirement {
	t.Helper()
	r, _, err := pep508.ParseRequirement(s)
	if err != nil {
		t.Fatal(err)
	}
	return project.Requirement{Requirement: r, Text: s, Origin: "-r requirements.in", Place: project.Place{File: "requirements.in", Line: 1, Column: 1}}
}

func target(t testing.TB, python, platform string) Target {
	t.Helper()
	p, err := tags.ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	return Target{Python: pep440.MustParse(python), Platform: p}
}

func request(t testing.TB, reqs ...string) Request {
	q := Request{Targets: []Target{target(t, "3.12", "x86_64-manylinux_2_28")}}
	for _, r := range reqs {
		q.Requirements = append(q.Requirements, requirement(t, r))
	}
	return q
}

func pins(r *Resolution) string {
	var out []string
	for _, p := range r.Packages {
		out = append(out, string(p.Name)+"=="+p.Version.String())
	}
	return strings.Join(out, " ")
}
