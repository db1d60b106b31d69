package build

import (
	"archive/tar"
	"archive/zip"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// unpack writes the archive in the file below dir, which is empty, and returns the folder of the source tree: the one
// that the archive has at its top, else dir. name is the archive's own, whose ending tells the format.
func unpack(file, name, dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	u := &unpacker{root: root, packed: &counter{r: f}}
	switch {
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		var gz *gzip.Reader
		if gz, err = gzip.NewReader(u.packed); err == nil {
			err = u.tar(gz)
		}
	case strings.HasSuffix(name, ".tar.bz2"), strings.HasSuffix(name, ".tbz"):
		err = u.tar(bzip2.NewReader(u.packed))
	case strings.HasSuffix(name, ".tar"):
		err = u.tar(u.packed)
	case strings.HasSuffix(name, ".zip"):
		err = u.zip(f)
	default:
		err = errors.New("archives of this kind are not unpacked; want .tar.gz, .tar.bz2, .tar or .zip")
	}
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) == 1 && entries[0].IsDir() {
		dir = filepath.Join(dir, entries[0].Name())
	}
	return dir, nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// unpacker writes members below a root that no name and no link leads out of: os.Root sees to that at each step, the
// checks before it are for errors that a person understands, and for links that would lead out later.
type unpacker struct {
	root    *os.Root
	packed  *counter
	size    int64 // of all files so far
	members int
}

// countMember counts a member.
func (u *unpacker) countMember() error {
	if u.members++; u.members > maxMembers {
		return fmt.Errorf("it has more than %d members", maxMembers)
	}
	return nil
}

// Write counts what a file is unpacked to.
func (u *unpacker) Write(p []byte) (int, error) {
	u.size += int64(len(p))
	switch {
	case u.size > maxUnpacked:
		return 0, fmt.Errorf("its content is over the limit of %d bytes", int64(maxUnpacked))
	case u.size > minRatioSize && u.packed != nil && u.size/max(u.packed.n, 1) > maxRatio:
		return 0, fmt.Errorf("its compression is over the limit of %d to 1", maxRatio)
	}
	return len(p), nil
}

// local returns a member's name as a path below the root; "" stands for the root itself.
func local(name string) (string, error) {
	clean := path.Clean(strings.TrimSuffix(name, "/"))
	bad := name == "" || len(name) > maxName || strings.ContainsAny(name, "\x00\\") || path.IsAbs(name) || !filepath.IsLocal(filepath.FromSlash(clean))
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == ".."
	}
	if bad {
		if len(name) > 100 {
			name = name[:100]
		}
		return "", fmt.Errorf("it has a member named %q, which leads out of its folder or is no name", name)
	}
	if clean == "." {
		return "", nil
	}
	return clean, nil
}

func (u *unpacker) tar(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := u.countMember(); err != nil {
			return err
		}
		name, err := local(h.Name)
		if err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse:
			for key := range h.PAXRecords {
				if strings.HasPrefix(key, "GNU.sparse.") {
					h.Typeflag = tar.TypeGNUSparse
				}
			}
			if h.Typeflag == tar.TypeGNUSparse {
				return fmt.Errorf("member %q is sparse", h.Name)
			}
			err = u.file(name, t, h.FileInfo().Mode())
		case tar.TypeDir:
			err = u.folder(name)
		case tar.TypeSymlink:
			err = u.symlink(name, h.Linkname)
		case tar.TypeLink:
			err = u.link(name, h.Linkname)
		default:
			err = fmt.Errorf("member %q is a device or another special file", h.Name)
		}
		if err != nil {
			return err
		}
	}
}

func (u *unpacker) zip(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	u.packed = &counter{n: fi.Size()}
	z, err := zip.NewReader(f, fi.Size())
	if err != nil {
		return err
	}
	for _, m := range z.File {
		if err := u.countMember(); err != nil {
			return err
		}
		name, err := local(m.Name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(m.Name, "/") {
			err = u.folder(name)
		} else {
			err = u.zipped(name, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// zipped writes a file of a zip archive; what claims to be a link there is a file, as for Python's zipfile.
func (u *unpacker) zipped(name string, m *zip.File) error {
	r, err := m.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return u.file(name, r, m.Mode())
}

func (u *unpacker) folder(name string) error {
	if name == "" {
		return nil
	}
	return u.root.MkdirAll(name, 0o755)
}

// clear makes room for a member: the last of several by one name counts, as for tarfile.
func (u *unpacker) clear(name string) error {
	if name == "" {
		return errors.New("a member that is no folder has no name")
	}
	if err := u.folder(strings.TrimPrefix(path.Dir(name), ".")); err != nil {
		return err
	}
	err := u.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// file writes a regular file; of its mode only whether its owner may execute it is kept.
func (u *unpacker) file(name string, content io.Reader, mode fs.FileMode) error {
	if err := u.clear(name); err != nil {
		return err
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644|mode&0o111)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(u, f), content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// symlink makes a link whose target, followed from its own folder, stays below the root.
func (u *unpacker) symlink(name, target string) error {
	if _, err := local(path.Join(path.Dir(name), target)); err != nil || path.IsAbs(target) || strings.Contains(target, "\\") {
		return fmt.Errorf("member %q is a link to %q, outside of its folder", name, target)
	}
	if err := u.clear(name); err != nil {
		return err
	}
	if err := u.root.Symlink(filepath.FromSlash(target), name); err != nil {
		return err
	}
	// Other links on the way may lead elsewhere than the names say.
	if _, err := u.root.Stat(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		_ = u.root.Remove(name)
		return fmt.Errorf("member %q is a link to %q: %w", name, target, err)
	}
	return nil
}

// link makes a hard link to a file that came before.
func (u *unpacker) link(name, target string) error {
	to, err := local(target)
	if err != nil {
		return err
	}
	if fi, err := u.root.Lstat(to); err != nil || !fi.Mode().IsRegular() {
		return fmt.Errorf("member %q is a link to %q, which is no file before it", name, target)
	}
	if to == name {
		return nil
	}
	if err := u.clear(name); err != nil {
		return err
	}
	return u.root.Link(to, name)
}
