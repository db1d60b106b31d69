package indextest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// universeMark ends the head of a scenario's file; a universe follows it.
const universeMark = "-- universe --"

// A Scenario is one question to a resolver, with its answer.
//
// Its file has "key: value" lines, then the line "-- universe --" and a universe. Keys may repeat where the field is a
// list; pin is "NAME==VERSION" or "NAME==VERSION ; MARKER".
type Scenario struct {
	Name                 string   // of the file, without .txt
	Category             string   // category
	Requires             []string // require: root requirements (PEP 508)
	RequiresPython       string   // requires-python: the root's own; the single-environment answers were made without it
	Python               string   // python: the target's version, or the lowest of a universal resolution
	Platform             string   // platform: one of uv's --python-platform names, or "" for Linux on x86_64
	Universal            bool     // universal: true for every platform and Python
	Resolution           string   // resolution: highest ("" too), lowest, lowest-direct
	Prerelease           string   // prerelease: allow, or "" for the default
	NoBuild              []string // no-build: names that must have a wheel
	NoBinary             []string // no-binary: names that must have an sdist
	RequiredEnvironments []string // required-environment: markers
	Satisfiable          bool     // satisfiable
	Pins                 map[string]string
	Lock                 []LockedPin // each pin of the answer, by name and version; a universal answer may fork
	Universe             *Universe
}

// A LockedPin is one line of an answer. Scenario.Pins holds those of a single environment by name; it is nil for a
// universal scenario and for one that has no solution.
type LockedPin struct{ Name, Version, Marker string }

// LoadScenarios reads each scenario of a folder, DIR/NAME.txt, in order of their names.
func LoadScenarios(dir string) ([]Scenario, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no *.txt file there", dir)
	}
	all := make([]Scenario, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if all[i], err = parseScenario(filepath.Base(path), string(text)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func parseScenario(file, text string) (Scenario, error) {
	s := Scenario{Name: strings.TrimSuffix(file, ".txt")}
	line := 0
	fail := func(format string, args ...any) (Scenario, error) {
		return Scenario{}, &ParseError{file, line, fmt.Sprintf(format, args...)}
	}
	seen := map[string]bool{}
	for {
		head, rest, more := strings.Cut(text, "\n")
		text = rest
		line++
		if head = strings.TrimSpace(head); head == universeMark {
			break
		}
		if !more {
			return fail("no line %q", universeMark)
		}
		if head == "" || head[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(head, ":")
		if value = strings.TrimSpace(value); !ok || value == "" {
			return fail("%q is not key: value", head)
		}
		if err := s.set(key, value); err != nil {
			return fail("%v", err)
		}
		repeatable := slices.Contains([]string{"require", "no-build", "no-binary", "required-environment", "pin"}, key)
		if seen[key] && !repeatable {
			return fail("%s is there twice", key)
		}
		seen[key] = true
	}
	if !seen["satisfiable"] || !seen["python"] {
		return fail("satisfiable and python are needed")
	}
	if err := s.setPins(); err != nil {
		return fail("%v", err)
	}
	var err error
	s.Universe, err = parse(file, text, line)
	return s, err
}

func (s *Scenario) set(key, value string) (err error) {
	switch key {
	case "category":
		s.Category = value
	case "require":
		s.Requires = append(s.Requires, value)
	case "requires-python":
		s.RequiresPython = value
	case "python":
		s.Python = value
	case "platform":
		s.Platform = value
	case "universal":
		s.Universal, err = strconv.ParseBool(value)
	case "resolution":
		s.Resolution = value
	case "prerelease":
		s.Prerelease = value
	case "no-build":
		s.NoBuild = append(s.NoBuild, value)
	case "no-binary":
		s.NoBinary = append(s.NoBinary, value)
	case "required-environment":
		s.RequiredEnvironments = append(s.RequiredEnvironments, value)
	case "satisfiable":
		s.Satisfiable, err = strconv.ParseBool(value)
	case "pin":
		pin, marker, _ := strings.Cut(value, ";")
		name, version, ok := strings.Cut(strings.TrimSpace(pin), "==")
		if !ok || !namePattern.MatchString(name) || version == "" {
			return fmt.Errorf("pin %q is not NAME==VERSION", value)
		}
		s.Lock = append(s.Lock, LockedPin{normalize(name), version, strings.TrimSpace(marker)})
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return err
}

func (s *Scenario) setPins() error {
	if !s.Satisfiable && len(s.Lock) > 0 {
		return fmt.Errorf("pins of a scenario without a solution")
	}
	if s.Universal || !s.Satisfiable {
		return nil
	}
	s.Pins = map[string]string{}
	for _, pin := range s.Lock {
		if s.Pins[pin.Name] != "" || pin.Marker != "" {
			return fmt.Errorf("%s has two pins or a marker; only a universal answer may", pin.Name)
		}
		s.Pins[pin.Name] = pin.Version
	}
	return nil
}
