package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/writer"
)

// Replayer brings a country's day straight into a ledger, at the times at which it
// would have been received: a day in about a second. The ledger's clock must be
// the replayer's, see [writer.Config].
type Replayer struct {
	Ledger *writer.Ledger
	// Authority is the first authority of the genesis, which is the ledger's leaf 0,
	// and Key what it signs with. Genesis is the digest of the genesis's manifest.
	Authority string
	Key       *events.Signer
	Genesis   events.Digest
	// Signers are the operators', by name.
	Signers map[string]*events.Signer
	// Clock is set to the time that it is.
	Clock *Clock
	// Afterwards is how long the clock goes on when the day is over, for what
	// falls due later.
	Afterwards time.Duration

	seq     uint64
	waiting []writer.Received
	refused []writer.Rejection
}

// Clock is a clock that shows what it was set to. It is not safe for concurrent use.
type Clock struct{ at time.Time }

// Now returns what the clock shows.
func (c *Clock) Now() time.Time { return c.at }

// Run declares what there is a minute before the day, replays the day, and then has
// the clock go on. It returns what the ledger rejected, which should be nothing.
func (r *Replayer) Run(ctx context.Context, c *Country) ([]writer.Rejection, error) {
	r.Clock.at = c.config.Start.Add(-time.Minute)
	registry := events.RegistryRecorder(r.Authority)
	acts, err := c.acts(registry, r.Signers, r.Clock.at)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	declared := NewWriter(map[string]*events.Signer{r.Authority: r.Key})
	declared.heads[registry] = &head{last: 1, manifest: r.Genesis}
	messages, err := declared.Seal(Step{At: r.Clock.at, Recorder: registry, Drafts: acts})
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	r.take(messages)
	operators, next := NewWriter(r.Signers), c.config.Start
	for step := range c.Steps() {
		for ; !next.After(step.At); next = next.Add(time.Hour) {
			if err := r.clock(ctx, next); err != nil {
				return nil, err
			}
		}
		r.Clock.at = step.At
		messages, err := operators.Seal(step)
		if err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
		r.take(messages)
		if len(r.waiting) >= writer.MaxChunk/2 {
			if err := r.admit(ctx); err != nil {
				return nil, err
			}
		}
	}
	for until := c.end.Add(r.Afterwards); !next.After(until); next = next.Add(time.Hour) {
		if err := r.clock(ctx, next); err != nil {
			return nil, err
		}
	}
	err = r.admit(ctx)
	return r.refused, err
}

func (r *Replayer) take(messages []Message) {
	for _, m := range messages {
		r.seq++
		r.waiting = append(r.waiting, writer.Received{Subject: m.Subject, Body: m.Body, Seq: r.seq, Time: r.Clock.at})
	}
}

func (r *Replayer) admit(ctx context.Context) error {
	for len(r.waiting) > 0 {
		n := min(len(r.waiting), writer.MaxChunk)
		refused, err := r.Ledger.Admit(ctx, r.Ledger.Prepare(r.waiting[:n]))
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		r.refused, r.waiting = append(r.refused, refused...), r.waiting[n:]
	}
	return nil
}

func (r *Replayer) clock(ctx context.Context, at time.Time) error {
	if err := r.admit(ctx); err != nil {
		return err
	}
	r.Clock.at = at
	return r.Ledger.AppendClock(ctx)
}

// acts admit the operators with their keys, and declare facilities and recorders.
func (c *Country) acts(registry events.Recorder, signers map[string]*events.Signer, at time.Time) ([]events.Draft, error) {
	var drafts []events.Draft
	var failed error
	say := func(said vocabulary.Said) {
		event, err := said.Event(registry, vocabulary.Attributes{Time: at})
		failed = errors.Join(failed, err)
		drafts = append(drafts, events.Draft{Event: event})
	}
	for _, o := range c.Operators {
		signer := signers[o.Name]
		if signer == nil {
			return nil, fmt.Errorf("there is no signer of %s", o.Name)
		}
		say(vocabulary.OperatorAdmitted.Of(events.OperatorAdmitted{
			Operator: o.Name, Country: o.Country, Name: o.Legal, Keys: []string{signer.PublicKey().String()},
		}))
	}
	for _, f := range c.Facilities {
		say(vocabulary.FacilityDeclared.Of(f))
	}
	for _, r := range c.Recorders {
		say(vocabulary.RecorderDeclared.Of(r))
	}
	return drafts, failed
}
