package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/sim"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings"
)

// dayTime bounds what publishing the day and looking at it may take.
const dayTime = time.Minute

// live publishes the day that has just ended: signed envelopes over NATS, each
// operator's with its own credentials, in the order in which they were recorded.
func (d *demo) live(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dayTime)
	defer cancel()
	signers := map[string]*events.Signer{}
	for name, p := range d.parties {
		signers[name] = p.signer
	}
	before := d.ledger.Size()
	began := time.Now()
	writer, sent := sim.NewWriter(signers), uint64(0)
	for step := range d.country.Steps() {
		messages, err := writer.Seal(step)
		if err != nil {
			return err
		}
		for _, m := range messages {
			if _, err := d.parties[m.Recorder.Owner].js.PublishAsync(m.Subject, m.Body); err != nil {
				return fmt.Errorf("publish for %s: %w", m.Recorder, err)
			}
			sent++
		}
	}
	for name, p := range d.parties {
		select {
		case <-p.js.PublishAsyncComplete():
		case <-ctx.Done():
			return fmt.Errorf("publish for %s: %w", name, ctx.Err())
		}
	}
	for d.ledger.Size() < before+sent {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the ledger to have %d more leaves: %w", before+sent-d.ledger.Size(), ctx.Err())
		}
	}
	took := time.Since(began)
	d.step("a day", "%d events in %d signed envelopes, each a leaf of the tree now (%.0f events/s)",
		d.country.Events(), sent, float64(d.country.Events())/took.Seconds())
	return nil
}

// find waits for the views and shows what does not add up.
func (d *demo) find(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dayTime)
	defer cancel()
	store, err := viewstore.Open(ctx, d.home)
	if err != nil {
		return err
	}
	defer store.Close()
	for want := d.ledger.Size(); ; {
		p, err := store.Position(ctx)
		if err != nil {
			return err
		}
		if p.Size >= want {
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the views to see %d leaves: %w", want, ctx.Err())
		}
	}
	var counts []any
	for _, name := range []string{"touches", "sessions", "findings"} {
		page, err := store.Rows(ctx, name, projections.Query{Limit: 1, Count: true})
		if err != nil {
			return err
		}
		counts = append(counts, *page.Total)
	}
	d.step("views", "%d touches, %d sessions, %d findings", counts...)
	page, err := store.Rows(ctx, "findings", projections.Query{Limit: 100, Ascending: true})
	if err != nil {
		return err
	}
	d.say("\nWhat does not add up:")
	for _, row := range page.Rows {
		f, ok := row.Value.(*findings.Finding)
		if !ok {
			return fmt.Errorf("a row of findings is a %T", row.Value)
		}
		if f.State == findings.Open {
			d.say("  %-6s  %-24s %s", f.Severity, f.Rule, wrapped(f.Summary, 34, 118))
		}
		if f.Rule == proveRule {
			d.proving = *f
		}
	}
	if d.proving.ID == "" {
		return fmt.Errorf("there is no finding %s, which was planted", proveRule)
	}
	d.say("")
	return nil
}

// proveRule is the finding that is proven: what an operator can't explain away.
const proveRule = "contradiction"
