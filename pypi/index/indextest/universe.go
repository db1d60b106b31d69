// Package indextest is a package index made of text, for tests and benchmarks: a universe of projects is parsed from a
// few lines, its wheels and sdists are synthesised, and an http.Handler serves them as PyPI or a poorer mirror does.
//
// It depends on none of the packages that it helps to test (pypi/dist, pypi/index), so that it shares no mistake with
// them; versions alone are ordered by pypi/pep440.
//
// # Universe text
//
//	# comment, on a line of its own
//	httpx 0.28.1                 a release; the indented lines below belong to it
//	  anyio                      a Requires-Dist, not interpreted but for the extras that it names
//	  h2<5,>=3; extra == "http2"
//	  @requires-dist >>raw       a Requires-Dist that would not be taken for one
//	  @python >=3.8              Requires-Python
//	  @extra http2 brotli        Provides-Extra, for extras that no marker names
//	  @url Changelog, https://…  Project-URL, a line each
//	  @wheel cp312-cp312-win32   a wheel by its tag (build tag before it allowed), repeatable
//	  @sdist dynamic             an sdist: static (default), dynamic, pyproject, legacy or failing, see [SdistKind]
//	  @build-requires maker>=1   of the sdist, repeatable
//	  @file a_b-1.zip            one more file with this name; .whl has a wheel's content, all else an sdist's
//	  @none                      a release without files
//	  @unread                    its metadata was not recorded: to ask for a file of it is an error of the server
//	  @yanked reason             the reason is optional
//	  @uploaded 2024-03-24T00:00:00Z   or none; [DefaultUploaded] without it
//	  @claim anyio<9             what the JSON API says in place of the true Requires-Dist, repeatable; "null" for none
//	  @size 100000               bytes of filler in each wheel, before its .dist-info
//	@status NAME archived reason   PEP 792: active, archived, deprecated, quarantined
//
// A release without @wheel, @sdist, @file and @none has one py3-none-any wheel.
package indextest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// DefaultUploaded is the upload time of a release that states none.
var DefaultUploaded = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// A Universe is all that an index holds.
type Universe struct {
	Projects []*Project // ascending by Name
}

// A Project is one name of the index.
type Project struct {
	Name         string     // normalized (PEP 503)
	Title        string     // as first written
	Status       string     // PEP 792; "" is active
	StatusReason string     // "" for none
	Releases     []*Release // ascending by version
}

// A Release is one version of a project.
type Release struct {
	Version        string   // as written
	Requires       []string // Requires-Dist as written, in order
	RequiresPython string   // "" for none
	Extras         []string // of @extra lines, as written; see ProvidesExtra
	URLs           []string // Project-URL: "label, address"
	Wheels         []string // "tag" or "build-tag"
	Sdist          SdistKind
	BuildRequires  []string // of the sdist
	Files          []string // file names of @file lines
	NoFiles        bool
	Unread         bool // what it requires is not known
	Yanked         bool
	YankedReason   string
	Uploaded       time.Time // zero means DefaultUploaded
	NoUploadTime   bool      // the index does not know it
	Claimed        bool      // Claims stand in place of Requires in the JSON API
	Claims         []string
	Size           int // bytes of filler a wheel

	line int
}

// SdistKind says what a source distribution tells about itself without being built.
type SdistKind string

const (
	NoSdist        SdistKind = ""
	StaticSdist    SdistKind = "static"    // PKG-INFO 2.2 holds everything, nothing is dynamic
	DynamicSdist   SdistKind = "dynamic"   // PKG-INFO 2.2 says Dynamic: Requires-Dist
	PyprojectSdist SdistKind = "pyproject" // PKG-INFO 2.1 without dependencies; pyproject.toml lists them
	LegacySdist    SdistKind = "legacy"    // PKG-INFO 2.1 without dependencies; pyproject.toml has no [project]
	FailingSdist   SdistKind = "failing"   // dynamic, and its build prints what it sees, then fails
)

// Project returns the project of that name in any spelling, or nil.
func (u *Universe) Project(name string) *Project {
	i, ok := slices.BinarySearchFunc(u.Projects, normalize(name), func(p *Project, n string) int { return strings.Compare(p.Name, n) })
	if !ok {
		return nil
	}
	return u.Projects[i]
}

// String is the universe in canonical text, which Parse reads back to the same universe.
func (u *Universe) String() string {
	var b strings.Builder
	for _, p := range u.Projects {
		if p.Status != "" {
			fmt.Fprintf(&b, "@status %s %s\n", p.Title, join(p.Status, p.StatusReason))
		}
		for _, r := range p.Releases {
			fmt.Fprintf(&b, "%s %s\n", p.Title, r.Version)
			r.write(&b)
		}
	}
	return b.String()
}

func (r *Release) write(b *strings.Builder) {
	line := func(directive string, text ...string) {
		b.WriteString("  " + join(directive, strings.Join(text, " ")) + "\n")
	}
	for _, d := range r.Requires {
		if d == "" || strings.ContainsAny(d[:1], "@#") {
			line("@requires-dist", d)
		} else {
			line(d)
		}
	}
	if r.RequiresPython != "" {
		line("@python", r.RequiresPython)
	}
	if len(r.Extras) > 0 {
		line("@extra", r.Extras...)
	}
	for _, u := range r.URLs {
		line("@url", u)
	}
	for _, w := range r.Wheels {
		line("@wheel", w)
	}
	if r.Sdist != NoSdist {
		line("@sdist", string(r.Sdist))
	}
	for _, d := range r.BuildRequires {
		line("@build-requires", d)
	}
	for _, f := range r.Files {
		line("@file", f)
	}
	if r.NoFiles {
		line("@none")
	}
	if r.Unread {
		line("@unread")
	}
	if r.Yanked {
		line("@yanked", r.YankedReason)
	}
	switch {
	case r.NoUploadTime:
		line("@uploaded", "none")
	case !r.Uploaded.IsZero():
		line("@uploaded", r.Uploaded.UTC().Format(time.RFC3339Nano))
	}
	if r.Claimed && len(r.Claims) == 0 {
		line("@claim", "null")
	}
	for _, c := range r.Claims {
		line("@claim", c)
	}
	if r.Size > 0 {
		line("@size", fmt.Sprint(r.Size))
	}
}

// ProvidesExtra returns the extras of the release, sorted: those of @extra lines and those that markers name.
func (r *Release) ProvidesExtra() []string {
	extras := slices.Clone(r.Extras)
	for _, d := range r.Requires {
		for _, m := range extraMarker.FindAllStringSubmatch(d, -1) {
			extras = append(extras, m[1]+m[2])
		}
	}
	slices.SortFunc(extras, func(a, b string) int { return strings.Compare(normalize(a), normalize(b)) })
	return slices.CompactFunc(extras, func(a, b string) bool { return normalize(a) == normalize(b) })
}

func join(words ...string) string {
	return strings.TrimRight(strings.Join(words, " "), " ")
}

// normalize is PEP 503's, for text known to be a name.
func normalize(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}
