package authority

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections/views"
)

// FeedViews are the views whose feeds readers get consumers of: all that this
// program computes.
func FeedViews() []string {
	var names []string
	for _, v := range views.All() {
		names = append(names, v.Name)
	}
	return names
}

// Readership is who may read, and what: the register in the authority's home, and
// the accounts and consumers at the broker that follow from it. Unlike operators,
// readers don't stand in the ledger.
type Readership struct {
	home      *home.Authority
	readers   *home.Readers
	addresses home.Addresses
	broker    *broker.Authority
}

// OpenReadership opens the register of an authority whose node has run before.
func OpenReadership(h *home.Authority) (*Readership, error) {
	r := &Readership{home: h, readers: h.Readers()}
	var err error
	if r.addresses, err = h.Addresses(); errors.Is(err, os.ErrNotExist) {
		return nil, hinted{errors.New("the node of this home has never run"), "start it with saksi up, and try again"}
	} else if err != nil {
		return nil, err
	}
	r.broker, err = broker.Open(h.BrokerDir())
	return r, err
}

// Add lets a reader in by its request, at the register and on the running broker,
// and returns the grant for it. It may be repeated, for a lost grant or for
// another mandate, which then holds at once.
func (r *Readership) Add(ctx context.Context, request *home.Request, mandate home.ReadingMandate) (*home.Grant, error) {
	if request.Role != home.RoleReader {
		return nil, fmt.Errorf("the request of %s is for the role %s, not of a reader", request.Name, request.Role)
	}
	reader := home.EnrolledReader{
		Name: request.Name, Role: mandate.Role, Key: request.Key, Connection: request.Connection,
		Facilities: mandate.Facilities, Operators: mandate.Operators, Families: mandate.Families, Sectors: mandate.Sectors, Tenants: mandate.Tenants,
		Authority: mandate.Authority, Added: time.Now().UTC().Truncate(time.Second),
	}
	// The register refuses other keys under a name that is taken, before they are
	// let in anywhere.
	known, ok, err := r.readers.ByName(reader.Name)
	switch {
	case err != nil:
		return nil, err
	case ok && known.Suspended:
		return nil, hinted{fmt.Errorf("reader %s is suspended", reader.Name), "end that first with saksi reader readmit"}
	case ok:
		reader.Added = known.Added
	}
	if err := r.readers.Check(reader); err != nil {
		return nil, err
	}
	mandate.Views = viewsOf(reader)
	admission, err := r.broker.AdmitReader(reader.Name, reader.Connection, mandate.Views, mandateOf(reader), broker.Limits{})
	if err != nil {
		return nil, err
	}
	if err := r.readers.Put(reader); err != nil {
		return nil, err
	}
	if err := r.broker.PushReader(ctx, r.addresses.LocalNATS, reader.Name); err != nil {
		return nil, err
	}
	err = r.consumers(ctx, func(js jetstream.JetStream) error {
		return broker.EnsureReader(ctx, js, brokerReader(reader), FeedViews())
	})
	if err != nil {
		return nil, err
	}
	grant, err := grantTo(r.home, r.addresses, request, admission.UserJWT)
	if err != nil {
		return nil, err
	}
	grant.Mandate = &mandate
	return grant, nil
}

// Suspend lets a reader in nowhere from now on: its connections to the broker are
// cut and its consumers removed. It may be repeated, if the broker was away.
func (r *Readership) Suspend(ctx context.Context, name string) error {
	if err := r.readers.SetSuspended(name, true); err != nil {
		return err
	}
	if err := r.broker.SuspendReader(ctx, r.addresses.LocalNATS, name); err != nil {
		return err
	}
	return r.consumers(ctx, func(js jetstream.JetStream) error { return broker.RemoveReader(ctx, js, name) })
}

// Readmit ends a suspension. The reader's consumers begin anew, with the oldest
// change that the feeds still have.
func (r *Readership) Readmit(ctx context.Context, name string) error {
	if err := r.broker.ReadmitReader(ctx, r.addresses.LocalNATS, name); err != nil {
		return err
	}
	if err := r.readers.SetSuspended(name, false); err != nil {
		return err
	}
	reader, _, err := r.readers.ByName(name)
	if err != nil {
		return err
	}
	return r.consumers(ctx, func(js jetstream.JetStream) error {
		return broker.EnsureReader(ctx, js, brokerReader(reader), FeedViews())
	})
}

// consumers changes consumers on FEEDS now, so that a command has done all when
// it returns. Where there is no such stream yet, the node will make them with it.
func (r *Readership) consumers(ctx context.Context, change func(jetstream.JetStream) error) error {
	nc, err := nats.Connect(r.addresses.LocalNATS, append(
		broker.ConnectOptions(broker.RoleProjections, r.broker.CredsFile(broker.RoleProjections)), nats.NoReconnect())...)
	if err != nil {
		return fmt.Errorf("connect to the broker at %s: %w", r.addresses.LocalNATS, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if err := change(js); !errors.Is(err, jetstream.ErrStreamNotFound) {
		return unreachable(err)
	}
	return nil
}

// FeedReaders returns the readers of a register as the broker's consumers need to
// know them: for [broker.KeepReaders], which a node runs.
func FeedReaders(readers *home.Readers) ([]broker.Reader, error) {
	list, err := readers.All()
	if err != nil {
		return nil, err
	}
	out := make([]broker.Reader, len(list))
	for i, e := range list {
		out[i] = brokerReader(e)
	}
	return out, nil
}

// viewsOf are the views whose feeds a reader gets at the broker: those of its families.
// One that is bounded to customers gets none, for no subject names a customer; nor
// does another authority's, whose mandate may change when the broker doesn't hear of it.
func viewsOf(e home.EnrolledReader) []string {
	names := []string{}
	if e.ToCustomers() || e.Authority != "" {
		return names
	}
	for _, v := range views.All() {
		if len(e.Families) == 0 || slices.Contains(e.Families, v.Family) {
			names = append(names, v.Name)
		}
	}
	return names
}

func brokerReader(e home.EnrolledReader) broker.Reader {
	return broker.Reader{Name: e.Name, Mandate: mandateOf(e), Suspended: e.Suspended}
}

func mandateOf(e home.EnrolledReader) broker.Mandate {
	m := broker.Mandate{Facilities: slices.Clone(e.Facilities), Operators: slices.Clone(e.Operators)}
	if names := viewsOf(e); len(names) < len(FeedViews()) {
		m.Views = names
	}
	return m
}
