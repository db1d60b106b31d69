package project

import (
	"path/filepath"
	"strings"
	"testing"
)

// workspaceText shows the services of a workspace with their outputs and the
// settings that are texts.
func workspaceText(t *testing.T, root string) string {
	t.Helper()
	w, err := OpenWorkspace(root)
	if err != nil {
		return strings.SplitN(err.Error(), "\n", 2)[0]
	}
	services, err := w.Services()
	if err != nil {
		return strings.SplitN(err.Error(), "\n", 2)[0]
	}
	var b strings.Builder
	for _, s := range services {
		s, err := w.Service(s.Dir)
		if err != nil {
			return strings.SplitN(err.Error(), "\n", 2)[0]
		}
		b.WriteString(s.Rel + "\n")
		for _, o := range s.Outputs {
			b.WriteString("  " + filepath.ToSlash(strings.Join(o.Files, " ")))
			if o.ConstrainedBy != "" {
				b.WriteString(" < " + o.ConstrainedBy)
			}
			for i := range Keys {
				k := &Keys[i]
				v, ok := o.Values[k.Name]
				if !ok || v.Texts == nil || k.Root {
					continue
				}
				b.WriteString(" " + k.Name + "=" + strings.ReplaceAll(strings.Join(v.Texts, ","), root, "ROOT") + "@" + v.Table + ":" + v.Place.String())
			}
			b.WriteString("\n")
		}
	}
	return strings.TrimSpace(b.String())
}

func TestWorkspace(t *testing.T) {
	const api, lib = `[project]\nname = "api"\ndependencies = []\n`, `[project]\nname = "lib"\ndependencies = []\n`
	const dev = `[dependency-groups]\ndev = []\n`
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"nothing", nil, ""},
		{"found by their pyproject.toml", []string{"services/api/pyproject.toml: " + api, "services/b/pyproject.toml: " + lib},
			"services/api\n  requirements.lock\nservices/b\n  requirements.lock"},
		{"the root itself", []string{"pyproject.toml: " + api + `[tool.pylock]\nplatforms = "linux"`},
			".\n  requirements.lock platforms=linux@tool.pylock:pyproject.toml:5:13"},
		{"no virtual environments", []string{"api/pyproject.toml: " + api, "env/pyvenv.cfg: x", "env/lib/pyproject.toml: " + lib, "node_modules/x/pyproject.toml: " + lib, ".tox/x/pyproject.toml: " + lib},
			"api\n  requirements.lock"},
		{"path dependencies are none", []string{`api/pyproject.toml: ` + api + `[tool.uv.sources]\nlib = { path = "../shared" }`, "shared/pyproject.toml: " + lib},
			"api\n  requirements.lock"},
		{"nor those by URL", []string{`api/pyproject.toml: [project]\nname = "api"\ndependencies = ["lib @ file:../shared"]`, "shared/pyproject.toml: " + lib},
			"api\n  requirements.lock"},
		{"unless they have a lock", []string{`api/pyproject.toml: ` + api + `[tool.uv.sources]\nlib = { path = "../shared" }`, "shared/pyproject.toml: " + lib, "shared/requirements.lock: x"},
			"api\n  requirements.lock\nshared\n  requirements.lock"},
		{"listed", []string{`pyproject.toml: [tool.pylock]\nservices = ["services/*"]\nexclude-services = "services/old"`, "services/api/pyproject.toml: " + api, "services/old/pyproject.toml: " + lib, "other/pyproject.toml: " + lib},
			"services/api\n  requirements.lock"},
		{"listed in .pylock.toml", []string{`.pylock.toml: services = ["services/*"]\nuniversal = true`, "services/api/pyproject.toml: " + api, "x/pyproject.toml: " + lib},
			"services/api\n  requirements.lock universal=true@tool.pylock:.pylock.toml:2:13"},
		{"two of one name", []string{`.pylock.toml: services = ["*/api"]`, "a/api/pyproject.toml: " + api, "b/api/pyproject.toml: " + lib},
			"a/api\n  requirements.lock\nb/api\n  requirements.lock"},
		{"tables by weight", []string{
			`pyproject.toml: [tool.pylock]\nservices = ["*"]\npython-version = "3.11"\nextra = ["root"]\nhashes = "none"\n[tool.pylock.service.api]\npython-version = "3.12"`,
			`api/pyproject.toml: ` + api + `[tool.pylock]\nextra = "own"\n[tool.uv.pip]\nextra = ["uv"]\nno-annotate = true\ngenerate-hashes = true\n[tool.pip-tools]\nconstraint = ["c.txt"]`},
			"api\n  requirements.lock python-version=3.12@tool.pylock.service.api:pyproject.toml:7:18 extra=own@tool.pylock:api/pyproject.toml:5:9" +
				" constraints=ROOT/api/c.txt@tool.pip-tools:api/pyproject.toml:11:1 hashes=none@tool.pylock:pyproject.toml:5:10 no-annotate=true@tool.uv.pip:api/pyproject.toml:8:15"},
		{"a group of keys is one choice", []string{`pyproject.toml: [tool.pylock]\nservices = ["*"]\nplatforms = ["linux"]`, `api/pyproject.toml: ` + api + `[tool.pylock]\nuniversal = true`},
			"api\n  requirements.lock universal=true@tool.pylock:api/pyproject.toml:5:13"},
		{"outputs", []string{`pyproject.toml: [tool.pylock]\nservices = ["*"]\n[[tool.pylock.output]]\nfile = ["requirements.lock", "pylock.{service}.toml"]\n[[tool.pylock.output]]\nfile = "dev.lock"\ngroup = ["dev"]\nconstrained-by = "requirements.lock"`, `api/pyproject.toml: ` + api + dev},
			"api\n  requirements.lock pylock.api.toml\n  dev.lock < requirements.lock group=dev@tool.pylock.output:pyproject.toml:7:1"},
		{"an output by group and extra", []string{`pyproject.toml: [tool.pylock]\nservices = ["*"]\n[[tool.pylock.output]]\nfile = "requirements.lock"\n[[tool.pylock.output]]\nfile = "dev.lock"\ngroup = ["Dev"]\nextra = ["gpu"]\n[[tool.pylock.output]]\nfile = "all.lock"\nall-extras = true\ngroup = "dev"`,
			`api/pyproject.toml: ` + api + dev, `b/pyproject.toml: ` + lib, `c/pyproject.toml: [project]\nname = "c"\ndependencies = []\n[project.optional-dependencies]\ngpu = []`},
			"api\n  requirements.lock\n  dev.lock group=Dev@tool.pylock.output:pyproject.toml:7:1\n  all.lock all-extras=true@tool.pylock.output:pyproject.toml:11:14 group=dev@tool.pylock.output:pyproject.toml:12:9\nb\n  requirements.lock\nc\n  requirements.lock\n  dev.lock extra=gpu@tool.pylock.output:pyproject.toml:8:1" +
				"\n  all.lock all-extras=true@tool.pylock.output:pyproject.toml:11:14"},
		{"an output that nothing has a part of", []string{`pyproject.toml: [tool.pylock]\nservices = ["*"]\n[[tool.pylock.output]]\nfile = "dev.lock"\ngroup = ["dve"]`, `api/pyproject.toml: ` + api + dev},
			`pyproject.toml:5:10: tool.pylock.output.group: no service has the group "dve": did you mean dev?`},

		{"unknown key", []string{`pyproject.toml: [tool.pylock]\nplatform = "linux"`, `a/pyproject.toml: ` + api}, `pyproject.toml:2:1: tool.pylock has no key "platform": did you mean platforms?`},
		{"unknown key of a service", []string{`pyproject.toml: [tool.pylock.service.a]\nservices = ["x"]`, `a/pyproject.toml: ` + api}, `pyproject.toml:2:1: tool.pylock.service.a.services: services belongs to [tool.pylock] of the root`},
		{"unknown service", []string{`pyproject.toml: [tool.pylock.service.b]\nhashes = "none"`, `api/pyproject.toml: ` + api}, `pyproject.toml:1:22: tool.pylock.service: there is no service "b": there are api`},
		{"unknown choice", []string{`pyproject.toml: [tool.pylock]\nhashes = "al"`, `api/pyproject.toml: ` + api}, `pyproject.toml:2:10: tool.pylock.hashes: unknown value "al": use one of target, all, none`},
		{"no such folder", []string{`pyproject.toml: [tool.pylock]\nservices = ["api", "b"]`, `api/pyproject.toml: ` + api}, `pyproject.toml:2:20: tool.pylock.services: there is no folder "b": correct it, or take it out`},
		{"wrong type", []string{`pyproject.toml: [tool.pylock]\nextra = 1`, `api/pyproject.toml: ` + api}, `pyproject.toml:2:9: tool.pylock.extra must be a string or an array of strings, not a number or date`},
		{"wrong Python", []string{`pyproject.toml: [tool.pylock]\npython-version = "three"`, `api/pyproject.toml: ` + api}, `pyproject.toml:2:18: tool.pylock.python-version must be a version such as 3.12 or 3.12.4, not "three"`},
		{"an output outside", []string{`pyproject.toml: [[tool.pylock.output]]\nfile = "../x.lock"`, `api/pyproject.toml: ` + api}, `pyproject.toml:2:8: tool.pylock.output.file: "../x.lock" is not a file in the folder of the service`},
		{"an output by nothing", []string{`pyproject.toml: [[tool.pylock.output]]\nfile = "x.lock"\nconstrained-by = "y.lock"`, `api/pyproject.toml: ` + api}, `pyproject.toml:3:18: tool.pylock.output.constrained-by: no output before this one is called "y.lock"`},
		{"settings twice", []string{`pyproject.toml: [tool.pylock]\nhashes = "all"`, `.pylock.toml: hashes = "all"`}, `.pylock.toml: pyproject.toml has a [tool.pylock] table already: keep the settings in one of the two`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := files(t, append(tt.files, ".git/HEAD: x")...)
			if got := workspaceText(t, root); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}
