package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestKeyringFails has a command keyring that hangs, fails, says too much or
// says what no password is: the run ends in the index's refusal, and nothing of
// what it prints is shown.
func TestKeyringFails(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a shell script")
	}
	tests := []struct {
		name, script string
		asked        int
		want         string // a warning
	}{
		{"hangs", "exec sleep 600", 1, "gave no answer within 200ms"},
		{"hangs with a child", "echo " + secret + "; sleep 600 & wait", 1, "gave no answer within 200ms"},
		{"fails", "echo " + secret + "; echo " + secret + " >&2; exit 1", 2, ""},
		{"prints an escape", "printf '\\033[31m" + secret + "\\033[0m\\n'", 2, "has control characters"},
		{"prints lines", "printf '" + secret + "\\nmore\\n'", 2, "has control characters"},
		{"prints nothing", "exit 0", 2, ""},
		{"prints without end", "yes " + secret + " | head -c 200000", 2, ""},
		{"is not the password", "echo other", 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newSecretWorld(t)
			w.keyring = 10 * time.Second
			if strings.HasPrefix(tt.name, "hangs") {
				w.keyring = 200 * time.Millisecond
			}
			w.write(t, "bin/keyring", "#!/bin/sh\necho x >>"+filepath.Join(w.dir, "asked")+"\n"+tt.script+"\n")
			t.Setenv("PATH", filepath.Join(w.dir, "bin")+":"+os.Getenv("PATH"))
			began := time.Now()
			code := w.run("compile", "svc", "-vv", "--keyring-provider", "subprocess", "-i", w.address("bob@", "/simple/"), "--index", w.address("bob@", "/more/simple/"))
			out := w.out.String()
			if code != exitNetwork || !strings.Contains(out, "HTTP 401") || strings.Contains(out, secret) || strings.Contains(out, "\x1b") {
				t.Errorf("exit code %d: %s", code, out)
			}
			if n := strings.Count(out, "the command keyring"); (n > 0) != (tt.want != "") || n > 1 || !strings.Contains(out, tt.want) {
				t.Errorf("want %q once: %s", tt.want, out)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			asked, _ := os.ReadFile("asked")
			if n := strings.Count(string(asked), "x"); n != tt.asked {
				t.Errorf("the keyring was asked %d times, want %d", n, tt.asked)
			}
		})
	}
}
