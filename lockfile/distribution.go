package lockfile

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Distribution is a wheel or an sdist that a pin can be installed from.
type Distribution struct {
	Filename string
	// URL is absolute and without credentials. Path is that of a file of this
	// machine, relative to the lock, with slashes. One of the two is set.
	URL, Path  string
	Size       int64     // bytes, 0 when unknown
	UploadTime time.Time // UTC, in seconds; zero when unknown
	// Hashes are "algorithm:hexadecimal", sorted. pylock writes one a file.
	Hashes []string
}

// IsWheel reports whether the file is a wheel; else it is an sdist.
func (d *Distribution) IsWheel() bool { return strings.HasSuffix(d.Filename, ".whl") }

// check returns the version that the file name states, and an error where the
// name is of no distribution of the package.
func (d *Distribution) check(name pypi.Name) (pep440.Version, error) {
	if !d.IsWheel() {
		s, err := dist.ParseSdist(d.Filename)
		if err == nil && s.Name != name {
			err = fmt.Errorf("the sdist %s is not of %s", d.Filename, name)
		}
		return s.Version, err
	}
	w, err := dist.ParseWheel(d.Filename)
	if err == nil && w.Name != name {
		err = fmt.Errorf("the wheel %s is not of %s", d.Filename, name)
	}
	return w.Version, err
}

// pipHashes are the hashes of the file that pip accepts.
func (d *Distribution) pipHashes() []string {
	return slices.DeleteFunc(slices.Clone(d.Hashes), func(h string) bool { return !validHash(h) })
}

func (d *Distribution) equal(e *Distribution) bool {
	return d.Filename == e.Filename && d.URL == e.URL && d.Path == e.Path && d.Size == e.Size &&
		d.UploadTime.Equal(e.UploadTime) && slices.Equal(d.Hashes, e.Hashes)
}

// fileHash returns the hash of a file that a lock names: its sha256, else the
// first other one that pip accepts; "" when the index states none.
func fileHash(f *index.File) string {
	for _, algorithm := range []string{"sha256", "sha384", "sha512"} {
		if h := algorithm + ":" + f.Hashes.Get(algorithm); validHash(h) {
			return h
		}
	}
	return ""
}

// distributions returns the files of a pin as a lock lists them; those without
// a hash are left out, since an installer must not take them.
func distributions(name pypi.Name, files []*index.File) ([]Distribution, error) {
	var ds []Distribution
	for _, f := range files {
		h := fileHash(f)
		if h == "" {
			continue
		}
		if path := f.Local(); path != "" {
			ds = append(ds, Distribution{Filename: f.Filename, Path: strings.TrimPrefix(path, "./"), Size: f.Size, Hashes: []string{h}})
			continue
		}
		u, err := plainURL(f)
		if err != nil {
			return nil, &index.UnusableError{URL: project.Redact(f.URL), Err: fmt.Errorf("%s: %w", name, err)}
		}
		ds = append(ds, Distribution{
			Filename: f.Filename, URL: u, Size: f.Size, UploadTime: f.UploadTime.UTC().Truncate(time.Second), Hashes: []string{h},
		})
	}
	return ds, nil
}

// plainURL returns the address of a file without credentials, fragment and
// query: a query may be a token that lets in whoever has it.
func plainURL(f *index.File) (string, error) {
	u, err := url.Parse(f.URL)
	if err != nil {
		return "", fmt.Errorf("the address of %s is not a URL", f.Filename)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("the address of %s is not absolute: it wants http or https and a host", f.Filename)
	}
	if u.RawQuery != "" && lastPart(u.Path) != f.Filename {
		return "", fmt.Errorf("the address of %s is a query, which may hold a secret: use requirements.lock, or an index whose addresses end in the name of the file", f.Filename)
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String(), nil
}

func lastPart(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// commonPython returns the Requires-Python that all files state, "" where they
// differ or one does not state any, or where one of the Pythons that the lock
// is for is outside of it: the resolution then had no better, and an installer
// would stop at once.
func commonPython(files []*index.File, pythons []pep440.Version) string {
	text := ""
	for i, f := range files {
		s := f.Python.String()
		if s == "" || i > 0 && s != text {
			return ""
		}
		text = s
		if slices.ContainsFunc(pythons, func(v pep440.Version) bool { return !f.Python.Contains(v) }) {
			return ""
		}
	}
	return text
}

// setFiles makes files what the pin is installed from.
func (p *Pin) setFiles(files []*index.File, s Scope) error {
	var err error
	if p.Files, err = distributions(p.Name, files); err != nil {
		return err
	}
	if len(p.Files) == 0 {
		return fmt.Errorf("%s %s has no file with a sha256 and a name that PEP 751 knows: use requirements.lock", p.Name, p.Version)
	}
	p.RequiresPython = commonPython(files, s.Pythons)
	p.Hashes = nil
	for i := range p.Files {
		p.Hashes = append(p.Hashes, p.Files[i].Hashes...)
	}
	slices.Sort(p.Hashes)
	p.Hashes = slices.Compact(p.Hashes)
	return nil
}

// oneSdist drops all sdists but one, the .tar.gz where there is one: legacy
// releases have the same source in several archives, and a pylock.toml has
// room for one. It drops those too whose name only tells the version to who
// knows the project, such as a-1-2.zip or a-1.tar.bz2: PEP 751 has its readers
// refuse the whole lock for them.
func oneSdist(files []*index.File) []*index.File {
	var best *index.File
	for _, f := range files {
		if _, err := dist.ParseSdist(f.Filename); f.IsSdist() && err == nil && (best == nil || strings.HasSuffix(f.Filename, ".tar.gz") && !strings.HasSuffix(best.Filename, ".tar.gz")) {
			best = f
		}
	}
	return slices.DeleteFunc(files, func(f *index.File) bool { return f.IsSdist() && f != best })
}
