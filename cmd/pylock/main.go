// Command pylock locks the dependencies of Python services: it resolves what
// a pyproject.toml or a requirements file asks for and writes every package
// with its exact version and hashes.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/pylock-dev/pylock/cmd/internal/cli"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// Pages come and go: 15 MiB less at the peak of a cold run, in the same time.
		debug.SetGCPercent(50)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := cli.New().Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
