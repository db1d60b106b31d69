package cli

import (
	"net/url"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
)

// ruleKey is the same for the spellings of an address.
func ruleKey(address string) string { return strings.TrimSuffix(bare(address), "/") }

// heed notes how an index is asked, which what was noted before decides, and
// the credentials of its address.
func (s *indexSettings) heed(address string, from project.IndexRules) {
	if u, err := url.Parse(address); err == nil && u.User != nil && !slices.Contains(s.known, address) {
		s.known = append(s.known, address)
	}
	key := ruleKey(address)
	r := s.rules[key]
	if how, err := index.ParseAuthenticate(from.Authenticate); err == nil && r.Authenticate == index.AuthAuto {
		r.Authenticate = how
	}
	if r.IgnoreErrorCodes == nil {
		r.IgnoreErrorCodes = from.IgnoreErrorCodes
	}
	if r.Authenticate == index.AuthAuto && r.IgnoreErrorCodes == nil {
		return
	}
	if s.rules == nil {
		s.rules = map[string]index.Rules{}
	}
	s.rules[key] = r
}

// authenticate adds the credentials that our and uv's variables have for a
// named index.
func (o *compileOptions) authenticate(name, u string) string {
	if name == "" {
		return u
	}
	parsed, err := url.Parse(u)
	if err != nil || parsed.Host == "" {
		return u
	}
	if _, has := parsed.User.Password(); has {
		return u
	}
	key := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	get := func(what string) (string, bool) {
		for _, tool := range []string{"PYLOCK", "UV"} {
			if v, ok := o.app.Getenv(tool + "_INDEX_" + key + "_" + what); ok {
				return v, true
			}
		}
		return "", false
	}
	user, hasUser := get("USERNAME")
	password, hasPassword := get("PASSWORD")
	if parsed.User != nil {
		if hasUser && user != parsed.User.Username() {
			return u // of somebody else
		}
		user = parsed.User.Username()
	}
	switch {
	case hasPassword:
		parsed.User = url.UserPassword(user, password)
	case hasUser:
		parsed.User = url.User(user)
	}
	return parsed.String()
}
