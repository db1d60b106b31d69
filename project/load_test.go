package project

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
)

var update = flag.Bool("update", false, "write the want sections of testdata/load")

// Each file of testdata/load holds one or more cases: a comment of "key:
// value" lines with the options, the input files, and a last file `want` with
// the project as dump writes it, or with the error.
func TestLoad(t *testing.T) {
	files, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := readArchive(file)
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			want := -1
			for i, f := range a.Files {
				if f.Name == "want" {
					want = i
					continue
				}
				writeFile(t, filepath.Join(root, filepath.FromSlash(f.Name)), unescape(f.Data))
			}
			if want < 0 {
				t.Fatal("no want section")
			}
			p, err := Load(options(t, a.comment, root))
			got := ""
			if err != nil {
				got = "error: " + err.Error() + "\n"
				var ie *InputError
				if !errors.As(err, &ie) {
					t.Errorf("not an InputError: %T", err)
				}
			} else {
				got = dump(p)
			}
			got = strings.ReplaceAll(got, root, "ROOT")
			if strings.Contains(a.comment, "words: ") {
				// The words, and how much they mark, are the parser's below.
				place, _, _ := strings.Cut(got, " ")
				at, rest, _ := strings.Cut(got[len(place)+1:], " ")
				_, excerpt, _ := strings.Cut(rest, "\n")
				if line, caret, ok := strings.Cut(excerpt, "\n"); ok {
					excerpt = line + "\n" + strings.TrimRight(caret, "^\n") + "^\n"
				}
				got = place + " " + at + " …\n" + excerpt
			}
			if *update {
				a.Files[want].Data = []byte(got)
				if err := os.WriteFile(file, a.format(), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if w := string(a.Files[want].Data); got != w {
				t.Errorf("got:\n%s\nwant:\n%s", got, w)
			}
		})
	}
}

// unescape lets a case hold what an editor would not keep.
func unescape(b []byte) []byte {
	s := string(b)
	for _, r := range [][2]string{{"<CR>\n", "\r\n"}, {"<CR>", "\r"}, {"<BOM>", "\ufeff"}, {"<FF>", "\f"}, {"<ESC>", "\x1b"}, {"<RLO>", "\u202e"}, {"<BAD>", "\xff"}, {"<LS>", "\u2028"}, {"<UTF16>", "\xff\xfe"}} {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	return []byte(s)
}

func options(t *testing.T, comment, root string) LoadOptions {
	o := LoadOptions{Root: root, WorkDir: root}
	env := map[string]string{}
	for _, line := range strings.Split(comment, "\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		fields := strings.Fields(value)
		switch key {
		case "sources":
			o.Sources = fields
		case "extras":
			o.Extras = fields
		case "all-extras":
			o.AllExtras = true
		case "groups":
			o.Groups = fields
		case "constraints":
			o.Constraints = fields
		case "overrides":
			o.Overrides = fields
		case "excludes":
			o.Excludes = fields
		case "stdin":
			o.Stdin = strings.NewReader(strings.ReplaceAll(strings.TrimSpace(value), `\n`, "\n"))
		case "no-sources":
			o.NoSources = true
		case "root":
			o.Root = filepath.Join(root, fields[0])
		case "find-root":
			o.Root = ""
		case "words":
		case "dir":
			o.WorkDir = filepath.Join(root, fields[0])
		case "env":
			k, v, _ := strings.Cut(strings.TrimSpace(value), "=")
			env[k] = v
		default:
			t.Fatalf("unknown option %q", key)
		}
	}
	o.Getenv = func(k string) (string, bool) { v, ok := env[k]; return v, ok }
	return o
}

// dump writes a project as text, everything in it.
func dump(p *Project) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	requirement := func(prefix string, r Requirement) {
		s := fmt.Sprintf("%s %s | %s | %s | %s", prefix, r.Requirement.String(), r.Text, r.Place, r.Origin)
		if r.Path != "" {
			s += " | path " + relative(p.Root, r.Path)
		}
		if r.Editable {
			s += " | editable"
		}
		if len(r.Hashes) > 0 {
			s += " | " + strings.Join(r.Hashes, " ")
		}
		line("%s", strings.ReplaceAll(s, " |  |", " | |"))
	}
	if p.Name != "" {
		line("name %s", p.Name)
	}
	line("dir %s sources %q files %q", relative(p.Root, p.Dir), p.Sources, p.Files)
	if len(p.RequiresPython) > 0 {
		line("requires-python %s | %s", p.RequiresPython, p.RequiresPythonPlace)
	}
	for _, r := range p.Requirements {
		requirement("requirement", r)
	}
	for _, r := range p.Constraints {
		requirement("constraint", r)
	}
	for _, r := range p.Overrides {
		requirement("override", r)
	}
	of := func(p Parent) string {
		if p.Name == "" {
			return "anything"
		}
		return strings.TrimSpace(string(p.Name) + " " + p.Version.String())
	}
	for _, o := range p.ScopedOverrides {
		line("override of %s | %s", of(o.Of), o.Place)
		for _, r := range o.Requirements {
			requirement("  override", r)
		}
	}
	for _, x := range p.Exclusions {
		line("exclusion of %s %q | %s", of(x.Of), x.Names, x.Place)
	}
	for _, m := range p.DependencyMetadata {
		line("metadata %s %s | %q | python %s | extras %q | %s", m.Name, m.Version, m.Requires, m.RequiresPython, m.Extras, m.Place)
	}
	s := p.Settings
	for _, k := range []PackageSetting{{"fork-strategy", s.ForkStrategy}, {"resolution", s.Resolution}, {"prerelease", s.Prerelease}, {"exclude-newer", s.ExcludeNewer}} {
		if k.Text != "" {
			line("setting %s %s | %s", k.Name, k.Text, k.Place)
		}
	}
	for _, k := range s.PrereleasePackage {
		line("setting prerelease-package %s %s | %s", k.Name, k.Text, k.Place)
	}
	for _, k := range s.ExcludeNewerPackage {
		line("setting exclude-newer-package %s %s | %s", k.Name, k.Text, k.Place)
	}
	for _, m := range s.Environments {
		line("environment %s | %s own=%v", m, s.EnvironmentsPlace, s.OwnEnvironments)
	}
	for _, m := range s.RequiredEnvironments {
		line("required environment %s", m)
	}
	for _, l := range p.Locals {
		version := "dynamic"
		if !l.Version.IsZero() {
			version = l.Version.String()
		}
		line("local %s %s | %s | %s | python %s", l.Name, version, l.Rel, l.Place, l.RequiresPython)
		for _, r := range l.Requirements {
			requirement("  requirement", r)
		}
		var extras []pypi.Extra
		for e := range l.Extras {
			extras = append(extras, e)
		}
		slices.Sort(extras)
		for _, e := range extras {
			line("  extra %s", e)
			for _, r := range l.Extras[e] {
				requirement("    requirement", r)
			}
		}
	}
	link := func(kind string, k Link) {
		line("%s %s | %s | %s | %s explicit=%v", kind, k.URL, k.Text, k.Place, k.Name, k.Explicit)
	}
	if p.Index.Default.URL != "" {
		link("index", p.Index.Default)
	}
	for _, k := range p.Index.Extra {
		link("extra-index", k)
	}
	for _, k := range p.Index.FindLinks {
		link("find-links", k)
	}
	if p.Index.NoIndex {
		line("no-index")
	}
	if p.Pre {
		line("pre")
	}
	if p.NoBinary != nil || p.OnlyBinary != nil {
		line("no-binary %q only-binary %q", p.NoBinary, p.OnlyBinary)
	}
	for _, w := range p.Warnings {
		line("warning %s", w)
	}
	return b.String()
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// archive is a comment and files, in the txtar format.
type archive struct {
	comment string
	Files   []archiveFile
}

type archiveFile struct {
	Name string
	Data []byte
}

func readArchive(path string) (*archive, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a := &archive{}
	for _, line := range strings.SplitAfter(string(data), "\n") {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		if name, ok2 := strings.CutSuffix(name, " --"); ok && ok2 {
			a.Files = append(a.Files, archiveFile{Name: name})
		} else if n := len(a.Files); n > 0 {
			a.Files[n-1].Data = append(a.Files[n-1].Data, line...)
		} else {
			a.comment += line
		}
	}
	return a, nil
}

func (a *archive) format() []byte {
	out := []byte(a.comment)
	for _, f := range a.Files {
		out = append(out, "-- "+f.Name+" --\n"...)
		out = append(out, f.Data...)
	}
	return out
}
