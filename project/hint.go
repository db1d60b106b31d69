package project

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Hint is a Python version that a project asks for, and where it says so.
type Hint struct {
	Version string // "3.12" or "3.12.4"; "" when nothing says
	Place   Place
}

// PythonVersionHint returns the Python version that the service in the folder
// dir is for, from the first of these that names one:
//
//   - [tool.pylock] python-version of its pyproject.toml, else of the root's;
//   - .python-version, the nearest from dir up to root;
//   - its Dockerfile, see [ReadDockerfile], to the minor version;
//   - the lower bound of its requires-python.
//
// The zero Hint means that none does. Input that cannot be understood is an
// [*InputError]; a .python-version with the name of an environment or of
// another interpreter counts as absent.
func PythonVersionHint(dir, root string) (Hint, error) {
	dir, root, err := absolute(dir, root)
	if err != nil {
		return Hint{}, err
	}
	vs, err := SettingsOf(dir, root)
	if err != nil {
		return Hint{}, err
	}
	if v, ok := vs["python-version"]; ok && len(v.Texts) > 0 {
		return Hint{v.Texts[0], v.Places[0]}, nil
	}
	h, err := pythonVersionFile(dir, root)
	if err != nil || h.Version != "" {
		return h, err
	}
	image, err := ReadDockerfile(dir, root)
	if err != nil || image.Python.Version != "" {
		return image.Python, err
	}
	f, err := openPyproject(dir, root)
	if err != nil || f == nil {
		return Hint{}, err
	}
	if v := LowerPython(f.requiresPython); v != "" {
		return Hint{v, f.requiresPythonAt}, nil
	}
	return Hint{}, nil
}

// LowerPython returns the least Python that specifiers allow, such as "3.12"
// or "3.12.4"; "" when they have no lower bound with a minor version.
func LowerPython(s pep440.Specifiers) string {
	v, inclusive, ok := s.Set().Lower()
	if !ok {
		return ""
	}
	release := v.Release()
	if len(release) < 2 {
		return ""
	}
	base := v.Base()
	if !inclusive && !s.Contains(base) && len(release) == 2 {
		// >3.11 begins with 3.11.1.
		if next, err := pep440.Parse(base.String() + ".1"); err == nil && s.Contains(next) {
			return next.String()
		}
	}
	return base.String()
}

func absolute(dir, root string) (string, string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", "", err
	}
	root, err = filepath.Abs(root)
	return dir, root, err
}

// openPyproject reads a folder's pyproject.toml, nil when there is none.
func openPyproject(dir, root string) (*pyproject, error) {
	path := filepath.Join(dir, pyprojectName)
	t, err := readText(path, relative(root, path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parsePyproject(t, dir)
}

// isPythonVersion wants MAJOR.MINOR, and perhaps a patch or pre-release.
func isPythonVersion(s string) bool {
	v, err := pep440.Parse(s)
	if err != nil || strings.TrimSpace(s) != s || v.Epoch() != 0 || v.Local() != "" {
		return false
	}
	n := len(v.Release())
	return n == 2 || n == 3
}

// pythonVersionFile reads the nearest .python-version up to root.
func pythonVersionFile(dir, root string) (Hint, error) {
	const name = ".python-version"
	for d := dir; ; d = filepath.Dir(d) {
		path := filepath.Join(d, name)
		t, err := readText(path, relative(root, path))
		if err == nil {
			for i := range t.lines {
				_, start, end := t.line(t.lines[i])
				line, _, _ := strings.Cut(string(t.data[start:end]), "#")
				if line = strings.TrimSpace(line); line != "" {
					return Hint{cpython(line), t.place(start)}.orNone(), nil
				}
			}
			return Hint{}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Hint{}, err
		}
		if d == root || d == filepath.Dir(d) {
			return Hint{}, nil
		}
	}
}

func (h Hint) orNone() Hint {
	if h.Version == "" {
		return Hint{}
	}
	return h
}

// cpython takes the version from a line of .python-version: 3.12, 3.12.4,
// cpython-3.12.4-linux-x86_64-gnu, cpython@3.12, python3.12, 3.13-dev. "" when
// it names something else.
func cpython(s string) string {
	for _, prefix := range []string{"cpython@", "cpython-", "cpython", "python-", "python"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			s = rest
			break
		}
	}
	s, _, _ = strings.Cut(s, "-")
	if !isPythonVersion(s) {
		return ""
	}
	return s
}
