package project

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
)

// ReferenceKind is what stands at a direct reference.
type ReferenceKind uint8

const (
	// Archive is a wheel or a source distribution, at a URL or in a file.
	Archive ReferenceKind = iota + 1
	// Git is a folder of a commit of a git repository.
	Git
)

// RevisionKind says what a revision of a git repository is the name of.
type RevisionKind uint8

const (
	// AnyRevision is a branch, a tag, or a full commit.
	AnyRevision RevisionKind = iota
	// BranchRevision is a branch.
	BranchRevision
	// TagRevision is a tag.
	TagRevision
)

// Reference says where a package is taken from in the place of an index: PEP
// 508's "NAME @ URL", or a git, url or path entry of [tool.uv.sources].
type Reference struct {
	Kind ReferenceKind
	// URL is the address without fragment, of a repository without "git+". It
	// may hold credentials; Bare is it without. "" for a file.
	URL string
	// File is the absolute path of an archive on this machine, else "".
	File string
	// Revision is what a repository is asked for, "" for its default branch.
	Revision     string
	RevisionKind RevisionKind
	// Subdirectory is the folder of the package within: a clean slash path, ""
	// for the top.
	Subdirectory string
	// LFS is set where files of Git LFS are part of the package.
	LFS bool
	// Hashes are those that the reference, or a --hash option, demands of an
	// archive: "sha256:…"; one of them must fit.
	Hashes []string
	// Name is who asks for it, "" where the archive is to tell.
	Name  pypi.Name
	Place Place
}

// Bare is the address as it may be shown and written, without credentials: the
// URL, "git+URL@REVISION", or the path of a file.
func (r *Reference) Bare() string {
	if r.File != "" {
		return filepath.ToSlash(r.File)
	}
	if r.Kind == Git {
		s := "git+" + bareURL(r.URL)
		if r.Revision != "" {
			s += "@" + r.Revision
		}
		return s
	}
	return bareURL(r.URL)
}

// Asked is Bare with a tag by its full name, since a branch may have the same
// word: what a lock has beside the commit.
func (r *Reference) Asked() string {
	if r.Kind == Git && r.RevisionKind == TagRevision && !strings.HasPrefix(r.Revision, "refs/") {
		return "git+" + bareURL(r.URL) + "@refs/tags/" + r.Revision
	}
	return r.Bare()
}

// String is Bare with the folder within.
func (r *Reference) String() string {
	if r.Subdirectory != "" {
		return r.Bare() + "#subdirectory=" + r.Subdirectory
	}
	return r.Bare()
}

// same reports whether two references ask for the same thing.
func (r *Reference) same(o *Reference) bool {
	return r.Kind == o.Kind && r.URL == o.URL && r.File == o.File && r.Revision == o.Revision && r.RevisionKind == o.RevisionKind && r.Subdirectory == o.Subdirectory
}

// bareURL takes the credentials off a URL. The user of an ssh address is no
// secret and part of it.
func bareURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return Redact(raw)
	}
	if u.User != nil && u.Scheme == "ssh" {
		u.User = url.User(u.User.Username())
	} else {
		u.User = nil
	}
	return u.String()
}

// canonicalURL is an address to compare by.
func canonicalURL(raw string) string {
	u, err := url.Parse(bareURL(raw))
	if err != nil {
		return raw
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), ".git")
	u.RawPath = ""
	return u.String()
}

const (
	maxURL      = 4096 // bytes of the URL of a reference
	maxRevision = 250  // bytes of the name of a branch or tag
)

// gitSchemes are those by which git is asked, behind "git+".
var gitSchemes = []string{"https", "http", "ssh", "file"}

// parseReference reads the URL of a requirement that is neither a path nor a
// file: URL.
func parseReference(raw string) (*Reference, error) {
	if len(raw) > maxURL {
		return nil, fmt.Errorf("a URL of %d bytes, more than %d", len(raw), maxURL)
	}
	s := scheme(raw)
	vcs, transport, isVCS := strings.Cut(s, "+")
	switch {
	case isVCS && vcs == "git":
		return parseGit(raw[len("git+"):], transport)
	case s == "git" || s == "ssh":
		return nil, fmt.Errorf("a git repository is written as git+https://… or git+ssh://…: put git+ before it")
	case isVCS && slices.Contains([]string{"hg", "svn", "bzr"}, vcs):
		return nil, fmt.Errorf("%s repositories are not supported: use git, an archive, or a release from an index", vcs)
	case s != "http" && s != "https":
		return nil, fmt.Errorf("unknown URL scheme %s: use https://, git+https://, or file: for a local path", s)
	}
	u, err := parseURL(raw)
	if err != nil {
		return nil, err
	}
	r := &Reference{Kind: Archive}
	if err := r.fragment(u.Fragment); err != nil {
		return nil, err
	}
	u.Fragment, u.RawFragment = "", ""
	if !isArchive(u.Path) {
		return nil, fmt.Errorf("%s names no archive: its path has to end in .whl, .tar.gz or .zip; for a git repository write git+ before it", bareURL(u.String()))
	}
	r.URL = u.String()
	return r, nil
}

// parseURL reads an address that names a host.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("malformed URL: escape its special characters") // the text of err holds the URL
	}
	if u.Opaque != "" || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") {
		return nil, fmt.Errorf("the URL names no host: write %s://host/path", u.Scheme)
	}
	if u.User != nil && strings.HasPrefix(u.User.Username(), "-") {
		return nil, fmt.Errorf("the user in the URL begins with a hyphen")
	}
	return u, nil
}

func parseGit(raw, transport string) (*Reference, error) {
	if !slices.Contains(gitSchemes, transport) {
		return nil, fmt.Errorf("git+%s is not supported: use git+https://, git+ssh:// or git+file://", transport)
	}
	raw, fragment, _ := strings.Cut(raw, "#")
	r := &Reference{Kind: Git}
	if err := r.fragment(fragment); err != nil {
		return nil, err
	}
	// The last '@' of the path begins the revision.
	if i := strings.LastIndexByte(raw, '@'); i > strings.Index(raw, "://")+3+strings.IndexByte(raw[strings.Index(raw, "://")+3:]+"/", '/') {
		rev, err := url.PathUnescape(raw[i+1:])
		if err != nil || rev == "" {
			return nil, fmt.Errorf("the revision behind @ cannot be read: write @BRANCH, @TAG or @COMMIT")
		}
		raw, r.Revision = raw[:i], rev
	}
	return r, r.repository(raw)
}

// repository sets and checks the address of a repository, and its revision.
func (r *Reference) repository(raw string) error {
	if len(raw) > maxURL {
		return fmt.Errorf("a URL of %d bytes, more than %d", len(raw), maxURL)
	}
	s := scheme(raw)
	if s == "" && strings.Contains(raw, ":") && !strings.Contains(raw, "://") {
		host, path, _ := strings.Cut(raw, ":")
		return fmt.Errorf("a repository is named by a URL: write ssh://%s/%s", host, path)
	}
	if !slices.Contains(gitSchemes, s) || !strings.HasPrefix(raw[len(s):], "://") {
		return fmt.Errorf("a repository is named by a URL such as https://host/path, ssh://git@host/path or file:///path")
	}
	if s == "file" {
		u, err := url.Parse(raw)
		if err != nil || u.Host != "" && u.Host != "localhost" || !path.IsAbs(u.Path) {
			return fmt.Errorf("a local repository is named by its full path: write file:///path")
		}
	} else {
		u, err := parseURL(raw)
		if err != nil {
			return err
		}
		if u.RawQuery != "" || u.Path == "" || u.Path == "/" {
			return fmt.Errorf("the URL of a repository has a path and no query: write https://host/path")
		}
	}
	r.URL = raw
	return r.checkRevision()
}

// checkRevision refuses what is no name of a revision (git-check-ref-format).
func (r *Reference) checkRevision() error {
	rev := r.Revision
	switch {
	case rev == "":
		return nil
	case len(rev) > maxRevision:
		return fmt.Errorf("a revision of %d bytes, more than %d", len(rev), maxRevision)
	case strings.HasPrefix(rev, "-"), strings.ContainsAny(rev, " ~^:?*[\\\x7f"), strings.Contains(rev, ".."), strings.Contains(rev, "@{"),
		strings.Contains(rev, "//"), strings.HasPrefix(rev, "/"), strings.HasSuffix(rev, "/"), strings.HasSuffix(rev, ".lock"), strings.HasSuffix(rev, "."),
		rev == "@", strings.ContainsFunc(rev, func(c rune) bool { return c < ' ' || !printable(c) }):
		return fmt.Errorf("%q is not the name of a branch, a tag or a commit", Escape(rev))
	}
	return nil
}

// fragment reads "subdirectory=…&sha256=…".
func (r *Reference) fragment(s string) error {
	if s == "" {
		return nil
	}
	for part := range strings.SplitSeq(s, "&") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "subdirectory":
			unescaped, err := url.PathUnescape(value)
			if err != nil {
				return fmt.Errorf("malformed percent escape in the fragment subdirectory")
			}
			if err := r.setSubdirectory(unescaped); err != nil {
				return err
			}
		case "egg":
			egg, _, _ := strings.Cut(value, "[")
			name, err := pypi.ParseName(egg)
			if err != nil {
				return fmt.Errorf("the fragment egg: %w", err)
			}
			r.Name = name
		case "sha256", "sha384", "sha512":
			if r.Kind != Archive {
				return fmt.Errorf("a git repository has no %s: name its commit behind @", key)
			}
			h := key + ":" + strings.ToLower(value)
			if !validDigest(h) {
				return fmt.Errorf("the fragment %s is not a hash in hexadecimal", key)
			}
			r.Hashes = append(r.Hashes, h)
		case "md5", "sha1":
			return fmt.Errorf("the fragment %s is no protection: use sha256", key)
		}
	}
	return nil
}

var digestLengths = map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}

func validDigest(h string) bool {
	algorithm, hex, _ := strings.Cut(h, ":")
	return hex != "" && len(hex) == digestLengths[algorithm] && strings.Trim(hex, "0123456789abcdef") == ""
}

// setSubdirectory sets the folder within, which must be one.
func (r *Reference) setSubdirectory(s string) error {
	clean := path.Clean(strings.TrimSuffix(s, "/"))
	if s == "" || strings.HasPrefix(s, "/") || strings.ContainsAny(s, "\\\x00") || clean == ".." || strings.HasPrefix(clean, "../") ||
		strings.HasPrefix(clean, "-") || strings.ContainsFunc(s, func(c rune) bool { return !printable(c) }) {
		return fmt.Errorf("the subdirectory %q is not a folder within: write a path without .. from the top", Escape(s))
	}
	if clean == "." {
		clean = ""
	}
	r.Subdirectory = clean
	return nil
}

// fileReference is the reference to an archive on this machine.
func fileReference(file string) *Reference {
	return &Reference{Kind: Archive, File: file}
}

// archiveName guesses the name of a package by that of its archive, "" where
// that does not tell.
func archiveName(r *Reference) pypi.Name {
	file := path.Base(r.URL)
	if u, err := url.Parse(r.URL); err == nil && r.File == "" {
		file = path.Base(u.Path)
	}
	if r.File != "" {
		file = filepath.Base(r.File)
	}
	i := strings.LastIndexByte(file, '-')
	if strings.HasSuffix(file, ".whl") {
		i = strings.IndexByte(file, '-')
	}
	if i < 0 {
		return ""
	}
	name, err := pypi.ParseName(file[:i])
	if err != nil {
		return ""
	}
	return name
}
