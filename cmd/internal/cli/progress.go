package cli

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/pylock-dev/pylock/resolver"
)

const (
	progressInterval = 100 * time.Millisecond
	progressSpinner  = 14 // of progressbar's list: one braille character
)

// progress shows what is going on, on one line of a terminal that is gone in
// the end. It observes the search and the requests; a nil progress shows
// nothing.
type progress struct {
	bar      *progressbar.ProgressBar
	requests atomic.Int64
	last     atomic.Pointer[resolver.Event]
}

// newProgress returns nil where progress is not wanted.
func (g *global) newProgress() *progress {
	_, env := g.app.Getenv("UV_NO_PROGRESS")
	if !g.app.Terminal || g.quiet > 0 || g.noProgress || env {
		return nil
	}
	_, noColor := g.app.Getenv("NO_COLOR")
	if noColor {
		return nil // the line is redrawn with the escapes that NO_COLOR is set to avoid
	}
	return &progress{bar: progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(g.app.Stderr),
		progressbar.OptionSpinnerType(progressSpinner),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionThrottle(progressInterval),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription("resolving"),
	)}
}

// Progress implements [resolver.Observer].
func (p *progress) Progress(e resolver.Event) {
	if p == nil {
		return
	}
	p.last.Store(&e)
	p.show()
}

// Request implements [index.Observer].
func (p *progress) Request(method, url string) {
	if p == nil {
		return
	}
	p.requests.Add(1)
	p.show()
}

// Response implements [index.Observer].
func (p *progress) Response(url string, status int, bytes int64) {}

func (p *progress) show() {
	text := fmt.Sprintf("resolving, %s", count(p.requests.Load(), "request"))
	if e := p.last.Load(); e != nil {
		text = fmt.Sprintf("resolving %s: %s, %s", e.Package, count(int64(e.Known), "package"), count(p.requests.Load(), "request"))
	}
	p.bar.Describe(text)
	p.bar.Add(0)
}

// clear takes the line away before something else is printed.
func (p *progress) clear() {
	if p != nil {
		p.bar.Clear()
	}
}

// close ends the display.
func (p *progress) close() {
	if p != nil {
		p.bar.Finish()
	}
}

// count returns "1 package" or "2 packages".
func count(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
