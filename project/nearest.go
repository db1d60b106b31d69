package project

import (
	"slices"
	"strings"
)

// Nearest returns the names that s was most likely meant to be, best first, at
// most three.
func Nearest(s string, names []string) []string { return nearest(s, names) }

// nearest returns the names that s was most likely meant to be, best first,
// at most three.
func nearest(s string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, n := range names {
		d := editDistance(s, n)
		if d <= max(1, len(s)/3) || len(s) >= 3 && (strings.HasPrefix(n, s) || strings.HasPrefix(s, n) && len(n) >= 3) {
			found = append(found, candidate{n, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	var out []string
	for _, c := range found {
		if len(out) < 3 && !slices.Contains(out, c.name) {
			out = append(out, c.name)
		}
	}
	return out
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbours, in bytes.
func editDistance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := row[j-1]
			if a[i-1] != b[j-1] {
				cost = 1 + min(row[j-1], row[j], next[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					cost = min(cost, before[j-2]+1)
				}
			}
			next[j] = cost
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

// maxListed bounds the names that a message lists.
const maxListed = 20

// Choices ends a message about an unknown name: the nearest known ones, else
// all of them.
func Choices(s string, known []string) string { return choices(s, known) }

// choices ends a message about an unknown name: the nearest known ones, else
// all of them.
func choices(s string, known []string) string {
	if near := nearest(s, known); len(near) > 0 {
		return "did you mean " + strings.Join(near, " or ") + "?"
	}
	switch {
	case len(known) == 0:
		return "there are none"
	case len(known) > maxListed:
		return "there are " + strings.Join(known[:maxListed], ", ") + " …"
	}
	return "there are " + strings.Join(known, ", ")
}
