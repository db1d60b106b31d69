package lockfile

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
)

// Format is a form of a lock.
type Format uint8

const (
	// Requirements is a requirements file with pins, as pip install -r reads
	// it.
	Requirements Format = iota
	// PylockTOML is the format of PEP 751.
	PylockTOML
)

var formatNames = []string{"requirements.txt", "pylock.toml"}

// ParseFormat reads "requirements.txt" or "pylock.toml", which are uv's names.
func ParseFormat(s string) (Format, error) {
	if i := slices.Index(formatNames, s); i >= 0 {
		return Format(i), nil
	}
	return 0, fmt.Errorf("unknown format %q: use one of %s", s, strings.Join(formatNames, ", "))
}

func (f Format) String() string { return formatNames[f] }

// FileName is the name of a lock of this form in the folder of its service.
func (f Format) FileName() string {
	if f == PylockTOML {
		return "pylock.toml"
	}
	return "requirements.lock"
}

// pylockName is a file name that PEP 751 reserves for its format.
//
// https://packaging.python.org/en/latest/specifications/pylock-toml/#file-name
var pylockName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^pylock\.([^.]+\.)?toml$`) })

// FormatOf returns the form that the name of a file stands for: pylock.toml
// and pylock.NAME.toml are of PEP 751, everything else is a requirements file.
// A name that looks like the former and is not one, such as pylock.a.b.toml, is
// an error: installers would not know it.
func FormatOf(file string) (Format, error) {
	base := path.Base(filepath.ToSlash(file))
	switch {
	case pylockName().MatchString(base):
		return PylockTOML, nil
	case strings.EqualFold(path.Ext(base), ".toml") && len(base) > len("pylock") && strings.EqualFold(base[:len("pylock")], "pylock"):
		return 0, fmt.Errorf("%s: a lock of PEP 751 is called pylock.toml or pylock.NAME.toml, in lower case and with no dot in NAME: rename it", file)
	}
	return Requirements, nil
}

// Read reads a lock in the form that its name stands for; see [Parse] and
// [ParseTOML].
func Read(name string, data []byte) (*Lock, error) {
	if f, err := FormatOf(name); err == nil && f == PylockTOML {
		return ParseTOML(name, data)
	}
	return Parse(name, data)
}

// ReadLax reads a lock to be judged; see [ParseLax].
func ReadLax(name string, data []byte) (*Lock, error) {
	if f, err := FormatOf(name); err == nil && f == PylockTOML {
		return ParseTOML(name, data)
	}
	return ParseLax(name, data)
}

// ReadConflicted reads a lock for the preferences that it holds; see
// [ParseConflicted].
func ReadConflicted(name string, data []byte) (*Lock, error) {
	if f, err := FormatOf(name); err != nil || f != PylockTOML {
		return ParseConflicted(name, data)
	}
	l, err := ParseTOML(name, data)
	if !errors.As(err, new(*MergeConflictError)) {
		return l, err
	}
	ours, theirs, err := sides(name, data)
	if err != nil {
		return nil, err
	}
	if l, err = ParseTOML(name, ours); err != nil {
		return nil, err
	}
	other, err := ParseTOML(name, theirs)
	if err != nil {
		return nil, err
	}
	l.join(other)
	return l, nil
}

// ReadHeader is ReadConflicted for the header alone: it does not look at the
// pins, unless the header is in the middle of a merge.
func ReadHeader(name string, data []byte) (*Lock, error) {
	if f, err := FormatOf(name); err == nil && f == PylockTOML {
		return ReadConflicted(name, data)
	}
	rest := bytes.TrimPrefix(data, []byte(byteOrderMark))
	for {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if project.ConflictMark(string(line)) != "" {
			return ReadConflicted(name, data)
		}
		if !isComment(string(line)) {
			break
		}
		rest = after
	}
	return ParseLax(name, data[:len(data)-len(rest)])
}

// Write returns the text of a lock in a form; see [Render] and [RenderTOML].
func Write(l *Lock, f Format, s Style) ([]byte, error) {
	if f == PylockTOML {
		return RenderTOML(l, s)
	}
	return Render(l, s)
}
