package home

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Authority is the home of an authority that runs a ledger.
type Authority struct {
	Identity
	dir string
}

const (
	eventKeyFile  = "ledger.pem"
	logKeyFile    = "log.key"
	logPublicFile = "log.pub"
	addressesFile = "addresses.json"
	genesisFile   = "genesis.hash"
)

// NewAuthority begins an authority's home in an empty directory: its keys are
// there when it returns. It is not a home until [Authority.Finish]. spec is of the key
// that signs what the authority says; the node's own keys are files, as it must start
// where nobody is.
func NewAuthority(dir, name, origin, jurisdiction string, spec KeySpec) (*Authority, error) {
	// What can be missing is asked for before there is a directory.
	key, err := spec.newKey()
	if err != nil {
		return nil, err
	}
	if err := begin(dir); err != nil {
		return nil, err
	}
	a := &Authority{Identity: Identity{V: 1, Role: RoleAuthority, Name: name, Origin: origin, Jurisdiction: jurisdiction}, dir: dir}
	if err := key.keep(a.path(keysDir, firstStem)); err != nil {
		return nil, err
	}
	if _, err := newSigner(a.path(keysDir, eventKeyFile)); err != nil {
		return nil, err
	}
	if err := newAnchorKey(a.path(keysDir)); err != nil {
		return nil, err
	}
	if _, err := newIdentity(a.path(keysDir, identityKeyFile)); err != nil {
		return nil, err
	}
	recovery, err := newSigner(a.path(RecoveryFile))
	if err != nil {
		return nil, err
	}
	if err := a.SetRecovery(recovery.PublicKey()); err != nil {
		return nil, err
	}
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, fmt.Errorf("make the log's key: %w", err)
	}
	if err := errors.Join(
		writeNew(a.path(keysDir, logKeyFile), []byte(private+"\n")),
		writeNew(a.path(keysDir, logPublicFile), []byte(public+"\n")),
	); err != nil {
		return nil, fmt.Errorf("keep the log's key: %w", err)
	}
	return a, nil
}

// Finish makes it a home, when all that belongs into it is there. genesis is the
// hash of leaf 0.
func (a *Authority) Finish(genesis tlog.Hash) error {
	if err := writeNew(a.path(genesisFile), []byte(genesis.String()+"\n")); err != nil {
		return err
	}
	b, err := json.MarshalIndent(a.Identity, "", "  ")
	if err != nil {
		return err
	}
	return writeNew(a.path(identityFile), append(b, '\n'))
}

// OpenAuthority opens an authority's home.
func OpenAuthority(dir string) (*Authority, error) {
	id, err := open(dir, RoleAuthority)
	if err != nil {
		return nil, err
	}
	return &Authority{Identity: id, dir: dir}, nil
}

func (a *Authority) path(parts ...string) string {
	return filepath.Join(append([]string{a.dir}, parts...)...)
}

// LedgerDir is where the tree, the bodies and the ledger's database lie.
func (a *Authority) LedgerDir() string { return a.path("ledger") }

// BrokerDir is where the broker's accounts and keys lie.
func (a *Authority) BrokerDir() string { return a.path("broker") }

// StreamDir is where the embedded broker stores streams.
func (a *Authority) StreamDir() string { return a.path("stream") }

// PredecessorDir is where a copy lies of what is public of the tree before the ledger's, if
// it takes the place of one.
func (a *Authority) PredecessorDir() string { return a.path("predecessor") }

// OutboxFile is the authority's own outbox, for registry events.
func (a *Authority) OutboxFile() string { return a.path("outbox.db") }

// Signer returns the key that signs registry events. One that is under a passphrase or
// in an ssh-agent is only asked for when it signs.
func (a *Authority) Signer() (*events.Signer, error) { return currentSigner(a.path(keysDir)) }

// RecoveryKey returns the key that rotates the one of registry events when that is
// lost or stolen, if it is still in the home: it should not be.
func (a *Authority) RecoveryKey() (*events.Signer, error) { return readSigner(a.path(RecoveryFile)) }

// NewKey makes a signing key in a file that must not be there yet.
func NewKey(path string) (*events.Signer, error) { return newSigner(path) }

// ReadKey returns the signing key in a file.
func ReadKey(path string) (*events.Signer, error) { return readSigner(path) }

// EventKey returns the key that signs the ledger's own events.
func (a *Authority) EventKey() (*events.Signer, error) {
	return readSigner(a.path(keysDir, eventKeyFile))
}

// LogKey returns the key that signs checkpoints.
func (a *Authority) LogKey() (note.Signer, error) {
	text, err := readSecret(a.path(keysDir, logKeyFile))
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(string(text))
	if err != nil {
		return nil, errors.New("read the log's key: it is not a signed-note key")
	}
	return signer, nil
}

// LogVerifierKey returns the public half of the log's key.
func (a *Authority) LogVerifierKey() (string, error) {
	text, err := os.ReadFile(a.path(keysDir, logPublicFile))
	if err != nil {
		return "", fmt.Errorf("read the log's public key: %w", err)
	}
	return string(trimLine(text)), nil
}

// Trust returns what others need to believe this ledger, for a trust file.
func (a *Authority) Trust() (*verify.Trust, error) {
	key, err := a.LogVerifierKey()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(a.path(genesisFile))
	if err != nil {
		return nil, fmt.Errorf("read the genesis's hash: %w", err)
	}
	genesis, err := tlog.ParseHash(string(trimLine(text)))
	if err != nil {
		return nil, fmt.Errorf("read the genesis's hash: %w", err)
	}
	anchorKey, err := os.ReadFile(a.path(keysDir, anchorPublicFile))
	if err != nil {
		return nil, fmt.Errorf("read the public half of the anchor key: %w", err)
	}
	rekors, err := a.rekors()
	if err != nil {
		return nil, err
	}
	timestamps, err := a.timestamps()
	if err != nil {
		return nil, err
	}
	// Who is independent of an authority is not its own to say: whoever reads the trust
	// file says so.
	for i := range rekors {
		rekors[i].Independent = false
	}
	for i := range timestamps {
		timestamps[i].Independent = false
	}
	return &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{{
		Origin: a.Origin, Key: key, Genesis: genesis, Owner: a.Name + ", " + a.Jurisdiction,
		AnchorKeys: []string{string(trimLine(anchorKey))},
	}}, Rekors: rekors, Timestamps: timestamps}, nil
}

// Addresses are where a node is reached. They are kept so that it has the same
// after a restart, and for the authority's other commands.
type Addresses struct {
	// NATSListen and HTTPListen are what the node listens on; NATSListen is empty
	// where the broker is somebody else's.
	NATSListen string `json:"natsListen,omitempty"`
	HTTPListen string `json:"httpListen"`
	// NATS and HTTP are the URLs that others are told.
	NATS string `json:"nats"`
	HTTP string `json:"http"`
	// WebSocket is the broker's, for clients that speak it; empty: there is none.
	WebSocket string `json:"webSocket,omitempty"`
	// LocalNATS is how the authority's own commands reach the broker.
	LocalNATS string `json:"localNats"`
	// LocalHTTP is how they reach the node; empty: over HTTPListen, which is without TLS.
	LocalHTTP string `json:"localHttp,omitempty"`
}

// LocalURL is how the authority's own commands reach the node.
func (a Addresses) LocalURL() string {
	if a.LocalHTTP != "" {
		return a.LocalHTTP
	}
	return "http://" + a.HTTPListen
}

// SetAddresses keeps the node's addresses.
func (a *Authority) SetAddresses(addresses Addresses) error {
	return WriteJSON(a.path(addressesFile), addresses, 0o600)
}

// Addresses returns the addresses of the node's last start. The error is
// [os.ErrNotExist] if it never ran.
func (a *Authority) Addresses() (Addresses, error) {
	var addresses Addresses
	err := readJSON(a.path(addressesFile), &addresses)
	return addresses, err
}

func trimLine(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
