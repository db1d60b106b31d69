package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
)

// indexSettings are the places to ask. Addresses may hold credentials.
type indexSettings struct {
	byDefault string
	extra     []string               // asked first, in this order
	flat      map[string]index.Links // those of extra and only that are pages or folders of files
	links     []index.Links          // pages and folders of files
	noIndex   bool
	strategy  index.Strategy
	torch     string                      // the index of the packages of PyTorch that no source names another for; "" for none
	only      map[pypi.Name]pinnedIndex   // the packages that a source names an index for
	places    map[pypi.Name][]pinnedIndex // those that come from another one in some environments than in the rest

	named map[string]string // of flags and the environment, by name
	base  string            // the folder that folders are shown relative to

	rules map[string]index.Rules // by address as of ruleKey
	known []string               // addresses with credentials that count for what is below them
	// beside are the folders of the company's settings that no header names, by
	// how the lock names them.
	beside map[string]project.Place

	build *buildSettings // nil where nothing is built
}

// key is the same for settings that one client serves.
func (s *indexSettings) key() string {
	parts := append([]string{s.byDefault, fmt.Sprint(s.noIndex, s.strategy)}, s.extra...)
	for _, l := range s.links {
		parts = append(parts, "links "+l.Address+" "+l.Shown)
	}
	for _, f := range s.pinned() {
		parts = append(parts, fmt.Sprintf("%s %s %t %t", f.of, f.url, f.flat, f.partly))
	}
	for _, u := range slices.Sorted(maps.Keys(s.rules)) {
		parts = append(parts, fmt.Sprint("rules ", u, s.rules[u]))
	}
	parts = append(parts, s.known...)
	return strings.Join(append(parts, s.torch, s.build.text()), "\n")
}

// unsure reports whether what these places say may be another thing for somebody
// else, or a moment later without a word: an address that holds a credential, or
// may, and pages and folders of files. The warning about a strategy is due each
// time.
func (s *indexSettings) unsure() bool {
	flat := len(s.links)+len(s.flat)+len(s.known) > 0 || slices.ContainsFunc(s.pinned(), func(f pinnedFor) bool { return f.flat })
	return flat || s.strategy != index.FirstIndex || slices.ContainsFunc(s.addresses(), func(u string) bool { return bare(u) != u })
}

// addresses are those of all indexes.
func (s *indexSettings) addresses() []string {
	out := append([]string{s.byDefault}, s.extra...)
	for _, f := range s.pinned() {
		out = append(out, f.url)
	}
	if s.torch != "" {
		out = append(out, s.torch)
	}
	return out
}

// asked are the places in the order asked, without credentials, for people.
func (s *indexSettings) asked() []string {
	var out []string
	for _, l := range s.links {
		out = append(out, cmp.Or(l.Shown, bare(l.Address)))
	}
	if !s.noIndex {
		for _, u := range s.extra {
			out = append(out, s.shown(u))
		}
		out = append(out, bare(s.byDefault))
	}
	for _, f := range s.pinned() {
		out = append(out, s.shown(f.url)+" for "+string(f.of))
	}
	if s.torch != "" {
		out = append(out, s.torch+" for packages of PyTorch")
	}
	return out
}

// shown is an index without credentials, a folder as a lock names it.
func (s *indexSettings) shown(address string) string {
	return cmp.Or(s.flat[address].Shown, bare(address))
}

// indexSettings merges flags, the environment and the company's settings with
// what the project says; the project's indexes are asked last but for the
// default. base is the folder of the lock, to which it names folders.
func (o *compileOptions) indexSettings(p project.IndexSettings, base string) (indexSettings, error) {
	s := indexSettings{noIndex: o.noIndex || p.NoIndex, base: base, named: map[string]string{}}
	_, err := o.companySettings()
	if err != nil {
		return s, &inputError{err}
	}
	if s.strategy, err = index.ParseStrategy(cmp.Or(o.indexStrategy.value, index.Strategies[0])); err != nil {
		return s, usagef("--index-strategy: %w", err)
	}
	name, u := splitIndex(o.defaultIndex)
	if u != "" {
		s.named[name] = u
	}
	switch {
	case u != "":
		s.byDefault = o.authenticate(name, u)
	case p.Default.URL != "":
		s.byDefault = o.authenticate(p.Default.Name, p.Default.URL)
	default:
		s.byDefault = index.DefaultIndex
		if name, u := o.companyDefault(); u != "" {
			s.byDefault = o.authenticate(name, u)
		}
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
			name, u := splitIndex(one)
			if _, ok := s.named[name]; !ok {
				s.named[name] = u
			}
			add(name, u)
		}
	}
	delete(s.named, "")
	// What the header will name as a flag has the place of a flag.
	for _, f := range o.companyFlags("") {
		switch name, u := splitIndex(f.value); f.name {
		case "index":
			add(name, u)
		case "no-index":
			s.noIndex = true
		}
	}
	for _, l := range p.Extra {
		_, given := s.named[l.Name]
		switch {
		case l.Explicit || given:
		case l.Flat:
			address := o.authenticate(l.Name, l.URL)
			if err := s.addFlat(address, l.Place.String()+": url"); err != nil {
				return s, err
			}
			s.extra = append(s.extra, address)
		default:
			add(l.Name, l.URL)
		}
	}
	for _, l := range o.findLinks {
		if err := s.addLinks(l, "--find-links"); err != nil {
			return s, err
		}
	}
	for _, l := range o.ofCompany("find-links") {
		had := len(s.links)
		if err := s.addLinks(l.Value, l.Place.String()+": find-links"); err != nil {
			return s, err
		}
		if len(s.links) > had && !strings.Contains(l.Value, "://") && filepath.IsAbs(linkPath(project.FindRoot(base), l.Value)) {
			if s.beside == nil {
				s.beside = map[string]project.Place{}
			}
			s.beside[s.links[had].Shown] = l.Place
		}
	}
	for _, l := range p.FindLinks {
		if err := s.addLinks(o.authenticate(l.Name, l.URL), l.Place.String()+": find-links"); err != nil {
			return s, err
		}
	}
	for _, l := range slices.Concat([]project.Link{p.Default}, p.Extra, p.FindLinks) {
		if l.URL != "" {
			s.heed(o.authenticate(l.Name, l.URL), l.IndexRules)
		}
	}
	all, _ := o.companySettings()
	for _, l := range all {
		switch l.Key {
		case "index", "index-url", "extra-index-url", "find-links":
			s.heed(o.authenticate(l.Name, l.Value), l.IndexRules)
		}
	}
	return s, nil
}

// addLinks adds a page or folder of files; what names it in an error.
func (s *indexSettings) addLinks(address, what string) error {
	l, err := s.link(address, what)
	if err == nil && !slices.Contains(s.links, l) {
		s.links = append(s.links, l)
	}
	return err
}

// addFlat notes that an address is that of a page or folder of files.
func (s *indexSettings) addFlat(address, what string) error {
	l, err := s.link(address, what)
	if s.flat == nil {
		s.flat = map[string]index.Links{}
	}
	s.flat[address] = l
	return err
}

func (s *indexSettings) link(address, what string) (index.Links, error) {
	if u, err := url.Parse(address); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return index.Links{Address: address}, nil
	} else if err == nil && u.Scheme == "file" {
		address = filepath.FromSlash(u.Path)
	}
	dir, err := filepath.Abs(address)
	if err != nil {
		return index.Links{}, err
	}
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return index.Links{}, usagef("%s %s: there is no such folder: name a folder with wheels, or the URL of a page that lists some", what, project.Redact(address))
	}
	base, err := filepath.Abs(s.base)
	if err != nil {
		return index.Links{}, err
	}
	shown := relative(base, dir)
	if !strings.HasPrefix(shown, "../") && shown != ".." && !filepath.IsAbs(shown) {
		shown = "./" + strings.TrimPrefix(shown, "./")
	}
	if strings.Trim(shown, unquoted+"~") != "" {
		return index.Links{}, usagef("%s %s: a lock cannot name this folder: use letters, digits and -_.+ alone", what, shown)
	}
	return index.Links{Address: dir, Shown: shown}, nil
}

var indexName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]+$`) })

// splitIndex splits uv's NAME=URL.
func splitIndex(s string) (name, u string) {
	if n, rest, ok := strings.Cut(s, "="); ok && indexName().MatchString(n) && strings.Contains(rest, "://") {
		return n, rest
	}
	return "", s
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
		NoIndex:      s.noIndex,
		Links:        s.links,
		Strategy:     s.strategy,
		Finder:       o.finder(),
		Network:      o.network(),
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
	for _, f := range s.pinned() {
		if f.partly {
			put(&opts.Places, f.of, append(opts.Places[f.of], f.url))
		} else {
			put(&opts.Only, f.of, f.url)
		}
	}
	for _, name := range project.TorchPackages {
		if s.torch != "" {
			put(&opts.Instead, name, s.torch)
		}
	}
	opts.Flat = s.flat
	opts.Credentials = s.known
	addresses := s.addresses()
	for _, l := range s.links {
		addresses = append(addresses, l.Address)
	}
	for _, a := range addresses {
		if r, ok := s.rules[ruleKey(a)]; ok {
			if opts.Rules == nil {
				opts.Rules = map[string]index.Rules{}
			}
			opts.Rules[a] = r
		}
	}
	if p != nil {
		opts.Observer = p
	}
	if err := o.cached(&opts); err != nil {
		return nil, err
	}
	var c *index.Client
	if s.build != nil {
		opts.Builder = o.builder(s.build, p, func() *index.Client { return c })
	}
	var err error
	if c, err = index.NewClient(opts); err != nil {
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
