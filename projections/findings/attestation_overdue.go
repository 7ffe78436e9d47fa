package findings

import (
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// maxInterval bounds what a recorder may be asked to attest every so often, so that
// times can be added to it.
const maxInterval = 10 * 365 * 24 * time.Hour

// overdueGrace is how long an attestation that comes when the next one is overdue
// already is left alone.
const overdueGrace = time.Minute

// Interval returns how often a recorder must attest; 0 if it need not.
func Interval(d *events.RecorderDeclared) time.Duration {
	return time.Duration(min(max(int64(d.AttestEverySeconds), 0), int64(maxInterval/time.Second))) * time.Second
}

// Overdue returns when an attestation that is due is overdue: a quarter of the interval
// later, an hour at most, so that it can be made and sent.
func Overdue(due time.Time, every time.Duration) time.Time {
	return due.Add(min(every/4, time.Hour))
}

// Attested returns the recorder that an attestation is about, if the one that said it
// may speak for it: it is the same operator's.
func Attested(e *projections.Event, p *events.PeriodAttested) (events.Recorder, bool) {
	recorder, err := events.ParseRecorder(p.Recorder)
	return recorder, err == nil && recorder.IsOperator() && recorder.Owner == e.Recorder.Owner
}

// attestationOverdue: a recorder has not said for longer than it may that what came is
// all there was. It is due an interval after the end of the last period attested, or
// after the recorder was declared. One finding stands for a whole silence, and is
// resolved when an attestation comes that is new enough.
type attestationOverdue struct {
	promises *projections.State[promise]
}

// promise is when a recorder must attest.
type promise struct {
	Recorder string
	Every    time.Duration
	Until    time.Time // end of the last period attested, or when the recorder was declared
	Attested bool
	Declared events.Ref
	Last     events.Ref // the last attestation
	Finding  string     `json:",omitempty"` // the open one's ID
}

func newAttestationOverdue() attestationOverdue {
	return attestationOverdue{projections.NewState[promise]("findings-promises")}
}

func (attestationOverdue) name() string                   { return "attestation-overdue" }
func (r attestationOverdue) states() []projections.Schema { return []projections.Schema{r.promises} }

func (r attestationOverdue) leaf(b *findingsWriter, f *projections.Fact, _ *sequence.Step) error {
	for i := range f.Events {
		e := &f.Events[i]
		var err error
		switch data := e.Data.(type) {
		case *events.RecorderDeclared:
			err = r.declared(b, f, e, data)
		case *events.RecorderRetired:
			err = r.retired(b, e, data)
		case *events.Statement:
			err = r.attested(b, f, e, &data.Predicate)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r attestationOverdue) declared(b *findingsWriter, f *projections.Fact, e *projections.Event, d *events.RecorderDeclared) error {
	p, found, err := r.promises.Get(b.tx, d.Recorder)
	if err != nil {
		return err
	}
	if !found {
		p = &promise{Recorder: d.Recorder, Until: f.Now}
	}
	p.Every, p.Declared = Interval(d), e.Ref
	return r.settle(b, p, e.Ref)
}

// retired lets a recorder attest no more.
func (r attestationOverdue) retired(b *findingsWriter, e *projections.Event, d *events.RecorderRetired) error {
	p, found, err := r.promises.Get(b.tx, d.Recorder)
	if err != nil || !found {
		return err
	}
	p.Every = 0
	return r.settle(b, p, e.Ref)
}

func (r attestationOverdue) attested(b *findingsWriter, f *projections.Fact, e *projections.Event, a *events.PeriodAttested) error {
	recorder, ok := Attested(e, a)
	if !ok {
		return nil
	}
	p, found, err := r.promises.Get(b.tx, recorder.String())
	if err != nil || !found {
		return err
	}
	to := a.To.UTC()
	if to.After(f.Now) {
		to = f.Now // what has not happened yet can't be sworn to
	}
	p.Last = e.Ref
	if !p.Attested || to.After(p.Until) {
		p.Attested, p.Until = true, to
	}
	return r.settle(b, p, e.Ref)
}

// settle sets the timer anew, and resolves what is overdue no longer.
func (r attestationOverdue) settle(b *findingsWriter, p *promise, by events.Ref) error {
	overdue := Overdue(p.Until.Add(p.Every), p.Every)
	var err error
	switch {
	case p.Every == 0:
		err = b.tx.Cancel(r.name() + "/" + p.Recorder)
	case overdue.After(b.tx.Now()):
		err = b.tx.At(overdue, r.name()+"/"+p.Recorder)
	case p.Finding == "":
		// Where a backlog is being delivered, the next attestation is on its way.
		err = b.tx.At(b.tx.Now().Add(overdueGrace), r.name()+"/"+p.Recorder)
	}
	if err != nil {
		return err
	}
	if p.Finding != "" && (p.Every == 0 || overdue.After(b.tx.Now())) {
		summary := fmt.Sprintf("%s was late to attest; it has by %s, for what came before %s.", p.Recorder, moment(b.tx.Now()), moment(p.Until))
		if p.Every == 0 {
			summary = fmt.Sprintf("%s was late to attest; since %s it need not.", p.Recorder, moment(b.tx.Now()))
		}
		if err := b.resolve(p.Finding, summary, by); err != nil {
			return err
		}
		p.Finding = ""
	}
	return r.promises.Put(b.tx, p.Recorder, p)
}

func (r attestationOverdue) due(b *findingsWriter, name string) error {
	p, found, err := r.promises.Get(b.tx, name)
	if err != nil || !found || p.Finding != "" || p.Every == 0 {
		return err
	}
	recorder, err := events.ParseRecorder(name)
	if err != nil {
		return err
	}
	due := p.Until.Add(p.Every)
	finding := about(r.name(), Medium, recorder, due.Format(time.RFC3339))
	finding.Subject = moment(due)
	finding.Summary = fmt.Sprintf("%s must attest every %s, and an attestation was due at %s: none has come that reaches beyond %s.",
		recorder, each(p.Every), moment(due), moment(p.Until))
	finding.Evidence = events.Refs{p.Declared}
	if !p.Attested {
		finding.Summary = fmt.Sprintf("%s must attest every %s, and an attestation was due at %s: none has come since it was declared.",
			recorder, each(p.Every), moment(due))
	} else {
		finding.Evidence = append(finding.Evidence, p.Last)
	}
	finding.Since = due
	p.Finding = finding.ID
	if err := r.promises.Put(b.tx, name, p); err != nil {
		return err
	}
	return b.raise(finding)
}
