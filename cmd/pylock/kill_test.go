package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

var killServices = []string{"api", "bot", "graph", "plan", "spawn"}

// killWorkspace is a repository of five services that ask for packages a to
// e, and a function that runs pylock in it.
func killWorkspace(t *testing.T) (root string, command func(args ...string) *exec.Cmd) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGKILL")
	}
	root = t.TempDir()
	cache := t.TempDir()
	var universe strings.Builder
	for _, p := range "abcdefghij" {
		fmt.Fprintf(&universe, "%c 2\n%c 1\n", p, p)
	}
	server := indextest.Serve(t, indextest.MustParse(universe.String()), indextest.PyPI())
	bin := filepath.Join(t.TempDir(), "pylock")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, bin); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root, func(args ...string) *exec.Cmd {
		cmd := exec.Command(bin, args...)
		cmd.Dir = root
		cmd.Env = append(ownEnviron(), envNow+"="+startTime, "UV_DEFAULT_INDEX="+server.SimpleURL(), "PYLOCK_CACHE_DIR="+cache)
		return cmd
	}
}

// ask writes what every service asks for.
func ask(t *testing.T, root string, packages string) {
	t.Helper()
	for i, s := range killServices {
		dir := filepath.Join(root, "services", s)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		var deps []string
		for _, p := range packages {
			deps = append(deps, fmt.Sprintf("%q", string(p)))
		}
		text := fmt.Sprintf("[project]\nname = %q\nrequires-python = \">=3.12\"\ndependencies = [%s]\n", s, strings.Join(deps[:len(deps)-i], ", "))
		if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func locks(t *testing.T, root string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, s := range killServices {
		data, err := os.ReadFile(filepath.Join(root, "services", s, "requirements.lock"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, data)
	}
	return out
}

// A compile over five services that is killed at any point leaves each lock
// as it was or as it was to be.
func TestKill(t *testing.T) {
	root, command := killWorkspace(t)
	want := map[string][][]byte{}
	var took time.Duration
	asked := []string{"abcdef", "abcdefghij"}
	for _, packages := range asked {
		ask(t, root, packages)
		start := time.Now()
		if out, err := command("compile").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		took = time.Since(start)
		want[packages] = locks(t, root)
	}
	times := 200
	if testing.Short() {
		times = 40
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	killed, mixed := 0, 0
	// The span in which to kill follows how fast the machine is right now.
	span := took
	runs := 0
	for ; killed < times && runs < 4*times; runs++ {
		i := runs
		packages := asked[i%2]
		ask(t, root, packages)
		cmd := command("compile")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Most of the points are where there is something to lose.
		pause := time.Duration(float64(span) * (0.4 + 0.6*random.Float64()))
		timer := time.AfterFunc(pause, func() { cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			killed++
		} else {
			span = span * 9 / 10
		}
		timer.Stop()
		old := 0
		for s, got := range locks(t, root) {
			switch {
			case bytes.Equal(got, want[packages][s]):
			case bytes.Equal(got, want[asked[(i+1)%2]][s]):
				old++
			default:
				t.Fatalf("seed %d, run %d, killed after %s: the lock of %s is neither old nor new:\n%s", seed, i, pause, killServices[s], got)
			}
		}
		switch {
		case old == len(killServices):
			span = span * 5 / 4
		case old > 0:
			mixed++
		}
	}
	t.Logf("seed %d: %d of %d runs were killed, %d of them between two locks", seed, killed, runs, mixed)
	if killed < times || mixed == 0 {
		t.Error("too few runs were killed where it matters: the test shows nothing")
	}
	// Whatever was left behind does not stand in the way.
	ask(t, root, asked[0])
	if out, err := command("compile").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for s, got := range locks(t, root) {
		if !bytes.Equal(got, want[asked[0]][s]) {
			t.Errorf("the lock of %s is not the new one", killServices[s])
		}
	}
}

// Fifty compiles of one service at once leave one valid lock and no other
// file.
func TestConcurrent(t *testing.T) {
	root, command := killWorkspace(t)
	ask(t, root, "abcdef")
	if out, err := command("compile", "services/api").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lock := filepath.Join(root, "services", "api", "requirements.lock")
	want, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		wg.Go(func() {
			if out, err := command("compile", "services/api").CombinedOutput(); err != nil {
				errs[i] = fmt.Errorf("%w\n%s", err, out)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	got, err := os.ReadFile(lock)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v: got:\n%s\nwant:\n%s", err, got, want)
	}
	entries, err := os.ReadDir(filepath.Dir(lock))
	if err != nil || len(entries) != 2 {
		t.Errorf("%v: found %v, want the project and its lock", err, entries)
	}
}
