package findings

import (
	"fmt"

	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// restarted: a recorder began to count anew. That is allowed, where state was lost or
// a key was stolen, and somebody should ask which.
type restarted struct{}

func (restarted) name() string                      { return "recorder-restarted" }
func (restarted) states() []projections.Schema      { return nil }
func (restarted) due(*findingsWriter, string) error { return nil }

func (r restarted) leaf(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	if s == nil || (s.Restart == nil && (s.Known || s.Incarnation == 1)) {
		return nil
	}
	finding := about(r.name(), Info, s.Recorder, fmt.Sprint(s.Incarnation))
	finding.Subject = fmt.Sprintf("incarnation %d", s.Incarnation)
	finding.Since = f.Leaf.Received
	if before := s.Restart; before != nil {
		finding.Summary = fmt.Sprintf("%s began to count anew, as incarnation %d; incarnation %d had come to number %d.",
			s.Recorder, s.Incarnation, before.Incarnation, before.Last)
		finding.Evidence = append(finding.Evidence, before.Ref)
	} else {
		finding.Summary = fmt.Sprintf("%s began with incarnation %d; nothing of an earlier one has come.", s.Recorder, s.Incarnation)
	}
	finding.Evidence = append(finding.Evidence, s.Ref)
	return b.raise(finding)
}
