package cli

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

// The bounds of a question to the keyring. It may ask a person to unlock it.
const (
	keyringTimeout = time.Minute // of one question
	maxPassword    = 64 << 10    // bytes of what the command keyring prints
)

// keyringState is what a process knows of the command keyring.
type keyringState struct {
	told   sync.Once
	silent atomic.Bool // it gave no answer, and is not asked again
}

// fromKeyring asks the command keyring, as pip and uv do: for the address, then
// for its host. What it prints is the password, without a user both, and shown
// to nobody.
func (o *compileOptions) fromKeyring(address, user string) (name, password string, ok bool) {
	k := &o.global.keyringAsked
	u, err := url.Parse(address)
	if err != nil || strings.HasPrefix(user, "-") || k.silent.Load() {
		return "", "", false
	}
	path, err := exec.LookPath("keyring")
	if err != nil {
		o.tellKeyring("there is no command keyring, which --keyring-provider subprocess asks for: install keyring, or leave it out")
		return "", "", false
	}
	limit := cmp.Or(o.app.KeyringTimeout, keyringTimeout)
	for _, service := range []string{address, u.Host} {
		args := []string{"get", service, user}
		if user == "" {
			args = []string{"--mode", "creds", "get", service}
		}
		said, err := askKeyring(path, args, limit)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			k.silent.Store(true)
			o.tellKeyring("the command keyring gave no answer within " + limit.String() + ", and is not asked again: unlock it, or leave out --keyring-provider")
			return "", "", false
		case err != nil:
			continue
		}
		name, password := user, said
		if user == "" {
			name, password, _ = strings.Cut(said, "\n")
			name = strings.TrimSuffix(name, "\r")
		}
		if strings.ContainsFunc(name+password, unicode.IsControl) {
			o.tellKeyring("what the command keyring prints is no password, since it has control characters: see what `keyring get` says")
			continue
		}
		if name != "" && password != "" {
			return name, password, true
		}
	}
	return "", "", false
}

// tellKeyring warns once.
func (o *compileOptions) tellKeyring(msg string) {
	o.global.keyringAsked.told.Do(func() {
		p := o.printer()
		p.warnf("%s", msg)
	})
}

// askKeyring returns what the command prints; the error is
// [context.DeadlineExceeded] where it takes longer than the limit.
func askKeyring(path string, args []string, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out bounded
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil && len(out) > maxPassword:
		err = errors.New("too long")
	}
	return strings.TrimRight(string(out), "\r\n"), err
}

// bounded keeps what is written to it, and of too much only that it was.
type bounded []byte

func (b *bounded) Write(p []byte) (int, error) {
	if len(*b) <= maxPassword {
		*b = append(*b, p...)
	}
	return len(p), nil
}
