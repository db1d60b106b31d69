// Package tags knows wheel compatibility tags: which ones a Python on a
// platform supports, in which order it prefers them, and why a wheel does not
// fit.
//
// The order is that of packaging 26.3 (cpython_tags or generic_tags, then
// compatible_tags):
//
//	cp312-cp312-PLATFORM    the exact ABI
//	cp312-abi3-PLATFORM     the stable ABI; abi3t on a free-threaded build (PEP 803)
//	cp312-none-PLATFORM
//	cp311-abi3-PLATFORM     … down to cp32
//	py312-none-PLATFORM     then py3, py311 … py30
//	cp312-none-any
//	py312-none-any          then py3, py311 … py30
//
// and within each line the platforms, best first. On Linux that is the plain
// linux_ARCH tag, then manylinux from the target's glibc down to 2.17 (2.5 on
// x86), each legacy alias (manylinux2014, manylinux2010, manylinux1) right
// after the tag it stands for; or musllinux from the target's musl down to 1.0.
//
// A Platform describes a target, never the machine that runs: no environment
// variable or system call is read. Names are those of uv's --python-platform.
// Debug builds, wide-unicode builds before Python 3.3 and glibc other than 2
// are left out on purpose.
package tags

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxTags is the number of tags that one compressed set may stand for.
const MaxTags = 1000

// A Tag is one compatibility tag of a wheel, in lower case, such as
// cp312-abi3-manylinux_2_17_x86_64.
type Tag struct {
	Python, ABI, Platform string
}

// String returns the tag as in a file name.
func (t Tag) String() string {
	return t.Python + "-" + t.ABI + "-" + t.Platform
}

// Parse expands a compressed tag set such as py2.py3-none-any into its tags,
// without duplicates, the last component varying fastest. Letters are
// lowered. An empty component, a Python tag that is not an identifier, a count
// of components other than three, and more than MaxTags tags are errors.
//
// https://peps.python.org/pep-0425/#compressed-tag-sets
func Parse(s string) ([]Tag, error) {
	python, rest, _ := strings.Cut(s, "-")
	abi, platform, ok := strings.Cut(rest, "-")
	if !ok || strings.Contains(platform, "-") {
		return nil, fmt.Errorf("tag %q: want three components, PYTHON-ABI-PLATFORM", clip(s))
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("tag %q: want UTF-8 text", clip(s))
	}
	s = strings.ToLower(s)
	if strings.IndexByte(s, '.') < 0 && len(python)+len(abi)+len(platform)+2 == len(s) {
		t := Tag{s[:len(python)], s[len(python)+1 : len(python)+1+len(abi)], s[len(s)-len(platform):]}
		if t.Python == "" || t.ABI == "" || t.Platform == "" {
			return nil, errEmpty(s)
		}
		if !isIdentifier(t.Python) {
			return nil, errPython(t.Python)
		}
		return []Tag{t}, nil
	}
	return expand(s)
}

// expand is Parse for a lowered set with several tags.
func expand(s string) ([]Tag, error) {
	var buffers [3][8]string // enough for nearly every wheel
	var parts [3][]string
	n, rest := 1, s
	for i := range parts {
		var field string
		field, rest, _ = strings.Cut(rest, "-")
		if n *= strings.Count(field, ".") + 1; n > MaxTags {
			return nil, fmt.Errorf("tag %q: stands for more than %d tags", clip(s), MaxTags)
		}
		parts[i] = buffers[i][:0]
		for part := range strings.SplitSeq(field, ".") {
			if part == "" {
				return nil, errEmpty(s)
			}
			if i == 0 && !isIdentifier(part) {
				return nil, errPython(part)
			}
			if !slices.Contains(parts[i], part) {
				parts[i] = append(parts[i], part)
			}
		}
	}
	ts := make([]Tag, 0, len(parts[0])*len(parts[1])*len(parts[2]))
	for _, python := range parts[0] {
		for _, abi := range parts[1] {
			for _, platform := range parts[2] {
				ts = append(ts, Tag{python, abi, platform})
			}
		}
	}
	return ts, nil
}

func errEmpty(s string) error {
	return fmt.Errorf("tag %q: a component is empty; want PYTHON-ABI-PLATFORM", clip(s))
}

func errPython(s string) error {
	return fmt.Errorf("python tag %q: want an identifier such as cp312 or py3", clip(s))
}

// isIdentifier follows Python's str.isidentifier, with Go's Unicode classes.
func isIdentifier(s string) bool {
	for i, r := range s {
		switch {
		case r == '_', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		case '0' <= r && r <= '9':
			if i == 0 {
				return false
			}
		case r < utf8.RuneSelf:
			return false
		case unicode.In(r, unicode.L, unicode.Nl, unicode.Other_ID_Start):
		case i > 0 && unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue):
		default:
			return false
		}
	}
	return s != ""
}

// clip keeps messages short, whatever an index sends.
func clip(s string) string {
	const max = 200 // bytes
	if len(s) > max {
		return s[:max] + "…"
	}
	return s
}
