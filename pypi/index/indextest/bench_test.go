package indextest

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// ladder is a project of n releases.
func ladder(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "ladder 1.%d\n  core<2,>=1.%d\n  @python >=3.9\n", i, i)
	}
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	text := ladder(2000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstPage includes making 2,000 wheels, which a page needs for their hashes.
func BenchmarkFirstPage(b *testing.B) {
	u := MustParse(ladder(2000))
	r := httptest.NewRequest("GET", "/simple/ladder/", nil)
	for b.Loop() {
		w := httptest.NewRecorder()
		u.Handler(PyPI()).ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
