package index

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// pageBuilder turns the records of one page into a packed page: the same checks whatever the page's format. Files are
// packed as they come and never kept otherwise, since most are not looked at again.
type pageBuilder struct {
	name   pypi.Name
	links  linkResolver
	parser dist.FileParser

	files   []packedFile
	packed  []byte // of files
	skipped []Skipped
	kinds   kindTable
	python  map[string]requiresPython // those of the page
	buf     []byte                    // the hashes of a file
	core    []byte                    // the hash of its metadata file

	status, statusReason string
	claim                *claim
	signed               bool // an address has a query
	unended              bool // an HTML page without its end tag
	html                 bool
	known                bool // an HTML page that says what it is

	each  func(*record) // takes the files in place of add; nil for a page of one project
	taken int           // files that it took
}

// packedFile is where a file of a page is packed.
type packedFile struct {
	version       pep440.Version
	at, end       uint32
	nameAt, nameN uint32
	kind          uint32
	yanked        bool
}

func newPageBuilder(name pypi.Name, base *url.URL) *pageBuilder {
	return &pageBuilder{name: name, links: newLinkResolver(base), packed: (*packing.Get().(*[]byte))[:0]}
}

// release gives back what b is done with.
func (b *pageBuilder) release() {
	buf := b.packed
	packing.Put(&buf)
}

// expect makes room for about n files.
func (b *pageBuilder) expect(n int) { b.files = make([]packedFile, 0, n) }

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

// file packs the file of r, or returns why not.
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
	f.URL, f.Filename = view(href), string(r.filename)
	if reason := b.setHashes(&f, r); reason != "" {
		return reason
	}
	if len(r.coreHash) > 0 {
		raw, n := appendHex(b.core[:0], view(r.coreHash), &anyHex)
		if b.core = raw; n != 32 || len(r.coreHash) != 2*n {
			return "its metadata file has a malformed sha256"
		}
		f.Core.Hashes = Hashes{view(raw), 1}
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
		version = w.Version
	} else {
		sdist, err := b.parser.SdistOf(f.Filename, b.name)
		if err != nil {
			return err.Error()
		}
		version = sdist.Version
	}
	python, err := b.pythonOf(r.requiresPython)
	if err != nil {
		return "Requires-Python: " + err.Error()
	}
	f.UploadTime = parseTime(r.uploaded)
	b.signed = b.signed || bytes.IndexByte(href, '?') >= 0
	at := len(b.packed)
	var nameAt int
	b.packed, nameAt = packFile(b.packed, &f)
	b.files = append(b.files, packedFile{version, uint32(at), uint32(len(b.packed)), uint32(nameAt), uint32(len(f.Filename)),
		uint32(b.kinds.number(f.Filename, python)), f.Yanked})
	return ""
}

// view is text as a string that is as short-lived.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

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

// setHashes fills f.Hashes, until the next file.
func (b *pageBuilder) setHashes(f *File, r *record) string {
	b.buf = b.buf[:0]
	for i, text := range [...][]byte{r.sha256, r.sha384, r.sha512} {
		if len(text) == 0 {
			continue
		}
		n := 0
		if b.buf, n = appendHex(b.buf, view(text), &anyHex); n != algorithms[i].size || len(text) != 2*n {
			return "its " + algorithms[i].name + " is malformed"
		}
		f.Hashes.has |= 1 << i
	}
	f.Hashes.raw = view(b.buf)
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

// pythonOf returns the number of a Requires-Python, -1 for none.
func (b *pageBuilder) pythonOf(text []byte) (number int, err error) {
	if len(text) == 0 {
		return -1, nil
	}
	known, ok := b.python[string(text)]
	if !ok {
		if _, known.err = dist.ParseRequiresPython(string(text)); known.err == nil {
			known.number = b.kinds.pythons.number(string(text))
		}
		if b.python == nil {
			b.python = map[string]requiresPython{}
		}
		b.python[string(text)] = known
	}
	return known.number, known.err
}

// requiresPython is what is known of a Requires-Python of the page.
type requiresPython struct {
	number int
	err    error // why it cannot be read; then it has no number
}

// packing holds buffers for files, which are large and soon done with.
var packing = sync.Pool{New: func() any { return new([]byte) }}

// pack sorts what was added into a packed page. Versions that are equal become one release, under the shortest of their
// spellings.
func (b *pageBuilder) pack() string {
	h := packedHead{status: oneLine([]byte(b.status)), statusReason: oneLine([]byte(b.statusReason)), claim: b.claim}
	switch strings.ToLower(h.status) {
	case "active":
		h.status, h.statusReason = "", ""
	case "quarantined":
		h.claim, b.files = nil, nil
	}
	name := func(f *packedFile) []byte { return b.packed[f.nameAt : f.nameAt+f.nameN] }
	slices.SortStableFunc(b.files, func(f, g packedFile) int {
		return cmp.Or(f.version.Compare(g.version), bytes.Compare(name(&f), name(&g)))
	})
	kept := b.files[:0]
	kinds := make([]byte, 0, 2*len(b.files))
	for i := 0; i < len(b.files); {
		r := packedRelease{version: b.files[i].version}
		first, from := len(kept), len(kinds)
		for ; i < len(b.files) && b.files[i].version.Compare(r.version) == 0; i++ {
			f := b.files[i]
			if n := len(kept); n > first && bytes.Equal(name(&kept[n-1]), name(&f)) {
				b.skipped = append(b.skipped, Skipped{string(name(&f)), "is listed twice; the first counts"})
				continue
			}
			kept = append(kept, f)
			r.size += int(f.end - f.at)
			kinds = binary.AppendUvarint(kinds, uint64(f.kind))
			r.yanked = r.yanked || f.yanked
			if f.version.Segments() < r.version.Segments() {
				r.version = f.version
			}
		}
		r.n, r.kinds = len(kept)-first, kinds[from:len(kinds):len(kinds)]
		h.releases = append(h.releases, r)
		h.size += r.size
	}
	h.skipped, h.kinds = b.skipped, b.kinds
	out := packHead(&h)
	for _, f := range kept {
		out = append(out, b.packed[f.at:f.end]...)
	}
	return view(out) // nobody else has it
}

// project is the page as a project.
func (b *pageBuilder) project(home *repository) (*Project, error) {
	return unpackPage(b.pack(), b.name, home)
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

// parseZulu reads 2006-01-02T15:04:05[.999999999]Z in a twentieth of the time of time.Parse.
func parseZulu(s []byte) (time.Time, bool) {
	if len(s) < 20 || s[len(s)-1] != 'Z' || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	bad := byte(0)
	pair := func(i int) int64 {
		a, b := s[i]-'0', s[i+1]-'0'
		bad = max(bad, a, b)
		return 10*int64(a) + int64(b)
	}
	year, month, day := 100*pair(0)+pair(2), pair(5), pair(8)
	hour, minute, second := pair(11), pair(14), pair(17)
	nanos := int64(0)
	if fraction := len(s) - 21; fraction > 0 && fraction <= 9 && s[19] == '.' {
		for _, c := range s[20 : len(s)-1] {
			bad = max(bad, c-'0')
			nanos = 10*nanos + int64(c-'0')
		}
		for range 9 - fraction {
			nanos *= 10
		}
	} else if len(s) != 20 {
		return time.Time{}, false
	}
	if bad > 9 || year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	first, next := monthStarts[month-1], monthStarts[month]
	if leap := year%4 == 0 && (year%100 != 0 || year%400 == 0); leap && month == 2 {
		next++
	} else if leap && month > 2 {
		first, next = first+1, next+1
	}
	if day < 1 || day > next-first {
		return time.Time{}, false
	}
	y := year - 1
	days := 365*y + y/4 - y/100 + y/400 + first + day - 1 - daysTo1970
	return time.Unix(((days*24+hour)*60+minute)*60+second, nanos).UTC(), true
}

// daysTo1970 are the days from the first of the year 1.
const daysTo1970 = 719162

// monthStarts are the days of a common year before each month, and all.
var monthStarts = [...]int64{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}
