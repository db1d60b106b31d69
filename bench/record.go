package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pylock-dev/pylock/bench/replay"
	"github.com/pylock-dev/pylock/pypi/index"
)

// recording is the command record.
type recording struct {
	tools
	out, monorepo string
}

// run lets both tools ask a server that asks the live index, for all that the scenarios ask for.
func (r *recording) run(ctx context.Context) error {
	if err := r.find(); err != nil {
		return err
	}
	repo, err := newRepository(r.monorepo)
	if err != nil {
		return err
	}
	address := os.Getenv("LIVE_INDEX")
	if address == "" {
		address = index.DefaultIndex
	}
	s := replay.NewSlice(today(), "examples/monorepo, one dependency added, and the conflict pits")
	live, err := replay.NewLive(address, 50, s)
	if err != nil {
		return err
	}
	server, err := replay.Serve(live, replay.PyPI(), replay.Network{})
	if err != nil {
		return err
	}
	defer server.Close()
	work, err := os.MkdirTemp("", "pylock-record-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	ca := filepath.Join(work, "ca.pem")
	if err := os.WriteFile(ca, server.CA, 0o666); err != nil {
		return err
	}
	for _, t := range []*tool{{name: "pylock", program: r.pylock}, {name: "uv", program: r.uv}} {
		for _, old := range []bool{false, true} {
			t.root = filepath.Join(work, t.name, fmt.Sprint(old))
			if err := repo.write(t.root, old); err != nil {
				return err
			}
			t.env = r.environment(server.Index, ca, work, filepath.Join(work, t.name+"-cache"))
			inputs := repo.services
			if !old {
				for _, p := range repo.pits {
					inputs = append(inputs[:len(inputs):len(inputs)], p.input())
				}
			}
			for _, input := range inputs {
				did := []func() (sample, error){func() (sample, error) { return t.compile(ctx, input) }}
				if old && t.name == "pylock" {
					// The example's own lock, before and after.
					check := func() (sample, error) { return t.check(ctx, input) }
					did = []func() (sample, error){check, did[0], check}
				}
				if input == "services/langgraph" {
					did = append(did, func() (sample, error) {
						if err := add(t.root, input); err != nil {
							return sample{}, err
						}
						if _, err := t.compile(ctx, input); err != nil { // with its lock
							return sample{}, err
						}
						if err := os.Remove(filepath.Join(t.root, lockOf(input))); err != nil {
							return sample{}, err
						}
						return t.compile(ctx, input)
					})
				}
				for _, do := range did {
					got, err := do()
					if err != nil {
						return err
					}
					p, f, m := s.Counts()
					fmt.Fprintf(os.Stderr, "%s %s: %.1f s, solvable %v; %d packages, %d files, %d versions' metadata; %d requests sent\n",
						t.name, input, got.Wall.Seconds(), got.Solvable, p, f, m, live.Asked())
				}
			}
			if err := s.Save(r.out); err != nil {
				return err
			}
		}
	}
	// What other ways of searching may ask for.
	if err := live.ReadNewest(ctx, 2); err != nil {
		return err
	}
	return s.Save(r.out)
}
