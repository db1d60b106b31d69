package tree

import (
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/project"
)

// Build is what is known of how an image is built.
type Build struct {
	Dockerfile string            // path from the root
	Context    string            // path from the root; "" when not known
	Target     string            // stage; "" for the last
	Args       map[string]string // build arguments with known values
	Names      []string          // of the image, as tags and FROM lines have them
	Unclear    bool              // some argument is not known
	Place      project.Place     // what builds it
}

// unset is the value of a build argument that is set, and nobody knows to what.
const unset = "\x00"

// buildValued are options of docker build that take a value, besides those that
// are looked at.
var buildValued = strings.Fields(`--add-host --allow --annotation --attest --builder --cache-from --cache-to --cgroup-parent --iidfile
 --label --metadata-file --network --no-cache-filter -o --output --platform --progress --provenance --sbom --secret --shm-size --ssh
 --ulimit --isolation --format --authfile -v --volume --memory -m --cpu-shares --arch --os --cap-add --cert-dir --creds --log-level --build-context`)

// newBuild reads docker build and what is like it; nil for any other command.
func newBuild(c *Command) *Build {
	texts := c.Texts()
	name := c.Name()
	rest := texts[min(1, len(texts)):]
	skip := func(word string) bool {
		for len(rest) > 0 && strings.HasPrefix(rest[0], "--") && strings.Contains(rest[0], "=") {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0] == word {
			rest = rest[1:]
			return true
		}
		return false
	}
	switch name {
	case "docker", "podman", "nerdctl":
		skip("buildx")
		skip("image")
		if !skip("build") {
			return nil
		}
	case "buildah":
		if !skip("bud") && !skip("build") {
			return nil
		}
	default:
		return nil
	}
	b := &Build{Place: c.Place, Args: map[string]string{}}
	file, context := "", ""
	for i := 0; i < len(rest); i++ {
		w := rest[i]
		option, value, joined := strings.Cut(w, "=")
		next := func() string {
			if joined {
				return value
			}
			if i++; i < len(rest) {
				return rest[i]
			}
			return ""
		}
		switch {
		case w == "":
			b.Unclear = true
		case option == "-f" || option == "--file":
			file = next()
			b.Unclear = b.Unclear || file == ""
		case option == "-t" || option == "--tag":
			if tag := next(); tag != "" {
				b.Names = append(b.Names, tag)
			}
		case option == "--target":
			if b.Target = next(); b.Target == "" {
				b.Unclear = true
			}
		case option == "--build-arg":
			k, v, ok := strings.Cut(next(), "=")
			if !ok {
				v = unset // of the environment
			}
			if k != "" {
				b.Args[k] = v
			}
		case slices.Contains(buildValued, option):
			next()
		case strings.HasPrefix(w, "-") && w != "-":
		default:
			context = w
		}
	}
	if c.Dir == "" || context == "" || context == "-" || strings.Contains(context, "://") {
		return nil
	}
	dir, ok := join(c.Dir, context)
	if !ok {
		return nil
	}
	b.Context = dir
	switch {
	case b.Unclear && file == "":
		return nil
	case file == "-":
		return nil
	case file == "":
		b.Dockerfile = path.Join(dir, "Dockerfile")
	default:
		if b.Dockerfile, ok = join(c.Dir, file); !ok {
			return nil
		}
	}
	return b
}
