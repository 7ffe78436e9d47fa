package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// kindHashedRekord is the kind of entry that anchors are.
const kindHashedRekord = "hashedrekord"

// Anchor says that a ledger's signed checkpoint stands in a Rekor.
type Anchor struct {
	// Rekor is the origin of the Rekor's checkpoint: of version 1 with its tree id.
	Rekor string
	// Trusted is the Rekor of the trust file that it is believed by.
	Trusted *TrustedRekor
	// Owner and Independent are the trust file's word about that Rekor.
	Owner       string
	Independent bool
	// Kind and Version are the entry's: hashedrekord, and 0.0.1 in a Rekor v1 or
	// 0.0.2 in a Rekor v2.
	Kind, Version string
	LogID         []byte
	// Index is the entry's, over all shards of a Rekor v1.
	Index uint64
	// IntegratedTime is when the entry came, to the second, by the word of that
	// Rekor alone. It is zero in version 2, which gives none.
	IntegratedTime time.Time
	// Checkpoint is the Rekor's, and covers the entry.
	Checkpoint *formats.Checkpoint
	// Entry is what was verified.
	Entry *LogEntry
}

// VerifyAnchor checks, without asking anyone, that the entry is one of this Rekor's
// for the bytes of note: what [TrustedRekor.VerifyEntry] checks, and that the entry
// is a hashedrekord over the SHA-256 of exactly note, signed by one of anchorKeys.
// What note says is not looked at. It is safe for concurrent use.
func (r *TrustedRekor) VerifyAnchor(entryJSON, note []byte, anchorKeys ...*ecdsa.PublicKey) (*Anchor, error) {
	e, err := ParseLogEntry(entryJSON)
	if err != nil {
		return nil, fmt.Errorf("anchor in the Rekor %s: %w", r.Origin, err)
	}
	return r.verifyAnchor(e, note, anchorKeys)
}

func (r *TrustedRekor) verifyAnchor(e *LogEntry, note []byte, anchorKeys []*ecdsa.PublicKey) (*Anchor, error) {
	proven, err := r.VerifyEntry(e)
	if err != nil {
		return nil, err
	}
	if err := e.checkBody(r.Version, sha256.Sum256(note), anchorKeys); err != nil {
		return nil, fmt.Errorf("anchor in the Rekor %s: %w", r.Origin, err)
	}
	return &Anchor{
		Rekor: proven.Checkpoint.Origin, Trusted: r, Owner: r.Owner, Independent: r.Independent,
		Kind: e.KindVersion.Kind, Version: e.KindVersion.Version, LogID: e.LogID.KeyID,
		Index: proven.Index, IntegratedTime: proven.IntegratedTime, Checkpoint: proven.Checkpoint, Entry: e,
	}, nil
}

// hashedRekord is what the two versions of the kind hold, and a kind can't without
// being this one: what is signed, by which key, and the signature.
type hashedRekord struct {
	digest    []byte
	signature []byte
	key       []byte // DER SubjectPublicKeyInfo
}

// checkBody checks that an entry's body is a hashedrekord over digest, signed by one
// of keys.
func (e *LogEntry) checkBody(rekorVersion int, digest [sha256.Size]byte, keys []*ecdsa.PublicKey) error {
	var record *hashedRekord
	var err error
	var version string
	if rekorVersion == 1 {
		version = "0.0.1"
		record, err = parseHashedRekord001(e.CanonicalizedBody)
	} else {
		version = "0.0.2"
		record, err = parseHashedRekord002(e.CanonicalizedBody)
	}
	switch {
	case err != nil:
		return fmt.Errorf("its body is no hashedrekord %s with a key: %w", version, err)
	case e.KindVersion != kindVersion{kindHashedRekord, version}:
		return fmt.Errorf("it is said to be of kind %.40q, version %.40q, and its body is a hashedrekord %s", e.KindVersion.Kind, e.KindVersion.Version, version)
	case string(record.digest) != string(digest[:]):
		return errors.New("it is about other bytes than those of the checkpoint that was anchored")
	}
	public, err := parseAnchorKey(record.key)
	if err != nil {
		return fmt.Errorf("the key in its body: %w", err)
	}
	for _, key := range keys {
		if !key.Equal(public) {
			continue
		}
		if !ecdsa.VerifyASN1(key, digest[:], record.signature) {
			return errors.New("the anchor key's signature over the checkpoint does not hold")
		}
		return nil
	}
	return errors.New("its body is signed by a key that is none of the ledger's anchor keys")
}

// parseHashedRekord001 reads the body of Rekor v1's hashedrekord 0.0.1, which holds
// the key in PEM.
func parseHashedRekord001(body []byte) (*hashedRekord, error) {
	var b struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Spec       struct {
			Data struct {
				Hash struct {
					Algorithm string `json:"algorithm"`
					Value     string `json:"value"`
				} `json:"hash"`
			} `json:"data"`
			Signature struct {
				Content   []byte `json:"content"`
				PublicKey struct {
					Content []byte `json:"content"`
				} `json:"publicKey"`
			} `json:"signature"`
		} `json:"spec"`
	}
	if err := jsonv2.Unmarshal(body, &b, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	hash := b.Spec.Data.Hash
	switch {
	case b.Kind != kindHashedRekord || b.APIVersion != "0.0.1":
		return nil, fmt.Errorf("it is of kind %.40q, version %.40q", b.Kind, b.APIVersion)
	case hash.Algorithm != "sha256":
		return nil, fmt.Errorf("its hash is by %.40q: want sha256", hash.Algorithm)
	}
	digest, err := hex.DecodeString(hash.Value)
	if err != nil {
		return nil, errors.New("its hash is not hexadecimal")
	}
	block, rest := pem.Decode(b.Spec.Signature.PublicKey.Content)
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		return nil, errors.New("it holds no public key in PEM")
	}
	return &hashedRekord{digest, b.Spec.Signature.Content, block.Bytes}, nil
}

// parseHashedRekord002 reads the body of Rekor v2's hashedrekord 0.0.2.
func parseHashedRekord002(body []byte) (*hashedRekord, error) {
	var b struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Spec       struct {
			HashedRekord struct {
				Data struct {
					Algorithm string `json:"algorithm"`
					Digest    []byte `json:"digest"`
				} `json:"data"`
				Signature struct {
					Content  []byte `json:"content"`
					Verifier struct {
						KeyDetails string `json:"keyDetails"`
						PublicKey  struct {
							RawBytes []byte `json:"rawBytes"`
						} `json:"publicKey"`
					} `json:"verifier"`
				} `json:"signature"`
			} `json:"hashedRekordV002"`
		} `json:"spec"`
	}
	if err := jsonv2.Unmarshal(body, &b, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	record := b.Spec.HashedRekord
	switch {
	case b.Kind != kindHashedRekord || b.APIVersion != "0.0.2":
		return nil, fmt.Errorf("it is of kind %.40q, version %.40q", b.Kind, b.APIVersion)
	case record.Data.Algorithm != "SHA2_256":
		return nil, fmt.Errorf("its hash is by %.40q: want SHA2_256", record.Data.Algorithm)
	case record.Signature.Verifier.KeyDetails != "PKIX_ECDSA_P256_SHA_256":
		return nil, fmt.Errorf("its key is %.40q: want PKIX_ECDSA_P256_SHA_256", record.Signature.Verifier.KeyDetails)
	}
	return &hashedRekord{record.Data.Digest, record.Signature.Content, record.Signature.Verifier.PublicKey.RawBytes}, nil
}

// ParseAnchorKey reads an anchor key as trust files hold it: ECDSA P-256, as PEM or
// as the base64 of its DER SubjectPublicKeyInfo.
func ParseAnchorKey(s string) (*ecdsa.PublicKey, error) {
	if block, rest := pem.Decode([]byte(s)); block != nil {
		if block.Type != "PUBLIC KEY" || len(rest) > 0 {
			return nil, errors.New("anchor key: want one PUBLIC KEY in PEM")
		}
		return parseAnchorKey(block.Bytes)
	}
	der, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("anchor key: neither PEM nor base64")
	}
	return parseAnchorKey(der)
}

func parseAnchorKey(der []byte) (*ecdsa.PublicKey, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("anchor key: not a SubjectPublicKeyInfo: %w", err)
	}
	key, ok := public.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("anchor key: not ECDSA P-256")
	}
	return key, nil
}
