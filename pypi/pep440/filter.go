package pep440

// Prereleases says which pre-releases a filter lets pass.
type Prereleases uint8

const (
	// PrereleasesIfNecessary lets them pass if a clause names one, or if nothing else matches.
	PrereleasesIfNecessary Prereleases = iota
	// PrereleasesAllowed lets all of them pass.
	PrereleasesAllowed
	// PrereleasesExcluded lets none of them pass.
	PrereleasesExcluded
)

// Filter gives the versions that match, in the order given, with pre-releases as pre says.
func (s Specifiers) Filter(vs []Version, pre Prereleases) []Version {
	return filter(s, pre, vs, s.Contains, func(v Version) (final, prerelease bool) {
		return !v.IsPrerelease(), v.IsPrerelease()
	})
}

// FilterText is Filter for candidates as they are written. A text that is no version can match === alone, and is neither
// a pre-release nor a reason to leave pre-releases out.
func (s Specifiers) FilterText(texts []string, pre Prereleases) []string {
	return filter(s, pre, texts, s.ContainsText, func(text string) (final, prerelease bool) {
		v, err := Parse(text)
		return err == nil && !v.IsPrerelease(), err == nil && v.IsPrerelease()
	})
}

func filter[T any](s Specifiers, pre Prereleases, candidates []T, contains func(T) bool, kind func(T) (final, prerelease bool)) []T {
	if pre == PrereleasesIfNecessary && s.NamesPrerelease() {
		pre = PrereleasesAllowed
	}
	var all, withoutPrereleases []T
	anyFinal := false
	for _, c := range candidates {
		if !contains(c) {
			continue
		}
		all = append(all, c)
		final, prerelease := kind(c)
		anyFinal = anyFinal || final
		if !prerelease {
			withoutPrereleases = append(withoutPrereleases, c)
		}
	}
	if pre == PrereleasesAllowed || pre == PrereleasesIfNecessary && !anyFinal {
		return all
	}
	return withoutPrereleases
}
