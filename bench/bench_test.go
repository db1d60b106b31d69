package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/bench/replay"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

const ours = `# by pylock
a==1.0 \
    --hash=sha256:11 \
    --hash=sha256:22
    # via s (pyproject.toml)
b==2.0 ; sys_platform == 'linux' \
    --hash=sha256:33
    # via
    #   a
    #   c
c==3.0 \
    --hash=sha256:44
    # via b
`

func TestDifferences(t *testing.T) {
	for _, tt := range []struct {
		name, uv string
		want     []string
	}{
		{"same in another order", "c==3.0 --hash=sha256:44\nb==2.0 ; x\n    --hash=sha256:33\na==1.0 \\\n    --hash=sha256:22 \\\n    --hash=sha256:11\n", []string{"c: the same version, other hashes"}},
		{"none", ours, nil},
		{"version, missing, more", strings.Replace(strings.Replace(ours, "a==1.0", "a==1.1", 1), "c==3.0", "d==3.0", 1), []string{"a: pylock 1.0, uv 1.1", "c: pylock 3.0, uv none", "d: pylock none, uv 3.0"}},
		{"hashes", strings.Replace(ours, "22", "23", 1), []string{"a: the same version, other hashes"}},
	} {
		got, err := differences(write(t, "ours", ours), write(t, "uv", tt.uv))
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestDepth(t *testing.T) {
	if got, err := depth(write(t, "lock", ours)); err != nil || got != 3 {
		t.Errorf("got %d, %v, want 3: a, b, c", got, err)
	}
}

func TestSummaries(t *testing.T) {
	at := func(ms ...int) (out []sample) {
		for _, n := range ms {
			out = append(out, sample{Wall: time.Duration(n) * time.Millisecond})
		}
		return
	}
	var r result
	r.summarize(at(10, 30, 20), at(40, 30, 20))
	if r.Pylock.Wall != 20*time.Millisecond || r.Ratio != 1.5 || r.PairRatio != 1 || r.Pairs != 3 {
		t.Errorf("got %+v", r)
	}
	if got := median([]int{4, 1, 3, 2}); got != 2 {
		t.Errorf("the median of 1, 2, 3, 4 is %d, want 2, rounded down", got)
	}
}

func TestMergeAndSection(t *testing.T) {
	name := filepath.Join(t.TempDir(), "results.json")
	head := heading{Date: "2026-01-02", UV: "uv 1"}
	result := func(net, name string, wall time.Duration) result {
		r := result{Name: name, Title: name, Net: net, Profile: "pypi", Goal: 2, Differences: []string{"a: x"}}
		r.summarize([]sample{{Wall: wall}}, []sample{{Wall: 3 * wall}})
		return r
	}
	var file *resultFile
	for _, r := range []struct {
		uv, net, name string
		wall          time.Duration
	}{{"uv 0", "10ms", "old", 1}, {"uv 1", "40ms", "cold", time.Second}, {"uv 1", "10ms", "unchanged", 1}, {"uv 1", "10ms", "cold", 2}, {"uv 1", "10ms", "unchanged", time.Minute}} {
		head.UV = r.uv
		var err error
		if file, err = merge(name, head, result(r.net, r.name, r.wall)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, r := range file.Results {
		got = append(got, r.Net+" "+r.Name+" "+seconds(r.Pylock.Wall))
	}
	if want := []string{"10ms cold 0.0 ms", "10ms unchanged 60.00 s", "40ms cold 1.00 s"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	docs := write(t, "docs.md", "before\n<!-- written by make bench, from here -->\nold\n<!-- make bench: to here -->\nafter\n")
	if err := writeSection(docs, "bench", file.markdown()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n", "\nafter\n", "2 times: met", "### 40ms round trip", "- cold (0 pins): a: x"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "old\n") {
		t.Error("the old section is still there")
	}
	if err := writeSection(write(t, "none.md", "text"), "bench", ""); err == nil {
		t.Error("a file without the section is accepted")
	}
}

// TestSynthetic holds that the repository is the same each time, and needs what it says.
func TestSynthetic(t *testing.T) {
	first, services := synthetic([]int{90, 70, 30, 10}, 50)
	again, same := synthetic([]int{90, 70, 30, 10}, 50)
	if len(services) != 50 || !slices.EqualFunc(services, same, slices.Equal[[]string]) {
		t.Error("another draw gives other services")
	}
	if a, b := first.Projects(), again.Projects(); len(a) != 200 || len(a) != len(b) || len(a[7].Files) != len(b[7].Files) {
		t.Errorf("%d packages, then %d", len(a), len(b))
	}
	for _, s := range services {
		for _, r := range s {
			if p, _ := first.Project(t.Context(), r[:len("package-0000")]); p == nil {
				t.Fatalf("no package for %q", r)
			}
		}
	}
}

// TestSlice holds that what is committed can be served, and names neither a host nor a folder.
func TestSlice(t *testing.T) {
	s, err := replay.Load("../testdata/bench/slice.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Projects() {
		for _, f := range p.Files {
			if strings.Contains(f.Path, ":") || strings.HasPrefix(f.Path, "/") || !strings.HasSuffix(f.Path, "/"+f.Name) {
				t.Errorf("%s has the path %s", f.Name, f.Path)
			}
		}
	}
	for _, p := range s.Projects() {
		for _, f := range p.Files {
			text, err := s.Metadata(t.Context(), p, f)
			if err != nil || strings.Contains(string(text), "://") {
				t.Errorf("%s: %v, %s", f.Name, err, text)
			}
		}
	}
	if projects, _, texts := s.Counts(); projects < 90 || texts < 90 {
		t.Errorf("%d packages, the metadata of %d versions", projects, texts)
	}
}
