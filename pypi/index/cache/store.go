package cache

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Layout is the folder of this version of the format. It changes with any change of what records hold, and with any
// change of the rules by which a page is read, since records are what those rules made of it.
const Layout = "v2"

// Kinds of records, which are the folders of a bucket.
const (
	Facts    = "facts"
	Simple   = "simple"
	JSON     = "json"
	Releases = "releases"
	Archives = "archives"
	Outcomes = "outcomes" // what came of answers: not itself one, as the facts are not
)

// Kinds are all of them.
var Kinds = []string{Simple, JSON, Releases, Archives, Facts, Outcomes}

const (
	tagName   = "CACHEDIR.TAG"
	tagText   = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of pylock; see pylock cache --help.\n"
	gitignore = ".gitignore"
	keyName   = "key"
	pruned    = "pruned"
	generated = "generation"
	tmpName   = "tmp"

	repositories = "git"
	extension    = ".rec"

	maxRecord = 256 << 20           // bytes of a file that is read
	touchOld  = 24 * time.Hour      // age of a file's time of change from which a use renews it
	staleCopy = 30 * 24 * time.Hour // since the last use of a copy of a repository
	staleTemp = time.Hour           // age from which a temporary file is a leftover
)

var (
	// ErrForeign says that a folder holds other things than a cache.
	ErrForeign = errors.New("holds files that are not of a cache of pylock; name an empty folder")
	// ErrUntrusted says that others could have written the records of a folder.
	ErrUntrusted = errors.New("others may write to it")
)

// Store is the folder of a cache. It is safe for concurrent use.
type Store struct {
	dir  string
	root *os.Root // of Layout

	mu      sync.Mutex
	buckets map[string]*Bucket
	key     []byte
	readErr error
	failed  error // of writing

	written atomic.Int64 // bytes
	answers atomic.Bool  // some were written
	seq     atomic.Int64 // of temporary files
	prefix  string

	create func(root *os.Root, name string) (io.WriteCloser, error)
}

// DefaultDir is the folder that is used unless another is named: $XDG_CACHE_HOME/pylock, else pylock in the system's
// folder for caches of the user (~/.cache on Unix and macOS, %LocalAppData% on Windows).
func DefaultDir(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "pylock"), nil
	}
	return userCacheDir(getenv)
}

// Open opens the cache in dir, and creates it where it is missing. Errors: ErrForeign and ErrUntrusted in the chain,
// or those of the system.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := prepare(dir); err != nil {
		return nil, err
	}
	layout := filepath.Join(dir, Layout)
	root, err := os.OpenRoot(layout)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(layout, 0o700); err == nil || errors.Is(err, fs.ErrExist) {
			root, err = os.OpenRoot(layout)
		}
	}
	if err != nil {
		return nil, err
	}
	// What was opened is what is looked at, whatever happens to the name.
	fi, err := root.Stat(".")
	if err == nil {
		err = trusted(fi)
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w", layout, err)
	}
	var random [8]byte
	rand.Read(random[:])
	s := &Store{dir: dir, root: root, buckets: map[string]*Bucket{}, prefix: hex.EncodeToString(random[:])}
	s.create = func(root *os.Root, name string) (io.WriteCloser, error) {
		return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	return s, nil
}

// prepare makes dir a cache unless it is one.
func prepare(dir string) error {
	if Ours(dir) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == tagName, name == gitignore, name == "lost+found", strings.HasPrefix(name, tagName+"."):
		case name == Layout && len(entries) <= 3:
		default:
			return fmt.Errorf("%s: %w", dir, ErrForeign)
		}
	}
	if f, err := os.OpenFile(filepath.Join(dir, gitignore), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		_, err = f.WriteString("*\n")
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.CreateTemp(dir, tagName+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(tagText)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, tagName))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// Ours reports whether dir is a cache of pylock: nothing else is ever removed.
func Ours(dir string) bool {
	tag, err := os.ReadFile(filepath.Join(dir, tagName))
	return err == nil && string(tag) == tagText
}

// Dir is the folder.
func (s *Store) Dir() string { return s.dir }

// Repositories is the folder for copies of git repositories, which may not be there yet. Nothing of it is read here.
func (s *Store) Repositories() string { return filepath.Join(s.dir, Layout, repositories) }

// Close releases the folder.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.buckets {
		b.close()
	}
	s.buckets = map[string]*Bucket{}
	return s.root.Close()
}

// Errors returns the first failure of reading and of writing, nil where there was none. A record that is not there or
// damaged is no failure.
func (s *Store) Errors() (read, write error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readErr, s.failed
}

// Written is the number of bytes written.
func (s *Store) Written() int64 { return s.written.Load() }

// Generation is a word that changes when a process that put answers into the cache is done with it, "" before the first.
// What was made of answers is as good as new while it stays the same.
func (s *Store) Generation() string {
	f, err := s.root.Open(generated)
	if err != nil {
		s.note(unexpected(err), nil)
		return ""
	}
	defer f.Close()
	word := make([]byte, 2*len(s.prefix))
	n, _ := io.ReadFull(f, word)
	return string(word[:n])
}

// Renew begins a new generation if answers were written since the last call, or there is none, and returns that which is.
func (s *Store) Renew() string {
	was := s.Generation()
	if !s.answers.Swap(false) && was != "" {
		return was
	}
	temp := s.temp()
	err := s.writeTemp(temp, []byte(fmt.Sprintf("%s-%d", s.prefix, s.seq.Add(1))))
	if err == nil {
		err = s.root.Rename(temp, generated)
	}
	s.note(nil, err)
	return s.Generation()
}

// wrote counts what was written.
func (s *Store) wrote(kind string, bytes int) {
	s.written.Add(int64(bytes))
	if kind != Facts && kind != Outcomes {
		s.answers.Store(true)
	}
}

func (s *Store) note(read, write error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr == nil {
		s.readErr = read
	}
	if s.failed == nil {
		s.failed = write
	}
}

// Bucket returns the records of an index. The identity is its address and who asks; with secret set it holds
// credentials, and the bucket's name then cannot be found by trying: it depends on a random key in the folder.
func (s *Store) Bucket(identity string, secret bool) (*Bucket, error) {
	var sum []byte
	if secret {
		key, err := s.secretKey()
		if err != nil {
			return nil, err
		}
		h := hmac.New(sha256.New, key)
		io.WriteString(h, identity)
		sum = h.Sum(nil)
	} else {
		h := sha256.Sum256([]byte(identity))
		sum = h[:]
	}
	name := hex.EncodeToString(sum[:16])
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		b = &Bucket{store: s, name: name, roots: map[string]*os.Root{}}
		s.buckets[name] = b
	}
	return b, nil
}

// secretKey reads the key, or makes one.
func (s *Store) secretKey() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	for range 2 {
		if key, err := s.root.ReadFile(keyName); err == nil && len(key) == 32 {
			s.key = key
			return key, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		key := make([]byte, 32)
		rand.Read(key)
		temp := s.temp()
		if err := s.writeTemp(temp, key); err != nil {
			return nil, err
		}
		// A link, unlike a rename, does not replace the key of another process.
		err := s.root.Link(temp, keyName)
		s.root.Remove(temp)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if errors.Is(err, fs.ErrExist) {
			if fi, err := s.root.Stat(keyName); err == nil && fi.Size() != 32 {
				s.root.Remove(keyName)
			}
		}
	}
	return nil, errors.New("the key of the cache cannot be read")
}

// temp is a new name for a temporary file.
func (s *Store) temp() string {
	return path.Join(tmpName, fmt.Sprintf("%s-%d", s.prefix, s.seq.Add(1)))
}

// writeTemp writes a temporary file; nothing is left of it where that fails.
func (s *Store) writeTemp(name string, parts ...[]byte) error {
	f, err := s.create(s.root, name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.root.Mkdir(tmpName, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		f, err = s.create(s.root, name)
	}
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err == nil {
			_, err = f.Write(p)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		s.root.Remove(name)
	}
	return err
}
