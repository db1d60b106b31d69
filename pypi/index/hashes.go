package index

import (
	"encoding/hex"
	"iter"
	"slices"
	"strings"
)

// Hashes are the digests of a file that pip accepts in a lock: sha256, sha384 and sha512. The zero value has none.
type Hashes struct {
	raw string // those that has tells of, one after the other
	has uint8
}

// algorithms in the order of Hashes.raw, and of the bits of Hashes.has.
var algorithms = [...]struct {
	name string
	size int // bytes
}{{"sha256", 32}, {"sha384", 48}, {"sha512", 64}}

// NewHashes reads hashes as a lock has them, "sha256:" and hexadecimal digits. Others than those three, and malformed
// ones, are left out.
func NewHashes(texts ...string) Hashes {
	var h Hashes
	var buf [maxDigest]byte
	for i, a := range algorithms {
		for _, text := range texts {
			name, digits, _ := strings.Cut(text, ":")
			if name != a.name || len(digits) != 2*a.size || h.has&(1<<i) != 0 {
				continue
			}
			if raw, n := appendHex(buf[:0], digits, &anyHex); n > 0 {
				h.raw += string(raw)
				h.has |= 1 << i
			}
		}
	}
	return h
}

const maxDigest = 64 // bytes

// each calls f with each digest, as bytes.
func (h Hashes) each(f func(digest string)) {
	at := 0
	for i, a := range algorithms {
		if h.has&(1<<i) != 0 {
			f(h.raw[at : at+a.size])
			at += a.size
		}
	}
}

// IsZero reports whether there is none.
func (h Hashes) IsZero() bool { return h.has == 0 }

// Get returns a digest in lower-case hexadecimal, or "".
func (h Hashes) Get(algorithm string) string {
	at := 0
	for i, a := range algorithms {
		if h.has&(1<<i) == 0 {
			continue
		}
		if a.name == algorithm {
			return hex.EncodeToString([]byte(h.raw[at : at+a.size]))
		}
		at += a.size
	}
	return ""
}

// HashList are the hashes that a lock lists for a pin, to be looked for among those of its files. The zero value lists
// none.
type HashList struct {
	texts   []string
	digests []string // as bytes, sorted, no two alike; their length tells the algorithm
	found   []bool   // of digests
}

// NewHashList reads hashes as pip compares them: "sha256:" and lower-case digits.
func NewHashList(texts []string) HashList {
	l := HashList{texts: texts, digests: make([]string, 0, len(texts))}
	all := make([]byte, 0, len(texts)*32)
	for _, text := range texts {
		var n int
		if all, n = appendDigest(all, text); n > 0 {
			l.digests = append(l.digests, view(all[len(all)-n:]))
		}
	}
	if !slices.IsSorted(l.digests) { // as those of a lock are
		slices.Sort(l.digests)
	}
	l.digests = slices.Compact(l.digests)
	l.found = make([]bool, len(l.digests))
	return l
}

// appendDigest appends the digest of a hash that pip would find, and returns its length, 0 for what is none.
func appendDigest(out []byte, text string) ([]byte, int) {
	name, digits, _ := strings.Cut(text, ":")
	for _, a := range algorithms {
		if name != a.name || len(digits) != 2*a.size {
			continue
		}
		return appendHex(out, digits, &lowerHex)
	}
	return out, 0
}

// appendHex appends the bytes that digits stand for, an even number of them, and returns how many these are, 0 if one is
// no digit.
func appendHex(out []byte, digits string, values *[256]byte) ([]byte, int) {
	n := len(out)
	out = slices.Grow(out, len(digits)/2)[:n+len(digits)/2]
	bad := byte(0)
	for i := range out[n:] {
		high, low := values[digits[2*i]], values[digits[2*i+1]]
		bad |= high | low
		out[n+i] = high<<4 | low
	}
	if bad > 15 {
		return out[:n], 0
	}
	return out, len(out) - n
}

// lowerHex and anyHex are the values of digits, more than 15 for what is none.
var lowerHex, anyHex = hexValues("0123456789abcdef"), hexValues("0123456789abcdef", "0123456789ABCDEF")

func hexValues(digits ...string) (values [256]byte) {
	for i := range values {
		values[i] = 0xff
	}
	for _, of := range digits {
		for i := range len(of) {
			values[of[i]] = byte(i)
		}
	}
	return values
}

// Lists reports whether one of h is in the list, and remembers that it was.
func (l HashList) Lists(h Hashes) bool {
	listed := false
	h.each(func(digest string) {
		if i, ok := slices.BinarySearch(l.digests, digest); ok {
			l.found[i], listed = true, true
		}
	})
	return listed
}

// Left returns those that were never found, in their order; malformed ones are among them.
func (l HashList) Left() []string {
	var left []string
	if len(l.digests) == len(l.texts) && !slices.Contains(l.found, false) {
		return nil
	}
	var buf [maxDigest]byte
	for _, text := range l.texts {
		digest, _ := appendDigest(buf[:0], text)
		if i, ok := slices.BinarySearch(l.digests, string(digest)); !ok || !l.found[i] {
			left = append(left, text)
		}
	}
	return left
}

// All yields the algorithms and digests, sha256 first.
func (h Hashes) All() iter.Seq2[string, string] {
	return func(yield func(algorithm, digest string) bool) {
		for _, a := range algorithms {
			if d := h.Get(a.name); d != "" && !yield(a.name, d) {
				return
			}
		}
	}
}
