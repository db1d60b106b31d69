package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// teamHost is one host that has an index each for teams a and b, whose users
// differ.
type teamHost struct {
	*httptest.Server
	mu    sync.Mutex
	wrong []string // what came with another team's credentials
}

var teamUsers = map[string]string{"a": "alice:for-a", "b": "bob:for-b"}

func newTeamHost(t *testing.T) *teamHost {
	h := &teamHost{}
	handlers := map[string]http.Handler{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		team, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/team-"), "/")
		user, password, ok := r.BasicAuth()
		if ok && user+":"+password != teamUsers[team] {
			h.mu.Lock()
			h.wrong = append(h.wrong, r.URL.Path+" as "+user)
			h.mu.Unlock()
		}
		http.StripPrefix("/team-"+team, handlers[team]).ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	for team, text := range map[string]string{"a": "alpha 1\n  beta\n", "b": "beta 1\n"} {
		p := indextest.PyPI()
		p.User, p.Password, _ = strings.Cut(teamUsers[team], ":")
		p.FilesBase = h.URL + "/team-" + team
		handlers[team] = indextest.MustParse(text).Handler(p)
	}
	return h
}

// at is the address of a team's index, with its credentials where they are
// wanted.
func (h *teamHost) at(team string, full bool) string {
	u := h.URL + "/team-" + team + "/simple/"
	if full {
		u = strings.Replace(u, "://", "://"+teamUsers[team]+"@", 1)
	}
	return u
}

// TestTeams has two indexes of one host with a user each, from every source of
// credentials that knows an address.
func TestTeams(t *testing.T) {
	declared := func(h *teamHost, full bool) string {
		return fmt.Sprintf("[[tool.uv.index]]\nname = \"a\"\nurl = %q\n[[tool.uv.index]]\nname = \"b\"\nurl = %q\n", h.at("a", full), h.at("b", full))
	}
	tests := []struct {
		name  string
		plant func(w *secretWorld, h *teamHost) (args []string)
	}{
		{"flags", func(w *secretWorld, h *teamHost) []string {
			return []string{"--index", h.at("a", true), "-i", h.at("b", true)}
		}},
		{"variables of uv", func(w *secretWorld, h *teamHost) []string {
			w.env["UV_INDEX"], w.env["UV_DEFAULT_INDEX"] = h.at("a", true), h.at("b", true)
			return nil
		}},
		{"variables of pip", func(w *secretWorld, h *teamHost) []string {
			delete(w.env, "UV_DEFAULT_INDEX")
			w.env["PIP_EXTRA_INDEX_URL"], w.env["PIP_INDEX_URL"] = h.at("a", true), h.at("b", true)
			return nil
		}},
		{"table", func(w *secretWorld, h *teamHost) []string {
			w.table = declared(h, true)
			return nil
		}},
		{"table and variables of uv", func(w *secretWorld, h *teamHost) []string {
			w.table = declared(h, false)
			for _, team := range []string{"a", "b"} {
				user, password, _ := strings.Cut(teamUsers[team], ":")
				w.env["UV_INDEX_"+strings.ToUpper(team)+"_USERNAME"], w.env["UV_INDEX_"+strings.ToUpper(team)+"_PASSWORD"] = user, password
			}
			return nil
		}},
		{"table and variables of pylock", func(w *secretWorld, h *teamHost) []string {
			w.table = declared(h, false)
			for _, team := range []string{"a", "b"} {
				user, password, _ := strings.Cut(teamUsers[team], ":")
				w.env["PYLOCK_INDEX_"+strings.ToUpper(team)+"_USERNAME"], w.env["PYLOCK_INDEX_"+strings.ToUpper(team)+"_PASSWORD"] = user, password
			}
			return nil
		}},
		{"pip.conf", func(w *secretWorld, h *teamHost) []string {
			delete(w.env, "UV_DEFAULT_INDEX")
			w.conf("home/.config/pip/pip.conf", "[global]\nindex-url = "+h.at("b", true)+"\nextra-index-url = "+h.at("a", true)+"\n")
			return nil
		}},
		{"uv.toml", func(w *secretWorld, h *teamHost) []string {
			w.conf("home/.config/uv/uv.toml", strings.ReplaceAll(declared(h, true), "tool.uv.", ""))
			return nil
		}},
		{"table, and credentials of pip.conf", func(w *secretWorld, h *teamHost) []string {
			w.table = declared(h, false)
			w.conf("home/.config/pip/pip.conf", "[global]\nextra-index-url =\n  "+strings.TrimSuffix(h.at("b", true), "/")+"\n  "+h.at("a", true)+"\n")
			return nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, h := newSecretWorld(t), newTeamHost(t)
			args := tt.plant(w, h)
			for name, text := range w.files {
				w.write(t, name, text)
			}
			w.write(t, "svc/pyproject.toml", "[project]\nname = \"svc\"\nrequires-python = \">=3.12\"\ndependencies = [\"alpha\"]\n"+w.table)
			if code := w.run(append([]string{"compile", "svc", "-vv"}, args...)...); code != exitYes {
				t.Fatalf("exit code %d: %s", code, &w.out)
			}
			if code := w.run(append([]string{"check", "svc", "-vv", "--refresh"}, args...)...); code != exitYes {
				t.Errorf("exit code %d: %s", code, &w.out)
			}
			lock, err := os.ReadFile("svc/requirements.lock")
			if err != nil || !strings.Contains(string(lock), "alpha==1") || !strings.Contains(string(lock), "beta==1") {
				t.Errorf("%v: %s", err, lock)
			}
			if len(h.wrong) > 0 {
				t.Errorf("requests with another team's credentials: %v", h.wrong)
			}
			for _, user := range teamUsers {
				_, password, _ := strings.Cut(user, ":")
				if strings.Contains(string(lock)+w.out.String(), password) {
					t.Errorf("a password is in the lock or the output:\n%s\n%s", lock, &w.out)
				}
			}
		})
	}
}

// conf keeps a file to be written.
func (w *secretWorld) conf(name, text string) {
	if w.files == nil {
		w.files = map[string]string{}
	}
	w.files[filepath.ToSlash(name)] = text
}
