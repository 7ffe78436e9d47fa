package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/disclosures"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections/api"
)

// openCustody opens what operators have disclosed, with a connection of its own.
func (n *running) openCustody(ctx context.Context) (*nats.Conn, error) {
	nc, err := nats.Connect(n.addresses.LocalNATS, connectOptions(n.authority, broker.RoleDisclosures, n.connect)...)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker at %s: %w", n.addresses.LocalNATS, err)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if n.custody, err = disclosures.Open(ctx, nc, retentionOf(n.ledger), n.config.Replicas, disclosuresBytes(n.config)); err != nil {
		nc.Close()
		return nil, err
	}
	return nc, nil
}

// erasePersons carries out the orders about pseudonyms, on what was disclosed before them
// and on what comes after.
func (n *running) erasePersons(ctx context.Context) error {
	var orders []admission.PersonErasure
	var holds []admission.Hold
	n.ledger.Registry(func(r *admission.Registry) { orders, holds = r.PersonErasures(), r.Holds() })
	if len(orders) == 0 {
		return nil
	}
	_, err := n.custody.Erase(ctx, orders, holds)
	return err
}

// fileDisclosures looks at what was disclosed since it looked last, and at all of it after
// a start: what an operator filed under another pseudonym than its event's would be found
// by nobody, to be read or to be erased.
func (n *running) fileDisclosures(ctx context.Context) error {
	found := map[string]disclosures.Misfiled{}
	var holds []admission.Hold
	n.ledger.Registry(func(r *admission.Registry) { holds = r.Holds() })
	if now := fmt.Sprint(holds); now != n.filedHolds {
		n.filed, n.filedHolds = 0, now // what a hold kept may go
	}
	next, err := n.custody.File(ctx, n.filed, time.Now(), n.bodyOf, holds, found)
	n.filed = next
	if len(found) == 0 {
		return err
	}
	for operator, m := range found {
		n.config.Log.Warn("disclosures were not where their events' pseudonyms are", "operator", operator, "moved", m.Moved, "refused", m.Refused, "reason", m.Reason)
	}
	return errors.Join(err, n.tellMisfiled(found))
}

// tellMisfiled adds to what doctor reads.
func (n *running) tellMisfiled(found map[string]disclosures.Misfiled) error {
	all, err := disclosures.ReadMisfiled(n.config.Home.MisfiledFile())
	if err != nil {
		return err
	}
	for operator, m := range found {
		m.Moved, m.Refused = m.Moved+all[operator].Moved, m.Refused+all[operator].Refused
		all[operator] = m
	}
	return home.WriteJSON(n.config.Home.MisfiledFile(), all, 0o600)
}

// bodyOf returns the body of a leaf, or of the one that it is a duplicate of.
func (n *running) bodyOf(ctx context.Context, leaf uint64) ([]byte, error) {
	checkpoint, err := n.readSide.reader.Checkpoint(ctx)
	switch {
	case err != nil:
		return nil, err
	case leaf >= checkpoint.Size:
		return nil, disclosures.ErrNoLeaf
	}
	entries, err := n.readSide.reader.Leaves(ctx, checkpoint, leaf)
	if err != nil {
		return nil, err
	}
	switch l := entries[0].Leaf; l.Verdict {
	case formats.Rejected:
		return []byte{}, nil // it holds no event
	case formats.Duplicate:
		leaf = l.Of
	}
	body, err := n.readSide.reader.Body(ctx, leaf)
	if len(body) == 0 {
		return nil, err
	}
	return body, err
}

// kept gives the API the messages alone, and their headers.
type kept struct{ *disclosures.Store }

func (k kept) Page(ctx context.Context, operator, actor string, from uint64) ([][]byte, uint64, error) {
	found, next, err := k.Store.Page(ctx, operator, actor, from)
	if err != nil {
		return nil, 0, err
	}
	out := make([][]byte, len(found))
	for i, m := range found {
		out[i] = m.Message
	}
	return out, next, nil
}

func (k kept) Headers(ctx context.Context, recipient string, from uint64) ([]api.Header, uint64, error) {
	page, next, err := k.Store.Headers(ctx, recipient, from)
	out := make([]api.Header, len(page))
	for i, h := range page {
		out[i] = api.Header(h)
	}
	return out, next, err
}

func (k kept) Rewrap(ctx context.Context, recipient, next string, h api.Header) error {
	err := k.Store.Rewrap(ctx, recipient, next, disclosures.Header(h))
	if wrong, ok := errors.AsType[*disclosures.HeaderError](err); ok {
		return &api.HeaderError{Err: wrong.Err}
	}
	return err
}
