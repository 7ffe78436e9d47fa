package home

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

const (
	anchorKeyFile    = "anchor.pem"
	anchorPublicFile = "anchor.pub"
)

// newAnchorKey makes the key that signs what goes to a Rekor: ECDSA P-256, which
// every version of Rekor takes (PKCS#8, 0600). Its public half lies beside it: DER
// SubjectPublicKeyInfo, base64.
func newAnchorKey(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the anchor key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make the anchor key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("make the anchor key: %w", err)
	}
	if err := errors.Join(
		writeNew(filepath.Join(dir, anchorKeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		writeNew(filepath.Join(dir, anchorPublicFile), []byte(base64.StdEncoding.EncodeToString(public)+"\n")),
	); err != nil {
		return fmt.Errorf("keep the anchor key: %w", err)
	}
	return nil
}

// AnchorKey returns the key that signs what goes to a Rekor.
func (a *Authority) AnchorKey() (*ecdsa.PrivateKey, error) {
	path := a.path(keysDir, anchorKeyFile)
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("read key %s: not a PEM file", path)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key %s: not PKCS#8", path)
	}
	key, ok := private.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("read key " + path + ": want ECDSA P-256")
	}
	return key, nil
}

// RekorDir is where the node's own Rekor keeps its log.
func (a *Authority) RekorDir() string { return a.path("rekor") }

// ViewsDir is where views lie.
func (a *Authority) ViewsDir() string { return a.path("views") }

// ViewsMark is the file that stands while the views hold what was erased from the
// ledger, and are to be made again.
func (a *Authority) ViewsMark() string { return filepath.Join(a.ViewsDir(), "holds-erased") }

// Dir is the home's directory.
func (a *Authority) Dir() string { return a.dir }

// rekorsFile names the Rekors that the node anchors in.
const rekorsFile = "rekors.json"

// SetRekors keeps which Rekors the node anchors in, for trust files.
func (a *Authority) SetRekors(rekors []verify.TrustedRekor) error {
	return WriteJSON(a.path(rekorsFile), rekors, 0o600)
}

// rekors returns the Rekors that the node anchored in when it last ran.
func (a *Authority) rekors() ([]verify.TrustedRekor, error) {
	var rekors []verify.TrustedRekor
	if err := readJSON(a.path(rekorsFile), &rekors); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read which Rekors are anchored in: %w", err)
	}
	return rekors, nil
}

// timestampsFile names the timestamp authorities that the node asks.
const timestampsFile = "timestamps.json"

// SetTimestamps keeps which timestamp authorities the node asks, for trust files, beside
// those that it asked before under other names: their tokens are still there.
func (a *Authority) SetTimestamps(authorities []verify.TrustedAuthority) error {
	before, err := a.timestamps()
	if err != nil {
		return err
	}
	for _, b := range before {
		if !slices.ContainsFunc(authorities, func(now verify.TrustedAuthority) bool { return now.Name == b.Name }) {
			authorities = append(authorities, b)
		}
	}
	return WriteJSON(a.path(timestampsFile), authorities, 0o600)
}

// timestamps returns the timestamp authorities that the node has ever asked.
func (a *Authority) timestamps() ([]verify.TrustedAuthority, error) {
	var authorities []verify.TrustedAuthority
	if err := readJSON(a.path(timestampsFile), &authorities); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read which timestamp authorities are asked: %w", err)
	}
	return authorities, nil
}
