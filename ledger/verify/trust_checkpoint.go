package verify

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// ErrUnknownLedger says that a checkpoint is of a ledger that the trust file doesn't name.
var ErrUnknownLedger = errors.New("the trust file doesn't name it")

// OpenCheckpoint opens a signed checkpoint by the ledger of the trust file that it says it
// is of. The error wraps [ErrUnknownLedger] if there is none, which is no ground against
// whoever shows it: it may be another's, or take the place of one that is named.
func (t *Trust) OpenCheckpoint(note []byte) (*TrustedLedger, *formats.Checkpoint, error) {
	text, err := formats.ParseCheckpoint(note)
	if err != nil {
		return nil, nil, err
	}
	err = fmt.Errorf("the checkpoint is of the ledger %s: %w", safetext.Word(text.Origin), ErrUnknownLedger)
	for i := range t.Ledgers {
		if t.Ledgers[i].Origin != text.Origin {
			continue
		}
		var log *formats.Log
		if log, err = t.Ledgers[i].Log(); err != nil {
			return nil, nil, err
		}
		var checkpoint *formats.Checkpoint
		if checkpoint, err = log.OpenCheckpoint(note); err == nil {
			return &t.Ledgers[i], checkpoint, nil
		}
	}
	return nil, nil, err
}

// ErrUnknownRekor says that an anchor can't be checked by a trust file: it names no
// such Rekor, or no key that the ledger anchors with.
var ErrUnknownRekor = errors.New("the trust file names no such Rekor, or no key that the ledger anchors with")

// RekorOrigins returns the origins, in the trust file, of the Rekors that an entry says it
// is of. Nothing of it is verified.
func (t *Trust) RekorOrigins(entryJSON []byte) []string {
	e, err := ParseLogEntry(entryJSON)
	if err != nil {
		return nil
	}
	var origins []string
	for _, r := range t.rekorsOf(e) {
		origins = append(origins, r.Origin)
	}
	return origins
}

// VerifyAnchor checks that an entry is one for the bytes of note, by the Rekor of the
// trust file whose key it names, and by the anchor keys of ledger. The error wraps
// [ErrUnknownRekor] if there is none, which one of the same name with another key is too.
// What note says is not looked at.
func (t *Trust) VerifyAnchor(ledger *TrustedLedger, entryJSON, note []byte) (*Anchor, error) {
	keys, err := ledger.ParseAnchorKeys()
	if err != nil {
		return nil, err
	}
	e, err := ParseLogEntry(entryJSON)
	if err != nil {
		return nil, fmt.Errorf("anchor: %w", err)
	}
	err = ErrUnknownRekor
	if len(keys) == 0 {
		return nil, err
	}
	for _, r := range t.rekorsOf(e) {
		if opened, openErr := r.open(); openErr != nil || !bytes.Equal(e.LogID.KeyID, opened.logID[:]) {
			continue
		}
		var a *Anchor
		if a, err = r.verifyAnchor(e, note, keys); err == nil {
			return a, nil
		}
	}
	return nil, err
}
