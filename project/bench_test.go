package project

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func BenchmarkLoadPyproject(b *testing.B) {
	root := b.TempDir()
	writeFile(b, filepath.Join(root, "shared", pyprojectName), []byte("[project]\nname = \"shared\"\ndependencies = [\"pydantic>=2\"]\n"))
	writeFile(b, filepath.Join(root, "svc", pyprojectName), []byte(`[project]
name = "langgraph-service"
requires-python = ">=3.12"
dependencies = [
    "langgraph>=1.0.5", "langchain>=1.0.0", "langchain-openai>=0.2.0", "ansible-core>=2.16.0",
    "langchain-anthropic", "structlog", "redis[hiredis]>=5", "pydantic-settings", "fastapi",
    "uvicorn[standard]", "httpx", "sqlalchemy[asyncio]", "asyncpg", "langgraph-checkpoint-postgres", "shared",
]
[tool.uv.sources]
shared = { path = "../shared" }
`))
	for b.Loop() {
		if _, err := Load(LoadOptions{Root: root, WorkDir: root, Sources: []string{"svc"}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadRequirements(b *testing.B) {
	root := b.TempDir()
	var s strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&s, "package-%d[extra]>=1.0,<2 ; python_version >= \"3.12\" # why\n", i)
	}
	writeFile(b, filepath.Join(root, "requirements.in"), []byte(s.String()))
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		if _, err := Load(LoadOptions{Root: root, WorkDir: root, Sources: []string{"requirements.in"}}); err != nil {
			b.Fatal(err)
		}
	}
}
