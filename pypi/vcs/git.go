// Package vcs reads commits of repositories that are named by their address,
// through the git binary.
//
// A repository has a bare copy in a folder, into which single commits are
// fetched; nothing is ever checked out, so that no filter, hook or attribute of
// it runs, and submodules and files of Git LFS are not fetched. Git asks nothing
// (no prompt, no passphrase), follows no protocol but https, http, ssh and file,
// and obeys of the environment what says how to reach a server: the user's own
// configuration with its credential helpers, proxies and certificates.
//
// What a project names reaches git behind "--" or on its standard input, after
// it was checked: neither an address nor a revision can be an option.
// Credentials of an address go to git in its environment, for the origin of
// that address alone; they are in no argument, no file and no error.
package vcs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// DefaultTimeout bounds one conversation with a server.
	DefaultTimeout = 5 * time.Minute
	maxOutput      = 64 << 20 // bytes of the answer to one command
	maxFile        = 1 << 20  // bytes of a file that is read
	maxSaid        = 300      // bytes of git's own words in an error
)

// Kind says what a revision is the name of.
type Kind uint8

const (
	Any    Kind = iota // a branch, a tag, a full commit or a full name refs/…; "" for the default branch
	Branch             // a branch
	Tag                // a tag
)

var (
	// ErrOffline says that the copy does not have what must not be asked for.
	ErrOffline = errors.New("offline, and its copy in the cache does not have it")
	// ErrNotFound says that a repository has no such branch, tag or commit.
	ErrNotFound = errors.New("not found")
)

// Error is what went wrong with a repository.
type Error struct {
	URL string // without credentials
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("git repository %s: %v", e.URL, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Store has the copies of repositories. It is safe for concurrent use.
type Store struct {
	Dir     string        // of the copies; "" for temporary ones, until Close
	Offline bool          // no server is asked
	Timeout time.Duration // of one conversation; 0 is DefaultTimeout
	Environ []string      // of git; nil is os.Environ()
	// Asked is told the address, without credentials, of each conversation; may be nil.
	Asked func(url string)

	mu    sync.Mutex
	temp  string
	repos map[string]*Repository
}

// Close removes temporary copies.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos = nil
	if s.temp == "" {
		return nil
	}
	return os.RemoveAll(s.temp)
}

// Repository is one, and its copy.
type Repository struct {
	store *Store
	url   string // without credentials
	auth  string // Authorization for its origin, ""
	dir   string

	sshOnce sync.Once
	ssh     atomic.Bool // the configuration of the user names a command for ssh

	mu sync.Mutex // one command at a time writes to the copy
}

// schemes are those of addresses.
var schemes = []string{"https", "http", "ssh", "file"}

// Open returns the repository at an address, which may hold credentials.
func (s *Store) Open(raw string) (*Repository, error) {
	u, err := url.Parse(raw)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Opaque != "" || strings.HasPrefix(u.Hostname(), "-") ||
		u.Scheme != "file" && u.Hostname() == "" || u.User != nil && strings.HasPrefix(u.User.Username(), "-") {
		return nil, errors.New("the address of a repository is https://host/path, ssh://git@host/path or file:///path")
	}
	r := &Repository{store: s}
	if u.User != nil && u.Scheme != "ssh" {
		password, _ := u.User.Password()
		r.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
		u.User = nil
	}
	if u.User != nil {
		u.User = url.User(u.User.Username()) // ssh takes no password
	}
	r.url = u.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.repos[r.url+" "+r.auth]; old != nil {
		return old, nil
	}
	home := s.Dir
	if home == "" {
		if s.temp == "" {
			if s.temp, err = os.MkdirTemp("", "pylock-git-*"); err != nil {
				return nil, err
			}
		}
		home = s.temp
	}
	sum := sha256.Sum256([]byte(r.url))
	r.dir = filepath.Join(home, hex.EncodeToString(sum[:16]))
	if s.repos == nil {
		s.repos = map[string]*Repository{}
	}
	s.repos[r.url+" "+r.auth] = r
	return r, nil
}

var fullHash = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`) })

// IsCommit reports whether a revision is the full hash of a commit.
func IsCommit(revision string) bool { return fullHash().MatchString(revision) }

// checkRevision refuses what git could take for something else than a name.
func checkRevision(rev string) error {
	if strings.HasPrefix(rev, "-") || strings.ContainsAny(rev, " ~^:?*[\\\x00\n\r\t\x7f") || strings.Contains(rev, "..") || strings.Contains(rev, "@{") {
		return fmt.Errorf("%q is not the name of a branch, a tag or a commit", rev)
	}
	return nil
}

// Resolve returns the full hash of the commit that a revision names now; offline,
// as it was when it was last asked for. The server is not asked for a full hash.
func (r *Repository) Resolve(ctx context.Context, revision string, kind Kind) (string, error) {
	if err := checkRevision(revision); err != nil {
		return "", r.wrap(err)
	}
	if kind == Any && IsCommit(revision) {
		return revision, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.init(ctx); err != nil {
		return "", err
	}
	note := noteRef(revision, kind)
	if r.store.Offline {
		out, err := r.run(ctx, note+"\n", nil, "cat-file", "--batch-check=%(objectname) %(objecttype)")
		if hash, kind, _ := strings.Cut(strings.TrimSpace(string(out)), " "); err == nil && kind == "commit" {
			return hash, nil
		}
		return "", r.wrap(ErrOffline)
	}
	patterns := []string{"HEAD"}
	switch full := strings.HasPrefix(revision, "refs/"); {
	case full && kind == Any:
		patterns = []string{revision, revision + "^{}"}
	case revision != "":
		patterns = nil
		if kind != Branch {
			patterns = append(patterns, "refs/tags/"+revision, "refs/tags/"+revision+"^{}")
		}
		if kind != Tag {
			patterns = append(patterns, "refs/heads/"+revision)
		}
	}
	out, err := r.ask(ctx, append([]string{"ls-remote", "--", r.url}, patterns...)...)
	if err != nil {
		return "", err
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		hash, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if IsCommit(hash) {
			found[ref] = hash
		}
	}
	for _, ref := range []string{"refs/heads/" + revision, "refs/tags/" + revision + "^{}", "refs/tags/" + revision, revision + "^{}", revision, "HEAD"} {
		// A branch comes first, as for git itself when it is asked to fetch.
		if hash := found[ref]; hash != "" && slices.Contains(patterns, ref) {
			if err := r.fetch(ctx, hash, strings.TrimSuffix(ref, "^{}")); err != nil {
				return "", err
			}
			_, err := r.run(ctx, "", nil, "update-ref", "--no-deref", note, hash)
			return hash, err
		}
	}
	switch {
	case revision == "":
		return "", r.wrap(fmt.Errorf("%w: it has no commit", ErrNotFound))
	case kind == Branch:
		return "", r.wrap(fmt.Errorf("%w: it has no branch %q", ErrNotFound, revision))
	case kind == Tag:
		return "", r.wrap(fmt.Errorf("%w: it has no tag %q", ErrNotFound, revision))
	}
	return "", r.wrap(fmt.Errorf("%w: it has neither a branch nor a tag %q; a commit is named by its full hash", ErrNotFound, revision))
}

// noteRef is where the copy remembers what a revision was.
func noteRef(revision string, kind Kind) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%d %s", kind, revision)))
	return "refs/pylock/asked/" + hex.EncodeToString(sum[:16])
}

// Tree returns the files of a commit, which is fetched unless the copy has it.
func (r *Repository) Tree(ctx context.Context, commit string) (*Tree, error) {
	if !IsCommit(commit) {
		return nil, r.wrap(fmt.Errorf("%q is not the full hash of a commit", commit))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.init(ctx); err != nil {
		return nil, err
	}
	if err := r.fetch(ctx, commit, ""); err != nil {
		return nil, err
	}
	return &Tree{r, commit}, nil
}

// has reports whether the copy has a commit.
func (r *Repository) has(ctx context.Context, commit string) bool {
	out, err := r.run(ctx, commit+"^{tree}\n", nil, "cat-file", "--batch-check=%(objecttype)")
	return err == nil && strings.TrimSpace(string(out)) == "tree"
}

// fetch gets a commit by its hash, or where the server does not allow that by a
// name that it has, or with everything there is.
func (r *Repository) fetch(ctx context.Context, commit, ref string) error {
	if r.has(ctx, commit) {
		return nil
	}
	if r.store.Offline {
		return r.wrap(ErrOffline)
	}
	keep := "refs/pylock/commits/" + commit
	get := func(depth, what string) error {
		args := []string{"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance", "--force"}
		if depth != "" {
			args = append(args, depth)
		}
		_, err := r.ask(ctx, append(args, "--", r.url, what)...)
		return err
	}
	err := get("--depth=1", commit+":"+keep)
	if err != nil && ctx.Err() == nil && ref != "" {
		err = get("--depth=1", ref+":"+keep)
	}
	if err == nil && r.has(ctx, commit) {
		return nil
	}
	if ctx.Err() == nil {
		if again := get("", "refs/*:refs/pylock/all/*"); again == nil && r.has(ctx, commit) {
			return nil
		} else if again != nil {
			return again
		}
	}
	if err == nil || ctx.Err() == nil {
		err = r.wrap(fmt.Errorf("%w: it has no commit %s", ErrNotFound, commit))
	}
	return err
}

// init makes the copy.
func (r *Repository) init(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(r.dir, "HEAD")); err == nil {
		now := time.Now()
		os.Chtimes(r.dir, now, now) // a use, for who removes old copies
		return nil
	}
	if r.store.Offline {
		return r.wrap(ErrOffline)
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return r.wrap(err)
	}
	// No template: it would bring the hooks of the machine.
	_, err := r.run(ctx, "", nil, "init", "--quiet", "--bare", "--template=", ".")
	return err
}

func (r *Repository) wrap(err error) error { return &Error{r.url, err} }

// ask is run for a conversation with the server.
func (r *Repository) ask(ctx context.Context, args ...string) ([]byte, error) {
	limit := r.store.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if r.store.Asked != nil {
		r.store.Asked(r.url)
	}
	if strings.HasPrefix(r.url, "ssh:") {
		r.sshOnce.Do(func() {
			out, err := r.run(within, "", nil, "config", "--get", "core.sshCommand")
			r.ssh.Store(err == nil && strings.TrimSpace(string(out)) != "")
		})
	}
	var more []string
	if r.auth != "" {
		u, _ := url.Parse(r.url)
		origin := u.Scheme + "://" + u.Host + "/"
		more = []string{"http." + origin + ".extraHeader", "Authorization: " + r.auth, "http.followRedirects", "false", "credential.helper", ""}
	}
	out, err := r.run(within, "", more, args...)
	if err != nil && ctx.Err() == nil && within.Err() != nil {
		return nil, r.wrap(fmt.Errorf("no complete answer within %s", limit))
	}
	return out, err
}
