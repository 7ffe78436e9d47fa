package home

import (
	"fmt"

	"github.com/nats-io/jwt/v2"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// MemberAuthority is the home of an authority that runs no ledger of its own: it has a seat in
// another's, within the mandate that it was admitted with.
type MemberAuthority struct{ party }

// RecoveryFile is the key that signs nothing but the rotation of an authority's key.
// It belongs on a medium of its own, away from the machine.
const RecoveryFile = "recovery.pem"

// NewMemberAuthority makes such a home in an empty directory: keys, a recovery key to be taken
// away, an age identity, and the request for the authority that runs the ledger.
func NewMemberAuthority(dir, name string, spec KeySpec) (*MemberAuthority, error) {
	p, err := newParty(dir, RoleMember, name, spec)
	if err != nil {
		return nil, err
	}
	return &MemberAuthority{*p}, nil
}

// OpenMemberAuthority opens such a home.
func OpenMemberAuthority(dir string) (*MemberAuthority, error) {
	id, err := open(dir, RoleMember)
	if err != nil {
		return nil, err
	}
	return &MemberAuthority{party{Identity: id, dir: dir}}, nil
}

// authorityKeys makes what only authorities have, and returns the public halves.
func (p *party) authorityKeys() (recoveryKey, recipient string, _ error) {
	recovery, err := newSigner(p.path(RecoveryFile))
	if err != nil {
		return "", "", err
	}
	identity, err := newIdentity(p.path(keysDir, identityKeyFile))
	if err != nil {
		return "", "", err
	}
	return recovery.PublicKey().String(), identity.Recipient().String(), nil
}

// Join takes the grant into the home, after checking that it is for this authority
// and these keys, and writes the credentials file beside it.
func (s *MemberAuthority) Join(grantPath, logKey string) (*Grant, error) {
	grant, err := ReadGrant(grantPath)
	if err != nil {
		return nil, err
	}
	if err := s.accept(grantPath, grant, logKey); err != nil {
		return nil, err
	}
	if err := s.turn(grant); err != nil {
		return nil, err
	}
	seed, err := s.ConnectionSeed()
	if err != nil {
		return nil, err
	}
	creds, err := jwt.FormatUserConfig(grant.User, seed)
	if err != nil {
		return nil, fmt.Errorf("grant %s: make credentials: %w", grantPath, err)
	}
	// The grant comes last: with it, the home has joined.
	if err := durable.WriteFile(s.CredsFile(), creds, 0o600); err != nil {
		return nil, fmt.Errorf("write credentials: %w", err)
	}
	return grant, s.keep(grant)
}

// CredsFile is the NATS credentials file. It is there when the home has joined, and
// secret.
func (s *MemberAuthority) CredsFile() string { return s.path("seat.creds") }

// OutboxFile is the authority's outbox, for registry events.
func (s *MemberAuthority) OutboxFile() string { return s.path("outbox.db") }
