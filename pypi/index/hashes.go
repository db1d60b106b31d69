package index

import (
	"encoding/hex"
	"iter"
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
	for i, a := range algorithms {
		for _, text := range texts {
			digits, ok := strings.CutPrefix(text, a.name+":")
			if raw, err := hex.DecodeString(digits); ok && err == nil && len(raw) == a.size && h.has&(1<<i) == 0 {
				h.raw += string(raw)
				h.has |= 1 << i
			}
		}
	}
	return h
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

// covers reports whether h has all of want.
func (h Hashes) covers(want Hashes) bool {
	at, wantAt := 0, 0
	for i, a := range algorithms {
		bit := uint8(1 << i)
		if want.has&bit != 0 {
			if h.has&bit == 0 || h.raw[at:at+a.size] != want.raw[wantAt:wantAt+a.size] {
				return false
			}
			wantAt += a.size
		}
		if h.has&bit != 0 {
			at += a.size
		}
	}
	return true
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
