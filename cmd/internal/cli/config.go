package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pylock-dev/pylock/project"
)

// configOptions are the flags of config.
type configOptions struct {
	*compileOptions
	format choice
	schema bool
}

func newConfig(g *global) *cobra.Command {
	o := &configOptions{compileOptions: &compileOptions{global: g}}
	cmd := &cobra.Command{
		Use:   "config [DIR...]",
		Short: "Print the settings of services and where they come from",
		Long: `Print each setting that is in force for the services, with the file and line
that it comes from: [tool.pylock] of the root and of the service, and, where
those are silent, [tool.uv.pip], [tool.uv], uv.toml and [tool.pip-tools]; then
the target that follows. With --schema it prints the JSON schema of [tool.pylock].`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.sources = args
			return runConfig(cmd.Context(), o)
		},
	}
	hidden := &cobra.Command{}
	o.register(hidden)
	o.format = choice{value: "text", of: []string{"text", "json"}}
	cmd.Flags().Var(&o.format, "format", "how to print: text or json")
	complete(cmd, "format", o.format.of...)
	cmd.Flags().BoolVar(&o.schema, "schema", false, "print the JSON schema of the settings")
	return cmd
}

// configValue is a setting as config prints it.
type configValue struct {
	Key   string   `json:"key"`
	Value []string `json:"value"`
	Table string   `json:"table,omitempty"`
	File  string   `json:"file,omitempty"`
	Line  int      `json:"line,omitempty"`
}

// configJob is a lock as config prints it.
type configJob struct {
	Lock     string        `json:"lock"`
	Settings []configValue `json:"settings"`
}

func runConfig(ctx context.Context, o *configOptions) error {
	if o.schema {
		return o.print(settingsSchema())
	}
	if err := o.environment(); err != nil {
		return err
	}
	jobs, err := o.jobs()
	if err != nil {
		return err
	}
	out := []configJob{}
	var repository []configValue
	if len(jobs) > 0 && jobs[0].options != nil {
		root := project.FindRoot(folder(jobs[0].options.sources[0]))
		repository = settingValues(root, jobs[0].options, func(k *project.Key) bool { return k.Root && k.Name != "service" })
	}
	var failed error
	var errs []error
	for i, j := range jobs {
		c, err := j.config(ctx)
		switch {
		case err == nil:
			out = append(out, c)
		case len(jobs) == 1:
			return err
		default:
			p := o.printer()
			p.about = j.name
			if !told(jobs, i) {
				p.errorf("%s", err)
			}
			errs = append(errs, err)
			failed = &jobsError{errs, len(jobs)}
		}
	}
	if o.format.value == "json" {
		text, err := json.MarshalIndent(map[string]any{"schema": 1, "repository": repository, "locks": out}, "", "  ")
		if err != nil {
			return err
		}
		return cmp.Or(o.print(append(text, '\n')), failed)
	}
	var b bytes.Buffer
	if len(repository) > 0 {
		out = slices.Insert(out, 0, configJob{Lock: "the repository", Settings: repository})
	}
	for i, c := range out {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(&b, clean(c.Lock))
		w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		for _, v := range c.Settings {
			from := v.File
			if v.Line > 0 {
				from = fmt.Sprintf("%s:%d", v.File, v.Line)
			}
			if v.Table != "" {
				from = strings.TrimSpace(from + " [" + v.Table + "]")
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\n", v.Key, project.Escape(project.Redact(strings.Join(v.Value, ", "))), clean(from))
		}
		w.Flush()
	}
	return cmp.Or(o.print(b.Bytes()), failed)
}

// config collects what is in force for a job.
func (j *job) config(ctx context.Context) (configJob, error) {
	if j.bound != nil {
		// The lock that bounds this one may be yet to be made.
		j.options.constraints = slices.DeleteFunc(j.options.constraints, func(c string) bool { return slices.Contains(j.bound.outputs, c) })
	}
	r, err := j.prepare(ctx, nil)
	if err != nil {
		return configJob{}, err
	}
	c := configJob{Lock: j.label()}
	if len(j.outputs) > 0 {
		c.Lock = relative(r.project.Root, j.outputs[0])
	}
	c.Settings = settingValues(r.project.Root, j.options, func(k *project.Key) bool { return !k.Root && k.Name != "output" })
	if by := j.output; by.ConstrainedBy != "" {
		c.Settings = append(c.Settings, configValue{Key: "constrained-by", Value: []string{filepath.ToSlash(by.ConstrainedBy)},
			Table: by.BoundTable, File: by.BoundPlace.File, Line: by.BoundPlace.Line})
	}
	for _, left := range j.left {
		c.Settings = append(c.Settings, configValue{Key: "output", Value: []string{lacks(j.service, left)}, Table: "tool.pylock.output", File: left.Place.File, Line: left.Place.Line})
	}
	target := configValue{Key: "target", Value: []string{r.target}, Table: "derived"}
	if _, ok := j.options.values["python-version"]; !ok && len(j.options.pythons) == 0 {
		if h, err := project.PythonVersionHint(r.project.Dir, r.project.Root); err == nil && h.Version != "" {
			target.File, target.Line = h.Place.File, h.Place.Line
		}
	}
	c.Settings = append(c.Settings, target)
	all, err := j.options.companySettings()
	if err != nil {
		return configJob{}, err
	}
	for _, s := range all {
		u := s.Value
		if strings.Contains(u, "://") {
			u = bare(u)
		}
		if s.Name != "" {
			u = s.Name + "=" + u
		}
		c.Settings = append(c.Settings, configValue{Key: s.Key, Value: []string{u}, Table: "user or machine", File: s.Place.File, Line: s.Place.Line})
	}
	for _, u := range r.indexes.asked() {
		c.Settings = append(c.Settings, configValue{Key: "asks", Value: []string{u}, Table: "derived"})
	}
	return c, nil
}

// settingValues are the settings in force that have a key for which keep says
// yes, in the order of [project.Keys].
func settingValues(root string, o *compileOptions, keep func(*project.Key) bool) []configValue {
	out := []configValue{}
	for i := range project.Keys {
		k := &project.Keys[i]
		v, ok := o.values[k.Name]
		if !ok || !keep(k) {
			continue
		}
		if by, ok := o.overruled(k.Name); ok {
			out = append(out, by)
			continue
		}
		for _, v := range append([]project.Value{v}, v.More...) {
			cv := configValue{Key: k.Name, Value: slices.Clone(v.Texts), Table: v.Table, File: v.Place.File, Line: v.Place.Line}
			if v.Texts == nil {
				cv.Value = slices.Clone(v.Entries)
			}
			for i, text := range cv.Value {
				if k.Files {
					text = relative(root, text)
				}
				cv.Value[i] = project.Redact(text)
			}
			out = append(out, cv)
		}
	}
	return out
}

// lacks says why a service has no lock of an output.
func lacks(s *project.Service, left project.LeftOutput) string {
	return fmt.Sprintf("%s has no %s, and so no %s", s.Rel, strings.Join(left.Lacking, ", no "), filepath.ToSlash(strings.Join(left.Files, " ")))
}

// overruled returns what a variable of the environment says in place of a
// setting.
func (o *compileOptions) overruled(key string) (configValue, bool) {
	for _, name := range slices.Concat(settingFlags[key], outputFlags[key]) {
		if fl := o.flags.Lookup(name); fl != nil && fl.Changed {
			return configValue{Key: key, Value: []string{project.Redact(strings.Trim(fl.Value.String(), "[]"))}, Table: "environment"}, true
		}
	}
	return configValue{}, false
}
