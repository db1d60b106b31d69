package project

import (
	"bytes"
	"path/filepath"
	"strings"
)

// readScript reads the inline metadata of a script.
//
// https://packaging.python.org/en/latest/specifications/inline-script-metadata/
func (l *loader) readScript(path, name string) (*pyproject, error) {
	if f, ok := l.pyprojects[path]; ok {
		return f, nil
	}
	t, err := readText(path, name)
	if err != nil {
		return nil, err
	}
	f, err := parseScript(t, filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	l.pyprojects[path] = f
	return f, nil
}

func parseScript(t *text, dir string) (*pyproject, error) {
	block, err := scriptBlock(t)
	if err != nil {
		return nil, err
	}
	// The same lines and columns, with nothing but the block.
	masked := &text{name: t.name, data: block, lines: t.lines}
	doc, err := parseTOML(masked)
	if err != nil {
		return nil, err
	}
	f := &pyproject{text: t, doc: doc, dir: dir, rel: t.name, script: true, declared: true}
	if err := f.readRequiresPython(doc, "script"); err != nil {
		return nil, err
	}
	if f.dependencies, err = f.stringsKey(doc, "script", "dependencies"); err != nil {
		return nil, err
	}
	return f, f.readTool(doc.get("tool"))
}

// scriptBlock returns the text with everything but the content of its script
// block blanked, byte for byte.
func scriptBlock(t *text) ([]byte, error) {
	out := bytes.Repeat([]byte{' '}, len(t.data))
	for i, c := range t.data {
		if c == '\n' || c == '\r' {
			out[i] = '\n'
		}
	}
	found := -1
	for i := 0; i < len(t.lines); i++ {
		_, start, end := t.line(t.lines[i])
		kind, ok := strings.CutPrefix(string(t.data[start:end]), "# /// ")
		if !ok || !isBlockType(kind) {
			continue
		}
		// The block ends at the last closing line of the comment.
		last := -1
		for j := i + 1; j < len(t.lines); j++ {
			_, s, e := t.line(t.lines[j])
			line := string(t.data[s:e])
			if line == "# ///" {
				last = j
			}
			if line != "#" && !strings.HasPrefix(line, "# ") {
				break
			}
		}
		if last < 0 {
			if kind == "script" {
				return nil, t.errorAt(start, end-start, "the script block has no end: close it with a line `# ///`")
			}
			continue
		}
		if kind == "script" {
			if found >= 0 {
				return nil, t.errorAt(start, end-start, "a second script block, the first is at line %d: join the two", found+1)
			}
			found = i
			for j := i + 1; j < last; j++ {
				_, s, e := t.line(t.lines[j])
				if e-s > 2 {
					copy(out[s+2:e], t.data[s+2:e])
				}
			}
		}
		i = last
	}
	if found < 0 {
		return nil, t.errorIn("has no script block: begin one with `# /// script`, as PEP 723 says")
	}
	return out, nil
}

func isBlockType(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}
