package vcs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	out := &capped{max: maxOutput}
	if err := r.stream(ctx, stdin, more, out, args...); err != nil {
		return nil, err
	}
	if out.over {
		return nil, r.wrap(fmt.Errorf("git answered with more than %d bytes", maxOutput))
	}
	return out.Bytes(), nil
}

// stream is run for output of any length, which goes to out.
func (r *Repository) stream(ctx context.Context, stdin string, more []string, out io.Writer, args ...string) error {
	var all []string
	for _, s := range settings {
		all = append(all, "-c", s)
	}
	cmd := exec.CommandContext(ctx, "git", append(all, args...)...)
	cmd.Dir = r.dir
	cmd.Env = r.store.environ(r.dir, more, r.ssh.Load())
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = 5 * time.Second
	detach(cmd)
	talk := &capped{max: 16 << 10}
	cmd.Stdout, cmd.Stderr = out, talk
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return r.wrap(errors.New("git is not installed: install it, or name an archive"))
	case err == nil:
		return nil
	}
	return r.wrap(errors.New(r.said(talk.String(), err)))
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
	case strings.Contains(talk, "Host key verification failed"):
		return "the host key of the server is not known, or another one: compare it, and add it to known_hosts"
	}
	if strings.HasPrefix(best, "Could not read from remote repository") {
		best = firstLine(talk, best)
	}
	if len(best) > maxSaid {
		best = best[:maxSaid] + "…"
	}
	return strconv.Quote(best)
}

// firstLine returns the first line of what git, or the ssh that it started, said
// before it gave up.
func firstLine(talk, otherwise string) string {
	for line := range strings.Lines(talk) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "fatal: ") {
			return line
		}
		break
	}
	return otherwise
}

// kept are the variables of git that say how to reach a server.
var kept = []string{
	"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_", "GIT_PROXY_", "GIT_HTTP_", "GIT_CONFIG_GLOBAL=", "GIT_CONFIG_SYSTEM=", "GIT_CONFIG_NOSYSTEM=",
	"GIT_CONFIG_COUNT=", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_EXEC_PATH=",
}

// environ is the environment of git in a folder. ownSSH says that the user's
// configuration names a command for ssh, which counts.
func (s *Store) environ(dir string, more []string, ownSSH bool) []string {
	base := s.Environ
	if base == nil {
		base = os.Environ()
	}
	var out []string
	ssh, count := ownSSH, 0
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
