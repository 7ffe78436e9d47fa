package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/node"
)

const (
	operators = 2 // each with a connection of its own
	recorders = 4 // of each operator
	setupTime = time.Minute

	// maxUnacknowledged bounds what a publisher has in flight to the stream.
	maxUnacknowledged = 4096
)

// world is an authority with its node running, and the operators that joined it.
type world struct {
	home      *home.Authority
	addresses home.Addresses
	log       *formats.Log
	operators []*party
	// size is the tree's before any load.
	size uint64

	stop    context.CancelFunc
	stopped chan error
}

// party is an operator, connected.
type party struct {
	name      string
	recorders []events.Recorder
	signer    *events.Signer
	nc        *nats.Conn
	js        jetstream.JetStream

	url, user string
	seed      []byte
}

// dial opens one more connection.
func (p *party) dial(options ...nats.Option) (*nats.Conn, error) {
	options = append([]nats.Option{nats.UserJWTAndSeed(p.user, string(p.seed)), nats.Name("saksi bench " + p.name), nats.NoReconnect(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}, options...)
	return nats.Connect(p.url, options...)
}

// newWorld makes an authority in the run's directory, starts its node and has the
// operators join.
func newWorld(ctx context.Context, r *run) (_ *world, err error) {
	w := &world{stopped: make(chan error, 1)}
	plan := authority.Plan{Origin: "bench.saksi.example/ledger", Jurisdiction: "MY", Name: "bench"}
	if w.home, err = authority.Init(ctx, filepath.Join(r.dir, "authority"), plan); err != nil {
		return nil, err
	}
	living, stop := context.WithCancel(ctx)
	w.stop = stop
	ready := make(chan *writer.Ledger, 1)
	go func() {
		w.stopped <- node.Run(living, node.Config{
			Home: w.home, NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", Log: r.config.Log, NoRekor: true, Limits: r.config.Limits,
			Ready: func(a home.Addresses, l *writer.Ledger) {
				w.addresses = a
				ready <- l
			},
		})
	}()
	var l *writer.Ledger
	select {
	case l = <-ready:
	case err := <-w.stopped:
		stop()
		return nil, errors.Join(errors.New("the node stopped at once"), err)
	}
	if err := w.populate(ctx, r); err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.size = l.Size()
	return w, nil
}

// populate has operators enrol, be admitted and join, as people do with the
// command line.
func (w *world) populate(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	trust, err := w.home.Trust()
	if err != nil {
		return err
	}
	if w.log, err = trust.Ledgers[0].Log(); err != nil {
		return err
	}
	registrar, err := authority.OpenRegistrar(ctx, w.home)
	if err != nil {
		return err
	}
	defer registrar.Close()
	if _, err := registrar.AddFacility(ctx, events.FacilityDeclared{Facility: "lab-1", Country: "MY"}); err != nil {
		return err
	}
	for i := range operators {
		p := &party{name: fmt.Sprintf("operator-%d", i+1)}
		if err := p.join(ctx, filepath.Join(r.dir, p.name), registrar); err != nil {
			return fmt.Errorf("%s joins: %w", p.name, err)
		}
		w.operators = append(w.operators, p)
	}
	return nil
}

func (p *party) join(ctx context.Context, dir string, registrar *authority.Registrar) error {
	h, err := home.NewOperator(dir, p.name)
	if err != nil {
		return err
	}
	request, err := home.ReadRequest(h.RequestFile())
	if err != nil {
		return err
	}
	grant, _, err := registrar.AddOperator(ctx, request, "US")
	if err != nil {
		return err
	}
	grantFile := filepath.Join(dir, "granted.json")
	if err := home.WriteJSON(grantFile, grant, 0o600); err != nil {
		return err
	}
	if grant, err = h.Join(grantFile, ""); err != nil {
		return err
	}
	if p.signer, err = h.Signer(); err != nil {
		return err
	}
	for i := range recorders {
		recorder, err := events.ParseRecorder(fmt.Sprintf("%s/lab-1/bastion-%d", p.name, i+1))
		if err != nil {
			return err
		}
		if _, err := registrar.AddRecorder(ctx, events.RecorderDeclared{Recorder: recorder.String(), Kind: events.RecorderBastion}); err != nil {
			return err
		}
		p.recorders = append(p.recorders, recorder)
	}
	seed, err := h.ConnectionSeed()
	if err != nil {
		return err
	}
	return p.connect(grant.NATS, grant.User, seed)
}

func (p *party) connect(url, user string, seed []byte) error {
	p.url, p.user, p.seed = url, user, seed
	nc, err := p.dial()
	if err != nil {
		return err
	}
	p.nc = nc
	p.js, err = jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(maxUnacknowledged), jetstream.WithPublishAsyncTimeout(time.Minute))
	return err
}

// close stops the node in order and returns what it had to say.
func (w *world) close() error {
	for _, p := range w.operators {
		if p.nc != nil {
			p.nc.Close()
		}
	}
	if w.stop == nil {
		return nil
	}
	w.stop()
	w.stop = nil
	return <-w.stopped
}
