package project

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	// maxBaseDepth bounds Dockerfiles that build on each other.
	maxBaseDepth = 16
	// maxExpandedImage bounds an image reference after its ARGs, in bytes.
	maxExpandedImage = 1024
)

// BaseImage is what a Dockerfile says of the Python that a service runs on.
type BaseImage struct {
	Python Hint // to the minor version; zero when it does not say
	Alpine bool // musl instead of glibc
	Place  Place
}

// ReadDockerfile reads the Dockerfile, else the Containerfile, in dir: the
// image of its last stage, as its FROM line names it. FROM an earlier stage
// follows that stage; ${VAR}, $VAR, ${VAR:-word} and ${VAR:+word} take the
// defaults of the ARG lines before the first FROM. An image called python, of
// any registry, tells its version by its tag, as does a tag that begins with
// python3.12. Any other image NAME is looked for as a Dockerfile of the
// repository: NAME.Dockerfile, Dockerfile.NAME, and base.Dockerfile or
// Dockerfile.base where NAME ends in "base", in dir, in the root and in the
// root's docker folder. It is followed when there is exactly one.
//
// Limits: build arguments given outside of the file (compose, --build-arg,
// --target) are not seen, and a Python that RUN installs is not found.
//
// The zero BaseImage means that there is no such file or that it does not
// say.
func ReadDockerfile(dir, root string) (BaseImage, error) {
	dir, root, err := absolute(dir, root)
	if err != nil {
		return BaseImage{}, err
	}
	for _, name := range []string{"Dockerfile", "Containerfile"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return dockerfileImage(path, dir, root, nil)
		}
	}
	return BaseImage{}, nil
}

// dockerfileImage follows the last stage of a file. seen are the files above.
func dockerfileImage(path, dir, root string, seen []string) (BaseImage, error) {
	t, err := readText(path, relative(root, path))
	if err != nil {
		return BaseImage{}, err
	}
	image, place := lastStage(t)
	if image == "" {
		return BaseImage{}, nil
	}
	name, tag := imageName(image)
	out := BaseImage{Place: place, Alpine: isAlpine(name, tag)}
	if v := pythonTag(name, tag); v != "" {
		out.Python = Hint{v, place}
		return out, nil
	}
	seen = append(seen, path)
	base := localBase(name, dir, root)
	if base == "" || slices.Contains(seen, base) || len(seen) > maxBaseDepth {
		return out, nil
	}
	return dockerfileImage(base, filepath.Dir(base), root, seen)
}

// instruction is a line of a Dockerfile with its continuation lines.
type instruction struct {
	off  int
	text string
}

var heredocStart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<<-?\s*["']?([A-Za-z_][A-Za-z0-9_]*)["']?`) })

// instructions splits a Dockerfile; comments and the bodies of here-documents
// are left out.
func instructions(t *text) []instruction {
	escape := `\`
	var out []instruction
	directives := true
	for i := 0; i < len(t.lines); i++ {
		_, start, end := t.line(t.lines[i])
		line := strings.TrimSpace(string(t.data[start:end]))
		if directives {
			if d, ok := strings.CutPrefix(line, "#"); ok {
				key, value, ok := strings.Cut(d, "=")
				if ok && strings.EqualFold(strings.TrimSpace(key), "escape") && strings.TrimSpace(value) == "`" {
					escape = "`"
				}
			} else {
				directives = false
			}
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var b strings.Builder
		for {
			head, more := strings.CutSuffix(line, escape)
			b.WriteString(head)
			if !more {
				break
			}
			// Comments and empty lines do not end a continuation.
			for i++; i < len(t.lines); i++ {
				_, s, e := t.line(t.lines[i])
				line = strings.TrimSpace(string(t.data[s:e]))
				if line != "" && !strings.HasPrefix(line, "#") {
					break
				}
			}
			if i >= len(t.lines) {
				break
			}
			b.WriteByte(' ')
		}
		in := instruction{start, b.String()}
		words := strings.Fields(in.text)
		if len(words) == 0 {
			continue
		}
		out = append(out, in)
		switch strings.ToUpper(words[0]) {
		case "RUN", "COPY", "ADD":
			for _, m := range heredocStart().FindAllStringSubmatch(in.text, -1) {
				j := i + 1
				for ; j < len(t.lines); j++ {
					_, s, e := t.line(t.lines[j])
					if strings.TrimLeft(string(t.data[s:e]), "\t") == m[1] {
						break
					}
				}
				if j < len(t.lines) { // what has no end was no here-document
					i = j
				}
			}
		}
	}
	return out
}

// lastStage returns the image that the last stage is built from.
func lastStage(t *text) (image string, place Place) {
	type stage struct {
		image string
		off   int
	}
	args := map[string]string{}
	stages := map[string]stage{}
	var last stage
	n := 0
	for _, in := range instructions(t) {
		fields := strings.Fields(in.text)
		switch strings.ToUpper(fields[0]) {
		case "ARG":
			if n > 0 {
				continue // of a stage, not of FROM lines
			}
			for _, a := range fields[1:] {
				name, value, ok := strings.Cut(a, "=")
				if ok {
					args[name] = expandArgs(strings.Trim(value, `"'`), args)
				}
			}
		case "FROM":
			fields = fields[1:]
			for len(fields) > 0 && strings.HasPrefix(fields[0], "--") {
				fields = fields[1:]
			}
			if len(fields) == 0 {
				continue
			}
			s := stage{expandArgs(fields[0], args), in.off}
			if earlier, ok := stages[strings.ToLower(s.image)]; ok {
				s = earlier
			}
			if len(fields) >= 3 && strings.EqualFold(fields[1], "as") {
				stages[strings.ToLower(fields[2])] = s
			}
			last = s
			n++
		}
	}
	if last.image == "" {
		return "", Place{}
	}
	return last.image, t.place(last.off)
}

// expandArgs replaces the variables of a FROM line.
func expandArgs(s string, args map[string]string) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() <= maxExpandedImage; i++ {
		if s[i] != '$' {
			b.WriteByte(s[i])
			continue
		}
		rest := s[i+1:]
		if inner, _, ok := strings.Cut(rest, "}"); ok && strings.HasPrefix(inner, "{") {
			i += len(inner) + 1
			inner = inner[1:]
			j := strings.IndexAny(inner, ":-+")
			if j < 0 {
				b.WriteString(args[inner])
				continue
			}
			name, op := inner[:j], inner[j:]
			value, set := args[name]
			if rest, ok := strings.CutPrefix(op, ":"); ok {
				op, set = rest, set && value != ""
			}
			switch {
			case strings.HasPrefix(op, "-") && !set, strings.HasPrefix(op, "+") && set:
				b.WriteString(op[1:])
			case strings.HasPrefix(op, "-"):
				b.WriteString(value)
			}
			continue
		}
		n := 0
		for n < len(rest) && (rest[n] == '_' || rest[n] >= '0' && rest[n] <= '9' || rest[n]|0x20 >= 'a' && rest[n]|0x20 <= 'z') {
			n++
		}
		b.WriteString(args[rest[:n]])
		i += n
	}
	if b.Len() > maxExpandedImage {
		return ""
	}
	return b.String()
}

// imageName splits registry/path/name:tag@digest into its name and tag.
func imageName(image string) (name, tag string) {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndexByte(image, '/')+1:]
	name, tag, _ = strings.Cut(image, ":")
	return name, tag
}

var (
	versionTag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(3\.[0-9]{1,3})([.\-a-z]|$)`) })
	pythonPart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^python-?(3\.[0-9]{1,3})([.\-]|$)`) })
)

// pythonTag returns MAJOR.MINOR of an image's Python, "" when unknown.
func pythonTag(name, tag string) string {
	if name == "python" {
		if m := versionTag().FindStringSubmatch(tag); m != nil {
			return m[1]
		}
	}
	if m := pythonPart().FindStringSubmatch(tag); m != nil {
		return m[1]
	}
	return ""
}

// BaseDockerfile finds the Dockerfile of the repository that builds the image of
// a FROM line, by the names that [ReadDockerfile] knows, in the absolute folder
// dir, in the root and in its docker folder; "" for none or several.
func BaseDockerfile(image, dir, root string) string {
	name, _ := imageName(image)
	return localBase(name, dir, root)
}

// ImagePython is what the reference of an image tells of its Python: MAJOR.MINOR,
// "" when it does not say, and whether its libc is musl.
func ImagePython(image string) (python string, alpine bool) {
	name, tag := imageName(image)
	return pythonTag(name, tag), isAlpine(name, tag)
}

func isAlpine(name, tag string) bool { return strings.Contains(tag, "alpine") || name == "alpine" }

// localBase finds the Dockerfile of the repository that builds an image.
func localBase(name, dir, root string) string {
	if name == "" || strings.ContainsAny(name, `\`) || name == "." || name == ".." {
		return ""
	}
	names := []string{name + ".Dockerfile", "Dockerfile." + name}
	if strings.HasSuffix(name, "base") && name != "base" {
		names = append(names, "base.Dockerfile", "Dockerfile.base")
	}
	var found []string
	for _, d := range []string{dir, root, filepath.Join(root, "docker")} {
		for _, n := range names {
			path := filepath.Join(d, n)
			st, err := os.Stat(path)
			if err != nil || st.IsDir() || slices.Contains(found, path) {
				continue
			}
			found = append(found, path)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}
