package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/retry"
)

// Config is whom a [Client] speaks for, and where.
type Config struct {
	// NATSURL is the broker's address, or several with commas between.
	NATSURL string
	// CredsFile is a NATS credentials file. Alternatively JWT is a user's JWT and
	// Seed its nkey seed. With neither, the broker must ask for nothing.
	CredsFile string
	JWT       string
	Seed      []byte
	// HTTP is the base URL of the ledger's tree, below which are checkpoint and
	// tile/.
	HTTP string
	// Log is the ledger whose checkpoints are believed. It is pinned by the
	// operator, never taken from the network.
	Log *formats.Log
	// Party is an operator's name or registry.<authority>, see
	// [events.Recorder.Party]. The client publishes for its recorders only.
	Party string
	// Name is shown to the broker's operator; "saksi publish" unless set.
	Name string
	// Window is how many envelopes are in flight to the broker at most: 256
	// unless set, and in any case no more than 8 MiB of them.
	Window int
	// Poll is how long to wait for the ledger's announcement before asking: 500
	// ms unless set. It rises tenfold while nothing happens.
	Poll time.Duration
	// NATSOptions come after the client's own, for [nats.InProcessServer], TLS
	// or proxies. Reconnecting is the client's business.
	NATSOptions []nats.Option
	// HTTPClient fetches checkpoint and tiles; one with a timeout of 10 s unless
	// set.
	HTTPClient *http.Client
}

const (
	defaultWindow = 256
	maxInFlight   = 8 << 20 // bytes
	defaultPoll   = 500 * time.Millisecond
	pollRise      = 10

	connectTimeout = 5 * time.Second
	requestTimeout = 5 * time.Second
	ackTimeout     = 10 * time.Second
)

// backoff is how long the client waits before it asks the broker or the ledger again.
var backoff = retry.Backoff{First: 50 * time.Millisecond, Most: 5 * time.Second}

// Client publishes what outboxes hold and gathers receipts. It is safe for
// concurrent use; of several flushes at the same time, of an outbox each, only
// one hears an announcement, and the others poll.
type Client struct {
	config Config
	tiles  *tiles
	mail   mailbox

	mu      sync.Mutex
	session *session // nil, or perhaps closed
	welcome bool     // the broker has let us in before
	closed  bool
}

// Dial makes a client and tries to connect. A broker that can't be reached is
// no error: [Client.Flush] goes on trying. One that refuses the credentials is.
func Dial(ctx context.Context, config Config) (*Client, error) {
	switch {
	case config.Log == nil:
		return nil, errors.New("publish: no ledger to believe: Config.Log is nil")
	case config.Party == "" || config.HTTP == "" || config.NATSURL == "":
		return nil, errors.New("publish: Config needs a Party, a NATSURL and the ledger's HTTP")
	}
	if config.Name == "" {
		config.Name = "saksi publish"
	}
	if config.Window <= 0 {
		config.Window = defaultWindow
	}
	if config.Poll <= 0 {
		config.Poll = defaultPoll
	}
	t, err := newTiles(config.HTTP, config.HTTPClient)
	if err != nil {
		return nil, fmt.Errorf("publish: ledger %s: %w", config.HTTP, err)
	}
	c := &Client{config: config, tiles: t}
	c.mail.wake = make(chan struct{}, 1)
	if _, err := c.connect(ctx); err != nil && permanent(err) {
		return nil, err
	}
	return c, ctx.Err()
}

// Close ends the connection. A Flush that runs returns with an error.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.session != nil {
		c.session.nc.Close()
	}
	return nil
}

// connect returns the open session, or tries once to open one.
func (c *Client) connect(ctx context.Context) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, refused{errors.New("publish: the client is closed")}
	}
	if s := c.session; s != nil {
		if !s.isClosed() && s.refusedErr() == nil {
			return s, nil
		}
		s.nc.Close() // what was refused may be granted on the next
	}
	s, err := dialSession(ctx, &c.config, &c.mail)
	if err != nil {
		if !c.welcome && denied(err) {
			return nil, refused{hint("check the credentials, and that the authority has admitted and not suspended "+c.config.Party,
				"broker %s refuses %s: %w", c.config.NATSURL, c.config.Party, err)}
		}
		if errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
			return nil, hint("it goes on by itself when it is let in again, and nothing is lost; if that takes more than some minutes, ask the authority what its node's alarms say (saksi doctor)",
				"broker %s lets %s open no connection: it has as many as it may, or is held for a time for having sent too much: %w", c.config.NATSURL, c.config.Party, err)
		}
		return nil, fmt.Errorf("connect to broker %s: %w", c.config.NATSURL, err)
	}
	c.session, c.welcome = s, true
	return s, nil
}

// open returns the open session, or tries until there is one or ctx ends. offline is
// called before each wait.
func (c *Client) open(ctx context.Context, offline func(error)) (*session, error) {
	for failures := 1; ; failures++ {
		s, err := c.connect(ctx)
		if err == nil {
			return s, nil
		}
		if permanent(err) {
			return nil, err
		}
		offline(err)
		if retry.Sleep(ctx, backoff.After(failures)) != nil {
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// Head asks the ledger for the last accepted position of each of the party's
// recorders. It waits for the broker and the ledger until ctx ends.
func (c *Client) Head(ctx context.Context) ([]events.Head, error) { return c.head(ctx, nil) }

func (c *Client) head(ctx context.Context, seen *formats.Checkpoint) ([]events.Head, error) {
	var last error
	for failures := 1; ; failures++ {
		s, err := c.open(ctx, func(error) {})
		if err != nil {
			return nil, fmt.Errorf("ask for the heads of %s: %w", c.config.Party, err)
		}
		heads, err := s.heads(ctx, c.config.Party, seen)
		if err == nil {
			return heads, nil
		}
		if permanent(err) {
			return nil, fmt.Errorf("ask for the heads of %s: %w", c.config.Party, err)
		}
		last = err
		if retry.Sleep(ctx, backoff.After(failures)) != nil {
			return nil, fmt.Errorf("ask for the heads of %s: %w: %w", c.config.Party, context.Cause(ctx), last)
		}
	}
}

// Prepare compares the outbox with the ledger before a recorder is first added
// to: it adopts the ledger's position if the outbox has none, and returns a
// [StaleError] if the ledger is ahead of it.
func (c *Client) Prepare(ctx context.Context, o *Outbox, recorder events.Recorder) error {
	if recorder.Party() != c.config.Party {
		return fmt.Errorf("prepare recorder %s: it is not of %s, for which this client speaks", recorder, c.config.Party)
	}
	if err := o.bind(ctx, c.config.Log); err != nil {
		return fmt.Errorf("prepare recorder %s: %w", recorder, err)
	}
	heads, err := c.head(ctx, o.Checkpoint())
	if err != nil {
		return fmt.Errorf("prepare recorder %s: %w", recorder, err)
	}
	var head *events.Head
	for i := range heads {
		if heads[i].Recorder == recorder.String() {
			head = &heads[i]
		}
	}
	if err := o.compare(ctx, recorder, head); err != nil {
		return fmt.Errorf("prepare recorder %s: %w", recorder, err)
	}
	return nil
}

// refused marks an error that trying again will not mend.
type refused struct{ error }

func (e refused) Unwrap() error { return e.error }

func permanent(err error) bool {
	var r refused
	return errors.As(err, &r)
}

func denied(err error) bool {
	for _, e := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
