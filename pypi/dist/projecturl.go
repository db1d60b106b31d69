package dist

import (
	"slices"
	"strings"
	"unicode"
)

// changelogLabels are the labels of a page that tells what changed, from the
// most to the least particular: those of PEP 753 and its aliases, then what
// else is in use.
var changelogLabels = []string{"changelog", "changes", "releasenotes", "whatsnew", "history", "changelogs", "releasehistory", "news", "releases"}

// Changelog picks, out of Project-URL fields ("label, address"), the address
// of the page that tells what changed between releases; "" for none. Labels
// are compared as PEP 753 has it, without case, punctuation and spaces. A
// label that only begins with "changelog", as "Changelog (GitHub)", counts
// after the others. Addresses of other schemes than http and https do not.
func Changelog(projectURLs []string) string {
	best, rank := "", len(changelogLabels)+1
	for _, field := range projectURLs {
		label, address, ok := strings.Cut(field, ",")
		address = strings.TrimSpace(address)
		if !ok || !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
			continue
		}
		label = normalizeLabel(label)
		k := slices.Index(changelogLabels, label)
		if k < 0 && strings.HasPrefix(label, changelogLabels[0]) {
			k = len(changelogLabels)
		}
		if k >= 0 && k < rank {
			best, rank = address, k
		}
	}
	return best
}

// normalizeLabel is the normal form of PEP 753.
func normalizeLabel(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r < 0x80 && unicode.IsPunct(r) || strings.ContainsRune("$+<=>^`|~", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}
