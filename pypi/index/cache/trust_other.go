//go:build !unix

package cache

import (
	"io/fs"
	"os"
	"path/filepath"
)

// trusted relies on the access lists of the user's own folder.
func trusted(fs.FileInfo) error { return nil }

func userCacheDir(func(string) string) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "pylock"), nil
}
