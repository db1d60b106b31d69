package index

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// pageText is the text of a page, which is read while it is scanned.
type pageText struct {
	body   io.Reader
	answer *answer
	desk   *desk
	window *window // of body, once somebody scans there
}

// desk is the room in which one page after the other is inflated and scanned.
type desk struct {
	whole bytes.Buffer // for those that are wanted at once
	part  []byte       // for a window
}

// all reads the whole text.
func (p *pageText) all() ([]byte, error) {
	p.desk.whole.Reset()
	err := readAll(p.answer, p.body, &p.desk.whole, "the project page", maxPage)
	return p.desk.whole.Bytes(), err
}

// scanner returns a scanner of the text.
func (p *pageText) scanner() *scanner {
	if p.desk.part == nil {
		p.desk.part = make([]byte, 0, windowSize)
	}
	p.window = &window{room: p.desk.part[:0], body: p.body, left: maxPage}
	return &scanner{more: p.window, length: int(max(p.answer.length, p.answer.expect))}
}

// verdict is what is wrong with a page of which a scanner says err: with its transfer, if that is wrong too.
func (p *pageText) verdict(err error) error {
	w := p.window
	if w == nil {
		return err
	}
	if err != nil && w.body != nil {
		w.drain()
	}
	if w.err != nil {
		return w.err
	}
	return err
}

// windowSize is the bytes of a page that are here at once, few enough to stay in a processor's own memory.
const windowSize = 128 << 10

// window is the part of a page that a scanner sees: it moves over the text while that is inflated.
type window struct {
	room []byte
	body io.Reader // nil after its end
	left int64     // bytes that may still come
	read int64     // bytes that came
	open int       // bytes at the end that begin a character
	err  error     // what ended it before its end
}

// text is what is to be seen: no half of a character.
func (w *window) text() []byte { return w.room[:len(w.room)-w.open] }

// slide drops the first n bytes and appends what comes next. It reports whether anything came.
func (w *window) slide(n int) bool {
	if w.body == nil {
		return false
	}
	kept := w.room[n:]
	if len(kept) > cap(w.room)/2 {
		w.room = append(make([]byte, 0, 2*cap(w.room)), kept...)
	} else {
		w.room = w.room[:copy(w.room, kept)]
	}
	had := len(w.room)
	for w.body != nil && len(w.room) < cap(w.room) {
		n, err := w.body.Read(w.room[len(w.room):cap(w.room)])
		w.room = w.room[:len(w.room)+n]
		w.count(int64(n), err)
	}
	w.check(w.room[max(0, had-w.open):])
	return w.err == nil && len(w.room) > had
}

// count notes a reading of n bytes.
func (w *window) count(n int64, err error) {
	w.read += n
	if w.left -= n; w.left < 0 {
		w.body, w.err = nil, &LimitError{"the project page", maxPage, "bytes"}
		return
	}
	if err != nil {
		w.body = nil
	}
	if err != nil && err != io.EOF {
		w.err = broken(w.read, err)
	}
}

// check looks at the bytes that are new, and at the beginning of a character before them.
func (w *window) check(text []byte) {
	w.open = 0
	if w.body != nil {
		w.open = unfinished(text)
	}
	if w.err == nil && !utf8.Valid(text[:len(text)-w.open]) {
		w.err = &syntaxError{Msg: "not valid UTF-8"}
		w.drain()
	}
}

// drain reads the rest, to learn whether that arrives: what is damaged on its way is to be asked for again.
func (w *window) drain() {
	buf := make([]byte, 4<<10)
	was := w.err
	for w.err = nil; w.body != nil; {
		n, err := w.body.Read(buf)
		w.count(int64(n), err)
	}
	if w.err == nil {
		w.err = was
	}
}

// unfinished is how many bytes at the end of text are the beginning of a character.
func unfinished(text []byte) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(text)); n++ {
		if c := text[len(text)-n]; utf8.RuneStart(c) {
			if utf8.FullRune(text[len(text)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}
