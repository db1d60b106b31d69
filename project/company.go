package project

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// CompanyKeys are the settings that count in the files of a machine and a
// user: where packages come from, and how to get there. Everything else that
// these files say is another tool's.
var CompanyKeys = []string{"index", "index-url", "extra-index-url", "find-links", "no-index", "cert", "client-cert", "allow-insecure-host", "proxy", "keyring-provider"}

// CompanySetting is one value of such a file.
type CompanySetting struct {
	Key   string // of CompanyKeys
	Value string // may hold credentials
	Name  string // of an index, else ""
	// Default says of an index that it takes the place of the default one,
	// Explicit that it is for packages alone whose source names it.
	Default, Explicit bool
	IndexRules
	Place Place // its file is an absolute path
}

// CompanyFiles say where the files are.
type CompanyFiles struct {
	Getenv func(string) (string, bool)
	System string // folder of the machine's settings, such as /etc; "" for none
}

// maxCompany bounds such a file, in bytes.
const maxCompany = 1 << 20

// Company reads the settings of uv.toml and pip.conf of user and machine, the
// strongest first: uv's user, uv's machine, then pip's as pip ranks them (the
// file of PIP_CONFIG_FILE, the virtual environment, user, machine). Files that
// do not exist say nothing. PIP_FIND_LINKS is one of pip's, the strongest: it is
// a machine's, and no choice of who runs a command.
func Company(f CompanyFiles) ([]CompanySetting, error) {
	var out []CompanySetting
	for _, path := range f.uv() {
		s, err := readCompany(path, companyTOML)
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
	}
	// Of one tool a stronger file takes the place of a weaker one, key by key.
	var pip []CompanySetting
	for _, links := range strings.Fields(f.get("PIP_FIND_LINKS")) {
		pip = append(pip, CompanySetting{Key: "find-links", Value: links, Place: Place{File: "PIP_FIND_LINKS"}})
	}
	for _, path := range f.pip() {
		s, err := readCompany(path, companyINI)
		if err != nil {
			return nil, err
		}
		s = slices.DeleteFunc(s, func(s CompanySetting) bool {
			return slices.ContainsFunc(pip, func(have CompanySetting) bool { return have.Key == s.Key && have.Place.File != s.Place.File })
		})
		pip = append(pip, s...)
	}
	return append(out, pip...), nil
}

func (f *CompanyFiles) get(name string) string {
	v, _ := f.Getenv(name)
	return strings.TrimSpace(v)
}

// configDir is where a user's settings are, "" where that is not known.
func (f *CompanyFiles) configDir() string {
	if runtime.GOOS == "windows" {
		return f.get("APPDATA")
	}
	if dir := f.get("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home := f.get("HOME"); home != "" {
		return filepath.Join(home, ".config")
	}
	return ""
}

// uv are the files that uv reads, the strongest first.
func (f *CompanyFiles) uv() []string {
	var out []string
	if dir := f.configDir(); dir != "" {
		out = append(out, filepath.Join(dir, "uv", "uv.toml"))
	}
	// Of the machine's, the first that there is.
	for _, dir := range f.systemDirs() {
		if path := filepath.Join(dir, "uv", "uv.toml"); exists(path) {
			return append(out, path)
		}
	}
	return out
}

func (f *CompanyFiles) systemDirs() []string {
	if f.System == "" {
		return nil
	}
	var dirs []string
	if runtime.GOOS != "windows" {
		for _, dir := range filepath.SplitList(f.get("XDG_CONFIG_DIRS")) {
			if filepath.IsAbs(dir) {
				dirs = append(dirs, dir)
			}
		}
		dirs = append(dirs, filepath.Join(f.System, "xdg"))
	}
	return append(dirs, f.System)
}

// pip are the files that pip reads, the strongest first.
func (f *CompanyFiles) pip() []string {
	name := "pip.conf"
	if runtime.GOOS == "windows" {
		name = "pip.ini"
	}
	own := f.get("PIP_CONFIG_FILE")
	if own == os.DevNull || own == "/dev/null" {
		return nil
	}
	var out []string
	if own != "" {
		out = append(out, own)
	}
	if env := f.get("VIRTUAL_ENV"); env != "" {
		out = append(out, filepath.Join(env, name))
	}
	home := f.get("HOME")
	if runtime.GOOS == "windows" {
		home = f.get("USERPROFILE")
	}
	if own == "" || !exists(own) {
		switch dir := f.configDir(); {
		case runtime.GOOS == "darwin" && home != "" && exists(filepath.Join(home, "Library", "Application Support", "pip")):
			out = append(out, filepath.Join(home, "Library", "Application Support", "pip", name))
		case dir != "":
			out = append(out, filepath.Join(dir, "pip", name))
		}
		if home != "" {
			legacy := ".pip"
			if runtime.GOOS == "windows" {
				legacy = "pip"
			}
			out = append(out, filepath.Join(home, legacy, name))
		}
	}
	switch {
	case f.System == "":
	case runtime.GOOS == "windows":
		out = append(out, filepath.Join(f.System, "pip", name))
	case runtime.GOOS == "darwin":
		out = append(out, filepath.Join("/Library/Application Support/pip", name))
	default:
		dirs := f.systemDirs()
		out = append(out, filepath.Join(f.System, name))
		for _, dir := range slices.Backward(dirs[:len(dirs)-1]) {
			out = append(out, filepath.Join(dir, "pip", name))
		}
	}
	return out
}

func readCompany(path string, read func(*text) ([]CompanySetting, error)) ([]CompanySetting, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), isDir(path):
		return nil, nil // as pip does
	case err != nil:
		return nil, err
	}
	t, err := newTextOf(filepath.ToSlash(path), data, maxCompany)
	if err != nil {
		return nil, err
	}
	s, err := read(t)
	if input := (*InputError)(nil); errors.As(err, &input) {
		// The line may hold a password in a form that nobody foresaw.
		input.Excerpt = ""
		input.Msg += "; --no-config leaves out this file"
	}
	return s, err
}

// companyTOML reads a uv.toml.
func companyTOML(t *text) ([]CompanySetting, error) {
	doc, err := parseTOML(t)
	if err != nil {
		return nil, err
	}
	f := &pyproject{text: t, doc: doc}
	var out []CompanySetting
	for _, table := range []*tomlValue{doc.get("pip"), doc} {
		if table == nil || table.kind != tomlTable {
			continue
		}
		for _, k := range table.keys {
			key := k.name
			if key == "http-proxy" || key == "https-proxy" {
				key = "proxy"
			}
			if !slices.Contains(CompanyKeys, key) || key == "cert" || key == "client-cert" || key == "index" && table != doc {
				continue
			}
			if key == "index" {
				if k.value.kind != tomlArray {
					return nil, f.errorAt(k.value, "index must be an array of tables")
				}
				for _, v := range k.value.items {
					s, err := f.companyIndex(v)
					if err != nil {
						return nil, err
					}
					if s.Key != "" {
						out = append(out, s)
					}
				}
				continue
			}
			values := []*tomlValue{k.value}
			switch {
			case k.value.kind == tomlArray:
				if values, err = f.strings(k.value, key); err != nil {
					return nil, err
				}
			case key == "no-index":
				if err := f.want(k.value, tomlBool, key); err != nil {
					return nil, err
				}
				if k.value.isSet {
					out = append(out, CompanySetting{Key: key, Value: "true", Place: t.place(k.value.off)})
				}
				continue
			default:
				if err := f.want(k.value, tomlString, key); err != nil {
					return nil, err
				}
			}
			for _, v := range values {
				out = append(out, f.companySetting(key, v))
			}
		}
	}
	return out, nil
}

func (f *pyproject) companySetting(key string, v *tomlValue) CompanySetting {
	s := CompanySetting{Key: key, Value: v.text, Place: f.text.place(v.off)}
	if key == "find-links" && !strings.Contains(s.Value, "://") && !filepath.IsAbs(s.Value) {
		s.Value = filepath.Join(filepath.Dir(filepath.FromSlash(f.text.name)), s.Value)
	}
	return s
}

// companyIndex reads an entry of index; the zero setting is one that counts for
// no package by itself.
func (f *pyproject) companyIndex(v *tomlValue) (CompanySetting, error) {
	none := CompanySetting{}
	if err := f.want(v, tomlTable, "index"); err != nil {
		return none, err
	}
	u, err := f.stringKey(v, "index", "url")
	if err != nil {
		return none, err
	}
	if u == nil {
		return none, f.errorAt(v, "index has no url: add it")
	}
	s := f.companySetting("index", u)
	name, err := f.stringKey(v, "index", "name")
	if err != nil {
		return none, err
	}
	if name != nil {
		s.Name = name.text
	}
	if s.Default, err = f.boolKey(v, "index", "default"); err != nil {
		return none, err
	}
	if s.Explicit, err = f.boolKey(v, "index", "explicit"); err != nil {
		return none, err
	}
	if s.Explicit && s.Name == "" {
		return none, f.errorAt(v, "index is explicit and has no name, by which a source could ask for it: add name")
	}
	if s.IndexRules, err = f.indexRules(v, "index"); err != nil {
		return none, err
	}
	format, err := f.stringKey(v, "index", "format")
	if err == nil && format != nil && format.text == "flat" {
		if s.Explicit {
			return none, nil
		}
		rules := s.IndexRules
		s = f.companySetting("find-links", u)
		s.IndexRules = rules
	}
	return s, err
}

// companyINI reads a pip.conf, as Python's configparser does: sections, keys
// with = or :, lines further in that go on, and comments of whole lines. What
// [install] says is stronger than [global].
func companyINI(t *text) ([]CompanySetting, error) {
	type entry struct {
		section, key string
		values       []CompanySetting
	}
	var entries []*entry
	section, offset := "", 0
	var last *entry
	add := func(value string, at int) {
		last.values = append(last.values, CompanySetting{Key: last.key, Value: value, Place: t.place(at)})
	}
	for line := range strings.Lines(string(t.data)) {
		at := offset
		offset += len(line)
		line = strings.TrimRight(line, " \t\r\n")
		trimmed := strings.TrimLeft(line, " \t")
		indented := len(trimmed) < len(line)
		at += len(line) - len(trimmed)
		fail := func(msg string) error {
			return &InputError{Place: Place{File: t.name, Line: t.place(at).Line}, Msg: msg}
		}
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case indented && last != nil:
			add(trimmed, at)
			continue
		case trimmed[0] == '[':
			name, _, ok := strings.Cut(trimmed[1:], "]")
			if !ok {
				return nil, fail("a section does not end: write [global] or [install]")
			}
			section, last = name, nil
			continue
		}
		i := strings.IndexAny(trimmed, "=:")
		if section == "" || i <= 0 {
			return nil, fail("neither a section nor a key with a value: write it as pip config does")
		}
		key := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(trimmed[:i])), "_", "-")
		last = &entry{section: section, key: strings.TrimPrefix(key, "--")}
		if last.key == "trusted-host" {
			last.key = "allow-insecure-host"
		}
		entries = append(entries, last)
		if value := strings.TrimSpace(trimmed[i+1:]); value != "" {
			add(value, at)
		}
	}
	var out []CompanySetting
	for _, section := range []string{"install", "global"} {
		own := map[string]bool{}
		for _, e := range entries {
			taken := slices.ContainsFunc(out, func(s CompanySetting) bool { return s.Key == e.key && !own[e.key] })
			if e.section != section || taken || !slices.Contains(CompanyKeys, e.key) || e.key == "index" {
				continue
			}
			own[e.key] = true
			for _, s := range e.values {
				values := []string{s.Value}
				switch e.key {
				case "extra-index-url", "find-links", "allow-insecure-host":
					values = strings.Fields(s.Value)
				case "no-index":
					switch strings.ToLower(s.Value) {
					case "1", "true", "yes", "on", "y", "t":
						values = []string{"true"}
					default:
						continue
					}
				case "cert", "client-cert":
					if !filepath.IsAbs(s.Value) {
						values = nil // pip takes it from wherever it runs
					}
				}
				for _, v := range values {
					s.Value = v
					out = append(out, s)
				}
			}
		}
	}
	return out, nil
}
