package project

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestDocument(t *testing.T) {
	d, err := ParseDocument("x.toml", []byte("a = 'é'\nn = 1_000\nh = 0x10\nb = true\nt = 2026-01-02 03:04:05.5+01:00\nl = 2026-01-02t03:04:05\nd = 2026-01-02\n[[p]]\nk = [1, 'x']\n[[p]]\n"), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := d.Get("a").Text(); s != "é" || !ok {
		t.Errorf("got %q, %v", s, ok)
	}
	for key, want := range map[string]int64{"n": 1000, "h": 16} {
		if n, ok := d.Get(key).Int(); n != want || !ok {
			t.Errorf("%s: got %d, %v", key, n, ok)
		}
	}
	if b, ok := d.Get("b").Bool(); !b || !ok {
		t.Errorf("got %v, %v", b, ok)
	}
	for key, want := range map[string]string{"t": "2026-01-02T02:04:05.5Z", "l": "2026-01-02T03:04:05Z"} {
		if at, ok := d.Get(key).Time(); at.Format(time.RFC3339Nano) != want || !ok {
			t.Errorf("%s: got %s, %v", key, at, ok)
		}
	}
	if _, ok := d.Get("d").Time(); ok {
		t.Error("a date alone is no time")
	}
	items, ok := d.Get("p").Items()
	if !ok || len(items) != 2 || items[0].Place().String() != "x.toml:8:3" || items[1].Place().String() != "x.toml:10:3" {
		t.Errorf("got %v, %v", items, ok)
	}
	// The absent value answers everything with no.
	none := d.Get("zzz").Get("y")
	_, s := none.Text()
	_, n := none.Int()
	_, i := none.Items()
	if none.Exists() || none.IsTable() || s || n || i || none.Kind() != "absent" {
		t.Error("the absent value is something")
	}
	if err := items[0].Get("k").Errorf("no"); err.Error() != "x.toml:9:5: no\n    k = [1, 'x']\n        ^^^^^^^^" && err.Error() != "x.toml:9:1: no\n    k = [1, 'x']\n    ^" {
		t.Errorf("got %q", err)
	}
}

func TestDocumentLimits(t *testing.T) {
	many := "a = [" + strings.Repeat("1,", maxTOMLValues) + "]"
	for _, tt := range []struct {
		in    string
		limit int
	}{{"a = 1 # x", 8}, {many, len(many)}} {
		_, err := ParseDocument("x", []byte(tt.in), tt.limit)
		if ie := (*InputError)(nil); !errors.As(err, &ie) {
			t.Errorf("got %v", err)
		}
	}
}
