package lockfile

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
)

// reference is the entry of a package that is taken from a URL, a repository or
// a file; dir is the folder of the lock, to which the paths of files are
// relative: pip, which takes them relative to its own, is run there.
func reference(p *project.Local, marker string, dir string, hashes Hashes) (Direct, error) {
	at := p.Direct
	d := Direct{Name: p.Name, Marker: marker, Version: p.Version, Size: at.Size, URL: at.Exact()}
	if at.File != "" {
		rel, err := filepath.Rel(dir, at.File)
		if err != nil {
			return d, fmt.Errorf("%s: the file %s cannot be reached from the folder of the lock: %w", p.Name, filepath.ToSlash(at.File), err)
		}
		d.URL = "file:" + (&url.URL{Path: filepath.ToSlash(rel)}).EscapedPath()
		if at.Subdirectory != "" {
			d.URL += "#subdirectory=" + at.Subdirectory
		}
	}
	if at.Hash != "" && hashes != NoHashes {
		d.Hashes = []string{at.Hash}
	}
	if at.Kind == project.Git && at.Revision != at.Commit {
		d.From = at.Asked()
	}
	d.Text = d.line()
	return d, nil
}

func compareDirects(a, b Direct) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Marker, b.Marker))
}

var (
	fullCommit = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`) })
	// urlText are the characters of a URL that mean nothing else to pip.
	urlText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._~:/?#\[\]@!&()*+,;=%-]+$`) })
)

// checkReference refuses an entry that pip would not install, or would read as
// something else.
func checkReference(d *Direct) error {
	if d.URL == "" {
		return fmt.Errorf("%s has no version to pin: a lock lists packages of an index, URLs and commits", project.Escape(project.Redact(d.Text)))
	}
	if n, err := pypi.ParseName(string(d.Name)); err != nil || n != d.Name {
		return fmt.Errorf("%q is not a normalized package name", d.Name)
	}
	shown := project.Redact(d.URL)
	switch {
	case !urlText().MatchString(d.URL), strings.Contains(d.URL, "${"), strings.HasSuffix(d.URL, ";"):
		return fmt.Errorf("%s: the address %q cannot be written into a lock: escape its special characters", d.Name, shown)
	case BareURL(d.URL) != d.URL:
		return fmt.Errorf("%s: the address %q has credentials, which do not belong in a lock", d.Name, shown)
	}
	if d.isGit() {
		address, _, _ := strings.Cut(d.URL, "#")
		if i := strings.LastIndexByte(address, '@'); i < 0 || !fullCommit().MatchString(address[i+1:]) {
			return fmt.Errorf("%s: the address %q has no full commit", d.Name, shown)
		}
		if len(d.Hashes) > 0 {
			return fmt.Errorf("%s: a commit of a repository has no hash", d.Name)
		}
	} else if !strings.HasPrefix(d.URL, "https://") && !strings.HasPrefix(d.URL, "http://") && !strings.HasPrefix(d.URL, "file:") {
		return fmt.Errorf("%s: the address %q is none that pip installs from", d.Name, shown)
	}
	if err := checkMarker(d.Marker); err != nil {
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	for _, h := range d.Hashes {
		if !validHash(h) {
			return fmt.Errorf("%s: %q is not a hash that pip accepts", d.Name, h)
		}
	}
	for _, v := range append(slices.Clone(d.Via), d.From) {
		if v == "" && d.From != "" {
			return fmt.Errorf("%s: an empty label", d.Name)
		}
		if err := checkText("label", v); v != "" && err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return nil
}

// checkMixture refuses what pip's hash mode cannot install: once a line has a
// hash, all need one, and a commit cannot have any.
func checkMixture(l *Lock) error {
	hashed := ""
	for i := range l.Pins {
		if len(l.Pins[i].Hashes) > 0 {
			hashed = string(l.Pins[i].Name)
		}
	}
	for i := range l.Direct {
		if len(l.Direct[i].Hashes) > 0 {
			hashed = string(l.Direct[i].Name)
		}
	}
	if hashed == "" {
		return nil
	}
	for i := range l.Direct {
		if d := &l.Direct[i]; len(d.Hashes) == 0 {
			return &MixtureError{Name: d.Name, Hashed: hashed, Git: d.isGit(), Archive: archiveOf(d.URL)}
		}
	}
	return nil
}

// MixtureError is a lock that pip would refuse, since it wants a hash of each
// package as soon as one has a hash.
type MixtureError struct {
	Name    pypi.Name
	Hashed  string // a package with a hash
	Git     bool
	Archive string // where the host of the repository offers the commit as an archive, or ""
}

func (e *MixtureError) Error() string {
	what := "comes without a hash"
	if e.Git {
		what = "comes from a git repository, of which there is no hash"
	}
	s := fmt.Sprintf("%s %s, and pip wants one of each package once a package has any: lock with --no-hashes, leave it out with --no-emit-package=%s", e.Name, what, e.Name)
	if e.Archive != "" {
		return s + ", or take it from the archive " + e.Archive
	}
	return s + ", or take it from an archive"
}

// archiveOf is the archive of a commit at a host that is known to have one.
func archiveOf(u string) string {
	u, _, _ = strings.Cut(u, "#")
	i := strings.LastIndexByte(u, '@')
	if !strings.HasPrefix(u, "git+https://") || i < 0 {
		return ""
	}
	parsed, err := url.Parse(u[len("git+"):i])
	if err != nil || parsed.Host != "github.com" {
		return ""
	}
	return strings.TrimSuffix(parsed.String(), ".git") + "/archive/" + u[i+1:] + ".tar.gz"
}

// GitParts splits "git+URL@REVISION#subdirectory=FOLDER".
func GitParts(s string) (address, revision, subdirectory string) {
	s, subdirectory, _ = strings.Cut(strings.TrimPrefix(s, "git+"), "#subdirectory=")
	host := strings.Index(s, "://") + 3
	slash := strings.IndexByte(s[min(host, len(s)):], '/')
	if i := strings.LastIndexByte(s, '@'); slash >= 0 && i > host+slash {
		return s[:i], s[i+1:], subdirectory
	}
	return s, "", subdirectory
}

// inline is the entry as the table of a pylock.toml.
func (d *Direct) inline() string {
	var parts []string
	put := func(key, value string) {
		if value != "" {
			parts = append(parts, key+" = "+quoteTOML(value))
		}
	}
	if d.isGit() {
		address, commit, folder := GitParts(d.URL)
		_, asked, _ := GitParts(d.From)
		put("type", "git")
		put("url", address)
		put("requested-revision", asked)
		put("commit-id", commit)
		put("subdirectory", folder)
		return "vcs = { " + strings.Join(parts, ", ") + " }\n"
	}
	address, folder, _ := strings.Cut(d.URL, "#subdirectory=")
	if rel, ok := strings.CutPrefix(address, "file:"); ok {
		if plain, err := url.PathUnescape(rel); err == nil {
			rel = plain
		}
		put("path", rel)
	} else {
		put("url", address)
	}
	if d.Size > 0 {
		parts = append(parts, fmt.Sprintf("size = %d", d.Size))
	}
	var hashes []string
	for _, h := range d.Hashes {
		algorithm, digits, _ := strings.Cut(h, ":")
		hashes = append(hashes, algorithm+" = "+quoteTOML(digits))
	}
	parts = append(parts, "hashes = { "+strings.Join(hashes, ", ")+" }")
	put("subdirectory", folder)
	return "archive = { " + strings.Join(parts, ", ") + " }\n"
}

// moved is the entry in a lock of another folder: the path of a file changes.
func (d *Direct) moved(from, to string) (Direct, error) {
	out := *d
	out.Via, out.Hashes = slices.Clone(d.Via), slices.Clone(d.Hashes)
	rel, ok := strings.CutPrefix(d.URL, "file:")
	if !ok || strings.HasPrefix(rel, "/") {
		return out, nil
	}
	rel, fragment, below := strings.Cut(rel, "#")
	plain, err := url.PathUnescape(rel)
	if err == nil {
		plain, err = filepath.Rel(to, filepath.Join(from, filepath.FromSlash(plain)))
	}
	if err != nil {
		return out, fmt.Errorf("%s: the file cannot be reached from the folder of the lock: %w", d.shown(), err)
	}
	out.URL = "file:" + (&url.URL{Path: filepath.ToSlash(plain)}).EscapedPath()
	if below {
		out.URL += "#" + fragment
	}
	out.Text = out.line()
	return out, nil
}
