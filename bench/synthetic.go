package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/bench/replay"
)

// A synthetic repository: services over packages in layers, each of which needs packages of later layers. All is drawn
// from a fixed seed.
const seed = 6

// manyPackages are the packages of each layer.
var manyPackages = []int{900, 700, 300, 100}

// synthetic returns the packages and what each service asks for. There always is a solution: lower bounds lie below the
// newest major version, upper bounds right there.
func synthetic(layers []int, services int) (*replay.Slice, [][]string) {
	random := rand.New(rand.NewPCG(seed, 0))
	s := replay.NewSlice("never", "a synthetic repository")
	type pkg struct {
		name   string
		majors int
	}
	var all []pkg
	var first []int // package of each layer
	for _, n := range layers {
		first = append(first, len(all))
		for range n {
			all = append(all, pkg{fmt.Sprintf("package-%04d", len(all)), 2 + random.IntN(5)})
		}
	}
	// A few packages of a layer are everybody's, most are somebody's.
	draw := func(from, to int) pkg { return all[from+int(float64(to-from)*math.Pow(random.Float64(), 2.5))] }
	ask := func(p pkg) string {
		switch random.IntN(10) {
		case 0, 1, 2, 3:
			return p.name
		case 4:
			return fmt.Sprintf("%s>=1,<%d", p.name, p.majors)
		}
		return fmt.Sprintf("%s>=%d.%d", p.name, 1+random.IntN(p.majors-1), random.IntN(3))
	}
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, p := range all {
		layer := 0
		for layer+1 < len(first) && i >= first[layer+1] {
			layer++
		}
		var needs []string
		if layer+1 < len(layers) {
			for range random.IntN(5) {
				needs = append(needs, ask(draw(first[layer+1], len(all))))
			}
		}
		project := &replay.Project{Name: p.name, Title: p.name}
		texts := map[*replay.File]string{}
		minors := 3 + random.IntN(8)
		for major := 1; major <= p.majors; major++ {
			for minor := range minors {
				version := fmt.Sprintf("%d.%d.0", major, minor)
				stem := strings.ReplaceAll(p.name, "-", "_") + "-" + version
				uploaded := day.AddDate(0, (major*minors+minor)*60/(p.majors*minors+minors), i%28).Format("2006-01-02T15:04:05.000000Z")
				for _, name := range []string{stem + "-py3-none-any.whl", stem + ".tar.gz"} {
					sum := sha256.Sum256([]byte(name))
					h := hex.EncodeToString(sum[:])
					f := &replay.File{Name: name, Path: "packages/" + h[:2] + "/" + h[2:4] + "/" + h[4:] + "/" + name, SHA256: h,
						Size: 20_000 + random.Int64N(500_000), Uploaded: uploaded, RequiresPython: ">=3.9"}
					project.Files = append(project.Files, f)
					if f.Wheel() {
						var b strings.Builder
						fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: %s\nRequires-Python: >=3.9\n", p.name, version)
						for _, r := range needs {
							fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
						}
						b.WriteString("\n" + strings.Repeat("What this package is good for, at some length.\n", 1+i%80))
						texts[f] = b.String()
					}
				}
			}
		}
		s.AddProject(project)
		for f, text := range texts {
			s.AddMetadata(project, f, []byte(text))
		}
	}
	asks := make([][]string, services)
	for i := range asks {
		asked := map[string]bool{}
		for len(asks[i]) < 12 {
			p := draw(0, len(all))
			if !asked[p.name] {
				asked[p.name] = true
				asks[i] = append(asks[i], ask(p))
			}
		}
	}
	return s, asks
}

// manyServices are the numbers of services that are locked at once.
var manyServices = []int{10, 50, 100, 250, 500}

// mostUV is for how many services uv is run: its time for more is a matter of multiplying.
const mostUV = 100

// growth is the command services: time and memory of locking more and more services at once.
type growth struct {
	tools
	work, docs, chart string
	net               string
	runs              int
}

func (g *growth) flags(f *flag.FlagSet) {
	f.StringVar(&g.work, "work", ".bench/services", "the `folder` to work in")
	f.StringVar(&g.net, "net", "10ms", "none, 1ms, 10ms or 40ms")
	f.IntVar(&g.runs, "runs", 3, "how many runs of pylock to take the median of")
	f.StringVar(&g.docs, "docs", "", "the Markdown `file` whose section is written anew")
	f.StringVar(&g.chart, "chart", "", "the SVG `file` to write")
}

// point is the cost of a number of services.
type point struct {
	services, pins         int
	pylock, pylockWarm, uv summary
}

func (g *growth) run(ctx context.Context) error {
	if err := g.find(); err != nil {
		return err
	}
	work, err := filepath.Abs(g.work)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(work), os.MkdirAll(work, 0o777)); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	slice, ca := filepath.Join(work, "slice.json.gz"), filepath.Join(work, "ca.pem")
	services, err := synthesizeApart(ctx, slice)
	if err != nil {
		return err
	}
	server, err := startServer(serving{slice, "pypi", g.net, ca})
	if err != nil {
		return err
	}
	defer server.close()
	fmt.Printf("%d packages, %d files\n", server.Projects, server.Files)
	var points []point
	for _, n := range manyServices {
		p := point{services: n}
		for _, name := range []string{"pylock", "uv"} {
			if name == "uv" && n > mostUV {
				continue
			}
			t := &tool{name: name, program: g.pylock, root: filepath.Join(work, name), cache: filepath.Join(work, name+"-cache")}
			if name == "uv" {
				t.program = g.uv
			}
			t.env = g.environment(server.Index, ca, work, t.cache)
			names, err := writeServices(t.root, services[:n])
			if err != nil {
				return err
			}
			once := func() (sample, error) {
				for _, service := range names {
					if err := os.Remove(filepath.Join(t.root, lockOf(service))); err != nil && !os.IsNotExist(err) {
						return sample{}, err
					}
				}
				if err := server.reset(); err != nil {
					return sample{}, err
				}
				got, err := t.compileAll(ctx, names)
				if err == nil && !got.Solvable {
					err = errors.New(got.Complaint)
				}
				if err != nil {
					return got, err
				}
				c, err := server.counts()
				got.Requests, got.Bytes = c.Requests, c.Bytes
				return got, err
			}
			runs := g.runs
			if name == "uv" {
				runs = 1
			}
			var colds, warms []sample
			for range runs {
				if err := os.RemoveAll(t.cache); err != nil {
					return err
				}
				got, err := once()
				if err != nil {
					return err
				}
				colds = append(colds, got)
			}
			if name == "uv" {
				p.uv = summarize(colds)
				continue
			}
			for range runs {
				got, err := once()
				if err != nil {
					return err
				}
				warms = append(warms, got)
			}
			p.pylock, p.pylockWarm = summarize(colds), summarize(warms)
			for _, service := range names {
				versions, _, err := pins(filepath.Join(t.root, lockOf(service)))
				if err != nil {
					return err
				}
				p.pins += len(versions)
			}
		}
		points = append(points, p)
		fmt.Printf("%4d services, %6d pins: cold %s, %s MiB, %d requests; with a cache %s, %s MiB; uv %s, %d requests\n", n, p.pins,
			seconds(p.pylock.Wall), mebibytes(p.pylock.Peak), p.pylock.Requests, seconds(p.pylockWarm.Wall), mebibytes(p.pylockWarm.Peak),
			seconds(p.uv.Wall), p.uv.Requests)
	}
	if g.chart != "" {
		if err := os.WriteFile(g.chart, curve(points), 0o666); err != nil {
			return err
		}
	}
	if g.docs != "" {
		return writeSection(g.docs, "bench-services", growthTable(points, server.greeting))
	}
	return nil
}

// synthesize writes the packages to a file and what the services ask for, as JSON, to standard output.
func synthesize(slice string) error {
	s, services := synthetic(manyPackages, slices.Max(manyServices))
	if err := s.Save(slice); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(services)
}

// synthesizeApart is synthesize in a process of its own: the peak of each child holds at least that of this one.
func synthesizeApart(ctx context.Context, slice string) (services [][]string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self, "synthesize", "-out", slice)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, err
	}
	return services, json.Unmarshal(out, &services)
}

func writeServices(root string, services [][]string) ([]string, error) {
	if err := errors.Join(os.RemoveAll(root), os.MkdirAll(root, 0o777)); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(root, "pyproject.toml"), []byte("[tool.pylock]\nservices = [\"services/*\"]\npython-version = \"3.12\"\n"), 0o666); err != nil {
		return nil, err
	}
	var names []string
	for i, asks := range services {
		name := fmt.Sprintf("services/service-%03d", i)
		names = append(names, name)
		text := fmt.Sprintf("[project]\nname = \"service-%03d\"\nversion = \"1\"\nrequires-python = \">=3.12\"\ndependencies = [\n", i)
		for _, r := range asks {
			text += "    \"" + r + "\",\n"
		}
		if err := errors.Join(os.MkdirAll(filepath.Join(root, name), 0o777), os.WriteFile(filepath.Join(root, name, "pyproject.toml"), []byte(text+"]\n"), 0o666)); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func growthTable(points []point, g greeting) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s, %s, 10 ms round trip, 1 Gbit/s; %s packages with %s files; uv once for each service, one after the other with one cache.\n\n",
		today(), machine(), thousands(g.Projects), thousands(g.Files))
	b.WriteString("| services | pins | pylock, cold | a service | peak MiB | requests | with a cache | peak MiB | uv, cold | times faster |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range points {
		uv, times := "", ""
		if p.uv.Wall > 0 {
			uv, times = seconds(p.uv.Wall), fmt.Sprintf("%.1f", float64(p.uv.Wall)/float64(p.pylock.Wall))
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", p.services, thousands(p.pins), seconds(p.pylock.Wall),
			seconds(p.pylock.Wall/time.Duration(p.services)), mebibytes(p.pylock.Peak), thousands(p.pylock.Requests), seconds(p.pylockWarm.Wall),
			mebibytes(p.pylockWarm.Peak), uv, times)
	}
	return b.String()
}

// curve draws time, cold and with a cache, and memory by services, each over the same axis.
func curve(points []point) []byte {
	const width, height, left, right, top, bottom = 760, 380, 60, 70, 56, 44
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><text x="16" y="24" font-size="16" font-weight="bold">One pylock compile, by the number of services</text>`+"\n", width, height)
	var time1, memory float64
	for _, p := range points {
		time1 = max(time1, p.pylock.Wall.Seconds(), p.pylockWarm.Wall.Seconds())
		memory = max(memory, float64(p.pylock.Peak)/(1<<20), float64(p.pylockWarm.Peak)/(1<<20))
	}
	time1, memory = math.Ceil(time1), math.Ceil(memory/100)*100
	most := float64(points[len(points)-1].services)
	x := func(n int) float64 { return left + float64(n)/most*(width-left-right) }
	y := func(part float64) float64 { return top + (1-part)*(height-top-bottom) }
	for i := range 5 {
		part := float64(i) / 4
		fmt.Fprintf(&b, `<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.3g s</text><text x="%d" y="%.1f" fill="#718096">%.0f MiB</text>`+"\n",
			left, y(part), width-right, left-6, y(part)+4, time1*part, width-right+6, y(part)+4, memory*part)
	}
	for _, p := range points {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(p.services), height-bottom+18, p.services)
	}
	for i, line := range []struct {
		name, colour, dash string
		of                 func(point) float64
	}{
		{"time, cold", "#2b6cb0", "", func(p point) float64 { return p.pylock.Wall.Seconds() / time1 }},
		{"time, with a cache", "#38a169", "", func(p point) float64 { return p.pylockWarm.Wall.Seconds() / time1 }},
		{"peak memory, cold (right axis)", "#718096", ` stroke-dasharray="5 4"`, func(p point) float64 { return float64(p.pylock.Peak) / (1 << 20) / memory }},
	} {
		var path strings.Builder
		for j, p := range points {
			fmt.Fprintf(&path, "%c%.1f %.1f ", "ML"[min(j, 1)], x(p.services), y(line.of(p)))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(p.services), y(line.of(p)), line.colour)
		}
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.TrimSpace(path.String()), line.colour, line.dash)
		fmt.Fprintf(&b, `<text x="%d" y="44" fill="%s">%s</text>`+"\n", left+i*190, line.colour, line.name)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
