package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/pylock-dev/pylock/bench/replay"
)

// serving is the command serve. It reads commands from its input, one a line, and answers each with a line of JSON:
//
//	network NAME   null
//	reset          null
//	counts         replay.Counts
type serving struct{ slice, profile, network, ca string }

// greeting is the first line of serve's output.
type greeting struct {
	Index    string `json:"index"`
	Recorded string `json:"recorded"`
	Projects int    `json:"projects"`
	Files    int    `json:"files"`
	Texts    int    `json:"texts"` // versions whose METADATA was recorded
}

func (o serving) run(ctx context.Context) error {
	p, err := replay.ProfileOf(o.profile)
	if err != nil {
		return err
	}
	n, err := replay.NetworkOf(o.network)
	if err != nil {
		return err
	}
	s, err := replay.Load(o.slice)
	if err != nil {
		return err
	}
	server, err := replay.Serve(s, p, n)
	if err != nil {
		return err
	}
	defer server.Close()
	server.Prepare()
	if err := os.WriteFile(o.ca, server.CA, 0o666); err != nil {
		return err
	}
	enc := json.NewEncoder(os.Stdout)
	g := greeting{Index: server.Index, Recorded: s.Recorded}
	g.Projects, g.Files, g.Texts = s.Counts()
	if err := enc.Encode(g); err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan() && ctx.Err() == nil; {
		command, argument, _ := strings.Cut(in.Text(), " ")
		var answer any
		switch command {
		case "network":
			n, err := replay.NetworkOf(argument)
			if err != nil {
				return err
			}
			server.SetNetwork(n)
		case "reset":
			server.Reset()
		case "counts":
			answer = server.Counts()
		default:
			return fmt.Errorf("no command %q", command)
		}
		if err := enc.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

// served is a server in a process of its own.
type served struct {
	greeting
	process *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
}

func startServer(o serving) (*served, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(self, "serve", "-slice", o.slice, "-profile", o.profile, "-net", o.network, "-ca", o.ca)
	c.Stderr = os.Stderr
	s := &served{process: c}
	if s.in, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	s.out = json.NewDecoder(out)
	if err := s.out.Decode(&s.greeting); err != nil {
		c.Wait()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	return s, nil
}

func (s *served) ask(command string, answer any) error {
	if _, err := fmt.Fprintln(s.in, command); err != nil {
		return err
	}
	return s.out.Decode(answer)
}

func (s *served) reset() error { return s.ask("reset", new(any)) }

func (s *served) counts() (c replay.Counts, err error) { return c, s.ask("counts", &c) }

func (s *served) network(name string) error { return s.ask("network "+name, new(any)) }

func (s *served) close() error {
	s.in.Close()
	return s.process.Wait()
}
