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
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	Any    Kind = iota // a branch, a tag or a full commit; "" for the default branch
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

var fullHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// IsCommit reports whether a revision is the full hash of a commit.
func IsCommit(revision string) bool { return fullHash.MatchString(revision) }

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
	if revision != "" {
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
	for _, ref := range []string{"refs/heads/" + revision, "refs/tags/" + revision + "^{}", "refs/tags/" + revision, "HEAD"} {
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

// settings are those of every command: what a repository or its server could
// make git do is off.
var settings = []string{
	"core.hooksPath=" + os.DevNull, "core.fsmonitor=false", "core.askPass=", "core.useReplaceRefs=false", "gc.auto=0", "maintenance.auto=false",
	"protocol.ext.allow=never", "protocol.fd.allow=never", "fetch.recurseSubmodules=false", "submodule.recurse=false", "credential.interactive=false",
	"fetch.fsckObjects=false", "init.defaultBranch=main", "advice.detachedHead=false", "color.ui=false", "http.lowSpeedLimit=1000", "http.lowSpeedTime=30",
}

// run returns the output of a git command in the copy. more are settings, key
// and value, that go to git in its environment.
func (r *Repository) run(ctx context.Context, stdin string, more []string, args ...string) ([]byte, error) {
	var all []string
	for _, s := range settings {
		all = append(all, "-c", s)
	}
	cmd := exec.CommandContext(ctx, "git", append(all, args...)...)
	cmd.Dir = r.dir
	cmd.Env = r.store.environ(r.dir, more)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = 5 * time.Second
	detach(cmd)
	out, talk := &capped{max: maxOutput}, &capped{max: 16 << 10}
	cmd.Stdout, cmd.Stderr = out, talk
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, r.wrap(errors.New("git is not installed: install it, or name an archive"))
	case err == nil && out.over:
		return nil, r.wrap(fmt.Errorf("git answered with more than %d bytes", maxOutput))
	case err == nil:
		return out.Bytes(), nil
	}
	return nil, r.wrap(errors.New(r.said(talk.String(), err)))
}

// said picks from what git printed the line that tells most, without
// credentials.
func (r *Repository) said(talk string, err error) string {
	best := ""
	for line := range strings.Lines(talk) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "fatal: "); ok {
			best = rest
			break
		}
		if best == "" && line != "" {
			best = strings.TrimPrefix(line, "error: ")
		}
	}
	if best == "" {
		return err.Error()
	}
	if r.auth != "" {
		best = strings.ReplaceAll(best, strings.TrimPrefix(r.auth, "Basic "), "****")
	}
	switch {
	case strings.Contains(best, "terminal prompts disabled"), strings.Contains(best, "could not read Username"), strings.Contains(best, "could not read Password"):
		return "it wants credentials, and nobody can be asked: put them into a credential helper of git, or use ssh with an agent"
	case strings.Contains(talk, "Permission denied (publickey"):
		return "the server refuses the ssh keys that there are: add one to the agent"
	}
	if len(best) > maxSaid {
		best = best[:maxSaid] + "…"
	}
	return strconv.Quote(best)
}

// kept are the variables of git that say how to reach a server.
var kept = []string{
	"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_", "GIT_PROXY_", "GIT_HTTP_", "GIT_CONFIG_GLOBAL=", "GIT_CONFIG_SYSTEM=", "GIT_CONFIG_NOSYSTEM=",
	"GIT_CONFIG_COUNT=", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_EXEC_PATH=",
}

// environ is the environment of git in a folder.
func (s *Store) environ(dir string, more []string) []string {
	base := s.Environ
	if base == nil {
		base = os.Environ()
	}
	var out []string
	ssh, count := false, 0
	for _, v := range base {
		if strings.HasPrefix(v, "GIT_") && !slices.ContainsFunc(kept, func(k string) bool { return strings.HasPrefix(v, k) }) || strings.HasPrefix(v, "SSH_ASKPASS") {
			continue
		}
		if n, ok := strings.CutPrefix(v, "GIT_CONFIG_COUNT="); ok {
			count, _ = strconv.Atoi(n)
			continue
		}
		ssh = ssh || strings.HasPrefix(v, "GIT_SSH=") || strings.HasPrefix(v, "GIT_SSH_COMMAND=")
		out = append(out, v)
	}
	for i := 0; i+1 < len(more); i += 2 {
		out = append(out, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", count, more[i]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", count, more[i+1]))
		count++
	}
	if !ssh {
		out = append(out, "GIT_SSH_COMMAND=ssh -o BatchMode=yes")
	}
	return append(out, "GIT_CONFIG_COUNT="+strconv.Itoa(count), "GIT_DIR="+dir, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=never", "GCM_INTERACTIVE=never",
		"GIT_ALLOW_PROTOCOL=https:http:ssh:file", "GIT_LFS_SKIP_SMUDGE=1", "GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
}

// capped keeps the first bytes that are written to it.
type capped struct {
	bytes.Buffer
	max  int
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	if room := c.max - c.Len(); len(p) > room {
		c.over = true
		c.Buffer.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return c.Buffer.Write(p)
}

var _ io.Writer = (*capped)(nil)

// Tree is the files of a commit.
type Tree struct {
	repo   *Repository
	commit string
}

// entries lists what is at a path, or below it.
func (t *Tree) entries(ctx context.Context, args ...string) ([]entry, error) {
	out, err := t.repo.run(ctx, "", nil, append([]string{"ls-tree", "-z", "-l", "--full-tree", t.commit}, args...)...)
	if err != nil {
		return nil, err
	}
	var es []entry
	for line := range strings.SplitSeq(string(out), "\x00") {
		head, name, ok := strings.Cut(line, "\t")
		f := strings.Fields(head)
		if !ok || len(f) != 4 {
			continue
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			size = -1
		}
		es = append(es, entry{mode: f[0], hash: f[2], size: size, name: name})
	}
	return es, nil
}

type entry struct {
	mode, hash string
	size       int64 // -1 for what is no file
	name       string
}

func (e *entry) regular() bool { return e.mode == "100644" || e.mode == "100755" }

// File returns the content of a regular file of at most 1 MiB; its error matches
// [fs.ErrNotExist] where there is none.
func (t *Tree) File(ctx context.Context, path string) ([]byte, error) {
	es, err := t.entries(ctx, "--", path)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(es, func(e entry) bool { return e.name == path })
	switch {
	case i < 0:
		return nil, t.repo.wrap(fmt.Errorf("the commit %s has no %s: %w", t.commit, path, fs.ErrNotExist))
	case !es[i].regular():
		return nil, t.repo.wrap(fmt.Errorf("%s of the commit %s is no regular file", path, t.commit))
	case es[i].size > maxFile:
		return nil, t.repo.wrap(fmt.Errorf("%s of the commit %s is larger than %d bytes", path, t.commit, maxFile))
	}
	return t.repo.run(ctx, "", nil, "cat-file", "blob", es[i].hash)
}

// Find returns the paths of all regular files of a name, sorted.
func (t *Tree) Find(ctx context.Context, name string) ([]string, error) {
	es, err := t.entries(ctx, "-r")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range es {
		if e.regular() && (e.name == name || strings.HasSuffix(e.name, "/"+name)) {
			out = append(out, e.name)
		}
	}
	slices.Sort(out)
	return out, nil
}
