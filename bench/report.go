package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/bench/replay"
)

// summary is what the runs of one tool have in common: medians.
type summary struct {
	Wall, Least, Most time.Duration
	CPU               time.Duration
	Peak              int64
	Requests          int
	Bytes             int64
}

// result is a scenario on one network.
type result struct {
	Name, Title, Net, Profile, Date string

	Goal        float64
	Pairs       int
	Pylock, UV  summary
	Ratio       float64 // of the medians of time, uv's by pylock's
	PairRatio   float64 // median of the pairs' ratios
	Floor       time.Duration
	Depth, Pins int
	Differences []string
	Missed      []string // what a tool asked for and the slice does not have
}

func (r *result) key() string {
	return strings.Join([]string{r.Profile, r.Net, r.Name}, " ")
}

// compare orders by profile, PyPI's first, then network, then as the scenarios are listed.
func (r result) compare(o result) int {
	nets, list := replay.Networks(), scenarios(&repository{pits: pits})
	net := func(r result) int {
		return slices.IndexFunc(nets, func(n replay.Network) bool { return n.Name == r.Net })
	}
	place := func(r result) int {
		return slices.IndexFunc(list, func(s scenario) bool { return s.name == r.Name })
	}
	return cmp.Or(-cmp.Compare(r.Profile, o.Profile), cmp.Compare(net(r), net(o)), cmp.Compare(place(r), place(o)))
}

func median[T int | int64 | float64 | time.Duration](values []T) T {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func pick[T any](samples []sample, of func(sample) T) []T {
	var out []T
	for _, s := range samples {
		out = append(out, of(s))
	}
	return out
}

func summarize(samples []sample) summary {
	walls := pick(samples, func(s sample) time.Duration { return s.Wall })
	return summary{
		Wall: median(walls), Least: slices.Min(walls), Most: slices.Max(walls),
		CPU:      median(pick(samples, func(s sample) time.Duration { return s.CPU })),
		Peak:     median(pick(samples, func(s sample) int64 { return s.Peak })),
		Requests: median(pick(samples, func(s sample) int { return s.Requests })),
		Bytes:    median(pick(samples, func(s sample) int64 { return s.Bytes })),
	}
}

// summarize takes the runs of both tools, pair by pair.
func (r *result) summarize(pylock, uv []sample) {
	r.Pairs = len(pylock)
	r.Pylock, r.UV = summarize(pylock), summarize(uv)
	r.Ratio = float64(r.UV.Wall) / float64(r.Pylock.Wall)
	var ratios []float64
	for i := range pylock {
		ratios = append(ratios, float64(uv[i].Wall)/float64(pylock[i].Wall))
	}
	r.PairRatio = median(ratios)
}

func seconds(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 0.02:
		return fmt.Sprintf("%.1f ms", s*1e3)
	case s < 1:
		return fmt.Sprintf("%.0f ms", s*1e3)
	case s < 100:
		return fmt.Sprintf("%.2f s", s)
	default:
		return fmt.Sprintf("%.0f s", s)
	}
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }

func mebibytes(n int64) string { return fmt.Sprintf("%.0f", float64(n)/(1<<20)) }

const consoleHead = "network scenario                    pairs     pylock         uv  ratio  pairs'  requests    MB              peak MiB   floor\n"

func (r *result) console() string {
	var b strings.Builder
	floor := ""
	if r.Floor > 0 {
		floor = seconds(r.Floor)
	}
	fmt.Fprintf(&b, "%-7s %-27s %5d %10s %10s %6.2f %6.2f %5d/%-5d %6s/%-6s %5s/%-5s %8s\n", r.Net, r.Name, r.Pairs,
		seconds(r.Pylock.Wall), seconds(r.UV.Wall), r.Ratio, r.PairRatio, r.Pylock.Requests, r.UV.Requests,
		megabytes(r.Pylock.Bytes), megabytes(r.UV.Bytes), mebibytes(r.Pylock.Peak), mebibytes(r.UV.Peak), floor)
	for _, d := range r.Differences {
		fmt.Fprintf(&b, "        differs: %s\n", d)
	}
	for i, m := range r.Missed {
		if i == 5 {
			fmt.Fprintf(&b, "        and %d more\n", len(r.Missed)-i)
			break
		}
		fmt.Fprintf(&b, "        NOT RECORDED, which spoils the figure: %s\n", m)
	}
	return b.String()
}

// goals says which of the goals of the work are met. They are for the network of 10 ms, but for the cold run's.
func (r *result) goals() []string {
	verdict := func(goal string, met bool) string {
		if met {
			return goal + ": met"
		}
		return goal + ": **missed**"
	}
	var out []string
	if r.Profile != "pypi" {
		return nil
	}
	faster := r.Goal
	if r.Name == "cold" && r.Net == "40ms" {
		faster = 1.3
	} else if r.Net != "10ms" {
		faster = 0
	}
	if faster > 0 {
		out = append(out, verdict(fmt.Sprintf("%g times", faster), r.PairRatio >= faster))
	}
	switch {
	case r.Name == "version":
		out = append(out, verdict("5 ms", r.Pylock.Wall <= 5*time.Millisecond))
	case r.Net == "10ms" && r.Name == "cold":
		out = append(out, verdict("requests as uv", r.Pylock.Requests <= r.UV.Requests))
		fallthrough
	case r.Net == "10ms" && r.Name == "unchanged":
		out = append(out, verdict("memory as uv", r.Pylock.Peak <= r.UV.Peak))
	}
	return out
}

// writeSection replaces what stands between two marks of a Markdown file.
func writeSection(file, name, content string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := fmt.Sprintf("<!-- written by make %s, from here -->", name), fmt.Sprintf("<!-- make %s: to here -->", name)
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no section between %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+"\n\n"+content+"\n"+end+after), 0o666)
}

func (f *resultFile) markdown() string {
	var b strings.Builder
	h := f.Heading
	fmt.Fprintf(&b, "Measured on %s with %s, %s, on %s.\nSlice of the index of %s: %s packages with %s files, the metadata of %s versions.\n",
		h.Date, h.Pylock, h.UV, h.Machine, h.Slice.Recorded, thousands(h.Slice.Projects), thousands(h.Slice.Files), thousands(h.Slice.Texts))
	fmt.Fprintf(&b, "Peak memory below %s MiB cannot be measured.\n", mebibytes(h.Parent))
	var profile, net string
	for _, r := range f.Results {
		if r.Profile != profile || r.Net != net {
			profile, net = r.Profile, r.Net
			n, err := replay.NetworkOf(net)
			if err != nil {
				continue
			}
			like := "behaves like PyPI"
			if profile == "mirror" {
				like = "behaves like a plain mirror"
			}
			fmt.Fprintf(&b, "\n### %s round trip, %s, an index that %s\n\n", n.RoundTrip, bandwidth(n), like)
			b.WriteString("| work | pairs | pylock | uv | times faster: of medians, of pairs | goal | processor time | requests | MB | peak MiB | floor |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
		}
		goal, floor := strings.Join(r.goals(), "; "), ""
		if r.Floor > 0 {
			floor = seconds(r.Floor)
		}
		note := ""
		if len(r.Missed) > 0 {
			note = " (not valid: part was not recorded)"
		}
		fmt.Fprintf(&b, "| %s%s | %d | %s | %s | %.2f, %.2f | %s | %s / %s | %d / %d | %s / %s | %s / %s | %s |\n", r.Title, note, r.Pairs,
			seconds(r.Pylock.Wall), seconds(r.UV.Wall), r.Ratio, r.PairRatio, goal, seconds(r.Pylock.CPU), seconds(r.UV.CPU), r.Pylock.Requests, r.UV.Requests,
			megabytes(r.Pylock.Bytes), megabytes(r.UV.Bytes), mebibytes(r.Pylock.Peak), mebibytes(r.UV.Peak), floor)
	}
	b.WriteString("\nPins and hashes:")
	seen := map[string]bool{}
	same := true
	for _, r := range f.Results {
		if len(r.Differences) == 0 || seen[r.Name] {
			continue
		}
		if same {
			b.WriteString(" the same from both in all scenarios but these.\n\n")
		}
		seen[r.Name], same = true, false
		fmt.Fprintf(&b, "- %s (%d pins): %s\n", r.Title, r.Pins, strings.Join(r.Differences, "; "))
	}
	if same {
		b.WriteString(" the same from both in all scenarios.\n")
	}
	return b.String()
}

func bandwidth(n replay.Network) string {
	switch {
	case n.Bandwidth == 0:
		return "no limit of bandwidth"
	case n.Bandwidth >= 1e9:
		return fmt.Sprintf("%g Gbit/s", n.Bandwidth/1e9)
	}
	return fmt.Sprintf("%g Mbit/s", n.Bandwidth/1e6)
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
