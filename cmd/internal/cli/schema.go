package cli

import (
	"bytes"
	"encoding/json"

	"github.com/pylock-dev/pylock/project"
)

// settingsSchema is the JSON schema of [tool.pylock], made from the list of
// keys.
func settingsSchema() []byte {
	type object = map[string]any
	text := object{"type": "string"}
	texts := object{"type": "array", "items": text}
	var of func(k *project.Key) object
	of = func(k *project.Key) object {
		o := object{"description": k.Doc}
		switch k.Kind {
		case project.KindText:
			o["type"] = "string"
			if k.Choices != nil {
				o["enum"] = k.Choices
			}
		case project.KindTexts, project.KindMarkers:
			o["oneOf"] = []object{text, texts}
		case project.KindBool:
			o["type"] = "boolean"
		case project.KindCutoff:
			o["oneOf"] = []object{text, {"const": false}}
		case project.KindByPackage:
			o["type"], o["additionalProperties"] = "object", object{"oneOf": []object{text, {"const": false}}}
		case project.KindTables:
			o["type"], o["items"] = "array", object{"type": []string{"object", "array"}}
		case project.KindRequirements:
			o["type"], o["items"] = "array", object{"type": []string{"string", "object"}}
		case project.KindTable:
			o["type"] = "object"
			if k.Sub != nil {
				properties := object{}
				for i := range k.Sub {
					properties[k.Sub[i].Name] = of(&k.Sub[i])
				}
				o["properties"], o["additionalProperties"] = properties, false
			}
		}
		return o
	}
	service, root, output := object{}, object{}, object{
		"file":           object{"description": "names of the locks; {service} stands for the service's", "oneOf": []object{text, texts}},
		"constrained-by": object{"description": "an earlier output whose pins bound this one", "type": "string"},
	}
	for i := range project.Keys {
		k := &project.Keys[i]
		names := []string{k.Name}
		if k.Alias != "" {
			names = append(names, k.Alias)
		}
		for _, n := range names {
			root[n] = of(k)
			if k.Root || k.Name == "sources" || k.Name == "conflicts" {
				continue
			}
			service[n] = of(k)
			if k.Name != "output" && (!k.Loaded || k.Kind == project.KindText || k.Kind == project.KindCutoff) {
				output[n] = of(k)
			}
		}
	}
	closed := func(properties object, required ...string) object {
		o := object{"type": "object", "properties": properties, "additionalProperties": false}
		if required != nil {
			o["required"] = required
		}
		return o
	}
	outputs := object{"description": root["output"].(object)["description"], "type": "array", "items": closed(output, "file")}
	root["output"], service["output"] = outputs, outputs
	root["service"] = object{"description": root["service"].(object)["description"], "type": "object", "additionalProperties": closed(service)}
	schema := closed(root)
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	schema["title"] = "The settings of pylock: [tool.pylock] of a pyproject.toml, or a .pylock.toml"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	must(enc.Encode(schema))
	return b.Bytes()
}
