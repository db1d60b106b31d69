package resolver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// pageReads is an index that notes the pages read.
type pageReads struct {
	*memory
	mu    sync.Mutex
	pages []string
}

func (p *pageReads) Project(ctx context.Context, name pypi.Name) (*index.Project, error) {
	p.mu.Lock()
	p.pages = append(p.pages, string(name))
	p.mu.Unlock()
	return p.memory.Project(ctx, name)
}

// read returns the names of the pages read so far, sorted.
func (p *pageReads) read() string {
	slices.Sort(p.pages)
	return strings.Join(p.pages, " ")
}

// locking makes preferences of "a==1 b==2".
func locking(text string) map[pypi.Name][]Preference {
	out := map[pypi.Name][]Preference{}
	for pin := range strings.FieldsSeq(text) {
		name, v, _ := strings.Cut(pin, "==")
		out[pypi.Name(name)] = append(out[pypi.Name(name)], Preference{Version: pep440.MustParse(v)})
	}
	return out
}

// TestFromPins: with an existing lock only the pages of packages that are not
// in it, or have to move, are read.
func TestFromPins(t *testing.T) {
	const universe = `
a 1
  b
a 2
  b>=2
b 1
  c
b 2
  c>=2
c 1
c 2
new 1
new 2
  b
needy 1
  c>=2
lost 1
  c<1
lost 0
`
	for _, tt := range []struct{ name, asks, lock, want, pages string }{
		{"unchanged", "a", "a==1 b==1 c==1", "a==1 b==1 c==1", ""},
		{"one less", "b", "a==1 b==1 c==1", "b==1 c==1", ""},
		{"one more", "a new", "a==1 b==1 c==1", "a==1 b==1 c==1 new==2", "new"},
		{"a pin that is not admitted", "a>=2 new", "a==1 b==1 c==1", "a==2 b==2 c==2 new==2", "a b c new"},
		{"one that needs a newer pin", "a needy", "a==1 b==1 c==1", "a==1 b==1 c==2 needy==1", "c needy"},
		{"a version that is gone", "a", "a==1 b==1 c==3", "a==1 b==1 c==2", "c"},
		{"a conflict, so all", "a lost", "a==1 b==1 c==1", "a==1 b==1 c==1 lost==0", "a b c lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ix := &pageReads{memory: newMemory(t, indextest.MustParse(universe))}
			q := request(t, strings.Fields(tt.asks)...)
			q.Preferences = locking(tt.lock)
			res, err := Resolve(t.Context(), ix, q, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := pins(res); got != tt.want {
				t.Errorf("pins %s, want %s", got, tt.want)
			}
			if got := ix.read(); got != tt.pages {
				t.Errorf("pages read: %s; want %s", got, tt.pages)
			}
			whole, err := resolve(t.Context(), ix, q, nil, false)
			if err != nil || pins(whole) != tt.want {
				t.Errorf("a search among all releases: %s %v", pins(whole), err)
			}
		})
	}
}

// TestFromPinsAgainstSearch: what is answered from the pins of a lock, and is
// not that lock kept, is to the last letter what a search among all releases
// answers.
func TestFromPinsAgainstSearch(t *testing.T) {
	answered, searched := 0, 0
	eachWorld(t, manyCases(6000), func(r *rand.Rand) *mworld { return randomMulti(r, max(0, r.IntN(6)-2)) }, func(w *mworld) error {
		before, err := ask(t, w.universe(nil), w.request(t))
		if err != nil {
			return nil
		}
		r := rand.New(rand.NewPCG(shortSeed, uint64(len(w.String()))))
		now := w.editInput(r)
		q := now.request(t)
		pins := lockOf(before)
		if len(pins) > 1 && r.IntN(2) == 0 {
			pins = slices.Delete(pins, 0, 1+r.IntN(len(pins)-1)) // of packages that are new then
		}
		if r.IntN(3) == 0 {
			pins = now.editLock(r, pins)
		}
		q = prefer(q, pins)
		whole, err := newScope(&q)
		if err != nil {
			return nil
		}
		m := newMemory(t, indextest.MustParse(now.universe(nil)))
		one := &resolving{request: &q, library: &library{index: m}}
		if one.keep(t.Context(), whole) != nil {
			return nil
		}
		parts, err := one.fromPins(t.Context(), whole)
		if err != nil {
			return fmt.Errorf("from pins: %w", err)
		}
		if parts == nil {
			searched++
			return nil
		}
		answered++
		got := full(Resolve(t.Context(), m, q, nil))
		want := full(resolve(t.Context(), m, q, nil, false))
		return differ("from pins", want, got)
	})
	t.Logf("%d answered from pins, %d searched among all releases", answered, searched)
}
