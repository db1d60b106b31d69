package pep440

import (
	"fmt"
	"strings"
)

// An Operator compares a candidate with a specifier's version.
type Operator uint8

// The operators of PEP 440.
const (
	Compatible   Operator = iota + 1 // ~=
	Equal                            // ==
	NotEqual                         // !=
	LessEqual                        // <=
	GreaterEqual                     // >=
	Less                             // <
	Greater                          // >
	Arbitrary                        // ===
)

// String gives the operator as it is written.
func (o Operator) String() string {
	switch o {
	case Compatible:
		return "~="
	case Equal:
		return "=="
	case NotEqual:
		return "!="
	case LessEqual:
		return "<="
	case GreaterEqual:
		return ">="
	case Less:
		return "<"
	case Greater:
		return ">"
	case Arbitrary:
		return "==="
	}
	return fmt.Sprintf("Operator(%d)", uint8(o))
}

// A Specifier is one clause: an operator and a version.
type Specifier struct {
	Op       Operator
	Version  Version // without the wildcard; for Arbitrary the text as a version, or zero where it is none
	Wildcard bool    // the operand ends with .*, with Equal and NotEqual only
	Text     string  // the operand as written, with its wildcard; Version is printed where it is ""
}

// String gives the operator and the operand as written, without space between them.
func (s Specifier) String() string { return s.Op.String() + s.operand() }

func (s Specifier) operand() string {
	switch {
	case s.Text != "" || s.Op == Arbitrary && s.Version.IsZero():
		return s.Text
	case s.Wildcard:
		return s.Version.String() + ".*"
	}
	return s.Version.String()
}

// key is the same for specifiers that the reference implementation holds equal.
func (s Specifier) key() string {
	switch {
	case s.Op == Arbitrary || s.Wildcard:
		return s.String()
	case s.Op == Compatible: // where trailing zeros count
		return "~=" + s.Version.String()
	}
	return s.Op.String() + s.Version.Key()
}

// Contains reports whether s matches v, a pre-release like any other. Arbitrary compares its text with v's normal form.
func (s Specifier) Contains(v Version) bool {
	switch s.Op {
	case Equal:
		return s.matchesEqual(v)
	case NotEqual:
		return !s.matchesEqual(v)
	case GreaterEqual:
		return v.Compare(s.Version) >= 0
	case LessEqual:
		return v.Compare(s.Version) <= 0 || v.samePublic(s.Version)
	case Less:
		return s.matchesLess(v)
	case Greater:
		return s.matchesGreater(v)
	case Compatible:
		return v.Compare(s.Version) >= 0 && v.hasPrefix(s.Version, int(s.Version.segments)-1)
	case Arbitrary:
		return sameText(s.operand(), v.String())
	}
	return false
}

// ContainsText is Contains for a candidate as it is written: Arbitrary compares that text, which need not be a version;
// the other operators match no text that is not a version.
func (s Specifier) ContainsText(text string) bool {
	if s.Op == Arbitrary {
		return sameText(s.operand(), text)
	}
	v, err := Parse(text)
	return err == nil && s.Contains(v)
}

// sameText compares lower case, which is not strings.EqualFold: that holds "s" and "ſ" to be the same.
func sameText(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a == b
}

func (s Specifier) matchesEqual(v Version) bool {
	switch {
	case s.Wildcard:
		return v.hasPrefix(s.Version, int(s.Version.segments))
	case s.Version.flags&hasLocal != 0:
		return v.Equal(s.Version)
	}
	return v.samePublic(s.Version)
}

func (s Specifier) matchesLess(v Version) bool {
	switch {
	case v.Compare(s.Version) >= 0:
		return false
	case s.Version.IsPrerelease() || !v.sameRelease(s.Version):
		return true
	case !s.Version.IsPostrelease(): // what sorts before a release of its own are its pre-releases
		return false
	}
	return v.Compare(firstDev(s.Version)) < 0
}

func (s Specifier) matchesGreater(v Version) bool {
	switch {
	case v.Compare(s.Version) <= 0:
		return false
	case !v.sameRelease(s.Version):
		return true
	case s.Version.flags&(hasPost|hasDev) != 0:
		return !v.samePublic(s.Version)
	}
	phase, n, _ := v.Pre()
	ofPhase, ofN, _ := s.Version.Pre()
	if phase != ofPhase || n != ofN {
		return true
	}
	var vr, wr releaseBuffer // the numbers may be larger than an int
	return v.parts(&vr).pre != s.Version.parts(&wr).pre
}

// firstDev is v's .dev0, before which nothing of v sorts. v has neither .devN nor a local.
func firstDev(v Version) Version {
	var release releaseBuffer
	p := v.parts(&release)
	p.hasDev, p.dev, p.local = true, number{}, nil
	return p.version()
}

// parseSpecifier reads one clause without surrounding white space; a message is returned with its offset.
//
//	clause = "===" 1*(any but white space, ";" and ")") | ("==" | "!=") version [".*"] | ("~=" | "<=" | ">=" | "<" | ">") version
func parseSpecifier(s string, maxVersionLength int) (spec Specifier, at int, msg string) {
	spec.Op = operator(s)
	if spec.Op == 0 {
		return spec, 0, "a specifier begins with one of == != <= >= < > ~= ===, " + found(s, 0)
	}
	at = len(spec.Op.String())
	begin, _ := trim(s[at:])
	at += begin
	spec.Text = s[at:]
	if spec.Op == Arbitrary {
		if spec.Text == "" {
			return spec, at, "=== needs a text to compare with, " + found(s, at)
		}
		for i, r := range spec.Text {
			if isSpace(r) || r == ';' || r == ')' {
				return spec, at + i, found(s, at+i) + ", separate specifiers with a comma"
			}
		}
		if v, err := Parse(spec.Text); err == nil {
			spec.Version = v
		}
		return spec, 0, ""
	}
	text, wildcard := strings.CutSuffix(spec.Text, ".*")
	if wildcard && spec.Op != Equal && spec.Op != NotEqual {
		return spec, at + len(text), "a wildcard goes with == and != alone, leave it out"
	}
	spec.Wildcard = wildcard
	if len(text) > maxVersionLength {
		return spec, at + maxVersionLength, fmt.Sprintf("the version has %d bytes, the limit is %d", len(text), maxVersionLength)
	}
	var offset int
	if spec.Version, offset, msg = parse(text); msg != "" {
		return spec, at + offset, msg
	}
	switch v := spec.Version; {
	case spec.Wildcard && v.flags&(hasPre|hasPost|hasDev|hasLocal) != 0:
		return spec, at + len(text), "a wildcard follows a release such as 1.2, write it without .* or without the suffix"
	case v.flags&hasLocal != 0 && spec.Op != Equal && spec.Op != NotEqual:
		return spec, at + strings.IndexByte(text, '+'), "a local version goes with == and != alone, leave it out"
	case spec.Op == Compatible && v.segments < 2:
		return spec, at, "~= needs a release of two numbers, write ~=" + v.Base().String() + ".0 or >="
	}
	return spec, 0, ""
}

// operator reads the operator at the beginning of s, or gives 0.
func operator(s string) Operator {
	var second byte
	if len(s) > 1 {
		second = s[1]
	}
	switch {
	case s == "":
		return 0
	case strings.HasPrefix(s, "==="):
		return Arbitrary
	case s[0] == '=' && second == '=':
		return Equal
	case s[0] == '!' && second == '=':
		return NotEqual
	case s[0] == '~' && second == '=':
		return Compatible
	case s[0] == '<' && second == '=':
		return LessEqual
	case s[0] == '>' && second == '=':
		return GreaterEqual
	case s[0] == '<':
		return Less
	case s[0] == '>':
		return Greater
	}
	return 0
}
