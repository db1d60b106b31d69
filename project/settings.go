package project

import (
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep508"
)

// Setting is a value as written; the zero Setting is one that is not given.
type Setting struct {
	Text  string
	Place Place
}

// PackageSetting is the value for one package.
type PackageSetting struct {
	Name pypi.Name
	Setting
}

// ResolverSettings are the keys of the same names of [tool.pylock],
// [tool.uv.pip] and [tool.uv], in this order: of a key the first that is given
// counts, of a table the first for each package. Their values are not checked
// but for their types and the markers.
type ResolverSettings struct {
	ForkStrategy, Resolution, Prerelease Setting
	// ExcludeNewer is "false" for the boolean.
	ExcludeNewer Setting
	// Sorted by name.
	PrereleasePackage, ExcludeNewerPackage []PackageSetting
	// Environments are what a universal lock is for, RequiredEnvironments
	// those in which each of its packages must have a file.
	Environments, RequiredEnvironments []pep508.Marker
	// EnvironmentsPlace is where Environments are listed, and
	// OwnEnvironments set if that is [tool.pylock].
	EnvironmentsPlace Place
	OwnEnvironments   bool
}

// settingKeys are the keys of [tool.uv] that readTable reads.
var settingKeys = []string{"fork-strategy", "resolution", "prerelease", "prerelease-package", "exclude-newer", "exclude-newer-package", "environments", "required-environments"}

// readSettings reads the rules and settings of all tables that count and are
// known by now; each is read once, however often it is called.
func (l *loader) readSettings() error {
	if err := l.readOwnIndexes(); err != nil {
		return err
	}
	tables, err := l.ownTables(l.p.Dir)
	if err != nil {
		return err
	}
	done := func(table *tomlValue) bool {
		was := l.settingsDone[table]
		l.settingsDone[table] = true
		return was
	}
	for _, t := range tables {
		if done(t.value) {
			continue
		}
		if err := l.readTable(t.file, t.value, t.path); err != nil {
			return err
		}
	}
	for _, f := range l.roots {
		table := f.doc.get("tool").get("pylock")
		if table == nil || done(table) {
			continue
		}
		if !f.script {
			if _, _, err := l.pylockTable(f.dir); err != nil {
				return err
			}
		}
		if err := l.readTable(f, table, tablePylock); err != nil {
			return err
		}
	}
	for _, f := range l.uvSet {
		if done(f.uv) {
			continue
		}
		if pip := f.uv.get("pip"); pip != nil {
			if err := f.want(pip, tomlTable, tableUVPip); err != nil {
				return err
			}
			if err := l.readRules(f, pip, tableUVPip); err != nil {
				return err
			}
			if err := l.readChoices(f, pip, tableUVPip); err != nil {
				return err
			}
		}
		if err := l.readTable(f, f.uv, tableUV); err != nil {
			return err
		}
	}
	for _, f := range l.uvFiles {
		if f.uv != nil {
			if err := l.readEnvironments(f, f.uv, tableUV); err != nil {
				return err
			}
		}
	}
	for _, t := range l.pipTools {
		if done(t.value) {
			continue
		}
		if err := l.readChoices(t.file, t.value, t.path); err != nil {
			return err
		}
	}
	byName := func(a, b PackageSetting) int { return strings.Compare(string(a.Name), string(b.Name)) }
	slices.SortFunc(l.p.Settings.PrereleasePackage, byName)
	slices.SortFunc(l.p.Settings.ExcludeNewerPackage, byName)
	return nil
}

func (l *loader) readTable(f *pyproject, table *tomlValue, path string) error {
	if err := l.readRules(f, table, path); err != nil {
		return err
	}
	if err := l.readChoices(f, table, path); err != nil {
		return err
	}
	return l.readEnvironments(f, table, path)
}

// readEnvironments reads what a universal lock is for.
func (l *loader) readEnvironments(f *pyproject, table *tomlValue, path string) error {
	s := &l.p.Settings
	if s.Environments == nil {
		var err error
		if s.Environments, err = l.markers(f, table, path, "environments"); err != nil {
			return err
		}
		if s.Environments != nil {
			s.EnvironmentsPlace = f.text.place(table.get("environments").off)
			s.OwnEnvironments = strings.HasPrefix(path, tablePylock)
		}
	}
	if s.RequiredEnvironments == nil {
		var err error
		if s.RequiredEnvironments, err = l.markers(f, table, path, "required-environments"); err != nil {
			return err
		}
	}
	return nil
}

// readChoices reads the settings that [tool.uv.pip] has too.
func (l *loader) readChoices(f *pyproject, table *tomlValue, path string) error {
	s := &l.p.Settings
	for _, k := range []struct {
		key string
		to  *Setting
	}{{"fork-strategy", &s.ForkStrategy}, {"resolution", &s.Resolution}, {"prerelease", &s.Prerelease}, {"exclude-newer", &s.ExcludeNewer}} {
		v := table.get(k.key)
		if v == nil {
			continue
		}
		given, err := f.setting(v, path+"."+k.key, k.key == "exclude-newer")
		if err != nil {
			return err
		}
		l.addFile(f)
		if k.to.Text == "" {
			*k.to = given
		}
	}
	for _, k := range []struct {
		key string
		to  *[]PackageSetting
	}{{"prerelease-package", &s.PrereleasePackage}, {"exclude-newer-package", &s.ExcludeNewerPackage}} {
		v := table.get(k.key)
		if v == nil {
			continue
		}
		if err := f.want(v, tomlTable, path+"."+k.key); err != nil {
			return err
		}
		l.addFile(f)
		seen := map[pypi.Name]bool{}
		for _, e := range v.keys {
			name, err := pypi.ParseName(e.name)
			if err != nil {
				return f.text.errorAt(e.off, len(e.name), "%s.%s: %s", path, k.key, err)
			}
			if seen[name] {
				return f.text.errorAt(e.off, len(e.name), "%s.%s: %q is given twice, in different spellings: remove one", path, k.key, string(name))
			}
			seen[name] = true
			given, err := f.setting(e.value, path+"."+k.key+"."+e.name, k.key == "exclude-newer-package")
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(*k.to, func(s PackageSetting) bool { return s.Name == name }) {
				*k.to = append(*k.to, PackageSetting{name, given})
			}
		}
	}
	return nil
}

// setting reads a string, or false where that is a value.
func (f *pyproject) setting(v *tomlValue, path string, mayBeFalse bool) (Setting, error) {
	s := Setting{Text: strings.TrimSpace(v.text), Place: f.text.place(v.off)}
	switch {
	case mayBeFalse && v.kind == tomlBool && !v.isSet:
		s.Text = "false"
		return s, nil
	case mayBeFalse && v.kind != tomlString:
		return s, f.errorAt(v, "%s must be a string or false, not %s", path, tomlKindNames[v.kind])
	}
	if err := f.want(v, tomlString, path); err != nil {
		return s, err
	}
	if s.Text == "" {
		return s, f.errorAt(v, "%s is empty: give a value, or take it out", path)
	}
	return s, nil
}

// markers reads a string or an array of strings, each a marker; nil when the
// key is absent.
func (l *loader) markers(f *pyproject, table *tomlValue, path, key string) ([]pep508.Marker, error) {
	v := table.get(key)
	if v == nil {
		return nil, nil
	}
	path += "." + key
	items := []*tomlValue{v}
	if v.kind != tomlString {
		var err error
		if items, err = f.strings(v, path); err != nil {
			return nil, err
		}
	}
	l.addFile(f)
	var out []pep508.Marker
	for _, item := range items {
		m, warnings, err := pep508.ParseMarker(item.text)
		if err != nil {
			return nil, requirementError(f.text, item.stringAt, item.text, err)
		}
		for _, w := range warnings {
			off, _ := item.stringAt(w.Offset, w.Length)
			l.warn(f.text.place(off), "%s", w.Msg)
		}
		switch {
		case m.MentionsExtra():
			return nil, f.errorAt(item, "%s: an environment has no extras: take extra out of the marker", path)
		case m.IsTrivial():
			return nil, f.errorAt(item, "%s: an empty marker stands for every environment: take it out", path)
		case m.Set().IsFalse():
			return nil, f.errorAt(item, "%s: no environment is like this: change the marker", path)
		}
		out = append(out, m)
	}
	return out, nil
}
