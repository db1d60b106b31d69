//go:build servers

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pylock-dev/pylock/pypi/index/indextest"
)

// serversPassword is that of the user bob of each server.
const serversPassword = "s3cr3t-T0ken"

// servers are programs of other makers, and the product that talks to them.
type servers struct {
	*testing.T
	venv, pylock, dir string
}

// TestServers locks from devpi-server, pypiserver and http.server, and has pip
// install by each lock. `make servers` runs it.
func TestServers(t *testing.T) {
	s := &servers{T: t, venv: os.Getenv("SERVERS_VENV"), pylock: os.Getenv("SERVERS_PYLOCK")}
	if s.venv == "" || s.pylock == "" {
		t.Fatal("run make servers")
	}
	t.Run("devpi", func(t *testing.T) { s.with(t).devpi() })
	t.Run("pypiserver", func(t *testing.T) { s.with(t).pypiserver() })
	t.Run("http.server", func(t *testing.T) { s.with(t).static() })
	t.Run("uv", func(t *testing.T) { s.with(t).uv() })
}

func (s *servers) with(t *testing.T) *servers {
	n := *s
	n.T, n.dir = t, t.TempDir()
	return &n
}

func (s *servers) bin(name string) string { return filepath.Join(s.venv, "bin", name) }

func (s *servers) path(name string) string { return filepath.Join(s.dir, name) }

func (s *servers) write(name, text string) string {
	path := s.path(name)
	s.must(os.MkdirAll(filepath.Dir(path), 0o755))
	s.must(os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (s *servers) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// environ has nothing of the caller's settings.
func (s *servers) environ(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.path("home"), "PYLOCK_CACHE_DIR=" + s.path("cache"), "PIP_CONFIG_FILE=/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_CACHE_DIR=1"}, more...)
}

// run runs a program to its end.
func (s *servers) run(env []string, program string, args ...string) (output string, err error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = s.dir, env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// lock has svc locked and returns the lock.
func (s *servers) lock(env []string, args ...string) string {
	s.Helper()
	out, err := s.run(env, s.pylock, append([]string{"compile", "svc", "-U", "-vv"}, args...)...)
	if err != nil {
		s.Fatalf("pylock compile %s: %v\n%s", args, err, out)
	}
	text, err := os.ReadFile(s.path("svc/requirements.lock"))
	s.must(err)
	if strings.Contains(out+string(text), serversPassword) {
		s.Errorf("the password is told:\n%s\n%s", out, text)
	}
	if out, err := s.run(env, s.pylock, append([]string{"check", "svc"}, args...)...); err != nil {
		s.Errorf("pylock check: %v\n%s", err, out)
	}
	return string(text)
}

// install has pip take the lock.
func (s *servers) install(args ...string) {
	s.Helper()
	target := s.path("installed")
	s.must(os.RemoveAll(target))
	out, err := s.run(s.environ(), s.bin("python"), append([]string{"-m", "pip", "install", "-q", "--require-hashes", "--target", target, "-r", "svc/requirements.lock"}, args...)...)
	if err != nil {
		s.Errorf("pip: %v\n%s", err, out)
	}
}

func (s *servers) has(lock string, lines ...string) {
	s.Helper()
	for _, line := range lines {
		if !strings.Contains(lock, "\n"+line) {
			s.Errorf("the lock has no %s:\n%s", line, lock)
		}
	}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// start starts a server and waits until its port answers.
func (s *servers) start(port int, program string, args ...string) {
	s.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.environ(), &out, &out
	s.must(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			s.Fatalf("%s: %v\n%s", filepath.Base(program), err, &out)
		default:
		}
	}
	s.Fatalf("%s does not answer", filepath.Base(program))
}

func (s *servers) service(dependencies string) {
	s.write("svc/pyproject.toml", "[project]\nname = \"svc\"\nrequires-python = \">=3.12\"\ndependencies = ["+dependencies+"]\n")
}

// devpi: bob's private index inherits from a mirror. devpi lets everybody read,
// so what is before it wants bob's password.
func (s *servers) devpi() {
	public := indextest.Serve(s, indextest.MustParse("a 1\n  b>1\nb 2\nown 9\n"), indextest.PyPI())
	if out, err := s.run(s.environ(), s.bin("devpi-init"), "--serverdir", s.path("devpi"), "--no-root-pypi"); err != nil {
		s.Fatalf("devpi-init: %v\n%s", err, out)
	}
	port := freePort(s.T)
	s.start(port, s.bin("devpi-server"), "--serverdir", s.path("devpi"), "--host", "127.0.0.1", "--port", fmt.Sprint(port))
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	root := s.login(base, "root", "")
	s.call(root, "PUT", base+"/bob", map[string]any{"password": serversPassword})
	s.call(root, "PUT", base+"/root/mirror", map[string]any{"type": "mirror", "mirror_url": public.SimpleURL()})
	bob := s.login(base, "bob", serversPassword)
	s.call(bob, "PUT", base+"/bob/private", map[string]any{"type": "stage", "bases": []string{"root/mirror"}})
	s.must(indextest.MustParse("own 1\n  a\n").WriteFiles(s.path("upload")))
	s.upload(bob, base+"/bob/private/", "own", "1", s.path("upload/own-1-py3-none-any.whl"))

	s.service(`"own"`)
	private := strings.Replace(base, "://", "://bob:"+serversPassword+"@", 1) + "/bob/private/+simple/"
	lock := s.lock(s.environ("UV_DEFAULT_INDEX=" + private))
	s.has(lock, "own==1 ", "a==1 ", "b==2 ")
	s.install("-i", private)
	// By netrc, behind TLS whose authority nobody else knows, with a client certificate.
	authority, client, front := s.tlsFront(base)
	host, err := url.Parse(front)
	s.must(err)
	netrc := s.write("netrc", "machine "+host.Hostname()+" login bob password "+serversPassword+"\n")
	again := s.lock(s.environ("NETRC="+netrc, "UV_DEFAULT_INDEX="+front+"/bob/private/+simple/"), "--cert", authority, "--client-cert", client)
	if out, err := s.run(s.environ("UV_DEFAULT_INDEX="+front+"/bob/private/+simple/"), s.pylock, "compile", "svc", "--no-cache", "--cert", authority, "--client-cert", client); err == nil || !strings.Contains(out, "HTTP 401") {
		s.Errorf("without credentials: %v\n%s", err, out)
	}
	if again != lock {
		s.Errorf("another lock by TLS:\n%s\n%s", lock, again)
	}
	if out, err := s.run(s.environ("NETRC="+netrc, "UV_DEFAULT_INDEX="+front+"/bob/private/+simple/"), s.pylock, "compile", "svc", "--no-cache"); err == nil || !strings.Contains(out, "certificate") {
		s.Errorf("without the authority: %v\n%s", err, out)
	}
	// Two users on one host, each with what is below their own name.
	s.call(root, "PUT", base+"/alice", map[string]any{"password": serversPassword + "-2"})
	alice := s.login(base, "alice", serversPassword+"-2")
	s.call(alice, "PUT", base+"/alice/private", map[string]any{"type": "stage", "bases": []string{}})
	s.must(indextest.MustParse("hers 1\n  own\n").WriteFiles(s.path("hers")))
	s.upload(alice, base+"/alice/private/", "hers", "1", s.path("hers/hers-1-py3-none-any.whl"))
	both := s.usersFront(base, map[string]string{"bob": serversPassword, "alice": serversPassword + "-2"})
	s.service(`"hers"`)
	lock2 := s.lock(s.environ("UV_DEFAULT_INDEX="+strings.Replace(both, "://", "://bob:"+serversPassword+"@", 1)+"/bob/private/+simple/",
		"UV_INDEX=hers="+both+"/alice/private/+simple/", "UV_INDEX_HERS_USERNAME=alice", "UV_INDEX_HERS_PASSWORD="+serversPassword+"-2"))
	s.has(lock2, "hers==1 ", "own==1 ", "a==1 ")
	s.write("svc/requirements.lock", lock)
	// As an index of its own beside the default.
	s.write("svc/pyproject.toml", "[project]\nname = \"svc\"\nrequires-python = \">=3.12\"\ndependencies = [\"own\"]\n[tool.uv.sources]\nown = { index = \"corp\" }\n"+
		"[[tool.uv.index]]\nname = \"corp\"\nexplicit = true\nurl = \""+base+"/bob/private/+simple/\"\n")
	lock = s.lock(s.environ("UV_DEFAULT_INDEX="+public.SimpleURL(), "PYLOCK_INDEX_CORP_USERNAME=bob", "PYLOCK_INDEX_CORP_PASSWORD="+serversPassword))
	s.has(lock, "own==1 ", "a==1 ", "--extra-index-url "+base+"/bob/private/+simple/")
}

// login returns the value of devpi's header for a user.
func (s *servers) login(base, user, password string) string {
	s.Helper()
	var answer struct{ Result struct{ Password string } }
	s.must(json.Unmarshal(s.call("", "POST", base+"/+login", map[string]any{"user": user, "password": password}), &answer))
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + answer.Result.Password))
}

func (s *servers) call(auth, method, address string, body map[string]any) []byte {
	s.Helper()
	data, err := json.Marshal(body)
	s.must(err)
	r, err := http.NewRequest(method, address, bytes.NewReader(data))
	s.must(err)
	r.Header.Set("Content-Type", "application/json")
	return s.send(auth, r)
}

func (s *servers) send(auth string, r *http.Request) []byte {
	s.Helper()
	r.Header.Set("Accept", "application/json")
	if auth != "" {
		r.Header.Set("X-Devpi-Auth", auth)
	}
	reply, err := http.DefaultClient.Do(r)
	s.must(err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	s.must(err)
	if reply.StatusCode/100 != 2 {
		s.Fatalf("%s %s: %s\n%s", r.Method, r.URL, reply.Status, text)
	}
	return text
}

// upload sends a wheel as twine does.
func (s *servers) upload(auth, address, name, version, file string) {
	s.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for key, value := range map[string]string{":action": "file_upload", "name": name, "version": version, "metadata_version": "2.1", "filetype": "bdist_wheel", "pyversion": "py3"} {
		s.must(form.WriteField(key, value))
	}
	part, err := form.CreateFormFile("content", filepath.Base(file))
	s.must(err)
	data, err := os.ReadFile(file)
	s.must(err)
	_, err = part.Write(data)
	s.must(err)
	s.must(form.Close())
	r, err := http.NewRequest("POST", address, &b)
	s.must(err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	s.send(auth, r)
}

// usersFront wants, before a server, the password of a user for what is below the
// user's name, and of either for the rest. It returns its address.
func (s *servers) usersFront(base string, passwords map[string]string) string {
	s.Helper()
	target, err := url.Parse(base)
	s.must(err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Del("Authorization")
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		top, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		user, password, _ := r.BasicAuth()
		if password == "" || passwords[user] != password || passwords[top] != "" && top != user {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	s.Cleanup(front.Close)
	return front.URL
}

// tlsFront puts TLS with an authority of its own, which wants a certificate of
// the client and bob's password, before a server. It returns files with both, and its address.
func (s *servers) tlsFront(base string) (authority, client, address string) {
	s.Helper()
	serial := int64(1)
	issue := func(name string, is func(*x509.Certificate), parent *x509.Certificate, signer *ecdsa.PrivateKey) (tls.Certificate, []byte) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		s.must(err)
		serial++
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		is(c)
		if parent == nil {
			parent, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
		s.must(err)
		leaf, err := x509.ParseCertificate(der)
		s.must(err)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		s.must(err)
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	}
	ca, text := issue("authority", func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	}, nil, nil)
	block, _ := pem.Decode(text)
	authority = s.write("ca.pem", string(pem.EncodeToMemory(block)))
	signer := ca.PrivateKey.(*ecdsa.PrivateKey)
	server, _ := issue("localhost", func(c *x509.Certificate) {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}, ca.Leaf, signer)
	_, text = issue("bob", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, ca.Leaf, signer)
	client = s.write("client.pem", string(text))

	target, err := url.Parse(base)
	s.must(err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("X-Outside-URL", "https://"+r.In.Host) // devpi's, for its links
	}}
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf)
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "bob" || password != serversPassword {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.TLS = &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	front.StartTLS()
	s.Cleanup(front.Close)
	return authority, client, front.URL
}

// pypiserver: a folder of packages that bob alone may list and load.
func (s *servers) pypiserver() {
	s.must(indextest.MustParse("own 1\n  dep\nown 2\n  dep\ndep 1\n").WriteFiles(s.path("packages")))
	script := "import sys; from passlib.apache import HtpasswdFile; h = HtpasswdFile(sys.argv[1], new=True); h.set_password('bob', sys.argv[2]); h.save()"
	if out, err := s.run(s.environ(), s.bin("python"), "-W", "ignore", "-c", script, s.path("htpasswd"), serversPassword); err != nil {
		s.Fatalf("htpasswd: %v\n%s", err, out)
	}
	port := freePort(s.T)
	s.start(port, s.bin("pypi-server"), "run", "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-P", s.path("htpasswd"), "-a", "update,download,list", "--disable-fallback", s.path("packages"))
	base := fmt.Sprintf("http://127.0.0.1:%d/simple/", port)
	with := strings.Replace(base, "://", "://bob:"+serversPassword+"@", 1)
	s.service(`"own"`)
	lock := s.lock(s.environ("UV_DEFAULT_INDEX=" + with))
	s.has(lock, "own==2 ", "dep==1 ")
	s.install("-i", with)
	// By pip.conf, and by the keyring.
	s.write("home/.config/pip/pip.conf", "[global]\nindex-url = "+with+"\n")
	env := s.environ()
	env = append(env, "PIP_CONFIG_FILE=")
	if again := s.lock(env); again != lock {
		s.Errorf("another lock by pip.conf:\n%s\n%s", lock, again)
	}
	keyring := s.write("bin/keyring", "#!/bin/sh\n[ \"$1 $3\" = 'get bob' ] && echo "+serversPassword+"\n")
	s.must(os.Chmod(keyring, 0o755))
	env = s.environ("UV_DEFAULT_INDEX=" + strings.Replace(base, "://", "://bob@", 1))
	env[0] = "PATH=" + s.path("bin") + ":" + os.Getenv("PATH")
	if again := s.lock(env, "--keyring-provider", "subprocess"); again != lock {
		s.Errorf("another lock by the keyring:\n%s\n%s", lock, again)
	}
	if out, err := s.run(s.environ("UV_DEFAULT_INDEX="+base), s.pylock, "compile", "svc", "--no-cache"); err == nil || !strings.Contains(out, "HTTP 401") {
		s.Errorf("without credentials: %v\n%s", err, out)
	}
}

// static: Python's http.server over a folder, as a page of files, and as an
// index of folders that list themselves. Neither states a hash.
func (s *servers) static() {
	s.must(indextest.MustParse("own 1\n  dep\ndep 1\n").WriteFiles(s.path("www/files")))
	for _, name := range []string{"own", "dep"} {
		s.must(os.MkdirAll(s.path("www/simple/"+name), 0o755))
		s.must(os.Link(s.path("www/files/"+name+"-1-py3-none-any.whl"), s.path("www/simple/"+name+"/"+name+"-1-py3-none-any.whl")))
	}
	port := freePort(s.T)
	s.start(port, s.bin("python"), "-m", "http.server", "--bind", "127.0.0.1", "-d", s.path("www"), fmt.Sprint(port))
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	s.service(`"own"`)
	lock := s.lock(s.environ(), "--no-index", "--find-links", base+"/files/", "--no-hashes")
	s.has(lock, "own==1\n", "dep==1\n", "--no-index\n", "--find-links "+base+"/files/\n")
	lock = s.lock(s.environ("UV_DEFAULT_INDEX="+base+"/simple/"), "--no-hashes")
	s.has(lock, "own==1\n", "dep==1\n")
	// The folder itself has hashes, and pip takes them.
	lock = s.lock(s.environ(), "--no-index", "--find-links", s.path("www/files"))
	s.has(lock, "own==1 ", "--find-links ../www/files\n")
	s.install()
	if out, err := s.run(s.environ(), s.pylock, "compile", "svc", "-o", "svc/pylock.toml", "--no-index", "--find-links", s.path("www/files")); err != nil {
		s.Fatalf("pylock.toml: %v\n%s", err, out)
	}
	if out, err := s.run(s.environ("PIP_NO_INDEX=1"), s.bin("python"), "-m", "pip", "install", "-q", "--target", s.path("by-toml"), "-r", "svc/pylock.toml"); err != nil {
		s.Errorf("pip by pylock.toml: %v\n%s", err, out)
	}
}

// uv: of the same places and options it makes the same pins.
func (s *servers) uv() {
	public := indextest.Serve(s, indextest.MustParse("a 1\na 2\n  b\nb 5\nc 3\ntorch 9\nonly 1\nw 1\n"), indextest.PyPI())
	private := indextest.Serve(s, indextest.MustParse("a 1\n  b\nc 1\nc 2\ntorch 2\nw 2\n"), indextest.PyPI())
	s.must(indextest.MustParse("a 3\nb 4\nw 1\n  b\nfresh 1\n").WriteFiles(s.path("wheels")))
	index := []string{"--default-index", public.SimpleURL(), "--index", private.SimpleURL()}
	sources := "[tool.uv.sources]\ntorch = { index = \"corp\" }\n[[tool.uv.index]]\nname = \"corp\"\nexplicit = true\nurl = \"" + private.SimpleURL() + "\"\n"
	marked := strings.Replace(sources, "{ index = \"corp\" }", "{ index = \"corp\", marker = \"sys_platform == 'win32'\" }", 1)
	links := "[[tool.uv.index]]\nname = \"flat\"\nformat = \"flat\"\nurl = \"../wheels\"\n"
	for _, tt := range []struct {
		name, dependencies, tables string
		args                       []string
	}{
		{"first", `"a", "b", "c"`, "", index},
		{"first that lacks the version", `"a", "c<3", "only"`, "", index},
		{"first match", `"a", "b", "c>=3"`, "", append([]string{"--index-strategy", "unsafe-first-match"}, index...)},
		{"first match of all", `"a", "b", "c", "w"`, "", append([]string{"--index-strategy", "unsafe-first-match"}, index...)},
		{"best match", `"a", "b", "c", "torch"`, "", append([]string{"--index-strategy", "unsafe-best-match"}, index...)},
		{"lowest, first match", `"a", "b", "c"`, "", append([]string{"--resolution", "lowest", "--index-strategy", "unsafe-first-match"}, index...)},
		{"find-links", `"a", "b", "c", "w", "fresh"`, "", append([]string{"--find-links", "../wheels"}, index...)},
		{"find-links alone", `"a", "b", "w"`, "", []string{"--no-index", "--find-links", "../wheels"}},
		{"find-links, best match", `"a", "b", "c", "w"`, "", append([]string{"--find-links", "../wheels", "--index-strategy", "unsafe-best-match"}, index...)},
		{"flat index", `"a", "b", "fresh"`, links, index},
		{"explicit", `"a", "torch"`, sources, []string{"--default-index", public.SimpleURL()}},
		{"explicit elsewhere", `"a", "torch"`, marked, []string{"--default-index", public.SimpleURL()}},
	} {
		s.write("svc/pyproject.toml", "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.12\"\ndependencies = ["+tt.dependencies+"]\n"+tt.tables)
		args := append([]string{"pip", "compile", "--directory", "svc", "pyproject.toml", "--no-header", "--no-annotate", "-q", "--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_28"}, tt.args...)
		want, err := s.run(s.environ("UV_CACHE_DIR="+s.path("uv"), "UV_PYTHON_DOWNLOADS=never"), s.bin("uv"), args...)
		if err != nil {
			s.Errorf("%s: uv: %v\n%s", tt.name, err, want)
			continue
		}
		got, err := s.run(s.environ(), s.pylock, args...)
		if err != nil || got != want {
			// Nothing but pins is compared; uv takes warnings to the same place.
			s.Errorf("%s: %v\npylock\n%suv\n%s", tt.name, err, got, want)
		}
	}
}
