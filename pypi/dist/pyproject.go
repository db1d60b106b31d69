package dist

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// MaxPyproject bounds a pyproject.toml, in bytes.
const MaxPyproject = 1 << 20

// ErrDynamic says that an sdist does not state its dependencies: only building
// it tells them.
var ErrDynamic = errors.New("dependencies are dynamic")

type pyproject struct {
	Project *struct {
		Name                 string              `toml:"name"`
		Version              *string             `toml:"version"`
		RequiresPython       *string             `toml:"requires-python"`
		Dependencies         []string            `toml:"dependencies"`
		OptionalDependencies map[string][]string `toml:"optional-dependencies"`
		Dynamic              []string            `toml:"dynamic"`
	} `toml:"project"`
	Tool struct {
		Poetry any `toml:"poetry"`
	} `toml:"tool"`
}

// StaticProject reads the [project] table of an sdist's pyproject.toml for
// its dependencies. The error is ErrDynamic, wrapped, when there is no such
// table or when dependencies, optional-dependencies or requires-python are
// dynamic; a list given besides (PEP 808) is not complete and does not count.
// [project] without dependencies beside [tool.poetry] is dynamic too: Poetry
// has them elsewhere. Requirements of extras carry the extra's marker. Version
// is zero where it is dynamic: the file name tells it. No error means that the
// dependencies are static, whatever StaticDependencies says of a PKG-INFO.
//
// https://packaging.python.org/en/latest/specifications/pyproject-toml/
func StaticProject(data []byte) (*Metadata, error) {
	if len(data) > MaxPyproject {
		return nil, fmt.Errorf("pyproject.toml has %d bytes, more than %d", len(data), MaxPyproject)
	}
	data = bytes.TrimPrefix(data, utf8BOM)
	if !utf8.Valid(data) {
		return nil, errors.New("pyproject.toml is not UTF-8 text")
	}
	var doc pyproject
	if err := toml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("pyproject.toml: %w", err)
	}
	p := doc.Project
	if p == nil {
		return nil, fmt.Errorf("pyproject.toml has no [project]: %w", ErrDynamic)
	}
	for _, field := range p.Dynamic {
		switch field {
		case "dependencies", "optional-dependencies", "requires-python":
			return nil, fmt.Errorf("pyproject.toml: project.dynamic lists %s: %w", field, ErrDynamic)
		}
	}
	if p.Dependencies == nil && doc.Tool.Poetry != nil {
		return nil, fmt.Errorf("pyproject.toml leaves dependencies to [tool.poetry]: %w", ErrDynamic)
	}
	m := &Metadata{Dynamic: p.Dynamic}
	var err error
	if m.Name, err = pypi.ParseName(p.Name); err != nil {
		return nil, &FieldError{"project.name", p.Name, err}
	}
	switch {
	case p.Version != nil:
		if m.Version, err = pep440.Parse(*p.Version); err != nil {
			return nil, &FieldError{"project.version", *p.Version, err}
		}
	case !slices.Contains(p.Dynamic, "version"):
		return nil, &FieldError{"project.version", "", errMissing}
	}
	if p.RequiresPython != nil {
		if err := m.setRequiresPython("project.requires-python", *p.RequiresPython); err != nil {
			return nil, err
		}
	}
	if err := m.addRequirements("project.dependencies", p.Dependencies); err != nil {
		return nil, err
	}
	if err := m.addOptional(p.OptionalDependencies); err != nil {
		return nil, err
	}
	return m, nil
}

// addOptional adds the requirements of each extra, in the order of their
// names.
func (m *Metadata) addOptional(groups map[string][]string) error {
	if len(groups) > MaxExtras {
		return &FieldError{"project.optional-dependencies", "", fmt.Errorf("there are %d extras, more than %d", len(groups), MaxExtras)}
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		field := "project.optional-dependencies." + key
		extra, err := pypi.ParseExtra(key)
		if err != nil {
			return &FieldError{field, "", err}
		}
		first := len(m.Requires)
		if err := m.addRequirements(field, groups[key]); err != nil {
			return err
		}
		for i := first; i < len(m.Requires); i++ {
			if m.Requires[i].Marker, err = withExtra(m.Requires[i].Marker, extra); err != nil {
				return &FieldError{field, "", err}
			}
		}
		m.Extras = append(m.Extras, extra)
	}
	slices.Sort(m.Extras)
	m.Extras = slices.Compact(m.Extras)
	return nil
}

// withExtra narrows a marker to an extra.
func withExtra(m pep508.Marker, extra pypi.Extra) (pep508.Marker, error) {
	text := `extra == "` + string(extra) + `"`
	if !m.IsTrivial() {
		text = "(" + m.String() + ") and " + text
	}
	narrowed, _, err := pep508.ParseMarker(text)
	return narrowed, err
}
