package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
)

// assault is one way in which an admitted operator may be hostile.
type assault struct {
	party *party
	world *world
	// each is one attacker's work on one connection, until it fails.
	each func(ctx context.Context, nc *nats.Conn, worker int) error
	// workers is how many connections attack at the same time.
	workers int
	options []nats.Option
	alone   func(ctx context.Context) error // instead of all that
}

// assaults are the ways, by name.
var assaults = map[string]func(*assault) error{
	"flood":       (*assault).flood,
	"replay":      (*assault).replay,
	"valid":       (*assault).valid,
	"largest":     (*assault).largest,
	"names":       (*assault).names,
	"extremes":    (*assault).extremes,
	"questions":   (*assault).questions,
	"denied":      (*assault).denied,
	"connections": (*assault).connections,
	"stalled":     (*assault).stalled,
}

// Attacks returns the names of all attacks.
func Attacks() []string {
	return []string{"flood", "replay", "valid", "largest", "names", "extremes", "questions", "denied", "connections", "stalled"}
}

// checkAttack returns [ErrUnknown] if there is no attack of the name.
func checkAttack(name string) error {
	if _, known := assaults[name]; !known {
		return fmt.Errorf("attack %s: %w: there are %s", name, ErrUnknown, strings.Join(Attacks(), ", "))
	}
	return nil
}

func newAssault(name string, p *party, w *world) (*assault, error) {
	if err := checkAttack(name); err != nil {
		return nil, err
	}
	a := &assault{party: p, world: w, workers: 4}
	return a, assaults[name](a)
}

// comeBack is how long an attacker waits that was cut off.
const comeBack = 50 * time.Millisecond

// run attacks until the context ends. Whatever the node does about it, it comes
// back.
func (a *assault) run(ctx context.Context) error {
	if a.alone != nil {
		return a.alone(ctx)
	}
	var group sync.WaitGroup
	for worker := range a.workers {
		group.Go(func() {
			for ctx.Err() == nil {
				if nc, err := a.party.dial(a.options...); err == nil {
					stop := context.AfterFunc(ctx, nc.Close)
					a.each(ctx, nc, worker)
					stop()
					nc.Close()
				}
				select {
				case <-time.After(comeBack):
				case <-ctx.Done():
				}
			}
		})
	}
	group.Wait()
	return nil
}

// endlessly publishes what next makes, without waiting for anything.
func endlessly(nc *nats.Conn, next func(k int) (subject string, body []byte)) error {
	for k := 0; ; k++ {
		subject, body := next(k)
		if err := nc.Publish(subject, body); err != nil {
			return err
		}
	}
}

// flood publishes small messages that are no envelopes.
func (a *assault) flood() error {
	body := bytes.Repeat([]byte("x"), 64)
	a.each = func(_ context.Context, nc *nats.Conn, _ int) error {
		return endlessly(nc, func(int) (string, []byte) { return a.party.recorders[0].Subject(), body })
	}
	return nil
}

// replay publishes one good envelope again and again.
func (a *assault) replay() error {
	w := &eventWriter{random: rand.NewChaCha8([32]byte{1}), at: time.Now().UTC()}
	w.choice = rand.New(w.random)
	envelope, err := w.envelope(a.party.recorders[0], 1, events.Digest{}, 1, a.party.signer)
	if err != nil {
		return err
	}
	body := envelope.Marshal()
	a.each = func(_ context.Context, nc *nats.Conn, _ int) error {
		return endlessly(nc, func(int) (string, []byte) { return a.party.recorders[0].Subject(), body })
	}
	return nil
}

// validEnvelopes is how many good envelopes are signed beforehand.
const validEnvelopes = 40_000

// valid publishes good envelopes as fast as the broker takes them, and no receipts
// are waited for.
func (a *assault) valid() error {
	bodies := make([][]byte, validEnvelopes)
	w := &eventWriter{random: rand.NewChaCha8([32]byte{2}), at: time.Now().UTC()}
	w.choice = rand.New(w.random)
	var last events.Digest
	for k := range bodies {
		envelope, err := w.envelope(a.party.recorders[0], uint64(k)+1, last, 1, a.party.signer)
		if err != nil {
			return err
		}
		last, bodies[k] = envelope.ManifestDigest(), envelope.Marshal()
	}
	a.workers = 1
	from := 0
	a.each = func(ctx context.Context, nc *nats.Conn, _ int) error {
		for ; from < len(bodies); from++ {
			if err := nc.Publish(a.party.recorders[0].Subject(), bodies[from]); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return nil
	}
	return nil
}

// largest publishes noise as long as the broker takes.
func (a *assault) largest() error {
	noise := make([]byte, 500<<10)
	rand.NewChaCha8([32]byte{3}).Read(noise)
	a.each = func(_ context.Context, nc *nats.Conn, _ int) error {
		return endlessly(nc, func(int) (string, []byte) { return a.party.recorders[0].Subject(), noise })
	}
	return nil
}

// names publishes for a recorder of another name each time.
func (a *assault) names() error {
	a.each = func(_ context.Context, nc *nats.Conn, worker int) error {
		began := time.Now().UnixNano()
		return endlessly(nc, func(k int) (string, []byte) {
			return fmt.Sprintf("events.%s.f%d.r%d-%d", a.party.name, worker, began, k), []byte("x")
		})
	}
	return nil
}

// extremes publishes well signed envelopes with the highest numbers there are, at
// times of ages ago and ages to come, and some with a number that no JSON can hold.
func (a *assault) extremes() error {
	const n = 4000
	w := &eventWriter{random: rand.NewChaCha8([32]byte{4})}
	w.choice = rand.New(w.random)
	times := []time.Time{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC), time.Unix(0, 0).UTC()}
	bodies := make([][]byte, n)
	for k := range bodies {
		w.at = times[k%len(times)]
		first := uint64(events.MaxSequence) - uint64(2*k)
		if k%2 == 1 {
			first = uint64(2*k) + 1
		}
		envelope, err := w.envelope(a.party.recorders[k%len(a.party.recorders)], first, events.Digest{byte(k), 1}, 1, a.party.signer)
		if err != nil {
			return err
		}
		bodies[k] = envelope.Marshal()
		if k%10 == 0 {
			huge := fmt.Sprintf(`{"v":1,"recorder":%q,"incarnation":1,"first":%d,"events":["%s"]}`,
				a.party.recorders[0], uint64(math.MaxInt64)+1, events.DigestOf([]byte("x")))
			bodies[k] = []byte(`{"payloadType":"` + events.PayloadType + `","payload":"` + base64.StdEncoding.EncodeToString([]byte(huge)) + `","signatures":[]}` + "\n")
		}
	}
	a.workers = 1
	from := 0
	a.each = func(ctx context.Context, nc *nats.Conn, _ int) error {
		for ; from < n; from++ {
			if err := nc.Publish(a.party.recorders[from%len(a.party.recorders)].Subject(), bodies[from]); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return nil
	}
	return nil
}

// questions asks for receipts and doesn't wait for answers.
func (a *assault) questions() error {
	subject := events.SubjectReceiptsGet(a.party.name)
	question := []byte(`{"v":1,"recorder":"` + a.party.recorders[0].String() + `","incarnation":1,"from":0}`)
	a.each = func(_ context.Context, nc *nats.Conn, _ int) error {
		for {
			if err := nc.PublishRequest(subject, "_INBOX.nobody", question); err != nil {
				return err
			}
		}
	}
	return nil
}

// denied publishes where it may not.
func (a *assault) denied() error {
	a.each = func(_ context.Context, nc *nats.Conn, _ int) error {
		return endlessly(nc, func(k int) (string, []byte) { return "events.somebody-else.lab-1.r", nil })
	}
	return nil
}

const manyConnections = 1000

// connections opens as many as it can, tries for more, and opens them anew.
func (a *assault) connections() error {
	a.workers = manyConnections
	a.options = []nats.Option{nats.Timeout(2 * time.Second)}
	a.each = func(ctx context.Context, nc *nats.Conn, _ int) error {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		return nil
	}
	return nil
}

// stalled asks for what the node serves to everybody, over HTTP and the broker,
// and reads none of it.
func (a *assault) stalled() error {
	a.alone = func(ctx context.Context) error {
		at, err := url.Parse(a.world.addresses.HTTP)
		if err != nil {
			return err
		}
		var open []net.Conn
		defer func() {
			for _, c := range open {
				c.Close()
			}
		}()
		for i := 0; i < manyConnections && ctx.Err() == nil; i++ {
			c, err := net.Dial("tcp", at.Host)
			if err != nil {
				return fmt.Errorf("dial %s: %w", at.Host, err)
			}
			open = append(open, c)
			// Pipelined, so that the answers fill what the system takes for the reader.
			c.SetWriteDeadline(time.Now().Add(time.Second))
			io.WriteString(c, strings.Repeat("GET /checkpoint HTTP/1.1\r\nHost: x\r\n\r\n", 200))
		}
		for range 64 {
			nc, err := a.party.unread()
			if err != nil {
				break // as many as it may
			}
			open = append(open, nc)
		}
		<-ctx.Done()
		return nil
	}
	return nil
}

// unread connects with a client that subscribes to checkpoints and never reads.
func (p *party) unread() (net.Conn, error) {
	d := &deaf{}
	nc, err := p.dial(nats.SetCustomDialer(d))
	if err != nil {
		return nil, err
	}
	if _, err := nc.Subscribe(events.SubjectCheckpoints, func(*nats.Msg) {}); err != nil {
		return nil, err
	}
	if err := nc.FlushTimeout(time.Second); err != nil {
		return nil, err
	}
	close(d.shut)
	return d, nil
}

// deaf is a connection that can stop reading.
type deaf struct {
	net.Conn
	shut, gone chan struct{} // it reads no more; it is closed
	once       sync.Once
}

// Dial implements [nats.CustomDialer].
func (d *deaf) Dial(network, address string) (net.Conn, error) {
	var err error
	d.Conn, err = net.Dial(network, address)
	d.shut, d.gone = make(chan struct{}), make(chan struct{})
	return d, err
}

func (d *deaf) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	select {
	case <-d.shut:
		<-d.gone // what there was is never passed on
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (d *deaf) Close() error {
	d.once.Do(func() { close(d.gone) })
	return d.Conn.Close()
}
