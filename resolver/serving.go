package resolver

import (
	"slices"
	"time"

	"github.com/pylock-dev/pylock/pypi/index"
)

// Serving is an environment in which a package is needed, and the files of the
// version that can be installed there, sorted by name.
type Serving struct {
	// Where names the environment, as far as files tell environments apart.
	Where string
	Files []*index.File
	// Always says that there was no choosing the version without a file for
	// it. Elsewhere the files may have come later than a lock.
	Always bool
}

// servings returns the environments of a part of the scope that some file of
// the release can serve.
func (q *question) servings(e *Package, in where) []Serving {
	var out []Serving
	ignoreWheels, ignoreSdists := q.ignores(e.Name)
	open := slices.DeleteFunc(slices.Clone(e.AllFiles), func(f *index.File) bool {
		return f.IsSdist() && ignoreSdists || !f.IsSdist() && ignoreWheels
	})
	if in.universal {
		// What speaks of one platform serves there; an sdist serves anywhere.
		platforms := map[string]bool{}
		for _, f := range open {
			if f.IsSdist() {
				platforms[""] = true
				continue
			}
			for _, t := range f.Wheel.Tags {
				if q.pythonFits(t) {
					platforms[platformMarker(t.Platform)] = true
				}
			}
		}
		for _, m := range sortedKeys(platforms) {
			if platformSet(m).and(in).isNone() {
				continue
			}
			s := Serving{Where: m}
			for _, f := range open {
				if f.IsSdist() || slices.ContainsFunc(f.Wheel.Tags, q.pythonFits) && platformsOf(f).covers(platformSet(m)) {
					s.Files = append(s.Files, f)
				}
			}
			out = append(out, s)
		}
		return out
	}
	for t := range in.each {
		s := Serving{Where: q.scope.targets[t].String(), Always: !q.scope.best}
		for _, f := range open {
			if q.admits(t, f) == refused {
				continue
			}
			if !f.IsSdist() {
				if _, ok := q.scope.tags[t].Rank(f.Wheel.Tags); !ok {
					continue
				}
			}
			s.Files = append(s.Files, f)
		}
		if len(s.Files) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// platformsOf returns the environments that the platforms of a wheel speak of.
func platformsOf(f *index.File) where {
	out := where{universal: true}
	out = out.none()
	for _, t := range f.Wheel.Tags {
		out = out.or(platformSet(platformMarker(t.Platform)))
	}
	return out
}

// HashFaults compares the hashes of a pin, "sha256:…", with the files of its
// version. It returns the hashes that are of none of them, and the
// environments in which none of the listed files can be installed though a
// file was there when the lock was made: a file uploaded since is no fault.
// Without hashes there is nothing to compare.
func HashFaults(hashes []string, all []*index.File, servings []Serving) (unknown []string, missing []Serving) {
	if len(hashes) == 0 {
		return nil, nil
	}
	list := index.NewHashList(hashes)
	listed := func(f *index.File) bool { return list.Lists(f.Hashes) }
	var newest time.Time
	for _, f := range all {
		if listed(f) && f.UploadTime.After(newest) {
			newest = f.UploadTime
		}
	}
	unknown = list.Left()
	for _, s := range servings {
		if slices.ContainsFunc(s.Files, listed) {
			continue
		}
		// A lock lists what there is: what is older than a listed file, and
		// not listed, was taken out.
		old := slices.ContainsFunc(s.Files, func(f *index.File) bool {
			return !f.UploadTime.IsZero() && !f.UploadTime.After(newest)
		})
		if s.Always || old || len(unknown) == len(hashes) {
			missing = append(missing, s)
		}
	}
	return unknown, missing
}
