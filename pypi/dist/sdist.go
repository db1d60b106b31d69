package dist

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// An Sdist is what the file name of a source distribution says.
type Sdist struct {
	Name    pypi.Name
	Version pep440.Version
	Ext     string // .tar.gz or .zip; ParseSdistOf knows more
}

// ParseSdist reads the file name of a source distribution, NAME-VERSION.tar.gz
// or .zip. The version is what follows the last dash, so that legacy names
// with a dash in the version need ParseSdistOf.
//
// https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name
func ParseSdist(filename string) (Sdist, error) {
	var p FileParser
	stem, ext, ok := cutExt(filename)
	if !ok || ext != ".tar.gz" && ext != ".zip" {
		return Sdist{}, errSdist(filename, errors.New("want a name that ends in .tar.gz or .zip"))
	}
	dash := strings.LastIndexByte(stem, '-')
	if dash < 0 {
		return Sdist{}, errSdist(filename, errors.New("want NAME-VERSION"+ext))
	}
	return p.sdist(filename, stem[:dash], stem[dash+1:], ext)
}

// ParseSdistOf reads the file name of a source distribution of a known
// project. It accepts what ParseSdist does and legacy names: dashes in the
// version (foo-1.0-1.zip, foo-1.0-beta.tar.gz) and the extensions .tgz, .tar,
// .tar.bz2, .tbz, .tar.xz, .txz, .tar.lz, .tlz, .tar.lzma and .tar.zst. A file
// of another project is an error.
func ParseSdistOf(filename string, name pypi.Name) (Sdist, error) {
	var p FileParser
	return p.SdistOf(filename, name)
}

// SdistOf is ParseSdistOf, sharing what it read before.
func (p *FileParser) SdistOf(filename string, name pypi.Name) (Sdist, error) {
	stem, ext, ok := cutExt(filename)
	if !ok {
		return Sdist{}, errSdist(filename, errors.New("want a name that ends in .tar.gz or .zip"))
	}
	// Any dash may end the project's part: aaa-1-2.zip is aaa 1.post2 or
	// aaa-1 2. Normalizing never lengthens a name.
	found := false
	for i := len(name); i < len(stem); i++ {
		if stem[i] != '-' || p.setName(stem[:i]) != nil || p.name != name {
			continue
		}
		found = true
		if p.setVersion(stem[i+1:]) == nil {
			return p.sdist(filename, stem[:i], stem[i+1:], ext)
		}
	}
	if found {
		return Sdist{}, errSdist(filename, errors.New("what follows the project's name is not a version"))
	}
	return Sdist{}, errSdist(filename, errors.New("is not a file of "+string(name)))
}

func (p *FileParser) sdist(filename, nameText, versionText, ext string) (Sdist, error) {
	if err := checkFilename(filename); err != nil {
		return Sdist{}, errSdist(filename, err)
	}
	if err := p.setName(nameText); err != nil {
		return Sdist{}, errSdist(filename, err)
	}
	if err := p.setVersion(versionText); err != nil {
		return Sdist{}, errSdist(filename, err)
	}
	return Sdist{p.name, p.version, ext}, nil
}

// sdistExts are those that pip and uv install from.
var sdistExts = [...]string{
	".tar.gz", ".zip", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lz", ".tlz", ".tar.lzma", ".tar.zst",
}

// CanUnpack reports whether a source distribution of this file name is of a kind that is unpacked to be built: .tar.gz
// (PEP 625), .zip, and what else Python has read since long. Compressions that came after PEP 527 had an end put to new
// kinds (.tar.xz, .tar.zst, …) are not among them.
func CanUnpack(filename string) bool {
	_, ext, ok := cutExt(filename)
	return ok && slices.Contains([]string{".tar.gz", ".tgz", ".zip", ".tar", ".tar.bz2", ".tbz"}, ext)
}

// cutExt splits an sdist's file name at its extension.
func cutExt(filename string) (stem, ext string, ok bool) {
	for _, ext := range sdistExts {
		if stem, ok := strings.CutSuffix(filename, ext); ok {
			return stem, ext, true
		}
	}
	return "", "", false
}

func errSdist(filename string, err error) error {
	return fmt.Errorf("sdist file name %q: %w", clip(filename), err)
}
