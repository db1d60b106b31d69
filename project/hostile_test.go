package project

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Input that is meant to cost time or memory ends in an error, or in time.
func TestHostile(t *testing.T) {
	const mib = 1 << 20
	fill := func(s string) string { return strings.Repeat(s, (mib-200)/len(s)) }
	project := func(s string) string { return "[project]\nname = \"p\"\n" + s }
	doubling := "[project.optional-dependencies]\n"
	for i := range 40 {
		doubling += fmt.Sprintf("a%d = [\"p[a%d] ; os_name == 'x%d'\", \"p[a%d] ; os_name == 'y%d'\"]\n", i, i+1, i, i+1, i)
	}
	tests := []struct {
		name, file, content, err string
	}{
		{"large", "requirements.in", strings.Repeat("a\n", mib), "larger than 1048576 bytes"},
		{"options on one line", "requirements.in", fill("--prefer-binary "), ""},
		{"lines", "requirements.in", fill("a\n"), ""},
		{"continuations", "requirements.in", fill("\\\n"), ""},
		{"hashes", "requirements.in", "a " + fill("--hash=sha256:"+strings.Repeat("a", 64)+" "), ""},
		{"comment signs", "requirements.in", fill("a#"), "a#a"},
		{"schemes", "requirements.in", "-i x" + fill("://"), "does not exist"},
		{"variables", "requirements.in", fill("${A}"), "not set"},
		{"strings on one line", pyprojectName, project("dependencies = [" + fill(`"a",`) + "]"), ""},
		{"deep arrays", pyprojectName, project("x = " + strings.Repeat("[", 5000)), "invalid TOML"},
		{"deep arrays, closed", pyprojectName, project("x = " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), "levels deep"},
		{"deep keys", pyprojectName, project(fill("a.") + "a = 1"), "levels deep"},
		{"deep tables", pyprojectName, "[" + fill("a.") + "a]", "levels deep"},
		{"array tables", pyprojectName, project(fill("[[tool.uv.index]]\n")), "no url"},
		{"extras", pyprojectName, project("[project.optional-dependencies]\n" + numbered(20_000)), "20000 extras, more than 10000"},
		{"groups", pyprojectName, project("[dependency-groups]\n" + numbered(20_000)), "20000 groups, more than 10000"},
		{"doubling extras", pyprojectName, project(doubling + `a40 = ["z"]`), "refer to each other more than 10000 times"},
		{"globs", pyprojectName, project("dependencies = [\"a\"]\n[tool.uv.workspace]\nmembers = [\"" + strings.Repeat("**/", 200) + "x\"]"), ""},
		{"glob bracket", pyprojectName, project("dependencies = [\"a\"]\n[tool.uv.workspace]\nmembers = [\"[\"]"), "malformed pattern"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			writeFile(t, filepath.Join(root, tt.file), []byte(tt.content))
			_, err := Load(LoadOptions{Root: root, WorkDir: root, Sources: []string{tt.file}, AllExtras: tt.name == "doubling extras"})
			switch {
			case tt.err == "" && err != nil:
				t.Fatalf("got %.500s", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("got %.500v, want %q", err, tt.err)
			}
			if err != nil {
				checkError(t, err)
				if len(err.Error()) > 4096 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
			}
		})
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "e%d = []\n", i)
	}
	return b.String()
}
