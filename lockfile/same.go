package lockfile

import (
	"fmt"
	"slices"
	"strings"
)

// Same returns nil when pip would install the same files from both locks, and
// else an error that names the first difference. Comments and the order of
// lines do not count.
func Same(a, b *Lock) error {
	if err := sameStrings("option", a.Options, b.Options); err != nil {
		return err
	}
	if err := sameStrings("entry", direct(a), direct(b)); err != nil {
		return err
	}
	x, y := sortedPins(a), sortedPins(b)
	for i := 0; i < len(x) || i < len(y); i++ {
		switch {
		case i == len(y) || i < len(x) && x[i].Name < y[i].Name:
			return fmt.Errorf("%s==%s is only in the first", x[i].Name, x[i].Version)
		case i == len(x) || y[i].Name < x[i].Name:
			return fmt.Errorf("%s==%s is only in the second", y[i].Name, y[i].Version)
		}
		if err := samePin(&x[i], &y[i]); err != nil {
			return err
		}
	}
	return nil
}

func samePin(a, b *Pin) error {
	switch {
	case !a.Version.Equal(b.Version):
		return fmt.Errorf("%s is %s in the first and %s in the second", a.Name, a.Version, b.Version)
	case a.Marker != b.Marker:
		return fmt.Errorf("the marker of %s is %q in the first and %q in the second", a.Name, a.Marker, b.Marker)
	case !slices.Equal(a.Extras, b.Extras):
		return fmt.Errorf("the extras of %s are %q in the first and %q in the second", a.Name, a.Extras, b.Extras)
	}
	return sameStrings("hash of "+string(a.Name), a.Hashes, b.Hashes)
}

func sortedPins(l *Lock) []Pin {
	pins := slices.Clone(l.Pins)
	slices.SortFunc(pins, comparePins)
	return pins
}

func direct(l *Lock) []string {
	var s []string
	for _, d := range l.Direct {
		s = append(s, strings.Join(append([]string{d.line()}, d.Hashes...), " "))
	}
	return s
}

func sameStrings(what string, a, b []string) error {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	if slices.Equal(a, b) {
		return nil
	}
	for _, s := range a {
		if !slices.Contains(b, s) {
			return fmt.Errorf("the %s %q is only in the first", what, s)
		}
	}
	for _, s := range b {
		if !slices.Contains(a, s) {
			return fmt.Errorf("the %s %q is only in the second", what, s)
		}
	}
	return fmt.Errorf("the %s %q does not occur equally often", what, a)
}

// sameComments compares what [Same] leaves out.
func sameComments(a, b *Lock) error {
	if !slices.Equal(a.Header, b.Header) {
		return fmt.Errorf("the header is %q in the first and %q in the second", a.Header, b.Header)
	}
	if !slices.Equal(a.Trailer, b.Trailer) {
		return fmt.Errorf("the trailer is %q in the first and %q in the second", a.Trailer, b.Trailer)
	}
	for i := range a.Direct {
		d, e := &a.Direct[i], &b.Direct[i]
		if err := sameStrings("label of "+string(d.Name), d.Via, e.Via); err != nil {
			return err
		}
		if d.From != e.From {
			return fmt.Errorf("%s is from %q in the first and from %q in the second", d.Name, d.From, e.From)
		}
	}
	x, y := sortedPins(a), sortedPins(b)
	for i := range x {
		if err := sameStrings("label of "+string(x[i].Name), x[i].Via, y[i].Via); err != nil {
			return err
		}
		if x[i].From != y[i].From {
			return fmt.Errorf("the index of %s is %q in the first and %q in the second", x[i].Name, x[i].From, y[i].From)
		}
	}
	return nil
}
