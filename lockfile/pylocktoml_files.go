package lockfile

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// distributionsOf reads wheels and sdist of a package. Their version is the
// one given, or the one that all of their names state.
func distributionsOf(t project.Document, name pypi.Name, version pep440.Version) ([]Distribution, pep440.Version, error) {
	items, err := array(t, "wheels")
	if err != nil {
		return nil, version, err
	}
	wheels := len(items)
	if s := t.Get("sdist"); s.Exists() {
		items = append(items, s)
	}
	var files []Distribution
	for i, item := range items {
		what := "wheel"
		if i >= wheels {
			what = "sdist"
		}
		if !item.IsTable() {
			return nil, version, item.Errorf("the %s of %s is %s: it should be a table", what, name, item.Kind())
		}
		f, err := distributionOf(item, what, name)
		if err != nil {
			return nil, version, err
		}
		if f.IsWheel() != (what == "wheel") {
			return nil, version, item.Errorf("%s is not the name of a %s", f.Filename, what)
		}
		v, err := f.check(name)
		if err != nil {
			return nil, version, item.Errorf("%s", err)
		}
		if version.IsZero() {
			version = v
		} else if !v.Equal(version) {
			return nil, version, item.Errorf("%s is a file of %s %s, and this package is %s", f.Filename, name, v, version)
		}
		files = append(files, f)
	}
	slices.SortStableFunc(files, func(a, b Distribution) int { return strings.Compare(a.Filename, b.Filename) })
	return files, version, nil
}

func distributionOf(t project.Document, what string, name pypi.Name) (f Distribution, err error) {
	if f.URL, err = text(t, "url", false); err != nil {
		return f, err
	}
	if f.Path, err = text(t, "path", false); err != nil {
		return f, err
	}
	if f.Filename, err = text(t, "name", false); err != nil {
		return f, err
	}
	if f.URL == "" && f.Path == "" {
		return f, t.Errorf("a %s of %s has neither url nor path", what, name)
	}
	if f.Filename == "" && f.Path != "" {
		f.Filename = lastPart(strings.ReplaceAll(f.Path, `\`, "/"))
	}
	if f.Filename == "" {
		u, err := url.Parse(f.URL)
		if err != nil {
			return f, t.Get("url").Errorf("the url of a %s of %s is not one", what, name)
		}
		f.Filename = lastPart(u.Path)
	}
	if f.URL != "" {
		f.Path = "" // installers take the url of two
	}
	if v := t.Get("size"); v.Exists() {
		n, ok := v.Int()
		if !ok || n < 0 {
			return f, v.Errorf("the size of %s should be a number of bytes", f.Filename)
		}
		f.Size = n
	}
	if v := t.Get("upload-time"); v.Exists() {
		at, ok := v.Time()
		if !ok {
			return f, v.Errorf("the upload-time of %s should be a date with a time, in UTC", f.Filename)
		}
		f.UploadTime = at.Truncate(time.Second)
	}
	f.Hashes, err = hashesOf(t)
	return f, err
}

func hashesOf(t project.Document) ([]string, error) {
	table := t.Get("hashes")
	if !table.Exists() {
		return nil, t.Errorf("there are no hashes, which the format demands")
	}
	if !table.IsTable() {
		return nil, table.Errorf("hashes is %s: it should be a table", table.Kind())
	}
	var hashes []string
	for algorithm, v := range table.Each {
		s, ok := v.Text()
		if !ok {
			return nil, v.Errorf("the hash %s is %s: it should be a string", algorithm, v.Kind())
		}
		hashes = append(hashes, strings.ToLower(algorithm)+":"+strings.ToLower(s))
	}
	if len(hashes) == 0 {
		return nil, table.Errorf("there is no hash, and the format demands one a file")
	}
	slices.Sort(hashes)
	return hashes, nil
}
