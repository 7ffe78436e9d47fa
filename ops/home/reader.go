package home

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"github.com/nats-io/jwt/v2"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// Reader is the home of a reader: somebody who reads views, feeds and, if the
// role goes that far, bodies. Its signing key signs its requests to the API.
type Reader struct{ party }

const (
	credsFile = "reader.creds"
	// feedsDir has how far feeds were read, of the ledger that the home has joined.
	feedsDir = "feeds"
)

// NewReader makes a reader's home in an empty directory: keys and the request for
// the authority.
func NewReader(dir, name string) (*Reader, error) {
	return NewReaderWith(dir, name, KeySpec{})
}

// NewReaderWith makes a reader's home with a signing key as it is specified.
func NewReaderWith(dir, name string, spec KeySpec) (*Reader, error) {
	p, err := newParty(dir, RoleReader, name, spec)
	if err != nil {
		return nil, err
	}
	return &Reader{*p}, nil
}

// OpenReader opens a reader's home.
func OpenReader(dir string) (*Reader, error) {
	id, err := open(dir, RoleReader)
	if err != nil {
		return nil, err
	}
	return &Reader{party{Identity: id, dir: dir}}, nil
}

// Join takes the authority's grant into the home, after checking that it is for
// this reader and these keys, and writes the credentials file beside it.
func (r *Reader) Join(grantPath, logKey string) (*Grant, error) {
	grant, err := ReadGrant(grantPath)
	if err != nil {
		return nil, err
	}
	if grant.Role != RoleReader {
		return nil, fmt.Errorf("grant %s: it is for %s, and this is the home of %s", grantPath, grant.Role.some(), RoleReader.some())
	}
	if grant.Mandate == nil || !grant.Mandate.Role.Valid() {
		return nil, fmt.Errorf("grant %s: it doesn't say as what it lets read", grantPath)
	}
	if err := r.accept(grantPath, grant, logKey); err != nil {
		return nil, err
	}
	if err := r.turn(grant); err != nil {
		return nil, err
	}
	seed, err := r.ConnectionSeed()
	if err != nil {
		return nil, err
	}
	creds, err := jwt.FormatUserConfig(grant.User, seed)
	if err != nil {
		return nil, fmt.Errorf("grant %s: make credentials: %w", grantPath, err)
	}
	// The grant comes last: with it, the home has joined.
	if err := durable.WriteFile(r.CredsFile(), creds, 0o600); err != nil {
		return nil, fmt.Errorf("write credentials: %w", err)
	}
	return grant, r.keep(grant)
}

// turn puts aside how far feeds were read, where the grant is of the ledger that takes the
// place of the one which the home has joined.
func (p *party) turn(next *Grant) error {
	before, err := p.Grant()
	if errors.Is(err, os.ErrNotExist) || err == nil && before.Ledger.Key == next.Ledger.Key {
		return nil
	} else if err != nil {
		return err
	}
	feeds := p.path(feedsDir)
	if _, err := os.Stat(feeds); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	sum := sha256.Sum256([]byte(before.Ledger.Key))
	if err := durable.Rename(feeds, fmt.Sprintf("%s-%x", feeds, sum[:4])); err != nil {
		return fmt.Errorf("put aside how far feeds of %s were read: %w", before.Ledger.Origin, err)
	}
	return nil
}

// CredsFile is the NATS credentials file, for any NATS client. It is there when
// the home has joined, and secret.
func (r *Reader) CredsFile() string { return r.path(credsFile) }

// FeedDir returns where one keeps how far one has read feeds, and makes it.
func (p *party) FeedDir() (string, error) {
	dir := p.path(feedsDir)
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a place for feeds: %w", err)
	}
	return dir, nil
}
