// Command pylock-doctor is pylock with pylock doctor in it. It is a program of
// its own, and a module, since the parsers of Dockerfiles, compose files and
// workflows are larger than all the rest: pylock starts it when it is asked for
// the doctor, and no other command pays for them.
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
	app := cli.New()
	app.Doctor = doctor{}
	code := app.Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
