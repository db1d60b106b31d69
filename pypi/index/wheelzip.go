package index

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// zipSource is an archive of which parts can be read. Offsets and counts are in bytes and lie within it.
type zipSource interface {
	length() int64
	read(ctx context.Context, off, n int64) ([]byte, error)
}

type readerAtSource struct {
	r    io.ReaderAt
	size int64
}

func (s readerAtSource) length() int64 { return s.size }

func (s readerAtSource) read(_ context.Context, off, n int64) ([]byte, error) {
	b := make([]byte, n)
	_, err := s.r.ReadAt(b, off)
	if err == io.EOF {
		err = nil
	}
	return b, err
}

// Signatures and fixed sizes of the zip format (PKWARE APPNOTE 6.3.10, sections 4.3.7 to 4.3.16).
const (
	sigLocal, sizeLocal     = 0x04034b50, 30
	sigCentral, sizeCentral = 0x02014b50, 46
	sigEnd, sizeEnd         = 0x06054b50, 22
	sigEnd64, sizeEnd64     = 0x06064b50, 56
	sigLocator, sizeLocator = 0x07064b50, 20
	extra64                 = 0x0001
	extraName               = 0x7075
	flagEncrypted           = 1 << 0
	flagDescriptor          = 1 << 3
	flagStrong              = 1 << 6
	flagMasked              = 1 << 13
	methodStore             = 0
	methodDeflate           = 8
	maxComment              = math.MaxUint16
)

// zipEntry is a record of the central directory.
type zipEntry struct {
	name          string
	flags, method uint16
	crc           uint32
	packed, size  int64
	offset        int64 // of the local header
	limit         int64 // offset of what follows: the next entry or the directory
}

// wheelMetadata returns the METADATA of a wheel. The archive must leave no room for two readings: one end record, the
// directory right before it, the first entry at the start, no overlap, one .dist-info folder, named as the file, with
// one METADATA, whose local header agrees with the directory, and whose size and checksum are as stated.
func wheelMetadata(ctx context.Context, src zipSource, f *File) ([]byte, error) {
	entries, err := readDirectory(ctx, src)
	if err != nil {
		return nil, err
	}
	e, err := findMetadata(entries, f)
	if err != nil {
		return nil, err
	}
	return readEntry(ctx, src, e)
}

// readDirectory reads the central directory, sorted by offset.
func readDirectory(ctx context.Context, src zipSource) ([]zipEntry, error) {
	size := src.length()
	if size < sizeEnd {
		return nil, errors.New("zip: shorter than an end record")
	}
	n := min(size, sizeEnd+maxComment+sizeLocator+sizeEnd64)
	n = min(n, tailSize) // a comment that long is no wheel's
	tail, err := src.read(ctx, size-n, n)
	if err != nil {
		return nil, err
	}
	end := -1
	for i := len(tail) - sizeEnd; i >= 0; i-- {
		if u32(tail, i) == sigEnd && i+sizeEnd+int(u16(tail, i+20)) == len(tail) {
			if end >= 0 {
				return nil, errors.New("zip: two end records")
			}
			end = i
		}
	}
	if end < 0 {
		return nil, errors.New("zip: no end record; the file may have been cut")
	}
	count, dirSize, dirOff := int64(u16(tail, end+10)), int64(u32(tail, end+12)), int64(u32(tail, end+16))
	if u16(tail, end+4) != 0 && u16(tail, end+4) != math.MaxUint16 || u16(tail, end+6) != 0 && u16(tail, end+6) != math.MaxUint16 ||
		u16(tail, end+8) != u16(tail, end+10) {
		return nil, errors.New("zip: split over several disks")
	}
	dirEnd := size - n + int64(end)
	if loc := end - sizeLocator; loc >= 0 && u32(tail, loc) == sigLocator {
		rec := loc - sizeEnd64
		if rec < 0 || u32(tail, rec) != sigEnd64 || u64(tail, loc+8) != uint64(size-n+int64(rec)) || u64(tail, rec+4) != sizeEnd64-12 {
			return nil, errors.New("zip: ZIP64 end record is not where its locator says")
		}
		if u32(tail, loc+4) != 0 || u32(tail, loc+16) > 1 || u32(tail, rec+16) != 0 || u32(tail, rec+20) != 0 || u64(tail, rec+24) != u64(tail, rec+32) {
			return nil, errors.New("zip: split over several disks")
		}
		count64, size64, off64 := u64(tail, rec+32), u64(tail, rec+40), u64(tail, rec+48)
		if count != math.MaxUint16 && uint64(count) != count64 || dirSize != math.MaxUint32 && uint64(dirSize) != size64 ||
			dirOff != math.MaxUint32 && uint64(dirOff) != off64 {
			return nil, errors.New("zip: the two end records disagree")
		}
		if max(count64, size64, off64) > uint64(size) {
			return nil, errors.New("zip: the directory lies outside the file")
		}
		count, dirSize, dirOff = int64(count64), int64(size64), int64(off64)
		dirEnd = size - n + int64(rec)
	}
	switch {
	case dirSize > maxDirectory:
		return nil, &LimitError{"the wheel's directory", maxDirectory, "bytes"}
	case count > maxEntries:
		return nil, &LimitError{"the wheel", maxEntries, "entries"}
	case dirOff+dirSize != dirEnd:
		return nil, errors.New("zip: there are bytes before the archive or after its directory")
	case count*sizeCentral > dirSize:
		return nil, errors.New("zip: the directory is too small for its entries")
	}
	dir, err := src.read(ctx, dirOff, dirSize)
	if err != nil {
		return nil, err
	}
	entries, err := parseDirectory(dir, int(count))
	if err != nil {
		return nil, err
	}
	return entries, placeEntries(entries, dirOff)
}

func parseDirectory(dir []byte, count int) ([]zipEntry, error) {
	entries := make([]zipEntry, 0, count)
	for len(dir) > 0 {
		if len(entries) == count || len(dir) < sizeCentral || u32(dir, 0) != sigCentral {
			return nil, errors.New("zip: malformed directory")
		}
		name, extra, comment := int(u16(dir, 28)), int(u16(dir, 30)), int(u16(dir, 32))
		total := sizeCentral + name + extra + comment
		if len(dir) < total {
			return nil, errors.New("zip: malformed directory")
		}
		e := zipEntry{
			name:  string(dir[sizeCentral : sizeCentral+name]),
			flags: u16(dir, 8), method: u16(dir, 10), crc: u32(dir, 16),
		}
		values := [...]uint64{uint64(u32(dir, 24)), uint64(u32(dir, 20)), uint64(u32(dir, 42))}
		if err := widen(values[:], dir[sizeCentral+name:sizeCentral+name+extra]); err != nil {
			return nil, err
		}
		if err := checkUnicodeName(e.name, dir[sizeCentral+name:sizeCentral+name+extra]); err != nil {
			return nil, err
		}
		if max(values[0], values[1], values[2]) > maxWheel*maxRatio {
			return nil, errors.New("zip: an entry's size or place is beyond any wheel")
		}
		if d := u16(dir, 34); d != 0 {
			return nil, errors.New("zip: split over several disks")
		}
		e.size, e.packed, e.offset = int64(values[0]), int64(values[1]), int64(values[2])
		if err := checkEntryName(e.name); err != nil {
			return nil, err
		}
		entries = append(entries, e)
		dir = dir[total:]
	}
	if len(entries) != count {
		return nil, errors.New("zip: the directory has fewer entries than stated")
	}
	return entries, nil
}

// widen replaces those of the 32-bit values that are all ones by the 64-bit ones of the ZIP64 extra field, which
// holds them in the same order: size, packed size, offset.
func widen(values []uint64, extra []byte) error {
	seen := false
	for len(extra) >= 4 {
		id, n := u16(extra, 0), int(u16(extra, 2))
		if 4+n > len(extra) {
			return errors.New("zip: malformed extra field")
		}
		field := extra[4 : 4+n]
		extra = extra[4+n:]
		if id != extra64 {
			continue
		}
		if seen {
			return errors.New("zip: two ZIP64 extra fields")
		}
		seen = true
		for i := range values {
			if values[i] != math.MaxUint32 {
				continue
			}
			if len(field) < 8 {
				return errors.New("zip: ZIP64 extra field is too short")
			}
			values[i] = u64(field, 0)
			field = field[8:]
		}
	}
	return nil
}

// checkUnicodeName refuses an Info-ZIP Unicode Path (section 4.6.9) that is not the entry's name: some readers take it in
// the name's place, others do not look at it.
func checkUnicodeName(name string, extra []byte) error {
	for len(extra) >= 4 {
		id, n := u16(extra, 0), int(u16(extra, 2))
		if 4+n > len(extra) {
			return errors.New("zip: malformed extra field")
		}
		if field := extra[4 : 4+n]; id == extraName && (n < 5 || string(field[5:]) != name) {
			return fmt.Errorf("zip: entry %q has another name in an extra field", name)
		}
		extra = extra[4+n:]
	}
	return nil
}

// checkEntryName refuses names that two readers would take for different places.
func checkEntryName(name string) error {
	bad := name == "" || name[0] == '/' || strings.ContainsAny(name, "\\\x00") || !utf8.ValidString(name) || len(name) > 1 && name[1] == ':'
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == ".."
	}
	if bad {
		return fmt.Errorf("zip: entry named %q", name)
	}
	return nil
}

// placeEntries sorts by offset and checks that entries follow each other from the start of the file to the directory.
func placeEntries(entries []zipEntry, dirOff int64) error {
	slices.SortFunc(entries, func(a, b zipEntry) int { return cmp.Compare(a.offset, b.offset) })
	for i := range entries {
		e := &entries[i]
		e.limit = dirOff
		if i+1 < len(entries) {
			e.limit = entries[i+1].offset
		}
		if i == 0 && e.offset != 0 {
			return errors.New("zip: there are bytes before the first entry")
		}
		if e.offset+sizeLocal+int64(len(e.name))+e.packed > e.limit {
			return fmt.Errorf("zip: entry %q overlaps what follows", e.name)
		}
	}
	return nil
}

// findMetadata returns the METADATA of the one .dist-info folder, which must be named as the wheel.
func findMetadata(entries []zipEntry, f *File) (*zipEntry, error) {
	folder := ""
	var found *zipEntry
	for i := range entries {
		top, rest, nested := strings.Cut(entries[i].name, "/")
		if !nested || !strings.EqualFold(suffix(top, len(".dist-info")), ".dist-info") {
			continue
		}
		if folder != "" && top != folder {
			return nil, fmt.Errorf("wheel: two metadata folders, %q and %q", folder, top)
		}
		folder = top
		if strings.EqualFold(rest, "METADATA") {
			if found != nil || rest != "METADATA" {
				return nil, errors.New("wheel: METADATA is there twice, or in other letters")
			}
			found = &entries[i]
		}
	}
	if folder == "" {
		return nil, errors.New("wheel: no .dist-info folder")
	}
	stem, ok := strings.CutSuffix(folder, ".dist-info")
	dash := strings.LastIndexByte(stem, '-')
	if !ok || dash < 0 {
		return nil, fmt.Errorf("wheel: metadata folder %q, want NAME-VERSION.dist-info", folder)
	}
	name, err := pypi.ParseName(stem[:dash])
	if err != nil || name != f.Wheel.Name {
		return nil, fmt.Errorf("wheel: metadata folder %q does not have the name of the file", folder)
	}
	version, err := pep440.Parse(stem[dash+1:])
	if err != nil || !version.Equal(f.Wheel.Version) {
		return nil, fmt.Errorf("wheel: metadata folder %q does not have the version of the file", folder)
	}
	if found == nil {
		return nil, fmt.Errorf("wheel: no METADATA in %q", folder)
	}
	return found, nil
}

// suffix returns the last n bytes of s, or less.
func suffix(s string, n int) string { return s[max(0, len(s)-n):] }

// readEntry returns the content of e.
func readEntry(ctx context.Context, src zipSource, e *zipEntry) ([]byte, error) {
	switch {
	case e.flags&(flagEncrypted|flagStrong|flagMasked) != 0:
		return nil, errors.New("zip: METADATA is encrypted")
	case e.method != methodStore && e.method != methodDeflate:
		return nil, fmt.Errorf("zip: METADATA is compressed by method %d, want deflate", e.method)
	case e.method == methodStore && e.size != e.packed:
		return nil, errors.New("zip: METADATA is stored in another size than its own")
	case e.size > maxMetadata:
		return nil, &LimitError{"METADATA", maxMetadata, "bytes"}
	case e.size > minRatioSize && e.size/max(e.packed, 1) > maxRatio:
		return nil, &LimitError{"the compression of METADATA", maxRatio, "to 1"}
	}
	// Header, content and descriptor; the header's extra field may differ from the directory's in length.
	n := min(e.limit-e.offset, sizeLocal+2*math.MaxUint16+e.packed+24)
	raw, err := src.read(ctx, e.offset, n)
	if err != nil {
		return nil, err
	}
	content, err := localContent(raw, e)
	if err != nil {
		return nil, err
	}
	out := content
	if e.method == methodDeflate {
		// The size is a claim until it is met: the buffer grows as content comes.
		var buf bytes.Buffer
		packed := bytes.NewReader(content)
		inflate := flate.NewReader(packed)
		if _, err := buf.ReadFrom(io.LimitReader(inflate, e.size+1)); err != nil {
			return nil, fmt.Errorf("zip: METADATA: %w", err)
		}
		if packed.Len() > 0 {
			return nil, errors.New("zip: METADATA is followed by bytes that belong to nothing")
		}
		out = buf.Bytes()
	}
	if int64(len(out)) != e.size {
		return nil, errors.New("zip: METADATA has another size than stated")
	}
	if crc32.ChecksumIEEE(out) != e.crc {
		return nil, errors.New("zip: METADATA has another checksum than stated")
	}
	return out, nil
}

// localContent checks the local header at the start of raw against the directory and returns the packed content.
func localContent(raw []byte, e *zipEntry) ([]byte, error) {
	if len(raw) < sizeLocal || u32(raw, 0) != sigLocal {
		return nil, errors.New("zip: no header where the directory places METADATA")
	}
	name, extra := int(u16(raw, 26)), int(u16(raw, 28))
	start := sizeLocal + name + extra
	if int64(start)+e.packed > int64(len(raw)) {
		return nil, errors.New("zip: METADATA overlaps what follows")
	}
	if string(raw[sizeLocal:sizeLocal+name]) != e.name {
		return nil, errors.New("zip: header and directory name METADATA differently")
	}
	flags := u16(raw, 6)
	if flags&flagEncrypted != 0 || u16(raw, 8) != e.method || flags&flagDescriptor != e.flags&flagDescriptor {
		return nil, errors.New("zip: header and directory disagree about METADATA")
	}
	values := [...]uint64{uint64(u32(raw, 22)), uint64(u32(raw, 18))}
	if err := widen(values[:], raw[sizeLocal+name:start]); err != nil {
		return nil, err
	}
	if err := checkUnicodeName(e.name, raw[sizeLocal+name:start]); err != nil {
		return nil, err
	}
	crc := u32(raw, 14)
	late := flags&flagDescriptor != 0 && crc == 0 && values[0] == 0 && values[1] == 0
	if !late && (crc != e.crc || values[0] != uint64(e.size) || values[1] != uint64(e.packed)) {
		return nil, errors.New("zip: header and directory disagree about METADATA")
	}
	return raw[start : int64(start)+e.packed], nil
}

func u16(b []byte, i int) uint16 { return binary.LittleEndian.Uint16(b[i:]) }
func u32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
func u64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
