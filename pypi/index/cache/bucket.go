package cache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"
)

// The head of a record:
//
//	8  magic
//	4  CRC-32C of kind, "/", name, 0, length and payload
//	4  length of the payload, little endian
const (
	recordMagic = "pylockR1"
	packMagic   = "pylockP1"
	headSize    = 16
)

// castagnoli takes a quarter of a millisecond to make.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// Bucket is what is kept of one index. It is safe for concurrent use.
type Bucket struct {
	store *Store
	name  string

	mu    sync.Mutex
	roots map[string]*os.Root // by kind
}

// folder opens the folder of a kind.
func (b *Bucket) folder(kind string) (*os.Root, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.roots[kind]; r != nil {
		return r, nil
	}
	r, err := b.store.root.OpenRoot(path.Join(b.name, kind))
	if err == nil {
		b.roots[kind] = r
	}
	return r, err
}

// forget lets go of a folder that is there no more.
func (b *Bucket) forget(kind string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.roots[kind]; r != nil {
		r.Close()
		delete(b.roots, kind)
	}
}

func (b *Bucket) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.roots {
		r.Close()
	}
	b.roots = map[string]*os.Root{}
}

// read returns the bytes of a file, nil where there is none.
func (b *Bucket) read(kind, name string) []byte {
	root, err := b.folder(kind)
	if err != nil {
		b.store.note(unexpected(err), nil)
		return nil
	}
	f, err := root.Open(name + extension)
	if err != nil {
		b.store.note(unexpected(err), nil)
		return nil
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || fi.Size() > maxRecord || fi.Size() < headSize/2 {
		return nil
	}
	// A file that is appended to meanwhile is read up to where it was.
	data := make([]byte, fi.Size())
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.ErrUnexpectedEOF {
		b.store.note(err, nil)
		return nil
	}
	if now := time.Now(); now.Sub(fi.ModTime()) > touchOld {
		root.Chtimes(name+extension, now, now) // a use, for [Store.Prune]
	}
	return data[:n]
}

// unexpected is err unless it says that something is not there.
func unexpected(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}

// seed is the checksum of a record's place, so that a record in another place does not count.
func seed(kind, name string) uint32 {
	return crc32.Checksum([]byte(kind+"/"+name+"\x00"), castagnoli())
}

// Read returns what [Bucket.Write] wrote, and whether it is there, whole and unchanged.
func (b *Bucket) Read(kind, name string) ([]byte, bool) {
	data := b.read(kind, name)
	if len(data) < headSize || string(data[:8]) != recordMagic {
		return nil, false
	}
	payload := data[headSize:]
	if uint64(binary.LittleEndian.Uint32(data[12:])) != uint64(len(payload)) ||
		binary.LittleEndian.Uint32(data[8:]) != crc32.Update(seed(kind, name), castagnoli(), data[12:]) {
		return nil, false
	}
	return payload, true
}

// Write keeps a record under a name: letters, digits and dashes. Where that fails, [Store.Errors] knows, and what was
// there before stays.
//
// The record is the parts, one after the other.
func (b *Bucket) Write(kind, name string, parts ...[]byte) {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if size > maxRecord-headSize {
		return
	}
	head := make([]byte, headSize)
	copy(head, recordMagic)
	binary.LittleEndian.PutUint32(head[12:], uint32(size))
	sum := crc32.Update(seed(kind, name), castagnoli(), head[12:])
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli(), p)
	}
	binary.LittleEndian.PutUint32(head[8:], sum)
	b.replace(kind, name, append([][]byte{head}, parts...)...)
}

// replace puts a file in the place of what is there.
func (b *Bucket) replace(kind, name string, parts ...[]byte) {
	s := b.store
	temp, to := s.temp(), path.Join(b.name, kind, name+extension)
	err := s.writeTemp(temp, parts...)
	if err == nil {
		err = s.root.Rename(temp, to)
		if errors.Is(err, fs.ErrNotExist) {
			// The first of its kind, or another process has cleaned the cache.
			b.forget(kind)
			if err = s.root.MkdirAll(path.Dir(to), 0o700); err == nil {
				err = s.root.Rename(temp, to)
			}
		}
		if err != nil {
			s.root.Remove(temp)
		}
	}
	if err != nil {
		s.note(nil, err)
		return
	}
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	s.wrote(kind, size)
}

// Remove forgets a record or a pack.
func (b *Bucket) Remove(kind, name string) {
	root, err := b.folder(kind)
	if err == nil {
		err = root.Remove(name + extension)
	}
	b.store.note(nil, unexpected(err))
}
