package dist

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Limits of metadata.
const (
	MaxMetadata     = 10 << 20 // bytes of a METADATA or PKG-INFO file
	MaxRequirements = 100_000  // Requires-Dist fields
	MaxExtras       = 10_000   // Provides-Extra fields

	MaxRequiresPython = 16 << 10 // bytes of a Requires-Python
)

// Metadata is what a resolver needs of a distribution's core metadata.
type Metadata struct {
	MetadataVersion string               // as written, "" when absent
	Name            pypi.Name            // "" when made from JSON fields
	Version         pep440.Version       // zero when made from JSON fields, or dynamic in a pyproject.toml
	Requires        []pep508.Requirement // in the order written
	RequiresPython  pep440.Specifiers    // nil allows every Python
	Extras          []pypi.Extra         // sorted, unique
	Dynamic         []string             // names of fields, as written
	ProjectURLs     []string             // "label, address", as written; none when made from JSON fields
	// Warnings tell of repairs and of parts that were ignored.
	Warnings []string
}

// A FieldError tells of a field that makes metadata unusable.
type FieldError struct {
	Field string // Requires-Dist, Name … or the key of a pyproject.toml
	Value string // as written; "" when the field is absent
	Err   error
}

func (e *FieldError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %v", e.Field, e.Err)
	}
	return fmt.Sprintf("%s %q: %v", e.Field, clip(e.Value), e.Err)
}

func (e *FieldError) Unwrap() error { return e.Err }

// ParseMetadata reads a METADATA or PKG-INFO file of metadata version 1.0 to
// 2.6, with the leniency that the package doc states. The error is a
// *FieldError unless the file is larger than MaxMetadata.
func ParseMetadata(b []byte) (*Metadata, error) {
	if len(b) > MaxMetadata {
		return nil, fmt.Errorf("metadata has %d bytes, more than %d", len(b), MaxMetadata)
	}
	h, err := readHeader(b)
	if err != nil {
		return nil, err
	}
	m := new(Metadata)
	m.MetadataVersion = m.once("Metadata-Version", &h.metadataVersion)
	if major, _, ok := metadataVersion(m.MetadataVersion); ok && major > 2 {
		return nil, &FieldError{"Metadata-Version", m.MetadataVersion, errors.New("is not supported; choose a release with metadata 1 or 2")}
	}
	name := m.once("Name", &h.name)
	if name == "" {
		return nil, &FieldError{"Name", "", errMissing}
	}
	if m.Name, err = pypi.ParseName(name); err != nil {
		return nil, &FieldError{"Name", name, err}
	}
	version := m.once("Version", &h.version)
	if version == "" {
		return nil, &FieldError{"Version", "", errMissing}
	}
	if m.Version, err = pep440.Parse(version); err != nil {
		return nil, &FieldError{"Version", version, err}
	}
	if err := m.setRequiresPython("Requires-Python", m.once("Requires-Python", &h.requiresPython)); err != nil {
		return nil, err
	}
	if err := m.setExtras(h.providesExtra); err != nil {
		return nil, err
	}
	if err := m.addRequirements("Requires-Dist", h.requiresDist); err != nil {
		return nil, err
	}
	for _, d := range h.dynamic {
		m.Dynamic = append(m.Dynamic, unfold(d))
	}
	for _, u := range h.projectURL {
		m.ProjectURLs = append(m.ProjectURLs, unfold(u))
	}
	return m, nil
}

// NewMetadata makes metadata of the fields of a JSON API (requires_dist,
// requires_python, provides_extra), by the rules of ParseMetadata.
func NewMetadata(requiresDist []string, requiresPython string, extras []string) (*Metadata, error) {
	m := new(Metadata)
	if err := m.setRequiresPython("requires_python", known(unfold(requiresPython))); err != nil {
		return nil, err
	}
	if err := m.setExtras(extras); err != nil {
		return nil, err
	}
	if err := m.addRequirements("requires_dist", requiresDist); err != nil {
		return nil, err
	}
	return m, nil
}

// StaticDependencies reports whether the metadata of an sdist (PKG-INFO) holds
// for every wheel built from it: since metadata 2.2, if neither Requires-Dist,
// Requires-Python nor Provides-Extra is dynamic. A list that is only partly
// static (PEP 808) counts as dynamic.
//
// https://peps.python.org/pep-0643/
func (m *Metadata) StaticDependencies() bool {
	major, minor, ok := metadataVersion(m.MetadataVersion)
	if !ok || major != 2 || minor < 2 {
		return false
	}
	for _, field := range m.Dynamic {
		switch strings.ToLower(field) {
		case "requires-dist", "requires-python", "provides-extra":
			return false
		}
	}
	return true
}

var errMissing = errors.New("is missing")

// once returns the first value of a field and warns of others.
func (m *Metadata) once(field string, s *single) string {
	if s.conflict {
		m.warn("%s appears %d times with different values; the first, %q, counts", field, s.count, clip(s.value))
	}
	return known(unfold(s.value))
}

// known drops the placeholder of old setuptools.
func known(s string) string {
	if s == "UNKNOWN" {
		return ""
	}
	return s
}

func (m *Metadata) warn(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
}

func (m *Metadata) setRequiresPython(field, text string) error {
	specifiers, repaired, err := parseRequiresPython(text)
	if err != nil {
		return &FieldError{field, text, err}
	}
	if repaired != "" {
		m.warn("%s %q is malformed and read as %q", field, clip(text), clip(repaired))
	}
	m.RequiresPython = specifiers
	return nil
}

func (m *Metadata) setExtras(texts []string) error {
	if len(texts) > MaxExtras {
		return &FieldError{"Provides-Extra", "", fmt.Errorf("there are %d, more than %d", len(texts), MaxExtras)}
	}
	for _, text := range texts {
		text = known(unfold(text))
		if text == "" {
			continue
		}
		extra, err := pypi.ParseExtra(text)
		if err != nil {
			m.warn("Provides-Extra %q is ignored: %v", clip(text), err)
			continue
		}
		m.Extras = append(m.Extras, extra)
	}
	slices.Sort(m.Extras)
	m.Extras = slices.Compact(m.Extras)
	return nil
}

func (m *Metadata) addRequirements(field string, texts []string) error {
	if n := len(m.Requires) + len(texts); n > MaxRequirements {
		return &FieldError{field, "", fmt.Errorf("there are %d requirements, more than %d", n, MaxRequirements)}
	}
	if m.Requires == nil && len(texts) > 0 {
		m.Requires = make([]pep508.Requirement, 0, len(texts))
	}
	for _, text := range texts {
		text = known(unfold(text))
		if text == "" {
			continue
		}
		r, err := m.requirement(field, text)
		if err != nil {
			return err
		}
		m.Requires = append(m.Requires, r)
	}
	return nil
}

// requirement parses one requirement, repairs it if need be, and notes
// warnings.
func (m *Metadata) requirement(field, text string) (pep508.Requirement, error) {
	r, warnings, err := pep508.ParseRequirement(text)
	if err != nil {
		repaired, ok := repairRequirement(text)
		if !ok {
			return r, &FieldError{field, text, err}
		}
		var again error
		if r, warnings, again = pep508.ParseRequirement(repaired); again != nil {
			return r, &FieldError{field, text, err}
		}
		m.warn("%s %q is malformed and read as %q", field, clip(text), clip(repaired))
	}
	for _, w := range warnings {
		m.warn("%s %q: %s", field, clip(text), w.Msg)
	}
	return r, nil
}

// metadataVersion splits a version of the metadata format, such as 2.1.
func metadataVersion(s string) (major, minor int, ok bool) {
	first, second, ok := strings.Cut(s, ".")
	if !ok {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(first)
	minor, err2 := strconv.Atoi(second)
	return major, minor, err1 == nil && err2 == nil && major >= 0 && minor >= 0
}
