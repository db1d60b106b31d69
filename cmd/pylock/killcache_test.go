package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A run that is killed while it fills a cache leaves nothing there that changes a lock, and nothing that stays.
func TestKillCache(t *testing.T) {
	root, command := killWorkspace(t)
	ask(t, root, "abcdefghij")
	start := time.Now()
	if out, err := command("compile", "--no-cache").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	span := time.Since(start)
	want := locks(t, root)
	times := 60
	if testing.Short() {
		times = 12
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	killed := 0
	dir := filepath.Join(t.TempDir(), "cache")
	for i := range times {
		if i%3 == 0 {
			// Else what the run before left is added to.
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		cmd := command("compile", "--upgrade", "--refresh", "--cache-dir", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pause := time.AfterFunc(time.Duration(random.Int64N(int64(span))), func() { cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		pause.Stop()
		out, err := command("compile", "--upgrade", "--cache-dir", dir).CombinedOutput()
		if err != nil || bytes.Contains(out, []byte("warning")) {
			t.Fatalf("seed %d, run %d: %v\n%s", seed, i, err, out)
		}
		for s, got := range locks(t, root) {
			if !bytes.Equal(got, want[s]) {
				t.Fatalf("seed %d, run %d: the lock of %s is\n%s", seed, i, killServices[s], got)
			}
		}
	}
	t.Logf("seed %d: %d of %d runs were killed", seed, killed, times)
	if killed == 0 {
		t.Error("no run was killed: the test shows nothing")
	}
}
