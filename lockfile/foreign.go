package lockfile

import "github.com/pylock-dev/pylock/resolver"

// ForeignHashes returns the pins of a lock that a resolution has in the same
// version, in the order of the lock, with those of their hashes alone that are
// of no file of it: a lock made of the resolution has others in their place.
func ForeignHashes(l *Lock, r *resolver.Resolution) []Pin {
	if l == nil {
		return nil
	}
	var out []Pin
	for _, pin := range l.Pins {
		if p := counterpart(&pin, r); p != nil {
			if unknown, _ := resolver.HashFaults(pin.Hashes, p.AllFiles, p.Servings); len(unknown) > 0 {
				pin.Hashes = unknown
				out = append(out, pin)
			}
		}
	}
	return out
}

// counterpart is what a resolution has in the version of a pin, nil for nothing.
// It may have that from several indexes, each for environments of its own.
func counterpart(pin *Pin, r *resolver.Resolution) *resolver.Package {
	var found *resolver.Package
	for i := range r.Packages {
		p := &r.Packages[i]
		if p.Local == nil && p.Name == pin.Name && p.Version.Equal(pin.Version) && (found == nil || p.Marker == pin.Marker) {
			found = p
		}
	}
	return found
}

// ForeignSentence says of a pin of [ForeignHashes] what is wrong with it.
func ForeignSentence(pin Pin) string {
	return foreign(pin.Hashes, string(pin.Name)+"=="+pin.Version.String())
}
