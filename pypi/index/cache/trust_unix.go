//go:build unix

package cache

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// trusted refuses a folder of another user, and one that everybody may write to.
func trusted(fi fs.FileInfo) error {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("another user owns it: %w", ErrUntrusted)
	}
	if fi.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("its mode is %#o: %w", fi.Mode().Perm(), ErrUntrusted)
	}
	return nil
}

// userCacheDir is ~/.cache/pylock, on macOS too, as other tools for Python have it.
func userCacheDir(getenv func(string) string) (string, error) {
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", fmt.Errorf("HOME is not set")
	}
	return filepath.Join(home, ".cache", "pylock"), nil
}
