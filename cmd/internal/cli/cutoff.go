package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cutoff is the value of --exclude-newer. The text goes into the header of a
// lock as it was given, so that a span stays a span.
type cutoff struct {
	text string
	// At is a moment, or Span is how long before the run it is.
	at   time.Time
	span time.Duration
}

const day = 24 * time.Hour

// parseCutoff reads what uv reads: an RFC 3339 time, a date (the whole day is
// in, in UTC wherever it runs), a span ("7 days", "1w 2d", "P7D", "PT12H"), or
// "false" for none.
func parseCutoff(s string) (cutoff, error) {
	s = strings.TrimSpace(s)
	if s == "false" || s == "" {
		return cutoff{text: s}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "T", 1)); err == nil {
		return cutoff{text: s, at: t.UTC()}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return cutoff{text: s, at: t.AddDate(0, 0, 1)}, nil
	}
	d, err := parseSpan(s)
	if err != nil {
		return cutoff{}, err
	}
	return cutoff{text: s, span: d}, nil
}

// time returns the moment from which on files are hidden; zero for none.
func (c cutoff) time(now time.Time) time.Time {
	if c.span != 0 {
		return now.UTC().Add(-c.span)
	}
	return c.at
}

func spanUnit(s string) (time.Duration, bool) {
	switch s {
	case "w", "week", "weeks", "wk", "wks":
		return 7 * day, true
	case "d", "day", "days":
		return day, true
	case "h", "hour", "hours", "hr", "hrs":
		return time.Hour, true
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute, true
	case "s", "sec", "secs", "second", "seconds":
		return time.Second, true
	}
	return 0, false
}

// maxSpan bounds a span: a century.
const maxSpan = 36525 * day

func parseSpan(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a time: use a date (2026-03-24), a time (2026-03-24T12:00:00Z) or a span (7 days)", s)
	rest := strings.ToLower(s)
	date := true // before the T of ISO 8601, where M is a month
	iso := strings.HasPrefix(rest, "p")
	if iso {
		rest = rest[1:]
	}
	rest = strings.TrimSuffix(strings.TrimSpace(rest), " ago")
	var total time.Duration
	for rest = strings.TrimLeft(rest, " ,"); rest != ""; rest = strings.TrimLeft(rest, " ,") {
		if iso && date && rest[0] == 't' {
			date, rest = false, rest[1:]
			continue
		}
		i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if i <= 0 {
			return 0, bad
		}
		n, err := strconv.ParseInt(rest[:i], 10, 32)
		if err != nil {
			return 0, bad
		}
		rest = strings.TrimLeft(rest[i:], " ")
		if i = strings.IndexFunc(rest, func(r rune) bool { return r < 'a' || r > 'z' }); i < 0 {
			i = len(rest)
		}
		if iso {
			i = min(i, 1)
		}
		word := rest[:i]
		rest = rest[i:]
		unit, ok := spanUnit(word)
		switch {
		case strings.HasPrefix(word, "mo") || strings.HasPrefix(word, "y") || iso && date && word == "m":
			return 0, fmt.Errorf("%q: months and years differ in length; use days", s)
		case !ok || iso && date != (unit >= day):
			return 0, bad
		}
		if total += time.Duration(n) * unit; total > maxSpan || time.Duration(n) > maxSpan/unit {
			return 0, fmt.Errorf("%q is longer than a century", s)
		}
	}
	if total <= 0 {
		return 0, bad
	}
	return total, nil
}
