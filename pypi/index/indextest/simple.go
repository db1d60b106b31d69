package indextest

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	simpleVersion  = "1.4"
	simpleJSON     = "application/vnd.pypi.simple.v1+json"
	simpleHTML     = "application/vnd.pypi.simple.v1+html"
	simpleMaxAge   = "max-age=600, public"
	timeWithMicros = "2006-01-02T15:04:05.000000Z"
)

type simplePage struct {
	Meta     map[string]string `json:"meta"`
	Name     string            `json:"name"`
	Status   map[string]string `json:"project-status"`
	Versions []string          `json:"versions"`
	Files    []simpleFile      `json:"files"`
}

type simpleFile struct {
	Filename       string            `json:"filename"`
	URL            string            `json:"url"`
	Hashes         map[string]string `json:"hashes"`
	RequiresPython *string           `json:"requires-python"`
	Size           int               `json:"size"`
	UploadTime     string            `json:"upload-time,omitempty"`
	Yanked         any               `json:"yanked"`
	CoreMetadata   any               `json:"core-metadata,omitempty"`
	DistInfo       any               `json:"data-dist-info-metadata,omitempty"`
}

// simple answers /simple/ and /simple/NAME/ (PEP 503, 691, 700, 714, 792); nil for a name that is not there.
func (h *Handler) simple(s *store, r *http.Request, name []string) *answer {
	path, canonical := r.URL.Path, "/simple/"
	if len(name) == 1 {
		canonical += normalize(name[0]) + "/"
	}
	if path != canonical {
		a := plain(http.StatusMovedPermanently, "moved")
		a.header.Set("Location", canonical)
		return a
	}
	contentType := "text/html"
	if h.profile.SimpleJSON {
		contentType = negotiate(r.Header.Get("Accept"))
	}
	if contentType == "" {
		return plain(http.StatusNotAcceptable, "406 Not Acceptable")
	}
	asJSON := contentType == simpleJSON
	key := pageKey{kind: "simple " + strconv.FormatBool(asJSON), base: h.fileURL(r, "", 2)}
	var render func() []byte
	if len(name) == 0 {
		render = func() []byte { return renderRoot(s.universe, asJSON) }
	} else {
		p := s.universe.Project(name[0])
		if p == nil {
			return nil
		}
		key.name = p.Name
		render = func() []byte {
			page := h.simplePage(s, p, r)
			if asJSON {
				return marshal(page)
			}
			return page.html()
		}
	}
	if contentType == "text/html" {
		contentType = "text/html; charset=utf-8"
	}
	a := newAnswer(http.StatusOK, contentType, s.page(key, render))
	a.zippable = true
	a.header.Set("Vary", "Accept")
	if h.profile.Caching {
		a.header.Set("Cache-Control", simpleMaxAge)
	}
	return a
}

func (h *Handler) simplePage(s *store, p *Project, r *http.Request) *simplePage {
	status := map[string]string{"status": "active"}
	if p.Status != "" {
		status["status"] = p.Status
	}
	if p.StatusReason != "" {
		status["reason"] = p.StatusReason
	}
	page := &simplePage{Meta: map[string]string{"api-version": simpleVersion}, Name: p.Name, Status: status,
		Versions: []string{}, Files: []simpleFile{}}
	for _, r := range p.Releases {
		page.Versions = append(page.Versions, r.Version)
	}
	if p.Status == "quarantined" {
		return page // PEP 792: nothing may be offered
	}
	for _, f := range s.projects[p.Name] {
		page.Files = append(page.Files, h.simpleFile(f.build(), r))
	}
	return page
}

func (h *Handler) simpleFile(f *file, r *http.Request) simpleFile {
	sf := simpleFile{Filename: f.name, URL: h.fileURL(r, f.name, 2), Hashes: map[string]string{"sha256": f.sha256},
		Size: len(f.body), UploadTime: uploadTime(f.release), Yanked: f.release.Yanked}
	if f.release.RequiresPython != "" {
		sf.RequiresPython = &f.release.RequiresPython
	}
	if f.release.YankedReason != "" {
		sf.Yanked = f.release.YankedReason
	}
	if h.profile.Advertise {
		sf.CoreMetadata, sf.DistInfo = false, false
		if f.wheel && h.profile.ServesMetadata(f.name) {
			hashes := map[string]string{"sha256": f.metaHash}
			sf.CoreMetadata, sf.DistInfo = hashes, hashes
		}
	}
	return sf
}

func uploadTime(r *Release) string {
	switch {
	case r.NoUploadTime:
		return ""
	case r.Uploaded.IsZero():
		return DefaultUploaded.Format(timeWithMicros)
	}
	return r.Uploaded.UTC().Format(timeWithMicros)
}

func (page *simplePage) html() []byte {
	var b strings.Builder
	title := "Links for " + html.EscapeString(page.Name)
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html>\n  <head>\n    <meta name=\"pypi:repository-version\" content=\"%s\">\n", simpleVersion)
	for _, key := range []string{"status", "reason"} {
		if value := page.Status[key]; value != "" {
			name := map[string]string{"status": "pypi:project-status", "reason": "pypi:project-status-reason"}[key]
			fmt.Fprintf(&b, "    <meta name=\"%s\" content=\"%s\">\n", name, html.EscapeString(value))
		}
	}
	fmt.Fprintf(&b, "    <title>%s</title>\n  </head>\n  <body>\n    <h1>%s</h1>\n", title, title)
	for _, f := range page.Files {
		fmt.Fprintf(&b, "<a href=\"%s#sha256=%s\"", html.EscapeString(f.URL), f.Hashes["sha256"])
		attribute := func(name, value string) { fmt.Fprintf(&b, " %s=\"%s\"", name, html.EscapeString(value)) }
		if f.RequiresPython != nil {
			attribute("data-requires-python", *f.RequiresPython)
		}
		if hashes, ok := f.CoreMetadata.(map[string]string); ok {
			attribute("data-dist-info-metadata", "sha256="+hashes["sha256"])
			attribute("data-core-metadata", "sha256="+hashes["sha256"])
		}
		switch yanked := f.Yanked.(type) {
		case string:
			attribute("data-yanked", yanked)
		case bool:
			if yanked {
				attribute("data-yanked", "")
			}
		}
		fmt.Fprintf(&b, ">%s</a><br />\n", html.EscapeString(f.Filename))
	}
	b.WriteString("</body>\n</html>\n")
	return []byte(b.String())
}

func renderRoot(u *Universe, asJSON bool) []byte {
	if asJSON {
		projects := []map[string]string{}
		for _, p := range u.Projects {
			projects = append(projects, map[string]string{"name": p.Title})
		}
		return marshal(map[string]any{"meta": map[string]string{"api-version": simpleVersion}, "projects": projects})
	}
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html>\n  <head><title>Simple index</title></head>\n  <body>\n")
	for _, p := range u.Projects {
		fmt.Fprintf(&b, "<a href=\"/simple/%s/\">%s</a>\n", p.Name, html.EscapeString(p.Title))
	}
	b.WriteString("</body>\n</html>\n")
	return []byte(b.String())
}

// negotiate returns the content type for an Accept header; "" where none will do. Between equals it prefers HTML, as
// PyPI does.
func negotiate(accept string) string {
	if strings.TrimSpace(accept) == "" {
		return "text/html"
	}
	weights := map[string]float64{}
	for _, part := range strings.Split(accept, ",") {
		fields := strings.Split(part, ";")
		weight := 1.0
		for _, f := range fields[1:] {
			if v, ok := strings.CutPrefix(strings.TrimSpace(f), "q="); ok {
				weight, _ = strconv.ParseFloat(v, 64)
			}
		}
		mime := strings.Replace(strings.ToLower(strings.TrimSpace(fields[0])), ".simple.latest+", ".simple.v1+", 1)
		weights[mime] = max(weight, weights[mime])
	}
	best, bestWeight := "", 0.0
	for _, mime := range []string{"text/html", simpleHTML, simpleJSON} {
		family, _, _ := strings.Cut(mime, "/")
		i := slices.IndexFunc([]string{mime, family + "/*", "*/*"}, func(k string) bool { _, ok := weights[k]; return ok })
		if i < 0 {
			continue
		}
		if w := weights[[]string{mime, family + "/*", "*/*"}[i]]; w > bestWeight {
			best, bestWeight = mime, w
		}
	}
	return best
}
