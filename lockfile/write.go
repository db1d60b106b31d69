package lockfile

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// FS is the part of the operating system that [WriteFile] needs.
type FS interface {
	Lstat(name string) (fs.FileInfo, error)
	// OpenFile is os.OpenFile; folders are opened too, to sync them.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
}

// File is an open file of an [FS].
type File interface {
	io.ReadWriter
	ReadDir(n int) ([]fs.DirEntry, error)
	Chmod(mode fs.FileMode) error
	Sync() error
	Close() error
}

// OS is the file system of the process.
type OS struct{}

// Lstat is os.Lstat.
func (OS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// Rename is os.Rename.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove is os.Remove.
func (OS) Remove(name string) error { return os.Remove(name) }

// OpenFile is os.OpenFile.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // not f: a nil *os.File is a non-nil File
	}
	return f, nil
}

// WriteError says why a lock could not be read or written on this machine.
// The lock is as it was before.
type WriteError struct {
	Path string
	Err  error
}

func (e *WriteError) Error() string {
	err := e.Err
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err // the path of the temporary file says nothing
	} else if le := (*os.LinkError)(nil); errors.As(err, &le) {
		err = le.Err
	}
	return fmt.Sprintf("%s: %v", e.Path, err)
}

func (e *WriteError) Unwrap() error { return e.Err }

var (
	errSymlink = errors.New("is a symbolic link, which a lock must not be: name the file that it points to, or remove it")
	errFolder  = errors.New("is a folder: name a file in it")
	errSpecial = errors.New("is not a regular file: name another file, or leave out the name to print the lock")
)

const (
	lockMode    = 0o644 // of a new lock, less the umask
	maxTempName = 100   // names tried for the temporary file

	// staleTemp is older than the temporary file of any process at work.
	staleTemp = time.Hour
)

// Stat returns nil for a path that does not exist, and a [*WriteError] for one
// that is anything but a regular file in a folder that exists.
func Stat(path string, sys FS) (fs.FileInfo, error) {
	fi, err := sys.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		parent := filepath.Dir(path)
		if _, err := sys.Lstat(parent); errors.Is(err, fs.ErrNotExist) {
			return nil, &WriteError{path, fmt.Errorf("the folder %s does not exist: create it", parent)}
		}
		return nil, nil
	}
	switch {
	case err != nil:
		return nil, &WriteError{path, err}
	case fi.Mode()&fs.ModeSymlink != 0:
		return nil, &WriteError{path, errSymlink}
	case fi.IsDir():
		return nil, &WriteError{path, errFolder}
	case !fi.Mode().IsRegular():
		return nil, &WriteError{path, errSpecial}
	}
	return fi, nil
}

// ReadFile returns the bytes of a lock and whether it exists. Every error is a
// [*WriteError].
func ReadFile(path string, sys FS) (data []byte, exists bool, err error) {
	fi, err := Stat(path, sys)
	if fi == nil {
		return nil, false, err
	}
	f, err := sys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, true, &WriteError{path, err}
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(min(fi.Size(), maxLockBytes)) + bytes.MinRead)
	if _, err = b.ReadFrom(io.LimitReader(f, maxLockBytes+1)); err != nil {
		return nil, true, &WriteError{path, err}
	}
	return b.Bytes(), true, nil
}

// WriteFile puts data in place of the file, or makes it: through a temporary
// file in the same folder that takes its name once all is on disk. An existing
// file keeps its mode; one with the same bytes is not touched, and changed is
// false. On an error, always a [*WriteError], the file is as it was and the
// temporary file is gone. A crash leaves the old file or the new one, whole.
func WriteFile(path string, data []byte, sys FS) (changed bool, err error) {
	old, exists, err := ReadFile(path, sys)
	if err != nil {
		return false, err
	}
	if exists && bytes.Equal(old, data) {
		return false, nil
	}
	err = replace(path, data, sys)
	if we := (*WriteError)(nil); err != nil && !errors.As(err, &we) {
		err = &WriteError{path, err}
	}
	return err == nil, err
}

func replace(path string, data []byte, sys FS) (err error) {
	fi, err := Stat(path, sys)
	if err != nil {
		return err
	}
	f, temp, err := create(filepath.Dir(path), sys)
	if err != nil {
		return err
	}
	open := true
	defer func() {
		if open {
			f.Close()
		}
		if err != nil {
			sys.Remove(temp)
		}
	}()
	if n, err := f.Write(data); err != nil {
		return err
	} else if n < len(data) {
		return io.ErrShortWrite
	}
	if fi != nil {
		if err := f.Chmod(fi.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	open = false
	if err := f.Close(); err != nil {
		return err
	}
	if err := sys.Rename(temp, path); err != nil {
		return err
	}
	// The new file is in place. Should the folder not reach the disk before a
	// crash, the old one comes back, whole: nothing to report.
	if d, err := sys.OpenFile(filepath.Dir(path), os.O_RDONLY, 0); err == nil {
		d.Sync()
		sweep(d, path, sys)
		d.Close()
	}
	return nil
}

// sweep removes the temporary files that killed processes left in the folder
// of the lock just written. Their age is by the clock of the file system.
func sweep(dir File, lock string, sys FS) {
	fi, err := sys.Lstat(lock)
	if err != nil {
		return
	}
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !tempName().MatchString(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if old, err := e.Info(); err == nil && fi.ModTime().Sub(old.ModTime()) > staleTemp {
			sys.Remove(filepath.Join(filepath.Dir(lock), e.Name()))
		}
	}
}

// tempName is what create calls a file, and nobody else does.
var tempName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\.pylock-[A-Z2-7]{12}\.tmp$`) })

// create makes a file of a new name in dir.
func create(dir string, sys FS) (File, string, error) {
	for try := 0; ; try++ {
		temp := filepath.Join(dir, ".pylock-"+rand.Text()[:12]+".tmp")
		f, err := sys.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, lockMode)
		if err == nil {
			return f, temp, nil
		}
		if !errors.Is(err, fs.ErrExist) || try == maxTempName {
			return nil, "", err
		}
	}
}
