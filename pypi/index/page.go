package index

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// pageBuilder turns the records of one page into a project: the same checks whatever the page's format.
type pageBuilder struct {
	name   pypi.Name
	links  linkResolver
	parser dist.FileParser

	files    []File
	versions []pep440.Version // of files
	skipped  []Skipped
	wheels   []dist.Wheel // room for more, never moved
	pythons  map[string]python
	buf      []byte

	status, statusReason string
	claim                *claim
	unended              bool // an HTML page without its end tag
	html                 bool
	known                bool // an HTML page that says what it is
}

// python is a Requires-Python parsed once for all files that state it.
type python struct {
	text       string
	specifiers pep440.Specifiers
	err        error
}

// expect makes room for about n files.
func (b *pageBuilder) expect(n int) {
	b.files = make([]File, 0, n)
	b.versions = make([]pep440.Version, 0, n)
}

// add checks one record. The error means that the page is not to be trusted at all; a file that is not to be used is
// only noted.
func (b *pageBuilder) add(r *record) error {
	if len(b.files)+len(b.skipped) >= maxFiles {
		return &LimitError{"the project page", maxFiles, "files"}
	}
	if reason := b.file(r); reason != "" {
		b.skipped = append(b.skipped, Skipped{string(r.filename), reason})
	}
	return nil
}

// file appends the file of r, or returns why not.
func (b *pageBuilder) file(r *record) string {
	if len(r.filename) == 0 {
		return "has no name"
	}
	f := File{Size: r.size, Yanked: r.yanked, Core: CoreMetadata{State: r.core}}
	if f.Yanked {
		f.YankedReason = oneLine(r.yankedReason)
	}
	if len(r.kind) > 0 && string(r.kind) != "bdist_wheel" && string(r.kind) != "sdist" {
		return "is a " + string(r.kind) + ", neither wheel nor source distribution"
	}
	href, fragment, err := b.links.resolve(r.url)
	if err != nil {
		return err.Error()
	}
	if len(r.sha256)+len(r.sha384)+len(r.sha512) == 0 {
		fragmentHash(r, fragment)
	}
	f.URL = string(href) // which as a rule ends in the file name
	if strings.HasSuffix(f.URL, string(r.filename)) {
		f.Filename = f.URL[len(f.URL)-len(r.filename):]
	} else {
		f.Filename = string(r.filename)
	}
	if reason := b.setHashes(&f, r); reason != "" {
		return reason
	}
	if len(r.coreHash) > 0 {
		hash, ok := digest(string(r.coreHash), 64)
		if !ok {
			return "its metadata file has a malformed sha256"
		}
		f.Core.SHA256 = hash
	}
	var version pep440.Version
	if strings.HasSuffix(f.Filename, ".whl") {
		w, err := b.parser.Wheel(f.Filename)
		if err != nil {
			return err.Error()
		}
		if w.Name != b.name {
			return "belongs to project " + string(w.Name)
		}
		if len(b.wheels) == cap(b.wheels) {
			b.wheels = make([]dist.Wheel, 0, 64)
		}
		b.wheels = append(b.wheels, w)
		f.Wheel, version = &b.wheels[len(b.wheels)-1], w.Version
	} else {
		sdist, err := b.parser.SdistOf(f.Filename, b.name)
		if err != nil {
			return err.Error()
		}
		version = sdist.Version
	}
	p := b.python(r.requiresPython)
	if p.err != nil {
		return "Requires-Python: " + p.err.Error()
	}
	f.RequiresPython, f.Python = p.text, p.specifiers
	f.UploadTime = parseTime(r.uploaded)
	b.files = append(b.files, f)
	b.versions = append(b.versions, version)
	return ""
}

// oneLine makes a person's words fit into a message: white space becomes a single space, so that they are no line of
// their own there, and at most maxReason bytes are kept.
func oneLine(text []byte) string {
	cut := false
	if len(text) > maxReason {
		text, cut = text[:maxReason], true
		text = bytes.ToValidUTF8(text, nil) // half a character
	}
	s := strings.Join(strings.Fields(string(text)), " ")
	if cut {
		s += "…"
	}
	return s
}

// setHashes fills f.Hashes.
func (b *pageBuilder) setHashes(f *File, r *record) string {
	b.buf = b.buf[:0]
	for i, text := range [...][]byte{r.sha256, r.sha384, r.sha512} {
		if len(text) == 0 {
			continue
		}
		var err error
		if b.buf, err = hex.AppendDecode(b.buf, text); err != nil || len(text) != 2*algorithms[i].size {
			return "its " + algorithms[i].name + " is malformed"
		}
		f.Hashes.has |= 1 << i
	}
	f.Hashes.raw = string(b.buf)
	return ""
}

// fragmentHash reads the hashes of a link's fragment, such as sha256=… (PEP 503).
func fragmentHash(r *record, fragment []byte) {
	for part := range bytes.SplitSeq(fragment, []byte("&")) {
		name, value, _ := bytes.Cut(part, []byte("="))
		switch string(name) {
		case "sha256":
			r.sha256 = value
		case "sha384":
			r.sha384 = value
		case "sha512":
			r.sha512 = value
		}
	}
}

// digest returns s in lower case, and whether it is n hexadecimal digits.
func digest(s string, n int) (string, bool) {
	if len(s) != n {
		return "", false
	}
	upper := false
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
		case 'A' <= c && c <= 'F':
			upper = true
		default:
			return "", false
		}
	}
	if upper {
		s = strings.ToLower(s)
	}
	return s, true
}

func (b *pageBuilder) python(text []byte) python {
	if len(text) == 0 {
		return python{}
	}
	p, ok := b.pythons[string(text)]
	if !ok {
		p.text = string(text)
		p.specifiers, p.err = dist.ParseRequiresPython(p.text)
		if b.pythons == nil {
			b.pythons = make(map[string]python)
		}
		b.pythons[p.text] = p
	}
	return p
}

// project sorts what was added. Versions that are equal become one release, under the shortest of their spellings.
func (b *pageBuilder) project(home *repository) *Project {
	p := &Project{
		Name: b.name, Index: home.display, Status: oneLine([]byte(b.status)), StatusReason: oneLine([]byte(b.statusReason)),
		Skipped: b.skipped, home: home, claim: b.claim,
	}
	switch strings.ToLower(p.Status) {
	case "active":
		p.Status, p.StatusReason = "", ""
	case "quarantined":
		p.claim = nil
		return p
	}
	order := make([]int, len(b.files))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(b.versions[i].Compare(b.versions[j]), strings.Compare(b.files[i].Filename, b.files[j].Filename))
	})
	files := make([]File, 0, len(order))
	for start := 0; start < len(order); {
		version := b.versions[order[start]]
		first := len(files)
		end := start
		for ; end < len(order) && b.versions[order[end]].Compare(b.versions[order[start]]) == 0; end++ {
			f := b.files[order[end]]
			if n := len(files); n > first && files[n-1].Filename == f.Filename {
				p.Skipped = append(p.Skipped, Skipped{f.Filename, "is listed twice; the first counts"})
				continue
			}
			files = append(files, f)
			if v := b.versions[order[end]]; v != version && len(v.Release()) < len(version.Release()) {
				version = v
			}
		}
		p.Releases = append(p.Releases, NewRelease(version, files[first:len(files):len(files)]...))
		start = end
	}
	return p
}

// parseTime reads an upload time of RFC 3339, or one without a zone as UTC; what is neither is unknown.
func parseTime(text []byte) time.Time {
	if t, ok := parseZulu(text); ok {
		return t
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// parseZulu reads 2006-01-02T15:04:05[.999999999]Z in a tenth of the time of time.Parse.
func parseZulu(s []byte) (time.Time, bool) {
	if len(s) < 20 || s[len(s)-1] != 'Z' || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	ok := true
	number := func(from, to int) int {
		n := 0
		for _, c := range s[from:to] {
			ok = ok && '0' <= c && c <= '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	nanos := 0
	if fraction := len(s) - 21; fraction > 0 && fraction <= 9 && s[19] == '.' {
		nanos = number(20, len(s)-1)
		for range 9 - fraction {
			nanos *= 10
		}
	} else if len(s) != 20 {
		return time.Time{}, false
	}
	if !ok || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	return t, t.Day() == day
}
