//go:build unix

package vcs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeSSH is a program called ssh that notes how it was called and then does
// what the script says; $last is the command for the server.
func fakeSSH(t *testing.T, script string) (path string, said func() string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "ssh")
	head := "#!/bin/sh\nd='" + dir + "'\nprintf '%s\\n' \"$@\" >>\"$d/said\"\n" +
		"echo \"prompts $GIT_TERMINAL_PROMPT askpass $SSH_ASKPASS$GIT_ASKPASS require $SSH_ASKPASS_REQUIRE\" >>\"$d/said\"\n" +
		"(: </dev/tty) 2>/dev/null && echo terminal >>\"$d/said\"\necho $$ >\"$d/pid\"\nfor last; do :; done\n"
	if err := os.WriteFile(path, []byte(head+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, func() string {
		data, _ := os.ReadFile(filepath.Join(dir, "said"))
		return string(data)
	}
}

// withoutConfig is the environment without settings of the machine.
func withoutConfig(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") && !strings.HasPrefix(v, "SSH_") {
			env = append(env, v)
		}
	}
	return append(append(env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "SSH_ASKPASS=/bin/false", "GIT_ASKPASS=/bin/false"), more...)
}

// TestSSH takes a commit over ssh, by the command of the environment, of the
// user's configuration, or the one in PATH, which must not ask.
func TestSSH(t *testing.T) {
	o := newOrigin(t)
	first := o.commit(map[string]string{"pyproject.toml": "one"})
	o.git("tag", "v1")
	o.commit(map[string]string{"pyproject.toml": "two"})
	serve := "case $last in \"git-upload-pack '/team/repo.git'\") exec git upload-pack '" + o.dir + "' ;; esac\nexit 9"
	for _, way := range []string{"GIT_SSH_COMMAND", "GIT_SSH", "core.sshCommand", "PATH"} {
		t.Run(way, func(t *testing.T) {
			ssh, said := fakeSSH(t, serve)
			env := withoutConfig()
			switch way {
			case "core.sshCommand":
				file := filepath.Join(t.TempDir(), "gitconfig")
				if err := os.WriteFile(file, []byte("[core]\n\tsshCommand = "+ssh+" -4\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				env = append(env, "GIT_CONFIG_GLOBAL="+file)
			case "PATH":
				env = append(env, "PATH="+filepath.Dir(ssh)+":"+os.Getenv("PATH"))
			default:
				env = append(env, way+"="+ssh)
			}
			r := open(t, &Store{Dir: t.TempDir(), Environ: env}, "ssh://git:s3cret@host.test:2222/team/repo.git")
			got, err := r.Resolve(t.Context(), "v1", Any)
			if err != nil || got != first {
				t.Fatalf("%s %v\n%s", got, err, said())
			}
			tree, err := r.Tree(t.Context(), first)
			if err != nil {
				t.Fatal(err)
			}
			if data, err := tree.File(t.Context(), "pyproject.toml"); err != nil || string(data) != "one" {
				t.Errorf("%s %v", data, err)
			}
			text := said()
			for _, want := range []string{"git@host.test\n", "2222\n", "git-upload-pack '/team/repo.git'\n", "prompts 0 askpass  require never\n"} {
				if !strings.Contains(text, want) {
					t.Errorf("ssh was not told %q:\n%s", want, text)
				}
			}
			if (way == "PATH") != strings.Contains(text, "BatchMode=yes\n") || (way == "core.sshCommand") != strings.Contains(text, "-4\n") {
				t.Errorf("the command is another one:\n%s", text)
			}
			if strings.Contains(text, "s3cret") || strings.Contains(text, "terminal") {
				t.Errorf("ssh has a password or a terminal:\n%s", text)
			}
		})
	}
}

// alive reports whether a process runs: one that has ended may be there still,
// where nobody waits for it.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return syscall.Kill(pid, 0) == nil && (err != nil || !strings.Contains(string(stat), ") Z "))
}

// TestSSHFails says what ssh said, as text, and ends one that hangs.
func TestSSHFails(t *testing.T) {
	newOrigin(t)
	for _, tt := range []struct{ script, want string }{
		{"echo 'Host key verification failed.' >&2; exit 255", "the host key of the server is not known"},
		{"echo 'git@host.test: Permission denied (publickey).' >&2; exit 255", "the server refuses the ssh keys"},
		{"echo 'ssh: Could not resolve hostname host.test' >&2; exit 255", "Could not resolve hostname host.test"},
		{"printf '\\033[31mred\\007\\n' >&2; exit 255", `\x1b[31mred\a`},
		{"printf '\\033]0;title\\007 on the wire\\n'; exit 0", "protocol error"},
		{"yes 0032want | head -c 2000000", ""},
		{"sleep 600", "no complete answer within 500ms"},
	} {
		ssh, _ := fakeSSH(t, tt.script)
		s := &Store{Dir: t.TempDir(), Timeout: 10 * time.Second, Environ: withoutConfig("GIT_SSH_COMMAND=" + ssh)}
		if strings.HasPrefix(tt.script, "sleep") {
			s.Timeout = 500 * time.Millisecond
		}
		_, err := open(t, s, "ssh://git@host.test/team/repo.git").Resolve(t.Context(), "v1", Any)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\x1b\a\n") {
			t.Errorf("%s: %q", tt.script, err)
		}
		if strings.HasPrefix(tt.script, "sleep") {
			data, _ := os.ReadFile(filepath.Join(filepath.Dir(ssh), "pid"))
			pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
			for range 100 {
				if err != nil || !alive(pid) {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if err != nil || alive(pid) {
				t.Errorf("ssh still runs: %d %v", pid, err)
			}
		}
	}
}
