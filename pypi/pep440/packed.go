package pep440

import "math/bits"

// The packed form of a public version is a string of bits whose order, read as a big-endian integer, is the order of
// versions. No form is the beginning of another, so that the first 64 bits decide nearly every comparison, and two
// forms that end within them decide all of it.
//
//	epoch      0            | 1 number
//	release    (1 number)*  0                  without trailing zeros
//	phase      000 number                      .devN alone
//	           001|010|011 number              aN, bN, rcN
//	           100                             none of them
//	post       0            | 1 number         absent after phase 000
//	dev        0 number     | 1                absent after phase 000
//
//	number     0 + 4 bits   0 to 15
//	           10 + 8 bits  to 271
//	           110 + 12 bits  to 4367
//	           1110 + 28 bits  to 268,439,823, so that a date such as 20240131 fits
//	           1111 and ones  larger: the rest of the key is ones, and the parts decide
const (
	tiny   = 1 << 4
	small  = tiny + 1<<8
	medium = small + 1<<12
	large  = medium + 1<<28
)

// A packer writes the first 64 bits of a packed form.
type packer struct {
	key  uint64
	used uint // bits
	cut  bool // more than 64 bits were needed
}

func (p *packer) put(code uint64, width uint) {
	free := 64 - p.used
	if width > free {
		p.key |= code >> (width - free)
		p.used = 64
		p.cut = true
		return
	}
	p.key |= code << (free - width)
	p.used += width
}

func (p *packer) number(x number) {
	switch {
	case x.big != "" || x.n >= large:
		p.key |= ^uint64(0) >> p.used // a shift by 64 gives 0
		p.used = 64
		p.cut = true
	case x.n < tiny:
		p.put(x.n, 5)
	case x.n < small:
		p.put(0b10<<8|(x.n-tiny), 10)
	case x.n < medium:
		p.put(0b110<<12|(x.n-small), 15)
	default:
		p.put(0b1110<<28|(x.n-medium), 32)
	}
}

// An unpacker reads a packed form that is complete.
type unpacker struct {
	key uint64 // what is left, shifted to the top
}

func (u *unpacker) take(width uint) uint64 {
	x := u.key >> (64 - width)
	u.key <<= width
	return x
}

func (u *unpacker) number() uint64 {
	switch bits.LeadingZeros64(^u.key) {
	case 0:
		return u.take(5)
	case 1:
		return u.take(10)&(1<<8-1) + tiny
	case 2:
		return u.take(15)&(1<<12-1) + small
	default:
		return u.take(32)&(1<<28-1) + medium
	}
}

func (u *unpacker) epoch() uint64 {
	if u.take(1) == 0 {
		return 0
	}
	return u.number()
}

// segment reads the next segment of the release; past the last it stays there and gives zeros.
func (u *unpacker) segment() uint64 {
	if u.key>>63 == 0 {
		return 0
	}
	u.key <<= 1
	return u.number()
}
