package indextest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// fetch returns what a client without retries sees: the status, the body, and the first error.
func fetch(url, spec string) (*http.Response, []byte, error) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	if spec != "" {
		r.Header.Set("Range", spec)
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func TestFaults(t *testing.T) {
	s := Serve(t, sample, PyPI())
	url := s.URL + "/files/foo_bar-1.0-py3-none-any.whl"
	_, whole, err := fetch(url, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		fault Fault
		check func(resp *http.Response, body []byte, err error) bool
	}{
		{"status", Fault{Status: 503, RetryAfter: "7"}, func(resp *http.Response, _ []byte, err error) bool {
			return err == nil && resp.StatusCode == 503 && resp.Header.Get("Retry-After") == "7"
		}},
		{"redirect", Fault{Location: "http://other.test/"}, func(resp *http.Response, _ []byte, err error) bool {
			return err == nil && resp.StatusCode == 302 && resp.Header.Get("Location") == "http://other.test/"
		}},
		{"reset", Fault{Reset: true}, func(_ *http.Response, _ []byte, err error) bool { return err != nil }},
		{"truncate", Fault{Truncate: 10}, func(resp *http.Response, body []byte, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && resp.ContentLength == int64(len(whole)) && bytes.Equal(body, whole[:len(whole)-10])
		}},
		{"truncate all", Fault{Truncate: 1 << 40}, func(_ *http.Response, body []byte, err error) bool { return err != nil && len(body) == 0 }},
		{"unframed", Fault{Truncate: 10, Unframed: true}, func(resp *http.Response, body []byte, err error) bool {
			return err == nil && resp.ContentLength == -1 && bytes.Equal(body, whole[:len(whole)-10])
		}},
		{"content type", Fault{ContentType: "text/html", Body: []byte("log in")}, func(resp *http.Response, body []byte, err error) bool {
			return err == nil && resp.StatusCode == 200 && resp.Header.Get("Content-Type") == "text/html" && string(body) == "log in"
		}},
		{"first byte", Fault{FlipByte: 1}, func(_ *http.Response, body []byte, err error) bool {
			return err == nil && len(body) == len(whole) && body[0] == whole[0]^0xff && bytes.Equal(body[1:], whole[1:])
		}},
		{"last byte", Fault{FlipByte: -1}, func(_ *http.Response, body []byte, err error) bool {
			n := len(whole) - 1
			return err == nil && len(body) == n+1 && body[n] == whole[n]^0xff && bytes.Equal(body[:n], whole[:n])
		}},
		{"byte around the end", Fault{FlipByte: len(whole) + 2}, func(_ *http.Response, body []byte, err error) bool {
			return err == nil && len(body) == len(whole) && body[0] == whole[0] && body[1] == whole[1]^0xff
		}},
		{"other etag", Fault{ETag: `"x"`}, func(resp *http.Response, _ []byte, err error) bool {
			return err == nil && resp.StatusCode == 200 && resp.Header.Get("ETag") == `"x"`
		}},
		{"not modified, unasked", Fault{Status: 304}, func(resp *http.Response, body []byte, err error) bool {
			return err == nil && resp.StatusCode == 304 && len(body) == 0
		}},
		{"no etag", Fault{NoETag: true}, func(resp *http.Response, _ []byte, err error) bool {
			return err == nil && resp.Header.Get("ETag") == ""
		}},
	} {
		s.Reset()
		s.SetFaults(FailFirst(1, test.fault, nil))
		if resp, body, err := fetch(url, ""); !test.check(resp, body, err) {
			t.Errorf("%s: got %v, %d bytes, %v", test.name, resp, len(body), err)
		}
		if _, body, err := fetch(url, ""); err != nil || !bytes.Equal(body, whole) {
			t.Errorf("%s: the second attempt fails too: %v", test.name, err)
		}
	}
	s.Reset()
	s.SetFaults(FailFirst(1, Fault{ContentRange: "bytes 1-10/99"}, func(r *http.Request) bool { return r.Header.Get("Range") != "" }))
	resp, body, err := fetch(url, "bytes=0-9")
	if err != nil || resp.StatusCode != 206 || resp.Header.Get("Content-Range") != "bytes 1-10/99" || !bytes.Equal(body, whole[:10]) {
		t.Errorf("got %v, %q, %v", resp, body, err)
	}
	if _, again, err := fetch(s.URL+"/files/foo_bar-1.0-py3-none-any.whl", ""); err != nil || !bytes.Equal(again, whole) {
		t.Errorf("a fault damaged the file itself: %v", err)
	}
	s.SetFaults(nil)
	if resp, _, err := fetch(url, "bytes=0-9"); err != nil || resp.Header.Get("Content-Range") == "bytes 1-10/99" {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestRandomFaults(t *testing.T) {
	request := func(path string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, "http://index.test"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, b, other := RandomFaults(1, 0.2, 3), RandomFaults(1, 0.2, 3), RandomFaults(2, 0.2, 3)
	failed, differ := 0, 0
	for i := range 2000 {
		r := request("/files/" + itoa(i))
		for attempt := 1; attempt <= 4; attempt++ {
			f := a(r, attempt)
			if got := b(r, attempt); !same(got, f) {
				t.Fatalf("one seed, two faults: %+v and %+v", got, f)
			}
			if !same(f, Fault{}) {
				failed++
				if attempt > 3 {
					t.Errorf("attempt %d fails", attempt)
				}
			}
			if !same(f, other(r, attempt)) {
				differ++
			}
		}
	}
	if failed < 1000 || failed > 1400 || differ < 500 {
		t.Errorf("%d of 6000 fail, %d differ with the seed", failed, differ)
	}
	only := RandomFaults(1, 1, 1, Fault{FlipByte: 3})
	if got := only(request("/"), 1); got.FlipByte != 3 {
		t.Errorf("got %+v", got)
	}
}

func same(a, b Fault) bool {
	return a.Status == b.Status && a.RetryAfter == b.RetryAfter && a.Reset == b.Reset && a.Truncate == b.Truncate && a.FlipByte == b.FlipByte
}

// TestSlowFaults has answers that take their time, which is fake.
func TestSlowFaults(t *testing.T) {
	handler := sample.Handler(PyPI())
	get := func(t *testing.T, f Fault, patience time.Duration) (resp *http.Response, body []byte, took time.Duration, err error) {
		handler.Reset()
		handler.SetFaults(FailFirst(1, f, nil))
		synctest.Test(t, func(t *testing.T) {
			pipe, stop := ServePipe(t, handler)
			defer stop()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			r, requestErr := http.NewRequestWithContext(ctx, http.MethodGet, "http://index.test/files/foo_bar-1.0-py3-none-any.whl.metadata", nil)
			if requestErr != nil {
				t.Fatal(requestErr)
			}
			transport := &http.Transport{DialContext: pipe.Dial, DisableKeepAlives: true}
			start := time.Now()
			if resp, err = transport.RoundTrip(r); err == nil {
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			took = time.Since(start)
		})
		return resp, body, took, err
	}
	_, whole, _, err := get(t, Fault{}, time.Hour)
	if err != nil || len(whole) < 30 {
		t.Fatalf("got %q, %v", whole, err)
	}
	if resp, _, took, err := get(t, Fault{Mute: true}, time.Minute); resp != nil || err == nil || took != time.Minute {
		t.Errorf("mute: got %v, %v after %v", resp, err, took)
	}
	if _, body, took, err := get(t, Fault{Truncate: 10, Stall: true}, time.Minute); !bytes.Equal(body, whole[:len(whole)-10]) || err == nil || took != time.Minute {
		t.Errorf("stall: got %q, %v after %v", body, err, took)
	}
	if _, body, took, err := get(t, Fault{Drip: time.Second}, time.Hour); !bytes.Equal(body, whole) || err != nil || took != time.Duration(len(whole))*time.Second {
		t.Errorf("drip: got %q, %v after %v", body, err, took)
	}
	if _, body, _, err := get(t, Fault{Drip: time.Second}, 10500*time.Millisecond); len(body) != 10 || err == nil {
		t.Errorf("drip: got %q, %v", body, err)
	}
	resp, _, _, err := get(t, Fault{Status: 503, RetryDate: 7 * time.Second}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	date, err1 := http.ParseTime(resp.Header.Get("Date"))
	after, err2 := http.ParseTime(resp.Header.Get("Retry-After"))
	if err1 != nil || err2 != nil || after.Sub(date) != 7*time.Second {
		t.Errorf("Retry-After %v at %v", after, date)
	}
}

// TestOnceFaults gives a kind marked so at most once to the same request, and still to many requests.
func TestOnceFaults(t *testing.T) {
	faults := RandomFaults(1, 0.5, 7, Fault{Status: 500}, Fault{Mute: true, Once: true}, Fault{FlipByte: AnyByte, Once: true})
	mute, flipped := 0, map[int]bool{}
	for i := range 500 {
		r, err := http.NewRequest(http.MethodGet, "http://index.test/files/"+itoa(i), nil)
		if err != nil {
			t.Fatal(err)
		}
		mutes, flips := 0, 0
		for attempt := 1; attempt <= 7; attempt++ {
			switch f := faults(r, attempt); {
			case f.Mute:
				mutes++
			case f.FlipByte == AnyByte:
				t.Error("the place of the byte is not chosen")
			case f.FlipByte != 0:
				flips++
				flipped[f.FlipByte] = true
			}
		}
		if mutes > 1 || flips > 1 {
			t.Errorf("request %d: %d mute, %d flipped", i, mutes, flips)
		}
		mute += mutes
	}
	if mute < 200 || len(flipped) < 200 {
		t.Errorf("%d mute, %d bytes flipped", mute, len(flipped))
	}
}
