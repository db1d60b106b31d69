package build

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// copyTree copies the regular files, folders and links below from to a new folder, within the limits of archives. What
// git keeps, environments and the results of earlier builds that have a name of their own stay behind.
func copyTree(from, to string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	out, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer out.Close()
	u := &unpacker{root: out}
	return fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if err := u.countMember(); err != nil {
			return err
		}
		name := filepath.FromSlash(path)
		switch {
		case d.IsDir() && leftBehind(root, name, d.Name()):
			return fs.SkipDir
		case d.IsDir():
			return u.folder(path)
		case d.Type() == fs.ModeSymlink:
			target, err := root.Readlink(name)
			if err != nil {
				return err
			}
			if u.symlink(path, filepath.ToSlash(target)) != nil {
				return nil // one that leads out is of no use to a copy
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		fi, err := f.Stat()
		if err != nil {
			return err
		}
		if err := u.file(path, io.LimitReader(f, fi.Size()), fi.Mode()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

// leftBehind reports whether a folder is no part of a source tree.
func leftBehind(root *os.Root, path, name string) bool {
	switch name {
	case ".git", ".hg", ".svn", "__pycache__", ".venv", "node_modules", ".tox", ".nox":
		return true
	}
	_, err := root.Stat(filepath.Join(path, "pyvenv.cfg"))
	return err == nil
}
