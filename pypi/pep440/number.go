package pep440

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// A number is a non-negative integer without an upper limit. Values past 64 bits are kept as decimal digits without
// leading zeros in big, and n is then zero.
type number struct {
	n   uint64
	big string
}

// infinite is larger than every number. It serves bounds of sets and occurs in no version.
const infinite = "∞"

// parseNumber reads a run of ASCII digits. A large number refers to them.
func parseNumber(digits string) number {
	const surely64 = 19 // so many digits always fit
	if len(digits) <= surely64 {
		var n uint64
		for i := 0; i < len(digits); i++ {
			n = n*10 + uint64(digits[i]-'0')
		}
		return number{n: n}
	}
	if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
		return number{n: n}
	}
	return number{big: strings.TrimLeft(digits, "0")}
}

func (a number) compare(b number) int {
	switch {
	case a.big == b.big:
		return cmp.Compare(a.n, b.n)
	case a.big == "" || b.big == infinite:
		return -1
	case b.big == "" || a.big == infinite:
		return +1
	case len(a.big) != len(b.big):
		return cmp.Compare(len(a.big), len(b.big))
	}
	return cmp.Compare(a.big, b.big)
}

func (a number) clone() number { return number{a.n, strings.Clone(a.big)} }

func (a number) isZero() bool { return a.n == 0 && a.big == "" }

// next is a+1.
func (a number) next() number {
	switch {
	case a.big == "" && a.n < math.MaxUint64:
		return number{n: a.n + 1}
	case a.big == "":
		return number{big: "18446744073709551616"}
	case a.big == infinite:
		return a
	}
	digits := []byte(a.big)
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] < '9' {
			digits[i]++
			return number{big: string(digits)}
		}
		digits[i] = '0'
	}
	return number{big: "1" + string(digits)}
}

func (a number) append(b []byte) []byte {
	if a.big != "" {
		return append(b, a.big...)
	}
	return strconv.AppendUint(b, a.n, 10)
}

// int is the number, or the largest int where it does not fit.
func (a number) int() int {
	if a.big != "" || a.n > math.MaxInt {
		return math.MaxInt
	}
	return int(a.n)
}
