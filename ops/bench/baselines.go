package bench

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/ed25519batch"
	"github.com/saksi-ledger/saksi/ledger/quiet"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
)

const (
	leafBytes    = 250
	messageBytes = 320 // what an envelope's signature is over
)

// tesseraAlone appends batches of leaves, as large as the ledger's chunks, each
// awaited before the next.
func (r *run) tesseraAlone(ctx context.Context) error {
	private, _, err := note.GenerateKey(rand.Reader, "bench.saksi.example/tree")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet.Tessera()
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(r.dir, "tree"), HTTPClient: http.DefaultClient})
	if err != nil {
		return err
	}
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithBatching(writer.MaxChunk, 20*time.Millisecond).
		WithCheckpointInterval(100*time.Millisecond).WithCheckpointRepublishInterval(0).WithGarbageCollectionInterval(time.Second))
	if err != nil {
		return err
	}
	futures := make([]tessera.IndexFuture, writer.MaxChunk)
	n := 0
	end := r.config.Begin(r.name)
	began := time.Now()
	for n == 0 || time.Since(began) < r.config.Duration {
		for i := range futures {
			leaf := make([]byte, leafBytes)
			rand.Read(leaf)
			futures[i] = appender.Add(ctx, tessera.NewEntry(leaf))
		}
		for _, future := range futures {
			if _, err := future(); err != nil {
				end()
				return err
			}
		}
		n += len(futures)
	}
	took := time.Since(began)
	end()
	r.say("tessera", float64(n)/took.Seconds(), "leaves/s", n, seconds(took), fmt.Sprintf("%d B leaves, batches of %d, one at a time", leafBytes, writer.MaxChunk))
	return shutdown(ctx)
}

// signaturesAlone verifies Ed25519 signatures with the standard library, on one
// core and on all, and then as the ledger does, a chunk's together.
func (r *run) signaturesAlone(context.Context) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	message := make([]byte, messageBytes)
	rand.Read(message)
	signature := ed25519.Sign(private, message)
	chunk := make([]ed25519batch.Signature, writer.MaxChunk)
	for i := range chunk {
		other := make([]byte, messageBytes)
		rand.Read(other)
		chunk[i] = ed25519batch.Signature{Key: public, Message: other, Sig: ed25519.Sign(private, other)}
	}
	end := r.config.Begin(r.name)
	defer end()
	for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
		var n, bad atomic.Int64
		began := time.Now()
		var group sync.WaitGroup
		for range workers {
			group.Go(func() {
				for time.Since(began) < r.config.Duration {
					if !ed25519.Verify(public, message, signature) {
						bad.Add(1)
					}
					n.Add(1)
				}
			})
		}
		group.Wait()
		took := time.Since(began)
		if bad.Load() > 0 {
			return errors.New("a good signature was refused")
		}
		name, conditions := "ed25519-one", "on 1 of them"
		if workers > 1 {
			name, conditions = "ed25519-all", "on all of them"
		}
		r.say(name, float64(n.Load())/took.Seconds(), "checks/s", int(n.Load()), seconds(took), conditions)
		if workers == 1 && runtime.GOMAXPROCS(0) == 1 {
			break
		}
	}
	n := 0
	verifier := ed25519batch.New()
	began := time.Now()
	for time.Since(began) < r.config.Duration {
		if slices.Contains(verifier.Verify(chunk), false) {
			return errors.New("a good signature was refused")
		}
		n += len(chunk)
	}
	took := time.Since(began)
	r.say("ed25519-batch", float64(n)/took.Seconds(), "checks/s", n, seconds(took), fmt.Sprintf("%d together", len(chunk)), "on all of them")
	return nil
}

// streamAlone publishes the messages of ingest-1 into the same stream, across
// accounts, with nobody reading it.
func (r *run) streamAlone(ctx context.Context) error {
	dir := filepath.Join(r.dir, "broker")
	if err := broker.Init(dir, "bench"); err != nil {
		return err
	}
	authority, err := broker.Open(dir)
	if err != nil {
		return err
	}
	parties := make([]*party, operators)
	join := make([]func(url string) error, operators)
	for i := range parties {
		if parties[i], join[i], err = admitAlone(authority, fmt.Sprintf("operator-%d", i+1)); err != nil {
			return err
		}
	}
	server, err := broker.Start(ctx, broker.Config{Dir: dir, StoreDir: filepath.Join(r.dir, "stream"), Listen: "127.0.0.1:0", Logger: r.config.Log})
	if err != nil {
		return err
	}
	defer server.Close()
	nc, err := nats.Connect(server.URL(), broker.ConnectOptions(broker.RoleLedger, authority.CredsFile(broker.RoleLedger))...)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if _, err := broker.EnsureEvents(ctx, js, broker.EventsOptions{}); err != nil {
		return err
	}
	for i := range parties {
		if err := join[i](server.URL()); err != nil {
			return err
		}
		defer parties[i].nc.Close()
	}
	all, err := spools(r.dir, parties, envelopesFor(r.config.Duration, 1), 1)
	if err != nil {
		return err
	}
	p := &pump{parties: parties, spools: all, until: time.Now().Add(r.config.Duration)}
	end := r.config.Begin(r.name)
	began := time.Now()
	err = p.run(ctx)
	took := time.Since(began)
	end()
	if err != nil {
		return err
	}
	n := int(p.published.Load())
	r.say("jetstream", float64(n)/took.Seconds(), "msgs/s", n, seconds(took), "across accounts, no ledger following")
	return nil
}

// admitAlone makes an operator that the broker knows, and no registry.
func admitAlone(authority *broker.Authority, name string) (*party, func(url string) error, error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return nil, nil, err
	}
	public, err := user.PublicKey()
	if err != nil {
		return nil, nil, err
	}
	seed, err := user.Seed()
	if err != nil {
		return nil, nil, err
	}
	admission, err := authority.Admit(name, public, broker.Limits{})
	if err != nil {
		return nil, nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	p := &party{name: name}
	if p.signer, err = events.NewSigner(private); err != nil {
		return nil, nil, err
	}
	for i := range recorders {
		recorder, err := events.ParseRecorder(fmt.Sprintf("%s/lab-1/bastion-%d", name, i+1))
		if err != nil {
			return nil, nil, err
		}
		p.recorders = append(p.recorders, recorder)
	}
	return p, func(url string) error { return p.connect(url, admission.UserJWT, seed) }, nil
}
