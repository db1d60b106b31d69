package cli

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

const remembered = "nothing is other than when this lock was last found to be "

// TestMemosHideNothing: whatever is edited between runs, with a cache and its
// memos a command does, says and writes what it does without any.
// TEST_SEEDS=FROM:TO tries others than usual.
func TestMemosHideNothing(t *testing.T) {
	start, end := uint64(0), uint64(150)
	if testing.Short() {
		end = 25
	}
	if s := os.Getenv("TEST_SEEDS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d:%d", &start, &end); err != nil {
			t.Fatal(err)
		}
	}
	hits, runs := 0, 0
	for seed := start; seed < end; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := plainProfile()
			p.Caching = true
			w := newWorld(t, seed, p)
			index := w.h["index.test"]
			dir := t.TempDir()
			lock := func() []byte {
				data, _ := os.ReadFile("svc/requirements.lock")
				return data
			}
			// same runs a command with the cache, twice, then without.
			same := func(args ...string) {
				var results [3]string
				before := lock()
				for i := range results {
					w.env["PYLOCK_CACHE_DIR"], w.env["PYLOCK_NO_CACHE"] = dir, ""
					if i == 2 {
						w.env["PYLOCK_NO_CACHE"] = "1"
					}
					if before == nil {
						os.Remove("svc/requirements.lock")
					} else if err := os.WriteFile("svc/requirements.lock", before, 0o644); err != nil {
						t.Fatal(err)
					}
					code, stdout, stderr := w.run(args...)
					results[i] = fmt.Sprintf("%d\n%s\n%s\n%s", code, stdout, stderr, lock())
				}
				if results[0] != results[2] || results[1] != results[2] {
					t.Fatalf("pylock %s, with a cache:\n%s\nagain:\n%s\nwithout:\n%s", strings.Join(args, " "), results[0], results[1], results[2])
				}
				w.env["PYLOCK_NO_CACHE"] = ""
				runs++
				if _, _, stderr := w.run(append(slices.Clone(args), "-v")...); strings.Contains(stderr, remembered) {
					hits++
				}
			}
			for range 6 {
				flags := []string{}
				if w.maybe(30) {
					flags = w.options()
				}
				check := slices.Concat([]string{"check", "svc"}, flags)
				compile := slices.Concat([]string{"compile", "svc"}, flags)
				same(check...)
				same(compile...)
				same(compile...)
				same(check...)
				what := w.edit(string(lock()))
				w.log = append(w.log, "EDIT "+what)
				w.h["index.test"] = index // what it says is fresh for a while, and so no matter of memos
				w.write()
			}
		})
	}
	t.Logf("%d of %d remembered", hits, runs)
	if hits < runs/10 {
		t.Errorf("of %d runs %d were remembered: the test shows nothing", runs, hits)
	}
}

// memoWorld is a service with a lock that is remembered to be unchanged.
func memoWorld(t *testing.T) (w *world, known func(args ...string) bool) {
	p := plainProfile()
	p.Caching = true
	t.Chdir(t.TempDir())
	w = &world{
		t: t, r: rand.New(rand.NewPCG(1, 1)), now: time.Date(2026, 3, 24, 12, 0, 0, 0, time.UTC),
		env:   map[string]string{"UV_DEFAULT_INDEX": "http://index.test/simple/", "PYLOCK_CACHE_DIR": t.TempDir()},
		files: map[string]string{".git/HEAD": "", "svc/pyproject.toml": "[project]\nname = \"svc\"\nrequires-python = \">=3.12\"\ndependencies = [\"a\"]\n"},
		h:     handlers{"index.test": indextest.MustParse("a 1\nb 1\n").Handler(p)},
	}
	w.write()
	known = func(args ...string) bool {
		t.Helper()
		code, _, stderr := w.run(append(args, "-v")...)
		if code != 0 {
			t.Fatalf("%d: %s", code, stderr)
		}
		return strings.Contains(stderr, remembered)
	}
	for range 2 {
		if known("compile", "svc") {
			t.Fatal("remembered too early")
		}
	}
	if !known("compile", "svc") {
		t.Fatal("not remembered")
	}
	return w, known
}

func TestMemoEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(w *world)
		args []string
		want bool
	}{
		{"nothing", func(*world) {}, nil, true},
		{"time, a little", func(w *world) { w.now = w.now.Add(time.Minute) }, nil, true},
		{"time", func(w *world) { w.now = w.now.Add(25 * time.Hour) }, nil, false},
		{"time runs backwards", func(w *world) { w.now = w.now.Add(-time.Minute) }, nil, false},
		{"an input", func(w *world) {
			w.files["svc/pyproject.toml"] += "[tool.x]\n[project.optional-dependencies]\nx = [\"b\"]\n"
		}, []string{"--extra=x", "--no-annotate"}, false},
		{"a requirement", func(w *world) {
			w.files["svc/pyproject.toml"] = strings.Replace(w.files["svc/pyproject.toml"], `"a"`, `"a", "a<5"`, 1)
		}, nil, false},
		{"a comment of an input", func(w *world) { w.files["svc/pyproject.toml"] += "# x\n" }, nil, true},
		{"a comment of the lock", func(w *world) {
			data, _ := os.ReadFile("svc/requirements.lock")
			w.files["svc/requirements.lock"] = string(bytes.TrimSuffix(data, []byte("\n"))) + " \n"
		}, nil, false},
		{"a setting", func(w *world) { w.files["pyproject.toml"] = "[tool.pylock]\nresolution = \"lowest\"\n" }, nil, false},
		{"python-version", func(w *world) { w.files["svc/.python-version"] = "3.13\n" }, nil, false},
		{"an option", func(*world) {}, []string{"--no-annotate"}, false},
		{"refresh", func(*world) {}, []string{"--refresh"}, false},
		{"refresh of one", func(*world) {}, []string{"--refresh-package=b"}, false},
		{"offline", func(*world) {}, []string{"--offline"}, false},
		{"another answer", func(w *world) { w.run("compile", "svc", "--refresh-package=a", "--dry-run", "-U") }, nil, false},
		{"an answer about another package", func(w *world) {
			os.WriteFile("other.in", []byte("b\n"), 0o644)
			w.run("compile", "other.in", "-p", "3.12")
		}, nil, false},
		{"answers removed", func(w *world) { w.run("cache", "clean", "b") }, nil, false},
		{"a credential", func(w *world) { w.env["UV_DEFAULT_INDEX"] = "http://u:p@index.test/simple/" }, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, known := memoWorld(t)
			tt.do(w)
			w.write()
			if got := known(append([]string{"compile", "svc"}, tt.args...)...); got != tt.want {
				t.Errorf("remembered is %t, want %t", got, tt.want)
			}
		})
	}
}

// What a command says again each time is no memo's.
func TestMemoIsSilent(t *testing.T) {
	w, known := memoWorld(t)
	p := plainProfile()
	p.Caching = true
	w.h["index.test"] = indextest.MustParse("a 1\n  @yanked broken\n").Handler(p)
	w.files["svc/pyproject.toml"] = strings.Replace(w.files["svc/pyproject.toml"], `"a"`, `"a==1"`, 1)
	w.write()
	w.run("compile", "svc", "--refresh")
	for i := range 3 {
		if known("compile", "svc") || !strings.Contains(w.log[len(w.log)-1], "yanked") {
			t.Errorf("run %d is remembered, or has no warning:\n%s", i, w.log[len(w.log)-1])
		}
	}
}

func TestFingerprint(t *testing.T) {
	type inner struct {
		list []string
		at   time.Time
	}
	type outer struct {
		Map  map[string]*inner
		any  any
		next *outer
	}
	base := func() outer {
		return outer{Map: map[string]*inner{"a": {list: []string{"x", "yz"}}, "b": nil}, any: 3}
	}
	of := func(v any) string {
		h, err := fingerprint(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(h[:])
	}
	if a, b := base(), base(); of(a) != of(b) {
		t.Error("two that are alike differ")
	}
	seen := map[string]int{of(base()): -1}
	for i, change := range []func(o *outer){
		func(o *outer) { o.Map["a"].list = []string{"xy", "z"} },
		func(o *outer) { o.Map["a"].list = []string{"x", "yz", ""} },
		func(o *outer) { o.Map["a"].list = nil },
		func(o *outer) { o.Map["a"].at = time.Unix(1, 0) },
		func(o *outer) { o.Map["b"] = &inner{} },
		func(o *outer) { o.Map["b"] = o.Map["a"] },
		func(o *outer) { o.Map["c"] = nil },
		func(o *outer) { delete(o.Map, "b") },
		func(o *outer) { o.any = "3" },
		func(o *outer) { o.any = int64(3) },
		func(o *outer) { o.any = nil },
		func(o *outer) { o.next = &outer{} },
	} {
		o := base()
		change(&o)
		if was, ok := seen[of(o)]; ok {
			t.Errorf("change %d is as %d", i, was)
		}
		seen[of(o)] = i
	}
	ring := &outer{}
	ring.next = ring
	for _, v := range []any{ring, func() {}, make(chan int), outer{any: func() {}}} {
		if _, err := fingerprint(v); err == nil {
			t.Errorf("%T has a fingerprint", v)
		}
	}
}
