package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/pylock-dev/pylock/bench/replay"
)

// trimming is the command trim: a slice of what locking and checking two services asks for, with uv for one of them.
type trimming struct {
	tools
	in, out, monorepo string
	releases          int
}

const theSpawner = "services/worker-spawner"

func (t *trimming) run(ctx context.Context) error {
	if err := t.find(); err != nil {
		return err
	}
	repo, err := newRepository(t.monorepo)
	if err != nil {
		return err
	}
	s, err := replay.Load(t.in)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "pylock-trim-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	pylock, uv := &tool{name: "pylock", program: t.pylock, root: filepath.Join(work, "pylock")}, &tool{name: "uv", program: t.uv, root: filepath.Join(work, "uv")}
	// What is left out of a page changes what is tried: trim once, and add what is asked for then.
	asked, names := map[string]bool{}, []string(nil)
	for _, slice := range []*replay.Slice{s, nil, nil} {
		if slice == nil {
			slice = s.Trim(names, asked, t.releases)
			for path := range asked {
				delete(asked, path)
			}
		}
		names = nil
		server, err := replay.Serve(slice, replay.PyPI(), replay.Network{})
		if err != nil {
			return err
		}
		ca := filepath.Join(work, "ca.pem")
		if err := os.WriteFile(ca, server.CA, 0o666); err != nil {
			return err
		}
		for _, x := range []*tool{pylock, uv} {
			cache := filepath.Join(x.root, "cache")
			if err := os.RemoveAll(x.root); err != nil {
				return err
			}
			x.env = t.environment(server.Index, ca, x.root, cache)
			if err := repo.write(x.root, false); err != nil {
				return err
			}
			if _, err := x.compile(ctx, theService); err != nil {
				return err
			}
		}
		if _, err := pylock.check(ctx, theService); err != nil {
			return err
		}
		if _, err := pylock.compile(ctx, theSpawner); err != nil {
			return err
		}
		names, _ = server.Asked()
		_, paths := server.Asked()
		for p := range paths {
			asked[p] = true
		}
		for _, m := range server.Counts().Missed {
			asked[m] = true
		}
		if err := server.Close(); err != nil {
			return err
		}
	}
	return s.Trim(names, asked, t.releases).Save(t.out)
}
