package replay

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// standIn is a wheel of f's size: a stored member of zeros, which is not kept in memory, then METADATA and the
// directory, which are. Its bytes do not have f's hash.
func standIn(f *File, metadata []byte) (io.ReadSeeker, error) {
	parts := strings.Split(f.Name, "-")
	if len(parts) < 5 {
		return nil, fmt.Errorf("%s is no name of a wheel", f.Name)
	}
	// A writer of two members tells how long the archive is around the zeros.
	filler := parts[0] + "/__init__.py"
	build := func(zeros int64) (tail []byte, err error) {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, flate.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(metadata); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		z.SetOffset(30 + int64(len(filler)) + zeros)
		m, err := z.CreateRaw(&zip.FileHeader{Name: parts[0] + "-" + parts[1] + ".dist-info/METADATA", Method: zip.Deflate,
			CRC32: crc32.ChecksumIEEE(metadata), CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(metadata))})
		if err != nil {
			return nil, err
		}
		if _, err := m.Write(packed.Bytes()); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		return addFiller(b.Bytes(), filler, zeros), nil
	}
	tail, err := build(0)
	if err != nil {
		return nil, err
	}
	head := int64(30 + len(filler))
	zeros := f.Size - head - int64(len(tail))
	if zeros < 0 {
		return nil, fmt.Errorf("%s has %d bytes, too few for its METADATA", f.Name, f.Size)
	}
	if f.Size >= 1<<32-1 {
		return nil, fmt.Errorf("%s has %d bytes, too many for a stand-in", f.Name, f.Size)
	}
	if tail, err = build(zeros); err != nil {
		return nil, err
	}
	local := make([]byte, head)
	binary.LittleEndian.PutUint32(local, 0x04034b50)
	binary.LittleEndian.PutUint16(local[4:], 20)
	binary.LittleEndian.PutUint32(local[18:], uint32(zeros))
	binary.LittleEndian.PutUint32(local[22:], uint32(zeros))
	binary.LittleEndian.PutUint16(local[26:], uint16(len(filler)))
	copy(local[30:], filler)
	return &padded{head: local, zeros: zeros, tail: tail}, nil
}

// addFiller puts the record of the member of zeros at the start of the directory of an archive of one member.
func addFiller(archive []byte, name string, zeros int64) []byte {
	end := len(archive) - 22
	size := int(binary.LittleEndian.Uint32(archive[end+12:]))
	record := make([]byte, 46+len(name))
	binary.LittleEndian.PutUint32(record, 0x02014b50)
	binary.LittleEndian.PutUint16(record[4:], 20)
	binary.LittleEndian.PutUint16(record[6:], 20)
	binary.LittleEndian.PutUint32(record[20:], uint32(zeros))
	binary.LittleEndian.PutUint32(record[24:], uint32(zeros))
	binary.LittleEndian.PutUint16(record[28:], uint16(len(name)))
	copy(record[46:], name)
	at := end - size
	out := append(append(append([]byte{}, archive[:at]...), record...), archive[at:]...)
	end += len(record)
	binary.LittleEndian.PutUint16(out[end+8:], 2)
	binary.LittleEndian.PutUint16(out[end+10:], 2)
	binary.LittleEndian.PutUint32(out[end+12:], uint32(size+len(record)))
	return out
}

// padded is head, then zeros, then tail.
type padded struct {
	head  []byte
	zeros int64
	tail  []byte
	at    int64
}

func (p *padded) size() int64 { return int64(len(p.head)) + p.zeros + int64(len(p.tail)) }

func (p *padded) Read(b []byte) (int, error) {
	head, body := int64(len(p.head)), int64(len(p.head))+p.zeros
	n := 0
	switch {
	case p.at >= p.size():
		return 0, io.EOF
	case p.at < head:
		n = copy(b, p.head[p.at:])
	case p.at < body:
		n = int(min(int64(len(b)), body-p.at))
		clear(b[:n])
	default:
		n = copy(b, p.tail[p.at-body:])
	}
	p.at += int64(n)
	return n, nil
}

func (p *padded) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.size()
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	p.at = offset
	return offset, nil
}
