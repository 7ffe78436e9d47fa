package findings

import (
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// sequenceGap: a recorder's numbers left some out. It is resolved when they have
// arrived, whatever they say. Beyond [sequence.MaxGaps] gaps of one incarnation there is
// one finding for all the rest.
type sequenceGap struct{}

func (sequenceGap) name() string                      { return "sequence-gap" }
func (sequenceGap) states() []projections.Schema      { return nil }
func (sequenceGap) due(*findingsWriter, string) error { return nil }

func (r sequenceGap) leaf(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	if s == nil {
		return nil
	}
	if g := s.Opened; g != nil {
		finding := r.finding(s, g.From)
		finding.Subject = stretch(g.From, g.To)
		finding.Summary = fmt.Sprintf("%s went on at number %d of incarnation %d without %s: %s %s missing.",
			s.Recorder, s.First, s.Incarnation, numbers(g.From, g.To), many(g.Missing, "event"), be(g.Missing, "is", "are"))
		finding.Since, finding.Evidence = f.Leaf.Received, events.Refs{s.Ref}
		if err := b.raise(finding); err != nil {
			return err
		}
	}
	for _, g := range s.Filled {
		if err := r.filled(b, s, g); err != nil {
			return err
		}
	}
	return r.beyond(b, f, s)
}

func (r sequenceGap) finding(s *sequence.Step, from uint64) Finding {
	return about(r.name(), Medium, s.Recorder, fmt.Sprintf("%d/%d", s.Incarnation, from))
}

// filled brings a gap's finding up to date after numbers of it arrived.
func (r sequenceGap) filled(b *findingsWriter, s *sequence.Step, g sequence.Gap) error {
	id := r.finding(s, g.From).ID
	before, found, err := b.table.Get(b.tx, id)
	if err != nil || !found {
		return err
	}
	if g.Missing == 0 {
		return b.resolve(id, fmt.Sprintf("%s left out %s of incarnation %d: what was missing has arrived since.",
			s.Recorder, r.left(before), s.Incarnation), s.Ref)
	}
	finding := *before
	finding.Summary = fmt.Sprintf("%s left out %s of incarnation %d: %s %s still missing.",
		s.Recorder, r.left(before), s.Incarnation, many(g.Missing, "event"), be(g.Missing, "is", "are"))
	finding.Evidence = events.Refs{s.Ref}
	return b.raise(finding)
}

// left words what a gap's finding is about.
func (sequenceGap) left(f *Finding) string {
	if strings.Contains(f.Subject, "-") {
		return "numbers " + f.Subject
	}
	return "number " + f.Subject
}

// beyond keeps the one finding about numbers missing beyond the gaps that are
// followed one by one.
func (r sequenceGap) beyond(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	if s.Lost == s.LostBefore {
		return nil
	}
	finding := about(r.name(), Medium, s.Recorder, fmt.Sprintf("%d/more", s.Incarnation))
	if s.Lost == 0 {
		return b.resolve(finding.ID, fmt.Sprintf("%s left out numbers of incarnation %d in more than %d places; as many have arrived since.",
			s.Recorder, s.Incarnation, sequence.MaxGaps), s.Ref)
	}
	finding.Subject = fmt.Sprintf("incarnation %d", s.Incarnation)
	finding.Summary = fmt.Sprintf("%s left out numbers of incarnation %d in more than %d places: beyond those, %s %s missing.",
		s.Recorder, s.Incarnation, sequence.MaxGaps, many(s.Lost, "event"), be(s.Lost, "is", "are"))
	finding.Since, finding.Evidence = f.Leaf.Received, events.Refs{s.Ref}
	return b.raise(finding)
}
