package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/fix"
	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

var devServiceWithoutProfile = Rule{
	Rule: lockfile.Rule{ID: "dev-service-without-profile", Severity: lockfile.Warning,
		Title: "a service that only developers need starts with all others",
		Help:  `Give it a profile: profiles: ["dev"]; docker compose --profile dev up starts it.`},
	Reason: `docker compose up and build take every service without a profile. What is for developers alone (tooling, a mail catcher, a
database browser) is then built and started wherever the file is used, on servers and in CI too.`,
	Cost: "an image more to build and to start, everywhere",
	Before: `services:
  tooling:
    build: tooling
    command: sleep infinity`,
	After: `services:
  tooling:
    profiles: ["dev"]
    build: tooling
    command: sleep infinity`,
	Lang:  "yaml",
	Mends: `adds profiles: ["dev"], or "infra" for a service of that name`,
	find:  findDevService,
}

// devNames are names of services that say what they are for, devImages images
// that nobody runs for anything else, by their last part.
var (
	devNames = strings.Fields(`tooling tools devtools dev-tools dev_tools toolbox devcontainer dev-shell devshell debug debugger lint
 linter infrastructure infra mailhog mailpit mailcatcher maildev adminer pgadmin pgadmin4 phpmyadmin redis-commander redisinsight mongo-express jupyter jupyterlab notebook`)
	devImages = strings.Fields(`adminer mailhog mailpit mailcatcher maildev pgadmin4 phpmyadmin redis-commander redisinsight mongo-express smtp4dev dozzle`)
)

func findDevService(e *examiner) {
	for _, f := range e.tree.Compose {
		// Other files are taken by whoever names them; those of the folders of
		// developers are theirs.
		if !f.Base || isDeveloping(path.Dir(f.Path)) || forDevelopment(f) {
			continue
		}
		for _, s := range f.Services {
			if len(s.Profiles) > 0 || s.Needed {
				continue
			}
			if why := forDevelopers(s); why != "" && len(f.Services) > 1 {
				e.add(s.Key, "", fmt.Sprintf("the service %s starts with all others: %s", s.Name, why), addProfile(f, s)...)
			}
		}
	}
}

// forDevelopment reports whether a compose file is for developers as a whole: it
// says so at its top, or services run on the source of the repository.
func forDevelopment(f *tree.ComposeFile) bool {
	for _, line := range f.Lines {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			break
		}
		if strings.Contains(strings.ToLower(line), "develop") || strings.Contains(strings.ToLower(line), "local") {
			return true
		}
	}
	return slices.ContainsFunc(f.Services, func(s *tree.ComposeService) bool { return s.Source && forDevelopers(s) == "" })
}

// forDevelopers says why a service is for developers alone, "" where nothing
// shows it.
func forDevelopers(s *tree.ComposeService) string {
	image := path.Base(s.Image)
	if i := strings.IndexByte(image, ':'); i > 0 {
		image = image[:i]
	}
	command := strings.Join(s.Command, " ")
	switch {
	case slices.Contains(devNames, s.Name):
		return "its name says that it is for developers"
	case slices.Contains(devImages, image):
		return image + " is for developers"
	case (command == "sleep infinity" || command == "tail -f /dev/null") && !s.Ports:
		return "it only waits for somebody to come in (" + command + ")"
	}
	return ""
}

func addProfile(f *tree.ComposeFile, s *tree.ComposeService) []fix.Edit {
	if s.First == 0 || s.First <= s.Key.Line {
		return nil
	}
	name := "dev"
	if strings.HasPrefix(s.Name, "infra") {
		name = "infra"
	}
	return []fix.Edit{{File: f.Path, Line: s.Key.Line, After: []string{fmt.Sprintf("%sprofiles: [%q]", strings.Repeat(" ", s.Indent), name)}}}
}
