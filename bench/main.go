// Command bench records a slice of an index, and times pylock and uv against a replay of it: make bench.
//
//	bench record -pylock FILE -uv FILE -python FOLDER -out SLICE   reads the live index once
//	bench trim -pylock FILE -uv FILE -python FOLDER                makes a small slice of it
//	bench serve -slice SLICE                                       serves one until its input ends
//	bench run -slice SLICE -pylock FILE -uv FILE -python FOLDER    measures
//	bench services -pylock FILE -uv FILE -python FOLDER            measures many services of a synthetic repository
//
// The server is a process of its own: what Linux calls the peak memory of a child includes that of its parent at the
// moment of the fork, so the parent has to be small.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("want record, trim, serve, run or services")
	}
	f := flag.NewFlagSet(args[0], flag.ExitOnError)
	switch args[0] {
	case "record":
		r := &recording{}
		r.tools.flags(f)
		f.StringVar(&r.out, "out", ".bench/slice.json.gz", "the `file` to write")
		f.StringVar(&r.monorepo, "monorepo", "examples/monorepo", "the `folder` of the services")
		f.Parse(args[1:])
		return r.run(ctx)
	case "trim":
		t := &trimming{}
		t.tools.flags(f)
		f.StringVar(&t.in, "in", ".bench/slice.json.gz", "the slice to read")
		f.StringVar(&t.out, "out", "testdata/bench/slice.json.gz", "the slice to write")
		f.StringVar(&t.monorepo, "monorepo", "examples/monorepo", "the `folder` of the services")
		f.IntVar(&t.releases, "releases", 6, "how many of the newest releases of a package to keep")
		f.Parse(args[1:])
		return t.run(ctx)
	case "serve":
		o := serving{}
		f.StringVar(&o.slice, "slice", ".bench/slice.json.gz", "the slice to serve")
		f.StringVar(&o.profile, "profile", "pypi", "what the index offers: pypi or mirror")
		f.StringVar(&o.network, "net", "none", "none, 1ms, 10ms or 40ms")
		f.StringVar(&o.ca, "ca", ".bench/ca.pem", "the file to write the authority to")
		f.Parse(args[1:])
		return o.run(ctx)
	case "synthesize": // for services alone
		out := f.String("out", "", "the slice to write")
		f.Parse(args[1:])
		return synthesize(*out)
	case "services":
		g := &growth{}
		g.tools.flags(f)
		g.flags(f)
		f.Parse(args[1:])
		return g.run(ctx)
	case "run":
		b := &bench{}
		b.tools.flags(f)
		b.flags(f)
		f.Parse(args[1:])
		return b.run(ctx)
	}
	return fmt.Errorf("no command %q; want record, trim, serve, run or services", args[0])
}

func today() string { return time.Now().UTC().Format(time.DateOnly) }
