package findings

import (
	"fmt"

	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// brokenChain: a manifest does not name the one that stands before it, so that one of
// them was made in ignorance of the other, or put in its place. Over a gap this is
// judged when the gap has closed. It can't be mended, and stays open.
type brokenChain struct{}

func (brokenChain) name() string                      { return "broken-chain" }
func (brokenChain) states() []projections.Schema      { return nil }
func (brokenChain) due(*findingsWriter, string) error { return nil }

func (r brokenChain) leaf(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	if s == nil {
		return nil
	}
	for _, broken := range s.Breaks {
		finding := about(r.name(), High, s.Recorder, fmt.Sprintf("%d/%d", s.Incarnation, broken.Number))
		finding.Subject = fmt.Sprint(broken.Number)
		finding.Summary = fmt.Sprintf("The manifest of %s in leaf %d, from number %d of incarnation %d, names %s as the one before it: %s.",
			s.Recorder, broken.Ref.Leaf, broken.Number, s.Incarnation, short(broken.Named), r.wanted(broken))
		finding.Since = f.Leaf.Received
		if broken.Before != nil {
			finding.Evidence = append(finding.Evidence, *broken.Before)
		}
		finding.Evidence = append(finding.Evidence, broken.Ref)
		if err := b.raise(finding); err != nil {
			return err
		}
	}
	return nil
}

func (brokenChain) wanted(broken sequence.Break) string {
	switch {
	case broken.Wanted.IsZero() && broken.Named.IsZero():
		return "there must have been one"
	case broken.Wanted.IsZero():
		return "it is the recorder's first"
	}
	return "it is " + short(broken.Wanted)
}
