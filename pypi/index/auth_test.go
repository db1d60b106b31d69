package index

import (
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// userOf is who an Authorization names, with the password.
func userOf(t *testing.T, auth string) string {
	t.Helper()
	if auth == "" {
		return ""
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(auth, "Basic "))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPlaces asks which credentials go to an address that an index names: those of the longest path that holds it.
func TestPlaces(t *testing.T) {
	find := Finder{
		Netrc: func(host string, own bool) (user, password string, ok bool) {
			return "net", "rc", host == "netrc.test" || host == "files.test" && !own
		},
		Keyring: func(address, user string) (string, string, bool) {
			switch {
			case user == "key" && address == "https://ring.test/a/simple/":
				return user, "ring", true
			case user == "" && address == "https://always.test/simple":
				return "found", "ring", true
			}
			return "", "", false
		},
	}
	c, _ := newTestClient(t, Options{
		DefaultIndex: "https://open.test/simple/",
		ExtraIndexes: []string{
			"https://alice:a@corp.test/team-a/simple", "https://bob:b@corp.test/team-b/simple/", "https://corp.test/team-b/inner/simple",
			"https://shut:x@corp.test/team-b/shut/simple/", "https://netrc.test/simple/", "https://key@ring.test/a/simple/",
			"https://token@ring.test/b/simple", "https://always.test/simple", "https://bob@corp.test/team-b/more/simple",
			"https://corp.test:8443/team-a/simple", "https://corp.test/public/simple",
		},
		Links:       []Links{{Address: "https://lin:ks@corp.test/links/page.html"}},
		Credentials: []string{"https://conf:ig@other.test/pypi/simple", "https://carol:c@corp.test/team-c"},
		Rules: map[string]Rules{
			"https://shut:x@corp.test/team-b/shut/simple/": {Authenticate: AuthNever},
			"https://always.test/simple":                   {Authenticate: AuthAlways},
		},
		Finder: find,
	})
	index := func(display string) *repository {
		for _, r := range c.all {
			if r.display == display {
				return r
			}
		}
		t.Fatalf("no index %s", display)
		return nil
	}
	const a, b, open = "https://corp.test/team-a/simple", "https://corp.test/team-b/simple/", "https://open.test/simple/"
	for _, tt := range []struct{ home, url, want string }{
		{a, "https://corp.test/team-a/simple/demo/", "alice:a"},
		{a, "https://corp.test/team-a/pypi/demo/json", "alice:a"},
		{a, "https://CORP.test:443/team-a/files/demo.whl", "alice:a"},
		{b, "https://corp.test/team-b/simple/demo/", "bob:b"},
		// At the bounds of segments, and as the server takes the path.
		{b, "https://corp.test/team-a/files/demo.whl", "alice:a"},
		{b, "https://corp.test/team-abc/files/demo.whl", "bob:b"},
		{b, "https://corp.test/team-b/../team-a/demo.whl", "alice:a"},
		{b, "https://corp.test/team-b/%2e%2e/team-a/demo.whl", "alice:a"},
		{a, "https://corp.test/team-b/inner/simple/demo/", "bob:b"},
		{a, "https://corp.test/team-c/x.whl", "carol:c"},
		// Beside all places, those of the index that names the file.
		{a, "https://corp.test/files/demo.whl", "alice:a"},
		{b, "https://corp.test/files/demo.whl", "bob:b"},
		// An index without credentials has those around it, and no others of the host.
		{"https://corp.test/team-b/inner/simple", "https://corp.test/team-b/inner/simple/demo/", "bob:b"},
		{"https://corp.test/public/simple", "https://corp.test/public/simple/demo/", ""},
		{"https://corp.test/public/simple", "https://corp.test/files/x.whl", ""},
		// A user has the password of the place around it that is the same user's.
		{"https://corp.test/team-b/more/simple", "https://corp.test/team-b/more/simple/demo/", "bob:b"},
		// Nothing is sent where nothing is to be.
		{"https://corp.test/team-b/shut/simple/", "https://corp.test/team-b/shut/simple/demo/", ""},
		{"https://corp.test/team-b/shut/simple/", "https://corp.test/team-b/shut/x.whl", ""},
		{"https://corp.test/team-b/shut/simple/", "https://corp.test/files/x.whl", ""},
		{b, "https://corp.test/team-b/shut/x.whl", ""},
		// Another port, another scheme and another host are other origins.
		{"https://corp.test:8443/team-a/simple", "https://corp.test:8443/team-a/simple/demo/", ""},
		{a, "http://corp.test/team-a/simple/demo/", ""},
		{a, "https://sub.corp.test/team-a/simple/demo/", ""},
		{open, "https://open.test/simple/demo/", ""},
		{open, "https://other.test/pypi/files/x.whl", "conf:ig"},
		{open, "https://other.test/x.whl", ""},
		{"https://corp.test/links/page.html", "https://corp.test/links/page.html", "lin:ks"},
		{"https://corp.test/links/page.html", "https://corp.test/links/x.whl", "lin:ks"},
		// netrc is by host, the keyring by address and user.
		{"https://netrc.test/simple/", "https://netrc.test/files/x.whl", "net:rc"},
		{open, "https://files.test/x.whl", "net:rc"},
		{open, "http://files.test/x.whl", ""},
		{"https://ring.test/a/simple/", "https://ring.test/a/simple/demo/", "key:ring"},
		{"https://ring.test/b/simple", "https://ring.test/b/simple/demo/", "token:"},
		{"https://ring.test/b/simple", "https://ring.test/a/x.whl", "key:ring"},
		{"https://always.test/simple", "https://always.test/simple/demo/", "found:ring"},
	} {
		if got := userOf(t, index(tt.home).authFor(tt.url)); got != tt.want {
			t.Errorf("%s names %s: %q is sent, want %q", tt.home, tt.url, got, tt.want)
		}
	}
	for _, tt := range []struct{ url, want string }{
		{"https://corp.test/team-a/x.whl", "alice:a"},
		{"https://corp.test/team-b/x.whl", "bob:b"},
		{"https://corp.test/x.whl", ""}, // of whom?
		{"https://other.test/x.whl", "conf:ig"},
		{"https://files.test/x.whl", "net:rc"},
		{"https://me:pw@corp.test/team-a/x.whl", "me:pw"},
	} {
		u, given, err := indexURL(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := userOf(t, c.archiveAuth(u, given)); got != tt.want {
			t.Errorf("archive %s: %q is sent, want %q", tt.url, got, tt.want)
		}
	}
}

// teams is a host with an index each for two teams, which pass on to each other what is below to-a and to-b.
func teams(t *testing.T) (url string, saw func() map[string]bool) {
	var mu sync.Mutex
	seen := map[string]bool{}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		team, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		mu.Lock()
		seen[team+" "+user+":"+password] = true
		mu.Unlock()
		switch {
		case strings.HasPrefix(rest, "simple/moved-"):
			other := strings.TrimSuffix(strings.TrimPrefix(rest, "simple/moved-"), "/")
			http.Redirect(w, r, "/"+other+"/hop", http.StatusFound)
		case rest == "hop":
			http.Redirect(w, r, "/"+team+"/simple/plain/", http.StatusFound)
		case user == "" && team != "open":
			w.WriteHeader(http.StatusUnauthorized)
		case team+" "+user+":"+password != "a alice:1" && team+" "+user+":"+password != "b bob:2" && team != "open":
			w.WriteHeader(http.StatusForbidden)
		default:
			simpleJSON(w, simplePage("demo", "demo-1.0-py3-none-any.whl"))
		}
	})
	return s.URL, func() map[string]bool {
		mu.Lock()
		defer mu.Unlock()
		was := seen
		seen = map[string]bool{}
		return was
	}
}

// TestRedirectToPlace has each place get its own credentials, and one beside all those it was asked with.
func TestRedirectToPlace(t *testing.T) {
	url, saw := teams(t)
	a := strings.Replace(url, "://", "://alice:1@", 1) + "/a/simple/"
	b := strings.Replace(url, "://", "://bob:2@", 1) + "/b/simple/"
	never := url + "/never/simple/"
	c, _ := newTestClient(t, Options{DefaultIndex: a, ExtraIndexes: []string{b, never}, Order: SimpleFirst, Rules: map[string]Rules{never: {Authenticate: AuthNever}}})
	for _, tt := range []struct{ to, want string }{{"b", "b bob:2"}, {"never", "never :"}, {"open", "open alice:1"}, {"a", "a alice:1"}} {
		r := c.repositories[2]
		c.simplePage(t.Context(), r, pypiNameOf("moved-"+tt.to))
		if got := saw(); !got[tt.want] || len(got) > 2 {
			t.Errorf("a redirect from a to %s: the host saw %v, want %s", tt.to, got, tt.want)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	url, saw := teams(t)
	a := strings.Replace(url, "://", "://alice:1@", 1) + "/a/simple/"
	for _, tt := range []struct {
		address, want string
		rules         Rules
	}{
		{a, "", Rules{Authenticate: AuthAlways}},
		{url + "/a/simple/", `authenticate = "always", and there are no credentials`, Rules{Authenticate: AuthAlways}},
		{a, `HTTP 401: authenticate = "never" keeps`, Rules{Authenticate: AuthNever}},
		{url + "/a/simple/", "credentials are missing or refused", Rules{}},
		{url + "/open/simple/", "", Rules{Authenticate: AuthNever}},
	} {
		c, _ := newTestClient(t, Options{DefaultIndex: tt.address, Order: SimpleFirst, Rules: map[string]Rules{tt.address: tt.rules}})
		_, err := c.Project(t.Context(), "demo")
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s %s: got %v, want %q", tt.address, tt.rules.Authenticate, err, tt.want)
		}
		got := saw()
		if tt.rules.Authenticate == AuthNever && got["a alice:1"] || tt.rules.Authenticate == AuthAlways && tt.want != "" && len(got) > 0 {
			t.Errorf("%s %s: the host saw %v", tt.address, tt.rules.Authenticate, got)
		}
	}
}

// TestDemanded has an index without credentials, whose host has an index with some: they are sent once it demands some,
// unless there are several.
func TestDemanded(t *testing.T) {
	url, saw := teams(t)
	a := strings.Replace(url, "://", "://alice:1@", 1) + "/a/simple/"
	inA := url + "/a/more/simple/" // below no path of an index
	first := strings.Replace(url, "://", "://alice:1@", 1) + "/b/simple/"
	for _, tt := range []struct {
		name  string
		extra []string
		rules Rules
		want  string
	}{
		{"sole", []string{first}, Rules{}, "a alice:1"},
		{"several", []string{first, strings.Replace(url, "://", "://bob:2@", 1) + "/c/simple/"}, Rules{}, ""},
		{"never", []string{first}, Rules{Authenticate: AuthNever}, ""},
		{"place around", []string{a}, Rules{}, "a alice:1"},
	} {
		c, _ := newTestClient(t, Options{DefaultIndex: inA, ExtraIndexes: tt.extra, Order: SimpleFirst, Rules: map[string]Rules{inA: tt.rules}})
		_, err := c.simplePage(t.Context(), c.repositories[len(tt.extra)], pypiNameOf("demo"))
		got := saw()
		if (err == nil) != (tt.want != "") || tt.want != "" && !got[tt.want] || tt.want == "" && len(got) != 1 {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
		if _, err := c.simplePage(t.Context(), c.repositories[len(tt.extra)], pypiNameOf("demo")); err == nil && saw()["a :"] {
			t.Errorf("%s: it is asked without credentials again", tt.name)
		}
	}
}

// TestIgnoreErrorCodes goes on to the next index for the statuses that it is told, and for no other.
func TestIgnoreErrorCodes(t *testing.T) {
	status := http.StatusForbidden
	shut := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })
	for _, tt := range []struct {
		status int
		codes  []int
		found  bool
	}{
		{403, nil, false}, {403, []int{403}, true}, {401, []int{403}, false}, {401, []int{403, 401}, true}, {500, []int{500}, true}, {400, nil, false}, {404, nil, true},
	} {
		status = tt.status
		u, err := indextest.Parse("demo 1\n")
		if err != nil {
			t.Fatal(err)
		}
		s := indextest.Serve(t, u, indextest.PyPI())
		first := shut.URL + "/simple/"
		c, _ := newTestClient(t, Options{DefaultIndex: s.SimpleURL(), ExtraIndexes: []string{first}, Rules: map[string]Rules{first: {IgnoreErrorCodes: tt.codes}}})
		p, err := c.Project(t.Context(), "demo")
		if tt.found != (err == nil) {
			t.Errorf("%d with %v: %v, %v", tt.status, tt.codes, p, err)
		}
		if want := map[bool]int64{true: defaultTries, false: 1}[tt.status == 500]; err == nil && tt.status != 404 && c.Stats().Requests < want {
			t.Errorf("%d was asked for %d times", tt.status, c.Stats().Requests)
		}
	}
	// A release whose file is refused so is not used; otherwise the run ends.
	for _, ignored := range []bool{false, true} {
		files := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) })
		index := serve(t, func(w http.ResponseWriter, r *http.Request) {
			simpleJSON(w, strings.ReplaceAll(simplePage("demo", "demo-1.0-py3-none-any.whl"), "../../files", files.URL))
		})
		o := Options{DefaultIndex: index.URL + "/simple/", Order: SimpleFirst}
		if ignored {
			o.Rules = map[string]Rules{o.DefaultIndex: {IgnoreErrorCodes: []int{403}}}
		}
		c, _ := newTestClient(t, o)
		p := project(t, c, "demo")
		_, err := c.MetadataOf(t.Context(), p, release(t, p, "1.0"), nil)
		if want := map[bool]string{true: "the index lists the file but does not have it", false: "HTTP 403"}[ignored]; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ignored %t: %v", ignored, err)
		}
	}
}
