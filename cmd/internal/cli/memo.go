package cli

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi/index/cache"
)

// A memo tells that a command with the same inputs had nothing to say and
// nothing to write a moment ago, so that it need not find that out again. It
// holds for a file, and as long as all of this is the same:
//
//   - the program, the options, all inputs as they were read, and the files
//     that the command would write or judge, byte for byte;
//   - the answers of the indexes: none is to be asked for again yet, and nobody
//     put others into the cache since.
//
// So it is never an opinion of its own: what is remembered is what the same
// program would compute from the same answers. Whoever asks for fresh answers,
// or for none to be kept, has no memos, nor has who asks an index by a name and
// a password, or pages and folders of files.
//
//	record = 32 bytes of the key, seconds from and until, generation, packages
type memo struct {
	name     string // of the record
	key      [sha256.Size]byte
	from     time.Time
	until    time.Time
	packages int
}

// memos are those to be kept when a command ends, and what they hang on.
type memos struct {
	bucket     *cache.Bucket
	generation string // when the command began
	kept       []memo
}

// openMemos returns the bucket of the memos, nil where there are to be none.
func (g *global) openMemos() *cache.Bucket {
	c := &g.cache
	if g.openCache() != nil || c.store == nil || c.refresh || len(c.names) > 0 || g.isOffline() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.memos.bucket == nil {
		b, err := c.store.Bucket("outcomes\n", false)
		if err != nil {
			return nil
		}
		c.memos = memos{bucket: b, generation: c.store.Generation()}
	}
	return c.memos.bucket
}

// recall returns the memo about a job for a purpose, and whether it is one that
// holds; nil where none can.
func (t *team) recall(purpose string, o *compileOptions, r *run) (m *memo, holds bool) {
	b := t.global.openMemos()
	if b == nil || r.output == "" || o.dryRun || o.coherent || r.indexes.unsure() || o.hasNetrc(r.indexes) {
		return nil, false
	}
	m, err := newMemo(purpose, o, r)
	if err != nil {
		return nil, false
	}
	data, ok := b.Read(cache.Outcomes, m.name)
	if !ok || len(data) < len(m.key) || [sha256.Size]byte(data[:len(m.key)]) != m.key {
		return m, false
	}
	data = data[len(m.key):]
	var numbers [3]int64
	for i := range numbers {
		n, size := binary.Uvarint(data)
		if size <= 0 {
			return m, false
		}
		numbers[i], data = int64(n), data[size:]
	}
	now := t.global.app.Now()
	m.packages = int(numbers[2])
	holds = string(data) == t.global.cache.memos.generation && len(data) > 0 &&
		!now.Before(time.Unix(numbers[0], 0)) && now.Before(time.Unix(numbers[1], 0))
	return m, holds
}

// newMemo makes the key of a memo. What was read of the old lock is known by
// the bytes of its file.
func newMemo(purpose string, o *compileOptions, r *run) (*memo, error) {
	path, err := filepath.Abs(r.output)
	if err != nil {
		return nil, err
	}
	name := sha256.Sum256([]byte(purpose + "\n" + path))
	m := &memo{name: hex.EncodeToString(name[:16]), from: o.app.Now()}
	var texts [][]byte
	for _, file := range append([]string{r.output}, r.also...) {
		data, exists, err := lockfile.ReadFile(file, o.app.FS)
		if err != nil || !exists {
			return nil, os.ErrNotExist
		}
		texts = append(texts, data)
	}
	options, inputs := *o, *r
	options.global, options.flags, options.written, options.workspaces, options.diff = nil, nil, nil, nil, nil
	inputs.old, inputs.before, inputs.build.Old, inputs.request.Preferences = nil, nil, nil, nil
	m.key, err = fingerprint(program(), purpose, path, options, inputs, texts)
	return m, err
}

// program tells this program from others, also where a developer has built it
// anew.
func program() []any {
	id := []any{version()}
	if path, err := os.Executable(); err == nil {
		if fi, err := os.Stat(path); err == nil {
			id = append(id, path, fi.Size(), fi.ModTime().UnixNano())
		}
	}
	return id
}

// keep has a memo written when the command ends.
func (t *team) keep(m *memo, r *run, packages int) {
	client := t.clients[r.indexes.key()]
	if m == nil || client == nil || len(client.Shared()) > 0 { // which is to be told again
		return
	}
	m.until, m.packages = client.Until(), packages
	c := &t.global.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memos.kept = append(c.memos.kept, *m)
}

// keepMemos writes them. The answers that this command added are those that
// they hang on; where another process added some meanwhile, nobody knows.
func (g *global) keepMemos() {
	c := &g.cache
	s := c.store
	same := s.Generation() == c.memos.generation
	generation := s.Renew()
	if !same {
		return
	}
	for _, m := range c.memos.kept {
		out := m.key[:]
		for _, n := range []uint64{uint64(m.from.Unix()), uint64(max(m.until.Unix(), 0)), uint64(m.packages)} {
			out = binary.AppendUvarint(out, n)
		}
		c.memos.bucket.Write(cache.Outcomes, m.name, append(out, generation...))
	}
}
