package home

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// AuthorityKeys is by which keys the authority that runs a ledger is recognized. A home pins it when
// it joins: whoever takes the log's key alone can't move the home to a ledger of his own.
type AuthorityKeys struct {
	// Key signs what the authority says in the registry: DER SubjectPublicKeyInfo, base64.
	Key string `json:"key"`
	// RecoveryKey is kept offline; empty where the home doesn't know it.
	RecoveryKey string `json:"recoveryKey,omitempty"`
}

// recoveryPublicFile is the public half of the recovery key, which is taken away itself.
const recoveryPublicFile = "recovery.pub"

// AuthorityKeys returns by which keys this authority is recognized; nil if its key is lost.
func (a *Authority) AuthorityKeys() (*AuthorityKeys, error) {
	signer, err := a.Signer()
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	v := &AuthorityKeys{Key: signer.PublicKey().String()}
	text, err := os.ReadFile(a.path(keysDir, recoveryPublicFile))
	switch {
	case err == nil:
		v.RecoveryKey = string(trimLine(text))
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("read the public half of the recovery key: %w", err)
	}
	return v, nil
}

// SetRecovery keeps the public half of the recovery key that counts from now on.
func (a *Authority) SetRecovery(key events.PublicKey) error {
	if err := durable.WriteFile(a.path(keysDir, recoveryPublicFile), []byte(key.String()+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the public half of the recovery key: %w", err)
	}
	return nil
}

// said is what the authority of the tree before signs: which ledger takes that tree's place,
// where it is, and by which keys its authority is recognized. The rest of a grant is the
// party's own, and moves nobody elsewhere.
func (g *Grant) said() ([]byte, error) {
	last, err := formats.ParseCheckpoint([]byte(g.Predecessor.Checkpoint))
	if err != nil {
		return nil, err
	}
	voice := AuthorityKeys{}
	if g.Voice != nil {
		voice = *g.Voice
	}
	lines := []string{
		"saksi succession v1", last.Origin, strconv.FormatUint(last.Size, 10), last.Root.String(),
		g.Ledger.Origin, g.Ledger.Key, g.Ledger.Genesis.String(), voice.Key, voice.RecoveryKey, g.NATS, g.HTTP, g.Predecessor.HTTP,
		strconv.Itoa(len(g.Ledger.AnchorKeys)),
	}
	for _, line := range append(lines, g.Ledger.AnchorKeys...) {
		// Two statements must not be one text. PEM is the one thing that has lines.
		if strings.Contains(line, "\n") {
			return nil, errors.New("it has a line feed where none belongs")
		}
	}
	return []byte(strings.Join(append(lines, g.Ledger.AnchorKeys...), "\n") + "\n"), nil
}

// Vouch signs what the grant says of its ledger's taking another's place, with a key of that
// one's authority. rotations are the envelopes, in order, by which that key came to count.
func (g *Grant) Vouch(by *events.Signer, rotations [][]byte) (err error) {
	message, err := g.said()
	if err == nil {
		g.Predecessor.Signature, err = by.Sign(rand.Reader, message)
	}
	if err != nil {
		return fmt.Errorf("sign which ledger succeeds the predecessor: %w", err)
	}
	g.Predecessor.Rotations = rotations
	return nil
}

// vouched tells whether the authority that is recognized so has signed it.
func (g *Grant) vouched(v AuthorityKeys) error {
	if len(g.Predecessor.Signature) == 0 {
		return errors.New("it is not signed by that one's authority")
	}
	message, err := g.said()
	if err != nil {
		return err
	}
	for _, body := range g.Predecessor.Rotations {
		v.follow(body)
	}
	for _, text := range []string{v.Key, v.RecoveryKey} {
		if key, err := events.ParsePublicKey(text); err == nil && key.Verify(message, g.Predecessor.Signature) {
			return nil
		}
	}
	return errors.New("its signature is not by a key of that one's authority, or is of something else")
}

// follow turns to the key that an envelope puts in the place of this one, if it does. Others
// are of before the key was pinned: one that was replaced then must not count again.
func (v *AuthorityKeys) follow(body []byte) {
	envelope, err := events.ParseEnvelope(body)
	if err != nil || envelope.CheckDigests() != nil || len(envelope.Lines) != 1 || !envelope.Manifest.Recorder.IsRegistry() {
		return
	}
	event, err := events.ParseEvent(envelope.Lines[0])
	if err != nil || event.Type != events.TypeAuthorityRotated {
		return
	}
	var d events.AuthorityRotated
	if err := json.Unmarshal(event.Data, &d); err != nil {
		return
	}
	key, err := events.ParsePublicKey(v.Key)
	if err != nil || d.Replaces != string(key.ID()) {
		return
	}
	recovery, recoveryErr := events.ParsePublicKey(v.RecoveryKey)
	switch {
	case recoveryErr == nil && signed(envelope, recovery):
		if d.RecoveryKey != "" {
			v.RecoveryKey = d.RecoveryKey
		}
		v.Key = d.Key
	case d.RecoveryKey == "" && signed(envelope, key):
		v.Key = d.Key
	}
}

func signed(e *events.Envelope, by events.PublicKey) bool {
	for _, s := range e.Signatures {
		if s.KeyID == by.ID() && by.Verify(e.SignedBytes(), s.Sig) {
			return true
		}
	}
	return false
}

// believe refuses a grant of another ledger than the one which the home is of, unless that
// takes its place: the authority that the home knows says so, or the person who joins, who
// has the new log's key from somewhere else. A key that is named must be the grant's in any
// case. Nothing is changed.
func (p *party) believe(grantPath string, next *Grant, logKey string) error {
	if logKey != "" && logKey != next.Ledger.Key {
		return hint(fmt.Errorf("the grant %s is of the ledger %s with the log key %s, and --log-key names %s", grantPath, next.Ledger.Origin, next.Ledger.Key, logKey),
			"nothing has changed: the grant is not by whom you have the key from, or one of both is of another time; ask the authority")
	}
	before, err := p.Grant()
	if errors.Is(err, os.ErrNotExist) || err == nil && before.Ledger.Key == next.Ledger.Key {
		return nil
	} else if err != nil {
		return err
	}
	log, err := before.Ledger.Log()
	if err != nil {
		return err
	}
	if next.Predecessor == nil {
		return hint(fmt.Errorf("grant %s is for ledger %s, which does not claim to succeed %s", grantPath, next.Ledger.Origin, before.Ledger.Origin),
			"enrol into a home of its own for another ledger; if it is the successor, ask its authority for the grant that saksi authority adopt wrote")
	}
	if _, err := log.OpenCheckpoint([]byte(next.Predecessor.Checkpoint)); err != nil {
		return hint(fmt.Errorf("grant %s is for ledger %s, which succeeds another ledger than %s: %w", grantPath, next.Ledger.Origin, before.Ledger.Origin, err),
			"ask the authority what it means: nothing has changed")
	}
	if logKey != "" {
		return nil
	}
	why := errors.New("this home knows no key of that one's authority")
	if before.Voice != nil {
		why = next.vouched(*before.Voice)
	}
	if why == nil {
		return nil
	}
	return hint(fmt.Errorf("the grant %s would move this home from %s, with the log key %s, to %s, with the log key %s, and anybody may have written it: %w",
		grantPath, before.Ledger.Origin, before.Ledger.Key, next.Ledger.Origin, next.Ledger.Key, why),
		"nothing has changed: ask the authority for the new ledger's log key over another channel, and name it with --log-key KEY, quoted")
}
