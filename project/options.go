package project

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
)

// lineOption is what an option of a requirements file means.
type lineOption uint8

const (
	optInclude lineOption = iota
	optConstraint
	optEditable
	optIndexURL
	optExtraIndexURL
	optFindLinks
	optNoIndex
	optNoBinary
	optOnlyBinary
	optPre
	optRequireHashes // every lock has hashes by default
	optIgnored       // a flag that changes nothing here
	optIgnoredValue  // the same, with a value
	optHash          // after a requirement only, like the next
	optPerRequirement
)

// lineOptions are pip's, in all their spellings.
func lineOptions(name string) (lineOption, bool) {
	switch name {
	case "-r", "--requirement":
		return optInclude, true
	case "-c", "--constraint":
		return optConstraint, true
	case "-e", "--editable":
		return optEditable, true
	case "-i", "--index-url", "--pypi-url":
		return optIndexURL, true
	case "--extra-index-url":
		return optExtraIndexURL, true
	case "-f", "--find-links":
		return optFindLinks, true
	case "--no-index":
		return optNoIndex, true
	case "--no-binary":
		return optNoBinary, true
	case "--only-binary":
		return optOnlyBinary, true
	case "--pre":
		return optPre, true
	case "--require-hashes":
		return optRequireHashes, true
	case "--prefer-binary":
		return optIgnored, true
	case "--trusted-host", "--use-feature":
		return optIgnoredValue, true
	case "--hash":
		return optHash, true
	case "--config-settings", "--config-setting", "--global-option":
		return optPerRequirement, true
	}
	return 0, false
}

var lineOptionNames = []string{
	"--config-settings", "--constraint", "--editable", "--extra-index-url", "--find-links", "--global-option", "--hash",
	"--index-url", "--no-binary", "--no-index", "--only-binary", "--pre", "--prefer-binary", "--require-hashes",
	"--requirement", "--trusted-host", "--use-feature",
}

func (o lineOption) takesValue() bool {
	return o != optNoIndex && o != optPre && o != optRequireHashes && o != optIgnored
}

// optionName splits "--name=value" and "-rvalue".
func optionName(s string) (name, value string, has bool) {
	if strings.HasPrefix(s, "--") {
		return strings.Cut(s, "=")
	}
	if len(s) > 2 {
		return s[:2], strings.TrimPrefix(s[2:], "="), true
	}
	return s, "", false
}

// nextOption reads words[i] and its value, and returns the words used.
func (f *reqFile) nextOption(words []word, i int) (o lineOption, value string, used int, err error) {
	w := words[i]
	fail := f.failAt(w.start, w.end-w.start)
	name, value, has := optionName(w.value)
	o, ok := lineOptions(name)
	switch {
	case !ok && !strings.HasPrefix(name, "-"):
		return 0, "", 0, fail("%q does not belong after an option: write one requirement a line", w.value)
	case !ok:
		return 0, "", 0, fail("unknown option %s: %s", name, Choices(name, lineOptionNames))
	case !o.takesValue():
		if has {
			return 0, "", 0, fail("%s takes no value: take it out", name)
		}
		return o, "", 1, nil
	case has && value != "":
		return o, value, 1, nil
	case has || i+1 >= len(words):
		return 0, "", 0, fail("%s needs a value: give one", name)
	}
	return o, words[i+1].value, 2, nil
}

// options reads a line that begins with an option.
func (f *reqFile) options(words []word) error {
	p := f.l.p
	editable := false
	for i := 0; i < len(words); {
		w := words[i]
		fail := f.failAt(w.start, w.end-w.start)
		o, value, used, err := f.nextOption(words, i)
		if err != nil {
			return err
		}
		last := words[i+used-1]
		i += used
		switch o {
		case optInclude:
			err = f.include(last, value, requirementFile)
		case optConstraint:
			err = f.include(last, value, constraintFile)
		case optEditable:
			editable = true
			i, err = f.editable(words, i, last, value)
		case optIndexURL:
			var link Link
			if link, err = f.l.link(value, f.dir, f.text.place(f.offset(last)), fail); err == nil {
				if p.Index.Default.URL != "" && p.Index.Default.URL != link.URL && p.Index.Default.Name == "" {
					return fail("another --index-url is at %s: keep one", p.Index.Default.Place)
				}
				p.Index.Default = link
			}
		case optExtraIndexURL:
			var link Link
			if link, err = f.l.link(value, f.dir, f.text.place(f.offset(last)), fail); err == nil {
				p.Index.Extra = append(p.Index.Extra, link)
			}
		case optFindLinks:
			var link Link
			if link, err = f.l.link(value, f.dir, f.text.place(f.offset(last)), fail); err == nil {
				p.Index.FindLinks = append(p.Index.FindLinks, link)
			}
		case optNoIndex:
			p.Index.NoIndex = true
		case optNoBinary:
			p.NoBinary, p.OnlyBinary, err = formatControl(value, p.NoBinary, p.OnlyBinary, fail)
		case optOnlyBinary:
			p.OnlyBinary, p.NoBinary, err = formatControl(value, p.OnlyBinary, p.NoBinary, fail)
		case optPre:
			p.Pre = true
		case optIgnored, optIgnoredValue:
			name, _, _ := optionName(w.value)
			f.l.warn(f.text.place(f.offset(w)), "%s is ignored", name)
		case optHash, optPerRequirement:
			name, _, _ := optionName(w.value)
			if editable && o == optPerRequirement {
				f.l.warn(f.text.place(f.offset(w)), "%s is ignored, since pylock does not build", name)
				break
			}
			return fail("%s belongs after a requirement: put it on that line", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *reqFile) offset(w word) int {
	off, _ := f.line.at(w.start, 1)
	return off
}

// editable reads the requirement after -e, which may hold spaces and a marker,
// up to the next option, and returns the index of the word after it.
func (f *reqFile) editable(words []word, i int, last word, value string) (int, error) {
	start := last.start
	if !strings.HasPrefix(f.line.text[start:], value) { // -e./dir, --editable=./dir, or quoted
		if j := strings.Index(f.line.text[start:last.end], value); j >= 0 {
			start += j
		}
	}
	end := last.end
	for i < len(words) && !strings.HasPrefix(words[i].value, "-") {
		end = words[i].end
		i++
	}
	written := value + f.line.text[last.end:end]
	return i, f.requirement(written, start, true, nil)
}

// requirementOptions reads what stands after a requirement.
func (f *reqFile) requirementOptions(words []word) (hashes []string, err error) {
	for i := 0; i < len(words); {
		w := words[i]
		o, value, used, err := f.nextOption(words, i)
		if err != nil {
			return nil, err
		}
		name, _, _ := optionName(w.value)
		fail := f.failAt(w.start, w.end-w.start)
		i += used
		switch o {
		case optHash:
			if err := checkHash(value, fail); err != nil {
				return nil, err
			}
			hashes = append(hashes, strings.ToLower(value))
		case optPerRequirement:
			f.l.warn(f.text.place(f.offset(w)), "%s is ignored, since pylock does not build", name)
		default:
			return nil, fail("%s does not belong after a requirement: put it on a line of its own", name)
		}
	}
	return hashes, nil
}

// checkHash wants one of pip's algorithms and as many digits as it has.
func checkHash(s string, fail failure) error {
	algorithm, digest, ok := strings.Cut(s, ":")
	digits := map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[strings.ToLower(algorithm)]
	if !ok || digits == 0 {
		return fail("a hash is sha256:, sha384: or sha512: and a hexadecimal digest: write one of them")
	}
	hex := strings.Trim(strings.ToLower(digest), "0123456789abcdef") == ""
	if !hex || len(digest) != digits {
		return fail("a %s digest has %d hexadecimal digits: copy it whole", algorithm, digits)
	}
	return nil
}

// formatControl adds the value of --no-binary or --only-binary to its list as
// pip does: :none: empties the list, :all: stands for every package, and a
// name leaves the other list.
func formatControl(value string, list, other []string, fail failure) (newList, newOther []string, err error) {
	for _, name := range strings.Split(value, ",") {
		name = strings.TrimSpace(name)
		switch name {
		case "":
			continue
		case ":none:":
			list = nil
			continue
		case ":all:":
			list, other = []string{":all:"}, nil
			continue
		}
		n, err := pypi.ParseName(name)
		if err != nil {
			return list, other, fail("%s", err)
		}
		if !slices.Contains(list, string(n)) {
			list = append(list, string(n))
		}
		other = slices.DeleteFunc(slices.Clone(other), func(s string) bool { return s == string(n) })
	}
	return list, other, nil
}

// link reads an address: a URL, or a path that exists relative to base.
func (l *loader) link(written, base string, at Place, fail failure) (Link, error) {
	expanded, err := l.expand(written, base, fail)
	if err != nil {
		return Link{}, err
	}
	k := Link{Text: written, URL: expanded, Place: at}
	switch s := scheme(expanded); s {
	case "http", "https":
		return k, nil
	case "", "file":
		path, _, err := localPath(expanded, fail)
		if err != nil {
			return Link{}, err
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(base, path)
		}
		if !exists(path) {
			return Link{}, fail("%s does not exist: name a URL or a folder", written)
		}
		k.URL = filepath.Clean(path)
		return k, nil
	default:
		return Link{}, fail("unknown URL scheme %s: use https", s)
	}
}
