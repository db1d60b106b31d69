package indextest

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
)

// links answers /links/, a page of the files of all packages, with their hashes, as --find-links has it.
func (h *Handler) links(s *store, r *http.Request) *answer {
	var b bytes.Buffer
	b.WriteString("<html><body>\n<form><input name=\"search\"></form>\n<a href=\"../\">up</a>\n")
	for _, name := range s.names() {
		f := s.files[name].build()
		fmt.Fprintf(&b, "<a href=\"%s#sha256=%s\">%s</a>\n", html.EscapeString("../files/"+url.PathEscape(name)), hexSHA256(f.body), html.EscapeString(name))
	}
	b.WriteString("</body></html>\n")
	a := newAnswer(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	a.zippable = true
	return a
}

func (s *store) names() []string {
	var names []string
	for name := range s.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// WriteFiles writes all files of the universe into a folder.
func (u *Universe) WriteFiles(dir string) error {
	s := newStore(u)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, name := range s.names() {
		if err := os.WriteFile(filepath.Join(dir, name), s.files[name].build().body, 0o666); err != nil {
			return err
		}
	}
	return nil
}
