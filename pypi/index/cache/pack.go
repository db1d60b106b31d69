package cache

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"slices"
	"sync"
)

// An entry of a pack:
//
//	4  CRC-32C of kind, "/", name, 0, both lengths, key and value
//	2  length of the key
//	4  length of the value
const entrySize = 10

const maxPack = 64 << 20 // bytes of a pack that is added to

// Pack is many small records under keys. It is safe for concurrent use.
type Pack struct {
	bucket     *Bucket
	kind, name string

	mu      sync.Mutex
	entries map[string][]byte
	damaged bool // the file is to be written anew
	exists  bool
	size    int64
	live    int64 // bytes of entries
}

// Pack reads a pack; one that is not there is empty.
func (b *Bucket) Pack(kind, name string) *Pack {
	p := &Pack{bucket: b, kind: kind, name: name, entries: map[string][]byte{}}
	data := b.read(kind, name)
	if data == nil {
		return p
	}
	p.exists, p.size = true, int64(len(data))
	if len(data) < 8 || string(data[:8]) != packMagic {
		p.damaged = true
		return p
	}
	at := seed(kind, name)
	for data = data[8:]; len(data) > 0; {
		if len(data) < entrySize {
			p.damaged = true
			break
		}
		n, m := int(binary.LittleEndian.Uint16(data[4:])), int(binary.LittleEndian.Uint32(data[6:]))
		if n > len(data)-entrySize || m > len(data)-entrySize-n {
			p.damaged = true
			break
		}
		end := entrySize + n + m
		if binary.LittleEndian.Uint32(data) != crc32.Update(at, castagnoli(), data[4:end]) {
			p.damaged = true
			break
		}
		p.put(string(data[entrySize:entrySize+n]), data[entrySize+n:end:end])
		data = data[end:]
	}
	return p
}

func (p *Pack) put(key string, value []byte) {
	if old, ok := p.entries[key]; ok {
		p.live -= int64(entrySize + len(key) + len(old))
	}
	p.entries[key] = value
	p.live += int64(entrySize + len(key) + len(value))
}

// Get returns the value of a key, which must not be changed.
func (p *Pack) Get(key string) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	value, ok := p.entries[key]
	return value, ok
}

// Add keeps a value; it takes the place of one with the same key.
func (p *Pack) Add(key string, value []byte) {
	if len(key) > 1<<16-1 || len(value) > maxPack {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(key, value)
	one := p.entry(key, value)
	if !p.exists || p.damaged || p.size > 2*p.live+4096 || p.size+int64(len(one)) > maxPack {
		p.rewrite(key)
		return
	}
	root, err := p.bucket.folder(p.kind)
	if err == nil {
		err = appendTo(root, p.name+extension, one)
	}
	if err != nil {
		if err = unexpected(err); err == nil {
			p.rewrite(key) // it was cleaned meanwhile
			return
		}
		// The file may end in the middle of an entry now.
		p.damaged = true
		p.bucket.store.note(nil, err)
		return
	}
	p.size += int64(len(one))
	p.bucket.store.wrote(p.kind, len(one))
}

func appendTo(root *os.Root, name string, data []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if c := f.Close(); err == nil {
		err = c
	}
	return err
}

func (p *Pack) entry(key string, value []byte) []byte {
	out := make([]byte, entrySize, entrySize+len(key)+len(value))
	binary.LittleEndian.PutUint16(out[4:], uint16(len(key)))
	binary.LittleEndian.PutUint32(out[6:], uint32(len(value)))
	out = append(append(out, key...), value...)
	binary.LittleEndian.PutUint32(out, crc32.Update(seed(p.kind, p.name), castagnoli(), out[4:]))
	return out
}

// rewrite puts all entries into a new file. One that got too large starts anew with the last.
func (p *Pack) rewrite(last string) {
	if p.live > maxPack {
		p.entries, p.live = map[string][]byte{last: p.entries[last]}, 0
	}
	out := []byte(packMagic)
	keys := make([]string, 0, len(p.entries))
	for k := range p.entries {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		out = append(out, p.entry(k, p.entries[k])...)
	}
	p.bucket.replace(p.kind, p.name, out)
	p.exists, p.damaged, p.size, p.live = true, false, int64(len(out)), int64(len(out))
}
