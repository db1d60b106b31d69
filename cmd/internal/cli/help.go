package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/project"
)

// newHelp is `pylock help`: what it does not know is a mistake, as it is without
// "help".
func newHelp(root *cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help on a command, or on settings",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 || cmd == root && len(args) > 0 {
				var names []string
				for _, c := range root.Commands() {
					if !c.Hidden {
						names = append(names, c.Name())
					}
				}
				word := strings.Join(args, " ")
				if len(rest) > 0 {
					word = strings.Join(rest, " ")
				}
				return usagef("there is no help on %q: there is some on %s", word, strings.Join(names, ", "))
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if cmd, _, err := root.Find(args); err == nil {
				for _, c := range cmd.Commands() {
					if !c.Hidden {
						names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	return cmd
}

// newSettingsTopic is `pylock help settings`.
func newSettingsTopic(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "settings", Short: "The keys of [tool.pylock]"}
	cmd.SetHelpFunc(func(*cobra.Command, []string) { printSettings(g.app.Stdout) })
	return cmd
}

// printSettings writes what [project.Keys] say.
func printSettings(out io.Writer) {
	fmt.Fprint(out, `Settings are a [tool.pylock] table of a pyproject.toml, or the same keys at the
top of a .pylock.toml: pylock init writes one, pylock config tells what is in
force and where it comes from, pylock config --schema prints their JSON schema.

`)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for i := range project.Keys {
		k := &project.Keys[i]
		doc := k.Doc
		if k.Choices != nil {
			doc += ": " + strings.Join(k.Choices, ", ")
		}
		if k.Root {
			doc += " (of the root)"
		}
		fmt.Fprintf(w, "  %s\t%s\n", k.Name, doc)
	}
	w.Flush()
}
