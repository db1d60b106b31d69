package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pylock-dev/pylock/cmd/pylock-doctor/internal/tree"
	"github.com/pylock-dev/pylock/lockfile"
	"github.com/pylock-dev/pylock/project"
)

var noBaseImage = Rule{
	Rule: lockfile.Rule{ID: "no-base-image", Severity: lockfile.Warning,
		Title: "several services install the same large set, each in an image of its own",
		Help:  "Make a base image (docker/base.Dockerfile) of what they have in common, and let their Dockerfiles start FROM it."},
	Reason: `A layer that several images have is built, stored, pushed and pulled once. Where each service starts from the public image
and installs the same packages by itself, each has them in a layer of its own.`,
	Cost: "the installation and the storage of the common packages once a service, in the place of once",
	Before: `# services/api/Dockerfile and services/worker/Dockerfile
FROM python:3.12-slim`,
	After: `# docker/base.Dockerfile, built as monorepo-base
FROM python:3.12-slim
# services/api/Dockerfile and services/worker/Dockerfile
FROM monorepo-base`,
	Lang: "dockerfile",
	find: findNoBaseImage,
}

const (
	// manyImages is how many images it takes, and manyPackages how many pins
	// they have to have in common.
	manyImages   = 3
	manyPackages = 15
	// Where there are no locks, requirements tell: of more images, which ask for
	// the same few packages, with all that these bring.
	manyProjects     = 5
	manyRequirements = 3
)

// based is a service and the stage that its Dockerfile begins with.
type based struct {
	from *tree.Stage
	name string
	has  []string // pins, or names of what is asked for
}

func findNoBaseImage(e *examiner) {
	locked, asking, ok := e.based()
	if !ok {
		return
	}
	if !e.inCommon(locked, manyImages, manyPackages, "pins") {
		e.inCommon(asking, manyProjects, manyRequirements, "requirements")
	}
}

// based are the services with an image, by their locks and by their projects; ok
// is false where one has a base that may be what they have in common.
func (e *examiner) based() (locked, asking []based, ok bool) {
	seen := map[string]bool{}
	for _, i := range e.shipped() {
		for _, s := range i.Final.Needs() {
			if s.Image != i || s.Base == nil && !s.Official() && s.External != "scratch" && !strings.Contains(s.External, "distroless") {
				return nil, nil, false
			}
		}
		if seen[i.Dockerfile.Path] || len(e.sites(i)) == 0 {
			continue
		}
		seen[i.Dockerfile.Path] = true
		if lock := e.serviceLock(i); lock != nil {
			b := based{from: i.Stages[0], name: path.Base(lock.Dir)}
			for _, p := range lock.Pins {
				b.has = append(b.has, string(p.Name)+"=="+p.Version.String())
			}
			locked = append(locked, b)
		}
		if p := e.tree.ProjectIn(path.Dir(i.Dockerfile.Path)); p != nil {
			b := based{from: i.Stages[0], name: path.Base(p.Dir)}
			for _, d := range p.Dependencies {
				if !e.tree.IsLocal(d.Name) {
					b.has = append(b.has, string(d.Name))
				}
			}
			asking = append(asking, b)
		}
	}
	return locked, asking, true
}

// inCommon reports services of which enough have enough in common.
func (e *examiner) inCommon(services []based, images, packages int, what string) bool {
	owners := map[string]int{}
	for _, s := range services {
		for _, p := range s.has {
			owners[p]++
		}
	}
	var common []string
	for p, n := range owners {
		if n >= images {
			common = append(common, p)
		}
	}
	if len(common) < packages {
		return false
	}
	var names []string
	var at project.Place
	for _, s := range services {
		n := 0
		for _, p := range s.has {
			if slices.Contains(common, p) {
				n++
			}
		}
		if 2*n < len(common) {
			continue
		}
		if at.File == "" {
			at = s.from.Place
		}
		names = append(names, s.name)
	}
	if len(names) < images {
		return false
	}
	e.add(at, "", fmt.Sprintf("%s have %d %s in common, and no base image", quoteList(names, 6), len(common), what))
	return true
}

// serviceLock is the lock that an image installs, or should.
func (e *examiner) serviceLock(i *tree.Image) *tree.Lock {
	for _, s := range e.sites(i) {
		if locks := e.locks(&s); len(locks) > 0 {
			return locks[0]
		}
	}
	for _, dir := range folders(i) {
		if locks := e.tree.LocksIn(dir); len(locks) > 0 && strings.HasPrefix(i.Dockerfile.Path, dir+"/") {
			return locks[0]
		}
	}
	return nil
}
