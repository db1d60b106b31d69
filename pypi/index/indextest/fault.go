package indextest

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
)

// A Fault is what is wrong with one answer; the zero Fault is none. Fields combine where that makes sense.
type Fault struct {
	Status       int    // answer with this status and a short text
	RetryAfter   string // Retry-After, as written
	Location     string // Location; Status 302 unless given
	Reset        bool   // drop the connection before any answer
	Truncate     int    // send this many bytes fewer than announced; all of them at most
	Unframed     bool   // announce no length, so that what Truncate left out is not missed
	ContentType  string
	ContentRange string // of a 206
	NoETag       bool
	Body         []byte // in place of the true body
	FlipByte     int    // invert the byte of this number (from 1; -1 is the last)
}

// Faults is a schedule: the fault of each request, where attempt counts from 1 the requests with its method, path and
// Range. It is called concurrently, so it must not keep state of its own without a lock.
type Faults func(r *http.Request, attempt int) Fault

// RandomFaults gives rate (0 to 1) of all requests one of kinds, by default those that a client must survive: 500, 502,
// 429 and 503 with Retry-After 0, a reset, a cut answer. The choice depends on seed, path, Range and attempt alone, not
// on the order of requests; no request fails at an attempt beyond most.
func RandomFaults(seed uint64, rate float64, most int, kinds ...Fault) Faults {
	if len(kinds) == 0 {
		kinds = []Fault{{Status: 500}, {Status: 502}, {Status: 429, RetryAfter: "0"}, {Status: 503, RetryAfter: "0"}, {Reset: true}, {Truncate: 1}}
	}
	return func(r *http.Request, attempt int) Fault {
		if attempt > most {
			return Fault{}
		}
		h := fnv.New64a()
		h.Write([]byte(r.Method + " " + r.URL.Path + " " + r.Header.Get("Range")))
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(attempt)))
		rng := rand.New(rand.NewPCG(seed, h.Sum64()))
		if rng.Float64() >= rate {
			return Fault{}
		}
		return kinds[rng.IntN(len(kinds))]
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
