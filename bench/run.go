package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pylock-dev/pylock/bench/replay"
)

// A scenario is one kind of work, done by both tools in turn.
type scenario struct {
	name  string
	title string
	pairs int
	goal  float64 // how many times faster than uv pylock is to be; 0 for no goal

	input string // a service or a pit; "" is all services
	lock  bool   // there is a lock of the input as it was
	added bool   // the input has one more dependency than the lock
	// The cache holds what locking read before: nothing, the input as it was, the input as it is, or what the same
	// work left there when it was done before.
	cache  warmth
	do     work
	absent bool // of the small slice
}

type warmth int

const (
	cold warmth = iota
	warm
	warmAdded
	again
)

type work int

const (
	compile work = iota
	check
	start // --version
)

const theService = "services/langgraph"

func scenarios(repo *repository) []scenario {
	all := []scenario{
		{name: "version", title: "start-up: `--version`", pairs: 31, do: start},
		{name: "cold", title: "cold", pairs: 15, goal: 1.5, input: theService},
		{name: "ci", title: "cold, existing lock, one dependency added", pairs: 15, goal: 3, input: theService, lock: true, added: true, absent: true},
		{name: "check-cold", title: "`check`, cold, against uv's recompile", pairs: 15, goal: 4, input: theService, lock: true, do: check},
		{name: "check-warm", title: "`check`, warm, against uv's recompile", pairs: 15, goal: 5, input: theService, lock: true, cache: warm, do: check},
		{name: "check-again", title: "`check`, warm and done before, against uv's recompile", pairs: 15, goal: 5, input: theService, lock: true, cache: again, do: check},
		{name: "warm-added", title: "warm, one dependency added that is in the cache", pairs: 15, goal: 3, input: theService, lock: true, added: true, cache: warmAdded, absent: true},
		{name: "warm-new", title: "warm, one dependency added that is not", pairs: 15, input: theService, lock: true, added: true, cache: warm, absent: true},
		{name: "warm", title: "warm, no lock", pairs: 15, input: theService, cache: warm},
		{name: "unchanged", title: "warm, unchanged, first run with the lock", pairs: 15, goal: 5, input: theService, lock: true, cache: warm},
		{name: "unchanged-again", title: "warm, unchanged, done before", pairs: 15, goal: 5, input: theService, lock: true, cache: again},
		{name: "all-cold", title: fmt.Sprintf("all %d services, cold, against a run of uv for each", len(repo.services)), pairs: 5, goal: 5, absent: true},
		{name: "all-warm", title: fmt.Sprintf("all %d services, warm and unchanged, first run with the locks", len(repo.services)), pairs: 7, goal: 10, lock: true, cache: warm, absent: true},
		{name: "all-again", title: fmt.Sprintf("all %d services, warm and unchanged, done before", len(repo.services)), pairs: 7, goal: 10, lock: true, cache: again, absent: true},
		{name: "spawner", title: "worker-spawner (kubernetes and boto3), cold", pairs: 5, goal: 10, input: theSpawner, absent: true},
	}
	for _, p := range repo.pits {
		all = append(all, scenario{name: "pit-" + p.name, title: "pit: `" + p.asks + "`, cold", pairs: 3, input: p.input(), absent: true})
	}
	return all
}

// bench is the command run.
type bench struct {
	tools
	slice, profile, networks, only, work, monorepo string
	results, docs, chart                           string
	pairs                                          int
	small                                          bool

	repo     *repository
	server   *served
	both     []*tool
	prepared map[string]time.Time // caches, by folder
}

func (b *bench) flags(f *flag.FlagSet) {
	f.StringVar(&b.slice, "slice", ".bench/slice.json.gz", "the `file` to replay")
	f.StringVar(&b.profile, "profile", "pypi", "what the index offers: pypi or mirror")
	f.StringVar(&b.networks, "net", "1ms 10ms 40ms", "networks: none, 1ms, 10ms, 40ms")
	f.StringVar(&b.only, "only", "", "`names` of the scenarios; the start of one does; all when empty")
	f.IntVar(&b.pairs, "pairs", 0, "how many pairs of runs; 0 is the scenario's own `number`")
	f.BoolVar(&b.small, "small", false, "the slice is a small one: leave out what it does not have")
	f.StringVar(&b.work, "work", ".bench/work", "the `folder` to work in")
	f.StringVar(&b.monorepo, "monorepo", "examples/monorepo", "the `folder` of the services")
	f.StringVar(&b.results, "results", "", "the `file` of results, which those of this run are added to")
	f.StringVar(&b.docs, "docs", "", "the Markdown `file` whose section is written anew from the results")
	f.StringVar(&b.chart, "chart", "", "the SVG `file` to write")
}

func (b *bench) run(ctx context.Context) error {
	if err := b.find(); err != nil {
		return err
	}
	var err error
	if b.repo, err = newRepository(b.monorepo); err != nil {
		return err
	}
	if b.work, err = filepath.Abs(b.work); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(b.work), os.MkdirAll(b.work, 0o777)); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	ca := filepath.Join(b.work, "ca.pem")
	if b.server, err = startServer(serving{b.slice, b.profile, "none", ca}); err != nil {
		return err
	}
	defer b.server.close()
	b.prepared = map[string]time.Time{}
	for _, t := range []*tool{{name: "pylock", program: b.pylock}, {name: "uv", program: b.uv}} {
		home := filepath.Join(b.work, t.name)
		t.root, t.cache = filepath.Join(home, "repository"), filepath.Join(home, "cache")
		t.env = b.environment(b.server.Index, ca, home, t.cache)
		b.both = append(b.both, t)
	}
	head := heading{Date: today(), Machine: machine(), Pylock: b.version(ctx, b.pylock), UV: b.version(ctx, b.uv), Go: runtime.Version(), Slice: b.server.greeting}
	head.Slice.Index = ""
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		head.Load, _, _ = strings.Cut(string(text), " ")
	}
	least, err := (&tool{name: "true", program: "/usr/bin/env", env: []string{"PATH=/usr/bin:/bin"}}).run(ctx, b.work, "true")
	if err != nil {
		return err
	}
	head.Parent = least.Peak
	fmt.Printf("%s against %s\nslice of %s: %d packages, %d files, metadata of %d versions; profile %s\n%s; load %s; the least peak that can be measured is %s MiB\n\n",
		head.Pylock, head.UV, head.Slice.Recorded, head.Slice.Projects, head.Slice.Files, head.Slice.Texts, b.profile, head.Machine, head.Load, mebibytes(head.Parent))
	fmt.Print(consoleHead)
	measured := 0
	for _, net := range strings.Fields(b.networks) {
		n, err := replay.NetworkOf(net)
		if err != nil {
			return err
		}
		for _, s := range scenarios(b.repo) {
			if !b.chosen(s) || s.do == start && net != strings.Fields(b.networks)[0] {
				continue
			}
			r, err := b.measure(ctx, s, n)
			if err != nil {
				return fmt.Errorf("%s at %s: %w", s.name, net, err)
			}
			r.Date = head.Date
			measured++
			fmt.Print(r.console())
			// One by one, since a run is long and may be ended.
			if err := b.publish(head, r); err != nil {
				return err
			}
		}
	}
	if measured == 0 {
		return fmt.Errorf("no scenario is named %q", b.only)
	}
	return nil
}

// publish writes what is asked for of files.
func (b *bench) publish(head heading, r result) error {
	if b.results == "" {
		return nil
	}
	file, err := merge(b.results, head, r)
	if err != nil {
		return err
	}
	if b.chart != "" {
		if err := os.WriteFile(b.chart, file.svg(), 0o666); err != nil {
			return err
		}
	}
	if b.docs != "" {
		return writeSection(b.docs, "bench", file.markdown())
	}
	return nil
}

func (b *bench) chosen(s scenario) bool {
	if b.small && s.absent {
		return false
	}
	names := strings.Fields(b.only)
	return len(names) == 0 || slices.ContainsFunc(names, func(n string) bool {
		return s.name == n || strings.HasSuffix(n, "*") && strings.HasPrefix(s.name, strings.TrimSuffix(n, "*"))
	})
}

// measure runs both tools in turn: A B A B.
func (b *bench) measure(ctx context.Context, s scenario, n replay.Network) (result, error) {
	r := result{Name: s.name, Title: s.title, Goal: s.goal, Net: n.Name, Profile: b.profile}
	pairs := s.pairs
	if b.pairs > 0 {
		pairs = b.pairs
	}
	samples := map[string][]sample{}
	for i := range pairs + 1 {
		for _, t := range b.both {
			got, err := b.once(ctx, s, t, n)
			if err != nil {
				return r, err
			}
			c, err := b.server.counts()
			if err != nil {
				return r, err
			}
			got.Requests, got.Bytes = c.Requests, c.Bytes
			for _, m := range c.Missed {
				if !slices.Contains(r.Missed, t.name+" "+m) {
					r.Missed = append(r.Missed, t.name+" "+m)
				}
			}
			if !got.Solvable {
				if s.do == check && t.name == "pylock" {
					return r, fmt.Errorf("the check finds its own lock stale:\n%s", got.Complaint)
				}
				return r, fmt.Errorf("%s fails:\n%s", t.name, got.Complaint)
			}
			if i > 0 { // the first pair fills the server's own caches
				samples[t.name] = append(samples[t.name], got)
			}
		}
		if i == 0 && s.do != start {
			if err := b.compare(&r, s, n); err != nil {
				return r, err
			}
		}
	}
	r.summarize(samples["pylock"], samples["uv"])
	if s.cache == cold && s.do == compile && s.input != "" {
		r.Floor = time.Duration(r.Depth)*n.RoundTrip + n.Send(min(r.Pylock.Bytes, r.UV.Bytes))
	}
	return r, nil
}

// once makes the state that s starts from, and runs t.
func (b *bench) once(ctx context.Context, s scenario, t *tool, n replay.Network) (sample, error) {
	if err := errors.Join(os.RemoveAll(t.root), os.RemoveAll(t.cache)); err != nil {
		return sample{}, err
	}
	var base string
	if s.lock || s.cache != cold {
		var err error
		if base, err = b.prepare(ctx, s, t); err != nil {
			return sample{}, err
		}
	}
	if err := b.repo.write(t.root, false); err != nil {
		return sample{}, err
	}
	if s.added {
		if err := add(t.root, s.input); err != nil {
			return sample{}, err
		}
	}
	if s.lock {
		for _, input := range b.inputs(s) {
			text, err := os.ReadFile(filepath.Join(base, "locks", lockOf(input)))
			if err != nil {
				return sample{}, err
			}
			if err := os.WriteFile(filepath.Join(t.root, lockOf(input)), text, 0o666); err != nil {
				return sample{}, err
			}
		}
	}
	if s.cache != cold {
		// A tool that keeps no cache has made no folder.
		if err := copyTree(ctx, filepath.Join(base, "cache"), t.cache); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return sample{}, err
		}
	}
	if err := errors.Join(b.server.network(n.Name), b.server.reset()); err != nil {
		return sample{}, err
	}
	return b.perform(ctx, s, t)
}

// perform does the work of s once.
func (b *bench) perform(ctx context.Context, s scenario, t *tool) (sample, error) {
	switch {
	case s.do == start:
		return t.run(ctx, ".", "--version")
	case s.input == "":
		return t.compileAll(ctx, b.repo.services)
	case s.do == check:
		return t.check(ctx, s.input)
	}
	return t.compile(ctx, s.input)
}

func (b *bench) inputs(s scenario) []string {
	if s.input == "" {
		return b.repo.services
	}
	return []string{s.input}
}

// prepared caches are made anew before the server's pages are stale in them.
const fresh = 6 * time.Minute

// prepare locks the input of s as it was, and with the dependency added where the cache is to have that too. It returns
// a folder with the locks and the cache.
func (b *bench) prepare(ctx context.Context, s scenario, t *tool) (string, error) {
	name := fmt.Sprintf("%s-%s-%d-%d", t.name, strings.ReplaceAll(s.input, "/", "-"), s.cache, s.do)
	folder := filepath.Join(b.work, "prepared", name)
	if made, ok := b.prepared[folder]; ok && (s.cache == cold || time.Since(made) < fresh) {
		return folder, nil
	}
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o777), b.server.network("none")); err != nil {
		return "", err
	}
	lock := func() error {
		var got sample
		var err error
		if s.input == "" {
			got, err = t.compileAll(ctx, b.repo.services)
		} else {
			got, err = t.compile(ctx, s.input)
		}
		if err == nil && !got.Solvable {
			err = errors.New(got.Complaint)
		}
		return err
	}
	if err := errors.Join(b.repo.write(t.root, false), lock()); err != nil {
		return "", err
	}
	for _, input := range b.inputs(s) {
		text, err := os.ReadFile(filepath.Join(t.root, lockOf(input)))
		if err != nil {
			return "", err
		}
		to := filepath.Join(folder, "locks", lockOf(input))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o777), os.WriteFile(to, text, 0o666)); err != nil {
			return "", err
		}
	}
	if s.cache == warmAdded {
		if err := errors.Join(add(t.root, s.input), lock()); err != nil {
			return "", err
		}
	}
	if s.cache == again {
		if _, err := b.perform(ctx, s, t); err != nil {
			return "", err
		}
	}
	if err := copyTree(ctx, t.cache, filepath.Join(folder, "cache")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	b.prepared[folder] = time.Now()
	return folder, errors.Join(os.RemoveAll(t.root), os.RemoveAll(t.cache))
}

func copyTree(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "cp", "-a", from, to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	return nil
}

// compare reads what both tools have just written.
func (b *bench) compare(r *result, s scenario, n replay.Network) error {
	for _, input := range b.inputs(s) {
		ours, theirs := filepath.Join(b.both[0].root, lockOf(input)), filepath.Join(b.both[1].root, lockOf(input))
		different, err := differences(ours, theirs)
		if err != nil {
			return err
		}
		versions, _, err := pins(ours)
		if err != nil {
			return err
		}
		r.Pins += len(versions)
		r.Differences = append(r.Differences, different...)
		d, err := depth(ours)
		if err != nil {
			return err
		}
		r.Depth = max(r.Depth, d)
	}
	return nil
}

// machine describes where a run took place, without names.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores of %s", runtime.GOOS, runtime.NumCPU(), model)
}

// heading says what results have in common.
type heading struct {
	Date, Machine, Pylock, UV, Go string
	Slice                         greeting
	Load                          string // average over a minute when the run began
	Parent                        int64  // bytes of memory that every run's peak holds at least: those of this program
}

// resultFile is what .bench/results.json holds.
type resultFile struct {
	Heading heading
	Results []result
}

// merge adds a result to those of earlier runs on the same machine with the same slice and uv.
func merge(name string, head heading, new result) (*resultFile, error) {
	var old resultFile
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &old)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	all := map[string]result{}
	if old.Heading.Machine == head.Machine && old.Heading.UV == head.UV && old.Heading.Slice == head.Slice {
		for _, r := range old.Results {
			all[r.key()] = r
		}
	}
	all[new.key()] = new
	file := &resultFile{Heading: head, Results: slices.SortedFunc(maps.Values(all), result.compare)}
	text, err = json.MarshalIndent(file, "", " ")
	if err != nil {
		return nil, err
	}
	return file, errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, text, 0o666))
}
