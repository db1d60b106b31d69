package pep440

import (
	"cmp"
	"strings"
)

// A phase is the kind of pre-release, in PEP 440's order.
type phase uint8

const (
	phaseDev   phase = iota // only .devN, which sorts before alphas; in no parts, only in their order
	phaseAlpha              // aN
	phaseBeta               // bN
	phaseRC                 // rcN
	phaseNone               // not a pre-release by letter
)

func (p phase) letters() string {
	switch p {
	case phaseAlpha:
		return "a"
	case phaseBeta:
		return "b"
	case phaseRC:
		return "rc"
	}
	return ""
}

// A segment of a local version is a number, or a text in lower case.
type segment struct {
	text string // "" for a number
	n    number
}

func (a segment) compare(b segment) int {
	switch {
	case a.text != "" && b.text != "":
		return cmp.Compare(a.text, b.text)
	case a.text != "":
		return -1
	case b.text != "":
		return +1
	}
	return a.n.compare(b.n)
}

// parts are a version taken apart.
type parts struct {
	epoch   number
	release []number // as written, at least one
	phase   phase    // phaseAlpha to phaseNone
	pre     number
	hasPost bool
	post    number
	hasDev  bool
	dev     number
	local   []segment
}

// rank is the phase by which parts are ordered.
func (p *parts) rank() phase {
	if p.phase == phaseNone && !p.hasPost && p.hasDev {
		return phaseDev
	}
	return p.phase
}

// significant is the release without its trailing zeros.
func (p *parts) significant() []number {
	r := p.release
	for len(r) > 0 && r[len(r)-1].isZero() {
		r = r[:len(r)-1]
	}
	return r
}

// segment is the i-th segment of the release, zero past its end.
func (p *parts) segment(i int) number {
	if i < len(p.release) {
		return p.release[i]
	}
	return number{}
}

// version packs the parts.
func (p *parts) version() Version {
	var k packer
	if p.epoch.isZero() {
		k.put(0, 1)
	} else {
		k.put(1, 1)
		k.number(p.epoch)
	}
	for _, n := range p.significant() {
		k.put(1, 1)
		k.number(n)
	}
	k.put(0, 1)
	v := Version{segments: uint16(len(p.release)), releaseBits: uint8(k.used)}
	rank := p.rank()
	k.put(uint64(rank), 3)
	switch rank {
	case phaseDev:
		k.number(p.dev)
	default:
		if rank != phaseNone {
			k.number(p.pre)
		}
		if p.hasPost {
			k.put(1, 1)
			k.number(p.post)
		} else {
			k.put(0, 1)
		}
		if p.hasDev {
			k.put(0, 1)
			k.number(p.dev)
		} else {
			k.put(1, 1)
		}
	}
	v.key = k.key
	if p.phase != phaseNone {
		v.flags |= hasPre
	}
	if p.hasPost {
		v.flags |= hasPost
	}
	if p.hasDev {
		v.flags |= hasDev
	}
	if len(p.local) > 0 {
		v.flags |= hasLocal
	}
	if k.cut {
		v.flags |= isCut
	}
	if v.flags&(hasLocal|isCut) != 0 {
		v.long = p.clone()
	}
	return v
}

// clone copies everything down to the texts: they do not keep a whole document alive, and the compiler sees that p.release,
// which is on the stack of most callers, stays there.
func (p *parts) clone() *parts {
	q := &parts{epoch: p.epoch.clone(), phase: p.phase, pre: p.pre.clone(), hasPost: p.hasPost, post: p.post.clone(),
		hasDev: p.hasDev, dev: p.dev.clone(), release: make([]number, len(p.release))}
	for i, n := range p.release {
		q.release[i] = n.clone()
	}
	if len(p.local) > 0 {
		q.local = make([]segment, len(p.local))
		for i, s := range p.local {
			q.local[i] = segment{strings.Clone(s.text), s.n.clone()}
		}
	}
	return q
}

// A releaseBuffer is room for the release of most versions, so that taking them apart needs no allocation.
type releaseBuffer [12]number

// parts takes v apart; the release may lie in buf.
func (v *Version) parts(buf *releaseBuffer) parts {
	if v.long != nil {
		return *v.long
	}
	u := unpacker{v.key}
	p := parts{epoch: number{n: u.epoch()}, release: buf[:0], phase: phaseNone}
	for range v.segments {
		p.release = append(p.release, number{n: u.segment()})
	}
	u.take(1)
	rank := phase(u.take(3))
	if rank == phaseDev {
		p.hasDev, p.dev = true, number{n: u.number()}
		return p
	}
	if p.phase = rank; rank != phaseNone {
		p.pre = number{n: u.number()}
	}
	if u.take(1) == 1 {
		p.hasPost, p.post = true, number{n: u.number()}
	}
	if u.take(1) == 0 {
		p.hasDev, p.dev = true, number{n: u.number()}
	}
	return p
}

// comparePublic orders parts without regard to their locals.
func (p *parts) comparePublic(q *parts) int {
	if c := p.compareRelease(q); c != 0 {
		return c
	}
	if c := cmp.Compare(p.rank(), q.rank()); c != 0 {
		return c
	}
	if c := p.pre.compare(q.pre); c != 0 {
		return c
	}
	switch {
	case p.hasPost && !q.hasPost:
		return +1
	case !p.hasPost && q.hasPost:
		return -1
	}
	if c := p.post.compare(q.post); c != 0 {
		return c
	}
	switch {
	case p.hasDev && !q.hasDev:
		return -1
	case !p.hasDev && q.hasDev:
		return +1
	}
	return p.dev.compare(q.dev)
}

// compareRelease orders parts by epoch and release alone.
func (p *parts) compareRelease(q *parts) int {
	if c := p.epoch.compare(q.epoch); c != 0 {
		return c
	}
	for i := range max(len(p.release), len(q.release)) {
		if c := p.segment(i).compare(q.segment(i)); c != 0 {
			return c
		}
	}
	return 0
}

// compareLocals orders locals; none sorts first, a text before a number, and a beginning before what goes on.
func compareLocals(a, b []segment) int {
	for i := range min(len(a), len(b)) {
		if c := a[i].compare(b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// appendLocal writes the local without its '+'.
func appendLocal(b []byte, local []segment) []byte {
	for i, s := range local {
		if i > 0 {
			b = append(b, '.')
		}
		if s.text != "" {
			b = append(b, s.text...)
		} else {
			b = s.n.append(b)
		}
	}
	return b
}

// append writes the normal form with the release given, which is p's own with or without trailing zeros.
func (p *parts) append(b []byte, release []number) []byte {
	if !p.epoch.isZero() {
		b = append(p.epoch.append(b), '!')
	}
	for i, n := range release {
		if i > 0 {
			b = append(b, '.')
		}
		b = n.append(b)
	}
	if p.phase != phaseNone {
		b = p.pre.append(append(b, p.phase.letters()...))
	}
	if p.hasPost {
		b = p.post.append(append(b, ".post"...))
	}
	if p.hasDev {
		b = p.dev.append(append(b, ".dev"...))
	}
	if len(p.local) > 0 {
		b = appendLocal(append(b, '+'), p.local)
	}
	return b
}
