package findings

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/production"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// production: an operator was ordered to open a commitment, or to hand over what opens
// digests, and has not by the time that was set (production-missing, resolved when all of
// it comes), does so after it (production-late), or hands over what doesn't belong to
// what it had committed to or wasn't asked for (production-mismatch).
type productionFinding struct{ orders *production.Orders }

func newProductionFinding() productionFinding {
	return productionFinding{production.New("findings", productionFinding{}.name())}
}

func (productionFinding) name() string { return "production" }

func (r productionFinding) states() []projections.Schema { return r.orders.Tables() }

func (r productionFinding) leaf(b *findingsWriter, f *projections.Fact, _ *sequence.Step) error {
	return r.orders.Follow(b.tx, f, func(s *production.Step) error {
		if s.Problem != "" {
			if err := r.mismatch(b, s); err != nil {
				return err
			}
		}
		if s.Completed && s.Order.Late {
			return r.late(b, s)
		}
		return nil
	})
}

// late takes note of the answer with which all came that was missing.
func (r productionFinding) late(b *findingsWriter, s *production.Step) error {
	o := s.Order
	recorder, err := events.ParseRecorder(o.Recorder)
	if err != nil {
		return err
	}
	if err := b.resolve(missingID(recorder, o.Key()), fmt.Sprintf("%s was late with what order %s of %s asked for; all of it has come by %s.",
		o.Recorder, o.Order, o.Authority, moment(b.tx.Now())), s.Event.Ref); err != nil {
		return err
	}
	late := about("production-late", Low, recorder, o.Key())
	late.Subject, late.Since, late.Evidence = "order "+o.Order, o.Due, events.Refs{o.Ref, s.Event.Ref}
	late.Summary = fmt.Sprintf("%s produced what order %s of %s asked for at %s: it was due at %s.", o.Recorder, o.Order, o.Authority, moment(b.tx.Now()), moment(o.Due))
	return b.raise(late)
}

func missingID(recorder events.Recorder, key string) string {
	return about("production-missing", High, recorder, key).ID
}

func (r productionFinding) mismatch(b *findingsWriter, s *production.Step) error {
	finding := about("production-mismatch", High, s.Event.Recorder, s.Event.Ref.String())
	finding.Subject, finding.Summary, finding.Since, finding.Evidence = "order "+s.Number, s.Problem, b.tx.Now(), events.Refs{s.Event.Ref}
	if s.Order != nil {
		finding.Evidence = append(finding.Evidence, s.Order.Ref, s.Order.Event)
	}
	return b.raise(finding)
}

func (r productionFinding) due(b *findingsWriter, key string) error {
	o, err := r.orders.Due(b.tx, key)
	if err != nil || o == nil {
		return err
	}
	recorder, err := events.ParseRecorder(o.Recorder)
	if err != nil {
		return err
	}
	finding := about("production-missing", High, recorder, o.Key())
	finding.Subject, finding.Since, finding.Evidence = "order "+o.Order, o.Due, events.Refs{o.Ref, o.Event}
	finding.Summary = fmt.Sprintf("%s was to produce %s by %s, on order %s of %s: %d of them have not come.", o.Recorder, things(o), moment(o.Due), o.Order, o.Authority, o.Left())
	if o.Left() < o.Asked() {
		finding.Evidence = append(finding.Evidence, o.Last)
	}
	return b.raise(finding)
}

func things(o *production.Order) string {
	if len(o.Records) > 0 {
		return many(uint64(o.Asked()), "record")
	}
	return many(uint64(o.Asked()), "disclosure")
}
