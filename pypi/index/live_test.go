//go:build live

package index

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi"
)

// TestLiveWalk walks the dependencies of a service at the default index, newest stable versions, extras left out, and
// tells time, requests and bytes for each order. Run it with -tags live; LIVE_INDEX names another index.
func TestLiveWalk(t *testing.T) {
	roots := strings.Fields(`langgraph langchain langchain-openai ansible-core langchain-anthropic structlog redis hiredis
		pydantic-settings fastapi uvicorn httptools uvloop watchfiles websockets httpx sqlalchemy greenlet asyncpg
		langgraph-checkpoint-postgres`)
	for _, order := range []struct {
		name string
		Order
	}{{"simple", SimpleFirst}, {"json", JSONFirst}} {
		t.Run(order.name, func(t *testing.T) {
			c, err := NewClient(Options{DefaultIndex: os.Getenv("LIVE_INDEX"), Order: order.Order})
			if err != nil {
				t.Fatal(err)
			}
			w := walk{t: t, c: c, seen: map[pypi.Name]bool{}, sources: map[Source]int{}}
			start := time.Now()
			for _, name := range roots {
				w.visit(pypi.NormalizeName(name))
			}
			w.Wait()
			t.Logf("%v, %d packages, %+v, sources %v, claims %d, wrong %d", time.Since(start).Round(time.Millisecond), len(w.seen), c.Stats(), w.sources, w.claims, w.wrong)
		})
	}
}

type walk struct {
	t *testing.T
	c *Client
	sync.WaitGroup

	mu            sync.Mutex
	seen          map[pypi.Name]bool
	sources       map[Source]int
	claims, wrong int
}

func (w *walk) visit(name pypi.Name) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[name] {
		return
	}
	w.seen[name] = true
	w.Go(func() {
		p, err := w.c.Project(context.Background(), name)
		if err != nil {
			w.t.Error(err)
			return
		}
		r := newest(p)
		if r == nil {
			w.t.Errorf("%s has no stable release", name)
			return
		}
		m, err := w.c.MetadataOf(context.Background(), p, r, nil)
		if err != nil {
			w.t.Errorf("%s %s: %v", name, r.Version, err)
			return
		}
		w.mu.Lock()
		w.sources[m.Source]++
		if claim := p.Claim(r); claim != nil {
			w.claims++
			if requires(&Metadata{Metadata: claim}) != requires(m) {
				w.wrong++
			}
		}
		w.mu.Unlock()
		for _, q := range m.Requires {
			if !q.Marker.MentionsExtra() {
				w.visit(q.Name)
			}
		}
	})
}

func newest(p *Project) *Release {
	for i := len(p.Releases) - 1; i >= 0; i-- {
		if r := &p.Releases[i]; !r.Version.IsPrerelease() && !r.Files()[0].Yanked {
			return r
		}
	}
	return nil
}
