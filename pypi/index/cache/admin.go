package cache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrNoCache says that a folder is no cache of pylock, so that nothing in it is touched.
var ErrNoCache = errors.New("is not a cache of pylock")

// DefaultSize bounds a cache, in bytes, unless something else is asked for.
const DefaultSize = 2 << 30

// pruneInterval is the time between two runs that look at the size of a cache.
const pruneInterval = 24 * time.Hour

// Usage is how many files there are of a kind, and their bytes.
type Usage struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (u *Usage) add(bytes int64) {
	u.Files++
	u.Bytes += bytes
}

// Info is what a cache holds.
type Info struct {
	Kinds   map[string]Usage `json:"kinds"`   // by kind, see [Kinds]
	Other   Usage            `json:"other"`   // records of other layouts and temporary files
	Total   Usage            `json:"total"`   //
	Indexes int              `json:"indexes"` // buckets
}

// layouts are the names of all layouts that ever were and will be.
var layouts = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^v[0-9]+$`) })

// file is a file of a cache.
type file struct {
	name string // with slashes, relative to the folder
	fs.FileInfo
}

// walk returns the files of the layouts in dir, but for the two that hold no data. What cannot be read is left out.
func walk(root *os.Root) []file {
	var files []file
	entries, _ := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if !layouts().MatchString(e.Name()) || !e.IsDir() {
			continue
		}
		fs.WalkDir(root.FS(), e.Name(), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || slices.Contains([]string{pruned, keyName, generated}, strings.TrimPrefix(name, Layout+"/")) {
				return nil // an error is of what others have removed meanwhile
			}
			if fi, err := d.Info(); err == nil {
				files = append(files, file{name, fi})
			}
			return nil
		})
	}
	return files
}

// kind returns the kind of a record by its name, "" for what is none of this layout.
func (f *file) kind() string {
	parts := strings.Split(f.name, "/")
	if len(parts) == 4 && parts[0] == Layout && slices.Contains(Kinds, parts[2]) && strings.HasSuffix(parts[3], extension) {
		return parts[2]
	}
	return ""
}

// open opens a cache that exists.
func open(dir string) (*os.Root, error) {
	if !Ours(dir) {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s %w: it has no %s of pylock's", dir, ErrNoCache, tagName)
	}
	return os.OpenRoot(dir)
}

// Measure returns what is in the cache in dir. Errors: ErrNoCache in the chain, or those of the system.
func Measure(dir string) (Info, error) {
	info := Info{Kinds: map[string]Usage{}}
	root, err := open(dir)
	if err != nil {
		return info, err
	}
	defer root.Close()
	buckets := map[string]bool{}
	for _, f := range walk(root) {
		info.Total.add(f.Size())
		k := f.kind()
		if k == "" {
			info.Other.add(f.Size())
			continue
		}
		u := info.Kinds[k]
		u.add(f.Size())
		info.Kinds[k] = u
		if k != Outcomes {
			buckets[path.Dir(path.Dir(f.name))] = true
		}
	}
	info.Indexes = len(buckets)
	return info, nil
}

// Prune removes from the cache in dir what is of another layout, temporary files that nobody writes any more, and the
// records that were not used for the longest time until the rest has at most size bytes. Copies of repositories that
// nobody used for a month go too, whatever their size. It returns what was removed of the others.
func Prune(dir string, size int64, now time.Time) (removed Usage, err error) {
	root, err := open(dir)
	if err != nil {
		return removed, err
	}
	defer root.Close()
	drop := func(f *file) bool {
		e := root.Remove(filepath.FromSlash(f.name))
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = cmp.Or(err, e)
			return false
		}
		removed.add(f.Size())
		return true
	}
	var records []file
	total := int64(0)
	for _, f := range walk(root) {
		layout, rest, _ := strings.Cut(f.name, "/")
		switch {
		case layout != Layout:
			drop(&f)
		case strings.HasPrefix(rest, tmpName+"/"):
			if now.Sub(f.ModTime()) > staleTemp {
				drop(&f)
			}
		case f.kind() != "":
			records = append(records, f)
			total += f.Size()
		}
	}
	if total > size {
		slices.SortFunc(records, func(a, b file) int {
			return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.name, b.name))
		})
		for i := range records {
			if total <= size {
				break
			}
			if drop(&records[i]) {
				total -= records[i].Size()
			}
		}
	}
	entries, _ := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if e.IsDir() && layouts().MatchString(e.Name()) && e.Name() != Layout {
			root.RemoveAll(e.Name())
		}
	}
	copies, _ := fs.ReadDir(root.FS(), Layout+"/"+repositories)
	for _, e := range copies {
		if fi, e2 := e.Info(); e2 == nil && now.Sub(fi.ModTime()) > staleCopy {
			root.RemoveAll(filepath.Join(Layout, repositories, e.Name()))
		}
	}
	return removed, err
}

// PruneNow and then: Prune where it was not done for a day.
func (s *Store) PruneNow(size int64, now time.Time) {
	if fi, err := s.root.Stat(pruned); err == nil && now.Sub(fi.ModTime()) < pruneInterval && !fi.ModTime().After(now.Add(pruneInterval)) {
		return
	}
	// The mark comes first, so that of many runs at once few do the work.
	if err := s.root.WriteFile(pruned, nil, 0o600); err != nil {
		return
	}
	s.root.Chtimes(pruned, now, now)
	Prune(s.dir, size, now)
}

// Clean removes from the cache in dir the records of the named packages, or without a name everything, and the folder
// itself if nothing else is in it. It returns what was removed.
func Clean(dir string, names ...string) (removed Usage, err error) {
	root, err := open(dir)
	if err != nil {
		return removed, err
	}
	defer root.Close()
	root.Remove(Layout + "/" + generated)
	for _, f := range walk(root) {
		k := f.kind()
		if len(names) > 0 && (k == "" || k == Facts || !slices.Contains(names, strings.TrimSuffix(path.Base(f.name), extension))) {
			continue
		}
		e := root.Remove(filepath.FromSlash(f.name))
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = cmp.Or(err, e)
			continue
		}
		removed.add(f.Size())
	}
	if len(names) > 0 || err != nil {
		return removed, err
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if e.IsDir() && layouts().MatchString(e.Name()) {
			err = cmp.Or(err, root.RemoveAll(e.Name()))
		}
	}
	if err != nil {
		return removed, err
	}
	for _, name := range []string{gitignore, tagName} {
		if e := root.Remove(name); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = cmp.Or(err, e)
		}
	}
	os.Remove(dir) // fails where something else is in it
	return removed, err
}
