package verify

import (
	"errors"
	"fmt"
	"slices"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// openedTimestamp is a timestamp whose checkpoint is the ledger's and of the same tree.
type openedTimestamp struct {
	checkpoint *formats.Checkpoint
	// believed is nil where no authority of the trust file has signed the token, and by
	// is which.
	believed *Timestamp
	by       *TrustedAuthority
	// revoked is why it isn't believed, though an authority of the trust file signed it.
	revoked *Revoked
	// recorded are the events, among those shown, by which the ledger recorded it,
	// ascending.
	recorded []events.Ref
}

// openTimestamps checks the timestamps by the trust file's authorities.
func (v *verification) openTimestamps() error {
	v.stamped = map[[2]string]*openedTimestamp{}
	for i, b := range v.bundle.Timestamps {
		t, err := v.openTimestamp(b)
		if err != nil {
			return fmt.Errorf("timestamp %d: %w", i+1, err)
		}
		v.timestamps = append(v.timestamps, t)
		v.stamped[[2]string{events.DigestOf(b.Token).String(), events.DigestOf(b.Checkpoint).String()}] = t
	}
	return nil
}

func (v *verification) openTimestamp(b BundledTimestamp) (*openedTimestamp, error) {
	t := &openedTimestamp{}
	var err error
	if t.checkpoint, err = v.log.OpenCheckpoint(b.Checkpoint); err != nil {
		return nil, err
	}
	if err := checkConsistency(b.Consistency, t.checkpoint, v.checkpoint); err != nil {
		return nil, err
	}
	if err := checkToken(b.Token, b.Checkpoint); err != nil {
		return nil, err
	}
	// Which authority's it is, nothing but the certificates tells.
	for i := range v.trust.Timestamps {
		a := &v.trust.Timestamps[i]
		believed, err := a.VerifyToken(b.Token, b.Checkpoint)
		if err == nil {
			t.believed, t.by, t.revoked = believed, a, nil
			break
		}
		errors.As(err, &t.revoked)
	}
	return t, nil
}

func (v *verification) independentAuthority(t *openedTimestamp) bool {
	return t.believed != nil && t.by.Independent && (v.ledger.Owner == "" || t.by.Owner != v.ledger.Owner)
}

func (v *verification) statedTimestamp(t *openedTimestamp) StatedTimestamp {
	s := StatedTimestamp{Size: t.checkpoint.Size}
	if t.revoked != nil {
		s.Revoked = t.revoked.Error()
	}
	if b := t.believed; b != nil {
		if b.Revocation != nil {
			r := *b.Revocation
			r.Lists = slices.Clone(r.Lists)
			for i := range r.Lists {
				next := r.Lists[i].NextUpdate
				r.Lists[i].Stale = !next.IsZero() && (next.Before(b.NotBefore()) || next.Before(v.options.Now))
			}
			s.Revocation = &r
		}
		s.Believed, s.Authority, s.Owner, s.Independent = true, t.by.Name, t.by.Owner, v.independentAuthority(t)
		s.Signer, s.Serial, s.Time, s.Seconds = clip(b.Authority), b.Serial.Text(16), b.Time, b.Accuracy.Seconds()
	}
	return s
}

// speakOfTimestamps says which authorities signed which times.
func (s *Statement) speakOfTimestamps(v *verification) {
	believed, unlisted := false, false
	for _, t := range s.Timestamps {
		if t.Revoked != "" {
			s.open("That the timestamp over the checkpoint of %s says when that was there: %s.", leafCount(t.Size), t.Revoked)
			continue
		}
		if !t.Believed {
			s.open("That the timestamp over the checkpoint of %s is anybody's: it leads to no authority that the trust file names.", leafCount(t.Size))
			continue
		}
		believed = true
		s.proven("The timestamp authority %s, %s, signed the token %s for the ledger's checkpoint of %s (RFC 3161).",
			safetext.Word(t.Authority), ownedBy(t.Owner, t.Independent, s.Ledger.Owner, "authority"), t.Serial, leafCount(t.Size))
		off := ""
		if t.Seconds > 0 {
			off = fmt.Sprintf(", give or take %g s", t.Seconds)
		}
		s.said("It did so at %s%s, by the word of the timestamp authority %s.", at(t.Time), off, safetext.Word(t.Authority))
		if t.Revocation == nil {
			unlisted = true
			continue
		}
		for _, l := range t.Revocation.Lists {
			s.said("Its certificate %s is not among those that were revoked by then, by the list of %s of %s.", safetext.Word(l.Certificate), safetext.Word(l.Issuer), at(l.ThisUpdate))
			if l.Stale {
				s.open("That the certificate %s was not revoked after %s: the list of %s is stale, and was to be replaced by %s.", safetext.Word(l.Certificate), at(l.ThisUpdate), safetext.Word(l.Issuer), at(l.NextUpdate))
			}
		}
		for _, name := range t.Revocation.Unlisted {
			s.open("That the certificate %s of the timestamp authority %s was not revoked: no list of the trust file says anything of it.", safetext.Word(name), safetext.Word(t.Authority))
		}
	}
	switch {
	case believed && unlisted:
		s.open("That no certificate of a timestamp authority was revoked: nobody was asked.")
	case believed:
		s.open("That no certificate of a timestamp authority was revoked since those lists: nobody was asked.")
	}
}
