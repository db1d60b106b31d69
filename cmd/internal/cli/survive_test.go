package cli

import (
	"bytes"
	goflag "flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

var surviveSeeds = goflag.Int("survive.seeds", 0, "schedules of faults for each question of TestSurvives; 0 for a few")

// A survival is a question to an index, asked under many schedules of faults.
type survival struct {
	universe string // of testdata/index
	asks     string
	costly   bool // asked a tenth as often
}

var survivals = []survival{
	{"webapp.txt", "fastapi[standard]", false},
	{"python-ladder.txt", "table capped patchy", false},
	{"conflict-ladder.txt", "", false},
	{"no-wheel.txt", "native source stable oldpython builds", false},
	{"quirks.txt", "claims-too-little claims-too-much claims-another repairable irreparable empty", false},
	{"recorded/sentry-kafka-schemas.txt.gz", "sentry-kafka-schemas python-rapidjson", true},
}

// With a fifth of all requests failing, in any of the ways of indextest, a
// compile writes the lock that it writes without faults, in bounded time, with a
// bounded number of requests. Time is fake: stalls, drips and pauses cost none.
func TestSurvives(t *testing.T) {
	seeds := *surviveSeeds
	if seeds == 0 {
		seeds = 50
		if testing.Short() {
			seeds = 20
		}
	}
	profiles := map[string]indextest.Profile{"pypi": indextest.PyPI(), "mirror": indextest.Mirror(), "html": {Gzip: true, Ranges: true}}
	for _, s := range survivals {
		u, err := indextest.LoadFile("../../../testdata/index/" + s.universe)
		if err != nil {
			t.Fatal(err)
		}
		asks := s.asks
		if asks == "" {
			for _, p := range u.Projects {
				asks += p.Name + " "
			}
		}
		for name, profile := range profiles {
			t.Run(filepath.Base(s.universe)+" "+name, func(t *testing.T) {
				t.Parallel()
				input := filepath.Join(t.TempDir(), "requirements.in")
				if err := os.WriteFile(input, []byte(strings.Join(strings.Fields(asks), "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				handler := u.Handler(profile)
				want := survive(t, handler, input, nil)
				if want.code != exitYes {
					t.Fatalf("without faults: exit code %d: %s", want.code, want.stderr)
				}
				n := seeds
				if s.costly {
					n = max(1, n/10)
				}
				var worst outcomeOfFaults
				for seed := range n {
					got := survive(t, handler, input, surviving(profile, uint64(seed)))
					if got.code != want.code || got.stdout != want.stdout {
						t.Fatalf("seed %d: exit code %d, %s\ngot:\n%s\nwant:\n%s", seed, got.code, got.stderr, got.stdout, want.stdout)
					}
					worst.requests, worst.most, worst.took = max(worst.requests, got.requests), max(worst.most, got.most), max(worst.took, got.took)
				}
				t.Logf("%d requests without faults, at most %d with, %d for one file, %v", want.requests, worst.requests, worst.most, worst.took)
				if worst.requests > 3*want.requests+20 {
					t.Errorf("%d requests, %d without faults", worst.requests, want.requests)
				}
				if worst.most > 20 {
					t.Errorf("%d requests for one path", worst.most)
				}
			})
		}
	}
}

// outcomeOfFaults is what a run came to.
type outcomeOfFaults struct {
	code           int
	stdout, stderr string
	requests, most int // all, and those for one path
	took           time.Duration
}

// survive runs pylock compile against an index in memory.
func survive(t *testing.T, handler *indextest.Handler, input string, f indextest.Faults) (o outcomeOfFaults) {
	handler.Reset()
	handler.SetFaults(f)
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		pipe, stop := indextest.ServePipe(t, handler)
		defer stop()
		var stdout, stderr bytes.Buffer
		app := &App{
			Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
			Getenv: func(name string) (string, bool) {
				v, ok := map[string]string{"UV_DEFAULT_INDEX": "http://127.0.0.1/simple/", "PYLOCK_CACHE_DIR": dir}[name]
				return v, ok
			},
			FS: lockfile.OS{}, Now: time.Now, Dial: pipe.Dial,
		}
		start := time.Now()
		o.code = app.Run(t.Context(), []string{"compile", input, "--python-version=3.12", "--no-header"})
		o.took = time.Since(start)
		o.stdout, o.stderr = stdout.String(), stderr.String()
	})
	requests := handler.Requests()
	o.requests = requests.Total
	for _, n := range requests.Paths {
		o.most = max(o.most, n)
	}
	return o
}

// surviving is a schedule of every kind of fault. Bytes are flipped where the
// index gives a client the means to notice: on compressed pages, in wheels and
// source distributions, in metadata files whose hash the page states. Nothing
// protects an uncompressed page.
func surviving(p indextest.Profile, seed uint64) indextest.Faults {
	faults := indextest.RandomFaults(seed, 0.2, 7, append(indextest.PlainFaults(), indextest.HardFaults()...)...)
	return func(r *http.Request, attempt int) indextest.Fault {
		f := faults(r, attempt)
		protected := p.Gzip
		if strings.HasPrefix(r.URL.Path, "/files/") {
			protected = p.Advertise || !strings.HasSuffix(r.URL.Path, ".metadata")
		}
		if f.FlipByte != 0 && !protected {
			return indextest.Fault{Status: http.StatusInternalServerError}
		}
		return f
	}
}
