package pubgrub

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Root is the package that is always selected, in its only version, 1.
const Root Package = 0

// Source tells the solver what exists. Its answers must not depend on when it
// is asked. A solver calls it from one goroutine.
type Source interface {
	// Versions returns how many versions the package has: its states are 0 to
	// that number. The answer for a package never changes.
	Versions(p Package) int

	// Next returns the package to decide, one of candidates: the packages
	// that must be selected and have no version yet, in ascending order.
	Next(candidates []Package) Package

	// Choose returns the version to try for p, one of allowed, which is not
	// empty and lacks Absent. It may instead return clauses, which are added
	// before anything else is decided; it must do so a bounded number of times.
	Choose(ctx context.Context, p Package, allowed Set) (version int, clauses []Clause, err error)

	// Clauses returns the clauses that matter once p has the version: its
	// dependencies. Those returned before may be left out. They are added
	// even if the version is then not decided, because one of them already
	// excludes it.
	Clauses(ctx context.Context, p Package, version int, state State) ([]Clause, error)

	// Conflict reports that a version of affected, which was decided or about
	// to be, is ruled out as long as the decision for culprit stands; culprit
	// is Root if no decision is to blame. The violated clause has the terms of
	// cause, which are not to be changed. It returns a package whose decision, and all later
	// ones, shall be undone so that others come first, or Root for none. It
	// must return a package only a bounded number of times.
	Conflict(affected, culprit Package, cause []Term) Package
}

// State is what a Source may know of the search.
type State interface {
	// Version returns the decided version of p, or Absent.
	Version(p Package) int
	// Allowed returns the states of p that nothing excludes so far.
	Allowed(p Package) Set
	// Selected reports whether p must be selected, decided or not.
	Selected(p Package) bool
}

// Solution is the version of each package; packages not in it are absent.
type Solution map[Package]int

// Stats counts the work of a search.
type Stats struct {
	Decisions int
	Conflicts int
	Clauses   int
}

// ErrBudget is returned when the search used up its decisions.
var ErrBudget = errors.New("the search has used up its budget of decisions")

// Solver is one search. It is not safe for concurrent use.
type Solver struct {
	// Budget limits the decisions; 0 is no limit.
	Budget int

	source  Source
	sizes   []int32
	clauses []clause
	byPkg   [][]ID // by package: the clauses that have a term of it, ascending
	merged  map[string]ID
	sol     partial
	stats   Stats
	changed []Package // packages whose clauses have not been looked at since they changed
	queued  []bool
	cand    []Package
	// decisions holds the package decided at each level from 1 on.
	decisions []Package
}

// New returns a solver for the problem that the source describes.
func New(source Source) *Solver {
	s := &Solver{source: source, merged: map[string]ID{}}
	s.sol.size = s.size
	return s
}

// Stats returns the work done so far.
func (s *Solver) Stats() Stats { return s.stats }

// Version implements State.
func (s *Solver) Version(p Package) int { s.sol.grow(p); return int(s.sol.chosen[p]) }

// Allowed implements State.
func (s *Solver) Allowed(p Package) Set { return s.sol.acc(p) }

// Selected implements State.
func (s *Solver) Selected(p Package) bool { return !s.sol.acc(p).Has(Absent) }

func (s *Solver) size(p Package) int {
	for int(p) >= len(s.sizes) {
		s.sizes = append(s.sizes, 0)
	}
	if s.sizes[p] == 0 {
		s.sizes[p] = int32(s.source.Versions(p)) + 1
	}
	return int(s.sizes[p])
}

// Solve searches. The proof is nil when there is a solution; otherwise it
// shows why there is none. An error is one of the source's, the context's, or
// [ErrBudget].
func (s *Solver) Solve(ctx context.Context) (Solution, *Proof, error) {
	// The root is no choice: it stands at level 0, which is never undone.
	s.sol.push(Root, One(1), none)
	s.sol.chosen[Root] = 1
	s.touch(Root)
	if _, err := s.expand(ctx, Root, 1); err != nil {
		return nil, nil, err
	}
	for {
		if failed := s.propagate(); failed != none {
			return nil, s.proof(failed), nil
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		cand := s.candidates()
		if len(cand) == 0 {
			return s.solution(), nil, nil
		}
		p := s.source.Next(cand)
		v, clauses, err := s.source.Choose(ctx, p, s.sol.acc(p))
		if err != nil {
			return nil, nil, err
		}
		if len(clauses) > 0 {
			for i := range clauses {
				s.add(clauses[i])
			}
			s.touch(p)
			continue
		}
		if !s.sol.acc(p).Has(v) || v == Absent {
			panic(fmt.Sprintf("pubgrub: source chose state %d of package %d, which is not allowed", v, p))
		}
		s.stats.Decisions++
		if s.Budget > 0 && s.stats.Decisions > s.Budget {
			return nil, nil, ErrBudget
		}
		conflict, err := s.expand(ctx, p, v)
		if err != nil {
			return nil, nil, err
		}
		if conflict != none {
			// The version is ruled out by what it depends on. Deciding it would
			// only have to be undone: let the clause exclude it instead.
			s.touch(p)
			s.backUp(s.source.Conflict(p, s.culprit(conflict, p), s.clauses[conflict].Terms))
			continue
		}
		s.decisions = append(s.decisions[:s.sol.level], p)
		s.sol.decide(p, v)
		s.touch(p)
	}
}

// culprit returns the package whose decision makes the last of the clause's
// terms hold, that of p aside.
func (s *Solver) culprit(id ID, p Package) Package {
	level := int32(0)
	for _, t := range s.clauses[id].Terms {
		if t.Package == p {
			continue
		}
		if i := s.sol.earliest(t.Package, t.Set, Set{}, false, int32(len(s.sol.trail))); i >= 0 {
			level = max(level, s.sol.trail[i].level)
		}
	}
	return s.decided(level)
}

// decided returns the package that was decided at a level.
func (s *Solver) decided(level int32) Package {
	if level == 0 {
		return Root
	}
	return s.decisions[level-1]
}

// backUp undoes the decision for p and everything after it.
func (s *Solver) backUp(p Package) {
	if p == Root || s.Version(p) == Absent {
		return
	}
	for _, i := range s.sol.steps[p] {
		if a := &s.sol.trail[i]; a.cause == none {
			s.backtrack(a.level - 1)
			return
		}
	}
}

// backtrack undoes all above the level and looks at everything again that
// might now say something else.
func (s *Solver) backtrack(level int32) {
	for i := len(s.sol.trail) - 1; i >= 0 && s.sol.trail[i].level > level; i-- {
		s.touch(s.sol.trail[i].pkg)
	}
	s.sol.backtrack(level)
}

// expand adds the clauses of the version. It returns one that excludes the
// version in the present state, or none.
func (s *Solver) expand(ctx context.Context, p Package, v int) (ID, error) {
	clauses, err := s.source.Clauses(ctx, p, v, s)
	if err != nil {
		return none, err
	}
	conflict := none
	for i := range clauses {
		id := s.add(clauses[i])
		if id != none && conflict == none && p != Root && s.excludes(id, p, v) {
			conflict = id
		}
	}
	return conflict, nil
}

// excludes reports whether the clause would be violated by deciding p at v.
func (s *Solver) excludes(id ID, p Package, v int) bool {
	about := false
	for _, t := range s.clauses[id].Terms {
		if t.Package == p {
			if !t.Set.Has(v) {
				return false
			}
			about = true
			continue
		}
		if !s.sol.acc(t.Package).SubsetOf(t.Set) {
			return false
		}
	}
	return about
}

func (s *Solver) candidates() []Package {
	s.cand = s.cand[:0]
	for p := range s.sol.last {
		if s.sol.last[p] >= 0 && s.sol.chosen[p] == Absent && !s.sol.trail[s.sol.last[p]].acc.Has(Absent) {
			s.cand = append(s.cand, Package(p))
		}
	}
	return s.cand
}

func (s *Solver) solution() Solution {
	out := Solution{}
	for p, v := range s.sol.chosen {
		if v != Absent {
			out[Package(p)] = int(v)
		}
	}
	return out
}

// touch marks a package whose clauses must be looked at.
func (s *Solver) touch(p Package) {
	for int(p) >= len(s.queued) {
		s.queued = append(s.queued, false)
	}
	if !s.queued[p] {
		s.queued[p] = true
		s.changed = append(s.changed, p)
	}
}

// add puts a clause of the source into the arena, merged with a like one. It
// returns none for a clause that always holds.
func (s *Solver) add(c Clause) ID {
	c.Terms = sortTerms(slices.Clone(c.Terms))
	if slices.ContainsFunc(c.Terms, func(t Term) bool { return t.Set.IsEmpty() }) {
		return none
	}
	c.Terms = slices.DeleteFunc(c.Terms, func(t Term) bool { return t.Set.isFull(s.size(t.Package)) })
	key := c.mergeKey()
	old, ok := s.merged[key]
	if ok {
		was, _ := s.clauses[old].term(c.Subject)
		now, _ := (&clause{Clause: c}).term(c.Subject)
		if now.SubsetOf(was) {
			return old
		}
		for i := range c.Terms {
			if c.Terms[i].Package == c.Subject {
				c.Terms[i].Set = now.Union(was)
			}
		}
		c.Reason = s.clauses[old].Reason
	}
	id := s.append(clause{Clause: c, left: none, right: none})
	if ok {
		for _, t := range s.clauses[old].Terms {
			s.unlink(t.Package, old)
		}
	}
	s.merged[key] = id
	return id
}

func (s *Solver) unlink(p Package, id ID) {
	l := s.byPkg[p]
	for i := len(l) - 1; i >= 0; i-- {
		if l[i] == id {
			s.byPkg[p] = append(l[:i], l[i+1:]...)
			return
		}
	}
}

func (s *Solver) append(c clause) ID {
	id := ID(len(s.clauses))
	c.contraAt = -1
	s.clauses = append(s.clauses, c)
	s.stats.Clauses++
	for _, t := range c.Terms {
		for int(t.Package) >= len(s.byPkg) {
			s.byPkg = append(s.byPkg, nil)
		}
		s.byPkg[t.Package] = append(s.byPkg[t.Package], id)
		s.touch(t.Package)
	}
	return id
}

// propagate derives all that follows, learning from conflicts on the way. It
// returns a clause that proves failure, or none.
func (s *Solver) propagate() ID {
	for len(s.changed) > 0 {
		p := s.changed[len(s.changed)-1]
		s.changed = s.changed[:len(s.changed)-1]
		s.queued[p] = false
		if int(p) >= len(s.byPkg) {
			continue
		}
		// Newest first: what was learned last is the most to the point.
		for i := len(s.byPkg[p]) - 1; i >= 0; i-- {
			id := s.byPkg[p][i]
			q, set, rel := s.look(id)
			switch rel {
			case silent:
				continue
			case unit:
				s.sol.push(q, set.Complement(s.size(q)), id)
				s.touch(q)
				continue
			}
			s.stats.Conflicts++
			cause := s.clauses[id].Terms
			learned, level, failed := s.learn(id)
			if failed {
				return learned
			}
			back := Root
			if s.sol.level < level {
				back = s.source.Conflict(s.decided(level), s.decided(s.sol.level), cause)
			}
			// The rest of p's clauses, and the learned one, are looked at anew.
			s.touch(p)
			for _, t := range s.clauses[learned].Terms {
				s.touch(t.Package)
			}
			s.backUp(back)
			break
		}
	}
	return none
}

type relation uint8

const (
	silent   relation = iota // a term does not hold, or several are open
	unit                     // all terms but one hold
	violated                 // all terms hold
)

// look compares a clause with the partial solution. For a unit clause it
// returns the open term.
func (s *Solver) look(id ID) (Package, Set, relation) {
	c := &s.clauses[id]
	if c.contraAt >= 0 && int(c.contraAt) < len(s.sol.trail) && s.sol.trail[c.contraAt].serial == c.contraSerial {
		return 0, Set{}, silent
	}
	open := -1
	for i := range c.Terms {
		t := &c.Terms[i]
		acc := s.sol.acc(t.Package)
		if acc.SubsetOf(t.Set) {
			continue
		}
		if acc.Disjoint(t.Set) {
			if last := s.sol.last[t.Package]; last >= 0 {
				c.contraAt, c.contraSerial = last, s.sol.trail[last].serial
			}
			return 0, Set{}, silent
		}
		if open >= 0 {
			return 0, Set{}, silent
		}
		open = i
	}
	if open < 0 {
		return 0, Set{}, violated
	}
	return c.Terms[open].Package, c.Terms[open].Set, unit
}

// learn resolves a violated clause with the causes of what violates it until
// it would have spoken at an earlier level, goes back there, and returns it
// with the level whose decision it rules out. failed means that the clause
// speaks against the root alone.
func (s *Solver) learn(id ID) (learned ID, level int32, failed bool) {
	for {
		terms := s.clauses[id].Terms
		// The satisfier is the step after which all terms hold.
		satisfier, at := int32(-1), Term{}
		for _, t := range terms {
			if i := s.sol.earliest(t.Package, t.Set, Set{}, false, int32(len(s.sol.trail))); i > satisfier {
				satisfier, at = i, t
			}
		}
		if satisfier < 0 || s.sol.trail[satisfier].level == 0 && s.sol.trail[satisfier].cause == none {
			return id, 0, true
		}
		step := s.sol.trail[satisfier]
		// previous is the level at which all but the satisfier hold.
		previous := int32(0)
		for _, t := range terms {
			if t.Package == at.Package {
				continue
			}
			if i := s.sol.earliest(t.Package, t.Set, Set{}, false, int32(len(s.sol.trail))); i >= 0 {
				previous = max(previous, s.sol.trail[i].level)
			}
		}
		if i := s.sol.earliest(at.Package, at.Set, step.set, true, satisfier); i >= 0 {
			previous = max(previous, s.sol.trail[i].level)
		}
		if step.cause == none || previous < step.level {
			s.backtrack(previous)
			return id, step.level, false
		}
		cause := step.cause
		next := resolvent(terms, s.clauses[cause].Terms, at.Package, s.size)
		id = s.append(clause{Clause: Clause{Terms: next}, left: id, right: cause, pivot: at.Package})
	}
}
