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

// Operator is the home of an operator. Its keys are made here and never leave.
type Operator struct {
	Identity
	dir string
}

const (
	connectionFile = "connection.nk"
	requestFile    = "request.json"
	grantFile      = "grant.json"
)

// NewOperator makes an operator's home in an empty directory: keys and the
// request for the authority.
func NewOperator(dir, name string) (*Operator, error) {
	if !events.ValidName(name) {
		return nil, fmt.Errorf("operator %q: want a-z, 0-9 and -, at most 40, not beginning with -", name)
	}
	if err := begin(dir); err != nil {
		return nil, err
	}
	o := &Operator{Identity: Identity{V: 1, Role: RoleOperator, Name: name}, dir: dir}
	signer, err := newSigner(o.path(keysDir, signingFile))
	if err != nil {
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
	if err := writeNew(o.path(keysDir, connectionFile), append(seed, '\n')); err != nil {
		return nil, fmt.Errorf("keep the connection's key: %w", err)
	}
	connection, err := user.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("make the connection's key: %w", err)
	}
	request, err := newRequest(RoleOperator, name, signer, connection)
	if err != nil {
		return nil, err
	}
	if err := WriteJSON(o.RequestFile(), request, 0o644); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(o.Identity, "", "  ")
	if err != nil {
		return nil, err
	}
	return o, writeNew(o.path(identityFile), append(b, '\n'))
}

// OpenOperator opens an operator's home.
func OpenOperator(dir string) (*Operator, error) {
	id, err := open(dir, RoleOperator)
	if err != nil {
		return nil, err
	}
	return &Operator{Identity: id, dir: dir}, nil
}

func (o *Operator) path(parts ...string) string {
	return filepath.Join(append([]string{o.dir}, parts...)...)
}

// RequestFile is what the operator gives the authority.
func (o *Operator) RequestFile() string { return o.path(requestFile) }

// OutboxFile is the operator's outbox.
func (o *Operator) OutboxFile() string { return o.path("outbox.db") }

// Signer returns the key that signs envelopes.
func (o *Operator) Signer() (*events.Signer, error) { return readSigner(o.path(keysDir, signingFile)) }

// ConnectionSeed returns the secret half of the connection's key.
func (o *Operator) ConnectionSeed() ([]byte, error) {
	return readSecret(o.path(keysDir, connectionFile))
}

// Join takes the authority's grant into the home, after checking that it is for
// this operator and these keys.
func (o *Operator) Join(grantPath string) (*Grant, error) {
	grant, err := ReadGrant(grantPath)
	if err != nil {
		return nil, err
	}
	seed, err := o.ConnectionSeed()
	if err != nil {
		return nil, err
	}
	user, err := nkeys.FromSeed(seed)
	if err != nil {
		return nil, fmt.Errorf("read the connection's key: %w", err)
	}
	defer user.Wipe()
	connection, err := user.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("read the connection's key: %w", err)
	}
	if grant.Role != o.Role || grant.Name != o.Name || grant.Connection != connection {
		return nil, hint(fmt.Errorf("the grant %s is for %s %s, with other keys than this home's", grantPath, grant.Role, grant.Name),
			"give the authority this home's request.json and join with what it returns")
	}
	return grant, WriteJSON(o.path(grantFile), grant, 0o600)
}

// Grant returns the grant that this home has joined with.
func (o *Operator) Grant() (*Grant, error) {
	grant, err := ReadGrant(o.path(grantFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, hint(fmt.Errorf("%s has not joined a ledger", o.dir),
			fmt.Sprintf("give %s to the authority, and run saksi join --home %s with the grant that it returns", o.RequestFile(), o.dir))
	}
	return grant, err
}
