// Package operator has what an operator does from its own machine: bring native logs or
// hand-made events into the outbox, and the outbox to the ledger.
//
// Not here: anything of a node. It has an operator's home and the network.
package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/home"
)

// Client is an operator's home opened for work. Close it after use. It is for one
// goroutine.
type Client struct {
	Home   *home.Operator
	Outbox *client.Outbox
	// Token makes a bearer token with which the ledger's API is asked; nil: it is asked
	// only what is public.
	Token   func() (string, error)
	signers []*events.Signer
	config  client.Config
	client  *client.Client

	recipients []string   // to whom what opens new events is encrypted
	seal       *Recipient // to whom new events are sealed, if to anybody

	batches *batches // that were committed to
	// faulty, if set, adds commitments to the outbox: tests make it fail.
	faulty func(context.Context, events.Recorder, []events.Draft) (client.Added, error)
}

// Open opens an operator's home, which must have joined a ledger. It does not
// connect: what is signed waits in the outbox.
func Open(ctx context.Context, h *home.Operator) (_ *Client, err error) {
	d := &Client{Home: h, batches: newBatches(h.CommittedDir())}
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
	if d.signers, err = h.Signers(); err != nil {
		return nil, err
	}
	if d.Outbox, err = client.Open(ctx, h.OutboxFile(), client.Options{}); err != nil {
		return nil, err
	}
	d.config = client.Config{
		NATSURL: grant.NATS, JWT: grant.User, Seed: seed, HTTP: grant.HTTP, Log: log, Party: h.Name, Name: "saksi " + h.Name,
	}
	return d, nil
}

// Client returns the connection to the ledger, made when it is first asked for. A
// broker that is away is no error, see [client.Dial].
func (d *Client) Client(ctx context.Context) (*client.Client, error) {
	if d.client == nil {
		c, err := client.Dial(ctx, d.config)
		if err != nil {
			return nil, err
		}
		d.client = c
	}
	return d.client, nil
}

// Prepare compares the outbox with the ledger before a recorder is added to.
func (d *Client) Prepare(ctx context.Context, recorder events.Recorder) error {
	c, err := d.Client(ctx)
	if err != nil {
		return err
	}
	return c.Prepare(ctx, d.Outbox, recorder)
}

// Flush brings what waits in the outbox to the ledger, and receipts back.
func (d *Client) Flush(ctx context.Context, options client.FlushOptions) (client.Result, error) {
	c, err := d.Client(ctx)
	if err != nil {
		return client.Result{}, err
	}
	return c.Flush(ctx, d.Outbox, options)
}

// Close closes outbox and connection.
func (d *Client) Close() error {
	var err error
	if d.client != nil {
		err = d.client.Close()
	}
	if d.Outbox != nil {
		err = errors.Join(err, d.Outbox.Close())
	}
	return err
}

// Recorder reads the name of a recorder of this operator: facility/recorder, or
// in full.
func (d *Client) Recorder(name string) (events.Recorder, error) {
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
