package replay_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pylock-dev/pylock/bench/replay"
)

const recorded = "../../testdata/bench/slice.json.gz"

func load(t testing.TB) *replay.Slice {
	t.Helper()
	s, err := replay.Load(recorded)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLocksOfBothProfiles locks two services of the example from an index that behaves like PyPI and from one that
// behaves like a mirror: the bytes must be the same, though one is read by metadata files and the other by ranges too.
func TestLocksOfBothProfiles(t *testing.T) {
	pylock := filepath.Join(t.TempDir(), "pylock")
	if out, err := exec.Command("go", "build", "-o", pylock, "../../cmd/pylock").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := load(t)
	for _, service := range []string{"langgraph", "worker-spawner"} {
		input, err := os.ReadFile(filepath.Join("../../examples/monorepo/services", service, "pyproject.toml"))
		if err != nil {
			t.Fatal(err)
		}
		input = bytes.Replace(input, []byte("    \"shared\",\n"), nil, 1)
		var first []byte
		for _, profile := range []replay.Profile{replay.PyPI(), replay.Mirror()} {
			t.Run(service+"/"+profile.Name, func(t *testing.T) {
				server, err := replay.Serve(s, profile, replay.Network{})
				if err != nil {
					t.Fatal(err)
				}
				defer server.Close()
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "ca.pem"), server.CA, 0o666); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), input, 0o666); err != nil {
					t.Fatal(err)
				}
				run := func(args ...string) []byte {
					t.Helper()
					c := exec.Command(pylock, args...)
					c.Dir = dir
					c.Env = []string{"HOME=" + dir, "SSL_CERT_FILE=" + filepath.Join(dir, "ca.pem"), "UV_DEFAULT_INDEX=" + server.Index,
						"PYLOCK_CACHE_DIR=" + filepath.Join(dir, "cache"), "TMPDIR=" + dir}
					out, err := c.CombinedOutput()
					if err != nil {
						t.Fatalf("pylock %v: %v\n%s", args, err, out)
					}
					return out
				}
				run("compile", ".", "--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_28", "--generate-hashes", "--no-build", "-q")
				lock, err := os.ReadFile(filepath.Join(dir, "requirements.lock"))
				if err != nil {
					t.Fatal(err)
				}
				if n := bytes.Count(lock, []byte("==")); n < 15 {
					t.Errorf("the lock has %d pins", n)
				}
				if first == nil {
					first = lock
				} else if !bytes.Equal(first, lock) {
					t.Errorf("got another lock than with the profile pypi:\n%s\nwant\n%s", lock, first)
				}
				run("check", ".")
				c := server.Counts()
				if len(c.Missed) > 0 {
					t.Errorf("asked for what is not recorded (make bench-record bench-trim): %q", c.Missed)
				}
				if c.Requests == 0 || c.Bytes == 0 {
					t.Errorf("the server counted %+v", c)
				}
			})
		}
	}
}
