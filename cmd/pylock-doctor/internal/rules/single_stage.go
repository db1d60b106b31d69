package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
)

var singleStage = Rule{
	Rule: lockfile.Rule{ID: "single-stage", Severity: lockfile.Warning,
		Title: "compilers are left in the image",
		Help:  "Build in a stage of its own and copy what is installed: COPY --from=builder /install /usr/local."},
	Reason: `Packages that are built from source need a compiler while they are installed, and never again. In an image of one stage it
stays: some hundred megabytes to push and pull, and tools for whoever breaks in.`,
	Cost: "an image that is larger by the compilers, in each push and pull",
	Before: `FROM python:3.12-slim
RUN apt-get update && apt-get install -y build-essential
RUN pip install --no-cache-dir -r requirements.lock`,
	After: `FROM python:3.12-slim AS builder
RUN apt-get update && apt-get install -y build-essential
RUN pip install --no-cache-dir --ignore-installed --prefix=/install -r requirements.lock

FROM python:3.12-slim
COPY --from=builder /install /usr/local`,
	Lang: "dockerfile",
	find: findSingleStage,
}

// compilers are packages of Debian, Alpine and Fedora that only builds need.
var compilers = strings.Fields(`build-essential build-base gcc g++ clang cargo rustc gfortran musl-dev linux-headers gcc-c++
 python3-dev python-dev python3-devel cmake`)

func findSingleStage(e *examiner) {
	for _, i := range e.shipped() {
		if isDeveloping(i.Final.Name) || !slices.ContainsFunc(e.sites(i), func(s site) bool { return s.stage.Image == i }) {
			continue
		}
		left := map[string]*tree.Step{}
		for _, s := range i.Final.Chain() {
			for _, st := range s.Steps {
				if st.Run != nil {
					packages(st, left)
				}
			}
		}
		var names []string
		for name := range left {
			names = append(names, name)
		}
		if len(names) == 0 {
			continue
		}
		slices.Sort(names)
		e.add(i.Final.Place, "", fmt.Sprintf("the image keeps %s (%s)", quoteList(names, 4), left[names[0]].Place))
	}
}

// packages takes in what a step installs and removes of the system's packages.
func packages(st *tree.Step, left map[string]*tree.Step) {
	for _, c := range st.Run.Commands {
		verb := ""
		for i, w := range c.Texts() {
			switch {
			case i == 0 || strings.HasPrefix(w, "-") && verb == "":
			case verb == "":
				verb = w
			default:
				name, _, _ := strings.Cut(w, "=")
				switch c.Name() + " " + verb {
				case "apt-get install", "apt install", "apk add", "dnf install", "yum install", "microdnf install":
					if slices.Contains(compilers, name) && !virtual(c) {
						left[name] = st
					}
				case "apt-get purge", "apt-get remove", "apt-get autoremove", "apt purge", "apt remove", "apk del", "dnf remove", "yum remove":
					if w == "" {
						clear(left)
					}
					delete(left, name)
				}
			}
		}
	}
}

// virtual reports whether an apk add gives its packages a name to delete them by.
func virtual(c *tree.Command) bool {
	return slices.ContainsFunc(c.Texts(), func(s string) bool {
		return s == "-t" || s == "--virtual" || strings.HasPrefix(s, "--virtual=")
	})
}
