package dist

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
	"github.com/pylock-dev/pylock/pypi/tags"
)

// A Wheel is what the file name of a wheel says.
type Wheel struct {
	Name    pypi.Name
	Version pep440.Version
	// Build is the build tag as written, "" without one; BuildNumber its
	// leading digits.
	Build       string
	BuildNumber int
	// Tags must not be changed: wheels read by one FileParser share them.
	Tags []tags.Tag
}

// maxFilename bounds a file name, in bytes; file systems stop at 255.
const maxFilename = 1024

// maxBuildDigits keeps a build number within an int.
const maxBuildDigits = 18

// A FileParser reads the file names of one index page. Such names repeat the
// project, the version and the tags of their neighbours thousands of times; a
// FileParser makes each of these values once. The zero FileParser is ready; it
// is not safe for concurrent use.
type FileParser struct {
	nameText, versionText string
	name                  pypi.Name
	version               pep440.Version
	tags                  *tagSet            // of the file before
	tagSets               map[string]*tagSet // nil until there are two
}

// tagSet is what one text of tags stands for.
type tagSet struct {
	text string
	list []tags.Tag
	next *tagSet // which followed the last time: the files of one release come as those of the one before
}

// ParseWheel reads the file name of a wheel,
// NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl.
//
// https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
func ParseWheel(filename string) (Wheel, error) {
	var p FileParser
	return p.Wheel(filename)
}

// Wheel is ParseWheel, sharing what it read before.
func (p *FileParser) Wheel(filename string) (Wheel, error) {
	stem, ok := strings.CutSuffix(filename, ".whl")
	if !ok {
		return Wheel{}, errWheel(filename, errors.New("want a name that ends in .whl"))
	}
	if err := checkFilename(filename); err != nil {
		return Wheel{}, errWheel(filename, err)
	}
	var w Wheel
	nameText, rest, _ := strings.Cut(stem, "-")
	versionText, rest, _ := strings.Cut(rest, "-")
	switch strings.Count(rest, "-") {
	case 2:
	case 3:
		w.Build, rest, _ = strings.Cut(rest, "-")
		n, err := buildNumber(w.Build)
		if err != nil {
			return Wheel{}, errWheel(filename, err)
		}
		w.BuildNumber = n
	default:
		return Wheel{}, errWheel(filename, errors.New("want NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl"))
	}
	if strings.Contains(nameText, "__") {
		return Wheel{}, errWheel(filename, errors.New("the project name has two underscores in a row"))
	}
	if err := p.setName(nameText); err != nil {
		return Wheel{}, errWheel(filename, err)
	}
	if err := p.setVersion(versionText); err != nil {
		return Wheel{}, errWheel(filename, err)
	}
	if err := p.setTags(rest); err != nil {
		return Wheel{}, errWheel(filename, err)
	}
	w.Name, w.Version, w.Tags = p.name, p.version, p.tags.list
	return w, nil
}

func (p *FileParser) setName(text string) error {
	if text == p.nameText && text != "" {
		return nil
	}
	name, err := pypi.ParseName(text)
	if err != nil {
		return err
	}
	p.nameText, p.name = text, name
	return nil
}

func (p *FileParser) setVersion(text string) error {
	if text == p.versionText && text != "" {
		return nil
	}
	version, err := pep440.Parse(text)
	if err != nil {
		return err
	}
	p.versionText, p.version = text, version
	return nil
}

func (p *FileParser) setTags(text string) error {
	if p.tags == nil {
		list, err := tags.Parse(text)
		if err == nil {
			p.tags = &tagSet{text: text, list: list}
		}
		return err
	}
	if p.tags.text == text {
		return nil
	}
	if next := p.tags.next; next != nil && next.text == text {
		p.tags = next
		return nil
	}
	if p.tagSets == nil {
		p.tagSets = map[string]*tagSet{p.tags.text: p.tags}
	}
	set := p.tagSets[text]
	if set == nil {
		list, err := tags.Parse(text)
		if err != nil {
			return err
		}
		set = &tagSet{text: text, list: list}
		p.tagSets[text] = set
	}
	p.tags.next, p.tags = set, set
	return nil
}

// buildNumber returns the digits that a build tag must start with.
func buildNumber(build string) (int, error) {
	end := 0
	for end < len(build) && '0' <= build[end] && build[end] <= '9' {
		end++
	}
	if end == 0 || end > maxBuildDigits {
		return 0, fmt.Errorf("build tag %q: want 1 to %d digits first", build, maxBuildDigits)
	}
	return strconv.Atoi(build[:end])
}

// doubtful are the bytes that checkFilename looks at twice.
var doubtful = func() (t [256]bool) {
	for c := range t {
		t[c] = c < ' ' || c == '/' || c == '\\' || c >= 0x7f
	}
	return t
}()

// checkFilename refuses what no file on an index is called.
func checkFilename(filename string) error {
	if len(filename) > maxFilename {
		return fmt.Errorf("has %d bytes, more than %d", len(filename), maxFilename)
	}
	for i := range len(filename) {
		if !doubtful[filename[i]] {
			continue
		}
		switch c := filename[i]; {
		case c < ' ' || c == 0x7f:
			return errors.New("contains a control character")
		case c == '/' || c == '\\':
			return errors.New("contains a path separator")
		case c >= utf8.RuneSelf:
			if !utf8.ValidString(filename) {
				return errors.New("is not UTF-8 text")
			}
		}
	}
	return nil
}

func errWheel(filename string, err error) error {
	return fmt.Errorf("wheel file name %q: %w", clip(filename), err)
}

// clip keeps messages short, whatever an index sends.
func clip(s string) string {
	const max = 200 // bytes
	if len(s) > max {
		return s[:max] + "…"
	}
	return s
}
