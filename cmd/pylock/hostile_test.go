package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// What a run may take, whatever it is fed.
const (
	hostileMemory = 512 << 20
	hostileTime   = 60 * time.Second
	hostileText   = 16 << 10 // bytes of messages
)

// binary builds the command as it is shipped: memory is that of the product, not of a test with a race detector.
func binary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "pylock")
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// A ran is a run of the binary that has ended.
type ran struct {
	code           int
	stdout, stderr string
	memory         int64 // bytes at most, 0 where the system does not tell
	took           time.Duration
}

// run executes the binary in a folder, against an index at that address.
func run(t *testing.T, bin, dir, index string, args ...string) ran {
	t.Helper()
	// Should a limit fail, the machine of who runs the tests is not to go down with it.
	ctx, cancel := context.WithTimeout(t.Context(), 2*hostileTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	if _, err := exec.LookPath("sh"); err == nil && runtime.GOOS == "linux" {
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", `ulimit -v 8388608; exec "$0" "$@"`, bin}, args...)...)
	}
	cmd.Dir = dir
	cmd.Env = append(ownEnviron(), "UV_DEFAULT_INDEX="+index, "TMPDIR="+t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	r := ran{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(start), memory: peakMemory(cmd.ProcessState)}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return r
}

// check holds a run to what every run is held to.
func (r ran) check(t *testing.T) {
	t.Helper()
	if r.memory > hostileMemory {
		t.Errorf("%d MiB of memory", r.memory>>20)
	}
	if r.took > hostileTime {
		t.Errorf("it took %v", r.took)
	}
	for name, text := range map[string]string{"stdout": r.stdout, "stderr": r.stderr} {
		if bad := unprintable(text); bad != "" {
			t.Errorf("%s holds %s: %.500q", name, bad, text)
		}
	}
	if n := len(r.stderr); n > hostileText {
		t.Errorf("%d bytes of messages: %.500s …", n, r.stderr)
	}
	if r.code < 0 || strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "panic") {
		t.Errorf("exit code %d: %.2000s", r.code, r.stderr)
	}
	errors := 0
	for line := range strings.Lines(r.stderr) {
		if strings.HasPrefix(line, "error: ") {
			errors++
		}
	}
	if r.code == 0 && errors != 0 || r.code != 0 && errors != 1 {
		t.Errorf("exit code %d with %d errors: %.2000s", r.code, errors, r.stderr)
	}
}

// unprintable names the first thing in text that a terminal could take for more than text: a control or format
// character, a separator of lines that is not a line feed, what is not UTF-8.
func unprintable(text string) string {
	if !utf8.ValidString(text) {
		return "invalid UTF-8"
	}
	for _, c := range text {
		if c != '\n' && c != '\t' && (!unicode.IsGraphic(c) || c != ' ' && unicode.Is(unicode.Z, c)) {
			return fmt.Sprintf("%U", c)
		}
	}
	return ""
}

// hostileIndex answers by path; what is not there is 404.
type hostileIndex map[string]http.HandlerFunc

func (h hostileIndex) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := h[r.URL.Path]; f != nil {
		f(w, r)
		return
	}
	http.NotFound(w, r)
}

// pageOf answers with a page in JSON.
func pageOf(text string) http.HandlerFunc { return typed("application/vnd.pypi.simple.v1+json", text) }

func typed(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, text)
	}
}

// endless answers with head and then fill, n times, without a length.
func endless(kind, encoding, head, fill string, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		var out io.Writer = w
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
			z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
			if err != nil {
				panic(err)
			}
			defer z.Close()
			out = z
		}
		io.WriteString(out, head)
		chunk := []byte(strings.Repeat(fill, 1+(1<<20)/len(fill)))
		for written := 0; written < n*len(fill); written += len(chunk) {
			if _, err := out.Write(chunk); err != nil {
				return
			}
		}
	}
}

// record is a file of a page, with more keys.
func record(name, more string) string {
	return fmt.Sprintf(`{"filename": %q, "url": "../../files/%s"%s}`, name, name, more)
}

func files(records ...string) string { return `{"files": [` + strings.Join(records, ",") + `]}` }

const demoWheel = "demo-1.0-py3-none-any.whl"

// wheelIndex has one wheel of demo, with these bytes, and other paths.
func wheelIndex(data []byte, more hostileIndex) hostileIndex {
	return fileIndex(demoWheel, data, more)
}

func fileIndex(name string, data []byte, more hostileIndex) hostileIndex {
	sum := sha256.Sum256(data)
	h := hostileIndex{
		"/simple/demo/": pageOf(files(record(name, fmt.Sprintf(`, "size": %d, "core-metadata": false, "hashes": {"sha256": %q}`, len(data), hex.EncodeToString(sum[:]))))),
		"/files/" + name: func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		},
	}
	for path, f := range more {
		h[path] = f
	}
	return h
}

// metadataIndex has one wheel of demo whose metadata goes on with these lines.
func metadataIndex(lines string, more hostileIndex) hostileIndex {
	text := "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n" + lines
	sum := sha256.Sum256([]byte(text))
	h := hostileIndex{
		"/simple/demo/":                     pageOf(files(record(demoWheel, fmt.Sprintf(`, "hashes": {"sha256": "%064d"}, "core-metadata": {"sha256": %q}`, 0, hex.EncodeToString(sum[:]))))),
		"/files/" + demoWheel + ".metadata": typed("text/plain", text),
	}
	for path, f := range more {
		h[path] = f
	}
	return h
}

// plainIndex has one wheel of that name and version 1.0 that asks for nothing.
func plainIndex(h hostileIndex, name string) hostileIndex {
	text := "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0\n"
	sum := sha256.Sum256([]byte(text))
	file := name + "-1.0-py3-none-any.whl"
	h["/simple/"+name+"/"] = pageOf(files(record(file, fmt.Sprintf(`, "hashes": {"sha256": "%064d"}, "core-metadata": {"sha256": %q}`, 0, hex.EncodeToString(sum[:])))))
	h["/files/"+file+".metadata"] = typed("text/plain", text)
	return h
}

type zipMember struct{ name, content string }

func zipOf(members ...zipMember) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			panic(err)
		}
		io.WriteString(w, m.content)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// manyEntries is a wheel with METADATA and n empty members.
func manyEntries(n int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	header := func(name, content string) {
		w, err := z.CreateRaw(&zip.FileHeader{
			Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(content)),
			CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content)),
		})
		if err != nil {
			panic(err)
		}
		io.WriteString(w, content)
	}
	header(demoInfo, demoText)
	for i := range n {
		header(fmt.Sprintf("d/%x", i), "")
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const (
	demoInfo = "demo-1.0.dist-info/METADATA"
	demoText = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
	sdistDir = "demo-1.0/"
)

type tarMember struct {
	tar.Header
	content string
}

func tarFile(name, content string) tarMember {
	return tarMember{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}, content}
}

func tarOf(members ...tarMember) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	w := tar.NewWriter(z)
	for _, m := range members {
		if err := w.WriteHeader(&m.Header); err != nil {
			panic(err)
		}
		io.WriteString(w, m.content)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

// A hostileCase is an index that means no good, and what a compile of demo comes to.
type hostileCase struct {
	name  string
	index func() http.Handler
	code  int
	want  string // in the messages, "" for none in particular
	pins  string // in the lock, where there is one
}

// hostileCases makes nothing yet: what is large is made in the process that serves it.
func hostileCases() []hostileCase {
	const simple, html = "application/vnd.pypi.simple.v1+json", "text/html"
	page := func(h http.HandlerFunc) http.Handler { return hostileIndex{"/simple/demo/": h} }
	later := func(h http.HandlerFunc) func() http.Handler { return func() http.Handler { return page(h) } }
	text := func(s string) http.Handler { return page(pageOf(s)) }
	good := func(h hostileIndex) hostileIndex { return plainIndex(h, "demo") }
	// beside puts a record before the good one.
	beside := func(r string) http.Handler {
		h := good(hostileIndex{})
		inner := h["/simple/demo/"]
		h["/simple/demo/"] = func(w http.ResponseWriter, q *http.Request) {
			rec := httptest.NewRecorder()
			inner(rec, q)
			pageOf(strings.Replace(rec.Body.String(), `{"files": [`, `{"files": [`+r+",", 1))(w, q)
		}
		return h
	}
	fill := func(s string, n int) string { return strings.Repeat(s, n/len(s)+1) }
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	doubling := "((os_name == 'a0' or os_name == 'b0')"
	for i := range 60 {
		doubling += fmt.Sprintf(" and (platform_version == 'a%d' or platform_release == 'b%d')", i, i)
	}
	doubling += ")"
	cycle := metadataIndex("Requires-Dist: other[a,b]\nProvides-Extra: a\nProvides-Extra: b\nRequires-Dist: demo[b]; extra == 'a'\nRequires-Dist: demo[a]; extra == 'b'\n", plainIndex(hostileIndex{}, "other"))
	cycle["/files/other-1.0-py3-none-any.whl.metadata"] = typed("text/plain", "Metadata-Version: 2.1\nName: other\nVersion: 1.0\nRequires-Dist: demo[a]\nProvides-Extra: a\nProvides-Extra: b\nRequires-Dist: other[b]; extra == 'a'\nRequires-Dist: other[a]; extra == 'b'\n")
	cycle["/simple/other/"] = pageOf(files(record("other-1.0-py3-none-any.whl", fmt.Sprintf(`, "hashes": {"sha256": "%064d"}, "core-metadata": true`, 0))))
	unsafe := "\n--index-url https://evil.example\r\x1b]0;x\a\u202e\u2028"
	quoted := fmt.Sprintf("%q", unsafe)
	quoted = strings.NewReplacer(`\a`, `\u0007`, `\x1b`, `\u001b`).Replace(quoted)
	inner := quoted[1 : len(quoted)-1]
	return []hostileCase{
		// Pages.
		{"64 MiB of JSON", func() http.Handler { return page(endless(simple, "", `{"files": [], "x": "`, "a", 65<<20)) }, 3, "the project page is over the limit of 67108864 bytes", ""},
		{"gzip bomb", func() http.Handler { return page(endless(simple, "gzip", `{"files": [], "x": "`, "a", 1<<30)) }, 3, "the project page is over the limit of 67108864 bytes", ""},
		{"gzip bomb of spaces", func() http.Handler { return page(endless(simple, "gzip", ``, " ", 1<<30)) }, 3, "the project page is over the limit of 67108864 bytes", ""},
		{"gzip in gzip", later(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip, gzip")
			pageOf("x")(w, r)
		}), 3, `content encoding "gzip, gzip"`, ""},
		{"error page that never ends", later(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			endless(simple, "", "", "a", 1<<30)(w, r)
		}), 3, "HTTP 400", ""},
		{"deep arrays", func() http.Handler { return text(`{"files": [{"hashes": {"x": ` + fill("[", 1<<20)) }, 3, "JSON nesting is over the limit of 64 levels", ""},
		{"deep objects", func() http.Handler { return text(fill(`{"a":`, 1<<20)) }, 3, "JSON nesting is over the limit of 64 levels", ""},
		{"deep in a key that nobody reads", func() http.Handler { return text(`{"files": [], "x": ` + fill("[", 1<<20)) }, 3, "JSON nesting is over the limit of 64 levels", ""},
		{"repeated key", func() http.Handler { return text(`{"files": [], "files": []}`) }, 3, "repeated key", ""},
		{"key in other letters", func() http.Handler { return text(`{"FILES": []}`) }, 3, `no key "files"`, ""},
		{"invalid UTF-8", func() http.Handler { return text("{\"files\": [{\"filename\": \"\xff\"}]}") }, 3, "not valid UTF-8", ""},
		{"ten million keys", func() http.Handler { return text(`{"files": [], ` + fill(`"":0,`, 60<<20) + `"a": 0}`) }, 1, "", ""},
		{"a string of 60 MiB", func() http.Handler { return text(`{"files": [], "x": "` + fill("\\n", 60<<20) + `"}`) }, 1, "", ""},
		{"two hundred thousand files", func() http.Handler {
			return text(`{"files": [` + strings.TrimSuffix(numbered(`{"filename": "demo-1.%d.tar.gz", "url": "x.tar.gz", "requires-python": "<2"},`, 200_000), ",") + `]}`)
		}, 3, "demo: 1000 releases have unusable metadata", ""},
		{"a million files", func() http.Handler { return text(`{"files": [` + fill(`{"url": "x"},`, 13_000_000) + `{}]}`) }, 3, "the project page is over the limit of 200000 files", ""},
		{"other type", func() http.Handler { return page(typed("application/octet-stream", files())) }, 3, `content type "application/octet-stream", want application/vnd.pypi.simple.v1+json or text/html`, ""},
		{"type with controls", func() http.Handler { return page(typed("x/\x1b[2J", files())) }, 3, "malformed MIME header", ""},
		{"login page", func() http.Handler { return page(typed(html, "<html><form><input type=password></form></html>")) }, 3, "a login page, not one of the Simple API", ""},
		{"login page as JSON", func() http.Handler { return page(pageOf("<html><form></html>")) }, 3, "JSON at byte 0", ""},
		{"page without type", later(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, files())
		}), 3, `content type "none"`, ""},
		{"page of another project", func() http.Handler { return text(`{"name": "evil\u001b[2J", "files": []}`) }, 3, `asked was "demo"`, ""},
		{"other version of the API", func() http.Handler { return text(`{"meta": {"api-version": "9` + inner + `"}, "files": []}`) }, 3, "is not known", ""},
		{"HTML bomb", func() http.Handler { return page(endless(html, "gzip", "", "<a href=x>", 20_000_000)) }, 3, "over the limit of", ""},
		{"a tag of 60 MiB", func() http.Handler { return page(endless(html, "", "<a href=", "a", 60<<20)) }, 3, "a tag of the page is over the limit of 1048576 bytes", ""},
		{"nested tags", func() http.Handler { return page(typed(html, "<title>Links for demo</title>"+fill("<div>", 10<<20))) }, 1, "", ""},
		{"base of another scheme", func() http.Handler {
			return page(typed(html, `<base href="javascript:alert(1)//"><a href="demo-1.0.tar.gz">x</a>`))
		}, 3, "base element: its address is neither http nor https", ""},
		{"scripts and addresses of other schemes", func() http.Handler {
			return page(typed(html, `<title>Links for demo</title><script>document.write('<a href="demo-3.0.tar.gz">x</a>')</script>
			<a href="javascript:alert('demo-1.0.tar.gz')">x</a><a href="data:,demo-1.0.tar.gz">x</a><a href="file:///etc/demo-1.0.tar.gz">x</a>`))
		}, 1, "", ""},
		// Files that are skipped.
		{"file of another project", func() http.Handler { return beside(record("evil-1.0-py3-none-any.whl", "")) }, 0, "", "demo==1.0"},
		{"all of another project", func() http.Handler { return text(files(record("evil-1.0-py3-none-any.whl", ""))) }, 1, "", ""},
		{"address in the file system", func() http.Handler {
			return beside(`{"filename": "demo-2.0-py3-none-any.whl", "url": "file:///etc/passwd"}`)
		}, 0, "", "demo==1.0"},
		{"address with credentials", func() http.Handler {
			return beside(`{"filename": "demo-2.0-py3-none-any.whl", "url": "https://a:b@evil.example/demo-2.0-py3-none-any.whl"}`)
		}, 0, "", "demo==1.0"},
		{"address with line feeds", func() http.Handler {
			return beside(`{"filename": "demo-2.0-py3-none-any.whl", "url": "http://127.0.0.1/x` + inner + `"}`)
		}, 0, "", "demo==1.0"},
		{"file name with line feeds", func() http.Handler {
			return beside(`{"filename": "demo-2.0` + inner + `-py3-none-any.whl", "url": "x"}`)
		}, 0, "", "demo==1.0"},
		{"version with line feeds", func() http.Handler { return beside(`{"filename": "demo-2.0+a` + inner + `.tar.gz", "url": "x"}`) }, 0, "", "demo==1.0"},
		{"version of 10,000 digits", func() http.Handler {
			return beside(`{"filename": "demo-` + fill("9", 10_000) + `-py3-none-any.whl", "url": "x"}`)
		}, 0, "", "demo==1.0"},
		{"file name of 30 MiB", func() http.Handler {
			return beside(`{"filename": "demo-2` + fill("9", 30<<20) + `.tar.gz", "url": "x"}`)
		}, 0, "", "demo==1.0"},
		{"address of 30 MiB", func() http.Handler {
			return beside(`{"filename": "demo-0.5.tar.gz", "url": "http://127.0.0.1/` + fill("9", 30<<20) + `"}`)
		}, 0, "", "demo==1.0"},
		{"Python of 30 MiB", func() http.Handler {
			return beside(`{"filename": "demo-2.tar.gz", "url": "x", "requires-python": "` + fill(">3,", 30<<20) + `"}`)
		}, 0, "", "demo==1.0"},
		{"malformed hash", func() http.Handler {
			return beside(`{"filename": "demo-2.tar.gz", "url": "x", "hashes": {"sha256": "00` + inner + `"}}`)
		}, 0, "", "demo==1.0"},
		{"upload time", func() http.Handler {
			return beside(`{"filename": "demo-0.5.tar.gz", "url": "x", "upload-time": "` + inner + `"}`)
		}, 0, "", "demo==1.0"},
		{"yanked for 30 MiB", func() http.Handler {
			return text(files(record(demoWheel, `, "yanked": "`+inner+fill("evil ", 30<<20)+`", "core-metadata": false`)))
		}, 1, "", ""},
		{"archived for 30 MiB", func() http.Handler {
			return text(`{"files": [], "project-status": {"status": "archived` + inner + `", "reason": "` + inner + fill("evil ", 30<<20) + `"}}`)
		}, 1, "", ""},
		// Transfers.
		{"redirects in a circle", func() http.Handler {
			return page(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
		}, 3, "more than 10 redirects", ""},
		{"redirect into the file system", func() http.Handler {
			return page(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
			})
		}, 3, `redirects to "file"`, ""},
		{"redirect with credentials", later(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://a:b@127.0.0.1:1/x", http.StatusFound)
		}), 3, "redirects to an address with credentials", ""},
		{"redirect with controls", later(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Location"] = []string{"http://127.0.0.1:1/\x1b[2J\xff"}
			w.WriteHeader(http.StatusFound)
		}), 3, "", ""},
		{"wrong hash of metadata", func() http.Handler {
			h := metadataIndex("", nil)
			h["/files/"+demoWheel+".metadata"] = typed("text/plain", demoText+"Requires-Dist: evil\n")
			return h
		}, 3, "SECURITY ERROR", ""},
		{"wrong hash of a source distribution", func() http.Handler {
			h := fileIndex("demo-1.0.tar.gz", tarOf(tarFile(sdistDir+"PKG-INFO", demoText)), nil)
			h["/files/demo-1.0.tar.gz"] = typed("application/x-tar", string(tarOf(tarFile(sdistDir+"PKG-INFO", demoText+"Requires-Dist: evil\n"))))
			return h
		}, 3, "SECURITY ERROR", ""},
		{"wrong hash of a wheel", func() http.Handler {
			h := wheelIndex(zipOf(zipMember{demoInfo, demoText}), nil)
			h["/files/"+demoWheel] = typed("application/zip", string(zipOf(zipMember{demoInfo, demoText + "Requires-Dist: evil\n"})))
			return h
		}, 3, "SECURITY ERROR", ""},
		// Wheels.
		{"METADATA twice", func() http.Handler {
			return wheelIndex(zipOf(zipMember{demoInfo, demoText}, zipMember{demoInfo, demoText}), nil)
		}, 1, "twice", ""},
		{"traversal in a wheel", func() http.Handler {
			return wheelIndex(zipOf(zipMember{demoInfo, demoText}, zipMember{"../../evil", ""}), nil)
		}, 1, "../../evil", ""},
		{"controls in a wheel", func() http.Handler {
			return wheelIndex(zipOf(zipMember{demoInfo, demoText}, zipMember{"../" + unsafe, ""}), nil)
		}, 1, "zip: entry named", ""},
		{"local name of another", func() http.Handler {
			return wheelIndex(bytes.Replace(zipOf(zipMember{demoInfo, demoText}), []byte(demoInfo), []byte("evil-1.0.dist-info/METADATA"), 1), nil)
		}, 1, "differently", ""},
		{"a million entries", func() http.Handler { return wheelIndex(manyEntries(1_000_000), nil) }, 1, "over the limit of", ""},
		{"200,000 entries", func() http.Handler { return wheelIndex(manyEntries(199_999), nil) }, 0, "", "demo==1.0"},
		{"METADATA 1000:1", func() http.Handler { return wheelIndex(zipOf(zipMember{demoInfo, demoText + fill("\n", 9<<20)}), nil) }, 1, "over the limit of 200 to 1", ""},
		{"METADATA of 300 MiB", func() http.Handler {
			return wheelIndex(zipOf(zipMember{demoInfo, demoText + fill("\n", 300<<20)}), nil)
		}, 1, "over the limit of 10485760 bytes", ""},
		{"300 MiB beside METADATA", func() http.Handler {
			return wheelIndex(zipOf(zipMember{"x", fill("\x00", 300<<20)}, zipMember{demoInfo, demoText}), nil)
		}, 0, "", "demo==1.0"},
		// Source distributions.
		{"tar bomb", func() http.Handler {
			return fileIndex("demo-1.0.tar.gz", tarOf(tarFile(sdistDir+"x", fill("\x00", 200<<20)), tarFile(sdistDir+"PKG-INFO", demoText)), nil)
		}, 1, "over the limit of 20 to 1", ""},
		{"a link for PKG-INFO", func() http.Handler {
			return fileIndex("demo-1.0.tar.gz", tarOf(tarMember{tar.Header{Name: sdistDir + "PKG-INFO", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""}), nil)
		}, 1, "not a regular file", ""},
		{"traversal in a tar", func() http.Handler {
			return fileIndex("demo-1.0.tar.gz", tarOf(tarFile("../../evil", ""), tarFile(sdistDir+"PKG-INFO", strings.Replace(demoText, "2.1", "2.2", 1))), nil)
		}, 0, "", "demo==1.0"},
		// Metadata.
		{"100,000 extras", func() http.Handler { return metadataIndex(numbered("Provides-Extra: e%d\n", 100_000), nil) }, 1, "more than 10000", ""},
		{"200,000 requirements", func() http.Handler { return metadataIndex(numbered("Requires-Dist: a%d\n", 200_000), nil) }, 1, "more than 100000", ""},
		{"10,000 requirements", func() http.Handler { return metadataIndex(numbered("Requires-Dist: a%d\n", 10_000), nil) }, 1, "", ""},
		{"100,000 requirements that do not apply", func() http.Handler {
			return metadataIndex(numbered("Requires-Dist: a%d; os_name == 'nt'\n", 100_000), nil)
		}, 0, "", "demo==1.0"},
		{"requirement of 10,000 digits", func() http.Handler { return metadataIndex("Requires-Dist: other>="+fill("9", 10_000)+"\n", nil) }, 1, "", ""},
		{"100,000 exclusions", func() http.Handler {
			return metadataIndex("Requires-Dist: other"+strings.TrimSuffix(numbered("!=%d,", 100_000), ",")+"\n", nil)
		}, 1, "", ""},
		{"1,000 exclusions", func() http.Handler {
			return metadataIndex("Requires-Dist: other"+strings.TrimSuffix(numbered("!=2.%d,", 1000), ",")+"\n", plainIndex(hostileIndex{}, "other"))
		}, 0, "", "other==1.0"},
		{"exponential marker", func() http.Handler {
			return metadataIndex("Requires-Dist: other; "+doubling+"\n", plainIndex(hostileIndex{}, "other"))
		}, 0, "", "demo==1.0"},
		{"deep marker", func() http.Handler {
			return metadataIndex("Requires-Dist: other; "+strings.Repeat("(", 10_000)+"os_name == 'a'"+strings.Repeat(")", 10_000)+"\n", nil)
		}, 1, "", ""},
		{"circles of packages and extras", func() http.Handler { return cycle }, 0, "", "other==1.0"},
		{"requirement that goes on", func() http.Handler {
			return metadataIndex("Requires-Dist: other\n  --index-url https://evil.example\n", nil)
		}, 1, "", ""},
		{"requirement with controls", func() http.Handler { return metadataIndex("Requires-Dist: other\x1b[2J\n", nil) }, 1, "", ""},
		{"requirement of a local file", func() http.Handler { return metadataIndex("Requires-Dist: other @ file:///etc/passwd\n", nil) }, 1, "", ""},
		{"requirement with credentials", func() http.Handler {
			return metadataIndex("Requires-Dist: other @ https://user:secret@evil.example/other-1.0-py3-none-any.whl\n", nil)
		}, 1, "", ""},
		{"extra with controls", func() http.Handler {
			return metadataIndex("Provides-Extra: a\x1b[2J\nRequires-Dist: other; extra == '\x1b[2J'\n", plainIndex(hostileIndex{}, "other"))
		}, 0, "", "demo==1.0"},
		{"metadata of 9 MiB on one line", func() http.Handler { return metadataIndex("Requires-Dist: "+fill("a", 9<<20)+"\n", nil) }, 1, "", ""},
		{"metadata of a field 9 MiB long", func() http.Handler { return metadataIndex("Requires-Dist: a"+fill("\n ", 9<<20)+"\n", nil) }, 1, "", ""},
	}
}

// slowCases are left to make hostile.
var slowCases = map[string]bool{
	"two hundred thousand files": true, "a million entries": true, "200,000 entries": true, "redirect with controls": true, "type with controls": true,
	"yanked for 30 MiB": true, "archived for 30 MiB": true, "address of 30 MiB": true, "Python of 30 MiB": true, "gzip bomb of spaces": true,
	"ten million keys": true, "a string of 60 MiB": true, "tar bomb": true, "100,000 requirements that do not apply": true, "metadata of 9 MiB on one line": true,
	"300 MiB beside METADATA": true, "METADATA of 300 MiB": true, "HTML bomb": true, "a tag of 60 MiB": true,
}

// hostileServer is the command that serves the case that its argument names, until its standard input ends. It is a
// process of its own: the peak memory of a command counts what its parent had when it was started.
const hostileServer = "hostile-index"

func runHostileServer() {
	for _, c := range hostileCases() {
		if c.name == os.Args[1] {
			server := httptest.NewUnstartedServer(c.index())
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.Start()
			fmt.Println(server.URL)
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}
	}
	os.Exit(1)
}

func serveHostile(t *testing.T, name string) (address string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), hostileServer)
	if err := os.Symlink(self, bin); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(bin, name)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	return address
}

// Whatever an index sends, a compile ends in time and within its memory, with one error that says why, or without the
// files that are at fault; the lock that was there stays as it was unless there is a new one.
func TestHostileIndex(t *testing.T) {
	bin := binary(t)
	const old = "demo==0.1 # mine\n"
	for _, tt := range hostileCases() {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && slowCases[tt.name] {
				t.Skip("takes seconds")
			}
			address := serveHostile(t, tt.name)
			dir := t.TempDir()
			for name, text := range map[string]string{"requirements.in": "demo\n", "requirements.lock": old} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r := run(t, bin, dir, address+"/simple/", "compile", "requirements.in", "-o", "requirements.lock", "--python-version=3.12", "-v")
			r.check(t)
			lock, err := os.ReadFile(filepath.Join(dir, "requirements.lock"))
			if err != nil {
				t.Fatal(err)
			}
			if r.code != tt.code || !strings.Contains(r.stderr, tt.want) {
				t.Errorf("exit code %d, want %d with %q: %.2000s", r.code, tt.code, tt.want, r.stderr)
			}
			if r.code != 0 && string(lock) != old {
				t.Errorf("the lock has become %q", lock)
			}
			if !strings.Contains(string(lock), tt.pins) || strings.Contains(string(lock), "index-url") || unprintable(string(lock)) != "" {
				t.Errorf("the lock is %q", lock)
			}
			for _, secret := range []string{"a:b@", "secret"} {
				if strings.Contains(r.stderr, secret) {
					t.Errorf("credentials in %s", r.stderr)
				}
			}
			t.Logf("%v, %d MiB: %.300s", r.took.Round(time.Millisecond), r.memory>>20, r.stderr)
		})
	}
}
