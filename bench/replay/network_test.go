package replay

import (
	"testing"
	"time"
)

func TestLinkDue(t *testing.T) {
	l := &link{net: Network{RoundTrip: time.Second, Bandwidth: 8000}} // 1,000 bytes a second
	start := time.Now()
	near := func(got time.Time, want time.Duration) {
		t.Helper()
		if d := got.Sub(start); d < want || d > want+900*time.Millisecond {
			t.Errorf("due after %s, want %s", d, want)
		}
	}
	near(l.due(1000, false), 2*time.Second)
	near(l.due(1000, false), 3*time.Second) // the link is taken until then
	near(l.due(5000, false), 8*time.Second)
	near(l.due(0, true), 8*time.Second)
	l = &link{net: Network{RoundTrip: 10 * time.Second}}
	near(l.due(1000, true), 20*time.Second) // TCP's handshake, too
	near(l.due(1000, false), 20*time.Second)
	if due := (&link{}).due(1000, true); !due.IsZero() {
		t.Errorf("without a network due at %s", due)
	}
}

func TestSend(t *testing.T) {
	for _, n := range Networks() {
		want := map[string]time.Duration{"none": 0, "1ms": 8 * time.Millisecond, "10ms": 80 * time.Millisecond, "40ms": 800 * time.Millisecond}[n.Name]
		if got := n.Send(10_000_000); got != want {
			t.Errorf("%s: 10 MB take %s, want %s", n.Name, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, n := range Networks() {
		if got, err := NetworkOf(n.Name); err != nil || got != n {
			t.Errorf("%s is %v, %v", n.Name, got, err)
		}
	}
	if _, err := NetworkOf("fast"); err == nil {
		t.Error("there is a network fast")
	}
	if _, err := ProfileOf("devpi"); err == nil {
		t.Error("there is a profile devpi")
	}
}
