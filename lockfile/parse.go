package lockfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

const (
	maxLockBytes = 64 << 20 // bytes of a lock
	maxLineBytes = 1 << 20  // bytes of one logical line of a lock

	labelSeparator = ", "
	byteOrderMark  = "\uFEFF"
)

// Parse reads a lock that pylock, uv or pip-tools wrote; name is the file in
// the places of pins and errors. Everything that is wrong is a
// [*project.InputError], the marks of a merge conflict a [*MergeConflictError]
// that wraps one.
func Parse(name string, data []byte) (*Lock, error) {
	l, err := ParseLax(name, data)
	if err != nil {
		return nil, err
	}
	return l, unique(l)
}

// ParseLax is Parse for a lock to be judged: a package may be pinned twice.
func ParseLax(name string, data []byte) (*Lock, error) {
	p := &parser{name: name, lock: &Lock{}}
	if err := p.split(data); err != nil {
		return nil, err
	}
	for i, line := range p.lines {
		if m := project.ConflictMark(line); m != "" {
			return nil, &MergeConflictError{Place: project.Place{File: name, Line: i + 1, Column: 1}, Mark: m, Lock: true}
		}
	}
	if err := p.run(); err != nil {
		return nil, err
	}
	return p.lock, nil
}

type parser struct {
	name    string
	lines   []string
	numbers []int // of the lines in the file, where some were left out
	lock    *Lock

	via  *[]string // of the entry that annotations belong to
	from *string
	list bool // within the list of a split annotation

	logical logical // the line at hand
	words   []word  // of it
}

func (p *parser) fail(line, column int, format string, args ...any) error {
	return &project.InputError{Place: p.place(line, column), Msg: fmt.Sprintf(format, args...)}
}

func (p *parser) place(line, column int) project.Place {
	if p.numbers != nil && line > 0 {
		line = p.numbers[line-1]
	}
	return project.Place{File: p.name, Line: line, Column: column}
}

// split cuts the text into lines. Python knows ten ends of a line; only two
// of them may occur, so that pip and pylock always see the same lines.
func (p *parser) split(data []byte) error {
	if len(data) > maxLockBytes {
		return p.fail(0, 0, "a lock of %d bytes: the limit is %d", len(data), maxLockBytes)
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	p.lines = strings.Split(string(data), "\n")
	for i, line := range p.lines {
		line = strings.TrimSuffix(line, "\r")
		p.lines[i] = line
		if plain(line) {
			continue
		}
		column := 0
		for off, r := range line {
			column++
			if r == utf8.RuneError && !strings.HasPrefix(line[off:], "\uFFFD") {
				return p.fail(i+1, column, "the byte %#02x is not UTF-8", line[off])
			}
			if r != '\t' && (unicode.IsControl(r) || r == '\u2028' || r == '\u2029') {
				return p.fail(i+1, column, "the control character %U does not belong in a lock", r)
			}
		}
	}
	if n := len(p.lines); p.lines[n-1] == "" {
		p.lines = p.lines[:n-1]
	}
	return nil
}

// plain reports whether a line is printable ASCII and tabs, as most are.
func plain(line string) bool {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c > '~' {
			return false
		}
	}
	return true
}

func (p *parser) run() error {
	header, blank := true, false
	for i := 0; i < len(p.lines); i++ {
		line := p.lines[i]
		text := strings.TrimLeft(line, " \t")
		switch {
		case text == "":
			header, blank = false, true
			p.detach()
			continue
		case text[0] == '#' && len(text) < len(line) && p.via != nil:
			p.annotate(text[1:])
		case text[0] == '#':
			p.detach()
			c := strings.TrimRight(strings.TrimPrefix(text[1:], " "), " \t")
			switch {
			case header:
				p.lock.Header = append(p.lock.Header, c)
			default:
				if blank && len(p.lock.Trailer) > 0 {
					p.lock.Trailer = append(p.lock.Trailer, "")
				}
				p.lock.Trailer = append(p.lock.Trailer, c)
			}
		default:
			header = false
			p.detach()
			l := &p.logical
			l.reset()
			for {
				comment := isComment(p.lines[i])
				cont := !comment && strings.HasSuffix(p.lines[i], `\`)
				l.add(i+1, strings.Trim(p.lines[i], `\`), comment)
				if l.size > maxLineBytes {
					return p.fail(l.lines[0], 1, "a line of more than %d bytes", maxLineBytes)
				}
				if !cont || i+1 == len(p.lines) {
					break
				}
				i++
			}
			l.text = strings.Join(l.parts, "")
			if err := p.statement(l); err != nil {
				return err
			}
		}
		blank = false
	}
	p.lock.Trailer = trimBlank(p.lock.Trailer)
	return nil
}

func (p *parser) detach() { p.via, p.from, p.list = nil, nil, false }

func isComment(line string) bool {
	return strings.HasPrefix(strings.TrimLeft(line, " \t"), "#")
}

// logical is a line with its continuations, and where each part came from.
type logical struct {
	parts   []string
	size    int    // bytes of the parts
	text    string // the parts, once all are there
	offsets []int  // of each part in text
	lines   []int  // line numbers of the parts
}

// reset makes room for another line where the last one was.
func (l *logical) reset() {
	*l = logical{parts: l.parts[:0], offsets: l.offsets[:0], lines: l.lines[:0]}
}

func (l *logical) add(line int, text string, comment bool) {
	if comment {
		text = " " + text
	}
	l.offsets = append(l.offsets, l.size)
	l.lines = append(l.lines, line)
	l.parts = append(l.parts, text)
	l.size += len(text)
}

// place returns line and column, from 1, of a byte of the text.
func (l *logical) place(off int) (line, column int) {
	i, found := slices.BinarySearch(l.offsets, off)
	if !found {
		i--
	}
	return l.lines[i], utf8.RuneCountInString(l.text[l.offsets[i]:min(off, len(l.text))]) + 1
}

// cutComment splits at the first '#' that begins a word, as pip does.
func cutComment(s string) (before, after string, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

type word struct {
	text string
	off  int
}

// words appends the words of s to ws.
func words(ws []word, s string, off int) []word {
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		j := i
		for j < len(s) && s[j] != ' ' && s[j] != '\t' {
			j++
		}
		ws = append(ws, word{s[i:j], off + i})
		i = j
	}
	return ws
}

func (p *parser) statement(l *logical) error {
	text, note, annotated := cutComment(l.text)
	ws := words(p.words[:0], text, 0)
	p.words = ws
	if len(ws) == 0 {
		return nil
	}
	var err error
	if ws[0].text[0] == '-' {
		err = p.option(l, ws)
	} else {
		err = p.requirement(l, text, ws)
	}
	if err == nil && annotated && p.via != nil {
		p.annotate(note)
		p.list = false
	}
	return err
}

// option reads a line that begins with an option.
func (p *parser) option(l *logical, ws []word) error {
	line, column := l.place(ws[0].off)
	name, value, attached := strings.Cut(ws[0].text, "=")
	if len(name) > 2 && name[1] != '-' { // -rFILE
		name, value, attached = ws[0].text[:2], ws[0].text[2:], true
	}
	rest := ws[1:]
	if _, known := optionValue[name]; !attached && len(rest) > 0 && (optionValue[name] || !known) {
		value, rest = rest[0].text, rest[1:]
	}
	switch name {
	case "-r", "--requirement", "-c", "--constraint":
		return p.fail(line, column, "a lock must not include other files: %s", name)
	case "-e", "--editable":
		if value == "" {
			return p.fail(line, column, "%s without a path", name)
		}
		return p.direct(l, "", "-e "+value, rest)
	case "-i":
		name = "--index-url"
	case "-f":
		name = "--find-links"
	}
	takes, known := optionValue[name]
	switch {
	case !known:
		return p.fail(line, column, "the option %s does not belong in a lock", project.Escape(name))
	case takes && value == "":
		return p.fail(line, column, "%s wants a value", name)
	case !takes && value != "":
		return p.fail(line, column, "%s takes no value", name)
	case len(rest) > 0:
		line, column = l.place(rest[0].off)
		return p.fail(line, column, "one option a line, found also %q", project.Redact(rest[0].text))
	}
	if takes {
		name += " " + value
	}
	p.lock.Options = append(p.lock.Options, name)
	line, column = l.place(ws[0].off)
	p.lock.OptionPlaces = append(p.lock.OptionPlaces, p.place(line, column))
	return nil
}

// requirement reads a line that begins with a requirement, up to the first
// word that begins with '-'; from there on come options of the requirement.
func (p *parser) requirement(l *logical, text string, ws []word) error {
	end := slices.IndexFunc(ws, func(w word) bool { return w.text[0] == '-' })
	var options []word
	spec := text[ws[0].off:]
	if end >= 0 {
		options = ws[end:]
		spec = text[ws[0].off:ws[end].off]
	}
	spec = strings.TrimRight(spec, " \t")
	line, column := l.place(ws[0].off)
	r, _, err := pep508.ParseRequirement(spec)
	switch {
	case err != nil && isPath(ws[0].text):
		return p.direct(l, "", spec, options)
	case err != nil:
		if pe := (*pep508.ParseError)(nil); errors.As(err, &pe) {
			line, column = l.place(ws[0].off + pe.Offset)
			return p.fail(line, column, "%s", pe.Msg)
		}
		return p.fail(line, column, "%v", err)
	case r.URL != "":
		if err := p.direct(l, r.Name, spec, options); err != nil {
			return err
		}
		d := &p.lock.Direct[len(p.lock.Direct)-1]
		d.URL = addressOf(r.URL)
		d.Marker = markerOf(spec[strings.Index(spec, r.URL)+len(r.URL):])
		p.from = &d.From
		return nil
	case len(r.Specifiers) != 1 || r.Specifiers[0].Op != pep440.Equal || r.Specifiers[0].Wildcard:
		return p.fail(line, column, "%s is not pinned with ==: this is not a lock", project.Redact(spec))
	}
	hashes, err := p.hashes(l, options)
	if err != nil {
		return err
	}
	p.lock.Pins = append(p.lock.Pins, Pin{
		Name: r.Name, NameText: r.NameText, Extras: r.Extras, Version: r.Specifiers[0].Version, Marker: markerOf(spec), Hashes: hashes,
		Place: p.place(line, column),
	})
	last := &p.lock.Pins[len(p.lock.Pins)-1]
	p.via, p.from = &last.Via, &last.From
	return nil
}

// addressOf takes off the hashes that a URL has in its fragment, and credentials.
func addressOf(u string) string {
	u, fragment, _ := strings.Cut(u, "#")
	for part := range strings.SplitSeq(fragment, "&") {
		if strings.HasPrefix(part, "subdirectory=") {
			u += "#" + part
		}
	}
	return BareURL(u)
}

// BareURL takes the credentials off a URL, but for the user of ssh.
func BareURL(u string) string {
	i := strings.Index(u, "://")
	if i < 0 {
		return u
	}
	head, rest := u[:i+3], u[i+3:]
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 {
		return u
	}
	if user, _, _ := strings.Cut(rest[:at], ":"); strings.HasSuffix(head, "ssh://") {
		return head + user + rest[at:]
	}
	return head + rest[at+1:]
}

// markerOf returns the text behind the first ';' of a pin.
func markerOf(spec string) string {
	_, m, _ := strings.Cut(spec, ";")
	return strings.Join(strings.Fields(m), " ")
}

func isPath(s string) bool {
	return s[0] == '.' || s[0] == '/' || strings.Contains(s, "://") || strings.HasPrefix(s, "file:") || len(s) > 2 && s[1] == ':' && (s[2] == '\\' || s[2] == '/')
}

func (p *parser) direct(l *logical, name pypi.Name, text string, options []word) error {
	hashes, err := p.hashes(l, options)
	if err != nil {
		return err
	}
	line, column := l.place(0)
	p.lock.Direct = append(p.lock.Direct, Direct{Name: name, Text: text, Hashes: hashes, Place: p.place(line, column)})
	d := &p.lock.Direct[len(p.lock.Direct)-1]
	p.via, p.from = &d.Via, new(string)
	return nil
}

// hashes reads the options of a requirement, which can only be hashes.
func (p *parser) hashes(l *logical, ws []word) ([]string, error) {
	if len(ws) == 0 {
		return nil, nil
	}
	hashes := make([]string, 0, len(ws))
	for len(ws) > 0 {
		w := ws[0]
		ws = ws[1:]
		name, h, attached := strings.Cut(w.text, "=")
		if name != "--hash" {
			line, column := l.place(w.off)
			return nil, p.fail(line, column, "found %q where a --hash was expected", project.Redact(w.text))
		}
		if !attached && len(ws) > 0 {
			h, ws = ws[0].text, ws[1:]
		}
		if !validHash(h) {
			line, column := l.place(w.off)
			return nil, p.fail(line, column, "%q is not a hash: it should read sha256:<64 hexadecimal digits>", h)
		}
		hashes = append(hashes, h)
	}
	if !slices.IsSorted(hashes) {
		slices.Sort(hashes)
	}
	return slices.Compact(hashes), nil
}

// annotate reads a comment that belongs to the last entry; text is what
// follows '#'.
func (p *parser) annotate(text string) {
	text = strings.TrimRight(text, " \t")
	body := strings.TrimLeft(text, " \t")
	indent := len(text) - len(body)
	if p.list && indent > 1 {
		if body != "" {
			*p.via = append(*p.via, body)
		}
		return
	}
	p.list = false
	switch {
	case body == "via":
		p.list = true
	case strings.HasPrefix(body, "via "):
		*p.via = append(*p.via, splitLabels(strings.TrimSpace(body[len("via "):]))...)
	case strings.HasPrefix(body, "from "):
		*p.from = strings.TrimSpace(body[len("from "):])
	}
}

// splitLabels cuts at the commas that stand outside of parentheses.
func splitLabels(s string) []string {
	var labels []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth = max(0, depth-1)
		case depth == 0 && strings.HasPrefix(s[i:], labelSeparator):
			labels = append(labels, s[start:i])
			start = i + len(labelSeparator)
		}
	}
	labels = append(labels, s[start:])
	return slices.DeleteFunc(labels, func(l string) bool { return l == "" })
}

// unique refuses pins that cannot both be meant.
func unique(l *Lock) error {
	type state struct {
		always  bool
		markers map[string]bool
	}
	seen := map[pypi.Name]*state{}
	for _, pin := range l.Pins {
		s := seen[pin.Name]
		if s == nil {
			s = &state{markers: map[string]bool{}}
			seen[pin.Name] = s
		} else if s.always || pin.Marker == "" || s.markers[pin.Marker] {
			return &project.InputError{Place: pin.Place, Msg: fmt.Sprintf("%s is pinned twice", pin.Name)}
		}
		s.always = pin.Marker == ""
		s.markers[pin.Marker] = true
	}
	return nil
}
