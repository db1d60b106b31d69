package tags

import (
	"strings"
	"testing"
)

// TestNearestPlatforms: of a name that is unknown, the system and the processor
// are what was meant.
func TestNearestPlatforms(t *testing.T) {
	for text, want := range map[string]string{
		"x86_64-musllinux":      "x86_64-unknown-linux-musl, aarch64-unknown-linux-musl",
		"aarch64-musl":          "aarch64-unknown-linux-musl, x86_64-unknown-linux-musl",
		"musllinux_x86_64":      "x86_64-unknown-linux-musl, aarch64-unknown-linux-musl",
		"alpine":                "aarch64-unknown-linux-musl, x86_64-unknown-linux-musl",
		"x86_64-darwin":         "x86_64-apple-darwin",
		"macos-arm64":           "macos, aarch64-apple-darwin",
		"win64":                 "windows",
		"windwos":               "windows",
		"linux-aarch64":         "aarch64-manylinux2014",
		"linux/amd64":           "linux, x86_64-",
		"x86_64-manylinux_2_29": "x86_64-manylinux_2_28",
	} {
		_, err := ParsePlatform(text)
		if err == nil || !strings.Contains(err.Error(), ": use "+want) {
			t.Errorf("ParsePlatform(%q) fails with %v, want use %s", text, err, want)
		}
	}
}
