package build

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// TreeSum returns a hash, hexadecimal, of all that a build of a source tree on disk would get to see: the names and the
// content of its files, whether they are executable, its folders and its links. Two trees of one sum give the same
// answer, as far as a build depends on nothing but its tree. The error is that of the file system, or of a limit.
func TreeSum(tree string) (string, error) {
	return walkTree(tree, func(string, entryKind, string, io.Reader, fs.FileMode) error { return nil })
}

// copyTree copies the regular files, folders and links below from to a new folder, within the limits of archives, and
// returns the [TreeSum] of the copy.
func copyTree(from, to string) (string, error) {
	if err := os.Mkdir(to, 0o755); err != nil {
		return "", err
	}
	out, err := os.OpenRoot(to)
	if err != nil {
		return "", err
	}
	defer out.Close()
	u := &unpacker{root: out}
	return walkTree(from, func(path string, kind entryKind, target string, content io.Reader, mode fs.FileMode) error {
		switch kind {
		case folderEntry:
			return u.folder(path)
		case linkEntry:
			_ = u.symlink(path, target) // one that leads out is of no use to a copy
			return nil
		}
		return u.file(path, content, mode)
	})
}

// entryKind is what is at a path of a tree.
type entryKind byte

const (
	folderEntry entryKind = 'd'
	linkEntry   entryKind = 'l'
	fileEntry   entryKind = 'f'
)

// walkTree calls visit for what is below a folder, in the order of names, and returns a hash of it. target is that of a
// link; content has to be read once, to its end or not at all. What git keeps, environments and the results of earlier
// builds that have a name of their own are no part of the tree, nor are devices and the like.
func walkTree(from string, visit func(path string, kind entryKind, target string, content io.Reader, mode fs.FileMode) error) (string, error) {
	root, err := os.OpenRoot(from)
	if err != nil {
		return "", err
	}
	defer root.Close()
	limits, sum := &unpacker{}, treeHash{sha256.New()}
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if err := limits.countMember(); err != nil {
			return err
		}
		name := filepath.FromSlash(path)
		switch {
		case d.IsDir() && leftBehind(root, name, d.Name()):
			return fs.SkipDir
		case d.IsDir():
			sum.add(folderEntry, path, "")
			return visit(path, folderEntry, "", nil, 0)
		case d.Type() == fs.ModeSymlink:
			target, err := root.Readlink(name)
			if err != nil {
				return err
			}
			target = filepath.ToSlash(target)
			sum.add(linkEntry, path, target)
			return visit(path, linkEntry, target, nil, 0)
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
		content := sha256.New()
		r := io.TeeReader(io.LimitReader(f, fi.Size()), io.MultiWriter(content, limits))
		err = visit(path, fileEntry, "", r, fi.Mode())
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		sum.add(fileEntry, path, fmt.Sprintf("%t %x", fi.Mode()&0o111 != 0, content.Sum(nil)))
		return nil
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.h.Sum(nil)), nil
}

// treeHash is the hash of the entries of a tree, in their order.
type treeHash struct{ h hash.Hash }

// add takes an entry up: no two lists of entries are written alike.
func (t treeHash) add(kind entryKind, path, what string) {
	buf := []byte{byte(kind)}
	for _, s := range []string{path, what} {
		buf = append(binary.AppendUvarint(buf, uint64(len(s))), s...)
	}
	t.h.Write(buf)
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
