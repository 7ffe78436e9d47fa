package home

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Request is what someone who wants to take part gives the authority: public
// keys, and a signature that shows that the secret one is held.
type Request struct {
	V    int    `json:"v"`
	Role Role   `json:"role"`
	Name string `json:"name"`
	// Key is the signing key: DER SubjectPublicKeyInfo, base64.
	Key string `json:"key"`
	// Connection is the public nkey of the connection's user.
	Connection string `json:"connection"`
	// RecoveryKey and Recipient are an authority's: a key like Key that is kept
	// offline, and the age recipient of what is for its eyes.
	RecoveryKey string `json:"recoveryKey,omitempty"`
	Recipient   string `json:"recipient,omitempty"`
	// Proof is the signature by Key over the fields above that are there, each on a
	// line after "saksi request v1", base64.
	Proof []byte `json:"proof"`
}

func newRequest(role Role, name string, signer *events.Signer, connection string) (*Request, error) {
	return sealRequest(&Request{V: 1, Role: role, Name: name, Connection: connection}, signer)
}

func sealRequest(r *Request, signer *events.Signer) (_ *Request, err error) {
	r.Key = signer.PublicKey().String()
	r.Proof, err = signer.Sign(rand.Reader, r.message())
	return r, err
}

func (r *Request) message() []byte {
	var b bytes.Buffer
	lines := []string{"saksi request v1", string(r.Role), r.Name, r.Key, r.Connection}
	if r.Role == RoleMember {
		lines = append(lines, r.RecoveryKey, r.Recipient)
	}
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	return b.Bytes()
}

// ReadRequest reads and checks a request.
func ReadRequest(path string) (*Request, error) {
	r := &Request{}
	if err := readJSON(path, r); err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("request %s: %w", path, err)
	}
	return r, nil
}

func (r *Request) check() error {
	switch {
	case r.V == 0:
		return errors.New("it is no request, as saksi enrol writes it")
	case r.V != 1:
		return fmt.Errorf("version %d: this program knows 1", r.V)
	case r.Role != RoleOperator && r.Role != RoleReader && r.Role != RoleMember:
		return fmt.Errorf("it asks for the role %q", r.Role)
	case !events.ValidName(r.Name):
		return fmt.Errorf("the name %q is not of a-z, 0-9 and -, at most 40", r.Name)
	case !nkeys.IsValidPublicUserKey(r.Connection):
		return errors.New("the connection's key is not the public nkey of a user")
	}
	key, err := events.ParsePublicKey(r.Key)
	if err != nil {
		return err
	}
	if !key.Verify(r.message(), r.Proof) {
		return errors.New("it is not signed by the key that it names: it was changed, or is somebody else's")
	}
	return nil
}

// Grant is the authority's answer to a request: where the ledger is, how to
// connect, and whom to believe. Nothing in it is secret: the user's JWT works
// only with the connection's key.
type Grant struct {
	V          int    `json:"v"`
	Role       Role   `json:"role"`
	Name       string `json:"name"`
	Authority  string `json:"authority"`
	Connection string `json:"connection"`
	// User is the NATS user's JWT.
	User string `json:"user"`
	// NATS and HTTP are the ledger's addresses.
	NATS string `json:"nats"`
	HTTP string `json:"http"`
	// Ledger is what to believe. Compare its key with what the authority has
	// published elsewhere.
	Ledger verify.TrustedLedger `json:"ledger"`
	// Mandate is what a reader may see; absent for an operator.
	Mandate *ReadingMandate `json:"mandate,omitempty"`
	// Predecessor is the tree whose place the ledger takes; absent where there is none, or
	// the party was not let in by that one.
	Predecessor *Predecessor `json:"predecessor,omitempty"`
	// Voice is by which keys the authority that runs the ledger is recognized. The home
	// keeps what it joins with: a successor must be signed for by it.
	Voice *AuthorityKeys `json:"voice,omitempty"`
}

// Predecessor is the tree before a ledger's.
type Predecessor struct {
	// Checkpoint is its last one, a signed note, as the ledger's genesis has it.
	Checkpoint string `json:"checkpoint"`
	// HTTP is below which its checkpoint and tiles are served.
	HTTP string `json:"http"`
	// Signature is by that tree's authority: see [Grant.Vouch]. Absent where its key was
	// not at hand: then who joins must have the log's key from elsewhere.
	Signature []byte `json:"signature,omitempty"`
	// Rotations are the envelopes, in the order of that tree's leaves, that replaced the
	// authority's key: a home may have joined before.
	Rotations [][]byte `json:"rotations,omitempty"`
}

// PredecessorPath is below which a node serves what is public of the tree before its own.
const PredecessorPath = "/predecessor"

// ReadingMandate is what a reader may see: as what it reads, and of whom. Empty
// lists stand for all.
type ReadingMandate struct {
	Role       ReaderRole `json:"role"`
	Facilities []string   `json:"facilities,omitempty"`
	Operators  []string   `json:"operators,omitempty"`
	Families   []string   `json:"families,omitempty"`
	Sectors    []string   `json:"sectors,omitempty"`
	Tenants    []string   `json:"tenants,omitempty"`
	// Authority is whose mandate bounds it too, if it isn't that of who gives the grant.
	Authority string `json:"authority,omitempty"`
	// Views are those whose feeds it reads at the broker. A reader that is bounded to
	// customers, or by another authority's mandate, has none there: the broker can't
	// tell a customer's rows from others', nor learns when a mandate changes. It
	// reads feeds over HTTP.
	Views []string `json:"views"`
}

// ReadGrant reads and checks a grant.
func ReadGrant(path string) (*Grant, error) {
	g := &Grant{}
	if err := readJSON(path, g); err != nil {
		return nil, fmt.Errorf("read grant: %w", err)
	}
	if g.V == 0 || g.Role == "" {
		return nil, hint(fmt.Errorf("%s is no grant", path), "the authority writes one with saksi operator add or saksi reader add, from your request.json")
	}
	log, err := g.Ledger.Log()
	switch {
	case g.V != 1:
		return nil, fmt.Errorf("grant %s: version %d: this program knows 1", path, g.V)
	case err != nil:
		return nil, fmt.Errorf("grant %s: %w", path, err)
	case log.Origin() != g.Ledger.Origin:
		return nil, fmt.Errorf("grant %s: the log's key is of %s, not of %s", path, log.Origin(), g.Ledger.Origin)
	case g.NATS == "" || g.HTTP == "" || g.User == "":
		return nil, fmt.Errorf("grant %s: it has no addresses or no credentials", path)
	}
	return g, nil
}

// Fingerprint returns a key in the short form that people compare aloud.
func Fingerprint(key events.PublicKey) string {
	id := string(key.ID())
	return id[:4] + " " + id[4:8] + " " + id[8:12] + " " + id[12:16]
}
