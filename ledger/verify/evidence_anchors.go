package verify

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// openedAnchor is an anchor whose checkpoint is the ledger's and of the same tree.
type openedAnchor struct {
	bundled    *BundledAnchor
	checkpoint *formats.Checkpoint
	// believed is nil where the trust file doesn't let the entry be checked.
	believed *Anchor
	entry    *LogEntry
	// recorded are the events, among those shown, by which the ledger recorded it,
	// ascending.
	recorded []events.Ref
}

func (v *verification) openAnchors() error {
	keys, err := v.ledger.ParseAnchorKeys()
	if err != nil {
		return err
	}
	v.anchored = map[[2]string]*openedAnchor{}
	for i := range v.bundle.Anchors {
		a, err := v.openAnchor(&v.bundle.Anchors[i], keys)
		if err != nil {
			return fmt.Errorf("anchor %d: %w", i+1, err)
		}
		v.anchors = append(v.anchors, a)
		v.anchored[[2]string{events.DigestOf(a.bundled.Entry).String(), events.DigestOf(a.bundled.Checkpoint).String()}] = a
	}
	return nil
}

func (v *verification) openAnchor(b *BundledAnchor, keys []*ecdsa.PublicKey) (*openedAnchor, error) {
	a := &openedAnchor{bundled: b}
	var err error
	if a.checkpoint, err = v.log.OpenCheckpoint(b.Checkpoint); err != nil {
		return nil, err
	}
	if err := checkConsistency(b.Consistency, a.checkpoint, v.checkpoint); err != nil {
		return nil, err
	}
	if a.entry, err = ParseLogEntry(b.Entry); err != nil {
		return nil, err
	}
	if !bytes.Equal(a.entry.Marshal(), b.Entry) {
		return nil, errors.New("log entry: it is not in its one written form")
	}
	if len(keys) == 0 {
		return a, nil
	}
	for _, r := range v.trust.rekorsOf(a.entry) {
		if a.believed, err = r.verifyAnchor(a.entry, b.Checkpoint, keys); err == nil {
			return a, nil
		}
	}
	return a, err
}

// checkConsistency checks that two checkpoints of a ledger are of one tree.
func checkConsistency(proof []tlog.Hash, a, b *formats.Checkpoint) error {
	older, newer := a, b
	if older.Size > newer.Size {
		older, newer = newer, older
	}
	switch {
	case older.Size == newer.Size && older.Root != newer.Root:
		return fmt.Errorf("the ledger has signed two checkpoints of %d leaves with different roots", older.Size)
	case older.Size == newer.Size && proof != nil:
		return errors.New("it holds a proof that two checkpoints of the same size are of one tree")
	case older.Size == newer.Size:
		return nil
	}
	if err := tlog.CheckTree(proof, int64(newer.Size), newer.Root, int64(older.Size), older.Root); err != nil {
		return fmt.Errorf("the consistency proof of the checkpoints of %d and %d leaves does not hold", older.Size, newer.Size)
	}
	return nil
}

// rekorsOf returns the trusted Rekors that an entry says it is of: by the origin of
// its checkpoint, or by its log's id.
func (t *Trust) rekorsOf(e *LogEntry) []*TrustedRekor {
	origin := originOf(e)
	host, _, _ := strings.Cut(origin, treeSeparator)
	var found []*TrustedRekor
	for i := range t.Rekors {
		r := &t.Rekors[i]
		opened, err := r.open()
		if err != nil {
			continue // ParseTrust lets none pass
		}
		if r.Origin == origin || r.Version == 1 && r.Origin == host || bytes.Equal(e.LogID.KeyID, opened.logID[:]) {
			found = append(found, r)
		}
	}
	return found
}

// originOf returns the origin of an entry's checkpoint, which nobody has verified.
func originOf(e *LogEntry) string {
	origin, _, _ := strings.Cut(e.InclusionProof.Checkpoint.Envelope, "\n")
	return origin
}

// independent tells whether an anchor is in a Rekor of nobody's whom the evidence is
// about, as far as the trust file says.
func (v *verification) independent(a *openedAnchor) bool {
	return a.believed != nil && a.believed.Independent && (v.ledger.Owner == "" || a.believed.Owner != v.ledger.Owner)
}

// stated is an anchor for the statement.
func (v *verification) statedAnchor(a *openedAnchor) StatedAnchor {
	s := StatedAnchor{Rekor: originOf(a.entry), Size: a.checkpoint.Size, Index: a.entry.LogIndex}
	if b := a.believed; b != nil {
		s.Believed, s.Rekor, s.Owner, s.Independent = true, b.Rekor, b.Owner, v.independent(a)
		s.Kind, s.Time, s.RekorSize = b.Kind+" "+b.Version, b.IntegratedTime, b.Checkpoint.Size
	}
	return s
}
