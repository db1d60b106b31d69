package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pylock-dev/pylock/project"
	"github.com/pylock-dev/pylock/pypi/index"
	"github.com/pylock-dev/pylock/pypi/index/netrc"
)

// access are the options that say how to get to an index, and nothing about
// the lock: no header has them.
type access struct {
	cert, clientCert string
	insecure         []string
	proxy            string
	keyring          choice
	noConfig         bool
}

// accessFlags are the flags of access.
var accessFlags = []string{"cert", "client-cert", "allow-insecure-host", "proxy", "keyring-provider", "no-config"}

// company are the settings of user and machine, read once.
type company struct {
	once     sync.Once
	settings []project.CompanySetting
	err      error
}

// companySettings are those of the user's and the machine's files; none with
// --no-config.
func (o *compileOptions) companySettings() ([]project.CompanySetting, error) {
	if o.noConfig || o.truth("UV_NO_CONFIG", "PYLOCK_NO_CONFIG") {
		return nil, nil
	}
	c := &o.global.company
	c.once.Do(func() {
		c.settings, c.err = project.Company(project.CompanyFiles{Getenv: o.app.Getenv, System: o.app.SystemConfig})
	})
	return c.settings, c.err
}

// ofCompany returns the company's values of a key, the strongest first.
func (o *compileOptions) ofCompany(key string) []project.CompanySetting {
	all, _ := o.companySettings() // told by indexSettings
	var out []project.CompanySetting
	for _, s := range all {
		if s.Key == key {
			out = append(out, s)
		}
	}
	return out
}

func (o *compileOptions) companyText(key string) string {
	if s := o.ofCompany(key); len(s) > 0 {
		return s[0].Value
	}
	return ""
}

// companyDefault is the company's address of the default index.
func (o *compileOptions) companyDefault() (name, u string) {
	all, _ := o.companySettings()
	for _, s := range all {
		if s.Key == "index-url" || s.Key == "index" && s.Default {
			return s.Name, s.Value
		}
	}
	return "", ""
}

// companyFlags are the company's settings that change a lock, as flags that the
// header has in their place: another machine may have others. A variable of pip
// takes the place of pip's own file.
func (o *compileOptions) companyFlags(root string) []flag {
	all, _ := o.companySettings()
	var out []flag
	for _, s := range all {
		f := flag{name: s.Key, value: bare(s.Value)}
		switch {
		case s.Key == "index" && !s.Default, s.Key == "extra-index-url":
			if _, set := o.app.Getenv("PIP_EXTRA_INDEX_URL"); set && s.Key != "index" {
				continue
			}
			f.name = "index"
			if s.Name != "" && indexName().MatchString(s.Name) {
				f.value = s.Name + "=" + f.value
			}
		case s.Key == "find-links":
			// A folder beside the repository is on this machine alone.
			if f.value = linkPath(root, s.Value); filepath.IsAbs(filepath.FromSlash(f.value)) {
				continue
			}
		case s.Key == "no-index":
			f.value = ""
		default:
			continue
		}
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// withCompany adds the flags of the company to a command.
func (o *compileOptions) withCompany(c *command, root string) *command {
	for _, f := range o.companyFlags(root) {
		_, u := splitIndex(f.value)
		if !slices.ContainsFunc(c.flags, func(have flag) bool {
			_, have.value = splitIndex(have.value)
			return have.name == f.name && have.value == u
		}) {
			c.flags = append(c.flags, f)
		}
	}
	return c
}

// companyCredentials returns an address as the company has it, with
// credentials, where it is given without.
func (o *compileOptions) companyCredentials(u string) string {
	parsed, err := url.Parse(u)
	if err != nil || parsed.User != nil {
		return u
	}
	all, _ := o.companySettings()
	for _, s := range all {
		if strings.Contains(s.Value, "@") && bare(s.Value) == bare(u) {
			return s.Value
		}
	}
	return u
}

// accessEnvironment fills what no flag set from variables of uv and pip.
func (o *compileOptions) accessEnvironment(get func(...string) string) error {
	f := o.flags
	text := func(to *string, flag string, names ...string) {
		if !f.Changed(flag) {
			*to = get(names...)
		}
	}
	// SSL_CERT_FILE is the index package's, and comes before what only pip and requests know.
	if get("SSL_CERT_FILE", "SSL_CERT_DIR") == "" {
		text(&o.cert, "cert", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
	}
	text(&o.clientCert, "client-cert", "SSL_CLIENT_CERT", "PIP_CLIENT_CERT")
	text(&o.proxy, "proxy", "PIP_PROXY")
	if !f.Changed("allow-insecure-host") {
		o.insecure = strings.Fields(get("UV_INSECURE_HOST", "PIP_TRUSTED_HOST"))
	}
	if !f.Changed("keyring-provider") {
		switch v := get("PYLOCK_KEYRING_PROVIDER", "UV_KEYRING_PROVIDER"); {
		case v != "":
			if err := o.keyring.Set(v); err != nil {
				return usagef("UV_KEYRING_PROVIDER=%s: %w", v, err)
			}
		case get("PIP_KEYRING_PROVIDER") == "subprocess":
			o.keyring.value = "subprocess"
		}
	}
	for _, file := range []struct{ flag, path string }{{"cert", o.cert}, {"client-cert", o.clientCert}} {
		if f.Changed(file.flag) && file.path != "" {
			if _, err := os.Stat(file.path); err != nil {
				return usagef("--%s: %w", file.flag, err)
			}
		}
	}
	return nil
}

// network is how the indexes are reached.
func (o *compileOptions) network() index.Network {
	n := index.Network{Roots: o.cert, ClientCert: o.clientCert, Insecure: slices.Clone(o.insecure), Proxy: o.proxy, ProxyIfNone: o.companyText("proxy")}
	env := func(name string) bool { v, _ := o.app.Getenv(name); return v != "" }
	if n.Roots == "" && !env("SSL_CERT_FILE") && !env("SSL_CERT_DIR") {
		n.Roots = o.companyText("cert")
	}
	n.ClientCert = cmp.Or(n.ClientCert, o.companyText("client-cert"))
	if len(n.Insecure) == 0 {
		for _, s := range o.ofCompany("allow-insecure-host") {
			n.Insecure = append(n.Insecure, s.Value)
		}
	}
	return n
}

// finder finds credentials in netrc and, where it is wanted, in the keyring.
func (o *compileOptions) finder() index.Finder {
	f := index.Finder{Netrc: o.fromNetrc}
	provider := o.keyring.value
	if !o.keyring.given() {
		provider = cmp.Or(o.companyText("keyring-provider"), provider)
	}
	if provider == "subprocess" {
		f.Keyring = o.fromKeyring
	}
	return f
}

// netrcFile is the netrc of the user, read once.
type netrcFile struct {
	once sync.Once
	file *netrc.File
}

func (o *compileOptions) fromNetrc(host string, own bool) (user, password string, ok bool) {
	n := &o.global.netrc
	n.once.Do(func() {
		var paths []string
		if path, _ := o.app.Getenv("NETRC"); path != "" {
			paths = []string{path}
		} else {
			home, _ := o.app.Getenv("HOME")
			if runtime.GOOS == "windows" {
				home, _ = o.app.Getenv("USERPROFILE")
			}
			if home == "" {
				return
			}
			paths = []string{filepath.Join(home, ".netrc"), filepath.Join(home, "_netrc")}
		}
		for _, path := range paths {
			data, err := readUpTo(path, netrc.MaxSize+1)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				n.file, err = netrc.Parse(string(data))
			}
			if err != nil {
				p := o.printer()
				p.warnf("%s is not used: %s", path, err)
			}
			return
		}
	})
	e, ok := n.file.Find(host)
	if !ok && own {
		e, ok = n.file.Default()
	}
	return e.Login, e.Password, ok && e.Login+e.Password != ""
}

// hasNetrc reports whether netrc has credentials for an index.
func (o *compileOptions) hasNetrc(s indexSettings) bool {
	return slices.ContainsFunc(s.addresses(), func(address string) bool {
		u, err := url.Parse(address)
		if err != nil {
			return false
		}
		_, _, ok := o.fromNetrc(u.Hostname(), true)
		return ok
	})
}

// readUpTo reads the begin of a regular file.
func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// The bounds of a question to the keyring. It may ask a person to unlock it.
const (
	keyringTimeout = time.Minute
	maxPassword    = 64 << 10 // bytes
)

// fromKeyring asks the command keyring, as pip and uv do: for the address, then
// for its host. What it prints is the password, and shown to nobody.
func (o *compileOptions) fromKeyring(address, user string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || user == "" || strings.HasPrefix(user, "-") {
		return "", false
	}
	path, err := exec.LookPath("keyring")
	if err != nil {
		o.global.keyringOnce.Do(func() {
			p := o.printer()
			p.warnf("there is no command keyring, which --keyring-provider subprocess asks for: install keyring, or leave it out")
		})
		return "", false
	}
	for _, service := range []string{address, u.Host} {
		if password, ok := askKeyring(path, service, user); ok {
			return password, true
		}
	}
	return "", false
}

func askKeyring(path, service, user string) (string, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), keyringTimeout)
	defer cancel()
	var out bounded
	cmd := exec.CommandContext(ctx, path, "get", service, user)
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil || len(out) > maxPassword {
		return "", false
	}
	password := strings.TrimRight(string(out), "\r\n")
	return password, password != ""
}

// bounded keeps what is written to it, and of too much only that it was.
type bounded []byte

func (b *bounded) Write(p []byte) (int, error) {
	if len(*b) <= maxPassword {
		*b = append(*b, p...)
	}
	return len(p), nil
}
