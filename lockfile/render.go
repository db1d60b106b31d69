package lockfile

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

// Annotation is how a lock tells who asked for a package.
type Annotation uint8

const (
	// Split gives each label a line.
	Split Annotation = iota
	// Line puts all labels on one line.
	Line
)

// ParseAnnotation reads "split" or "line".
func ParseAnnotation(s string) (Annotation, error) {
	switch s {
	case "split":
		return Split, nil
	case "line":
		return Line, nil
	}
	return 0, fmt.Errorf("unknown annotation style %q: use split or line", s)
}

func (a Annotation) String() string {
	if a == Line {
		return "line"
	}
	return "split"
}

// Style is the choice of comments in a lock.
type Style struct {
	Annotation Annotation
	// NoAnnotate leaves out who asked for a package, and the trailer.
	NoAnnotate bool
	// NoHeader leaves out the header.
	NoHeader bool
}

// lineWidth is the column that comments of the line style are padded to.
const lineWidth = 24

// Render returns the text of a lock. The bytes depend on the content alone,
// not on the order of pins, hashes or labels. It is read back and compared
// before it is returned; text that would not survive that, or that pip would
// understand differently, is an error that names it.
func Render(l *Lock, s Style) ([]byte, error) {
	n, err := normalize(l, s)
	if err != nil {
		return nil, err
	}
	text := render(n, s)
	back, err := Parse("", text)
	if err != nil {
		return nil, fmt.Errorf("the lock cannot be read back: %w", err)
	}
	if err := Same(n, back); err != nil {
		return nil, fmt.Errorf("the lock reads back differently: %w", err)
	}
	if err := sameComments(n, back); err != nil {
		return nil, fmt.Errorf("the lock reads back differently: %w", err)
	}
	return text, nil
}

func render(l *Lock, s Style) []byte {
	var b bytes.Buffer
	for _, h := range l.Header {
		comment(&b, h)
	}
	for _, o := range l.Options {
		b.WriteString(o)
		b.WriteByte('\n')
	}
	if len(l.Options) > 0 {
		b.WriteByte('\n')
	}
	directs := l.Direct
	before := func(name pypi.Name) {
		for ; len(directs) > 0 && (name == "" || directs[0].Name < name); directs = directs[1:] {
			d := &directs[0]
			statement(&b, d.line(), d.Hashes, d.Via, d.From, s.Annotation)
		}
	}
	for i := range l.Pins {
		before(l.Pins[i].Name)
		pin(&b, &l.Pins[i], s.Annotation)
	}
	before("")
	if len(l.Trailer) > 0 {
		b.WriteByte('\n')
	}
	for _, t := range l.Trailer {
		if t == "" {
			b.WriteByte('\n')
		} else {
			comment(&b, t)
		}
	}
	return b.Bytes()
}

func comment(b *bytes.Buffer, text string) {
	b.WriteByte('#')
	if text != "" {
		b.WriteByte(' ')
		b.WriteString(text)
	}
	b.WriteByte('\n')
}

func pin(b *bytes.Buffer, p *Pin, a Annotation) {
	var line strings.Builder
	line.WriteString(string(p.Name))
	for i, e := range p.Extras {
		line.WriteByte("[,"[min(i, 1)])
		line.WriteString(string(e))
	}
	if len(p.Extras) > 0 {
		line.WriteByte(']')
	}
	line.WriteString("==")
	line.WriteString(p.Version.String())
	if p.Marker != "" {
		line.WriteString(" ; ")
		line.WriteString(p.Marker)
	}
	statement(b, line.String(), p.Hashes, p.Via, p.From, a)
}

// statement writes a requirement with its hashes and annotations.
func statement(b *bytes.Buffer, line string, hashes, via []string, from string, a Annotation) {
	start := b.Len()
	b.WriteString(line)
	for _, h := range hashes {
		b.WriteString(" \\\n    --hash=")
		b.WriteString(h)
	}
	switch {
	case len(via) == 0:
		b.WriteByte('\n')
	case a == Line:
		if len(hashes) > 0 {
			b.WriteString("\n    ")
		} else {
			b.WriteString(strings.Repeat(" ", max(0, lineWidth-(b.Len()-start))+2))
		}
		b.WriteString("# via ")
		b.WriteString(strings.Join(packagesFirst(via), labelSeparator))
		b.WriteByte('\n')
	case len(via) == 1 && !strings.Contains(via[0], labelSeparator):
		b.WriteString("\n    # via ")
		b.WriteString(via[0])
		b.WriteByte('\n')
	default:
		b.WriteString("\n    # via\n")
		for _, v := range via {
			b.WriteString("    #   ")
			b.WriteString(v)
			b.WriteByte('\n')
		}
	}
	if from != "" {
		b.WriteString("    # from ")
		b.WriteString(from)
		b.WriteByte('\n')
	}
}

// normalize returns the lock as it will be written, everything sorted, and
// checks each piece of text.
func normalize(l *Lock, s Style) (*Lock, error) {
	n := &Lock{Options: l.Options, Pins: slices.Clone(l.Pins)}
	if !s.NoHeader {
		n.Header = l.Header
	}
	if !s.NoAnnotate {
		n.Trailer = trimBlank(l.Trailer)
	}
	for _, o := range n.Options {
		if err := checkOption(o); err != nil {
			return nil, err
		}
	}
	for i := range n.Pins {
		p := &n.Pins[i]
		p.Extras = slices.Compact(slices.Sorted(slices.Values(p.Extras)))
		p.Hashes = slices.Compact(slices.Sorted(slices.Values(p.Hashes)))
		p.Via = sortLabels(p.Via)
		if s.NoAnnotate {
			p.Via, p.From = nil, ""
		}
		if err := checkPin(p); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(n.Pins, comparePins)
	for _, d := range l.Direct {
		d.Text = d.line()
		d.Hashes = slices.Compact(slices.Sorted(slices.Values(d.Hashes)))
		if d.Via = sortLabels(d.Via); s.NoAnnotate {
			d.Via, d.From = nil, ""
		}
		if err := checkReference(&d); err != nil {
			return nil, err
		}
		n.Direct = append(n.Direct, d)
	}
	slices.SortFunc(n.Direct, compareDirects)
	if err := checkMixture(n); err != nil {
		return nil, err
	}
	for _, line := range slices.Concat(n.Header, n.Trailer) {
		if err := checkText("comment", line); err != nil {
			return nil, err
		}
	}
	if err := checkCoding(n); err != nil {
		return nil, err
	}
	return n, nil
}

// trimBlank removes blank lines at both ends and doubled ones.
func trimBlank(lines []string) []string {
	var out []string
	for _, line := range lines {
		if line != "" || len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, line)
		}
	}
	if n := len(out); n > 0 && out[n-1] == "" {
		out = out[:n-1]
	}
	return out
}

func checkPin(p *Pin) error {
	if n, err := pypi.ParseName(string(p.Name)); err != nil || n != p.Name {
		return fmt.Errorf("%q is not a normalized package name", p.Name)
	}
	if p.Version.IsZero() {
		return fmt.Errorf("%s has no version", p.Name)
	}
	for _, e := range p.Extras {
		if x, err := pypi.ParseExtra(string(e)); err != nil || x != e {
			return fmt.Errorf("%s: %q is not a normalized extra", p.Name, e)
		}
	}
	if err := checkMarker(p.Marker); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	for _, h := range p.Hashes {
		if !validHash(h) {
			return fmt.Errorf("%s: %q is not a hash that pip accepts: it wants sha256, sha384 or sha512 in lower-case hexadecimal", p.Name, h)
		}
	}
	for _, v := range p.Via {
		if v == "" {
			return fmt.Errorf("%s: an empty label", p.Name)
		}
		if err := checkText("label", v); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	if p.From != "" {
		if err := checkURL(p.From); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// hexLength is the length of a digest in hexadecimal digits, for the hashes
// that pip accepts.
func hexLength(algorithm string) int {
	switch algorithm {
	case "sha256":
		return 64
	case "sha384":
		return 96
	case "sha512":
		return 128
	}
	return 0
}

func validHash(h string) bool {
	algorithm, hex, ok := strings.Cut(h, ":")
	if n := hexLength(algorithm); !ok || n == 0 || len(hex) != n {
		return false
	}
	for i := range len(hex) {
		if c := hex[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// markerText are the characters of a marker that mean nothing else to pip.
var markerText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9 ._<>=!~'"()+,*/@%:-]+$`) })

func checkMarker(m string) error {
	if m == "" {
		return nil
	}
	if !markerText().MatchString(m) || m != strings.Join(strings.Fields(m), " ") {
		return fmt.Errorf("the marker %q cannot be written into a lock: pip would misread it", m)
	}
	for _, word := range strings.Fields(m) {
		if word[0] == '-' {
			return fmt.Errorf("the marker %q cannot be written into a lock: pip would take %q for an option", m, word)
		}
	}
	return nil
}

// options that a lock may hold, and whether they take a value.
var optionValue = map[string]bool{
	"--index-url":       true,
	"--extra-index-url": true,
	"--find-links":      true,
	"--no-binary":       true,
	"--only-binary":     true,
	"--trusted-host":    true,
	"--no-index":        false,
	"--pre":             false,
	"--prefer-binary":   false,
	"--require-hashes":  false,
}

func checkOption(o string) error {
	name, value, has := strings.Cut(o, " ")
	takes, known := optionValue[name]
	if !known || takes != has || has && value == "" {
		return fmt.Errorf("%q is not an option that a lock may hold", project.Redact(o))
	}
	if !has {
		return nil
	}
	return checkURL(value)
}

// checkURL checks the value of an option: one word that neither a shell
// (pip splits options as one) nor pip changes, without credentials.
func checkURL(v string) error {
	if err := checkText("address", v); err != nil {
		return err
	}
	if strings.ContainsAny(v, " \"'\\") || strings.HasPrefix(v, "-") || strings.HasPrefix(v, "#") || strings.Contains(v, "${") {
		return fmt.Errorf("the address %q cannot be written into a lock: escape its special characters", project.Redact(v))
	}
	if project.Redact(v) != v {
		return fmt.Errorf("the address %q has credentials, which do not belong in a lock", project.Redact(v))
	}
	return nil
}

// checkText refuses text that would end the line that it stands on, continue
// it, or deceive who reads it.
func checkText(what, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("the %s %q is not UTF-8", what, s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return fmt.Errorf("the %s %q holds %U, which does not belong in a lock: rename it", what, s, r)
		}
	}
	if strings.HasSuffix(s, `\`) {
		return fmt.Errorf("the %s %q ends with a backslash, which continues a line: rename it", what, s)
	}
	if strings.TrimRightFunc(s, unicode.IsSpace) != s || what != "comment" && strings.TrimLeftFunc(s, unicode.IsSpace) != s {
		return fmt.Errorf("the %s %q begins or ends with a space: rename it", what, s)
	}
	return nil
}

// coding is the declaration of an encoding that pip obeys in a comment on
// either of the first two lines (PEP 263).
var coding = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`coding[:=]\s*[-\w.]`) })

func checkCoding(l *Lock) error {
	var first []string
	switch {
	case len(l.Header) > 0:
		first = l.Header
	case len(l.Options)+len(l.Pins) == 0:
		first = l.Trailer
	}
	for _, line := range first[:min(2, len(first))] {
		if coding().MatchString(line) {
			return fmt.Errorf("the comment %q reads as the declaration of an encoding: rename what it names", line)
		}
	}
	return nil
}
