// Package pubgrub finds one version of each package so that no clause is
// violated, or proves that there is none.
//
// It implements PubGrub, version solving with conflict-driven learning, after
// https://github.com/dart-lang/pub/blob/master/doc/solver.md, over integers: a
// package is a small number, and so is each of its versions. It knows nothing
// of version syntax and does no I/O; a [Source] tells it what exists and what
// depends on what, at the moment when that matters.
//
// # Sets
//
// A package with n versions has the states 0 to n: 0 ([Absent]) means that
// the package is not selected, v ≥ 1 means that version v is. A [Term] says
// that the state of a package lies in a [Set]. What the published algorithm
// calls a negative term is a set that holds Absent, so that negation,
// intersection, union and the subset relation are those of sets, with no case
// distinction. "a 1 depends on b 2" is the clause {a ∈ {1}, b ∉ {2}}: these
// must never hold at once.
//
// # Clauses
//
// A clause (the literature says incompatibility) is a conjunction of terms
// over distinct packages that no solution satisfies. Clauses with more than
// two terms are as good as others: {a ∈ {1}, x ∈ {1}, b ∉ {2}} is "a 1 with its
// extra x depends on b 2", where x is a package of its own with one version.
//
// # Soundness and completeness
//
// Every learned clause is the resolvent of two earlier ones: if p ∈ A with R₁
// is impossible, and p ∈ B with R₂ is, then p ∈ A ∪ B with R₁ and R₂ is. So a
// clause without terms proves that there is no solution, and the chain of
// resolvents is that [Proof]. Given finite version lists the search ends:
// each conflict rules out an assignment that no earlier clause did.
package pubgrub
