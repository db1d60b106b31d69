package lockfile

import "github.com/pylock-dev/pylock/resolver"

// ForeignHashes returns the pins of a lock that a resolution has in the same
// version, in the order of the lock, with those of their hashes alone that are
// of no file of it: a lock made of the resolution has others in their place.
func ForeignHashes(l *Lock, r *resolver.Resolution) []Pin {
	if l == nil {
		return nil
	}
	versions := map[string]*resolver.Package{}
	for i := range r.Packages {
		if p := &r.Packages[i]; p.Local == nil {
			versions[string(p.Name)+" "+p.Version.Key()] = p
		}
	}
	var out []Pin
	for _, pin := range l.Pins {
		p := versions[string(pin.Name)+" "+pin.Version.Key()]
		if p == nil {
			continue
		}
		if unknown, _ := resolver.HashFaults(pin.Hashes, p.AllFiles, p.Servings); len(unknown) > 0 {
			pin.Hashes = unknown
			out = append(out, pin)
		}
	}
	return out
}

// ForeignSentence says of a pin of [ForeignHashes] what is wrong with it.
func ForeignSentence(pin Pin) string {
	return foreign(pin.Hashes, string(pin.Name)+"=="+pin.Version.String())
}
