// Command pylock locks the dependencies of Python services: it resolves what
// a pyproject.toml or a requirements file asks for and writes every package
// with its exact version and hashes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/pylock-dev/pylock/cmd/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := cli.New().Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
