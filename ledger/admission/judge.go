package admission

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Verdict is what was decided about a message.
type Verdict struct {
	Verdict formats.Verdict
	// Code and Reason say why a message was rejected: Code for the leaf, Reason
	// for people. Reason quotes little of the message and is kept nowhere.
	Code, Reason string
	// Of is the leaf that a duplicate repeats.
	Of uint64
	// First and Count are the sequence numbers that an accepted envelope takes.
	First, Count uint64
	// Digest is what the leaf holds: of line 1, or of the whole body if rejected.
	Digest events.Digest
}

// Judge decides about the message that becomes the given leaf, and remembers
// what later verdicts depend on. Messages must come in the order of their
// leaves. A candidate that was prepared by a rule set which is no longer in force is
// prepared again. An error means that the store failed, or that the registry adopts
// a rule set that this program doesn't have: the State is then of no use.
func (s *State) Judge(c *Candidate, leaf uint64) (Verdict, error) {
	rules := s.rules.Load()
	if c.rules != rules {
		*c = *rules.prepare(c.Message)
	}
	for i, check := range rules.checks {
		reason := c.failed[i]
		if reason == nil && check.after != nil {
			reason = check.after(s, c)
		}
		if reason != nil {
			return rejected(c, check.code, reason), nil
		}
	}
	m := c.Envelope.Manifest
	digest := events.DigestOf(c.Envelope.Line1())
	switch of, found, err := s.accepted(m, c.manifest); {
	case err != nil:
		return Verdict{}, fmt.Errorf("look for an earlier %s: %w", c.manifest, err)
	case found:
		return Verdict{Verdict: formats.Duplicate, Of: of, Digest: digest}, nil
	}
	if m.Recorder.IsRegistry() {
		switch code, reason := s.Registry.apply(speechOf(c.Envelope, leaf), c.Events); {
		case reason == nil:
			s.follow()
		case code == "":
			return Verdict{}, fmt.Errorf("leaf %d: %w", leaf, reason)
		default:
			return rejected(c, code, reason), nil
		}
	}
	if err := s.remember(m, c.manifest, leaf); err != nil {
		return Verdict{}, fmt.Errorf("remember %s as leaf %d: %w", c.manifest, leaf, err)
	}
	return Verdict{Verdict: formats.Accepted, First: m.First, Count: uint64(len(m.Events)), Digest: digest}, nil
}

func rejected(c *Candidate, code string, reason error) Verdict {
	return Verdict{
		Verdict: formats.Rejected, Code: code, Reason: reason.Error(),
		Digest: events.DigestOf(c.Body),
	}
}

// Leaf returns the leaf of a verdict on a message that stood at (epoch, seq).
func (v Verdict) Leaf(epoch, seq uint64, subject string) *formats.Leaf {
	return &formats.Leaf{
		Epoch: epoch, Seq: seq, Subject: subject, Verdict: v.Verdict,
		First: v.First, Count: v.Count, Of: v.Of, Code: v.Code, Digest: v.Digest,
	}
}
