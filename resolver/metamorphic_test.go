package resolver

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// worldKind is a generator of worlds.
type worldKind struct {
	name  string
	cases int
	make  func(*rand.Rand) *mworld
}

// worldKinds are the generators that every property is tried on.
var worldKinds = []worldKind{
	{"one target", 400, func(r *rand.Rand) *mworld { return randomMulti(r, 1) }},
	{"several targets", 400, func(r *rand.Rand) *mworld { return randomMulti(r, 2+r.IntN(2)) }},
	{"universal", 200, func(r *rand.Rand) *mworld { return randomMulti(r, 0) }},
}

// metamorphic tries a property on worlds of each kind. The numbers that it
// draws are the same each time it judges a world, so that a failure shrinks.
func metamorphic(t *testing.T, property func(t *testing.T, w *mworld, r *rand.Rand) error) {
	for _, k := range worldKinds {
		t.Run(k.name, func(t *testing.T) {
			eachWorld(t, manyCases(k.cases), k.make, func(w *mworld) error {
				return property(t, w, rand.New(rand.NewPCG(1, 2)))
			})
		})
	}
}

// full writes all that a lock could be made of, or why there is none.
func full(res *Resolution, err error) string {
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	for _, p := range res.Packages {
		fmt.Fprintf(&b, "%s%v==%s ; %s\n  via %v\n", p.Name, p.Extras, p.Version, p.Marker, p.Via)
		for _, f := range p.Files {
			fmt.Fprintf(&b, "  file %s\n", f.Filename)
		}
		for _, f := range p.AllFiles {
			fmt.Fprintf(&b, "  of %s\n", f.Filename)
		}
		fmt.Fprintf(&b, "  index %s, yanked %t %q\n", p.Index, p.Yanked, p.YankedReason)
	}
	fmt.Fprintf(&b, "overridden %v\nwarnings %q\n", res.Overridden, res.Warnings)
	return b.String()
}

// short writes the pins alone.
func short(res *Resolution, err error) string {
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return describePins(res)
}

func differ(what, want, got string) error {
	if want == got {
		return nil
	}
	return fmt.Errorf("%s: got\n%sin the place of\n%s", what, got, want)
}

// parsedMarker is the zero Marker for "".
func parsedMarker(text string) (m pep508.Marker) {
	if text != "" {
		m, _, _ = pep508.ParseMarker(text)
	}
	return m
}

// added is a requirement that leaves no trace in what is said to ask for a package.
func added(t *testing.T, text string) project.Requirement {
	r := requirement(t, text)
	r.Origin = ""
	return r
}

// TestOrderChangesNothing: requirements, the packages and files of the index
// and the dependencies of a release may come in any order.
func TestOrderChangesNothing(t *testing.T) {
	metamorphic(t, func(t *testing.T, w *mworld, r *rand.Rand) error {
		q := w.request(t)
		want := full(ask(t, w.universe(nil), q))
		for range 2 {
			for _, l := range []*[]project.Requirement{&q.Requirements, &q.Constraints, &q.Overrides} {
				*l = slices.Clone(*l)
				r.Shuffle(len(*l), func(i, j int) { (*l)[i], (*l)[j] = (*l)[j], (*l)[i] })
			}
			if err := differ("another order", want, full(ask(t, w.universe(r.Shuffle), q))); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestLockAgainChangesNothing: the pins of a lock, given back as preferences,
// lead to the same lock; what was held back is not said again.
func TestLockAgainChangesNothing(t *testing.T) {
	metamorphic(t, func(t *testing.T, w *mworld, r *rand.Rand) error {
		q := w.request(t)
		res, err := ask(t, w.universe(nil), q)
		if err != nil {
			return nil
		}
		q.Preferences = map[pypi.Name][]Preference{}
		for _, p := range res.Packages {
			q.Preferences[p.Name] = append(q.Preferences[p.Name], Preference{Version: p.Version, Marker: parsedMarker(p.Marker)})
		}
		again, err := ask(t, w.universe(nil), q)
		if err != nil {
			return fmt.Errorf("locked again: fails: %w", err)
		}
		res.Warnings, again.Warnings = nil, nil
		return differ("locked again", full(res, nil), full(again, nil))
	})
}

// TestIdleConstraintChangesNothing: a constraint that admits every version,
// or one on a package that nobody needs, is as good as none.
func TestIdleConstraintChangesNothing(t *testing.T) {
	metamorphic(t, func(t *testing.T, w *mworld, r *rand.Rand) error {
		q := w.request(t)
		want := full(ask(t, w.universe(nil), q))
		q.Constraints = slices.Clone(q.Constraints)
		for _, p := range w.pkgs {
			for _, m := range []string{"", " ; sys_platform == 'linux'", " ; python_version >= '3.12'"} {
				if r.IntN(3) == 0 {
					q.Constraints = append(q.Constraints, added(t, p.name+">=0.1"+m))
				}
			}
		}
		q.Constraints = append(q.Constraints, added(t, "nobody<1"))
		return differ("idle constraint", want, full(ask(t, w.universe(nil), q)))
	})
}

// TestMetConstraintChangesNothing: a constraint that a lock meets leaves it
// as it is. Where the search met conflicts, the constraint may spare it some
// and change its way; then what it finds must still be a lock.
func TestMetConstraintChangesNothing(t *testing.T) {
	moved, kept := 0, 0
	metamorphic(t, func(t *testing.T, w *mworld, r *rand.Rand) error {
		q := w.request(t)
		res, err := ask(t, w.universe(nil), q)
		if err != nil || len(res.Packages) == 0 {
			return nil
		}
		p := res.Packages[r.IntN(len(res.Packages))]
		if p.Version.IsPrerelease() {
			return nil // naming one would allow them
		}
		for _, o := range res.Packages {
			if o.Name == p.Name && !o.Version.Equal(p.Version) {
				return nil
			}
		}
		q.Constraints = append(slices.Clone(q.Constraints), added(t, fmt.Sprintf("%s==%s", p.Name, p.Version)))
		got, err := ask(t, w.universe(nil), q)
		if err != nil {
			return fmt.Errorf("met constraint: %s==%s makes it fail, without it there is\n%s%w", p.Name, p.Version, describePins(res), err)
		}
		if res.Stats.Conflicts > 0 || res.Stats.Forks > 1 {
			if short(res, nil) != short(got, nil) {
				moved++
			} else {
				kept++
			}
			return nil
		}
		return differ(fmt.Sprintf("met constraint: %s==%s", p.Name, p.Version), full(res, nil), full(got, nil))
	})
	t.Logf("after conflicts: %d other locks, %d the same", moved, kept)
}

// TestPinsReproduceTheLock: requiring just what a lock pins gives the lock.
// Markers may be written otherwise, since there are more forks, and mean the same.
func TestPinsReproduceTheLock(t *testing.T) {
	refused := 0
	metamorphic(t, func(t *testing.T, w *mworld, r *rand.Rand) error {
		if len(w.overs) > 0 {
			return nil // they would replace the pins
		}
		q := w.request(t)
		res, err := ask(t, w.universe(nil), q)
		if err != nil {
			return nil
		}
		q.Requirements = slices.Clone(q.Requirements)
		for _, p := range res.Packages {
			text := fmt.Sprintf("%s==%s", p.Name, p.Version)
			if p.Marker != "" {
				text += " ; " + p.Marker
			}
			q.Requirements = append(q.Requirements, added(t, text))
		}
		pinned, err := ask(t, w.universe(nil), q)
		if w.universal() && isNoSolution(err) {
			// A wheel for one Python serves all those of its fork, as uv has
			// it; with more forks, some may have none.
			refused++
			return nil
		}
		if err != nil {
			return fmt.Errorf("pinned: fails: %w", err)
		}
		sites := w.sites
		if w.universal() {
			sites = universalSites(w.lowest)
		}
		a, errA := markersOf(res)
		b, errB := markersOf(pinned)
		if errA != nil || errB != nil {
			return fmt.Errorf("pinned: %w", errors.Join(errA, errB))
		}
		for _, s := range sites {
			want, _, errA := w.pinsAt(res, a, s.environment())
			got, _, errB := w.pinsAt(pinned, b, s.environment())
			if errA != nil || errB != nil || !maps.Equal(got, want) {
				return fmt.Errorf("pinned: at %s %v: got\n%sin the place of\n%s", s, errors.Join(errA, errB), short(pinned, nil), short(res, nil))
			}
		}
		return nil
	})
	t.Logf("universal: %d refused", refused)
}

// TestDroppedVersionCreatesNoSolution: without some version there is no
// solution where there was none; without one that a lock does not use there
// still is one, and the same where the search never turned back.
func TestDroppedVersionCreatesNoSolution(t *testing.T) {
	lost, found := 0, 0
	metamorphic(t, func(t *testing.T, w *mworld, r *rand.Rand) error {
		q := w.request(t)
		res, err := ask(t, w.universe(nil), q)
		if err != nil && !isNoSolution(err) {
			return fmt.Errorf("error: %w", err)
		}
		for i := range w.pkgs {
			if len(w.pkgs[i].versions) == 0 {
				continue
			}
			j := r.IntN(len(w.pkgs[i].versions))
			name, version := w.pkgs[i].name, ladderTexts[w.pkgs[i].versions[j].rank]
			if res != nil && slices.ContainsFunc(res.Packages, func(p Package) bool { return string(p.Name) == name && p.Version.String() == version }) {
				continue
			}
			less := w.clone()
			less.pkgs[i].versions = slices.Delete(less.pkgs[i].versions, j, j+1)
			got, err := ask(t, less.universe(nil), q)
			// A universal search may not find what is there: which releases it
			// sees decides how it forks.
			switch {
			case w.universal() && (res == nil) != (got == nil):
				if res == nil {
					found++
				} else {
					lost++
				}
			case res == nil && err == nil:
				return fmt.Errorf("dropped: without %s %s there is a solution:\n%s", name, version, describePins(got))
			case res != nil && err != nil:
				return fmt.Errorf("dropped: without %s %s this is not found again:\n%s%w", name, version, describePins(res), err)
			case res != nil && res.Stats.Conflicts == 0 && res.Stats.Forks == 1 && !w.universal():
				// Universal, a version that the lock lacks may still have been
				// chosen: the search counts what a marker admits, and what is
				// not reached where it holds is left out at the end.
				if err := differ(fmt.Sprintf("dropped: %s %s", name, version), full(res, nil), full(got, nil)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	t.Logf("universal: %d found, %d lost for a version that they do not use", found, lost)
}

// TestUnusedPackagesChangeNothing: what no requirement leads to is not seen.
func TestUnusedPackagesChangeNothing(t *testing.T) {
	metamorphic(t, func(t *testing.T, w *mworld, r *rand.Rand) error {
		q := w.request(t)
		want := full(ask(t, w.universe(nil), q))
		reached := map[int]bool{}
		var visit func(ds []mdep)
		visit = func(ds []mdep) {
			for _, d := range ds {
				if !reached[d.pkg] {
					reached[d.pkg] = true
					for _, v := range w.pkgs[d.pkg].versions {
						visit(v.deps)
					}
				}
			}
		}
		visit(w.root)
		less := w.clone()
		for i := range less.pkgs {
			if !reached[i] {
				less.pkgs[i].versions = nil
			}
		}
		more := less.universe(nil) + "aa 1.0\n  nothing>5\nzz 1.0\n  a<0\n  @yanked\n"
		if err := differ("unused packages", want, full(ask(t, less.universe(nil), q))); err != nil {
			return err
		}
		return differ("more packages", want, full(ask(t, more, q)))
	})
}

// TestTargetsInAnyOrder: which target is named first, or twice, is no matter
// to whether there is a lock, and to the lock where one choice serves all.
func TestTargetsInAnyOrder(t *testing.T) {
	moved, kept := 0, 0
	eachWorld(t, manyCases(1000), worldKinds[1].make, func(w *mworld) error {
		q := w.request(t)
		res, err := ask(t, w.universe(nil), q)
		other := w.request(t)
		slices.Reverse(other.Targets)
		got, gotErr := ask(t, w.universe(nil), other)
		switch {
		case (err == nil) != (gotErr == nil):
			return fmt.Errorf("order of targets: got\n%sin the place of\n%s", full(got, gotErr), full(res, err))
		case err != nil:
			return nil
		case res.Stats.Forks > 1:
			if full(res, nil) == full(got, nil) {
				kept++
			} else {
				moved++
			}
			return nil
		}
		return differ("order of targets", full(res, nil), full(got, nil))
	})
	t.Logf("of the forked: %d the same, %d others", kept, moved)
}
