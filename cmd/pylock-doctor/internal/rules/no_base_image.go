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
)

func findNoBaseImage(e *examiner) {
	type service struct {
		image *tree.Image
		from  *tree.Stage
		lock  *tree.Lock
	}
	var services []service
	for _, i := range e.shipped() {
		own := func(s *tree.Stage) bool { return s.Image == i }
		if !slices.ContainsFunc(i.Final.Needs(), own) {
			continue
		}
		for _, s := range i.Final.Needs() {
			if !own(s) || s.External == "" && s.Base == nil {
				return // an image whose base is not known may be the base
			}
		}
		if lock := e.serviceLock(i); lock != nil && !slices.ContainsFunc(services, func(o service) bool { return o.lock == lock }) {
			services = append(services, service{i, i.Stages[0], lock})
		}
	}
	if len(services) < manyImages || slices.ContainsFunc(services, func(s service) bool { return !s.from.Official() }) {
		return
	}
	// The packages that three of them pin to one version.
	owners := map[string]int{}
	for _, s := range services {
		for _, p := range s.lock.Pins {
			owners[string(p.Name)+"=="+p.Version.String()]++
		}
	}
	var common []string
	for pin, n := range owners {
		if n >= manyImages {
			common = append(common, pin)
		}
	}
	if len(common) < manyPackages {
		return
	}
	slices.Sort(common)
	var names []string
	var at project.Place
	for _, s := range services {
		n := 0
		for _, p := range s.lock.Pins {
			if slices.Contains(common, string(p.Name)+"=="+p.Version.String()) {
				n++
			}
		}
		if 2*n < len(common) {
			continue
		}
		if at.File == "" {
			at = s.from.Place
		}
		names = append(names, path.Base(s.lock.Dir))
	}
	if len(names) < manyImages {
		return
	}
	e.add(at, "", fmt.Sprintf("%s have %d packages in common, and no base image", quoteList(names, 6), len(common)))
}

// serviceLock is the lock that an image installs, or should.
func (e *examiner) serviceLock(i *tree.Image) *tree.Lock {
	for _, s := range sites(i) {
		if locks := s.locks(e.tree); len(locks) > 0 {
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
