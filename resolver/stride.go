package resolver

import (
	"context"
	"errors"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/resolver/pubgrub"
)

const (
	// readAheadAfter is how many releases of a package fail before the next
	// ones are read ahead of their turn.
	readAheadAfter = 4
	// strideAfter is how many fail before the search stops trying one after
	// the other. Up to there it goes like uv's, so that pins are the same.
	strideAfter = 16
	// strideOver is how many releases must be left for striding to pay.
	strideOver = 64
	// readAheadMost is how many documents are read ahead at a time.
	readAheadMost = 32
)

// stride picks the release to try after many of its package failed. As long
// as they fail, older ones are assumed to fail too, and ever more of them are
// passed over: 1, 2, 4 … at a time. What was passed over stays allowed, so
// nothing is lost; [resolving.refine] comes back for the newest that works.
func (p *problem) stride(ctx context.Context, n *node, allowed pubgrub.Set, state int) int {
	c := n.cand
	if n.failures < strideAfter || allowed.Len() < strideOver || p.pinnedByUser(c, state) {
		p.readAhead(ctx, c, allowed, min(n.failures, readAheadMost))
		return state
	}
	if n.tried == nil {
		n.tried = map[int]bool{}
	}
	skip := 1 << min(n.failures-strideAfter+1, 20)
	tier := p.tier(c, state)
	picked := 0
	for s := range p.inOrder(c, allowed) {
		if p.tier(c, s) != tier || n.tried[s] {
			continue
		}
		picked = s
		if skip--; skip < 0 {
			break
		}
	}
	if skip >= 0 {
		// The old end. If that was no use before, what lies between is tried
		// in order, the next ones read together.
		if n.end || picked == 0 {
			picked = state
			p.readAhead(ctx, c, allowed, readAheadMost)
		}
		n.end = true
	}
	n.tried[picked] = true
	return picked
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
		if c.local != nil || c.files[s-1] == nil {
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
					if dc.local == nil && dc.files[t-1] != nil {
						p.fetch.metadata(ctx, dc, t)
					}
					break
				}
			}
		})
	}
}

// errProbe ends the search for a solution with a certain version.
var errProbe = errors.New("the version probed does not work")

// refine looks for newer versions of the packages that the search strode
// over, halving what lies between the version chosen and the last one above
// it that failed. It costs a logarithm of what walking would have.
func (r *resolving) refine(ctx context.Context, s *solved) (*solved, error) {
	var strode []pypi.Name
	for name, id := range s.byName {
		if n := &s.nodes[id]; n.tried != nil && s.sol[id] != pubgrub.Absent {
			strode = append(strode, name)
		}
	}
	slices.Sort(strode)
	for _, name := range strode {
		first := s
		n := &first.nodes[first.byName[name]]
		state := s.sol[s.byName[name]]
		// What was passed over and is better than the choice, best first.
		var open []int
		for v := range s.inOrder(n.cand, n.cand.states().Minus(n.cand.excluded)) {
			if v == state {
				break
			}
			if first.tier(n.cand, v) == first.tier(n.cand, state) {
				open = append(open, v)
			}
		}
		lo, hi := 0, len(open) // the best that works lies in [lo, hi]; hi is the choice
		for i, v := range open {
			if n.failed(v) {
				lo = i + 1
			}
		}
		for lo < hi {
			mid := (lo + hi) / 2
			p := newProblem(s.question, s.fetch, r.observer)
			p.probe = map[pypi.Name]int{name: open[mid]}
			p.stats = r.stats
			sol, _, err := pubgrub.New(p).Solve(ctx)
			r.stats = p.stats
			if errors.Is(err, errProbe) || err == nil && sol == nil {
				lo = mid + 1
				continue
			}
			if err != nil {
				return nil, err
			}
			if id, ok := p.byName[name]; ok && sol[id] == open[mid] && p.settled() {
				s, hi = &solved{p, sol}, mid
				continue
			}
			lo = mid + 1
		}
	}
	return s, nil
}

// failed reports whether a version was decided and undone.
func (n *node) failed(state int) bool { return n.tried[state] }

// settled reports whether the search went without striding.
func (p *problem) settled() bool {
	for i := range p.nodes {
		if p.nodes[i].tried != nil {
			return false
		}
	}
	return true
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
