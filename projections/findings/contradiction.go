package findings

import (
	"fmt"

	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// contradiction: under a number that was used, an operator signed a different event.
// A restored backup of an outbox does it for many envelopes in a row, which is one
// affair: there is one finding for each incarnation of a recorder, whose count grows.
// It can't be taken back, and stays open.
type contradiction struct {
	seen *projections.State[contradicted]
}

// contradicted is what an incarnation has contradicted so far.
type contradicted struct {
	Events      uint64
	First, Last uint64 // lowest and highest number
}

func newContradicted() *projections.State[contradicted] {
	return projections.NewState[contradicted]("findings-contradicted")
}

func (contradiction) name() string                      { return "contradiction" }
func (r contradiction) states() []projections.Schema    { return []projections.Schema{r.seen} }
func (contradiction) due(*findingsWriter, string) error { return nil }

func (r contradiction) leaf(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	if s == nil || len(s.Contradicted) == 0 {
		return nil
	}
	finding := about(r.name(), High, s.Recorder, fmt.Sprint(s.Incarnation))
	seen, found, err := r.seen.Get(b.tx, finding.ID)
	if err != nil {
		return err
	}
	if !found {
		seen = &contradicted{}
	}
	for _, c := range s.Contradicted {
		if seen.Events == 0 {
			seen.First, seen.Last = c.Number, c.Number
		}
		seen.Events++
		seen.First, seen.Last = min(seen.First, c.Number), max(seen.Last, c.Number)
		finding.Evidence = append(finding.Evidence, c.Earlier, c.Later)
	}
	if err := r.seen.Put(b.tx, finding.ID, seen); err != nil {
		return err
	}
	finding.Subject = stretch(seen.First, seen.Last)
	finding.Summary = fmt.Sprintf("%s signed %s of incarnation %d under %s already used for something else, between %d and %d, most lately in leaf %d.",
		s.Recorder, many(seen.Events, "event"), s.Incarnation, be(seen.Events, "a number", "numbers"), seen.First, seen.Last, f.Index)
	finding.Since = f.Leaf.Received
	return b.raise(finding)
}
