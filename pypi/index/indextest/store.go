package indextest

import "sync"

// store is a universe laid out for serving. Files and pages are made when first asked for, so that a universe of
// thousands of releases costs what is used of it.
type store struct {
	universe *Universe
	projects map[string][]*file // by normalized name: files in order of release
	files    map[string]*file
	pages    sync.Map // pageKey → []byte
}

type pageKey struct{ kind, name, version, base string }

func newStore(u *Universe) *store {
	s := &store{universe: u, projects: map[string][]*file{}, files: map[string]*file{}}
	for _, p := range u.Projects {
		for _, r := range p.Releases {
			for _, f := range artefacts(p, r) {
				s.projects[p.Name] = append(s.projects[p.Name], f)
				s.files[f.name] = f
			}
		}
	}
	return s
}

// page returns the bytes of a page, made once.
func (s *store) page(key pageKey, render func() []byte) []byte {
	if body, ok := s.pages.Load(key); ok {
		return body.([]byte)
	}
	body, _ := s.pages.LoadOrStore(key, render())
	return body.([]byte)
}
