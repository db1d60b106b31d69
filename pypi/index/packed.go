package index

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// A packed page is a project as the cache keeps it. Numbers are varints, texts have their length before them, and
// lists their number of elements:
//
//	page    = status reason { skipped } claim { python } { label } { kind } { release } files
//	skipped = file name, reason
//	claim   = 0 | 1 version requires-python { requirement } { extra }
//	python  = a Requires-Python of the page
//	label   = what follows the version in the name of a wheel, [BUILD-]PYTHON-ABI-PLATFORM
//	kind    = 0 for any Python | 1 + number of python, 0 .tar.gz | 1 another sdist | 2 + number of label
//	release = version, bytes of its files, 2 × number of its files + whether one is yanked, text of { kind of a file }
//	file    = flags, address, [ name ] [ size ] [ seconds nanoseconds ]
//	          [ why yanked ] [ sha256 ] [ sha384 ] [ sha512 ] [ sha256 of the metadata file ], digests as bytes
//
// Files are decoded release by release.

// Flags of a packed file. The state of its metadata file takes the two bits from coreShift on.
const (
	hasName    = 1 << iota // which is not the end of the address: if it is, its length is there
	hasSize                //
	hasTime                //
	hasReason              // why it was yanked
	isYanked               //
	hasSHA256              //
	hasSHA384              //
	hasSHA512              //
	hasCoreSHA             // sha256 of the metadata file
	coreShift  = iota
)

var errPacked = errors.New("malformed record")

// packedHead is all of a packed page but its files.
type packedHead struct {
	status, statusReason string
	skipped              []Skipped
	claim                *claim
	kinds                kindTable
	releases             []packedRelease
	size                 int // bytes of all files
}

type packedRelease struct {
	version pep440.Version
	size, n int // bytes and number of files
	yanked  bool
	kinds   []byte // of the files
}

// packHead packs h, and leaves room for the files.
func packHead(h *packedHead) []byte {
	out := make([]byte, 0, 64+16*len(h.releases)+h.size)
	text := func(s string) { out = append(binary.AppendUvarint(out, uint64(len(s))), s...) }
	number := func(n int) { out = binary.AppendUvarint(out, uint64(n)) }
	texts := func(list []string) {
		number(len(list))
		for _, s := range list {
			text(s)
		}
	}
	text(h.status)
	text(h.statusReason)
	number(len(h.skipped))
	for _, s := range h.skipped {
		text(s.Filename)
		text(s.Reason)
	}
	if c := h.claim; c != nil {
		number(1)
		text(c.version.String())
		text(c.requiresPython)
		texts(c.requires)
		texts(c.extras)
	} else {
		number(0)
	}
	texts(h.kinds.pythons.list)
	texts(h.kinds.labels.list)
	number(len(h.kinds.kinds.list))
	for _, k := range h.kinds.kinds.list {
		number(k.python + 1)
		number(k.form)
	}
	number(len(h.releases))
	for _, r := range h.releases {
		text(r.version.String())
		number(r.size)
		yanked := 0
		if r.yanked {
			yanked = 1
		}
		number(2*r.n + yanked)
		text(view(r.kinds))
	}
	return out
}

// packPage packs p.
func packPage(p *Project) string {
	h := packedHead{status: p.Status, statusReason: p.StatusReason, skipped: p.Skipped, claim: p.claim}
	var files []byte
	for i := range p.Releases {
		r, at := &p.Releases[i], len(files)
		packed := packedRelease{version: r.Version, n: len(r.Files())}
		for j := range r.Files() {
			f := &r.Files()[j]
			python := -1
			if f.RequiresPython != "" {
				python = h.kinds.pythons.number(f.RequiresPython)
			}
			packed.kinds = binary.AppendUvarint(packed.kinds, uint64(h.kinds.number(f.Filename, python)))
			packed.yanked = packed.yanked || f.Yanked
			files, _ = packFile(files, f)
		}
		packed.size = len(files) - at
		h.releases = append(h.releases, packed)
	}
	return view(append(packHead(&h), files...)) // nobody else has it
}

// kindTable numbers what decides for which targets a file is.
type kindTable struct {
	pythons, labels numbering[string]
	kinds           numbering[fileKind]
}

// fileKind is a row of a kindTable.
type fileKind struct {
	python int // -1 for any
	form   int // as packed
}

const (
	tarGz = iota
	otherSdist
	firstLabel
)

// number is that of the kind of a file with this name, which is well-formed, and this Requires-Python.
func (t *kindTable) number(filename string, python int) int {
	k := fileKind{python, otherSdist}
	if stem, ok := strings.CutSuffix(filename, ".whl"); ok {
		_, rest, _ := strings.Cut(stem, "-")
		_, label, _ := strings.Cut(rest, "-")
		k.form = firstLabel + t.labels.number(label)
	} else if strings.HasSuffix(filename, ".tar.gz") {
		k.form = tarGz
	}
	return t.kinds.number(k)
}

// numbering numbers values in the order in which they come.
type numbering[K comparable] struct {
	list    []K
	numbers map[K]int
}

func (t *numbering[K]) number(key K) int {
	n, ok := t.numbers[key]
	if !ok {
		if n = len(t.list); n == 0 {
			t.numbers = map[K]int{}
		}
		t.numbers[key], t.list = n, append(t.list, key)
	}
	return n
}

// packFile appends f without its kind, and says where its name is.
func packFile(out []byte, f *File) (packed []byte, nameAt int) {
	named := strings.HasSuffix(f.URL, f.Filename)
	flags := uint64(f.Core.State)<<coreShift | uint64(f.Hashes.has)*hasSHA256
	for _, b := range [...]struct {
		is   bool
		flag uint64
	}{
		{!named, hasName}, {f.Size != 0, hasSize}, {!f.UploadTime.IsZero(), hasTime},
		{f.YankedReason != "", hasReason}, {f.Yanked, isYanked}, {!f.Core.Hashes.IsZero(), hasCoreSHA},
	} {
		if b.is {
			flags |= b.flag
		}
	}
	out = binary.AppendUvarint(out, flags)
	text := func(s string) { out = append(binary.AppendUvarint(out, uint64(len(s))), s...) }
	text(f.URL)
	if named {
		nameAt = len(out) - len(f.Filename)
		out = binary.AppendUvarint(out, uint64(len(f.Filename)))
	} else {
		text(f.Filename)
		nameAt = len(out) - len(f.Filename)
	}
	if f.Size != 0 {
		out = binary.AppendUvarint(out, uint64(f.Size))
	}
	if !f.UploadTime.IsZero() {
		out = binary.AppendVarint(out, f.UploadTime.Unix())
		out = binary.AppendUvarint(out, uint64(f.UploadTime.Nanosecond()))
	}
	if f.YankedReason != "" {
		text(f.YankedReason)
	}
	out = append(out, f.Hashes.raw...)
	return append(out, f.Core.Hashes.raw...), nameAt
}

// unpacker reads a packed page. After the first mistake bad is set, and everything is zero.
type unpacker struct {
	s   string
	bad bool
}

func (u *unpacker) number() uint64 {
	var n uint64
	for i := 0; i < len(u.s) && i < binary.MaxVarintLen64; i++ {
		c := u.s[i]
		if c < 0x80 {
			u.s = u.s[i+1:]
			return n | uint64(c)<<(7*i)
		}
		n |= uint64(c&0x7f) << (7 * i)
	}
	u.bad, u.s = true, ""
	return 0
}

// count is the number of elements of a list, which take at least size bytes each.
func (u *unpacker) count(size int) int {
	n := u.number()
	if n > uint64(len(u.s)/size) {
		u.bad, u.s = true, ""
		return 0
	}
	return int(n)
}

func (u *unpacker) take(n uint64) string {
	if n > uint64(len(u.s)) {
		u.bad, u.s = true, ""
		return ""
	}
	s := u.s[:n]
	u.s = u.s[n:]
	return s
}

func (u *unpacker) text() string { return u.take(u.number()) }

func (u *unpacker) texts() []string {
	list := make([]string, u.count(1))
	for i := range list {
		list[i] = u.text()
	}
	return list
}

// unpackPage reads a packed page of name. What it returns shares memory with packed.
func unpackPage(packed string, name pypi.Name, home *repository) (*Project, error) {
	u := &unpacker{s: packed}
	p := &Project{Name: name, Index: home.display, home: home, Status: u.text(), StatusReason: u.text()}
	if n := u.count(2); n > 0 {
		p.Skipped = make([]Skipped, n)
		for i := range p.Skipped {
			p.Skipped[i] = Skipped{u.text(), u.text()}
		}
	}
	if u.number() != 0 {
		version, err := pep440.Parse(u.text())
		c := &claim{name: name, version: version, requiresPython: u.text(), requires: u.texts(), extras: u.texts()}
		if err != nil {
			return nil, errPacked
		}
		p.claim = c
	}
	pythons := make([]python, u.count(1))
	for i := range pythons {
		pythons[i].text = u.text()
		var err error
		if pythons[i].specifiers, err = dist.ParseRequiresPython(pythons[i].text); err != nil {
			return nil, errPacked
		}
	}
	page := &packedPage{name: name, kinds: u.kinds(name, pythons, &home.labels)}
	n := u.count(4)
	if n > 0 {
		p.Releases = make([]Release, n)
	}
	lists := make([]files, n)
	at := uint64(0)
	for i := range p.Releases {
		version, err := pep440.Parse(u.text())
		size, count, kinds := u.number(), u.number(), u.text()
		yanked := count&1 == 1
		count /= 2
		if err != nil || u.bad || i > 0 && p.Releases[i-1].Version.Compare(version) >= 0 ||
			size > uint64(len(packed)) || count == 0 || count > size/3 || count > uint64(len(kinds)) {
			return nil, errPacked
		}
		l := &lists[i]
		*l = files{page: page, version: version, at: uint32(at), size: uint32(size), n: uint32(count), kinds: kinds, yanked: yanked}
		p.Releases[i] = Release{Version: version, files: l}
		at += size
	}
	if page.files = u.s; u.bad || at != uint64(len(u.s)) || at > math.MaxUint32 {
		return nil, errPacked
	}
	return p, nil
}

// kinds reads the tables of labels and kinds.
func (u *unpacker) kinds(name pypi.Name, pythons []python, known *labels) []unpackedKind {
	wheels := make([]dist.Wheel, u.count(1))
	for i := range wheels {
		w := known.wheel(u.text())
		if w == nil {
			u.bad = true
			return nil
		}
		wheels[i] = dist.Wheel{Name: name, Build: w.Build, BuildNumber: w.BuildNumber, Tags: w.Tags}
	}
	kinds := make([]unpackedKind, u.count(2))
	for i := range kinds {
		python, form := u.number(), u.number()
		if python > uint64(len(pythons)) || form >= firstLabel+uint64(len(wheels)) {
			u.bad = true
			return nil
		}
		if python > 0 {
			kinds[i].python = pythons[python-1]
		}
		if form >= firstLabel {
			kinds[i].wheel = &wheels[form-firstLabel]
		}
	}
	return kinds
}

// labels are those of wheels that were read before: the same few hundred stand on most pages.
type labels struct {
	known sync.Map // by text: *dist.Wheel of another name and version
	n     atomic.Int32
}

const maxLabels = 20_000 // that are remembered, whatever an index makes up

// wheel returns nil for what is no label.
func (l *labels) wheel(label string) *dist.Wheel {
	if w, ok := l.known.Load(label); ok {
		return w.(*dist.Wheel)
	}
	w, err := dist.ParseWheel("name-1-" + label + ".whl")
	if err != nil {
		return nil
	}
	if l.n.Add(1) <= maxLabels {
		l.known.Store(strings.Clone(label), &w) // not to hold the page
	}
	return &w
}

// unpackedKind is what files of a kind share.
type unpackedKind struct {
	python python
	wheel  *dist.Wheel // without its version; nil for a source distribution
}

// packedPage is what the files of a page share.
type packedPage struct {
	name  pypi.Name
	kinds []unpackedKind
	files string // packed, of all releases

	mu   sync.Mutex
	scan FileScan
}

// python is a Requires-Python parsed once for all files that state it.
type python struct {
	text       string
	specifiers pep440.Specifiers
}

// files are those of a release, packed until somebody asks.
type files struct {
	page     *packedPage
	version  pep440.Version
	at, size uint32 // in page.files
	n        uint32
	yanked   bool   // one of them is
	kinds    string // numbers of those in page.kinds
	list     atomic.Pointer[[]File]
}

func (f *files) get() []File {
	if list := f.list.Load(); list != nil {
		return *list
	}
	f.page.mu.Lock()
	defer f.page.mu.Unlock()
	f.page.scan.files, f.page.scan.wheels = nil, nil // those are the last release's
	list := f.page.scan.unpack(f)
	f.list.CompareAndSwap(nil, &list) // what others point to stays
	return *f.list.Load()
}

// FileScan reads the files of one release after the other. Each takes the room of the one before, so that a look at all
// releases of a page costs little.
type FileScan struct {
	files  []File
	wheels []dist.Wheel
}

// Files are those of r, see [Release.Files], until the next call.
func (s *FileScan) Files(r *Release) []File {
	if r.files == nil {
		return nil
	}
	if list := r.files.list.Load(); list != nil {
		return *list
	}
	return s.unpack(r.files)
}

// unpack reads the files of a release.
func (s *FileScan) unpack(f *files) []File {
	list := s.read(f, f.page.files[f.at:f.at+f.size])
	if list == nil {
		// The checksum was right, so this is a mistake of ours, or of somebody who writes into the cache.
		list = []File{{Yanked: true, YankedReason: "its record in the cache is malformed; pylock cache clean removes it"}}
	}
	return list
}

// read returns the files of a release that are packed in text, nil if that is malformed.
func (s *FileScan) read(r *files, text string) []File {
	n := int(r.n)
	u, kinds := &unpacker{s: text}, &unpacker{s: r.kinds}
	s.files, s.wheels = slices.Grow(s.files[:0], n)[:n], slices.Grow(s.wheels[:0], n)
	files, wheels := s.files, s.wheels
	for i := range files {
		f := &files[i]
		*f = File{}
		flags := u.number()
		f.URL = u.text()
		if flags&hasName != 0 {
			f.Filename = u.text()
		} else if k := u.number(); k > uint64(len(f.URL)) {
			return nil
		} else {
			f.Filename = f.URL[uint64(len(f.URL))-k:]
		}
		if flags&hasSize != 0 {
			f.Size = int64(u.number())
		}
		if flags&hasTime != 0 {
			seconds := u.number()
			f.UploadTime = time.Unix(int64(seconds>>1)^-int64(seconds&1), int64(u.number())).UTC()
		}
		if flags&hasReason != 0 {
			f.YankedReason = u.text()
		}
		f.Yanked = flags&isYanked != 0
		size := 0
		f.Hashes.has = uint8(flags / hasSHA256 & 7)
		for i, a := range algorithms {
			if f.Hashes.has&(1<<i) != 0 {
				size += a.size
			}
		}
		f.Hashes.raw = u.take(uint64(size))
		if flags>>coreShift > uint64(CoreAdvertised) {
			return nil
		}
		f.Core.State = CoreState(flags >> coreShift)
		if flags&hasCoreSHA != 0 {
			f.Core.Hashes = Hashes{u.take(32), 1}
		}
		number := kinds.number()
		if number >= uint64(len(r.page.kinds)) || f.Yanked && !r.yanked {
			return nil
		}
		k := &r.page.kinds[number]
		f.RequiresPython, f.Python = k.python.text, k.python.specifiers
		if k.wheel != nil {
			wheels = append(wheels, *k.wheel)
			f.Wheel = &wheels[len(wheels)-1]
			f.Wheel.Version = r.version
		}
	}
	if u.bad || u.s != "" || kinds.bad || kinds.s != "" {
		return nil
	}
	return files
}
