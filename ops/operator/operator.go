// Package operator is what an operator does from its own machine: bring native
// logs or hand-made events into the outbox, and the outbox to the ledger. It has
// an operator's home and the network, and nothing of the ledger's.
package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/publish"
	"github.com/saksi-ledger/saksi/ops/home"
)

// Desk is an operator's home opened for work. Close it after use.
type Desk struct {
	Home   *home.Operator
	Outbox *publish.Outbox
	Client *publish.Client
	signer *events.Signer
}

// Open opens an operator's home, which must have joined a ledger. It does not
// need the ledger to be there.
func Open(ctx context.Context, h *home.Operator) (_ *Desk, err error) {
	d := &Desk{Home: h}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	grant, err := h.Grant()
	if err != nil {
		return nil, err
	}
	log, err := grant.Ledger.Log()
	if err != nil {
		return nil, err
	}
	seed, err := h.ConnectionSeed()
	if err != nil {
		return nil, err
	}
	if d.signer, err = h.Signer(); err != nil {
		return nil, err
	}
	if d.Outbox, err = publish.Open(ctx, h.OutboxFile(), publish.Options{}); err != nil {
		return nil, err
	}
	d.Client, err = publish.Dial(ctx, publish.Config{
		NATSURL: grant.NATS, JWT: grant.User, Seed: seed, HTTP: grant.HTTP, Log: log, Party: h.Name, Name: "saksi " + h.Name,
	})
	return d, err
}

// Close closes outbox and connection.
func (d *Desk) Close() error {
	var err error
	if d.Client != nil {
		err = d.Client.Close()
	}
	if d.Outbox != nil {
		err = errors.Join(err, d.Outbox.Close())
	}
	return err
}

// Recorder reads the name of a recorder of this operator: facility/recorder, or
// in full.
func (d *Desk) Recorder(name string) (events.Recorder, error) {
	if strings.Count(name, "/") == 1 {
		name = d.Home.Name + "/" + name
	}
	r, err := events.ParseRecorder(name)
	switch {
	case err != nil:
		return r, err
	case !r.IsOperator() || r.Owner != d.Home.Name:
		return r, fmt.Errorf("recorder %s is not one of %s", name, d.Home.Name)
	}
	return r, nil
}
