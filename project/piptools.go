package project

import "strings"

// pipToolsTables returns the tables of pip-tools in a file, the strongest
// first, with the names of keys as [Keys] has them: pip-tools takes
// underscores for dashes, and has switches where uv has their opposites.
func (f *pyproject) pipToolsTables() ([]settingsTable, error) {
	var out []settingsTable
	for _, path := range []string{tablePipToolsCompile, tablePipTools} {
		v := f.doc
		for _, k := range strings.Split(path, ".") {
			v = v.get(k)
		}
		if v == nil {
			continue
		}
		if err := f.want(v, tomlTable, path); err != nil {
			return nil, err
		}
		table := *v
		table.keys = nil
		for _, e := range v.keys {
			e.name = strings.ReplaceAll(strings.ToLower(e.name), "_", "-")
			value := *e.value
			switch e.name {
			case "header", "annotate", "strip-extras", "pre":
				if err := f.want(e.value, tomlBool, path+"."+e.name); err != nil {
					return nil, err
				}
				if e.name == "pre" {
					if !value.isSet {
						continue
					}
					e.name, value.kind, value.text = "prerelease", tomlString, "allow"
					break
				}
				e.name, value.isSet = "no-"+e.name, !value.isSet
			}
			e.value = &value
			table.keys = append(table.keys, e)
		}
		out = append(out, settingsTable{f, &table, path, path})
	}
	return out, nil
}

// readPipTools reads what Load heeds of the tables of pip-tools.
func (l *loader) readPipTools(f *pyproject) error {
	tables, err := f.pipToolsTables()
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := l.readIndexes(f, t.value, t.path); err != nil {
			return err
		}
		l.warnUnheeded(t)
	}
	l.pipTools = append(l.pipTools, tables...)
	return nil
}

// unheeded are keys of other tools that change a lock there and have no equal
// here, and what to do about it.
var unheeded = map[string]string{
	"torch-backend":          "name the index of torch in [tool.pylock]",
	"no-strip-markers":       "a lock has the markers that it needs",
	"emit-marker-expression": "the header names the target",
	"output-file":            "name it with --output-file, or in output of [tool.pylock]",
	"upgrade":                "ask with --upgrade when it is wanted",
	"upgrade-package":        "ask with --upgrade-package when it is wanted",
	"no-sources-package":     "no-sources is for all packages",
	"no-extra":               "name the extras that are wanted",
	"python":                 "use python-version",
	"pip-args":               "set what is wanted in [tool.pylock]",
}

// warnUnheeded tells which keys of another tool have no effect.
func (l *loader) warnUnheeded(t settingsTable) {
	for _, e := range t.value.keys {
		advice, ok := unheeded[e.name]
		off := e.value.kind == tomlBool && !e.value.isSet
		// [tool.uv] has a switch where [tool.uv.pip] has a list.
		if t.kind == tableUV && e.name == "no-binary" {
			advice, ok = `no-binary = ":all:" in [tool.pylock] does that`, true
		}
		if ok && !off {
			l.warn(t.file.text.place(e.off), "%s.%s has no effect: %s", t.path, e.name, advice)
		}
	}
}
