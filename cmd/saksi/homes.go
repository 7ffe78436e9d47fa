package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/operator"
	"github.com/saksi-ledger/saksi/ops/reader"
)

const (
	registryWait  = 30 * time.Second
	eraseWait     = 10 * time.Minute // views made again included
	statementWait = 5 * time.Minute
	// tokenLife bounds what a token that was overheard is good for.
	tokenLife = 10 * time.Minute
)

// atHome is the input of a command that reads a home.
type atHome struct{ home string }

func (in *atHome) bind(f *cmdline.Flags) {
	f.Home(&in.home)
	f.Format()
}

// waiting is the input of a command that waits for the ledger.
type waiting struct {
	home    string
	timeout time.Duration
}

func (in *waiting) bind(f *cmdline.Flags, timeout time.Duration) {
	in.timeout = timeout
	f.Home(&in.home)
	f.Timeout(&in.timeout, "give up waiting for the ledger after this `TIME`")
	f.Format()
}

// bounded bounds what waits for the ledger.
func (in *waiting) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, in.timeout)
}

// registrar runs f with an authority's home opened for publishing.
func (in *waiting) registrar(ctx context.Context, f func(context.Context, *authority.Registrar) (*cmdline.Result, error)) (*cmdline.Result, error) {
	ctx, cancel := in.bounded(ctx)
	defer cancel()
	r, err := openRegistrar(ctx, in.home)
	if err != nil {
		return nil, err
	}
	out, err := f(ctx, r)
	return out, errors.Join(err, r.Close())
}

// openRegistrar opens the home of an authority, whether it runs the ledger or is
// another one that the ledger knows.
func openRegistrar(ctx context.Context, dir string) (*authority.Registrar, error) {
	member, err := home.OpenMemberAuthority(dir)
	if err == nil {
		return authority.OpenMember(ctx, member)
	}
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return nil, err
	}
	return authority.OpenRegistrar(ctx, h)
}

// withOperator runs f with an operator's home opened for work.
func withOperator(ctx context.Context, dir string, f func(*operator.Client) (*cmdline.Result, error)) (*cmdline.Result, error) {
	h, err := home.OpenOperator(dir)
	if err != nil {
		return nil, err
	}
	d, err := operator.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	d.Token = func() (string, error) { return mint(h, time.Minute) }
	out, err := f(d)
	return out, errors.Join(err, d.Close())
}

// party is a home of any role that enrols and joins.
type party interface {
	RequestFile() string
	Signer() (*events.Signer, error)
	NewKey(home.KeySpec) (request string, key events.PublicKey, err error)
	UseKeys(ids ...string) ([]events.PublicKey, error)
	Keys() ([]home.HeldKey, error)
	Join(grantPath, logKey string) (*home.Grant, error)
	Grant() (*home.Grant, error)
}

// openParty opens the home of an operator, of a reader, or of an authority that
// doesn't run the ledger.
func openParty(dir string) (party, error) {
	if member, err := home.OpenMemberAuthority(dir); err == nil {
		return member, nil
	}
	reader, err := home.OpenReader(dir)
	if err == nil {
		return reader, nil
	}
	operator, err := home.OpenOperator(dir)
	if errors.Is(err, home.ErrOtherRole) {
		return nil, hint.With(fmt.Errorf("%s is the home of the authority that runs the ledger, and this needs one of somebody who takes part in it", dir), "say which directory with --home or SAKSI_HOME")
	}
	return operator, err
}

// watcher is the home of somebody who reads feeds.
type watcher interface {
	reader.Home
	Signer() (*events.Signer, error)
}

func openWatcher(dir string) (watcher, error) {
	if member, err := home.OpenMemberAuthority(dir); err == nil {
		return member, nil
	}
	return home.OpenReader(dir)
}

// mint makes a token in the name of whose home it is.
func mint(h interface {
	Grant() (*home.Grant, error)
	Signer() (*events.Signer, error)
}, life time.Duration) (string, error) {
	grant, err := h.Grant()
	if err != nil {
		return "", err
	}
	signer, err := h.Signer()
	if err != nil {
		return "", err
	}
	return token.Mint(signer, grant.Name, grant.Ledger.Origin, time.Now(), life)
}

// bearer returns what makes tokens in the name of a reader's home, or nil if dir is
// empty.
func bearer(dir string) (func(context.Context) (string, error), error) {
	if dir == "" {
		return nil, nil
	}
	h, err := openWatcher(dir)
	if err != nil {
		return nil, err
	}
	return func(context.Context) (string, error) { return mint(h, tokenLife) }, nil
}

// keyInput says how a new signing key is made and kept.
type keyInput struct {
	algorithm string
	encrypt   bool
	agent     string
}

func (in *keyInput) bind(f *cmdline.Flags) {
	in.algorithm = string(events.Ed25519)
	f.String(&in.algorithm, "algorithm", "make a key of this `ALGORITHM`: ed25519 or ecdsa-p256").Complete(cmdline.OneOf("ed25519", "ecdsa-p256"))
	f.Bool(&in.encrypt, "encrypt", "keep the signing key under a passphrase")
	f.String(&in.agent, "agent", "sign with a key in the ssh-agent, by its `FINGERPRINT` or comment, as ssh-add -l shows them")
}

func (in *keyInput) spec() home.KeySpec {
	return home.KeySpec{Algorithm: events.Algorithm(in.algorithm), Encrypt: in.encrypt, Agent: in.agent}
}

// passphraseHelp is part of the help of commands that make keys.
const passphraseHelp = "The signing key is a file in the home, unless --agent names one that an ssh-agent holds. The passphrase for --encrypt, " +
	"and for whatever signs later, comes from the file that SAKSI_PASSPHRASE_FILE names, or from the descriptor SAKSI_PASSPHRASE_FD."

// recoveryAdvice says what to do with an authority's recovery key.
func recoveryAdvice(dir string) string {
	return "Take " + filepath.Join(dir, home.RecoveryFile) + " away from this machine: it alone takes the authority's voice back when its key is lost or stolen."
}

// leafResult says at which leaf something was put on record.
func leafResult(what, name string, leaf uint64) *cmdline.Result {
	return cmdline.Pairs(map[string]any{what: name, "leaf": leaf}, what, name, "leaf", leaf)
}

// orAll writes the names that something is limited to.
func orAll(names []string) string {
	if len(names) == 0 {
		return "all"
	}
	return strings.Join(names, " ")
}
