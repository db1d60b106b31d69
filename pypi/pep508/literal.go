package pep508

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unescape resolves the backslash escapes of a Python string. Unknown escapes stay, as in Python; where one is
// malformed, which Python refuses and uv takes literally, the whole text stays as it is.
func unescape(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if i++; i == len(text) {
			return text
		}
		switch c = text[i]; c {
		case '\n':
		case '\\', '\'', '"':
			b.WriteByte(c)
		case 'a', 'b', 'f', 'n', 'r', 't', 'v':
			b.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case '0', '1', '2', '3', '4', '5', '6', '7':
			end := i + 1
			for end < len(text) && end < i+3 && '0' <= text[end] && text[end] <= '7' {
				end++
			}
			n, _ := strconv.ParseUint(text[i:end], 8, 32)
			b.WriteRune(rune(n))
			i = end - 1
		case 'x', 'u', 'U':
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+digits >= len(text) {
				return text
			}
			n, err := strconv.ParseUint(text[i+1:i+1+digits], 16, 32)
			if err != nil || !utf8.ValidRune(rune(n)) {
				return text
			}
			b.WriteRune(rune(n))
			i += digits
		case 'N':
			return text
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}

// quoteLiteral writes a text that unescape gives back: in the quotes preferred, else in the others, with escapes only
// where nothing else will do, and for what does not print, lest a text from an index forge lines of a lock.
func quoteLiteral(text string, quote byte) string {
	other := byte('"' + '\'' - quote)
	both := false
	if strings.IndexByte(text, quote) >= 0 {
		if both = strings.IndexByte(text, other) >= 0; !both {
			quote = other
		}
	}
	if !both && isPrintable(text) && unescape(text) == text {
		return string(quote) + text + string(quote)
	}
	var b strings.Builder
	b.WriteByte(quote)
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case unicode.IsPrint(r) && r != rune(quote):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte(quote)
	return b.String()
}

func isPrintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
