package dist

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"
)

// readVectors decodes one of packaging's files of vectors.
func readVectors(tb testing.TB, name string, v any) {
	tb.Helper()
	f, err := os.Open("testdata/" + name + ".json.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(v); err != nil {
		tb.Fatal(err)
	}
}

type fileVector struct {
	In, Name, Version string
	Build             []any
	Tags              []string
}

type fileVectors struct {
	Wheels        []fileVector
	InvalidWheels []string `json:"invalid_wheels"`
	Sdists        []fileVector
	InvalidSdists []string `json:"invalid_sdists"`
	Counts        map[string]int
}

func readFileVectors(tb testing.TB) *fileVectors {
	tb.Helper()
	v := new(fileVectors)
	readVectors(tb, "filenames", v)
	if len(v.Wheels) != v.Counts["wheels"] || len(v.InvalidWheels) != v.Counts["invalid_wheels"] ||
		len(v.Sdists) != v.Counts["sdists"] || len(v.InvalidSdists) != v.Counts["invalid_sdists"] {
		tb.Fatalf("got other numbers of entries than %v", v.Counts)
	}
	return v
}

type metadataVector struct {
	In  string
	Raw struct {
		MetadataVersion *string  `json:"metadata_version"`
		Name            *string  `json:"name"`
		Version         *string  `json:"version"`
		RequiresDist    []string `json:"requires_dist"`
		RequiresPython  *string  `json:"requires_python"`
		ProvidesExtra   []string `json:"provides_extra"`
		Dynamic         []string `json:"dynamic"`
	}
	Unparsed       []string
	Valid          bool
	Errors         []string
	RequiresDist   []string `json:"requires_dist"`
	RequiresPython *string  `json:"requires_python"`
	ProvidesExtra  []string `json:"provides_extra"`
	Version, Name  string
}

func readMetadataVectors(tb testing.TB) []metadataVector {
	tb.Helper()
	var v struct {
		Cases  []metadataVector
		Counts map[string]int
	}
	readVectors(tb, "metadata", &v)
	if len(v.Cases) != v.Counts["cases"] {
		tb.Fatalf("got %d cases, want %v", len(v.Cases), v.Counts)
	}
	return v.Cases
}
