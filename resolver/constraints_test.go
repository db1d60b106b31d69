package resolver

import (
	"testing"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// TestConstraintsOfALock: the pins of a universal lock, as constraints of the
// next one, split it no further than that lock was.
func TestConstraintsOfALock(t *testing.T) {
	universe := `click 8
  colorama; platform_system == "Windows"
colorama 1
colorama 0.9
typing 1
typing 0.9
numpy 2
  @python >=3.12
numpy 1
app 1
  click
  numpy
  typing; python_version < "3.13"
`
	q := Request{Universal: true, LowestPython: pep440.MustParse("3.11"), Requirements: []project.Requirement{requirement(t, "app")}}
	first, err := ask(t, universe, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range first.Packages {
		text := string(p.Name) + "==" + p.Version.String()
		if p.Marker != "" {
			text += " ; " + p.Marker
		}
		q.Constraints = append(q.Constraints, requirement(t, text))
	}
	second, err := ask(t, universe, q)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describePins(second), describePins(first); got != want {
		t.Errorf("constrained by the lock:\n%swant\n%s", got, want)
	}
	if second.Stats.Forks > first.Stats.Forks {
		t.Errorf("%d parts, without the constraints %d", second.Stats.Forks, first.Stats.Forks)
	}
}
