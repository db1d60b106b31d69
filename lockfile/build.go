package lockfile

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/resolver"
)

// Hashes says which files of a version a lock lists.
type Hashes uint8

const (
	// TargetHashes are those that the target can use: its wheels, and the
	// sdist only where no wheel fits.
	TargetHashes Hashes = iota
	// AllHashes are those of all files of the version.
	AllHashes
	// NoHashes are none.
	NoHashes
)

var hashesNames = []string{"target", "all", "none"}

// ParseHashes reads "target", "all" or "none".
func ParseHashes(s string) (Hashes, error) {
	if i := slices.Index(hashesNames, s); i >= 0 {
		return Hashes(i), nil
	}
	return 0, fmt.Errorf("unknown choice of hashes %q: use one of %s", s, strings.Join(hashesNames, ", "))
}

func (h Hashes) String() string { return hashesNames[h] }

// BuildOptions say what of a resolution goes into a lock.
type BuildOptions struct {
	// Header are the comment lines at the top; see [Header].
	Header []string
	// Options are written before those that the pins need.
	Options []string
	// Format is the form that the lock is for. A pylock.toml holds files, their
	// index and folders, where requirements.lock has hashes, options and
	// comments; it has no way to say that there is no hash.
	Format Format
	Hashes Hashes
	// Scope is where a pylock.toml can be installed; see [ScopeOf].
	Scope Scope
	// Dir is the folder of the lock, to which the paths of files and of the
	// folders of a pylock.toml are relative, and Root the one that those of the
	// resolution are relative to; both absolute. Editable are the packages whose installation follows their
	// source.
	Root, Dir string
	Editable  []pypi.Name
	// Folders writes path dependencies into a pylock.toml. pip refuses such a
	// lock, since it cannot verify the hash of a folder; uv takes it.
	Folders bool
	// NoEmit are packages that are resolved and not written.
	NoEmit []pypi.Name
	// NoStripExtras writes the extras that are in use.
	NoStripExtras bool
	// DefaultIndex is the index that pip will ask without being told, without
	// credentials. Each other index that a pin comes from gets an
	// --extra-index-url line, each page or folder of files --find-links; ""
	// writes none.
	DefaultIndex string
	// IndexAnnotation writes the index of each pin.
	IndexAnnotation bool
	// Old is the lock that this one replaces, or nil. Where both have the same
	// command and target, or the old one has no header, a pin that keeps its
	// version keeps its hashes too, as long as [resolver.HashFaults] finds none:
	// a file added to an old release is no reason to change a lock, a hash that
	// somebody took out is one. Refresh are packages exempt from that.
	Old     *Lock
	Refresh []pypi.Name
}

const (
	excludedTitle = "The following packages were excluded from the output:"
	localsTitle   = "The following local packages are inputs of this lock and are installed separately:"
)

// FromResolution builds the lock of a resolution. Path dependencies are not
// pinned, since pip's hash mode cannot take folders: the trailer lists them.
func FromResolution(r *resolver.Resolution, o BuildOptions) (*Lock, error) {
	l := &Lock{Header: o.Header, Options: slices.Clone(o.Options)}
	type pinned struct {
		name    pypi.Name
		version string
	}
	old := map[pinned][]*Pin{} // several where it comes from several indexes
	if o.Old != nil && o.Hashes != NoHashes && keepsHashes(o.Old, o.Header) {
		for i := range o.Old.Pins {
			pin := &o.Old.Pins[i]
			if !slices.Contains(o.Refresh, pin.Name) {
				k := pinned{pin.Name, pin.Version.Key()}
				old[k] = append(old[k], pin)
			}
		}
	}
	var excluded, locals []string
	for i := range r.Packages {
		p := &r.Packages[i]
		via := labels(p.Via)
		switch {
		case p.Local != nil && p.Local.Direct != nil && !slices.Contains(o.NoEmit, p.Name):
			d, err := reference(p.Local, p.Marker, o.Dir, o.Hashes)
			if err != nil {
				return nil, err
			}
			d.Via = via
			l.Direct = append(l.Direct, d)
			continue
		case p.Local != nil && p.Local.Direct == nil && o.Folders && !slices.Contains(o.NoEmit, p.Name):
			d, err := directory(p, o)
			if err != nil {
				return nil, err
			}
			d.Via = via
			l.Direct = append(l.Direct, d)
			continue
		case p.Local != nil && p.Local.Direct == nil:
			locals = append(locals, localLine(p.Name, p.Local.Rel, p.Marker, via))
			continue
		case slices.Contains(o.NoEmit, p.Name):
			if !slices.Contains(excluded, string(p.Name)) {
				excluded = append(excluded, string(p.Name))
			}
			continue
		}
		pin := Pin{Name: p.Name, Version: p.Version, Marker: p.Marker, Via: via}
		if o.NoStripExtras {
			pin.Extras = slices.Clone(p.Extras)
		}
		home := withoutQuery(p.Index)
		if o.IndexAnnotation || o.Format == PylockTOML {
			pin.From = home
		}
		for _, was := range old[pinned{p.Name, p.Version.Key()}] {
			if unknown, missing := resolver.HashFaults(was.Hashes, p.AllFiles, p.Servings); len(was.Hashes) > 0 && len(unknown)+len(missing) == 0 {
				pin.Hashes = was.Hashes
				break
			}
		}
		if pin.Hashes == nil {
			var err error
			if pin.Hashes, err = hashes(p, o); err != nil {
				return nil, err
			}
		}
		if o.Format == PylockTOML {
			if err := pin.addFiles(p, o); err != nil {
				return nil, err
			}
			l.Pins = append(l.Pins, pin)
			continue
		}
		for _, line := range originLines(p.Index, p.Links, o.DefaultIndex) {
			if !slices.Contains(l.Options, line) {
				l.Options = append(l.Options, line)
			}
		}
		l.Pins = append(l.Pins, pin)
	}
	slices.SortFunc(l.Pins, comparePins)
	if o.Format == PylockTOML {
		l.Scope = o.Scope
		return l, nil
	}
	if len(excluded) > 0 {
		slices.Sort(excluded)
		l.Trailer = append(append(l.Trailer, excludedTitle), excluded...)
	}
	if len(locals) > 0 {
		l.Trailer = trimBlank(append(append(l.Trailer, ""), localsTrailer(locals)...))
	}
	return l, nil
}

func labels(via []resolver.Via) []string {
	var s []string
	for _, v := range via {
		switch {
		case v.Origin != "":
			s = append(s, v.Origin)
		case v.Package != "":
			s = append(s, string(v.Package))
		}
	}
	return sortLabels(s)
}

func localPath(rel string) string {
	if rel == "" || rel == "." {
		return "."
	}
	return rel
}

// hashes returns the hash of each file, sorted; a file without one that pip
// accepts is left out, since pip would not install it.
func hashes(p *resolver.Package, o BuildOptions) ([]string, error) {
	if o.Hashes == NoHashes && o.Format != PylockTOML {
		return nil, nil
	}
	var s []string
	for _, f := range listed(p, o) {
		if h := fileHash(f); h != "" {
			s = append(s, h)
		}
	}
	if len(s) == 0 {
		what := "use --no-hashes, or an index that does"
		if o.Format == PylockTOML {
			what = "use an index that does, or requirements.lock with --no-hashes"
		}
		return nil, &index.UnusableError{URL: cmp.Or(p.Index, strings.Join(p.Links, ", ")), Err: fmt.Errorf("it states no sha256 for any file of %s %s: %s", p.Name, p.Version, what)}
	}
	slices.Sort(s)
	return slices.Compact(s), nil
}

// keepsHashes reports whether a lock with that header lists the files that the
// old one does.
func keepsHashes(old *Lock, header []string) bool {
	l := &Lock{Header: header}
	if len(old.Header) == 0 {
		return true
	}
	same, _ := sameTarget(old.Target(), l.Target())
	return len(header) > 0 && old.Command() == l.Command() && same
}

// indexLine is the option by which pip finds a package of an index; "" where
// it need not be told.
func indexLine(home, byDefault string) string {
	if home = withoutQuery(home); byDefault == "" || home == "" || sameIndex(home, byDefault) {
		return ""
	}
	return "--extra-index-url " + home
}

// originLines are the options by which pip finds a package: none where it need
// not be told.
func originLines(home string, links []string, byDefault string) []string {
	var lines []string
	if line := indexLine(home, byDefault); line != "" {
		lines = append(lines, line)
	}
	if byDefault != "" {
		for _, l := range links {
			lines = append(lines, "--find-links "+withoutQuery(l))
		}
	}
	return lines
}

// listed are the files of a package that a lock names.
func listed(p *resolver.Package, o BuildOptions) []*index.File {
	if o.Hashes == AllHashes {
		return p.AllFiles
	}
	return p.Files
}

// addFiles adds the files that the hashes of the pin are of.
func (pin *Pin) addFiles(p *resolver.Package, o BuildOptions) error {
	files := oneSdist(slices.DeleteFunc(slices.Clone(listed(p, o)), func(f *index.File) bool { return !slices.Contains(pin.Hashes, fileHash(f)) }))
	return pin.setFiles(files, o.Scope)
}

// directory is the entry of a path dependency.
func directory(p *resolver.Package, o BuildOptions) (Direct, error) {
	rel, err := filepath.Rel(o.Dir, filepath.Join(o.Root, filepath.FromSlash(p.Local.Rel)))
	if err != nil {
		return Direct{}, fmt.Errorf("%s: the folder %s cannot be reached from that of the lock: %w", p.Name, p.Local.Rel, err)
	}
	d := &Directory{Path: filepath.ToSlash(rel), Editable: slices.Contains(o.Editable, p.Name)}
	return Direct{Name: p.Name, Text: d.text(), Marker: p.Marker, Directory: d}, nil
}

// withoutQuery cuts the query of an index's address, which may be a token and
// is shown shortened.
func withoutQuery(u string) string {
	u, _, _ = strings.Cut(u, "?")
	return u
}

func sameIndex(a, b string) bool {
	return strings.TrimRight(a, "/") == strings.TrimRight(b, "/")
}
