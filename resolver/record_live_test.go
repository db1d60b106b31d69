//go:build live

package resolver

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

var record = flag.String("record", "", "the recording to make anew, or all")

// TestRecord reads the recordings anew from the live index: make record.
func TestRecord(t *testing.T) {
	for _, r := range recordings {
		if *record != r.name && *record != "all" {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			client, err := index.NewClient(index.Options{DefaultIndex: os.Getenv("LIVE_INDEX"), Concurrency: 16})
			if err != nil {
				t.Fatal(err)
			}
			rec := &recorder{client: client, pages: map[pypi.Name]*index.Project{}, docs: map[*index.Release]*recorded{}}
			for _, pit := range r.pits {
				_, err := Resolve(t.Context(), rec, pit.request(t), nil)
				if no := (*NoSolutionError)(nil); err != nil && !errors.As(err, &no) {
					t.Fatal(err)
				}
			}
			t.Logf("the resolver asked for %d pages, %d documents", len(rec.pages), len(rec.docs))
			request := r.pits[0].request(t)
			sc, err := newScope(&request)
			if err != nil {
				t.Fatal(err)
			}
			q := newQuestion(&request, sc, nil)
			if err := rec.readOn(t, q, r); err != nil {
				t.Fatal(err)
			}
			t.Logf("recorded %d pages, %d documents; not there: %v; %+v", len(rec.pages), len(rec.docs), rec.absent, client.Stats())
			if err := rec.write(q, r); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A recorder is the live index, and keeps what it was asked for.
type recorder struct {
	client *index.Client
	mu     sync.Mutex
	pages  map[pypi.Name]*index.Project
	docs   map[*index.Release]*recorded
	absent []pypi.Name
}

// recorded is the metadata of a release, or why there is none.
type recorded struct {
	*dist.Metadata
	err error
}

func (r *recorder) Project(ctx context.Context, name pypi.Name) (*index.Project, error) {
	p, err := r.client.Project(ctx, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.pages[name] = p
	} else if errors.Is(err, index.ErrNotFound) && !slices.Contains(r.absent, name) {
		r.absent = append(r.absent, name)
	}
	return p, err
}

// Versions is for preferences, which a recording has none of.
func (r *recorder) Versions(ctx context.Context, name pypi.Name, pins []index.Pinned) (*index.Project, error) {
	return r.client.Versions(ctx, name, pins)
}

func (r *recorder) MetadataOf(ctx context.Context, p *index.Project, rel *index.Release, f *index.File) (*index.Metadata, error) {
	m, err := r.client.MetadataOf(ctx, p, rel, f)
	r.mu.Lock()
	defer r.mu.Unlock()
	unusable := (*index.UnusableError)(nil)
	switch {
	case err == nil:
		r.docs[rel] = &recorded{Metadata: m.Metadata}
	case errors.Is(err, index.ErrNeedsBuild), errors.As(err, &unusable):
		r.docs[rel] = &recorded{err: err}
	}
	return m, err
}

// readOn reads what other ways of searching may ask for: the packages of the
// recording whole, of every other package reached its newest releases, and so
// on with what those need in the target.
func (r *recorder) readOn(t *testing.T, q *question, of recording) error {
	seen := map[extraKey]bool{}
	var todo []extraKey
	reach := func(d dependency) {
		for _, x := range append([]pypi.Extra{""}, d.Extras...) {
			if k := (extraKey{d.Name, x}); !seen[k] {
				seen[k] = true
				todo = append(todo, k)
			}
		}
	}
	for _, pit := range of.pits {
		for _, text := range strings.Fields(pit.asks) {
			req := requirement(t, text)
			reach(dependency{Name: req.Name, Extras: req.Extras})
		}
	}
	for _, name := range strings.Fields(of.whole) {
		reach(dependency{Name: pypi.Name(name)})
	}
	for len(todo) > 0 {
		k := todo[0]
		todo = todo[1:]
		p, err := r.Project(t.Context(), k.name)
		if errors.Is(err, index.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		c := newCandidates(q, p)
		most := of.newest
		if slices.Contains(strings.Fields(of.whole), string(k.name)) {
			most = len(c.versions)
		}
		var wg sync.WaitGroup
		slots := make(chan struct{}, 16)
		for i := len(c.versions) - 1; i >= 0 && most > 0; i-- {
			if !c.usable(i + 1) {
				continue
			}
			most--
			slots <- struct{}{}
			wg.Go(func() {
				r.MetadataOf(t.Context(), p, c.releases[i], c.file(i+1))
				<-slots
			})
		}
		wg.Wait()
		if of.newest == 0 {
			continue
		}
		for i := range c.versions {
			if doc := r.docs[c.releases[i]]; doc != nil && doc.err == nil {
				for _, d := range q.dependencies(c, doc.Metadata, k.extra) {
					reach(d)
				}
			}
		}
	}
	return nil
}

// oneWheel returns the wheel that the target would take, or else the first
// one, and the source distributions.
func oneWheel(q *question, name pypi.Name, rel *index.Release) []index.File {
	keep := q.judge(name, rel).file
	var files []index.File
	for i, f := range rel.Files() {
		if keep == nil && !f.IsSdist() {
			keep = &rel.Files()[i]
		}
		if f.IsSdist() || keep == &rel.Files()[i] {
			files = append(files, f)
		}
	}
	return files
}

func (r *recorder) write(q *question, of recording) error {
	u := &indextest.Universe{}
	for _, name := range r.absent {
		u.Projects = append(u.Projects, &indextest.Project{Name: string(name), Title: string(name), Status: "active", StatusReason: "not on the index"})
	}
	for _, name := range sortedKeys(r.pages) {
		p := &indextest.Project{Name: string(name), Title: string(name)}
		for i := range r.pages[name].Releases {
			rel := &r.pages[name].Releases[i]
			out := release(rel, rel.Files(), r.docs[rel])
			if of.newest == 0 {
				// Hundreds of packages, for one target and no cutoff.
				out = release(rel, oneWheel(q, name, rel), r.docs[rel])
				out.Uploaded, out.NoUploadTime = time.Time{}, false
			}
			p.Releases = append(p.Releases, out)
		}
		u.Projects = append(u.Projects, p)
	}
	slices.SortFunc(u.Projects, func(a, b *indextest.Project) int { return strings.Compare(a.Name, b.Name) })
	f, err := os.Create(of.file())
	if err != nil {
		return err
	}
	defer f.Close()
	z, _ := gzip.NewWriterLevel(f, gzip.BestCompression)
	b := bufio.NewWriter(z)
	fmt.Fprintf(b, "# Recorded on %s by make record, for\n", time.Now().UTC().Format(time.DateOnly))
	for _, pit := range of.pits {
		fmt.Fprintf(b, "#   %s\n", pit.asks)
	}
	b.WriteString(u.String())
	return errors.Join(b.Flush(), z.Close(), f.Close())
}

// release says of a release what a resolver needs to know; the day stands for
// the time of the upload.
func release(rel *index.Release, files []index.File, doc *recorded) *indextest.Release {
	out := &indextest.Release{Version: rel.Version.String()}
	if i := slices.IndexFunc(files, func(f index.File) bool { return !f.Yanked }); i >= 0 {
		files = slices.DeleteFunc(slices.Clone(files), func(f index.File) bool { return f.Yanked })
	} else {
		out.Yanked, out.YankedReason = true, strings.Join(strings.Fields(files[0].YankedReason), " ")
	}
	for _, f := range files {
		if f.IsSdist() {
			out.Sdist = indextest.StaticSdist
		} else if tag := strings.Join(strings.Split(strings.TrimSuffix(f.Filename, ".whl"), "-")[2:], "-"); !slices.Contains(out.Wheels, tag) {
			out.Wheels = append(out.Wheels, tag)
		}
		if out.RequiresPython == "" {
			out.RequiresPython = f.RequiresPython
		}
		if t := f.UploadTime.UTC().Truncate(24 * time.Hour); !t.IsZero() && (out.Uploaded.IsZero() || t.Before(out.Uploaded)) {
			out.Uploaded = t
		}
	}
	out.NoUploadTime = out.Uploaded.IsZero()
	switch {
	case doc == nil:
		out.Unread = true
	case doc.err != nil && len(out.Wheels) == 0:
		out.Sdist = indextest.DynamicSdist
	case doc.err != nil:
		// A requirement that cannot be parsed stands for whatever is wrong.
		out.Requires = []string{"@unusable"}
	default:
		for _, d := range doc.Requires {
			out.Requires = append(out.Requires, d.String())
		}
		if out.RequiresPython == "" {
			out.RequiresPython = doc.RequiresPython.String()
		}
		named := out.ProvidesExtra()
		for _, x := range doc.Extras {
			if !slices.Contains(named, string(x)) {
				out.Extras = append(out.Extras, string(x))
			}
		}
	}
	return out
}
