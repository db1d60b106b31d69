package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// The chart: for each scenario a bar for each tool, as long as the logarithm of its time.
const (
	chartWidth  = 960
	chartLabels = 390 // pixels for the names of scenarios
	chartRight  = 120 // pixels for figures beside a bar
	chartRow    = 42
	chartTop    = 74
	chartNet    = "10ms"
)

// svg draws the results of one network.
func (f *resultFile) svg() []byte {
	var rows []result
	for _, r := range f.Results {
		if r.Profile == "pypi" && (r.Net == chartNet || r.Name == "version") {
			rows = append(rows, r)
		}
	}
	var b bytes.Buffer
	height := chartTop + len(rows)*chartRow + 40
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<text x="16" y="26" font-size="16" font-weight="bold">Time of one run, median (logarithmic; shorter is better)</text>`+"\n")
	fmt.Fprintf(&b, `<text x="16" y="46" fill="#555">%s; 10 ms round trip, 1 Gbit/s; %s</text>`+"\n", html.EscapeString(f.Heading.UV), f.Heading.Date)
	least, most := time.Second, 10*time.Millisecond
	for _, r := range rows {
		least, most = min(least, r.Pylock.Wall, r.UV.Wall), max(most, r.Pylock.Wall, r.UV.Wall)
	}
	lo, hi := math.Floor(math.Log10(least.Seconds())), math.Log10(most.Seconds())
	at := func(d time.Duration) float64 {
		return (math.Log10(d.Seconds()) - lo) / (hi - lo) * (chartWidth - chartLabels - chartRight)
	}
	for e := lo; e <= hi; e++ {
		d := time.Duration(math.Pow(10, e) * 1e9)
		x := chartLabels + at(d)
		fmt.Fprintf(&b, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle" fill="#777" font-size="11">%s</text>`+"\n",
			x, chartTop-8, height-30, x, height-14, d)
	}
	for i, r := range rows {
		y := chartTop + i*chartRow
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", chartLabels-10, y+20, html.EscapeString(strings.ReplaceAll(r.Title, "`", "")))
		for j, bar := range []struct {
			s    summary
			fill string
			text string
		}{{r.Pylock, "#2b6cb0", fmt.Sprintf("%s, %.1f×", seconds(r.Pylock.Wall), r.PairRatio)}, {r.UV, "#d69e2e", seconds(r.UV.Wall)}} {
			w := at(bar.s.Wall)
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="14" fill="%s"/><text x="%.1f" y="%d" font-size="11">%s</text>`+"\n",
				chartLabels, y+2+j*16, w, bar.fill, chartLabels+w+5, y+13+j*16, bar.text)
		}
	}
	for i, l := range []struct{ fill, text string }{{"#2b6cb0", "pylock, and how many times faster"}, {"#d69e2e", "uv"}} {
		x := chartWidth - 330 + i*250
		fmt.Fprintf(&b, `<rect x="%d" y="52" width="12" height="12" fill="%s"/><text x="%d" y="63" font-size="12">%s</text>`+"\n", x, l.fill, x+17, l.text)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
