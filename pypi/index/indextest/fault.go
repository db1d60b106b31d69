package indextest

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// A Fault is what is wrong with one answer; the zero Fault is none. Fields combine where that makes sense.
type Fault struct {
	Status       int           // answer with this status and a short text
	RetryAfter   string        // Retry-After, as written
	RetryDate    time.Duration // Retry-After as a date, so far from the server's clock
	Location     string        // Location; Status 302 unless given
	Reset        bool          // drop the connection before any answer
	Mute         bool          // answer nothing at all, until the client leaves
	Truncate     int           // send this many bytes fewer than announced; all of them at most
	Unframed     bool          // announce no length, so that what Truncate left out is not missed
	Stall        bool          // keep the connection open where Truncate cuts, until the client leaves
	Drip         time.Duration // wait so long before each byte of the body
	ContentType  string
	ContentRange string // of a 206
	ETag         string // in place of the true one
	NoETag       bool
	Body         []byte // in place of the true body
	FlipByte     int    // invert the byte of this number (from 1; -1 is the last) of the body as sent, around the end and on

	// Once has RandomFaults choose this kind at most once for the same request. It is for what a client cannot tell
	// from the index's last word: where a login page comes again, it is one.
	Once bool
}

// AnyByte is a FlipByte for which RandomFaults puts a place that depends on its seed.
const AnyByte = math.MaxInt

// Faults is a schedule: the fault of each request, where attempt counts from 1 the requests with its method, path and
// Range. It is called concurrently, so it must not keep state of its own without a lock.
type Faults func(r *http.Request, attempt int) Fault

// RandomFaults gives rate (0 to 1) of all requests one of kinds, by default [PlainFaults]. The choice depends on seed,
// method, path, Range and attempt alone, not on the order of requests; no request fails at an attempt beyond most.
func RandomFaults(seed uint64, rate float64, most int, kinds ...Fault) Faults {
	if len(kinds) == 0 {
		kinds = PlainFaults()
	}
	return func(r *http.Request, attempt int) Fault {
		if attempt > most {
			return Fault{}
		}
		h := fnv.New64a()
		h.Write([]byte(r.Method + " " + r.URL.Path + " " + r.Header.Get("Range")))
		key := h.Sum64()
		// Each attempt is drawn anew, after those before it, to know what they were given.
		left := slices.Clone(kinds)
		for n := 1; ; n++ {
			rng := rand.New(rand.NewPCG(seed, key^uint64(n)<<32))
			if rng.Float64() >= rate || len(left) == 0 {
				if n == attempt {
					return Fault{}
				}
				continue
			}
			i := rng.IntN(len(left))
			f := left[i]
			if n == attempt {
				if f.FlipByte == AnyByte {
					f.FlipByte = 1 + rng.IntN(1<<30)
				}
				return f
			}
			if f.Once {
				left = slices.Delete(left, i, i+1)
			}
		}
	}
}

// PlainFaults are those that come and go on any network, and say what they are: 500, 502, 429 and 503 with Retry-After
// 0, a reset, a cut answer.
func PlainFaults() []Fault {
	return []Fault{
		{Status: 500}, {Status: 502}, {Status: 429, RetryAfter: "0"}, {Status: 503, RetryAfter: "0"}, {Reset: true}, {Truncate: 1},
	}
}

// HardFaults are those that take time, and those that are not what they look like. A test whose clock is real waits
// for the former. A flipped byte is among them: a schedule gives it to answers alone whose bytes a client can verify.
func HardFaults() []Fault {
	login := []byte("<html><head><title>Sign in</title></head><body><form action=/login><input name=password></form></body></html>")
	return []Fault{
		{Status: 429, RetryAfter: "1"}, {Status: 503, RetryDate: 2 * time.Second},
		{Mute: true, Once: true}, {Truncate: 1 << 40, Stall: true, Once: true},
		{Drip: 3 * time.Second, Once: true},
		{Truncate: 7, Unframed: true},
		{ContentRange: "bytes 0-0/1"}, {ETag: `"stale"`}, {Status: http.StatusNotModified, Once: true},
		{FlipByte: AnyByte, Once: true},
		{ContentType: "text/html", Once: true}, {ContentType: "application/octet-stream", Once: true},
		{ContentType: "text/html; charset=utf-8", Body: login, Once: true},
	}
}

// FailFirst fails the first n attempts of each request for which match holds (nil: every one) with f.
func FailFirst(n int, f Fault, match func(*http.Request) bool) Faults {
	return func(r *http.Request, attempt int) Fault {
		if attempt > n || match != nil && !match(r) {
			return Fault{}
		}
		return f
	}
}
