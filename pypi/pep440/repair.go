package pep440

import (
	"regexp"
	"strings"
	"sync"
)

// RepairSpecifiers mends the faults that specifiers on package indexes are known for; it is not for what users write.
// It gives the text mended and true, the text as it is and true if it is valid, or the text as it is and false. Repairs
// add up, in this order, until the text is valid:
//
//	>=7.2.0<8      >=7.2.0,<8      a missing comma after a digit
//	!=~5.0         !=5.0.*
//	>=1.9.*        >=1.9           also after <=, < and >
//	!=3.0*         !=3.0.*
//	>=3.6,         >=3.6
//	>dev           >0.0.0dev
//	>=9.0.0a1.0    >=9.0.0a1
//	>=3.6'         >=3.6           quotes anywhere
func RepairSpecifiers(s string) (string, bool) {
	return Repair(s, func(text string) bool {
		_, err := ParseSpecifiers(text)
		return err == nil
	})
}

// Repair is RepairSpecifiers with another test of validity, for specifiers that are part of a longer text. Quotes after
// a semicolon, which belong to markers, stay.
func Repair(s string, valid func(string) bool) (string, bool) {
	if valid(s) {
		return s, true
	}
	text := s
	for _, r := range repairs() {
		if mended := r(text); mended != text {
			if text = mended; valid(text) {
				return text, true
			}
		}
	}
	return s, false
}

// repairs is compiled at first use, since most runs need none.
var repairs = sync.OnceValue(func() []func(string) string {
	replace := func(pattern, replacement string) func(string) string {
		re := regexp.MustCompile(pattern)
		return func(s string) string { return re.ReplaceAllString(s, replacement) }
	}
	return []func(string) string{
		replace(`([0-9])([<>=~!])`, `${1},${2}`),
		replace(`!=~((?:[0-9]+\.)*[0-9]+)`, `!=${1}.*`),
		replace(`(<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)*)\.\*`, `${1}${2}`),
		replace(`([0-9]\.[0-9])\*`, `${1}.*`),
		replace(`,\s*$`, ``),
		replace(`>dev`, `>0.0.0dev`),
		replace(`([0-9]+(?:\.[0-9])*(?:a|b|rc|post|dev)[0-9]+)\.0`, `${1}`),
		removeQuotes,
	}
})

func removeQuotes(s string) string {
	specifiers, markers, found := strings.Cut(s, ";")
	specifiers = strings.NewReplacer(`'`, ``, `"`, ``).Replace(specifiers)
	if !found {
		return specifiers
	}
	return specifiers + ";" + markers
}
