package indextest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const fileMaxAge = "max-age=365000000, immutable, public"

// file answers /files/FILE and /files/FILE.metadata; nil for one that is not there.
func (h *Handler) file(s *store, r *http.Request, name string) *answer {
	if f := s.files[strings.TrimSuffix(name, ".metadata")]; f != nil && f.release.Unread {
		return plain(http.StatusNotImplemented, "not recorded")
	}
	if stem, ok := strings.CutSuffix(name, ".metadata"); ok {
		f := s.files[stem]
		if f == nil || !f.wheel || !h.profile.ServesMetadata(stem) {
			return nil
		}
		return h.immutable(newAnswer(http.StatusOK, "text/plain; charset=utf-8", f.build().metadata))
	}
	f := s.files[name]
	if f == nil {
		return nil
	}
	body := f.build().body
	a := h.immutable(newAnswer(http.StatusOK, "application/octet-stream", body))
	if h.profile.Caching {
		a.header.Set("ETag", `"`+f.md5+`"`)
	}
	if !h.profile.Ranges {
		return a
	}
	a.header.Set("Accept-Ranges", "bytes")
	spec := r.Header.Get("Range")
	if spec == "" || r.Header.Get("If-Range") != "" && r.Header.Get("If-Range") != a.header.Get("ETag") {
		return a
	}
	if strings.HasPrefix(spec, "bytes=-") && !h.profile.SuffixRanges {
		return plain(http.StatusNotImplemented, "unsupported client range")
	}
	first, last, ok := parseRange(spec, len(body))
	if !ok {
		return a
	}
	if first > last {
		a := plain(http.StatusRequestedRangeNotSatisfiable, "range not satisfiable")
		a.header.Set("Content-Range", fmt.Sprintf("bytes */%d", len(body)))
		return a
	}
	a.status, a.body = http.StatusPartialContent, body[first:last+1]
	a.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(body)))
	return a
}

func (h *Handler) immutable(a *answer) *answer {
	if h.profile.Caching {
		a.header.Set("Cache-Control", fileMaxAge)
	}
	return a
}

// parseRange reads one byte range of a body of n bytes. It is not ok where a server may ignore it (several ranges, not
// bytes, malformed); first > last where none of it is there.
func parseRange(spec string, n int) (first, last int, ok bool) {
	spec, ok = strings.CutPrefix(spec, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return 0, 0, false
	}
	number := func(s string) (int, bool) {
		v, err := strconv.ParseUint(s, 10, 62)
		return int(v), err == nil
	}
	if from == "" {
		count, ok := number(to)
		return max(0, n-count), n - 1, ok
	}
	first, ok = number(from)
	last = n - 1
	if to != "" {
		end, valid := number(to)
		ok = ok && valid && end >= first
		last = min(last, end)
	}
	return first, last, ok
}
