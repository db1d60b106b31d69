package build

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/dist"
)

func TestStatic(t *testing.T) {
	const (
		static  = "[project]\nname = 'a'\nversion = '1'\ndependencies = ['toml']\n"
		dynamic = "[project]\nname = 'a'\nversion = '1'\ndynamic = ['dependencies']\n"
		info    = "Metadata-Version: 2.2\nName: a\nVersion: 1\nRequires-Dist: info\n"
	)
	for _, test := range []struct {
		name  string
		files []any
		want  string // what it requires, "dynamic", or after a dash part of another error
	}{
		{"pyproject.toml", []any{"a-1/pyproject.toml", static}, "toml"},
		{"both", []any{"a-1/pyproject.toml", static, "a-1/PKG-INFO", info}, "toml"},
		{"PKG-INFO where the table is dynamic", []any{"a-1/pyproject.toml", dynamic, "a-1/PKG-INFO", info}, "info"},
		{"PKG-INFO alone", []any{"a-1/PKG-INFO", info, "a-1/setup.py", ""}, "info"},
		{"old PKG-INFO", []any{"a-1/PKG-INFO", strings.Replace(info, "2.2", "2.1", 1)}, "dynamic"},
		{"partly static", []any{"a-1/pyproject.toml", dynamic + "dependencies = ['x']\n", "a-1/PKG-INFO", info + "Dynamic: Requires-Dist\n"}, "dynamic"},
		{"setup.cfg", []any{"a-1/setup.cfg", "[options]\ninstall_requires = x\n"}, "dynamic"},
		{"damaged", []any{"a-1/pyproject.toml", "[project"}, "dynamic"},
		{"nothing", []any{"a-1/setup.py", ""}, "dynamic"},
		{"traversal", []any{"../pyproject.toml", static}, "-leads out"},
	} {
		m, err := StaticArchive(save(t, pack(t, test.files...)), "a-1.tar.gz")
		var failed *Error
		switch want, bad := strings.CutPrefix(test.want, "-"); {
		case bad:
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", test.name, err)
			}
		case test.want == "dynamic":
			if !errors.Is(err, dist.ErrDynamic) || m != nil {
				t.Errorf("%s: got %v, %v", test.name, m, err)
			}
		case err != nil || len(m.Requires) != 1 || m.Requires[0].String() != test.want || m.Version.String() != "1":
			t.Errorf("%s: got %+v, %v", test.name, m, err)
		}
	}
	// A link is not followed: it may lead anywhere.
	dir := t.TempDir()
	other := filepath.Join(t.TempDir(), "pyproject.toml")
	if err := errors.Join(os.WriteFile(other, []byte(static), 0o644), os.Symlink(other, filepath.Join(dir, "pyproject.toml"))); err != nil {
		t.Fatal(err)
	}
	if _, err := StaticTree(dir); !errors.Is(err, dist.ErrDynamic) {
		t.Errorf("got %v", err)
	}
}
