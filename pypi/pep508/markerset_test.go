package pep508

import (
	"strings"
	"testing"
)

func mustMarker(tb testing.TB, text string) Marker {
	tb.Helper()
	if text == "" {
		return Marker{}
	}
	m, _, err := ParseMarker(text)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestMarkerRelations(t *testing.T) {
	type relation struct {
		Disjoint bool
		AB       bool `json:"a_implies_b"`
		BA       bool `json:"b_implies_a"`
	}
	relations := load[struct {
		Relations []struct {
			A, B string
			relation
			UV relation
		}
	}](t, "marker_relations").Relations
	// The universe of the uv column has no platform_system that goes with sys_platform emscripten.
	excepted := exceptions{}
	world := mustMarker(t, "sys_platform != 'emscripten'").KnownSet()
	for _, c := range relations {
		for _, known := range []bool{false, true} {
			want, a, b := c.relation, mustMarker(t, c.A).Set(), mustMarker(t, c.B).Set()
			if known {
				want, a, b = c.UV, mustMarker(t, c.A).KnownSet(), mustMarker(t, c.B).KnownSet()
			}
			get := func() relation { return relation{a.Disjoint(b), a.Implies(b), b.Implies(a)} }
			got := get()
			if known && got != want && strings.Contains(c.A+c.B, "emscripten") {
				excepted["no environment of theirs has sys_platform emscripten"]++
				a, b = a.And(world), b.And(world)
				got = get()
			}
			if got != want {
				t.Errorf("known=%v\na %s\nb %s\ngot %v, want %v", known, c.A, c.B, got, want)
			}
		}
	}
	excepted.check(t, exceptions{"no environment of theirs has sys_platform emscripten": 83})
	t.Logf("%d relations, each with and without knowledge of platforms", len(relations))
}
