package resolver

import (
	"context"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

const (
	// readAheadAfter is how many releases of a package fail before the next
	// ones are read ahead of their turn.
	readAheadAfter = 4
	// readAheadMost is how many documents are read ahead at a time.
	readAheadMost = 32
)

// pace is a variable so that small universes can be strode over in tests.
var pace = pacing{strideAfter: 16, strideOver: 64, probeOver: 16, refineStep: 5}

type pacing struct {
	// strideAfter is how many releases fail before the search stops trying one
	// after the other. Up to there it goes like uv's, so that pins are the same.
	strideAfter int
	// strideOver is how many releases must be left for striding to pay.
	strideOver int
	// probeOver is how many releases of a package fail before a probe gives up.
	probeOver int
	// refineStep is how many releases next to one that works are tried in turn.
	refineStep int
}

// walk is how the search has gone through the releases of a package: a run of
// failures for one cause, and the way on from there. Positions are in the
// order of preference.
type walk struct {
	order []int // states, the preferred first
	at    map[int]int
	first int    // the state tried first
	tries int    // how many failed
	last  int    // the state tried last
	cause string // of the present run
	fails int    // its length
	from  int    // position of its last failure: what comes before is taken to fail too
	to    int    // position behind from that does not fail for this cause, or 0 for none known
	step  int
	// passed holds the states that were passed over. They remain allowed, and
	// come last.
	passed pubgrub.Set
	vain   bool // all that is left was passed over
}

// causeOf names what a conflict was about, apart from the package itself, and
// whether something newer or older was needed than was left. Where releases
// pin another package, what fits lies where the one turns into the other.
func (p *problem) causeOf(affected pubgrub.Package, cause []pubgrub.Term) string {
	var names []string
	for _, t := range cause {
		if p.base(t.Package) == affected {
			continue
		}
		name := string(p.nodes[t.Package].name)
		wanted, left := t.Set.Complement(p.Versions(t.Package)+1).Spans(), p.state.Allowed(t.Package).Spans()
		if len(wanted) > 0 && len(left) > 0 {
			switch {
			case wanted[0].Lo >= left[len(left)-1].Hi:
				name += ">"
			case wanted[len(wanted)-1].Hi <= left[0].Lo:
				name += "<"
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// failed notes that the state tried last failed.
func (w *walk) failed(c *candidates, cause string) {
	w.tries++
	if w.striding() {
		i, ok := w.at[w.last]
		switch {
		case !ok:
		case cause != w.cause:
			// Strode too far: the run ends somewhere before.
			w.to = i
		case i > w.from:
			w.from = i
		}
		return
	}
	if cause != w.cause {
		w.cause, w.fails = cause, 0
	}
	w.fails++
}

func (w *walk) striding() bool { return w.step > 0 }

// stride picks the release to try after many of its package failed for one
// cause. Older ones are then assumed to fail for it too, and ever more of them
// are passed over: 1, 2, 4 … at a time, until one does not, or fails for
// another cause; the newest such one is found by halving, and the walk goes on
// from there. What was passed over stays allowed, so nothing is lost.
func (p *problem) stride(ctx context.Context, n *node, allowed pubgrub.Set, state int) int {
	c, w := n.cand, &n.walk
	if !w.striding() {
		if p.probing != "" || w.fails < pace.strideAfter || allowed.Len() < pace.strideOver || p.pinnedByUser(c, state) {
			return p.next(ctx, n, allowed, state)
		}
		tier := p.tier(c, state)
		w.order, w.at = nil, map[int]int{}
		for s := range p.inOrder(c, c.states().Minus(c.excluded)) {
			if p.tier(c, s) == tier {
				w.at[s] = len(w.order)
				w.order = append(w.order, s)
			}
		}
		if _, ok := w.at[w.last]; !ok {
			return p.next(ctx, n, allowed, state)
		}
		w.from, w.to, w.step = w.at[w.last], 0, 1
	}
	open := func(i int) bool { return allowed.Has(w.order[i]) }
	if w.to > 0 {
		// The release nearest to the middle that is still open.
		mid := (w.from + w.to) / 2
		for d := 0; d <= w.to-w.from; d++ {
			for _, i := range []int{mid - d, mid + d} {
				if i > w.from && i < w.to && open(i) {
					return w.order[i]
				}
			}
		}
		w.settle()
		return p.next(ctx, n, allowed, p.prefer(c, allowed))
	}
	w.step *= 2
	for i := min(w.from+w.step, len(w.order)-1); i > w.from; i-- {
		if open(i) {
			return w.order[i]
		}
	}
	for i := w.from + w.step; i < len(w.order); i++ {
		if open(i) {
			return w.order[i]
		}
	}
	w.settle()
	return p.next(ctx, n, allowed, p.prefer(c, allowed))
}

// settle ends a run: what came before its last failure is put last.
func (w *walk) settle() {
	var spans []pubgrub.Span
	for _, s := range w.order[:w.from+1] {
		spans = append(spans, pubgrub.Span{Lo: int32(s), Hi: int32(s + 1)})
	}
	w.passed = w.passed.Union(pubgrub.Of(spans...))
	w.cause, w.fails, w.step, w.to = "", 0, 0, 0
}

// next picks the preferred release that was not passed over, and reads the
// ones after it ahead.
func (p *problem) next(ctx context.Context, n *node, allowed pubgrub.Set, state int) int {
	most := min(n.walk.fails, readAheadMost)
	if !n.walk.passed.IsEmpty() {
		fresh := allowed.Minus(n.walk.passed)
		if s := p.prefer(n.cand, fresh); s != 0 {
			state, allowed = s, fresh
		} else {
			// Nothing else is left: one by one, the next ones read together.
			most, n.walk.vain = readAheadMost, true
		}
	}
	p.readAhead(ctx, n.cand, allowed, most)
	return state
}

func (p *problem) pinnedByUser(c *candidates, state int) bool {
	for v := range p.pins(c) {
		if c.versions[state-1].Equal(v) {
			return true
		}
	}
	return false
}

// readAhead starts to read the metadata of the next releases, and of those
// that they pin exactly.
func (p *problem) readAhead(ctx context.Context, c *candidates, allowed pubgrub.Set, most int) {
	for s := range p.inOrder(c, allowed) {
		if most--; most < 0 {
			return
		}
		if c.local != nil || !c.usable(s) || p.mayBuild(c, s) {
			continue
		}
		doc := p.fetch.metadata(ctx, c, s)
		p.fetch.wg.Go(func() {
			m, err := doc.wait(ctx)
			if err != nil {
				return
			}
			for _, d := range p.dependencies(c, m, "") {
				if len(d.Specifiers) != 1 || !isExact(d.Specifiers[0]) {
					continue
				}
				dc, err := p.fetch.candidates(ctx, d.Name).wait(ctx)
				if err != nil {
					return
				}
				for t := range p.inOrder(dc, dc.set(d.Specifiers).Minus(dc.excluded)) {
					if dc.local == nil && dc.usable(t) && !p.mayBuild(dc, t) {
						p.fetch.metadata(ctx, dc, t)
					}
					break
				}
			}
		})
	}
}

// tier ranks a release by what makes it a worse choice than a newer or older
// one without it: being a pre-release, being admitted laxly.
func (q *question) tier(c *candidates, state int) int {
	tier := 0
	if !c.lax[state-1].isNone() {
		tier += 2
	}
	if q.prereleaseMode(c.name) != anyOrder && c.versions[state-1].IsPrerelease() {
		tier++
	}
	return tier
}
