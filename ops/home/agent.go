package home

import (
	"crypto"
	"crypto/ed25519"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/saksi-ledger/saksi/events"
)

const (
	agentSocket = "SSH_AUTH_SOCK"
	// agentDial and agentWait bound an agent's answers; a person may have to confirm
	// a signature.
	agentDial = 5 * time.Second
	agentWait = 2 * time.Minute
)

// agentKey is a key that an ssh-agent holds, as a home remembers it. It speaks the
// agent protocol (draft-ietf-sshm-ssh-agent) over the socket that SSH_AUTH_SOCK
// names, with a connection for each signature, and is safe for concurrent use.
type agentKey struct {
	V       int    `json:"v"`
	Key     string `json:"key"` // DER SubjectPublicKeyInfo, base64
	Comment string `json:"comment"`

	public events.PublicKey
}

// agentNewKey finds a key in the agent by its fingerprint or its comment.
func agentNewKey(want string) (*newKey, error) {
	conn, err := dialAgent()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	list, err := agent.NewClient(conn).List()
	if err != nil {
		return nil, fmt.Errorf("list the keys of the ssh-agent: %w", err)
	}
	if len(list) == 0 {
		return nil, noAgentKeys()
	}
	var found []*agentKey
	unfit := ""
	for _, k := range list {
		parsed, err := ssh.ParsePublicKey(k.Blob)
		if err != nil || (k.Comment != want && ssh.FingerprintSHA256(parsed) != want) {
			continue
		}
		public, err := agentPublicKey(parsed)
		if err != nil {
			unfit = parsed.Type()
			continue
		}
		found = append(found, &agentKey{V: 1, Key: public.String(), Comment: k.Comment})
	}
	switch {
	case len(found) == 0 && unfit != "":
		return nil, hint(fmt.Errorf("the key %q in the ssh-agent is of type %.40q", want, unfit),
			"sign with ssh-ed25519 or ecdsa-sha2-nistp256: ssh-keygen -t ed25519 makes one")
	case len(found) == 0:
		return nil, hint(fmt.Errorf("the ssh-agent has no key %q", want), "ssh-add -l lists what it has, by fingerprint and comment")
	case len(found) > 1:
		return nil, hint(fmt.Errorf("the ssh-agent has %d keys of the comment %q", len(found), want), "say which by its fingerprint: ssh-add -l lists them")
	}
	signer, err := found[0].signer()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(found[0])
	if err != nil {
		return nil, err
	}
	return &newKey{signer, agentExtension, append(text, '\n')}, nil
}

// agentPublicKey returns a key of one of the two kinds that sign envelopes.
func agentPublicKey(k ssh.PublicKey) (events.PublicKey, error) {
	c, ok := k.(ssh.CryptoPublicKey)
	if !ok || (k.Type() != ssh.KeyAlgoED25519 && k.Type() != ssh.KeyAlgoECDSA256) {
		return events.PublicKey{}, fmt.Errorf("a key of type %.40q signs no envelopes", k.Type())
	}
	return events.NewPublicKey(c.CryptoPublicKey())
}

func dialAgent() (net.Conn, error) {
	path := os.Getenv(agentSocket)
	if path == "" {
		return nil, hint(errors.New("the signing key is in an ssh-agent, and "+agentSocket+" names none"),
			`start one with eval "$(ssh-agent)", load the key with ssh-add, and run this where `+agentSocket+" is set")
	}
	conn, err := net.DialTimeout("unix", path, agentDial)
	if err != nil {
		return nil, hint(fmt.Errorf("the ssh-agent that "+agentSocket+" names can't be reached: %w", err),
			"see whether it runs (ssh-add -l), and whether "+agentSocket+" is that of this login")
	}
	return conn, conn.SetDeadline(time.Now().Add(agentWait))
}

func noAgentKeys() error {
	return hint(errors.New("the ssh-agent offers no keys: it is locked, or none was added"), "ssh-add -X unlocks it; ssh-add FILE adds a key")
}

func (k *agentKey) signer() (*events.Signer, error) {
	var err error
	if k.public, err = events.ParsePublicKey(k.Key); err != nil {
		return nil, fmt.Errorf("the key %q in the ssh-agent: %w", k.Comment, err)
	}
	return events.NewSigner(k)
}

// Public implements [crypto.Signer].
func (k *agentKey) Public() crypto.PublicKey { return k.public.Crypto() }

// Sign implements [crypto.Signer] for Ed25519, where the digest is the message. With
// ECDSA an agent hashes by itself: see SignMessage.
func (k *agentKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.public.Algorithm() != events.Ed25519 {
		return nil, errors.New("an ssh-agent signs messages, not digests")
	}
	return k.SignMessage(random, digest, opts)
}

// SignMessage implements [crypto.MessageSigner].
func (k *agentKey) SignMessage(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	public, err := ssh.NewPublicKey(k.Public())
	if err != nil {
		return nil, err
	}
	conn, err := dialAgent()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := agent.NewClient(conn)
	sig, err := client.Sign(public, message)
	if err != nil {
		return nil, k.refused(client, public, err)
	}
	return agentSignature(k.public.Algorithm(), sig)
}

// refused says why an agent did not sign, which its protocol doesn't.
func (k *agentKey) refused(client agent.Agent, public ssh.PublicKey, err error) error {
	list, listErr := client.List()
	if listErr != nil {
		return fmt.Errorf("sign with the key %q in the ssh-agent: %w", k.Comment, err)
	}
	if len(list) == 0 {
		return noAgentKeys()
	}
	for _, other := range list {
		if string(other.Blob) == string(public.Marshal()) {
			return hint(fmt.Errorf("the ssh-agent has the key %q and did not sign with it: %w", k.Comment, err), "somebody may have to confirm it at that machine")
		}
	}
	return hint(fmt.Errorf("the ssh-agent does not have the key %q, %s", k.Comment, ssh.FingerprintSHA256(public)), "add it again with ssh-add FILE; ssh-add -l lists what there is")
}

// agentSignature turns an SSH signature (RFC 8709, 6; RFC 5656, 3.1.2) into what the
// standard library has: the 64 bytes of Ed25519, or DER.
func agentSignature(algorithm events.Algorithm, sig *ssh.Signature) ([]byte, error) {
	switch {
	case algorithm == events.Ed25519 && sig.Format == ssh.KeyAlgoED25519 && len(sig.Blob) == ed25519.SignatureSize:
		return sig.Blob, nil
	case algorithm == events.ECDSAP256 && sig.Format == ssh.KeyAlgoECDSA256:
		var v struct{ R, S *big.Int }
		if err := ssh.Unmarshal(sig.Blob, &v); err != nil || v.R.Sign() <= 0 || v.S.Sign() <= 0 || v.R.BitLen() > 256 || v.S.BitLen() > 256 {
			return nil, errors.New("what the ssh-agent returned is not an ECDSA signature")
		}
		return asn1.Marshal(v)
	}
	return nil, fmt.Errorf("what the ssh-agent returned is not a signature of %s", algorithm)
}

var _ crypto.MessageSigner = (*agentKey)(nil)
