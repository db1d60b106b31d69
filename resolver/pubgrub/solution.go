package pubgrub

import "sort"

// assignment is one step of the search: a decision for one version, or what
// follows from a clause.
type assignment struct {
	pkg    Package
	set    Set    // what this step says by itself
	acc    Set    // with all earlier steps of the package
	level  int32  // decisions made so far, this one included
	cause  ID     // none for a decision
	serial uint32 // unique over the whole search
}

// partial is the partial solution: the steps in order, and what is known of
// each package by now.
type partial struct {
	trail  []assignment
	last   []int32   // by package: its latest step, or -1
	steps  [][]int32 // by package: all its steps, ascending
	chosen []int32   // by package: the decided version, or 0
	level  int32
	serial uint32
	size   func(Package) int
	full   []Set // by package: all states
}

func (s *partial) grow(p Package) {
	for int(p) >= len(s.last) {
		s.last = append(s.last, -1)
		s.steps = append(s.steps, nil)
		s.chosen = append(s.chosen, 0)
		s.full = append(s.full, Set{})
	}
}

// acc returns the states of p that are left.
func (s *partial) acc(p Package) Set {
	s.grow(p)
	if i := s.last[p]; i >= 0 {
		return s.trail[i].acc
	}
	if s.full[p].IsEmpty() {
		s.full[p] = Range(0, s.size(p))
	}
	return s.full[p]
}

func (s *partial) push(p Package, set Set, cause ID) {
	acc := s.acc(p).Intersect(set)
	s.serial++
	s.trail = append(s.trail, assignment{p, set, acc, s.level, cause, s.serial})
	s.last[p] = int32(len(s.trail) - 1)
	s.steps[p] = append(s.steps[p], s.last[p])
}

func (s *partial) decide(p Package, v int) {
	s.level++
	s.push(p, One(v), none)
	s.chosen[p] = int32(v)
}

// backtrack removes every step above the level.
func (s *partial) backtrack(level int32) {
	n := len(s.trail)
	for n > 0 && s.trail[n-1].level > level {
		n--
		a := &s.trail[n]
		steps := s.steps[a.pkg][:len(s.steps[a.pkg])-1]
		s.steps[a.pkg], s.last[a.pkg] = steps, -1
		if len(steps) > 0 {
			s.last[a.pkg] = steps[len(steps)-1]
		}
		if a.cause == none {
			s.chosen[a.pkg] = 0
		}
		*a = assignment{}
	}
	s.trail = s.trail[:n]
	s.level = level
}

// earliest returns the first step of the package after which its states,
// narrowed by extra, lie within set. The steps of a package only ever narrow.
// It returns -1 where the states lie within set from the start.
func (s *partial) earliest(p Package, set, extra Set, narrowed bool, before int32) int32 {
	steps := s.steps[p]
	steps = steps[:sort.Search(len(steps), func(k int) bool { return steps[k] >= before })]
	k := sort.Search(len(steps), func(k int) bool {
		acc := s.trail[steps[k]].acc
		if narrowed {
			acc = acc.Intersect(extra)
		}
		return acc.SubsetOf(set)
	})
	if k == len(steps) || k == 0 && narrowed && s.acc0(p).Intersect(extra).SubsetOf(set) {
		return -1
	}
	return steps[k]
}

func (s *partial) acc0(p Package) Set {
	if s.full[p].IsEmpty() {
		s.full[p] = Range(0, s.size(p))
	}
	return s.full[p]
}
