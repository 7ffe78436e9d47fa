package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/events"
)

// party is what the homes of those who take part have in common: a key to sign
// with, a key to connect with, a request and the grant that answered it. The keys
// are made here and never leave.
type party struct {
	Identity
	dir string
}

const (
	connectionFile = "connection.nk"
	requestFile    = "request.json"
	grantFile      = "grant.json"
)

// newParty makes a home in an empty directory: keys and the request for the
// authority.
func newParty(dir string, role Role, name string, spec KeySpec) (*party, error) {
	if !events.ValidName(name) {
		return nil, fmt.Errorf("%s %q: want a-z, 0-9 and -, at most 40, not beginning with -", role, name)
	}
	// What can be missing is asked for before there is a directory.
	key, err := spec.newKey()
	if err != nil {
		return nil, err
	}
	if err := begin(dir); err != nil {
		return nil, err
	}
	p := &party{Identity: Identity{V: 1, Role: role, Name: name}, dir: dir}
	if err := key.keep(p.path(keysDir, firstStem)); err != nil {
		return nil, err
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("make the connection's key: %w", err)
	}
	defer user.Wipe()
	seed, err := user.Seed()
	if err != nil {
		return nil, fmt.Errorf("make the connection's key: %w", err)
	}
	if err := writeNew(p.path(keysDir, connectionFile), append(seed, '\n')); err != nil {
		return nil, fmt.Errorf("keep the connection's key: %w", err)
	}
	connection, err := user.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("make the connection's key: %w", err)
	}
	r := &Request{V: 1, Role: role, Name: name, Connection: connection}
	if role == RoleMember {
		if r.RecoveryKey, r.Recipient, err = p.authorityKeys(); err != nil {
			return nil, err
		}
	}
	request, err := sealRequest(r, key.signer)
	if err != nil {
		return nil, err
	}
	if err := WriteJSON(p.RequestFile(), request, 0o644); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(p.Identity, "", "  ")
	if err != nil {
		return nil, err
	}
	return p, writeNew(p.path(identityFile), append(b, '\n'))
}

func (p *party) path(parts ...string) string {
	return filepath.Join(append([]string{p.dir}, parts...)...)
}

// RequestFile is what is given to the authority.
func (p *party) RequestFile() string { return p.path(requestFile) }

// ConnectionSeed returns the secret half of the connection's key.
func (p *party) ConnectionSeed() ([]byte, error) {
	return readSecret(p.path(keysDir, connectionFile))
}

// Accepts returns a grant if it is for this party and these keys, and of a ledger that it
// may join: see [party.Join]. Nothing is kept.
func (p *party) Accepts(grantPath, logKey string) (*Grant, error) {
	grant, err := ReadGrant(grantPath)
	if err != nil {
		return nil, err
	}
	return grant, p.accept(grantPath, grant, logKey)
}

// Join takes the authority's grant into the home, after checking that it is for
// this party and these keys. logKey is the ledger's, if the person has it from elsewhere;
// without it, a ledger that takes the place of this home's must be signed for by the
// authority that the home knows.
func (p *party) Join(grantPath, logKey string) (*Grant, error) {
	grant, err := ReadGrant(grantPath)
	if err != nil {
		return nil, err
	}
	if err := p.accept(grantPath, grant, logKey); err != nil {
		return nil, err
	}
	return grant, p.keep(grant)
}

// connection returns the public half of the connection's key.
func (p *party) connection() (string, error) {
	seed, err := p.ConnectionSeed()
	if err != nil {
		return "", err
	}
	user, err := nkeys.FromSeed(seed)
	if err != nil {
		return "", fmt.Errorf("read the connection's key: %w", err)
	}
	defer user.Wipe()
	public, err := user.PublicKey()
	if err != nil {
		return "", fmt.Errorf("read the connection's key: %w", err)
	}
	return public, nil
}

// accept checks that a grant is for this party and these keys, and that its ledger is to be
// believed.
func (p *party) accept(grantPath string, grant *Grant, logKey string) error {
	connection, err := p.connection()
	if err != nil {
		return err
	}
	if grant.Role != p.Role || grant.Name != p.Name || grant.Connection != connection {
		return hint(fmt.Errorf("the grant %s is for %s %s, with other keys than this home's", grantPath, grant.Role, grant.Name),
			"give the authority this home's request.json and join with what it returns")
	}
	return p.believe(grantPath, grant, logKey)
}

// keep keeps a grant. By which keys the authority is recognized stays as it was when the home
// joined this ledger: a later grant of the same, which anybody may have written, doesn't say.
func (p *party) keep(grant *Grant) error {
	kept := *grant
	before, err := p.Grant()
	switch {
	case err == nil && before.Ledger.Key == grant.Ledger.Key:
		kept.Voice = before.Voice
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	}
	return WriteJSON(p.path(grantFile), kept, 0o600)
}

// Grant returns the grant that this home has joined with.
func (p *party) Grant() (*Grant, error) {
	grant, err := ReadGrant(p.path(grantFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, hint(notJoined{fmt.Errorf("%s has not joined a ledger", p.dir)},
			fmt.Sprintf("give %s to the authority, and run saksi join --home %s with the grant that it returns", p.RequestFile(), p.dir))
	}
	return grant, err
}

// notJoined is an [os.ErrNotExist] in words of its own.
type notJoined struct{ error }

func (notJoined) Is(target error) bool { return target == os.ErrNotExist }
