package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/saksi-ledger/saksi/events"
)

// A home's first key and its request are keys/signing.* and request.json; further
// ones have the first of their id's digits in their names. The file keys/current names
// the one that signs, where it isn't the first.
const (
	firstStem   = "signing"
	currentFile = "current"
	stemDigits  = 12
)

// HeldKey is a signing key of a home.
type HeldKey struct {
	ID        events.KeyID     `json:"keyid"`
	Algorithm events.Algorithm `json:"algorithm"`
	Kept      string           `json:"kept"` // file or agent
	Signs     bool             `json:"signs"`

	public events.PublicKey
	stem   string
}

// Signer returns the key that signs what this party says. One that is under a
// passphrase or in an ssh-agent is only asked for when it signs.
func (p *party) Signer() (*events.Signer, error) {
	stem, err := p.current()
	if err != nil {
		return nil, err
	}
	return openKey(p.path(keysDir, stem))
}

func (p *party) current() (string, error) {
	path := p.path(keysDir, currentFile)
	text, err := readSecret(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return firstStem, nil
	case err != nil:
		return "", err
	}
	stem := string(text)
	if digits, ok := strings.CutPrefix(stem, firstStem+"-"); stem != firstStem && (!ok || !validDigits(digits)) {
		return "", fmt.Errorf("%s names no key", path)
	}
	return stem, nil
}

func validDigits(s string) bool {
	return len(s) == stemDigits && strings.Trim(s, "0123456789abcdef") == ""
}

// Keys returns the signing keys of the home, the first one first.
func (p *party) Keys() ([]HeldKey, error) {
	current, err := p.current()
	if err != nil {
		return nil, err
	}
	more, err := filepath.Glob(p.path("request-*.json"))
	if err != nil {
		return nil, err
	}
	var keys []HeldKey
	for _, path := range append([]string{p.RequestFile()}, more...) {
		request, err := ReadRequest(path)
		if err != nil {
			return nil, err
		}
		key, err := events.ParsePublicKey(request.Key)
		if err != nil {
			return nil, err
		}
		k := HeldKey{ID: key.ID(), Algorithm: key.Algorithm(), Kept: "file", public: key,
			stem: firstStem + strings.TrimPrefix(strings.TrimSuffix(filepath.Base(path), ".json"), "request")}
		k.Signs = k.stem == current
		if _, err := os.Stat(p.path(keysDir, k.stem+agentExtension)); err == nil {
			k.Kept = "agent"
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// NewKey makes or finds one more signing key and writes its request for the
// authority. What signs stays as it was: see UseKey.
func (p *party) NewKey(spec KeySpec) (request string, _ events.PublicKey, _ error) {
	key, err := spec.newKey()
	if err != nil {
		return "", events.PublicKey{}, err
	}
	public := key.signer.PublicKey()
	held, err := p.Keys()
	if err != nil {
		return "", events.PublicKey{}, err
	}
	for _, k := range held {
		if k.ID == public.ID() {
			return "", events.PublicKey{}, hint(fmt.Errorf("key %.12s is one of this home's already", public.ID()), "saksi key list shows them")
		}
	}
	connection, err := p.connection()
	if err != nil {
		return "", events.PublicKey{}, err
	}
	r, err := newRequest(p.Role, p.Name, key.signer, connection)
	if err != nil {
		return "", events.PublicKey{}, err
	}
	digits := string(public.ID()[:stemDigits])
	if err := key.keep(p.path(keysDir, firstStem+"-"+digits)); err != nil {
		return "", events.PublicKey{}, err
	}
	path := p.path("request-" + digits + ".json")
	return path, public, WriteJSON(path, r, 0o644)
}

// UseKey has another key of the home sign from now on: the one whose id begins with
// this, which must be so of one alone.
func (p *party) UseKey(id string) (events.PublicKey, error) {
	held, err := p.Keys()
	if err != nil {
		return events.PublicKey{}, err
	}
	var found []HeldKey
	for _, k := range held {
		if id != "" && strings.HasPrefix(string(k.ID), id) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return events.PublicKey{}, hint(fmt.Errorf("%d of this home's keys have an id that begins with %.80q", len(found), id), "saksi key list shows them")
	}
	signer, err := openKey(p.path(keysDir, found[0].stem))
	if err != nil {
		return events.PublicKey{}, err
	}
	if signer.PublicKey().ID() != found[0].ID {
		return events.PublicKey{}, fmt.Errorf("the key that is kept as %s is not the one of its request", found[0].stem)
	}
	if err := replace(p.path(keysDir, currentFile), []byte(found[0].stem+"\n"), 0o600); err != nil {
		return events.PublicKey{}, fmt.Errorf("use key %.12s: %w", found[0].ID, err)
	}
	return found[0].public, nil
}
