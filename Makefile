# The targets that a newcomer needs are demo and test; the rest are named in
# CONTRIBUTING.md.

GO        ?= go
BIN       := bin/pylock
# A module of its own, whose parsers no other command pays for.
DOCTOR    := cmd/pylock-doctor
FUZZTIME  ?= 200x
# The race detector needs a C compiler.
RACE      := $(shell command -v gcc >/dev/null 2>&1 || command -v cc >/dev/null 2>&1 && echo -race)
WORKFLOWS := $(wildcard .github/workflows/*.yml examples/*/.github/workflows/*.yml)
TOOL      := $(GO) tool -modfile=tools/go.mod

RECORDING ?= all

# Of bench: networks (1ms 10ms 40ms none), scenarios (all; a name may end in *),
# pairs of runs (0 is each scenario's own number), and what the index offers
# (pypi or mirror).
NET       ?= 1ms 10ms 40ms
BENCH     ?=
PAIRS     ?= 0
PROFILE   ?= pypi

.PHONY: build demo test lint unit fuzz-smoke bench bench-small bench-services bench-record bench-trim bench-go oracle survive hostile accept accept-environments accept-pylock accept-builds accept-sources servers docker-bench record clean

build: ## the command line and its doctor, in bin/; without C, which takes a millisecond less to start
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/pylock
	CGO_ENABLED=0 $(GO) build -C $(DOCTOR) -trimpath -o $(CURDIR)/$(BIN)-doctor .

demo: build ## lock the example service from the live index
	$(MAKE) -C examples/monorepo PYLOCK=$(CURDIR)/$(BIN) langgraph-lock
	@head -20 examples/monorepo/services/langgraph/requirements.lock

test: lint unit fuzz-smoke ## all that needs no network but Go's modules

lint:
	@out=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	  if [ -n "$$out" ]; then echo "gofmt these files:" $$out; exit 1; fi
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	cd $(DOCTOR) && $(GO) vet ./... && $(GO) tool -modfile=$(CURDIR)/tools/go.mod staticcheck ./...
	$(TOOL) actionlint -shellcheck= -pyflakes= $(WORKFLOWS)

unit: ## -short fixes the seed of the worlds of several targets; make oracle takes new ones
	$(GO) test -short -timeout=60m $(RACE) $$($(GO) list ./... | grep -v '/cmd/pylock$$')
	$(GO) test -short -timeout=60m ./cmd/pylock # processes of its own, ten times slower with the race detector
	cd $(DOCTOR) && $(GO) test -short -timeout=10m ./...

fuzz-smoke: ## every fuzz target for a moment
	GO="$(GO)" FUZZTIME=$(FUZZTIME) sh tools/fuzz-smoke.sh

bench: build ## by hand, minutes: pylock and uv in turn, on a replayed slice of the index; writes docs/benchmarks.md
	@[ -f .bench/slice.json.gz ] || $(MAKE) bench-record
	sh tools/bench.sh run $(BIN) -net "$(NET)" -only "$(BENCH)" -pairs $(PAIRS) -profile $(PROFILE) \
	  -results .bench/results.json -docs docs/benchmarks.md -chart docs/benchmarks.svg

bench-small: build ## the same on the slice that is committed; writes nothing
	sh tools/bench.sh run $(BIN) -small -slice testdata/bench/slice.json.gz -net "$(NET)" -only "$(BENCH)" -pairs $(PAIRS) -profile $(PROFILE)

bench-services: build ## by hand, minutes: up to 500 services of a synthetic repository; writes docs/benchmarks.md
	sh tools/bench.sh services $(BIN) -docs docs/benchmarks.md -chart docs/benchmarks-services.svg

docker-bench: build ## by hand, root, half an hour: builds the images of examples/monorepo and of what they were, without Docker; installs buildah and debootstrap by apt-get; writes docs/docker.md
	python3 tools/docker_bench $(BIN) --install --docs docs/docker.md --chart docs/docker.svg

bench-record: build ## by hand, live index: the slice that bench replays, anew
	sh tools/bench.sh record $(BIN)

bench-trim: build ## the slice that is committed, from that which bench-record wrote
	sh tools/bench.sh trim $(BIN)

bench-go: ## parsers, sets and the solver; docs/benchmarks.md has the figures
	$(GO) test -run='^$$' -bench=. -benchmem ./...

oracle: ## by hand, minutes: random universes against brute force
	$(GO) test ./resolver/pubgrub -run=BruteForce -v -timeout=1h -oracle.cases=1000000
	$(GO) test ./resolver -run=BruteForce -v -timeout=1h -oracle.cases=100000
	$(GO) test ./resolver -run='Changes|Reproduce|Creates|AnyOrder|Upgrade' -v -timeout=1h -oracle.cases=10000
	$(GO) test ./resolver -run='CheckAgainstResolution|FromPinsAgainstSearch' -v -timeout=1h -oracle.cases=100000

survive: ## by hand, minutes: a thousand schedules of faults a question, each ending in the same lock
	$(GO) test ./cmd/internal/cli -run='^TestSurvives$$' -v -timeout=1h -survive.seeds=1000

hostile: ## by hand, minutes: what an index or a repository may send to do harm, with the product's own binary
	$(GO) test ./cmd/pylock -run='^(TestHostileIndex|TestSmuggling)$$' -v -timeout=1h

accept: build ## by hand, live index: pins against uv's, pip accepts the locks
	sh tools/accept.sh $(BIN)

accept-environments: build ## by hand, live index: pip's resolver in every environment of a lock
	sh tools/accept-environments.sh $(BIN)

accept-pylock: build ## by hand, live index: packaging.pylock, pip and uv take a pylock.toml
	sh tools/accept-pylock.sh $(BIN)

accept-sources: build ## by hand, local servers: git, URL, path and workspace sources as uv and pip have them
	sh tools/accept-sources.sh $(BIN)

servers: build ## by hand: devpi, pypiserver and http.server from the index, on this machine
	sh tools/servers.sh $(BIN)

accept-builds: build ## by hand, live index: packages that have to be built, against uv's pins
	sh tools/accept-builds.sh $(BIN)

record: ## by hand, live index: the slices of it that tests resolve on, anew
	$(GO) test -tags live ./resolver -run='^TestRecord$$' -v -timeout=1h -args -record=$(RECORDING)

clean:
	rm -rf bin .venv .bench
