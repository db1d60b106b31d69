package resolver

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// A recording is a slice of the live index: testdata/index/recorded/NAME.txt.gz.
type recording struct {
	name   string
	whole  string // packages of which every release's metadata is there
	newest int    // how many it is of each other package that can be reached; 0 for what the resolver asked for
	pits   []pit
}

// A pit is a question that resolvers drown in.
type pit struct {
	asks string
	pins string // those that tell the answer; "" where there is none
	// At most so many are needed.
	documents, decisions, conflicts int
}

func (r recording) file() string { return "../testdata/index/recorded/" + r.name + ".txt.gz" }

func (p pit) request(t testing.TB) Request { return request(t, strings.Fields(p.asks)...) }

var recordings = []recording{
	{
		name:  "kubernetes-boto3",
		whole: "boto3 botocore s3transfer kubernetes urllib3 python-dateutil jmespath six", newest: 50,
		pits: []pit{{
			asks:      "docker>=7 redis>=5 structlog pydantic-settings kubernetes boto3",
			pins:      "kubernetes==37.0.1 boto3==1.44.8 botocore==1.44.8 python-dateutil==2.9.0.post0 urllib3==2.8.0 docker==7.2.0 redis==8.1.0",
			documents: 150, decisions: 60, conflicts: 10,
		}, {
			asks:      "boto3 urllib3<1.25.4",
			pins:      "boto3==1.15.18 botocore==1.18.18 urllib3==1.25.3",
			documents: 600, decisions: 800, conflicts: 700,
		}, {
			// No release of boto3 that moto admits goes with the newest kubernetes.
			asks:      "kubernetes moto",
			pins:      "kubernetes==37.0.1 moto==5.2.5 boto3==1.44.8 botocore==1.44.8 python-dateutil==2.9.0.post0",
			documents: 350, decisions: 800, conflicts: 250,
		}},
	},
	{
		name:  "starlette-fastapi",
		whole: "starlette fastapi pydantic pydantic-core", newest: 50,
		pits: []pit{{
			asks:      "starlette<=0.36.0 fastapi<=0.115.2",
			pins:      "starlette==0.35.1 fastapi==0.109.1",
			documents: 100, decisions: 60, conflicts: 30,
		}},
	},
	{
		name:  "sentry-kafka-schemas",
		whole: "sentry-kafka-schemas python-rapidjson", newest: 50,
		pits: []pit{{
			asks:      "sentry-kafka-schemas python-rapidjson",
			pins:      "sentry-kafka-schemas==3.0.2 python-rapidjson==1.25",
			documents: 20, decisions: 20, conflicts: 2,
		}},
	},
	{
		// The search ends at fastapi 0.120.0 and langchain 0.0.345: both are strode
		// over, and each is in the way of the other.
		name:  "fastapi-langchain",
		whole: "fastapi langchain langchain-core langchain-community langchain-text-splitters langsmith starlette pydantic anyio", newest: 20,
		pits: []pit{{
			asks:      "pydantic<2 fastapi>=0.120 langchain",
			pins:      "pydantic==1.10.27 fastapi==0.125.0 starlette==0.50.0 langchain==0.2.17 langchain-core==0.2.43 anyio==4.16.0",
			documents: 250, decisions: 600, conflicts: 200,
		}},
	},
	{
		name:  "airflow",
		whole: "apache-airflow apache-airflow-core",
		pits:  []pit{{asks: "apache-airflow[all] apache-airflow-providers-apache-beam>3.0.0", documents: 2000}},
	},
	{
		name: "bio-embeddings",
		pits: []pit{{asks: "bio_embeddings[all]", documents: 1000}},
	},
}

// load returns the recording as an index that refuses what was not recorded.
func (r recording) load(t testing.TB) *memory {
	t.Helper()
	u, err := indextest.LoadFile(r.file())
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory(t, u)
	m.partial = true
	return m
}

// maxExplanation is how many lines a person is asked to read.
const maxExplanation = 40

// TestRecorded holds what the pits cost, and that those without a solution end
// in an explanation that fits a screen.
func TestRecorded(t *testing.T) {
	for _, r := range recordings {
		m := r.load(t)
		for _, p := range r.pits {
			t.Run(p.asks, func(t *testing.T) {
				m.reads.Store(0)
				res, err := Resolve(t.Context(), m, p.request(t), nil)
				if n := int(m.reads.Load()); n > p.documents {
					t.Errorf("%d documents read, at most %d expected", n, p.documents)
				}
				var none *NoSolutionError
				switch {
				case errors.As(err, &none):
					if p.pins != "" {
						t.Fatalf("got no solution:\n%s", none)
					}
					if n := strings.Count(none.Error(), "\n") + 1; n > maxExplanation {
						t.Errorf("the explanation has %d lines:\n%s", n, none)
					}
					return
				case err != nil:
					t.Fatalf("%v; where it was not recorded, and the search is right to ask for it, use make record RECORDING=%s", err, r.name)
				case p.pins == "":
					t.Fatalf("got a solution: %s", pins(res))
				}
				t.Logf("%d decisions, %d conflicts, %d documents", res.Stats.Decisions, res.Stats.Conflicts, m.reads.Load())
				got := strings.Fields(pins(res))
				for _, want := range strings.Fields(p.pins) {
					if !slices.Contains(got, want) {
						t.Errorf("no %s in %s", want, got)
					}
				}
				if res.Stats.Decisions > p.decisions || res.Stats.Conflicts > p.conflicts {
					t.Errorf("%d decisions and %d conflicts, at most %d and %d expected", res.Stats.Decisions, res.Stats.Conflicts, p.decisions, p.conflicts)
				}
			})
		}
	}
}
