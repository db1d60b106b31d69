package index

import (
	"io"
	"os"
	"path/filepath"
)

// spool keeps the first source distribution that is read whole, with the hash that the index states, so that a build of
// it need not fetch it again. What cannot be written is not kept: whoever fetches it again will tell.
type spool struct {
	on   bool
	dir  string
	file *File // nil for none
}

func (s *spool) close() {
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// path is where a file is kept, "" for nowhere.
func (s *spool) path(f *File) string {
	if s.file == nil || s.file != f {
		return ""
	}
	return filepath.Join(s.dir, "archive")
}

// begin starts a copy of f, anew if it was begun before.
func (s *spool) begin(f *File) *spoolCopy {
	c := &spoolCopy{f: f}
	if !s.on || s.file != nil {
		return c
	}
	var err error
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "pylock-sdist-*"); err != nil {
			return c
		}
	}
	c.out, _ = os.OpenFile(filepath.Join(s.dir, "archive"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	return c
}

// spoolCopy is a copy while it is written. Writing to it never fails: the reader must not be stopped by it.
type spoolCopy struct {
	f     *File
	out   *os.File // nil where nothing is copied, or no more
	whole bool     // and verified
}

func (c *spoolCopy) Write(p []byte) (int, error) {
	if c.out != nil {
		if _, err := c.out.Write(p); err != nil {
			c.out.Close()
			c.out = nil
		}
	}
	return len(p), nil
}

// end closes the copy, and keeps it if it is whole.
func (c *spoolCopy) end(s *spool) {
	if c.out == nil {
		return
	}
	if err := c.out.Close(); err == nil && c.whole {
		s.file = c.f
	}
}

var _ io.Writer = (*spoolCopy)(nil)
