package pep440

// A Version is an immutable version in PEP 440's total order. It is a value of 24 bytes; versions of common size are
// made, copied and compared without allocation.
//
// The zero Version is not a version: Parse never returns it without an error, and its methods, other than IsZero, give
// no useful answer. Versions spelled differently can be equal (1.0 and 1); use Equal or Key, not ==.
type Version struct {
	key         uint64 // the first 64 bits of the packed form
	long        *parts // where the key does not hold everything: it is cut, or there is a local
	segments    uint16 // of the release, as written; 0 in the zero Version alone
	releaseBits uint8  // of the packed form, up to the end of the release; 64 where cut before
	flags       uint8
}

const (
	hasPre uint8 = 1 << iota
	hasPost
	hasDev
	hasLocal
	isCut // the packed form is longer than the key
)

// MustParse is Parse for a text known to be a version; it panics otherwise.
func MustParse(s string) Version {
	v, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return v
}

// IsZero reports whether v is the zero Version, which stands for none.
func (v Version) IsZero() bool { return v.segments == 0 }

// Compare returns -1, 0 or +1 as v sorts before, with or after w:
// epoch, release, .devN alone < aN < bN < rcN < none, no post < .postN, .devN < none, no local < local.
func (v Version) Compare(w Version) int {
	if v.key != w.key {
		if v.key < w.key {
			return -1
		}
		return +1
	}
	if v.long == nil && w.long == nil {
		return 0
	}
	return v.compareLong(w)
}

// compareLong orders versions with equal keys.
func (v Version) compareLong(w Version) int {
	// Equal keys are both cut or both complete, since no packed form begins another.
	if v.flags&isCut != 0 {
		if c := v.long.comparePublic(w.long); c != 0 {
			return c
		}
	}
	return compareLocals(v.locals(), w.locals())
}

// Equal reports whether v and w are the same version, however spelled.
func (v Version) Equal(w Version) bool { return v.Compare(w) == 0 }

// String gives the normal form: 1!1.0a1.post1.dev1+local.1, with the release's trailing zeros as written.
// The zero Version gives "".
func (v Version) String() string {
	if v.IsZero() {
		return ""
	}
	var release releaseBuffer
	var text [48]byte
	p := v.parts(&release)
	return string(p.append(text[:0], p.release))
}

// Key gives the normal form without the release's trailing zeros. Versions have the same key exactly when they are equal.
func (v Version) Key() string {
	if v.IsZero() {
		return ""
	}
	var release releaseBuffer
	var text [48]byte
	p := v.parts(&release)
	significant := p.significant()
	if len(significant) == 0 {
		significant = p.release[:1]
	}
	return string(p.append(text[:0], significant))
}

// Epoch is the number before '!', or 0; the largest int where it is larger.
func (v Version) Epoch() int {
	var release releaseBuffer
	p := v.parts(&release)
	return p.epoch.int()
}

// Release gives the segments of the release as written, trailing zeros kept; numbers past the largest int are the
// largest int.
func (v Version) Release() []int {
	var release releaseBuffer
	p := v.parts(&release)
	segments := make([]int, len(p.release))
	for i, n := range p.release {
		segments[i] = n.int()
	}
	return segments
}

// Segments is the length of Release.
func (v Version) Segments() int { return int(v.segments) }

// Pre gives the phase, "a", "b" or "rc", and number of a pre-release; ok is false if there is none. A number past the
// largest int is the largest int.
func (v Version) Pre() (phase string, n int, ok bool) {
	if v.flags&hasPre == 0 {
		return "", 0, false
	}
	var release releaseBuffer
	p := v.parts(&release)
	return p.phase.letters(), p.pre.int(), true
}

// Post gives N of .postN; ok is false if there is none. A number past the largest int is the largest int.
func (v Version) Post() (n int, ok bool) {
	if v.flags&hasPost == 0 {
		return 0, false
	}
	var release releaseBuffer
	p := v.parts(&release)
	return p.post.int(), true
}

// Dev gives N of .devN; ok is false if there is none. A number past the largest int is the largest int.
func (v Version) Dev() (n int, ok bool) {
	if v.flags&hasDev == 0 {
		return 0, false
	}
	var release releaseBuffer
	p := v.parts(&release)
	return p.dev.int(), true
}

// Local gives the normal form of what follows '+', or "".
func (v Version) Local() string { return string(appendLocal(nil, v.locals())) }

func (v Version) locals() []segment {
	if v.long == nil {
		return nil
	}
	return v.long.local
}

// Public is v without its local.
func (v Version) Public() Version {
	if v.flags&hasLocal == 0 {
		return v
	}
	p := *v.long
	p.local = nil
	return p.version()
}

// Base is v's epoch and release alone.
func (v Version) Base() Version {
	if v.IsZero() || v.flags&^isCut == 0 {
		return v
	}
	var release releaseBuffer
	p := v.parts(&release)
	base := parts{epoch: p.epoch, release: p.release, phase: phaseNone}
	return base.version()
}

// IsPrerelease reports whether v is a pre-release: aN, bN, rcN or .devN.
func (v Version) IsPrerelease() bool { return v.flags&(hasPre|hasDev) != 0 }

// IsPostrelease reports whether v has .postN.
func (v Version) IsPostrelease() bool { return v.flags&hasPost != 0 }

// samePublic reports whether v and w differ at most in their locals.
func (v Version) samePublic(w Version) bool {
	return v.key == w.key && (v.flags&isCut == 0 || v.long.comparePublic(w.long) == 0)
}

// sameRelease reports whether v and w have the same epoch and release.
func (v Version) sameRelease(w Version) bool {
	if (v.flags|w.flags)&isCut == 0 {
		return v.releaseBits == w.releaseBits && (v.key^w.key)>>(64-v.releaseBits) == 0
	}
	var vr, wr releaseBuffer
	p, q := v.parts(&vr), w.parts(&wr)
	return p.compareRelease(&q) == 0
}

// hasPrefix reports whether v has w's epoch and the first n segments of w's release, missing ones being zero.
func (v Version) hasPrefix(w Version, n int) bool {
	if (v.flags|w.flags)&isCut == 0 {
		a, b := unpacker{v.key}, unpacker{w.key}
		if a.epoch() != b.epoch() {
			return false
		}
		for range n {
			if a.segment() != b.segment() {
				return false
			}
		}
		return true
	}
	var vr, wr releaseBuffer
	p, q := v.parts(&vr), w.parts(&wr)
	p.release = p.release[:min(n, len(p.release))]
	q.release = q.release[:min(n, len(q.release))]
	return p.compareRelease(&q) == 0
}
