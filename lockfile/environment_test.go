package lockfile

import (
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
	"github.com/pylock-dev/pylock/pypi/tags"
	"github.com/pylock-dev/pylock/resolver"
)

func targets(t *testing.T, pythons, platforms string) []resolver.Target {
	t.Helper()
	var out []resolver.Target
	for _, v := range strings.Fields(pythons) {
		for _, name := range strings.Fields(platforms) {
			p, err := tags.ParsePlatform(name)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, resolver.Target{Python: pep440.MustParse(v), Platform: p})
		}
	}
	return out
}

func markers(t *testing.T, texts ...string) []pep508.Marker {
	t.Helper()
	var out []pep508.Marker
	for _, s := range texts {
		m, _, err := pep508.ParseMarker(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func TestScopeOf(t *testing.T) {
	low := pep440.MustParse("3.12")
	for _, tt := range []struct {
		name   string
		q      resolver.Request
		want   string // environments, a line each
		python string
	}{
		{"one", resolver.Request{Targets: targets(t, "3.12", "linux")},
			"platform_machine == 'x86_64' and python_version == '3.12' and sys_platform == 'linux'", ">=3.12"},
		{"patch", resolver.Request{Targets: targets(t, "3.12.4", "linux")},
			"platform_machine == 'x86_64' and python_version == '3.12' and sys_platform == 'linux'", ">=3.12.4"},
		{"several", resolver.Request{Targets: targets(t, "3.13 3.9", "windows aarch64-apple-darwin x86_64-unknown-linux-musl linux")},
			`platform_machine == 'AMD64' and python_version == '3.13' and sys_platform == 'win32'
platform_machine == 'AMD64' and python_version == '3.9' and sys_platform == 'win32'
platform_machine == 'arm64' and python_version == '3.13' and sys_platform == 'darwin'
platform_machine == 'arm64' and python_version == '3.9' and sys_platform == 'darwin'
platform_machine == 'x86_64' and python_version == '3.13' and sys_platform == 'linux'
platform_machine == 'x86_64' and python_version == '3.9' and sys_platform == 'linux'`, ">=3.9"},
		{"universal", resolver.Request{Universal: true, LowestPython: low}, "", ">=3.12"},
		{"universal by the project", resolver.Request{Universal: true, RequiresPython: must(pep440.ParseSpecifiers(">=3.10,<4"))}, "", ">=3.10"},
		{"narrowed", resolver.Request{Universal: true, LowestPython: low, Environments: markers(t, "sys_platform == 'linux'", "sys_platform == 'darwin' or sys_platform == 'linux'")},
			"sys_platform == 'darwin'\nsys_platform == 'linux'", ">=3.12"},
		{"narrowed to all", resolver.Request{Universal: true, LowestPython: low, Environments: markers(t, "python_version >= '3.8'")}, "", ">=3.12"},
	} {
		s, err := ScopeOf(&tt.q)
		if got := strings.Join(s.Environments, "\n"); err != nil || got != tt.want || s.RequiresPython != tt.python {
			t.Errorf("%s: got %s, %v\n%s\nwant %s\n%s", tt.name, s.RequiresPython, err, got, tt.python, tt.want)
		}
		disjoint(t, s.Environments)
		// What the header says of the target leads to the same.
		if tt.q.Universal || strings.Contains(tt.python, "3.12.4") {
			continue
		}
		back := scopeOfTarget(resolver.TargetNames(tt.q.Targets))
		if got := strings.Join(back.Environments, "\n"); got != tt.want || back.RequiresPython != tt.python {
			t.Errorf("%s, from %q: got %s\n%s\nwant %s\n%s", tt.name, resolver.TargetNames(tt.q.Targets), back.RequiresPython, got, tt.python, tt.want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// disjoint checks what PEP 751 asks of environments.
func disjoint(t *testing.T, environments []string) {
	t.Helper()
	sets := markers(t, environments...)
	for i := range sets {
		for j := range i {
			if !sets[i].Set().Disjoint(sets[j].Set()) {
				t.Errorf("%s and %s overlap", environments[i], environments[j])
			}
		}
	}
}

func TestScopeOfTarget(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"CPython 3.12 and newer on every platform", ">=3.12"},
		{"CPython 3.12 and newer where sys_platform == 'linux', or where sys_platform == 'darwin'", ">=3.12 sys_platform == 'darwin' sys_platform == 'linux'"},
		{"CPython 3.12 and newer where nothing", ""},
		{"", ""}, {"CPython", ""}, {"CPython x on linux (x86_64)", ""}, {"CPython 3.12 on plan9 (mips)", ""},
		{"CPython 3.12 on linux (mips)", ""}, {"CPython 3.12 on linux", ""}, {"CPython one and newer on every platform", ""},
	} {
		s := scopeOfTarget(tt.text)
		if got := strings.TrimSpace(s.RequiresPython + " " + strings.Join(s.Environments, " ")); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestSameTarget(t *testing.T) {
	for _, c := range []struct {
		got, want   string
		same, vague bool
	}{
		{"CPython 3.12 on linux (x86_64)", "CPython 3.12 on linux (x86_64)", true, false},
		{"CPython 3.12 on linux (aarch64, x86_64)", "CPython 3.12 on linux (x86_64, aarch64)", true, false},
		{"CPython 3.12 on windows (x86_64); CPython 3.12 on linux (x86_64)", "CPython 3.12 on linux (x86_64); CPython 3.12 on windows (x86_64)", true, false},
		{"CPython 3.12 on linux (x86_64)", "CPython 3.12 on linux (x86_64, aarch64)", false, false},
		{"CPython 3.12 on linux (x86_64)", "CPython 3.13 on linux (x86_64)", false, false},
		// A lock may be older than the words for a C library.
		{"CPython 3.12 on linux (aarch64, x86_64)", "CPython 3.12 on glibc 2.17 linux (x86_64, aarch64)", true, true},
		{"CPython 3.12 on musl linux (x86_64)", "CPython 3.12 on musl 1.1 linux (x86_64)", true, true},
		{"CPython 3.12 on musl linux (x86_64)", "CPython 3.12 on glibc 2.17 linux (x86_64)", false, false},
		{"CPython 3.12 on glibc 2.17 linux (x86_64)", "CPython 3.12 on linux (x86_64)", false, false},
		{"CPython 3.12 on glibc 2.17 linux (x86_64)", "CPython 3.12 on glibc 2.31 linux (x86_64)", false, false},
		{"CPython 3.12 and newer on every platform", "CPython 3.12 and newer on every platform", true, false},
		{"CPython 3.12 and newer on every platform", "CPython 3.12 on linux (x86_64)", false, false},
		{"", "CPython 3.12 on linux (x86_64)", false, false},
	} {
		if same, vague := sameTarget(c.got, c.want); same != c.same || vague != c.vague {
			t.Errorf("sameTarget(%q, %q) = %t, %t, want %t, %t", c.got, c.want, same, vague, c.same, c.vague)
		}
	}
	for _, text := range []string{"CPython 3.12 on glibc 2.17 linux (x86_64)", "CPython 3.12 on musl 1.1 linux (x86_64)"} {
		if s := scopeOfTarget(text); len(s.Environments) != 1 {
			t.Errorf("scopeOfTarget(%q) = %+v, want one environment", text, s)
		}
	}
}
