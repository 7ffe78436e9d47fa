package ledger

import (
	"errors"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// CheckBody returns nil if body is the one that leaf is about: line 1 is what the
// leaf holds the digest of, and each event is what line 1 holds the digest of; or,
// of a rejected message, the whole body is. Of one that was erased, what remains is
// the leaf's: a rejected message's is empty, an event's line is.
func CheckBody(leaf *formats.Leaf, body []byte) error {
	if leaf.Verdict == formats.Rejected {
		if len(body) > 0 && events.DigestOf(body) != leaf.Digest {
			return errors.New("it is not the message whose digest the leaf holds")
		}
		return nil
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return err
	}
	if events.DigestOf(envelope.Line1()) != leaf.Digest {
		return errors.New("its line 1 is not the one whose digest the leaf holds")
	}
	return envelope.CheckRemaining()
}
