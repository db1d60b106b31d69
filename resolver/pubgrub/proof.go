package pubgrub

// Proof shows that there is no solution: a graph of clauses without cycles,
// ending in one that has no terms or speaks of the root alone.
type Proof struct {
	// Steps are in an order in which each comes after those it was learned
	// from. The last one is the end.
	Steps []Step
}

// Step is one clause of a proof.
type Step struct {
	Clause
	// Left and Right index the steps that this one follows from, by
	// resolution on Pivot; both are -1 for a clause of the source.
	Left, Right int
	Pivot       Package
}

func (s *Solver) proof(end ID) *Proof {
	p := &Proof{}
	index := map[ID]int{}
	// An explicit stack: a chain of resolvents can be long.
	type frame struct {
		id   ID
		done bool
	}
	stack := []frame{{end, false}}
	for len(stack) > 0 {
		f := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if _, ok := index[f.id]; ok {
			continue
		}
		c := &s.clauses[f.id]
		if !f.done && c.left != none {
			stack = append(stack, frame{f.id, true}, frame{c.right, false}, frame{c.left, false})
			continue
		}
		st := Step{Clause: c.Clause, Left: -1, Right: -1}
		if c.left != none {
			st.Left, st.Right, st.Pivot = index[c.left], index[c.right], c.pivot
		}
		index[f.id] = len(p.Steps)
		p.Steps = append(p.Steps, st)
	}
	return p
}
