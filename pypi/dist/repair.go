package dist

import (
	"fmt"
	"strings"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

// ParseRequiresPython reads a Requires-Python of an index or of metadata,
// repaired where a known mistake explains it. Empty text allows every Python
// and gives nil.
func ParseRequiresPython(s string) (pep440.Specifiers, error) {
	specifiers, _, err := parseRequiresPython(known(unfold(s)))
	return specifiers, err
}

// parseRequiresPython also returns the text that was read in place of s, or
// "" if s is well formed.
func parseRequiresPython(s string) (specifiers pep440.Specifiers, repaired string, err error) {
	if len(s) > MaxRequiresPython {
		return nil, "", fmt.Errorf("it has %d bytes, more than %d", len(s), MaxRequiresPython)
	}
	specifiers, err = pep440.ParseSpecifiers(s)
	if err == nil {
		return specifiers, "", nil
	}
	repaired, ok := pep440.RepairSpecifiers(s)
	if !ok {
		return nil, "", err
	}
	specifiers, again := pep440.ParseSpecifiers(repaired)
	if again != nil {
		return nil, "", err
	}
	return specifiers, repaired, nil
}

// repairRequirement repairs the specifiers of a malformed requirement, and
// drops stray quotes and a comma around its name. Extras, marker and URL stay
// as they are, so that a name that ends in a digit or a comparison in a marker
// is not taken for a missing comma. The result still has to be parsed.
func repairRequirement(s string) (string, bool) {
	before, marker, hasMarker := strings.Cut(s, ";")
	if strings.Contains(before, "@") {
		return "", false
	}
	head, specifiers := before, ""
	if i := strings.IndexAny(before, "<>=!~("); i >= 0 {
		head, specifiers = before[:i], strings.TrimSpace(before[i:])
	}
	unquote := strings.NewReplacer(`'`, "", `"`, "")
	if inner, ok := strings.CutPrefix(strings.TrimRight(specifiers, ` '"`), "("); ok {
		if specifiers, ok = strings.CutSuffix(inner, ")"); !ok {
			return "", false
		}
	}
	repaired := unquote.Replace(head)
	if specifiers == "" {
		repaired = strings.TrimRight(repaired, ", ")
	} else if fixed, ok := pep440.RepairSpecifiers(specifiers); ok {
		repaired += fixed
	} else {
		repaired += specifiers
	}
	if hasMarker {
		repaired += " ;" + marker
	}
	return repaired, repaired != s
}
