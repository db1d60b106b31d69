package index

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

var errLogin = errors.New("it holds a form and no files: a login page, not one of the Simple API; check the credentials in the index URL")

var errStrange = errors.New("it lists no files and does not look like a page of the Simple API; it may be an error or login page")

// scanSimpleHTML reads a project page of the Simple API in HTML (PEP 503, 592, 629, 658, 714, 792). It looks at tags
// alone, in order and without a tree: base, meta, a. Without its end tag a page may have been cut. A page without files
// is one of this API if it names the API's version, or in its title or heading itself a list of links.
func scanSimpleHTML(data []byte, b *pageBuilder) error {
	z := html.NewTokenizer(bytes.NewReader(data))
	z.SetMaxBuf(maxHTMLToken)
	based, form, ended, heading := false, false, false, false
	for {
		switch z.Next() {
		case html.ErrorToken:
			switch err := z.Err(); {
			case errors.Is(err, html.ErrBufferExceeded):
				// It may be a page of something else under the wrong type.
				return doubtfulError{&LimitError{"a tag of the page", maxHTMLToken, "bytes"}}
			case err != io.EOF:
				return err
			}
			switch {
			case len(b.files)+b.taken > 0 || b.known && !form:
			case form:
				return errLogin
			default:
				return errStrange
			}
			if !ended {
				// Where the transfer itself shows that nothing is missing, this is of no account.
				b.unended = true
			}
			return nil
		case html.EndTagToken:
			name, _ := z.TagName()
			if string(name) == "html" || string(name) == "body" {
				ended = true
			}
			heading = false
		case html.TextToken:
			if heading && !b.known {
				text := bytes.ToLower(z.Text())
				b.known = bytes.Contains(text, []byte("links for")) || bytes.Contains(text, []byte("simple index"))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			var err error
			switch string(name) {
			case "base":
				if !based && more {
					based, err = b.scanBase(z)
				}
			case "meta":
				err = b.scanMeta(z, more)
			case "form", "input":
				form = true
			case "title", "h1":
				heading = true
			case "a":
				if !more {
					continue
				}
				var r record
				switch {
				case !scanAnchor(z, &r):
				case b.each != nil:
					b.each(&r)
					b.taken++
				default:
					err = b.add(&r)
				}
			}
			if err != nil {
				return err
			}
		}
	}
}

// scanBase takes the first base element with an href.
func (b *pageBuilder) scanBase(z *html.Tokenizer) (bool, error) {
	for {
		key, value, more := z.TagAttr()
		if string(key) == "href" {
			href, _, err := b.links.resolve(bytes.TrimSpace(value))
			if err != nil {
				return false, errors.New("base element: " + err.Error())
			}
			u, err := url.Parse(string(href))
			if err != nil {
				return false, errLinkBroken
			}
			b.links.base = u
			return true, nil
		}
		if !more {
			return false, nil
		}
	}
}

func (b *pageBuilder) scanMeta(z *html.Tokenizer, more bool) error {
	var name, content string
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "name":
			name = strings.ToLower(string(value))
		case "content":
			content = string(value)
		}
	}
	switch name {
	case "pypi:repository-version":
		b.known = true
		return checkAPIVersion(content)
	case "pypi:project-status":
		b.status = content
	case "pypi:project-status-reason":
		b.statusReason = content
	}
	return nil
}

// scanAnchor reads a link to a file, and reports whether it is one. The file is named by the address, as installers
// do it, not by the text.
func scanAnchor(z *html.Tokenizer, r *record) bool {
	var core, legacy coreValue
	href := false
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "href":
			if !href {
				href = true
				r.url = bytes.Clone(bytes.TrimSpace(value))
			}
		case "data-requires-python":
			r.requiresPython = bytes.Clone(bytes.TrimSpace(value))
		case "data-yanked":
			r.yanked, r.yankedReason = true, bytes.Clone(value)
		case "data-core-metadata":
			core = coreAttribute(value)
		case "data-dist-info-metadata":
			legacy = coreAttribute(value)
		}
	}
	r.core, r.coreHash = core.or(legacy)
	path := r.url
	if i := bytes.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	path = path[bytes.LastIndexByte(path, '/')+1:]
	name, err := url.PathUnescape(string(path))
	r.filename = []byte(name)
	if err != nil {
		r.filename = path
	}
	// Links to other pages are no files left out.
	return href && len(path) > 0
}

// coreAttribute reads "true", "false" or sha256=….
func coreAttribute(value []byte) coreValue {
	text := strings.TrimSpace(string(value))
	if strings.EqualFold(text, "false") {
		return coreValue{state: CoreAbsent}
	}
	v := coreValue{state: CoreAdvertised}
	if hash, ok := strings.CutPrefix(text, "sha256="); ok {
		v.hash = []byte(hash)
	}
	return v
}
