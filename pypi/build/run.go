package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// run runs a program to its end, or that of ctx, with all processes of its group, and returns the last lines that they
// printed. The error tells of an exit that is no success; that of ctx is its cause.
func (b *Builder) run(ctx context.Context, dir string, env []string, program string, args ...string) (tail []string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, env
	// A file, not a writer: Wait then does not wait for children that hold it.
	cmd.Stdout, cmd.Stderr = w, w
	group(cmd)
	if err := ctx.Err(); err != nil {
		w.Close()
		return nil, context.Cause(ctx)
	}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return nil, err
	}
	lines := &tailer{log: b.o.Log}
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(lines, r)
	}()
	exited := make(chan struct{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		select {
		case <-ctx.Done():
			kill(cmd)
		case <-exited:
		}
	}()
	err = cmd.Wait()
	close(exited)
	<-killed
	kill(cmd) // what it left running
	select {
	case <-read:
	case <-time.After(drainTimeout):
		r.SetReadDeadline(time.Now()) // a process outside of the group holds it
		<-read
	}
	lines.end()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%s", exit.ProcessState)
	}
	return lines.last, err
}

// tailer keeps the last lines of what is written to it, each cut at maxLine bytes, and passes all on.
type tailer struct {
	log  func(string)
	part []byte
	last []string
}

func (t *tailer) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		t.part = append(t.part, line[:min(len(line), max(0, maxLine-len(t.part)))]...)
		if !whole {
			return n, nil
		}
		t.end()
		p = rest
	}
}

// end ends a line.
func (t *tailer) end() {
	line := strings.TrimRight(string(t.part), "\r\t ")
	t.part = t.part[:0]
	// Of a line that was written over, the last state counts.
	line = line[strings.LastIndexByte(line, '\r')+1:]
	if line == "" {
		return
	}
	if t.log != nil {
		t.log(line)
	}
	if len(t.last) == maxTail {
		t.last = append(t.last[:0], t.last[1:]...)
	}
	t.last = append(t.last, line)
}
