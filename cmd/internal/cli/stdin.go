package cli

import (
	"context"
	"io"
)

// stdin is the standard input as long as ctx lasts: a read that waits for a
// person or a pipe ends with it.
func stdin(ctx context.Context, r io.Reader) io.Reader {
	pr, pw := io.Pipe()
	context.AfterFunc(ctx, func() { pw.CloseWithError(context.Cause(ctx)) })
	var started bool
	return readerFunc(func(p []byte) (int, error) {
		if !started {
			started = true
			go func() {
				_, err := io.Copy(pw, r)
				pw.CloseWithError(err)
			}()
		}
		return pr.Read(p)
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
