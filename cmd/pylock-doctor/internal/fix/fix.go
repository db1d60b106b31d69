// Package fix changes text files by lines, so that all that is not changed,
// comments among it, stays byte for byte, and shows the difference.
package fix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Edit is a change of a file. Lines and columns are those of the file before
// all edits.
type Edit struct {
	File string
	Line int // from 1

	// With Column, Delete bytes from there (from 1, in bytes) give way to Insert.
	Column int
	Delete int
	Insert string

	// Without, the lines After are put behind Line, 0 for the top of the file;
	// or, with Move, the lines from Line to To are put before the line Before.
	After  []string
	Move   bool
	To     int
	Before int
}

// Apply applies edits to a text. Those that would clash with an earlier one
// are left out; done are the others.
func Apply(text string, edits []Edit) (out string, done []Edit) {
	lines := strings.Split(text, "\n")
	ending := ""
	if len(lines) > 0 && strings.HasSuffix(lines[0], "\r") {
		ending = "\r"
	}
	last := len(lines)
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(b.Column, a.Column)) // of a line, from its end
	})
	after := map[int][]string{}
	before := map[int][]string{}
	gone := map[int]bool{}
	var seen []Edit
	moved := false
	for _, e := range edits {
		switch {
		case slices.ContainsFunc(seen, func(s Edit) bool { return same(s, e) }):
			done = append(done, e) // two findings, one edit
			continue
		case e.Line < 0 || e.Line > last:
			continue
		case e.Column > 0:
			line := lines[max(e.Line, 1)-1]
			if e.Line == 0 || e.Column-1+e.Delete > len(strings.TrimSuffix(line, "\r")) || slices.ContainsFunc(seen, e.overlaps) {
				continue
			}
			lines[e.Line-1] = line[:e.Column-1] + e.Insert + line[e.Column-1+e.Delete:]
		case e.Move:
			// One move a time: a second would mean other lines.
			if moved || e.Line < 1 || e.To > last || e.To < e.Line || e.Before < 1 || e.Before >= e.Line {
				continue
			}
			moved = true
		default:
			for _, l := range e.After {
				after[e.Line] = append(after[e.Line], l+ending)
			}
		}
		seen, done = append(seen, e), append(done, e)
	}
	for _, e := range seen {
		if e.Move {
			for n := e.Line; n <= e.To; n++ {
				before[e.Before] = append(before[e.Before], lines[n-1])
				gone[n] = true
			}
		}
	}
	var b []string
	b = append(b, after[0]...)
	for n := 1; n <= last; n++ {
		b = append(b, before[n]...)
		if !gone[n] {
			b = append(b, lines[n-1])
		}
		if n == last && lines[n-1] == "" && len(after[n]) > 0 {
			// Behind the end of the last line is a line of its own.
			b = append(b[:len(b)-1], append(after[n], "")...)
			continue
		}
		b = append(b, after[n]...)
	}
	return strings.Join(b, "\n"), done
}

func same(a, b Edit) bool {
	return a.Line == b.Line && a.Column == b.Column && a.Delete == b.Delete && a.Insert == b.Insert &&
		slices.Equal(a.After, b.After) && a.Move == b.Move && a.To == b.To && a.Before == b.Before
}

// overlaps reports whether two edits within a line change the same bytes.
func (e Edit) overlaps(o Edit) bool {
	return o.Column > 0 && o.Line == e.Line && e.Column < o.Column+max(o.Delete, 1) && o.Column < e.Column+max(e.Delete, 1)
}

// context is how many lines around a change are shown.
const context = 3

// Diff is the difference of two texts of a file in the unified format; "" where
// there is none.
func Diff(file, a, b string) string {
	if a == b {
		return ""
	}
	x, y := split(a), split(b)
	ops := compare(x, y)
	var out strings.Builder
	fmt.Fprintf(&out, "--- a/%s\n+++ b/%s\n", file, file)
	for i := 0; i < len(ops); {
		if ops[i].kind == ' ' {
			i++
			continue
		}
		// A hunk: changes with less than two contexts between them.
		start := max(i-context, 0)
		end := i
		for j := i; j < len(ops) && j <= end+2*context; j++ {
			if ops[j].kind != ' ' {
				end = j
			}
		}
		end = min(end+context+1, len(ops))
		na, nb := 0, 0
		for _, o := range ops[start:end] {
			if o.kind != '+' {
				na++
			}
			if o.kind != '-' {
				nb++
			}
		}
		fmt.Fprintf(&out, "@@ -%s +%s @@\n", span(ops[start].a, na), span(ops[start].b, nb))
		for _, o := range ops[start:end] {
			fmt.Fprintf(&out, "%c%s\n", o.kind, strings.TrimSuffix(o.text, "\r"))
		}
		i = end
	}
	return out.String()
}

// span is where the lines of a hunk are, from 1.
func span(before, n int) string {
	if n == 0 {
		return fmt.Sprintf("%d,0", before)
	}
	return fmt.Sprintf("%d,%d", before+1, n)
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// op is a line of a difference, and how many lines of each text are before it.
type op struct {
	kind byte
	text string
	a, b int
}

// maxTable bounds the table of the comparison; what is larger is shown whole.
const maxTable = 16 << 20

// compare finds a longest common subsequence of lines.
func compare(x, y []string) []op {
	head := 0
	for head < len(x) && head < len(y) && x[head] == y[head] {
		head++
	}
	tail := 0
	for tail < len(x)-head && tail < len(y)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	mx, my := x[head:len(x)-tail], y[head:len(y)-tail]
	var ops []op
	for i := range head {
		ops = append(ops, op{' ', x[i], i, i})
	}
	i, j := 0, 0
	put := func(kind byte, text string) {
		ops = append(ops, op{kind, text, head + i, head + j})
		if kind != '+' {
			i++
		}
		if kind != '-' {
			j++
		}
	}
	if len(mx)*len(my) <= maxTable {
		table := make([][]int32, len(mx)+1)
		for n := range table {
			table[n] = make([]int32, len(my)+1)
		}
		for n := len(mx) - 1; n >= 0; n-- {
			for m := len(my) - 1; m >= 0; m-- {
				if mx[n] == my[m] {
					table[n][m] = table[n+1][m+1] + 1
				} else {
					table[n][m] = max(table[n+1][m], table[n][m+1])
				}
			}
		}
		for i < len(mx) && j < len(my) {
			switch {
			case mx[i] == my[j]:
				put(' ', mx[i])
			case table[i+1][j] >= table[i][j+1]:
				put('-', mx[i])
			default:
				put('+', my[j])
			}
		}
	}
	for i < len(mx) {
		put('-', mx[i])
	}
	for j < len(my) {
		put('+', my[j])
	}
	for n := range tail {
		ops = append(ops, op{' ', x[len(x)-tail+n], len(x) - tail + n, len(y) - tail + n})
	}
	return ops
}
