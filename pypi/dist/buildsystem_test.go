package dist

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseBuildSystem(t *testing.T) {
	const legacy = "[setuptools >= 40.8.0] setuptools.build_meta:__legacy__ []"
	for _, test := range []struct{ name, in, want string }{
		{"no file", "", legacy},
		{"no table", "[project]\nname = 'a'\n", legacy},
		{"no backend", "[build-system]\nrequires = ['setuptools', 'cython']\n", "[setuptools cython] setuptools.build_meta:__legacy__ []"},
		{"backend", "[build-system]\nrequires = ['flit_core >=3.2,<4']\nbuild-backend = 'flit_core.buildapi'\n", "[flit_core >=3.2,<4] flit_core.buildapi []"},
		{"object", "[build-system]\nrequires = []\nbuild-backend = 'a.b:c.d'\n", "[] a.b:c.d []"},
		{"in the tree", "\xef\xbb\xbf[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.', 'tools/x']\nother = 1\n", "[] backend [. tools/x]"},
		{"no requires", "[build-system]\nbuild-backend = 'a'\n", "error build-system.requires"},
		{"bad requirement", "[build-system]\nrequires = ['a b']\n", "error build-system.requires"},
		{"requires of another type", "[build-system]\nrequires = 'a'\n", "error "},
		{"bad backend", "[build-system]\nrequires = []\nbuild-backend = 'a; import os'\n", "error build-system.build-backend"},
		{"empty backend", "[build-system]\nrequires = []\nbuild-backend = ''\n", "error build-system.build-backend"},
		{"path without backend", "[build-system]\nrequires = []\nbackend-path = ['.']\n", "error build-system.backend-path"},
		{"path outside", "[build-system]\nrequires = []\nbuild-backend = 'a'\nbackend-path = ['../b']\n", "error build-system.backend-path"},
		{"absolute path", "[build-system]\nrequires = []\nbuild-backend = 'a'\nbackend-path = ['/b']\n", "error build-system.backend-path"},
		{"many", "[build-system]\nrequires = [" + strings.Repeat("'a',", MaxBuildRequires+1) + "]\n", "error build-system.requires"},
		{"not TOML", "[build-system", "error "},
		{"large", strings.Repeat("#", MaxPyproject+1), "error "},
	} {
		s, err := ParseBuildSystem([]byte(test.in))
		if want, bad := strings.CutPrefix(test.want, "error "); bad {
			if err == nil || !strings.Contains(err.Error(), want) || s != nil {
				t.Errorf("%s: got %v, %v", test.name, s, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := fmt.Sprint(s.Requires, " ", s.Backend, " ", s.BackendPath); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}
