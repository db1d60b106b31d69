package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner walks one JSON text (RFC 8259) and hands out only the values that are asked for; what is skipped is checked
// for its grammar all the same. It is stricter than encoding/json: keys compare exactly, invalid UTF-8 and a byte
// order mark are refused, as are nesting past maxDepth, and lone surrogates in strings that are read. Of a key that is
// repeated the caller decides; see members.
//
//	value  = object / array / string / number / "true" / "false" / "null"
//	object = "{" [ string ":" value *( "," string ":" value ) ] "}"
//	array  = "[" [ value *( "," value ) ] "]"
//
// A text need not be here as a whole: with more set, data is a window on it, which moves on between the values that are
// read in one go, see whole. What was handed out before is not valid after that.
type scanner struct {
	data  []byte
	pos   int
	depth int

	more   *window
	before int  // bytes of the text before data
	inside bool // a value that must stay in the window
	length int  // bytes of the text, as far as that is known
}

// syntaxError is where a page stops being what it should be.
type syntaxError struct {
	Path   string // of keys, "" at the top or for broken grammar
	Offset int    // in bytes
	Msg    string
	End    bool // the text ended too early: it may have been cut
}

func (e *syntaxError) Error() string {
	if e.Path != "" {
		return fmt.Sprintf("JSON at byte %d, key %s: %s", e.Offset, e.Path, e.Msg)
	}
	return fmt.Sprintf("JSON at byte %d: %s", e.Offset, e.Msg)
}

// newScanner checks that data is UTF-8, in one pass of its own that is an order faster than the scan.
func newScanner(data []byte) (*scanner, error) {
	if !utf8.Valid(data) {
		return nil, &syntaxError{Msg: "not valid UTF-8"}
	}
	return &scanner{data: data, length: len(data)}, nil
}

func (s *scanner) fail(msg string) error {
	if s.pos >= len(s.data) {
		return &syntaxError{Offset: s.before + s.pos, Msg: "unexpected end, " + msg, End: true}
	}
	return &syntaxError{Offset: s.before + s.pos, Msg: msg + ", found " + strconv.QuoteRuneToASCII(s.rune())}
}

// refill moves the window to the cursor, and reports whether more text came.
func (s *scanner) refill() bool {
	if s.more == nil || s.more.body == nil {
		return false
	}
	s.before += s.pos
	came := s.more.slide(s.pos)
	s.data, s.pos = s.more.text(), 0
	return came
}

// whole calls read, which reads one value, with all of that in the window: where the window ends within the value, read
// is called again for a larger one. It must do nothing before its end that cannot be done twice.
func (s *scanner) whole(read func() error) error {
	if s.more == nil || s.inside {
		return read()
	}
	for {
		start, depth := s.pos, s.depth
		s.inside = true
		err := read()
		s.inside = false
		if !s.cut(err) {
			return err
		}
		end, deep := s.before+s.pos, s.depth
		s.pos, s.depth = start, depth
		if !s.refill() {
			s.pos, s.depth = end-s.before, deep
			return err
		}
	}
}

// cut reports whether a value of which err was said may go on after the window. Numbers alone do not tell their end.
func (s *scanner) cut(err error) bool {
	if err != nil {
		e, ok := err.(*syntaxError)
		return ok && e.End
	}
	return s.pos == len(s.data) && s.pos > 0 && '0' <= s.data[s.pos-1] && s.data[s.pos-1] <= '9'
}

func (s *scanner) rune() rune {
	r, _ := utf8.DecodeRune(s.data[s.pos:])
	return r
}

func (s *scanner) space() {
	for {
		for s.pos < len(s.data) {
			switch s.data[s.pos] {
			case ' ', '\n', '\t', '\r':
				s.pos++
			default:
				return
			}
		}
		if s.inside || !s.refill() {
			return
		}
	}
}

// peek returns the first byte of the next value, 0 at the end.
func (s *scanner) peek() (c byte) {
	if s.pos < len(s.data) {
		c = s.data[s.pos]
	}
	if c <= ' ' {
		c = s.seek()
	}
	return
}

// seek is peek where that is not at the cursor; kept out of it, so that peek is small enough to be put into its callers.
//
//go:noinline
func (s *scanner) seek() byte {
	s.space()
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// end checks that nothing follows.
func (s *scanner) end() error {
	if s.peek(); s.pos < len(s.data) {
		return s.fail("want the end")
	}
	return nil
}

// object calls member with each key of the object at the cursor; member consumes the value. The key is valid during
// the call.
func (s *scanner) object(member func(key []byte) error) error {
	if s.peek() != '{' {
		return s.fail("want an object")
	}
	if s.depth++; s.depth > maxDepth {
		return &LimitError{"JSON nesting", maxDepth, "levels"}
	}
	s.pos++
	if s.peek() == '}' {
		s.pos++
		s.depth--
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.fail("want a key")
		}
		key, err := s.key()
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return s.fail("want a colon")
		}
		s.pos++
		if err := member(key); err != nil {
			return under(err, string(key))
		}
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			s.depth--
			return nil
		default:
			return s.fail("want a comma or a closing brace")
		}
	}
}

// key reads the key of an object.
func (s *scanner) key() (key []byte, err error) {
	if s.more == nil || s.inside {
		return s.text()
	}
	err = s.whole(func() error {
		key, err = s.text()
		return err
	})
	return bytes.Clone(key), err
}

// array calls element before each element of the array at the cursor; element consumes it.
func (s *scanner) array(element func() error) error {
	if s.peek() != '[' {
		return s.fail("want an array")
	}
	if s.depth++; s.depth > maxDepth {
		return &LimitError{"JSON nesting", maxDepth, "levels"}
	}
	s.pos++
	if s.peek() == ']' {
		s.pos++
		s.depth--
		return nil
	}
	for i := 0; ; i++ {
		if err := element(); err != nil {
			return under(err, strconv.Itoa(i))
		}
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			s.depth--
			return nil
		default:
			return s.fail("want a comma or a closing bracket")
		}
	}
}

// under puts key before the path of err.
func under(err error, key string) error {
	if e, ok := err.(*syntaxError); ok {
		if len(key) > 64 {
			key = key[:64] + "…"
		}
		key = strconv.QuoteToASCII(key)
		key = key[1 : len(key)-1]
		if e.Path != "" {
			key += "."
		}
		e.Path = key + e.Path
	}
	return err
}

// text reads a string. The result shares memory with the page unless the string holds escapes.
func (s *scanner) text() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("want a string")
	}
	start := s.pos + 1
	s.pos = plain(s.data, start)
	if s.pos < len(s.data) && s.data[s.pos] == '"' {
		s.pos++
		return s.data[start : s.pos-1 : s.pos-1], nil
	}
	out := append([]byte(nil), s.data[start:s.pos]...)
	for {
		if s.pos >= len(s.data) {
			return nil, s.fail("want a closing quote")
		}
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return out, nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if s.pos+1 < len(s.data) && s.data[s.pos] == '\\' && s.data[s.pos+1] == 'u' {
					if low, err = s.escape(); err != nil {
						return nil, err
					}
				}
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					return nil, &syntaxError{Offset: s.before + s.pos, Msg: "lone surrogate in a string"}
				}
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return nil, s.fail("control character in a string")
		default:
			next := plain(s.data, s.pos)
			out = append(out, s.data[s.pos:next]...)
			s.pos = next
		}
	}
}

// escape reads the escape sequence at the cursor; a surrogate is returned as it is.
func (s *scanner) escape() (rune, error) {
	s.pos++
	if s.pos >= len(s.data) {
		return 0, s.fail("want an escape")
	}
	c := s.data[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		var r rune
		for range 4 {
			if s.pos >= len(s.data) {
				return 0, s.fail("want four hexadecimal digits")
			}
			d := unhex(s.data[s.pos])
			if d < 0 {
				return 0, s.fail("want four hexadecimal digits")
			}
			r = r<<4 | rune(d)
			s.pos++
		}
		return r, nil
	}
	s.pos--
	return 0, s.fail("unknown escape")
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// plain returns the index of the first quote, backslash or control character at or after i, else len(data). It looks
// at eight bytes at once: a subtraction borrows through the top bit of a byte that was below the subtrahend, and the
// lowest such bit is exact.
func plain(data []byte, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for ; i+8 <= len(data); i += 8 {
		x := binary.LittleEndian.Uint64(data[i:])
		quote := x ^ ones*'"'
		slash := x ^ ones*'\\'
		hit := ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(data); i++ {
		if c := data[i]; c == '"' || c == '\\' || c < ' ' {
			break
		}
	}
	return i
}

// skip passes over the next value.
func (s *scanner) skip() error {
	switch c := s.peek(); c {
	case '"':
		return s.skipText()
	case '{', '[':
		return s.skipNested(c)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.skipNumber()
}

// skipNested passes over an object or array without the callbacks of object and array, at twice their pace.
func (s *scanner) skipNested(open byte) error {
	if s.depth++; s.depth > maxDepth {
		return &LimitError{"JSON nesting", maxDepth, "levels"}
	}
	end := open + 2 // '{' and '}', '[' and ']' are two apart
	s.pos++
	if s.peek() == end {
		s.pos++
		s.depth--
		return nil
	}
	for {
		if open == '{' {
			if s.peek() != '"' {
				return s.fail("want a key")
			}
			if err := s.skipText(); err != nil {
				return err
			}
			if s.peek() != ':' {
				return s.fail("want a colon")
			}
			s.pos++
		}
		if err := s.skip(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case end:
			s.pos++
			s.depth--
			return nil
		default:
			return s.fail("want a comma or the closing " + string(rune(end)))
		}
	}
}

func (s *scanner) skipText() error {
	s.pos++
	for {
		s.pos = plain(s.data, s.pos)
		if s.pos >= len(s.data) {
			return s.fail("want a closing quote")
		}
		switch s.data[s.pos] {
		case '"':
			s.pos++
			return nil
		case '\\':
			if _, err := s.escape(); err != nil {
				return err
			}
		default:
			return s.fail("control character in a string")
		}
	}
}

func (s *scanner) literal(word string) error {
	for i := range len(word) {
		if s.pos >= len(s.data) || s.data[s.pos] != word[i] {
			return s.fail("want " + word)
		}
		s.pos++
	}
	return nil
}

// skipNumber passes over -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) skipNumber() error {
	if s.pos < len(s.data) && s.data[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		return s.digits()
	}
	return nil
}

func (s *scanner) digits() error {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		return s.fail("want a value")
	}
	return nil
}

// null consumes a null and reports whether there was one.
func (s *scanner) null() (bool, error) {
	if s.peek() != 'n' {
		return false, nil
	}
	return true, s.literal("null")
}

// optionalText reads a string, or null as nil.
func (s *scanner) optionalText() ([]byte, error) {
	if ok, err := s.null(); ok || err != nil {
		return nil, err
	}
	return s.text()
}

// boolean reads true or false.
func (s *scanner) boolean() (bool, error) {
	switch s.peek() {
	case 't':
		return true, s.literal("true")
	case 'f':
		return false, s.literal("false")
	}
	return false, s.fail("want true or false")
}

// size reads a whole number that is not negative, or null as 0.
func (s *scanner) size() (int64, error) {
	if ok, err := s.null(); ok || err != nil {
		return 0, err
	}
	start := s.pos
	if err := s.skipNumber(); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(s.data[start:s.pos]), 10, 63)
	if err != nil {
		return 0, &syntaxError{Offset: s.before + start, Msg: "want a whole number of bytes"}
	}
	return int64(n), nil
}

// members remembers which keys of one object were seen, to refuse a repeated one: two readers of the page could
// disagree about which counts. Each key that is read has a bit.
type members uint32

func (m *members) once(s *scanner, bit members) error {
	if *m&bit != 0 {
		return &syntaxError{Offset: s.before + s.pos, Msg: "repeated key"}
	}
	*m |= bit
	return nil
}
