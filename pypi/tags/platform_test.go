package tags

import (
	"slices"
	"strings"
	"testing"
)

func TestParsePlatform(t *testing.T) {
	for _, test := range []struct {
		in, want, os, arch, best string
	}{
		{"linux", "x86_64-manylinux_2_28", "linux", "x86_64", "manylinux_2_28_x86_64"},
		{"x86_64-unknown-linux-gnu", "x86_64-manylinux_2_28", "linux", "x86_64", "manylinux_2_28_x86_64"},
		{"aarch64-unknown-linux-gnu", "aarch64-manylinux_2_28", "linux", "aarch64", "manylinux_2_28_aarch64"},
		{"riscv64-unknown-linux", "riscv64-unknown-linux", "linux", "riscv64", "manylinux_2_39_riscv64"},
		{"x86_64-unknown-linux-musl", "x86_64-unknown-linux-musl", "linux", "x86_64", "musllinux_1_2_x86_64"},
		{"x86_64-manylinux2014", "x86_64-manylinux_2_17", "linux", "x86_64", "manylinux_2_17_x86_64"},
		{"manylinux2014_aarch64", "aarch64-manylinux_2_17", "linux", "aarch64", "manylinux_2_17_aarch64"},
		{"manylinux_2_40_x86_64", "x86_64-manylinux_2_40", "linux", "x86_64", "manylinux_2_40_x86_64"},
		{"manylinux_2_24_x86_64", "manylinux_2_24_x86_64", "linux", "x86_64", "manylinux_2_24_x86_64"},
		{"x8664-manylinux231", "x86_64-manylinux_2_31", "linux", "x86_64", "manylinux_2_31_x86_64"},
		{"x8664-apple-darwin", "x86_64-apple-darwin", "macos", "x86_64", "macosx_13_0_x86_64"},
		{"macos", "aarch64-apple-darwin", "macos", "aarch64", "macosx_13_0_arm64"},
		{"macosx_14_0_arm64", "macosx_14_0_arm64", "macos", "aarch64", "macosx_14_0_arm64"},
		{"windows", "x86_64-pc-windows-msvc", "windows", "x86_64", "win_amd64"},
		{"win_amd64", "x86_64-pc-windows-msvc", "windows", "x86_64", "win_amd64"},
		{"arm64-pc-windows-msvc", "aarch64-pc-windows-msvc", "windows", "aarch64", "win_arm64"},
		{"i686-pc-windows-msvc", "i686-pc-windows-msvc", "windows", "i686", "win32"},
		{"aarch64-linux-android", "aarch64-linux-android", "android", "aarch64", "android_24_arm64_v8a"},
		{"arm64-apple-ios", "arm64-apple-ios", "ios", "aarch64", "ios_13_0_arm64_iphoneos"},
		{"x86_64-apple-ios-simulator", "x86_64-apple-ios-simulator", "ios", "x86_64", "ios_13_0_x86_64_iphonesimulator"},
		{"wasm32-pyodide2025", "wasm32-pyodide2025", "pyodide", "wasm32", "pyemscripten_2025_0_wasm32"},
	} {
		p, err := ParsePlatform(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		best := p.Tags()[0]
		if p.OS() == Linux {
			best = p.Tags()[1]
		}
		if p.String() != test.want || string(p.OS()) != test.os || p.Arch() != test.arch || best != test.best {
			t.Errorf("%s: got %s, %s, %s, %s, want %s, %s, %s, %s", test.in,
				p, p.OS(), p.Arch(), best, test.want, test.os, test.arch, test.best)
		}
	}
}

func TestPlatformNames(t *testing.T) {
	names := PlatformNames()
	if len(names) != 46 {
		t.Errorf("got %d names, want uv's 46", len(names))
	}
	for _, name := range names {
		p, err := ParsePlatform(name)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePlatform(p.String())
		if err != nil || again != p {
			t.Errorf("%s: %s reads back as %v, %v", name, p, again, err)
		}
	}
}

func TestParsePlatformErrors(t *testing.T) {
	for _, test := range []struct{ in, hint string }{
		{"", "linux"},
		{"linx", "linux"},
		{"osx", "macos"},
		{"Linux", "linux"},
		{"x86_64-manylinux_2_29", "x86_64-manylinux_2_28"},
		{"darwin", "aarch64-apple-darwin"},
		{"musl", "x86_64-unknown-linux-musl"},
		{"manylinux_2_17_vax", "x86_64-manylinux_2_17"},
		{"manylinux_3_0_x86_64", ""},
		{"manylinux_2_017_x86_64", ""},
		{"manylinux_2_999999_x86_64", ""},
		{"musllinux_2_0_x86_64", ""},
		{"macosx_9_0_x86_64", ""},
		{"macosx_2024_0_arm64", ""},
		{"macosx_10_17_x86_64", ""},
		{"ios_11_0_arm64_iphoneos", ""},
		{"ios_13_0_x86_64_iphoneos", ""},
		{"android_15_x86_64", ""},
		{"win32_x", ""},
		{strings.Repeat("x", 100000), ""},
	} {
		p, err := ParsePlatform(test.in)
		if err == nil {
			t.Errorf("%.40q: got %s, want an error", test.in, p)
			continue
		}
		_, hints, _ := strings.Cut(err.Error(), "use ")
		if test.hint != "" && !slices.Contains(strings.Split(hints, ", "), test.hint) {
			t.Errorf("%.40q: got %q, want %s among the names", test.in, err, test.hint)
		}
		if len(err.Error()) > 500 {
			t.Errorf("%.40q: got a message of %d bytes", test.in, len(err.Error()))
		}
	}
}

func TestMarkers(t *testing.T) {
	for _, test := range []struct {
		name string
		want Markers
	}{
		{"linux", Markers{OSName: "posix", SysPlatform: "linux", PlatformSystem: "Linux", PlatformMachine: "x86_64"}},
		{"aarch64-unknown-linux-musl", Markers{OSName: "posix", SysPlatform: "linux", PlatformSystem: "Linux", PlatformMachine: "aarch64"}},
		{"macos", Markers{OSName: "posix", SysPlatform: "darwin", PlatformSystem: "Darwin", PlatformMachine: "arm64"}},
		{"x86_64-apple-darwin", Markers{OSName: "posix", SysPlatform: "darwin", PlatformSystem: "Darwin", PlatformMachine: "x86_64"}},
		{"windows", Markers{OSName: "nt", SysPlatform: "win32", PlatformSystem: "Windows", PlatformMachine: "AMD64"}},
		{"aarch64-pc-windows-msvc", Markers{OSName: "nt", SysPlatform: "win32", PlatformSystem: "Windows", PlatformMachine: "ARM64"}},
		{"i686-pc-windows-msvc", Markers{OSName: "nt", SysPlatform: "win32", PlatformSystem: "Windows", PlatformMachine: "x86"}},
		{"aarch64-linux-android", Markers{OSName: "posix", SysPlatform: "android", PlatformSystem: "Android", PlatformMachine: "aarch64"}},
		{"arm64-apple-ios", Markers{OSName: "posix", SysPlatform: "ios", PlatformSystem: "iOS", PlatformMachine: "arm64"}},
		{"wasm32-pyodide2024", Markers{OSName: "posix", SysPlatform: "emscripten", PlatformSystem: "Emscripten",
			PlatformMachine: "wasm32", PlatformRelease: "3.1.58", PlatformVersion: "#1"}},
	} {
		p, err := ParsePlatform(test.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Markers(); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
		want := test.want
		if test.name == "windows" {
			want.PlatformMachine = "x86_64"
		}
		if got := p.UVMarkers(); got != want {
			t.Errorf("%s: got %+v for uv, want %+v", test.name, got, want)
		}
	}
}

func TestLibc(t *testing.T) {
	for name, want := range map[string]Libc{
		"linux":                      {"glibc", 2, 28},
		"aarch64-unknown-linux-musl": {"musl", 1, 2},
		"macos":                      {},
	} {
		p, err := ParsePlatform(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Libc(); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if !(Platform{}).IsZero() || len(For(Python{Implementation: "cp", Major: 3, Minor: 12}, Platform{}).Tags()) != 15 {
		t.Error("the zero Platform supports more than pure Python")
	}
}

func FuzzParsePlatform(f *testing.F) {
	for _, name := range PlatformNames() {
		f.Add(name)
	}
	for _, v := range readVectors(f).Platforms {
		f.Add(vectorName(v.name))
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePlatform(s)
		if err != nil {
			return
		}
		again, err := ParsePlatform(p.String())
		if err != nil || again != p {
			t.Fatalf("%q: %s reads back as %+v, %v, want %+v", s, p, again, err, p)
		}
		if n := len(p.Tags()); n == 0 || n > 6*(maxPlatformVersion+16)+1 && p.OS() != IOS {
			t.Fatalf("%q: got %d tags", s, n)
		}
	})
}

func BenchmarkParsePlatform(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePlatform("aarch64-manylinux_2_28"); err != nil {
			b.Fatal(err)
		}
	}
}
