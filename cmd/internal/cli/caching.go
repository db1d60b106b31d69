package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/build"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/cache"
)

// caching are the flags about the cache, which every command has, and the
// cache once something asked for it.
type caching struct {
	dir            string
	none           bool
	offline        bool
	refresh        bool
	refreshPackage []string

	once    sync.Once
	store   *cache.Store
	names   map[pypi.Name]bool
	size    int64
	err     error // of the flags
	mu      sync.Mutex
	clients []*index.Client
	// builders are those of the clients.
	builders []*build.Builder
	trees    map[string]*treeBuild // of this run
	memos    memos
}

func (c *caching) register(f *pflag.FlagSet) {
	f.StringVar(&c.dir, "cache-dir", "", "keep what the index says in this `folder` (PYLOCK_CACHE_DIR)")
	f.BoolVar(&c.none, "no-cache", false, "neither read nor write a cache (PYLOCK_NO_CACHE)")
	f.BoolVar(&c.offline, "offline", false, "ask no index: take what is in the cache, however old")
	f.BoolVar(&c.refresh, "refresh", false, "ask the index whether what is in the cache still holds")
	f.StringArrayVar(&c.refreshPackage, "refresh-package", nil, "the same for one package: `name` (repeatable)")
}

// truth reads a variable that turns something on.
func (g *global) truth(names ...string) bool {
	for _, n := range names {
		v, ok := g.app.Getenv(n)
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "", "0", "false", "no", "off", "n", "f":
		default:
			return ok
		}
	}
	return false
}

// isOffline reports whether no index may be asked.
func (g *global) isOffline() bool { return g.cache.offline || g.truth("PYLOCK_OFFLINE", "UV_OFFLINE") }

// cacheDir is the folder of the cache, "" for none.
func (g *global) cacheDir() (string, error) {
	if g.cache.none {
		return "", nil
	}
	if g.cache.dir != "" {
		return filepath.Abs(g.cache.dir)
	}
	if g.truth("PYLOCK_NO_CACHE", "UV_NO_CACHE") {
		return "", nil
	}
	if dir, _ := g.app.Getenv("PYLOCK_CACHE_DIR"); strings.TrimSpace(dir) != "" {
		return filepath.Abs(dir)
	}
	return cache.DefaultDir(func(name string) string {
		v, _ := g.app.Getenv(name)
		return v
	})
}

// openCache opens the cache once. That there is none is told, and no error.
func (g *global) openCache() error {
	c := &g.cache
	c.once.Do(func() {
		c.names = map[pypi.Name]bool{}
		for _, text := range c.refreshPackage {
			name, err := pypi.ParseName(text)
			if err != nil {
				c.err = usagef("--refresh-package: %w", err)
				return
			}
			c.names[name] = true
		}
		if g.isOffline() && (c.refresh || len(c.names) > 0) {
			c.err = usagef("--offline and --refresh exclude each other: leave one out")
			return
		}
		if c.size, c.err = g.cacheSize(); c.err != nil {
			return
		}
		dir, err := g.cacheDir()
		if dir == "" {
			return
		}
		if err == nil {
			c.store, err = cache.Open(dir)
		}
		if err != nil {
			p := g.printer()
			p.warnf("the cache is not used: %s; name a folder of your own with --cache-dir, or use --no-cache", cacheFault(err))
		}
	})
	return c.err
}

// cacheFault is an error of the system in few words.
func cacheFault(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) && !errors.Is(err, cache.ErrForeign) && !errors.Is(err, cache.ErrUntrusted) {
		return fmt.Sprintf("%s: %s", slashed(path.Path), path.Err)
	}
	return err.Error()
}

// cacheSize is the bound of the cache in bytes.
func (g *global) cacheSize() (int64, error) {
	text, _ := g.app.Getenv("PYLOCK_CACHE_SIZE")
	if strings.TrimSpace(text) == "" {
		return cache.DefaultSize, nil
	}
	n, err := parseSize(text)
	if err != nil {
		return 0, usagef("PYLOCK_CACHE_SIZE: %w", err)
	}
	return n, nil
}

// parseSize reads a number of bytes, such as 500M or 2GiB; a unit is a power
// of 1024.
func parseSize(text string) (int64, error) {
	digits := strings.TrimSpace(text)
	unit := strings.TrimLeft(digits, "0123456789")
	digits = digits[:len(digits)-len(unit)]
	unit = strings.ToLower(strings.TrimSpace(unit))
	unit = strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i")
	shift, known := map[string]int{"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[unit]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n > 1<<(62-shift) {
		return 0, fmt.Errorf("%q is no size, want a number of bytes such as 500M or 2G", clipped(text))
	}
	return n << shift, nil
}

func clipped(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// cached sets what the options of a client say about the cache.
func (g *global) cached(o *index.Options) error {
	if err := g.openCache(); err != nil {
		return err
	}
	o.Cache = g.cache.store
	o.Offline = g.isOffline()
	o.Refresh = index.Refresh{All: g.cache.refresh, Names: g.cache.names}
	return nil
}

// enrol makes a client one whose lessons are kept when the command ends.
func (g *global) enrol(c *index.Client) {
	g.cache.mu.Lock()
	defer g.cache.mu.Unlock()
	g.cache.clients = append(g.cache.clients, c)
}

// closeCache ends the use of the cache, and tells what went wrong with it.
func (g *global) closeCache() {
	for _, c := range g.cache.clients {
		c.Close()
	}
	s := g.cache.store
	if s == nil {
		return
	}
	g.keepMemos()
	if s.Written() > 0 {
		s.PruneNow(g.cache.size, g.app.Now())
	}
	read, write := s.Errors()
	p := g.printer()
	if read != nil {
		p.warnf("the cache in %s cannot be read: %s", slashed(s.Dir()), rootCause(read))
	}
	if write != nil {
		p.detailf("the cache in %s cannot be written: %s", slashed(s.Dir()), rootCause(write))
	}
	s.Close()
}

// spend tells what was asked, for -v.
func spend(s index.Stats) string {
	text := fmt.Sprintf("%s, %d bytes", count(s.Requests, "request"), s.Bytes)
	if s.Cached+s.Revalidated > 0 {
		text += fmt.Sprintf(", %s from the cache", count(s.Cached+s.Revalidated, "answer"))
		if s.Revalidated > 0 {
			text += fmt.Sprintf(" (%d confirmed)", s.Revalidated)
		}
	}
	return text
}

// sortedKinds are the kinds of records by size, largest first.
func sortedKinds(info cache.Info) []string {
	kinds := slices.Clone(cache.Kinds)
	slices.SortStableFunc(kinds, func(a, b string) int { return cmp.Compare(info.Kinds[b].Bytes, info.Kinds[a].Bytes) })
	return kinds
}
