package indextest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

const apiMaxAge = "max-age=900, public"

type apiPage struct {
	Info            apiInfo              `json:"info"`
	LastSerial      int                  `json:"last_serial"`
	Ownership       map[string]any       `json:"ownership"`
	Releases        map[string][]apiFile `json:"releases,omitempty"` // of the project's document alone
	URLs            []apiFile            `json:"urls"`
	Vulnerabilities []string             `json:"vulnerabilities"`
}

type apiInfo struct {
	Author         string   `json:"author"`
	Classifiers    []string `json:"classifiers"`
	Description    string   `json:"description"`
	Dynamic        []string `json:"dynamic"`
	License        *string  `json:"license"`
	Name           string   `json:"name"`
	PackageURL     string   `json:"package_url"`
	ProvidesExtra  []string `json:"provides_extra"`
	ReleaseURL     string   `json:"release_url"`
	RequiresDist   []string `json:"requires_dist"`
	RequiresPython *string  `json:"requires_python"`
	Summary        string   `json:"summary"`
	Version        string   `json:"version"`
	Yanked         bool     `json:"yanked"`
	YankedReason   *string  `json:"yanked_reason"`
}

type apiFile struct {
	CommentText    string            `json:"comment_text"`
	Digests        map[string]string `json:"digests"`
	Downloads      int               `json:"downloads"`
	Filename       string            `json:"filename"`
	HasSig         bool              `json:"has_sig"`
	MD5            string            `json:"md5_digest"`
	PackageType    string            `json:"packagetype"`
	PythonVersion  string            `json:"python_version"`
	RequiresPython *string           `json:"requires_python"`
	Size           int               `json:"size"`
	UploadTime     string            `json:"upload_time,omitempty"`
	UploadTimeISO  string            `json:"upload_time_iso_8601,omitempty"`
	URL            string            `json:"url"`
	Yanked         bool              `json:"yanked"`
	YankedReason   *string           `json:"yanked_reason"`
}

// api answers /pypi/NAME/json and /pypi/NAME/VERSION/json as PyPI does: the document of a version has no releases, and
// requires_dist is null where there is none.
func (h *Handler) api(s *store, r *http.Request, path []string) *answer {
	notFound := newAnswer(http.StatusNotFound, "application/json", []byte(`{"message": "Not Found"}`))
	if len(path) == 1 && !h.profile.ProjectJSON || len(path) == 2 && !h.profile.VersionJSON {
		return notFound
	}
	p := s.universe.Project(path[0])
	if p == nil || len(p.Releases) == 0 || p.Status == "quarantined" {
		return notFound
	}
	release := latest(p)
	if len(path) == 2 {
		if release = find(p, path[1]); release == nil {
			return notFound
		}
	}
	if path[0] != p.Name {
		a := newAnswer(http.StatusMovedPermanently, "application/json", []byte("{}"))
		a.header.Set("Location", "/pypi/"+strings.Join(append([]string{p.Name}, path[1:]...), "/")+"/json")
		return a
	}
	depth := len(path) + 1
	key := pageKey{kind: "api", name: p.Name, base: h.fileURL(r, "", depth)}
	if len(path) == 2 {
		key.version = release.Version
	}
	a := newAnswer(http.StatusOK, "application/json", s.page(key, func() []byte {
		page := apiPage{Info: info(p, release), LastSerial: len(p.Releases), Ownership: map[string]any{"roles": []string{}, "organization": nil},
			URLs: []apiFile{}, Vulnerabilities: []string{}}
		if len(path) == 1 {
			page.Releases = map[string][]apiFile{}
			for _, r := range p.Releases {
				page.Releases[r.Version] = []apiFile{}
			}
		}
		for _, f := range s.projects[p.Name] {
			if len(path) == 2 && f.release != release {
				continue
			}
			af := apiFileOf(f.build(), h.fileURL(r, f.name, depth))
			if page.Releases != nil {
				page.Releases[f.release.Version] = append(page.Releases[f.release.Version], af)
			}
			if f.release == release {
				page.URLs = append(page.URLs, af)
			}
		}
		return marshal(page)
	}))
	a.zippable = true
	if h.profile.Caching {
		a.header.Set("Cache-Control", apiMaxAge)
	}
	return a
}

// latest is the release that PyPI describes in a project's document: the newest, yanked ones last of all and
// pre-releases before them.
func latest(p *Project) *Release {
	rank := func(r *Release) int {
		switch {
		case r.Yanked:
			return 2
		case pep440.MustParse(r.Version).IsPrerelease():
			return 1
		}
		return 0
	}
	best := p.Releases[len(p.Releases)-1]
	for i := len(p.Releases) - 1; i >= 0; i-- {
		if rank(p.Releases[i]) < rank(best) {
			best = p.Releases[i]
		}
	}
	return best
}

// find returns the release of an equal version, or nil.
func find(p *Project, version string) *Release {
	v, err := pep440.Parse(version)
	if err != nil {
		return nil
	}
	for _, r := range p.Releases {
		if pep440.MustParse(r.Version).Equal(v) {
			return r
		}
	}
	return nil
}

// info has what the first uploaded file of a release tells; an sdist that is not static tells no dependencies.
func info(p *Project, r *Release) apiInfo {
	i := apiInfo{Classifiers: []string{}, Name: p.Title, PackageURL: "https://index.test/project/" + p.Name + "/",
		ReleaseURL: "https://index.test/project/" + p.Name + "/" + r.Version + "/", Version: r.Version, Yanked: r.Yanked, YankedReason: optional(r.YankedReason)}
	if len(r.Wheels) > 0 || r.Sdist == StaticSdist || r.Sdist == NoSdist {
		i.RequiresDist, i.RequiresPython, i.ProvidesExtra = r.Requires, optional(r.RequiresPython), r.ProvidesExtra()
	} else if r.Sdist == DynamicSdist {
		i.Dynamic = []string{"Requires-Dist", "Requires-Python", "Provides-Extra"}
	}
	if r.Claimed {
		i.RequiresDist = r.Claims
	}
	if len(i.ProvidesExtra) == 0 {
		i.ProvidesExtra = nil
	}
	return i
}

func apiFileOf(f *file, url string) apiFile {
	af := apiFile{Digests: map[string]string{"md5": f.md5, "sha256": f.sha256}, Downloads: -1, Filename: f.name, MD5: f.md5,
		PackageType: "sdist", PythonVersion: "source", RequiresPython: optional(f.release.RequiresPython), Size: len(f.body),
		UploadTimeISO: uploadTime(f.release), URL: url, Yanked: f.release.Yanked, YankedReason: optional(f.release.YankedReason)}
	if f.wheel {
		parts := strings.Split(f.tag, "-")
		af.PackageType, af.PythonVersion = "bdist_wheel", parts[len(parts)-3]
	}
	af.UploadTime, _, _ = strings.Cut(af.UploadTimeISO, ".")
	return af
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// marshal leaves <, > and & as they are, as PyPI does.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings, numbers and maps of them
	}
	return bytes.TrimSpace(b.Bytes())
}
