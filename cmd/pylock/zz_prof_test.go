package main

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/pylock-dev/pylock/cmd/internal/cli"
)

func BenchmarkWarm(b *testing.B) {
	os.Chdir("/tmp/cache/mono")
	for b.Loop() {
		app := cli.New()
		app.Stdout, app.Stderr = io.Discard, io.Discard
		if c := app.Run(context.Background(), []string{"compile", "services/langgraph"}); c != 0 {
			b.Fatal(c)
		}
	}
}
