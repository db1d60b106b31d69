package index

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
)

// scanThrough reads a page through a window that has room for size bytes at first.
func scanThrough(data []byte, size int, b *pageBuilder) error {
	p := &pageText{body: bytes.NewReader(data), answer: &answer{}, desk: &desk{part: make([]byte, 0, size)}}
	return p.verdict(scanSimpleJSON(p.scanner(), b))
}

// FuzzWindow compares a page that is read through a window with the same page read whole.
func FuzzWindow(f *testing.F) {
	f.Add(generatedPage(3), 1)
	f.Add(generatedPage(20), 300)
	f.Add([]byte(`{"files": [], "x": [1.5e-3, {"a": "\ud83d\ude00"}], "é": tru}`), 3)
	f.Add([]byte(`{"n": 1234, "files": [{"filename": "demo-1.tar.gz", "size": 12345678, "url": "demo-1.tar.gz"}], "m": -0.5e10 } `), 2)
	f.Add([]byte("{\"files\": [], \"name\": \"demo\", \"caf\xc3\xa9\": \"\xe2\x82\xac\xf0\x9f\x98\x80\"}"), 5)
	f.Add([]byte("{\"files\": [], \"bad\": \"\xe2\x82\"}"), 4)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		describe := func(b *pageBuilder, err error) string {
			var syntax *syntaxError
			if errors.As(err, &syntax) && syntax.Msg == "not valid UTF-8" {
				return err.Error() // found at once in a whole page, and what comes before it is no matter
			}
			text := fmt.Sprintln(err, b.status, b.statusReason, b.skipped)
			for _, f := range b.list() {
				text += fmt.Sprintf("%q %q %x %d %s %q %t %q %d %x\n", f.Filename, f.URL, f.Hashes.raw, f.Size, f.UploadTime, f.RequiresPython, f.Yanked, f.YankedReason, f.Core.State, f.Core.Hashes.raw)
			}
			return text
		}
		whole, parts := testBuilder("demo"), testBuilder("demo")
		want := describe(whole, scanSimple(data, whole))
		got := describe(parts, scanThrough(data, 1+(size&0xfff), parts))
		if want == got || strings.Contains(want, "not valid UTF-8") && !strings.HasPrefix(got, "<nil>") {
			return
		}
		t.Fatalf("in parts %s\nwhole    %s", got, want)
	})
}

// TestWindowOfBrokenTransfer says of a page that did not arrive as it was sent that it is worth another try, whatever is
// wrong with its text.
func TestWindowOfBrokenTransfer(t *testing.T) {
	packed := func(text []byte) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		z.Write(text)
		z.Close()
		return out.Bytes()
	}
	page := generatedPage(2000)
	sum := packed(page)
	sum[len(sum)-5] ^= 1
	wrongThenSum := packed(append([]byte(`{"files": [}`), page...))
	wrongThenSum[len(wrongThenSum)-5] ^= 1
	notTextThenCut := packed(append([]byte("{\"files\xff"), page...))
	for name, body := range map[string][]byte{
		"checksum":                      sum,
		"cut":                           packed(page)[:3000],
		"no JSON, and a wrong checksum": wrongThenSum,
		"no UTF-8, and cut":             notTextThenCut[:len(notTextThenCut)-12],
	} {
		t.Run(name, func(t *testing.T) {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			p := &pageText{body: z, answer: &answer{}, desk: new(desk)}
			var transient transientError
			if err := p.verdict(scanSimpleJSON(p.scanner(), testBuilder("demo"))); !errors.As(err, &transient) {
				t.Fatalf("got %v, want an error that is worth another try", err)
			}
		})
	}
}

// TestWindowOfEndlessPage ends where the limit is, with one long text or many files.
func TestWindowOfEndlessPage(t *testing.T) {
	file := `{"filename": "x", "url": "y"}, `
	for name, body := range map[string]io.Reader{
		"text":  io.MultiReader(strings.NewReader(`{"x": "`), endless("a")),
		"files": io.MultiReader(strings.NewReader(`{"x": [`), endless(file)),
		"space": io.MultiReader(strings.NewReader(`{"files": [`), endless(" ")),
	} {
		t.Run(name, func(t *testing.T) {
			w := &window{room: make([]byte, 0, windowSize), body: body, left: 4 << 20}
			p := &pageText{window: w}
			var limit *LimitError
			if err := p.verdict(scanSimpleJSON(&scanner{more: w}, testBuilder("demo"))); !errors.As(err, &limit) {
				t.Fatalf("got %v, want the limit", err)
			}
			if cap(w.room) > 16<<20 {
				t.Fatalf("takes %d bytes", cap(w.room))
			}
		})
	}
	p := &pageText{body: iotest.ErrReader(io.ErrUnexpectedEOF), answer: &answer{}, desk: new(desk)}
	if err := p.verdict(scanSimpleJSON(p.scanner(), testBuilder("demo"))); !errors.As(err, new(transientError)) {
		t.Fatalf("got %v", err)
	}
}

// endless repeats a text.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}
