package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/sim"
)

// setupTime bounds what founding the country may take.
const setupTime = time.Minute

// party is an operator that has joined, connected with its own credentials.
type party struct {
	signer *events.Signer
	nc     *nats.Conn
	js     jetstream.JetStream
}

func (p *party) close() {
	if p.nc != nil {
		p.nc.Close()
	}
}

// found has the operators enrol, be admitted and join, and the facilities and
// recorders be declared, as people do with the command line.
func (d *demo) found(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	registrar, err := authority.OpenRegistrar(ctx, d.home)
	if err != nil {
		return err
	}
	defer registrar.Close()
	for _, o := range d.country.Operators {
		if d.parties[o.Name], err = d.admit(ctx, registrar, o); err != nil {
			return fmt.Errorf("%s joins: %w", o.Name, err)
		}
	}
	if err := registrar.Declare(ctx, d.country.Facilities, d.country.Recorders); err != nil {
		return err
	}
	d.step("joined", "%d operators, %d facilities, %d recorders", len(d.country.Operators), len(d.country.Facilities), len(d.country.Recorders))
	return nil
}

func (d *demo) admit(ctx context.Context, registrar *authority.Registrar, o sim.Operator) (_ *party, err error) {
	h, err := home.NewOperator(d.path(o.Name), o.Name)
	if err != nil {
		return nil, err
	}
	request, err := home.ReadRequest(h.RequestFile())
	if err != nil {
		return nil, err
	}
	grant, _, err := registrar.AddOperator(ctx, request, o.Country)
	if err != nil {
		return nil, err
	}
	file := d.path(o.Name + ".grant")
	if err := home.WriteJSON(file, grant, 0o600); err != nil {
		return nil, err
	}
	if grant, err = h.Join(file, ""); err != nil {
		return nil, err
	}
	p := &party{}
	if p.signer, err = h.Signer(); err != nil {
		return nil, err
	}
	seed, err := h.ConnectionSeed()
	if err != nil {
		return nil, err
	}
	if p.nc, err = nats.Connect(grant.NATS, nats.UserJWTAndSeed(grant.User, string(seed)), nats.Name("saksi demo "+o.Name)); err != nil {
		return nil, err
	}
	p.js, err = jetstream.New(p.nc)
	return p, err
}

// join lets a supervision desk in, which reads and publishes nothing.
func (d *demo) join(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	var err error
	if d.desk, err = home.NewReader(d.path("desk"), "supervision-desk"); err != nil {
		return err
	}
	request, err := home.ReadRequest(d.desk.RequestFile())
	if err != nil {
		return err
	}
	readers, err := authority.OpenReadership(d.home)
	if err != nil {
		return err
	}
	grant, err := readers.Add(ctx, request, home.ReadingMandate{Role: home.Supervisor})
	if err != nil {
		return err
	}
	file := d.path("desk.grant")
	if err := home.WriteJSON(file, grant, 0o600); err != nil {
		return err
	}
	_, err = d.desk.Join(file, "")
	return err
}
