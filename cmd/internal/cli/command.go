package cli

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// command collects the canonical command line of a lock: it gives the same
// lock on every machine, run from the root.
type command struct {
	words []string
	flags []flag
}

type flag struct{ name, value string }

func (c *command) flag(name string) { c.flags = append(c.flags, flag{name, ""}) }

// value adds --name=value.
func (c *command) value(name, value string) { c.flags = append(c.flags, flag{name, value}) }

// values adds one flag for each value, sorted, since their order is no matter.
func (c *command) values(name string, values []string) {
	for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
		c.value(name, v)
	}
}

// String returns words, then flags by name, quoted for a POSIX shell.
func (c *command) String() string {
	words := slices.Clone(c.words)
	for i, w := range words {
		words[i] = quote(w)
	}
	flags := slices.Clone(c.flags)
	slices.SortStableFunc(flags, func(a, b flag) int { return cmp.Compare(a.name, b.name) })
	for _, f := range flags {
		w := "--" + f.name
		if f.value != "" {
			w += "=" + quote(f.value)
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

const unquoted = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"

func quote(s string) string {
	if s != "" && strings.Trim(s, unquoted) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// unquote splits a line that [command.String] wrote.
func unquote(s string) (words []string, ok bool) {
	var word strings.Builder
	open, begun := false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\'':
			open, begun = !open, true
		case open:
			word.WriteByte(c)
		case c == '\\' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			begun = true
		case c == ' ':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, !open
}

// relative returns a path as a header has it: with slashes, relative to the
// root.
func relative(root, path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	rel, err := filepath.Rel(resolved(root), resolved(abs))
	if err != nil {
		return filepath.ToSlash(abs)
	}
	return filepath.ToSlash(rel)
}

// resolved follows the symbolic links of the folder of path, so that two ways
// to one place compare equal. What does not exist stays as it is.
func resolved(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}
