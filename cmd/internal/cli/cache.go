package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index/cache"
)

func newCache(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Look at the cache, or clear it",
		Long: `Look at the cache, or clear it: what indexes said, so that it need not be asked
again. It is in $XDG_CACHE_HOME/pylock or ~/.cache/pylock, unless --cache-dir or
PYLOCK_CACHE_DIR name another folder.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCacheDir(g), newCacheInfo(g), newCachePrune(g), newCacheClean(g))
	return cmd
}

// needCacheDir is the folder of the cache, whether it exists or not.
func (g *global) needCacheDir() (string, error) {
	dir, err := g.cacheDir()
	if err != nil {
		return "", usagef("%w: name a folder with --cache-dir", err)
	}
	if dir == "" {
		return "", usagef("there is no cache: leave out --no-cache and PYLOCK_NO_CACHE")
	}
	return dir, nil
}

func newCacheDir(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "dir",
		Short: "Print where the cache is",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := g.needCacheDir()
			if err != nil {
				return err
			}
			return g.print([]byte(clean(slashed(dir)) + "\n"))
		},
	}
}

// cacheInfo is the result of `pylock cache info` as JSON.
type cacheInfo struct {
	Dir   string `json:"dir"`
	Limit int64  `json:"limit"` // bytes
	cache.Info
}

func newCacheInfo(g *global) *cobra.Command {
	format := choice{value: "text", of: []string{"text", "json"}}
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Print how large the cache is",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := g.needCacheDir()
			if err != nil {
				return err
			}
			size, err := g.cacheSize()
			if err != nil {
				return err
			}
			info, err := cache.Measure(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return cacheError(err)
			}
			var b bytes.Buffer
			if format.value == "json" {
				e := json.NewEncoder(&b)
				e.SetIndent("", "  ")
				if err := e.Encode(cacheInfo{slashed(dir), size, info}); err != nil {
					return err
				}
				return g.print(b.Bytes())
			}
			fmt.Fprintf(&b, "%s\n", clean(slashed(dir)))
			line := func(name string, u cache.Usage) {
				fmt.Fprintf(&b, "  %-10s %8s  %s\n", name, sizeText(u.Bytes), count(u.Files, "file"))
			}
			for _, k := range sortedKinds(info) {
				if u, ok := info.Kinds[k]; ok {
					line(k, u)
				}
			}
			if info.Other.Files > 0 {
				line("other", info.Other)
			}
			line("total", info.Total)
			fmt.Fprintf(&b, "  %-10s %8s\n", "limit", sizeText(size))
			return g.print(b.Bytes())
		},
	}
	cmd.Flags().Var(&format, "format", "text or json")
	complete(cmd, "format", format.of...)
	return cmd
}

func newCachePrune(g *global) *cobra.Command {
	limit := ""
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove from the cache what is old",
		Long: `Remove from the cache what other versions of pylock left, files that a killed
run did not finish, and what was not used for the longest time until the rest
fits --max-size. Runs do that by themselves once a day.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := g.needCacheDir()
			if err != nil {
				return err
			}
			size, err := g.cacheSize()
			if err == nil && limit != "" {
				if size, err = parseSize(limit); err != nil {
					err = usagef("--max-size: %w", err)
				}
			}
			if err != nil {
				return err
			}
			removed, err := cache.Prune(dir, size, g.app.Now())
			return g.removed(dir, removed, err)
		},
	}
	cmd.Flags().StringVar(&limit, "max-size", "", "keep at most this `size`, such as 500M (default PYLOCK_CACHE_SIZE, else 2G)")
	return cmd
}

func newCacheClean(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "clean [PACKAGE...]",
		Short: "Remove packages from the cache, or all of it",
		RunE: func(cmd *cobra.Command, args []string) error {
			var names []string
			for _, a := range args {
				n, err := pypi.ParseName(a)
				if err != nil {
					return &inputError{err}
				}
				names = append(names, string(n))
			}
			dir, err := g.needCacheDir()
			if err != nil {
				return err
			}
			removed, err := cache.Clean(dir, names...)
			return g.removed(dir, removed, err)
		},
	}
}

// removed tells what a command removed.
func (g *global) removed(dir string, u cache.Usage, err error) error {
	if errors.Is(err, fs.ErrNotExist) && u.Files == 0 {
		g.printer().infof("There is no cache in %s", slashed(dir))
		return nil
	}
	if err != nil {
		return cacheError(err)
	}
	g.printer().infof("Removed %s, %s", count(u.Files, "file"), sizeText(u.Bytes))
	return nil
}

// machineError is a fault of this machine's files.
type machineError struct{ err error }

func (e *machineError) Error() string { return e.err.Error() }
func (e *machineError) Unwrap() error { return e.err }

func cacheError(err error) error {
	if errors.Is(err, cache.ErrNoCache) {
		return &inputError{err}
	}
	return &machineError{err}
}

// sizeText is a number of bytes for a person.
func sizeText(n int64) string {
	const units = "KMGT"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	i := -1
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
