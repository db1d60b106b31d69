package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is the version of pylock that this source becomes.
const release = "0.1.0"

// homepage is what an index operator finds in the User-Agent.
const homepage = "https://github.com/pylock-dev/pylock"

// version returns the release and, where the build knows it, the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	var commit, modified string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				modified = ", modified"
			}
		}
	}
	if commit == "" {
		return release
	}
	return fmt.Sprintf("%s (%s%s)", release, commit, modified)
}

func userAgent() string { return "pylock/" + release + " (+" + homepage + ")" }

func newVersion(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of pylock",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s := "pylock " + version() + "\n"
			if g.verbose > 0 {
				s += fmt.Sprintf("built with %s for %s/%s\n", strings.TrimPrefix(runtime.Version(), "devel "), runtime.GOOS, runtime.GOARCH)
			}
			return g.print([]byte(s))
		},
	}
}
