package dist

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/pylock-dev/pylock/pypi/pep508"
)

// The backend of a source tree that names none, and what it requires (PEP 517, "Source trees").
const (
	legacyBackend  = "setuptools.build_meta:__legacy__"
	legacyRequires = "setuptools >= 40.8.0"
)

// MaxBuildRequires bounds the requirements of a build.
const MaxBuildRequires = 1000

// A BuildSystem is how a source tree is built.
type BuildSystem struct {
	Requires    []string // requirements, valid, as written
	Backend     string   // MODULE or MODULE:OBJECT
	BackendPath []string // folders of the tree that the backend is in, relative; nil where it is a requirement
}

// ParseBuildSystem reads the [build-system] of a pyproject.toml. A tree without one, or without the file (nil), is built
// by setuptools, and so is one whose table names no backend, with the requirements of the table. The error names the
// key.
//
// https://packaging.python.org/en/latest/specifications/pyproject-toml/#declaring-build-system-dependencies-the-build-system-table
func ParseBuildSystem(data []byte) (*BuildSystem, error) {
	s := &BuildSystem{Requires: []string{legacyRequires}, Backend: legacyBackend}
	var doc struct {
		System *struct {
			Requires    *[]string `toml:"requires"`
			Backend     *string   `toml:"build-backend"`
			BackendPath []string  `toml:"backend-path"`
		} `toml:"build-system"`
	}
	if len(data) > MaxPyproject {
		return nil, fmt.Errorf("pyproject.toml has %d bytes, more than %d", len(data), MaxPyproject)
	}
	if err := toml.Unmarshal(bytes.TrimPrefix(data, utf8BOM), &doc); err != nil {
		return nil, fmt.Errorf("pyproject.toml: %w", err)
	}
	t := doc.System
	if t == nil {
		return s, nil
	}
	if t.Requires == nil {
		return nil, &FieldError{"build-system.requires", "", errMissing}
	}
	if s.Requires = *t.Requires; len(s.Requires) > MaxBuildRequires {
		return nil, &FieldError{"build-system.requires", "", fmt.Errorf("there are %d, more than %d", len(s.Requires), MaxBuildRequires)}
	}
	for _, r := range s.Requires {
		if _, _, err := pep508.ParseRequirement(r); err != nil {
			return nil, &FieldError{"build-system.requires", r, err}
		}
	}
	if t.Backend == nil {
		if t.BackendPath != nil {
			return nil, &FieldError{"build-system.backend-path", "", errors.New("is given without a build-backend")}
		}
		return s, nil
	}
	if s.Backend = *t.Backend; !isObject(s.Backend) {
		return nil, &FieldError{"build-system.build-backend", s.Backend, errors.New("is not MODULE or MODULE:OBJECT")}
	}
	for _, folder := range t.BackendPath {
		if !filepath.IsLocal(filepath.FromSlash(folder)) || strings.ContainsAny(folder, "\\\x00") {
			return nil, &FieldError{"build-system.backend-path", folder, errors.New("is not a folder of the source tree")}
		}
		s.BackendPath = append(s.BackendPath, folder)
	}
	return s, nil
}

// isObject reports whether s is MODULE or MODULE:OBJECT, each of names with dots between.
func isObject(s string) bool {
	module, object, both := strings.Cut(s, ":")
	names := strings.Split(module, ".")
	if both {
		names = append(names, strings.Split(object, ".")...)
	}
	for _, n := range names {
		if n == "" || n[0] >= '0' && n[0] <= '9' || strings.ContainsFunc(n, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 0x80
		}) {
			return false
		}
	}
	return true
}
