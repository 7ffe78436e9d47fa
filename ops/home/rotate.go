package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/paths"
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
	return currentSigner(p.path(keysDir))
}

// Signers returns all keys that sign envelopes, [party.Signer] first: more than one
// where a recorder demands them.
func (p *party) Signers() ([]*events.Signer, error) {
	stems, err := currentStems(p.path(keysDir))
	if err != nil {
		return nil, err
	}
	var signers []*events.Signer
	for _, stem := range stems {
		signer, err := openKey(p.path(keysDir, stem))
		if err != nil {
			return nil, err
		}
		signers = append(signers, signer)
	}
	return signers, nil
}

func currentSigner(keys string) (*events.Signer, error) {
	stem, err := currentStem(keys)
	if err != nil {
		return nil, err
	}
	return openKey(filepath.Join(keys, stem))
}

// currentStem is of the key that signs, or of the first of those.
func currentStem(keys string) (string, error) {
	stems, err := currentStems(keys)
	if err != nil {
		return "", err
	}
	return stems[0], nil
}

// currentStems are of all keys that sign, at least one.
func currentStems(keys string) ([]string, error) {
	stems, err := readStems(filepath.Join(keys, currentFile))
	if errors.Is(err, os.ErrNotExist) {
		return []string{firstStem}, nil
	}
	return stems, err
}

// readStems reads the stems that a file names, a line each.
func readStems(path string) ([]string, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	stems := strings.Split(string(text), "\n")
	for _, stem := range stems {
		if digits, ok := strings.CutPrefix(stem, firstStem+"-"); stem != firstStem && (!ok || !validDigits(digits)) {
			return nil, fmt.Errorf("%s names no key", path)
		}
	}
	return stems, nil
}

// stemOf is where a key that is not a home's first is kept.
func stemOf(id events.KeyID) string { return firstStem + "-" + string(id[:stemDigits]) }

func validDigits(s string) bool {
	return len(s) == stemDigits && strings.Trim(s, "0123456789abcdef") == ""
}

// Keys returns the signing keys of the home, the first one first.
func (p *party) Keys() ([]HeldKey, error) {
	current, err := currentStems(p.path(keysDir))
	if err != nil {
		return nil, err
	}
	more, err := paths.List(p.path(), "request-", ".json")
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
		k.Signs = slices.Contains(current, k.stem)
		if _, err := os.Stat(p.path(keysDir, k.stem+agentExtension)); err == nil {
			k.Kept = "agent"
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// NewKey makes or finds one more signing key and writes its request for the
// authority. What signs stays as it was: see UseKeys.
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
	if err := key.keep(p.path(keysDir, stemOf(public.ID()))); err != nil {
		return "", events.PublicKey{}, err
	}
	path := p.path("request-" + digits + ".json")
	return path, public, WriteJSON(path, r, 0o644)
}

// UseKeys has these keys of the home sign from now on: those whose ids begin so, each
// of one key alone. More than one sign each envelope together; the first also asks for
// what the API has for this party.
func (p *party) UseKeys(ids ...string) ([]events.PublicKey, error) {
	held, err := p.Keys()
	if err != nil {
		return nil, err
	}
	var keys []events.PublicKey
	var stems []string
	for _, id := range ids {
		k, err := heldKey(held, id)
		if err != nil {
			return nil, err
		}
		signer, err := openKey(p.path(keysDir, k.stem))
		if err != nil {
			return nil, err
		}
		if signer.PublicKey().ID() != k.ID {
			return nil, fmt.Errorf("the key that is kept as %s is not the one of its request", k.stem)
		}
		if slices.Contains(stems, k.stem) {
			return nil, fmt.Errorf("key %.12s signs once", k.ID)
		}
		keys, stems = append(keys, k.public), append(stems, k.stem)
	}
	if len(stems) == 0 {
		return nil, errors.New("no key to sign with is named")
	}
	if err := durable.WriteFile(p.path(keysDir, currentFile), []byte(strings.Join(stems, "\n")+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("use key %.12s: %w", keys[0].ID(), err)
	}
	return keys, nil
}

// heldKey is the one key whose id begins so.
func heldKey(held []HeldKey, id string) (HeldKey, error) {
	var found []HeldKey
	for _, k := range held {
		if id != "" && strings.HasPrefix(string(k.ID), id) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return HeldKey{}, hint(fmt.Errorf("%d of this home's keys have an id that begins with %.80q", len(found), id), "saksi key list shows them")
	}
	return found[0], nil
}
