package archive

import (
	"context"
	"fmt"
	"slices"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Erasure is an order to erase, and what became of it.
type Erasure struct {
	admission.Erasure
	// Done says that the ledger holds it no longer.
	Done bool `json:"done"`
	// Hold is the legal hold for which it waits, as authority and number.
	Hold string `json:"hold,omitempty"`
	// Problem is why it can't be carried out, whoever waits.
	Problem string `json:"problem,omitempty"`
}

// Erasures returns all orders to erase that the registry has, and what became of each in
// the ledger as it lies there.
func (d *Directory) Erasures(ctx context.Context, registry *admission.Registry) ([]Erasure, error) {
	checkpoint, err := d.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return JudgeErasures(registry.Erasures(), registry.Holds(), func(index uint64) (*formats.Leaf, []byte, error) {
		entries, err := d.Leaves(ctx, checkpoint, index)
		if err != nil {
			return nil, nil, err
		}
		body, err := d.Body(ctx, index)
		return entries[0].Leaf, body, err
	})
}

func JudgeErasures(orders []admission.Erasure, holds []admission.Hold, read func(uint64) (*formats.Leaf, []byte, error)) ([]Erasure, error) {
	out := make([]Erasure, len(orders))
	for i, order := range orders {
		out[i].Erasure = order
		leaf, body, err := read(uint64(order.Leaf))
		if err == nil {
			err = out[i].look(leaf, body, holds)
		}
		if err != nil {
			return nil, fmt.Errorf("look at what leaf %d erases: %w", order.Ordered, err)
		}
	}
	return out, nil
}

// look finds out where an order stands.
func (e *Erasure) look(leaf *formats.Leaf, body []byte, holds []admission.Hold) error {
	recorder, err := events.ParseRecorder(e.Recorder)
	if err != nil || leaf.Subject != recorder.Subject() {
		e.Problem = fmt.Sprintf("leaf %d is not of %s", e.Leaf, e.Recorder)
		return nil
	}
	said, err := e.covered(leaf, recorder, body)
	switch {
	case err != nil:
		e.Problem = err.Error()
		return nil
	case len(said) == 0:
		e.Done = true
		return nil
	}
	for _, h := range holds {
		if slices.ContainsFunc(said, h.Covers) {
			e.Hold = h.By + "/" + h.HoldPlaced.Hold
			return nil
		}
	}
	return nil
}

// covered returns what is still there of what the order covers.
func (e *Erasure) covered(leaf *formats.Leaf, recorder events.Recorder, body []byte) ([]admission.HoldTarget, error) {
	said := admission.HoldTarget{Operator: recorder.Owner, Facility: recorder.Facility, Received: leaf.Received}
	if leaf.Verdict == formats.Rejected {
		switch {
		case !e.Whole():
			return nil, fmt.Errorf("leaf %d was rejected: it is erased whole", e.Leaf)
		case len(body) == 0:
			return nil, nil
		}
		return append(ActorsOf(body, said), said), nil
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return nil, err
	}
	if !e.Whole() && int(*e.Event) >= len(envelope.Lines) {
		return nil, fmt.Errorf("leaf %d has %d events, from 0", e.Leaf, len(envelope.Lines))
	}
	var all []admission.HoldTarget
	for i, line := range envelope.Lines {
		if len(line) == 0 || !e.Whole() && i != int(*e.Event) {
			continue
		}
		one := said
		if event, err := events.ParseEvent(line); err == nil {
			one.Actors = event.Pseudonyms()
		}
		all = append(all, one)
	}
	return all, nil
}

// ActorsOf returns what a rejected message may say of persons: it can be read as an
// envelope, or it can't.
func ActorsOf(body []byte, said admission.HoldTarget) (all []admission.HoldTarget) {
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return nil
	}
	for _, line := range envelope.Lines {
		if event, err := events.ParseEvent(line); err == nil {
			one := said
			one.Actors = event.Pseudonyms()
			all = append(all, one)
		}
	}
	return all
}
