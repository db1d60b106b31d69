package cli

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/dist"
	"github.com/pylock-dev/pylock/pypi/index"
)

// changelogs finds, where asked to, the changelogs of what came or moved, in
// the metadata of the new versions. One that cannot be found out is left out
// with a warning: the differences are the same without it.
func (r *diffReport) changelogs(ctx context.Context, g *global, ds []*lockfile.Diff) (map[pypi.Name]string, error) {
	if !r.links {
		return nil, nil
	}
	pins := map[pypi.Name]*lockfile.Pin{}
	for _, d := range ds {
		for _, c := range d.Changes() {
			switch c.Kind {
			case lockfile.Added, lockfile.Upgraded, lockfile.Downgraded:
				if old := pins[c.Name]; old == nil || old.Version.Compare(c.After.Version) < 0 {
					pins[c.Name] = c.After
				}
			}
		}
	}
	if len(pins) == 0 {
		return nil, nil
	}
	client, err := g.indexClient()
	if err != nil {
		return nil, err
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		links  = map[pypi.Name]string{}
		failed []string
		why    error
	)
	for _, pin := range pins {
		wg.Go(func() {
			url, err := changelog(ctx, client, pin)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed, why = append(failed, string(pin.Name)), err
			} else if url != "" {
				links[pin.Name] = url
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if len(failed) > 0 {
		slices.Sort(failed)
		g.printer().warnf("no changelog of %s: %s", strings.Join(failed, ", "), why)
	}
	return links, nil
}

func changelog(ctx context.Context, client *index.Client, pin *lockfile.Pin) (string, error) {
	p, err := client.Version(ctx, pin.Name, pin.Version)
	if err != nil {
		return "", err
	}
	release := p.Release(pin.Version)
	if release == nil {
		return "", nil
	}
	m, err := client.Metadata(ctx, p, release)
	if err != nil {
		return "", err
	}
	return dist.Changelog(m.ProjectURLs), nil
}

// indexClient asks the indexes that the environment names, else PyPI.
func (g *global) indexClient() (*index.Client, error) {
	o := newOptions(g, false)
	if err := o.environment(); err != nil {
		return nil, err
	}
	s, err := o.indexSettings(project.IndexSettings{}, "")
	if err != nil {
		return nil, err
	}
	return o.client(s, nil)
}
