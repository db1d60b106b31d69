package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

type simplePage struct {
	Alternates []string      `json:"alternate-locations"`
	Files      []simpleFile  `json:"files"`
	Meta       simpleMeta    `json:"meta"`
	Name       string        `json:"name"`
	Status     projectStatus `json:"project-status"`
	Versions   []string      `json:"versions"`
}

type simpleMeta struct {
	Serial     int    `json:"_last-serial"`
	APIVersion string `json:"api-version"`
}

type projectStatus struct {
	Status string `json:"status"`
}

type simpleFile struct {
	CoreMetadata   any               `json:"core-metadata,omitempty"`
	DistInfo       any               `json:"data-dist-info-metadata,omitempty"`
	Filename       string            `json:"filename"`
	Hashes         map[string]string `json:"hashes"`
	Provenance     *string           `json:"provenance"`
	RequiresPython *string           `json:"requires-python"`
	Size           int64             `json:"size"`
	UploadTime     string            `json:"upload-time,omitempty"`
	URL            string            `json:"url"`
	Yanked         any               `json:"yanked"`
}

// core is what a page says of the metadata file of f.
func (h *Handler) core(ctx context.Context, p *Project, f *File) any {
	switch {
	case !f.Wheel():
		return false
	case h.live:
		return true
	}
	text, _ := h.source.Metadata(ctx, p, f)
	if text == nil {
		text = []byte("not recorded: " + f.Path)
	}
	return map[string]string{"sha256": hexSHA256(text)}
}

func (h *Handler) simpleJSON(ctx context.Context, p *Project) []byte {
	page := simplePage{Alternates: []string{}, Files: []simpleFile{}, Meta: simpleMeta{len(p.Files), "1.4"}, Name: p.Title,
		Status: projectStatus{"active"}, Versions: []string{}}
	for _, v := range versionsOf(p) {
		page.Versions = append(page.Versions, v.String())
	}
	for _, f := range p.Files {
		sf := simpleFile{Filename: f.Name, Hashes: map[string]string{"sha256": f.SHA256}, RequiresPython: optional(f.RequiresPython),
			Size: f.Size, UploadTime: f.Uploaded, URL: h.fileURL(f, 2), Yanked: f.Yanked}
		if f.YankedReason != "" {
			sf.Yanked = f.YankedReason
		}
		if h.profile.Metadata {
			sf.CoreMetadata = h.core(ctx, p, f)
			sf.DistInfo = sf.CoreMetadata
		}
		page.Files = append(page.Files, sf)
	}
	return marshal(page)
}

func (h *Handler) simpleHTML(ctx context.Context, p *Project) []byte {
	var b bytes.Buffer
	title := html.EscapeString(p.Title)
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html>\n  <head>\n    <meta name=\"pypi:repository-version\" content=\"1.4\">\n    <title>Links for %s</title>\n  </head>\n  <body>\n    <h1>Links for %s</h1>\n", title, title)
	for _, f := range p.Files {
		fmt.Fprintf(&b, "<a href=\"%s#sha256=%s\"", html.EscapeString(h.fileURL(f, 2)), f.SHA256)
		if f.RequiresPython != "" {
			fmt.Fprintf(&b, " data-requires-python=\"%s\"", html.EscapeString(f.RequiresPython))
		}
		if f.Yanked {
			fmt.Fprintf(&b, " data-yanked=\"%s\"", html.EscapeString(f.YankedReason))
		}
		if h.profile.Metadata && f.Wheel() {
			value := "true"
			if m, ok := h.core(ctx, p, f).(map[string]string); ok {
				value = "sha256=" + m["sha256"]
			}
			fmt.Fprintf(&b, " data-dist-info-metadata=\"%s\" data-core-metadata=\"%s\"", value, value)
		}
		fmt.Fprintf(&b, " >%s</a><br />\n", html.EscapeString(f.Name))
	}
	b.WriteString("</body>\n</html>\n")
	return b.Bytes()
}

type apiPage struct {
	Info            apiInfo               `json:"info"`
	LastSerial      int                   `json:"last_serial"`
	Ownership       apiOwnership          `json:"ownership"`
	Releases        map[string][]*apiFile `json:"releases,omitempty"`
	URLs            []*apiFile            `json:"urls"`
	Vulnerabilities []string              `json:"vulnerabilities"`
}

type apiOwnership struct {
	Organization *string  `json:"organization"`
	Roles        []string `json:"roles"`
}

type apiInfo struct {
	Author          *string           `json:"author"`
	AuthorEmail     *string           `json:"author_email"`
	BugtrackURL     *string           `json:"bugtrack_url"`
	Classifiers     []string          `json:"classifiers"`
	Description     string            `json:"description"`
	ContentType     *string           `json:"description_content_type"`
	DocsURL         *string           `json:"docs_url"`
	DownloadURL     *string           `json:"download_url"`
	Downloads       map[string]int    `json:"downloads"`
	Dynamic         []string          `json:"dynamic"`
	HomePage        *string           `json:"home_page"`
	Keywords        *string           `json:"keywords"`
	License         *string           `json:"license"`
	LicenseExpr     *string           `json:"license_expression"`
	LicenseFiles    []string          `json:"license_files"`
	Maintainer      *string           `json:"maintainer"`
	MaintainerEmail *string           `json:"maintainer_email"`
	Name            string            `json:"name"`
	PackageURL      string            `json:"package_url"`
	Platform        *string           `json:"platform"`
	ProjectURL      string            `json:"project_url"`
	ProjectURLs     map[string]string `json:"project_urls"`
	ProvidesExtra   []string          `json:"provides_extra"`
	ReleaseURL      string            `json:"release_url"`
	RequiresDist    []string          `json:"requires_dist"`
	RequiresPython  *string           `json:"requires_python"`
	Summary         *string           `json:"summary"`
	Version         string            `json:"version"`
	Yanked          bool              `json:"yanked"`
	YankedReason    *string           `json:"yanked_reason"`
}

type apiFile struct {
	CommentText    *string           `json:"comment_text"`
	Digests        map[string]string `json:"digests"`
	Downloads      int               `json:"downloads"`
	Filename       string            `json:"filename"`
	HasSig         bool              `json:"has_sig"`
	MD5            string            `json:"md5_digest"`
	PackageType    string            `json:"packagetype"`
	PythonVersion  string            `json:"python_version"`
	RequiresPython *string           `json:"requires_python"`
	Size           int64             `json:"size"`
	UploadTime     string            `json:"upload_time"`
	UploadTimeISO  string            `json:"upload_time_iso_8601"`
	URL            string            `json:"url"`
	Yanked         bool              `json:"yanked"`
	YankedReason   *string           `json:"yanked_reason"`
}

func (h *Handler) apiFile(f *File, depth int) *apiFile {
	// The address of a file holds its BLAKE2 digest; its MD5 sum was not recorded and stands for its size.
	parts := strings.Split(f.Path, "/")
	blake := strings.Join(parts[max(0, len(parts)-4):len(parts)-1], "")
	md5 := hexSHA256([]byte(f.Path))[:32]
	day, _, _ := strings.Cut(f.Uploaded, ".")
	a := &apiFile{Digests: map[string]string{"blake2b_256": blake, "md5": md5, "sha256": f.SHA256}, Downloads: -1, Filename: f.Name, MD5: md5,
		PackageType: "sdist", PythonVersion: "source", RequiresPython: optional(f.RequiresPython), Size: f.Size,
		UploadTime: strings.TrimSuffix(day, "Z"), UploadTimeISO: f.Uploaded, URL: h.fileURL(f, depth), Yanked: f.Yanked, YankedReason: optional(f.YankedReason)}
	if f.Wheel() {
		tags := strings.Split(f.Name, "-")
		a.PackageType, a.PythonVersion = "bdist_wheel", tags[max(0, len(tags)-3)]
	}
	return a
}

// api is the document of a version of p, or with v nil of p and its latest version; nil where there is no such version.
func (h *Handler) api(ctx context.Context, p *Project, v *pep440.Version) ([]byte, error) {
	depth := 3
	page := apiPage{LastSerial: len(p.Files), Ownership: apiOwnership{Roles: []string{}}, URLs: []*apiFile{}, Vulnerabilities: []string{}}
	if v == nil {
		depth = 2
		latest, ok := latestOf(p)
		if !ok {
			return nil, nil
		}
		v = &latest
		page.Releases = map[string][]*apiFile{}
	}
	var first *File
	for _, f := range p.Files {
		if f.version.IsZero() {
			continue
		}
		if page.Releases != nil {
			page.Releases[f.version.String()] = append(page.Releases[f.version.String()], h.apiFile(f, depth))
		}
		if f.version.Equal(*v) {
			page.URLs = append(page.URLs, h.apiFile(f, depth))
			if first == nil || !first.Wheel() && f.Wheel() {
				first = f
			}
		}
	}
	if first == nil {
		return nil, nil
	}
	var text []byte
	if first.Wheel() {
		var err error
		h.ask(h.asked, first.Path)
		if text, err = h.source.Metadata(ctx, p, first); err != nil {
			return nil, err
		}
		if text == nil {
			h.miss(first.Path)
		}
	}
	page.Info = infoOf(p, first, string(text))
	return marshal(page), nil
}

// infoOf is what the upload of f with this METADATA would have made the index say; "" is a source distribution.
func infoOf(p *Project, f *File, text string) apiInfo {
	base := "https://index.test/project/" + p.Name + "/"
	i := apiInfo{Name: p.Title, Version: f.version.String(), PackageURL: base, ProjectURL: base, ReleaseURL: base + f.version.String() + "/",
		Classifiers: []string{}, Downloads: map[string]int{"last_day": -1, "last_month": -1, "last_week": -1},
		RequiresPython: optional(f.RequiresPython), Yanked: f.Yanked, YankedReason: optional(f.YankedReason)}
	head, body, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	i.Description = body
	head = strings.ReplaceAll(strings.ReplaceAll(head, "\n\t", "\n "), "\n ", "\x00")
	for line := range strings.Lines(head) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		value = strings.ReplaceAll(strings.TrimSpace(value), "\x00", "\n ")
		switch strings.ToLower(name) {
		case "author":
			i.Author = &value
		case "author-email":
			i.AuthorEmail = &value
		case "classifier":
			i.Classifiers = append(i.Classifiers, value)
		case "description":
			i.Description = value
		case "description-content-type":
			i.ContentType = &value
		case "download-url":
			i.DownloadURL = &value
		case "dynamic":
			i.Dynamic = append(i.Dynamic, value)
		case "home-page":
			i.HomePage = &value
		case "keywords":
			i.Keywords = &value
		case "license":
			i.License = &value
		case "license-expression":
			i.LicenseExpr = &value
		case "license-file":
			i.LicenseFiles = append(i.LicenseFiles, value)
		case "maintainer":
			i.Maintainer = &value
		case "maintainer-email":
			i.MaintainerEmail = &value
		case "platform":
			i.Platform = &value
		case "project-url":
			if label, address, ok := strings.Cut(value, ","); ok {
				if i.ProjectURLs == nil {
					i.ProjectURLs = map[string]string{}
				}
				i.ProjectURLs[strings.TrimSpace(label)] = strings.TrimSpace(address)
			}
		case "provides-extra":
			i.ProvidesExtra = append(i.ProvidesExtra, value)
		case "requires-dist":
			i.RequiresDist = append(i.RequiresDist, value)
		case "requires-python":
			i.RequiresPython = optional(value)
		case "summary":
			i.Summary = &value
		}
	}
	return i
}

// versionsOf returns the versions of p, ascending.
func versionsOf(p *Project) []pep440.Version {
	var vs []pep440.Version
	for _, f := range p.Files {
		if !f.version.IsZero() {
			vs = append(vs, f.version)
		}
	}
	slices.SortFunc(vs, pep440.Version.Compare)
	return slices.CompactFunc(vs, pep440.Version.Equal)
}

// latestOf returns the version that PyPI's document of a project describes: the newest, unless there is one that is
// neither yanked nor a pre-release.
func latestOf(p *Project) (pep440.Version, bool) {
	yanked := map[string]bool{}
	for _, f := range p.Files {
		yanked[f.version.String()] = f.Yanked
	}
	vs := versionsOf(p)
	for _, v := range slices.Backward(vs) {
		if !v.IsPrerelease() && !yanked[v.String()] {
			return v, true
		}
	}
	if len(vs) == 0 {
		return pep440.Version{}, false
	}
	return vs[len(vs)-1], true
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
