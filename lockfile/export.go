package lockfile

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// ExportOptions say what of a lock goes into the other form.
type ExportOptions struct {
	// Header are the comment lines at the top; see [Header].
	Header []string
	// DefaultIndex is the index that pip asks without being told; see
	// [BuildOptions]. "" writes no options.
	DefaultIndex string
	// Root is the absolute folder that the comments of a requirements.lock
	// name folders from; From and To are those of the two locks.
	Root, From, To string
	// Folders writes the folders of the comments into a pylock.toml; see
	// [BuildOptions].
	Folders bool
}

// ToRequirements returns a pylock.toml as a requirements.lock: its pins with
// the hashes of their files, which is all that it takes. Folders are told in
// the trailer, as [FromResolution] does. An [*project.InputError] names what a
// requirements.lock cannot hold: packages of a kind that pip does not install,
// files without a hash that pip accepts, markers that ask for extras or groups.
// Commits beside hashes are refused by [Render].
func ToRequirements(l *Lock, o ExportOptions) (*Lock, error) {
	out := &Lock{Header: o.Header}
	for _, p := range l.Pins {
		if err := portable(p.Marker, p.Place); err != nil {
			return nil, err
		}
		for i := range p.Files {
			if f := &p.Files[i]; len(f.pipHashes()) == 0 {
				return nil, &project.InputError{Place: p.Place, Msg: fmt.Sprintf("%s has no hash that pip accepts: lock anew", f.Filename)}
			}
		}
		if home := withoutQuery(p.From); o.DefaultIndex != "" && home != "" && !sameIndex(home, o.DefaultIndex) {
			if line := "--extra-index-url " + home; !slices.Contains(out.Options, line) {
				out.Options = append(out.Options, line)
			}
		}
		out.Pins = append(out.Pins, Pin{
			Name: p.Name, Version: p.Version, Marker: p.Marker, Hashes: slices.Clone(p.Hashes), Via: slices.Clone(p.Via), Place: p.Place,
		})
	}
	slices.SortFunc(out.Pins, comparePins)
	var locals []string
	for i := range l.Direct {
		d := &l.Direct[i]
		if err := portable(d.Marker, d.Place); err != nil {
			return nil, err
		}
		if d.URL != "" {
			moved, err := d.moved(o.From, o.To)
			if err == nil {
				err = checkReference(&moved)
			}
			if err != nil {
				return nil, &project.InputError{Place: d.Place, Msg: err.Error(), Err: err}
			}
			out.Direct = append(out.Direct, moved)
			continue
		}
		if d.Directory == nil {
			return nil, &project.InputError{Place: d.Place, Msg: fmt.Sprintf("%s is of no kind that pip installs: keep the pylock.toml for it", project.Redact(d.Text))}
		}
		dir := filepath.Join(o.From, filepath.FromSlash(d.Directory.Path), filepath.FromSlash(d.Directory.Subdirectory))
		rel, err := filepath.Rel(o.Root, dir)
		if err != nil {
			rel = d.Directory.Path
		}
		locals = append(locals, localLine(d.Name, filepath.ToSlash(rel), d.Marker, sortLabels(d.Via)))
	}
	out.Trailer = localsTrailer(locals)
	return out, nil
}

// listMarker finds the variables that only installers of PEP 751 know.
var listMarker = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b(extras|dependency_groups)\b`) })

// Environments is the marker of the pin as far as it speaks of environments:
// "" where it asks for extras or groups, which are a choice of the lock's
// reader.
func (p *Pin) Environments() string {
	if listMarker().MatchString(p.Marker) {
		return ""
	}
	return p.Marker
}

func portable(m string, at project.Place) error {
	if word := listMarker().FindString(m); word != "" {
		return &project.InputError{Place: at, Msg: fmt.Sprintf("the marker %q asks for %s, of which pip knows nothing in a requirements file: export the choice with the tool that made the lock", m, word)}
	}
	return nil
}

// ToPylock returns a requirements.lock as a pylock.toml. The files of a pin are
// those of its version whose hash it has, or all where it has none; find
// returns what the index has of a version, or nil. Options, extras and the index of an
// annotation are dropped: each package names the index that it is found on.
// Where it can be installed is what the header says of its target.
//
// An [*project.InputError] names a pin that cannot be turned: without a page or
// a release, with a hash that the index does not have, or no version at all.
func ToPylock(l *Lock, find func(pypi.Name, pep440.Version) *index.Project, o ExportOptions) (*Lock, error) {
	out := &Lock{Header: o.Header, Scope: scopeOfTarget(l.Target())}
	for _, p := range l.Pins {
		fail := func(format string, args ...any) error {
			return &project.InputError{Place: p.Place, Msg: string(p.Name) + " " + p.Version.String() + ": " + fmt.Sprintf(format, args...)}
		}
		page := find(p.Name, p.Version)
		if page == nil {
			return nil, fail("no index has the package")
		}
		release := page.Release(p.Version)
		if release == nil {
			return nil, fail("the index has no such version: lock anew, or name the index that has it")
		}
		files, err := matching(release, p.Hashes)
		if err != nil {
			return nil, fail("%s", err)
		}
		pin := Pin{Name: p.Name, Version: p.Version, Via: slices.Clone(p.Via), From: withoutQuery(page.Index), Place: p.Place}
		if p.Marker != "" {
			if _, _, err := pep508.ParseMarker(p.Marker); err != nil {
				return nil, fail("%s", reasonOf(err))
			}
			pin.Marker = p.Marker
		}
		if err := pin.setFiles(files, out.Scope); err != nil {
			return nil, &project.InputError{Place: p.Place, Msg: err.Error(), Err: err}
		}
		out.Pins = append(out.Pins, pin)
	}
	slices.SortFunc(out.Pins, comparePins)
	for i := range l.Direct {
		d := &l.Direct[i]
		switch {
		case d.URL == "":
			return nil, &project.InputError{Place: d.Place, Msg: fmt.Sprintf("%s has no version to pin: lock it with pylock compile --output-file pylock.NAME.toml", d.Text)}
		case !d.isGit() && len(d.Hashes) == 0:
			return nil, &project.InputError{Place: d.Place, Msg: fmt.Sprintf("%s has no hash, which a pylock.toml demands: lock it with hashes, or with pylock compile --output-file pylock.NAME.toml", d.shown())}
		}
		moved, err := d.moved(o.From, o.To)
		if err != nil {
			return nil, err
		}
		out.Direct = append(out.Direct, moved)
	}
	for _, d := range localsOf(l.Trailer) {
		if !o.Folders {
			break
		}
		rel, err := filepath.Rel(o.To, filepath.Join(o.Root, filepath.FromSlash(d.Directory.Path)))
		if err != nil {
			return nil, fmt.Errorf("%s: the folder %s cannot be reached from that of the lock: %w", d.Name, d.Directory.Path, err)
		}
		d.Directory.Path = filepath.ToSlash(rel)
		out.Direct = append(out.Direct, d)
	}
	return out, nil
}

// matching returns the files of a release that hashes are of.
func matching(r *index.Release, hashes []string) ([]*index.File, error) {
	var files []*index.File
	found := map[string]bool{}
	for i := range r.Files() {
		f := &r.Files()[i]
		keep := len(hashes) == 0
		for algorithm, digits := range f.Hashes.All() {
			if h := algorithm + ":" + digits; slices.Contains(hashes, h) {
				keep, found[h] = true, true
			}
		}
		if keep {
			files = append(files, f)
		}
	}
	for _, h := range hashes {
		if !found[h] {
			return nil, fmt.Errorf("the hash %s is of no file on the index: find out where it comes from, or lock anew", h)
		}
	}
	return oneSdist(files), nil
}

// localLine is how the trailer tells of a path dependency.
func localLine(name pypi.Name, rel, marker string, via []string) string {
	line := fmt.Sprintf("  %s (%s)", name, localPath(rel))
	if marker != "" {
		line += " ; " + marker
	}
	if len(via) > 0 {
		line += localVia + strings.Join(via, labelSeparator)
	}
	return line
}

const localVia = ", via "

func localsTrailer(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	return append([]string{localsTitle}, lines...)
}

// localsOf reads what [localLine] wrote; paths are relative to the root.
func localsOf(trailer []string) []Direct {
	var out []Direct
	i := slices.Index(trailer, localsTitle)
	if i < 0 {
		return nil
	}
	for _, line := range trailer[i+1:] {
		s, ok := strings.CutPrefix(line, "  ")
		if !ok {
			break
		}
		var d Direct
		s, via, _ := strings.Cut(s, localVia)
		if via != "" {
			d.Via = splitLabels(via)
		}
		s, d.Marker, _ = strings.Cut(s, " ; ")
		name, rel, ok := strings.Cut(strings.TrimSuffix(s, ")"), " (")
		n, err := pypi.ParseName(name)
		if !ok || err != nil {
			continue
		}
		d.Name, d.Directory = n, &Directory{Path: rel}
		out = append(out, d)
	}
	return out
}
