package indextest

import (
	"encoding/binary"
	"hash/crc32"
)

// deflate encodes literals alone, with DEFLATE's fixed codes (RFC 1951, 3.2.6). The result is no smaller, but the same
// with each release of Go, so that hashes of artefacts may stand in golden files.
func deflate(data []byte) []byte {
	out := make([]byte, 0, len(data)+len(data)/8+8)
	var bits uint64
	var n uint
	put := func(v uint64, width uint) {
		bits |= v << n
		for n += width; n >= 8; n -= 8 {
			out = append(out, byte(bits))
			bits >>= 8
		}
	}
	code := func(v uint64, width uint) { // codes are packed from their most significant bit
		for i := range width {
			put(v>>(width-1-i)&1, 1)
		}
	}
	put(1, 1) // the last block
	put(1, 2) // fixed codes
	for _, c := range data {
		if c < 144 {
			code(0x30+uint64(c), 8)
		} else {
			code(0x190+uint64(c)-144, 9)
		}
	}
	code(0, 7) // end of block
	put(0, 7)  // to the byte's end
	return out
}

// gzipFixed is data as a gzip file without a time (RFC 1952).
func gzipFixed(data []byte) []byte {
	out := append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}, deflate(data)...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(data))
	return binary.LittleEndian.AppendUint32(out, uint32(len(data)))
}
