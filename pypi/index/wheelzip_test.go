package index

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/dist"
)

const demoMetadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: dep>=2\n"

func demoWheel(t testing.TB) *File {
	w, err := dist.ParseWheel("demo-1.0-py3-none-any.whl")
	if err != nil {
		t.Fatal(err)
	}
	return &File{Filename: "demo-1.0-py3-none-any.whl", Wheel: &w}
}

type member struct{ name, content string }

// makeZip writes an archive with the standard library.
func makeZip(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, m.content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rawZip writes one stored or deflated METADATA with plain local sizes, as Python's zipfile does; edit may change the
// headers before they are joined.
func rawZip(content string, edit func(local, central, end []byte) (l, c, e []byte)) []byte {
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	io.WriteString(w, content)
	w.Close()
	name := "demo-1.0.dist-info/METADATA"
	le := binary.LittleEndian
	local := make([]byte, sizeLocal)
	le.PutUint32(local, sigLocal)
	le.PutUint16(local[8:], methodDeflate)
	le.PutUint32(local[14:], crc32.ChecksumIEEE([]byte(content)))
	le.PutUint32(local[18:], uint32(packed.Len()))
	le.PutUint32(local[22:], uint32(len(content)))
	le.PutUint16(local[26:], uint16(len(name)))
	local = append(append(local, name...), packed.Bytes()...)
	central := make([]byte, sizeCentral)
	le.PutUint32(central, sigCentral)
	le.PutUint16(central[10:], methodDeflate)
	copy(central[16:28], local[14:26])
	le.PutUint16(central[28:], uint16(len(name)))
	central = append(central, name...)
	end := make([]byte, sizeEnd)
	le.PutUint32(end, sigEnd)
	le.PutUint16(end[8:], 1)
	le.PutUint16(end[10:], 1)
	le.PutUint32(end[12:], uint32(len(central)))
	le.PutUint32(end[16:], uint32(len(local)))
	if edit != nil {
		local, central, end = edit(local, central, end)
	}
	return bytes.Join([][]byte{local, central, end}, nil)
}

func readWheel(t testing.TB, data []byte) (string, error) {
	out, err := wheelMetadata(context.Background(), readerAtSource{bytes.NewReader(data), int64(len(data))}, demoWheel(t))
	return string(out), err
}

func TestWheelZip(t *testing.T) {
	le := binary.LittleEndian
	meta := member{"demo-1.0.dist-info/METADATA", demoMetadata}
	code := member{"demo/__init__.py", "x = 1\n"}
	wheel := makeZip(t, code, meta, member{"demo-1.0.dist-info/RECORD", "…"})
	edit := func(f func(l, c, e []byte)) []byte {
		return rawZip(demoMetadata, func(l, c, e []byte) ([]byte, []byte, []byte) { f(l, c, e); return l, c, e })
	}
	zip64 := rawZip(demoMetadata, func(l, c, e []byte) ([]byte, []byte, []byte) {
		// The local header in 64 bits, as writers do that do not know the size before; ZIP64 end records.
		extra := le.AppendUint16(nil, extra64)
		extra = le.AppendUint16(extra, 16)
		extra = le.AppendUint64(extra, uint64(le.Uint32(l[22:])))
		extra = le.AppendUint64(extra, uint64(le.Uint32(l[18:])))
		le.PutUint32(l[18:], 0xffffffff)
		le.PutUint32(l[22:], 0xffffffff)
		le.PutUint16(l[28:], uint16(len(extra)))
		at := sizeLocal + int(le.Uint16(l[26:]))
		l = bytes.Join([][]byte{l[:at], extra, l[at:]}, nil)
		end64 := make([]byte, sizeEnd64)
		le.PutUint32(end64, sigEnd64)
		le.PutUint64(end64[4:], sizeEnd64-12)
		le.PutUint64(end64[24:], 1)
		le.PutUint64(end64[32:], 1)
		le.PutUint64(end64[40:], uint64(len(c)))
		le.PutUint64(end64[48:], uint64(len(l)))
		locator := make([]byte, sizeLocator)
		le.PutUint32(locator, sigLocator)
		le.PutUint64(locator[8:], uint64(len(l)+len(c)))
		le.PutUint32(locator[16:], 1)
		for _, at := range []int{8, 10} {
			le.PutUint16(e[at:], 0xffff)
		}
		le.PutUint32(e[16:], 0xffffffff)
		return l, c, bytes.Join([][]byte{end64, locator, e}, nil)
	})
	lying64 := bytes.Clone(zip64)
	le.PutUint64(lying64[len(lying64)-sizeEnd-sizeLocator-sizeEnd64+40:], 1<<60)
	unicodeName := func(name string) []byte {
		return rawZip(demoMetadata, func(l, c, e []byte) ([]byte, []byte, []byte) {
			extra := append(le.AppendUint16(le.AppendUint16(nil, extraName), uint16(5+len(name))), 1, 0, 0, 0, 0)
			extra = append(extra, name...)
			le.PutUint16(c[30:], uint16(len(extra)))
			c = append(c, extra...)
			le.PutUint32(e[12:], uint32(len(c)))
			return l, c, e
		})
	}
	tests := []struct {
		name string
		data []byte
		want string // of the error, "" for success
	}{
		{"wheel", wheel, ""},
		{"plain local header", rawZip(demoMetadata, nil), ""},
		{"ZIP64", zip64, ""},
		{"ZIP64 that lies", lying64, "disagree"},
		{"name in Unicode too", unicodeName("demo-1.0.dist-info/METADATA"), ""},
		{"another name in Unicode", unicodeName("demo-1.0.dist-info/METADATB"), "another name in an extra field"},
		{"comment", rawZip(demoMetadata, func(l, c, e []byte) ([]byte, []byte, []byte) {
			le.PutUint16(e[20:], 2)
			return l, c, append(e, "ok"...)
		}), ""},
		{"empty", nil, "shorter than"},
		{"no zip", bytes.Repeat([]byte("x"), 100), "no end record"},
		{"cut", wheel[:len(wheel)-1], "no end record"},
		{"bytes after", append(bytes.Clone(wheel), 0), "no end record"},
		{"bytes before", append([]byte("MZ"), wheel...), "bytes before"},
		{"stacked", append(bytes.Clone(wheel), wheel...), "bytes before"},
		{"two end records", rawZip(demoMetadata, func(l, c, e []byte) ([]byte, []byte, []byte) {
			le.PutUint16(e[20:], sizeEnd)
			return l, c, append(e, e[:sizeEnd-2]...)
		}), "no end record"},
		{"end record in a comment", rawZip(demoMetadata, func(l, c, e []byte) ([]byte, []byte, []byte) {
			inner := bytes.Clone(e)
			le.PutUint16(e[20:], sizeEnd)
			return l, c, append(e, inner...)
		}), "two end records"},
		{"several disks", edit(func(l, c, e []byte) { le.PutUint16(e[4:], 1) }), "several disks"},
		{"count of entries", edit(func(l, c, e []byte) { le.PutUint16(e[8:], 2); le.PutUint16(e[10:], 2) }), "too small"},
		{"more entries than stated", edit(func(l, c, e []byte) { le.PutUint16(e[8:], 0); le.PutUint16(e[10:], 0) }), "malformed directory"},
		{"directory elsewhere", edit(func(l, c, e []byte) { le.PutUint32(e[16:], 1) }), "bytes before"},
		{"directory too large", edit(func(l, c, e []byte) { le.PutUint32(e[12:], maxDirectory+1) }), "over the limit"},
		{"encrypted", edit(func(l, c, e []byte) { c[8] |= 1 }), "encrypted"},
		{"encrypted in the header alone", edit(func(l, c, e []byte) { l[6] |= 1 }), "disagree"},
		{"other method", edit(func(l, c, e []byte) { c[10] = 14; l[8] = 14 }), "method 14"},
		{"methods differ", edit(func(l, c, e []byte) { l[8] = 0 }), "disagree"},
		{"names differ", edit(func(l, c, e []byte) { l[sizeLocal] = 'D' }), "differently"},
		{"sizes differ", edit(func(l, c, e []byte) { l[22]++ }), "disagree"},
		{"larger than stated", edit(func(l, c, e []byte) { l[22]--; c[24]-- }), "another size"},
		{"smaller than stated", edit(func(l, c, e []byte) { l[22]++; c[24]++ }), "another size"},
		{"checksum", edit(func(l, c, e []byte) { l[14]++; c[16]++ }), "another checksum"},
		{"content", edit(func(l, c, e []byte) { l[len(l)-12] ^= 0x10 }), "METADATA"},
		{"packed size beyond", edit(func(l, c, e []byte) { l[18]++; c[20]++ }), "overlaps"},
		{"packed size short", edit(func(l, c, e []byte) { l[18]--; c[20]-- }), "METADATA"},
		{"no header", edit(func(l, c, e []byte) { l[0] = 'X' }), "no header"},
		{"claimed 4 GB", edit(func(l, c, e []byte) { le.PutUint32(c[24:], 0xfffffff0) }), "over the limit of 10485760 bytes"},
		{"metadata too large", makeZip(t, member{meta.name, strings.Repeat("x", maxMetadata+1)}), "over the limit of 10485760 bytes"},
		{"bomb", rawZip(strings.Repeat("0", 5<<20), nil), "over the limit of 200 to 1"},
		{"no metadata folder", makeZip(t, code), "no .dist-info folder"},
		{"no metadata", makeZip(t, code, member{"demo-1.0.dist-info/RECORD", ""}), "no METADATA"},
		{"metadata twice", makeZip(t, meta, meta), "twice"},
		{"metadata in other letters too", makeZip(t, meta, member{"demo-1.0.dist-info/Metadata", ""}), "twice, or in other letters"},
		{"two metadata folders", makeZip(t, meta, member{"other-1.0.dist-info/METADATA", demoMetadata}), "two metadata folders"},
		{"folder in other letters too", makeZip(t, meta, member{"demo-1.0.DIST-INFO/METADATA", demoMetadata}), "two metadata folders"},
		{"folder of another project", makeZip(t, member{"other-1.0.dist-info/METADATA", demoMetadata}), "name of the file"},
		{"folder of another version", makeZip(t, member{"demo-1.1.dist-info/METADATA", demoMetadata}), "version of the file"},
		{"folder spelled otherwise", makeZip(t, member{"Demo-1.0.0.dist-info/METADATA", demoMetadata}), ""},
		{"folder without version", makeZip(t, member{"demo.dist-info/METADATA", demoMetadata}), "want NAME-VERSION.dist-info"},
		{"vendored", makeZip(t, meta, member{"demo/_vendor/other-1.dist-info/METADATA", "x"}), ""},
		{"traversal", makeZip(t, meta, member{"../evil", ""}), "../evil"},
		{"absolute", makeZip(t, meta, member{"/evil", ""}), "/evil"},
		{"backslash", makeZip(t, meta, member{`a\..\evil`, ""}), "evil"},
		{"drive", makeZip(t, meta, member{"C:evil", ""}), "C:evil"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readWheel(t, tt.data)
			if tt.want == "" && (err != nil || got != demoMetadata) {
				t.Errorf("got %q, %v", got, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestWheelZipOverlap lets two directory entries share their content.
func TestWheelZipOverlap(t *testing.T) {
	data := rawZip(demoMetadata, func(l, c, e []byte) ([]byte, []byte, []byte) {
		other := bytes.Clone(c)
		copy(other[sizeCentral:], "demo-1.0.dist-info/METADATB")
		c = append(c, other...)
		binary.LittleEndian.PutUint16(e[8:], 2)
		binary.LittleEndian.PutUint16(e[10:], 2)
		binary.LittleEndian.PutUint32(e[12:], uint32(len(c)))
		return l, c, e
	})
	if _, err := readWheel(t, data); err == nil || !strings.Contains(err.Error(), "overlaps") {
		t.Errorf("got %v", err)
	}
}

// FuzzWheelZip checks that what the strict reader accepts is what the standard library reads, too.
func FuzzWheelZip(f *testing.F) {
	f.Add(rawZip(demoMetadata, nil))
	f.Add(makeZip(f, member{"demo/a.py", "x"}, member{"demo-1.0.dist-info/METADATA", demoMetadata}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readWheel(t, data)
		if err != nil {
			return
		}
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("the standard library refuses it: %v", err)
		}
		found := 0
		for _, m := range z.File {
			if !strings.HasSuffix(m.Name, ".dist-info/METADATA") || strings.Count(m.Name, "/") != 1 {
				continue
			}
			found++
			r, err := m.Open()
			if err != nil {
				t.Fatal(err)
			}
			want, err := io.ReadAll(r)
			if err != nil || string(want) != got {
				t.Fatalf("got %q, the standard library reads %q, %v", got, want, err)
			}
		}
		if found != 1 {
			t.Fatalf("%d METADATA", found)
		}
	})
}
