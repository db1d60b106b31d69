package lockfile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/indextest"
	"github.com/pylock-dev/pylock/resolver"
)

// TestDriftReadsPinsAlone: after a thousand newer releases the lock is still up
// to date, no page is read where versions have documents of their own, and one
// a pin where they do not.
func TestDriftReadsPinsAlone(t *testing.T) {
	texts, _ := loadDrift(t)
	for _, tt := range []struct {
		name    string
		profile indextest.Profile
		paged   bool
	}{{"documents", indextest.PyPI(), false}, {"pages", indextest.Mirror(), true}, {"html", indextest.Profile{}, true}} {
		for base, settings := range bases {
			t.Run(tt.name+"/"+base, func(t *testing.T) {
				b := &bench{t: t, texts: map[string]string{}}
				for k, v := range texts {
					b.texts[k] = v
				}
				b.texts["settings"] += settings
				b.indexes.Store("index.test", universe(b.texts["index"]))
				s := b.settle()
				lock := b.compile(s, nil)
				b.texts["lock"] = string(render(lock, Style{}))
				grown := b.texts["index"]
				for n := range 1000 {
					grown += fmt.Sprintf("%s %d.0\n", lock.Pins[n%len(lock.Pins)].Name, 100+n)
				}
				h := indextest.MustParse(grown).Handler(tt.profile)
				b.indexes.Store("index.test", h)
				findings, _ := b.check(s)
				for _, f := range findings {
					t.Errorf("%s: %s", f.Place, f.Message)
				}
				pins := map[string]bool{}
				for _, p := range lock.Pins {
					pins[string(p.Name)] = true
				}
				asked := 0
				for path, n := range h.Requests().Paths {
					if n > 1 {
						t.Errorf("%d requests of %s", n, path)
					}
					switch parts := strings.Split(strings.Trim(path, "/"), "/"); {
					case parts[0] == "simple" && tt.paged && pins[parts[1]]:
						asked++
					case parts[0] == "pypi" && len(parts) == 4 && !tt.paged && pins[parts[1]]:
						asked++
					case parts[0] == "pypi" && tt.paged: // to learn that there is none
					case parts[0] == "files":
					default:
						t.Errorf("unexpected request of %s", path)
					}
				}
				want := len(lock.Pins)
				if tt.paged {
					want = len(pins)
				}
				if asked != want {
					t.Errorf("%d documents for %d pins: %v", asked, want, h.Requests().Paths)
				}
			})
		}
	}
}

// TestDriftWithoutAnIndex: an index that does not answer is an error, and no
// finding.
func TestDriftWithoutAnIndex(t *testing.T) {
	texts, _ := loadDrift(t)
	b := &bench{t: t, texts: texts}
	b.texts["settings"] += bases["single"]
	b.indexes.Store("index.test", universe(texts["index"]))
	s := b.settle()
	lock := b.compile(s, nil)
	pins, err := lock.LockedPins()
	if err != nil {
		t.Fatal(err)
	}
	c, err := index.NewClient(index.Options{DefaultIndex: "http://127.0.0.1:1/simple/", Sleep: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	v, err := resolver.Check(t.Context(), c, s.request, pins, s.want.CheckOptions())
	if err == nil || !strings.Contains(err.Error(), "not available") {
		t.Errorf("got %v, %v", v, err)
	}
	if _, ok := Failure(err, s.want); ok {
		t.Errorf("an outage became a finding")
	}
}

// TestDriftInOrder: the order of the lock's lines changes no finding but for
// places.
func TestDriftInOrder(t *testing.T) {
	texts, _ := loadDrift(t)
	b := &bench{t: t, texts: texts}
	b.texts["settings"] += bases["universal"]
	b.indexes.Store("index.test", universe(texts["index"]))
	s := b.settle()
	lock := b.compile(s, nil)
	b.edit(`svc/pyproject.toml: "loop", => "new", "more",`)
	b.edit(`svc/pyproject.toml: web[fast]>=1 => web<2`)
	b.edit(`constraints.txt: leaf<9 => leaf<2`)
	s = b.settle()
	b.editLock(lock, "drop base")
	b.editLock(lock, "foreign native")
	say := func() string {
		b.texts["lock"] = string(render(lock, Style{}))
		findings, _ := b.check(s)
		var out []string
		for _, f := range findings {
			message, _, _ := strings.Cut(f.Message, " (svc/requirements.lock")
			out = append(out, f.Rule.ID+" "+message)
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	want := say()
	for range 3 {
		slices.Reverse(lock.Pins)
		if got := say(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		lock.Pins = append(lock.Pins[2:], lock.Pins[:2]...)
	}
	if strings.Count(want, "\n") < 6 {
		t.Errorf("too little to compare:\n%s", want)
	}
}
