package cli

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
)

// indexSettings are the addresses to ask, which may hold credentials.
type indexSettings struct {
	byDefault string
	extra     []string // asked first, in this order
}

// key tells indexes from others.
func (s indexSettings) key() string {
	return strings.Join(append([]string{s.byDefault}, s.extra...), "\n")
}

// private reports whether an address holds a credential, or may.
func (s indexSettings) private() bool {
	return slices.ContainsFunc(append([]string{s.byDefault}, s.extra...), func(u string) bool { return bare(u) != u })
}

// indexes merges flags and environment with what the project says; the former
// come first.
func (o *compileOptions) indexSettings(p project.IndexSettings) (indexSettings, error) {
	var s indexSettings
	if len(p.FindLinks) > 0 {
		return s, &project.InputError{Place: p.FindLinks[0].Place, Msg: "--find-links is not supported: " + unsupported("find-links")}
	}
	if p.NoIndex {
		return s, usagef("--no-index in the requirements is not supported: %s", unsupported("no-index"))
	}
	name, u := splitIndex(o.defaultIndex)
	switch {
	case u != "":
		s.byDefault = o.authenticate(name, u)
	case p.Default.URL != "":
		s.byDefault = o.authenticate(p.Default.Name, p.Default.URL)
	default:
		s.byDefault = index.DefaultIndex
	}
	add := func(name, u string) {
		u = o.authenticate(name, u)
		for _, have := range s.extra {
			if bare(have) == bare(u) {
				return
			}
		}
		s.extra = append(s.extra, u)
	}
	for _, value := range o.indexes {
		for _, one := range strings.Fields(value) {
			add(splitIndex(one))
		}
	}
	for _, l := range p.Extra {
		if !l.Explicit {
			add(l.Name, l.URL)
		}
	}
	return s, nil
}

var indexName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]+$`) })

// splitIndex splits uv's NAME=URL.
func splitIndex(s string) (name, u string) {
	if n, rest, ok := strings.Cut(s, "="); ok && indexName().MatchString(n) && strings.Contains(rest, "://") {
		return n, rest
	}
	return "", s
}

// authenticate adds the credentials that uv's variables have for a named
// index.
func (o *compileOptions) authenticate(name, u string) string {
	if name == "" {
		return u
	}
	key := "UV_INDEX_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	user, hasUser := o.app.Getenv(key + "_USERNAME")
	password, hasPassword := o.app.Getenv(key + "_PASSWORD")
	parsed, err := url.Parse(u)
	if err != nil || parsed.User != nil || !hasUser && !hasPassword {
		return u
	}
	parsed.User = url.User(user)
	if hasPassword {
		parsed.User = url.UserPassword(user, password)
	}
	return parsed.String()
}

// bare returns an address without credentials, query and fragment, as it may
// be written into a lock.
func bare(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return project.Redact(u)
	}
	parsed.User, parsed.RawQuery, parsed.Fragment, parsed.RawFragment = nil, "", "", ""
	return parsed.String()
}

func (o *compileOptions) client(s indexSettings, p *progress) (*index.Client, error) {
	opts := index.Options{
		DefaultIndex: s.byDefault,
		ExtraIndexes: s.extra,
		UserAgent:    userAgent(),
		Timeout:      o.requestTimeout,
		Transport:    o.app.Transport,
		Dial:         o.app.Dial,
		Now:          o.app.Now,
		Sleep:        o.app.Sleep,
		Getenv: func(name string) string {
			v, _ := o.app.Getenv(name)
			return v
		},
	}
	if p != nil {
		opts.Observer = p
	}
	if err := o.cached(&opts); err != nil {
		return nil, err
	}
	c, err := index.NewClient(opts)
	if err != nil {
		return nil, &inputError{err}
	}
	o.enrol(c)
	return c, nil
}

// source is the index as the resolver asks for it.
type source struct{ *index.Client }

func (s source) Metadata(ctx context.Context, p *index.Project, r *index.Release, f *index.File) (*dist.Metadata, error) {
	m, err := s.MetadataOf(ctx, p, r, f)
	if err != nil {
		return nil, err
	}
	return m.Metadata, nil
}
