package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/pylock-dev/pylock/project"
)

// TestSettingsSchema fails when docs/schema/settings.schema.json is stale; with
// -update it writes it anew.
func TestSettingsSchema(t *testing.T) {
	const file = "../../../docs/schema/settings.schema.json"
	want := settingsSchema()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: go test ./cmd/internal/cli -run=TestSettingsSchema -update", file)
	}
	var schema struct{ Properties map[string]any }
	if err := json.Unmarshal(want, &schema); err != nil {
		t.Fatal(err)
	}
	for _, k := range project.Keys {
		if schema.Properties[k.Name] == nil {
			t.Errorf("%s is not in the schema", k.Name)
		}
	}
}

// Each key that project.Load does not read by itself stands for a flag.
func TestSettingFlags(t *testing.T) {
	o := &compileOptions{global: &global{app: &App{}}}
	o = o.fork()
	for _, k := range project.Keys {
		names, ok := settingFlags[k.Name]
		if k.Root || k.Name == "output" || k.Loaded {
			if ok {
				t.Errorf("%s is read elsewhere and sets a flag too", k.Name)
			}
			continue
		}
		if !ok {
			t.Errorf("nothing acts on %s", k.Name)
		}
		for _, n := range names {
			if o.flags.Lookup(n) == nil {
				t.Errorf("%s: there is no flag --%s", k.Name, n)
			}
		}
	}
}
