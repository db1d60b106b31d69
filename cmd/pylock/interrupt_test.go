//go:build !windows

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInterruptedBuild sends the signal of Ctrl-C to a compile whose build hangs,
// with a child of its own: it ends at once, without a lock, and leaves nothing.
func TestInterruptedBuild(t *testing.T) {
	python, version := somePython()
	if python == "" {
		t.Skip("there is no Python")
	}
	root, temp := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
		"backend.py": `import os, subprocess, sys, time
def prepare_metadata_for_build_wheel(folder, settings=None):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("working", os.getpid(), child.pid, flush=True)
    time.sleep(600)
`,
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(binary(t), "compile", ".", "--build", "-v", "-p", python, "--python-version", version)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "UV_DEFAULT_INDEX="+noIndex, "PYLOCK_CACHE_DIR="+t.TempDir(), "TMPDIR="+temp)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var build, child int
	var said strings.Builder
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if n, _ := fmt.Sscanf(lines.Text(), "build: working %d %d", &build, &child); n == 2 {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(said.String(), "interrupted: nothing is written") {
		t.Errorf("exit code %d, %v:\n%s", code, err, said.String())
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(root, "requirements.lock")); err == nil {
		t.Error("it wrote a lock")
	}
	for _, pid := range []int{build, child} {
		for end := time.Now().Add(10 * time.Second); running(pid); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("process %d lives on", pid)
			}
		}
	}
}

// running reports whether a process lives; one that ended and was not waited for
// does not.
func running(pid int) bool {
	if pid == 0 || syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(state), ") Z ")
}
