package index

import (
	"context"
	"errors"
	"sync"
)

// flight runs one function a key and hands its result to all who ask, then and later. The work ends early only when
// nobody waits for it any more; then the next to ask starts it anew.
type flight[V any] struct {
	mu    sync.Mutex
	calls map[string]*call[V]
}

type call[V any] struct {
	done    chan struct{}
	val     V
	err     error
	waiters int
	cancel  context.CancelFunc
}

var errAbandoned = errors.New("nobody waits any more")

func (f *flight[V]) do(ctx context.Context, key string, fn func(context.Context) (V, error)) (V, error) {
	f.mu.Lock()
	c, ok := f.calls[key]
	if !ok {
		work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		c = &call[V]{done: make(chan struct{}), cancel: func() { cancel(errAbandoned) }}
		if f.calls == nil {
			f.calls = make(map[string]*call[V])
		}
		f.calls[key] = c
		go func() {
			defer c.cancel()
			c.val, c.err = fn(work)
			close(c.done)
		}()
	}
	c.waiters++
	f.mu.Unlock()
	select {
	case <-c.done:
		return c.val, c.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-c.done:
		return c.val, c.err
	default:
	}
	if c.waiters--; c.waiters == 0 {
		c.cancel()
		if f.calls[key] == c {
			delete(f.calls, key)
		}
	}
	var zero V
	return zero, context.Cause(ctx)
}
