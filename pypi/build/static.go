package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pylock-dev/pylock/pypi/dist"
)

// StaticTree returns what the source tree in a folder states without a build: the [project] of its pyproject.toml, else
// its PKG-INFO, where their dependencies are static. The error matches [dist.ErrDynamic] where only a build could tell;
// that of a file which is damaged, or over the limits, does too, since a build may still make sense of it. The version is
// zero where it is dynamic.
func StaticTree(dir string) (*dist.Metadata, error) {
	text, err := readFile(filepath.Join(dir, "pyproject.toml"), maxPyproject)
	if err == nil {
		var m *dist.Metadata
		if m, err = dist.StaticProject(text); err == nil {
			return m, nil
		}
	}
	info, infoErr := readFile(filepath.Join(dir, "PKG-INFO"), maxMetadata)
	if infoErr == nil {
		if m, infoErr := dist.ParseMetadata(info); infoErr == nil && m.StaticDependencies() {
			return m, nil
		}
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, dist.ErrDynamic) {
		return nil, fmt.Errorf("%s: %w", filepath.Base(dir), dist.ErrDynamic)
	}
	return nil, fmt.Errorf("%s: %w: %w", filepath.Base(dir), dist.ErrDynamic, err)
}

// StaticArchive is StaticTree for an archive in a file, which is unpacked below the folder for temporary files; name tells
// its format. An archive that must not be unpacked is an *Error.
func StaticArchive(file, name string) (*dist.Metadata, error) {
	scratch, err := os.MkdirTemp("", "pylock-archive-*")
	if err != nil {
		return nil, err
	}
	defer remove(scratch)
	tree, err := unpack(file, name, scratch)
	if err != nil {
		return nil, &Error{Subject: name, Step: "unpacking", Err: err}
	}
	return StaticTree(tree)
}
