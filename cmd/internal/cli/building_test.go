package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/build"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// TestBuildWheels chooses what a build requires as a lock does: from the first
// index that has the name, behind credentials, within the constraints and the
// cutoff, and wheels alone.
func TestBuildWheels(t *testing.T) {
	profile := indextest.PyPI()
	profile.User, profile.Password = "bob", "hunter2"
	private := indextest.Serve(t, indextest.MustParse(`maker 1
  helper
maker 2
  helper
  @sdist static
  @wheel py3-none-any
maker 3
  @sdist static
maker 4
  @uploaded 2026-01-01T00:00:00Z
`), profile)
	public := indextest.Serve(t, indextest.MustParse(`maker 99
helper 1
  @wheel py3-none-any
  @wheel cp312-cp312-manylinux_2_28_x86_64
  @wheel cp312-cp312-win_amd64
helper 2
  @python >=3.13
`), indextest.PyPI())
	c, err := index.NewClient(index.Options{
		DefaultIndex: public.SimpleURL(), ExtraIndexes: []string{strings.Replace(private.SimpleURL(), "://", "://bob:hunter2@", 1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	bound := func(text string) []project.Requirement {
		r, _, err := pep508.ParseRequirement(text)
		if err != nil {
			t.Fatal(err)
		}
		return []project.Requirement{{Requirement: r, Text: text, Origin: "-b"}}
	}
	on := &build.Python{Version: "3.12.4", Platform: "manylinux_2_36_x86_64"}
	cutoff := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		settings buildSettings
		requires string
		want     string // files, or after a dash part of the error
	}{
		{buildSettings{}, "maker", "maker-4-py3-none-any.whl"},
		{buildSettings{excludeNewer: cutoff}, "maker", "helper-1-cp312-cp312-manylinux_2_28_x86_64.whl maker-2-py3-none-any.whl"},
		{buildSettings{excludeNewerPackage: map[pypi.Name]time.Time{"maker": cutoff}}, "maker>1", "helper-1-cp312-cp312-manylinux_2_28_x86_64.whl maker-2-py3-none-any.whl"},
		{buildSettings{constraints: bound("maker<2")}, "maker", "helper-1-cp312-cp312-manylinux_2_28_x86_64.whl maker-1-py3-none-any.whl"},
		{buildSettings{}, "maker; python_version<'3'", ""},
		{buildSettings{}, "maker==3", "-only a source distribution"},
		{buildSettings{}, "maker==99", "-maker"},
		{buildSettings{}, "nothing", "-nothing"},
		{buildSettings{}, "maker @ https://example.invalid/maker-1.tar.gz", "-maker"},
		{buildSettings{}, "a b", "-a b"},
	} {
		folder := t.TempDir()
		err := test.settings.wheels(t.Context(), c, on, []string{test.requires}, folder)
		if want, bad := strings.CutPrefix(test.want, "-"); bad {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: got %v, want %q", test.requires, err, want)
			}
			continue
		}
		entries, _ := os.ReadDir(folder)
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.requires, got, err, test.want)
		}
	}
}

func TestIsInterpreter(t *testing.T) {
	for text, want := range map[string]bool{
		"3.12": false, "3.12.1": false, "": false, "3": false, "three": false,
		"python3.12": true, "/usr/bin/python3": true, `C:\Python\python.exe`: true, "./python": true, "pypy3": true,
	} {
		if got := isInterpreter(text); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}
