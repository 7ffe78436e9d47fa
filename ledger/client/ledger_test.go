package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/quiet"
)

// testLedger is a small and real ledger: it reads EVENTS in order, makes each
// message a leaf of a Tessera tree under a signed checkpoint, serves the tree
// and answers questions. It knows one party's keys and checks what it can
// without schemas.
type testLedger struct {
	t      testing.TB
	broker *testBroker
	nc     *nats.Conn
	key    events.PublicKey
	log    *formats.Log
	vkey   string
	add    *tessera.Appender
	reader tessera.LogReader
	http   *httptest.Server
	root   atomic.Pointer[http.Handler]
	gets   atomic.Int64 // requests to the HTTP server

	mu       sync.Mutex
	open     chan struct{} // closed while reading goes on
	epoch    uint64
	seq      uint64
	size     uint64
	accepted map[string][]events.AcceptedPlace // by recorder/incarnation
	byID     map[events.Digest]uint64          // manifest → leaf
	rejected map[events.Digest]events.RejectedPlace
	heads    map[string]events.Head
	bodies   []*events.Envelope // accepted, in order
	leaves   []formats.Leaf
	// reject returns a code for what is to be refused.
	reject func(*events.Envelope) string
	// lie may change an answer.
	lie func(*events.GetRequest, *events.GetResponse)
}

func newLogKey(t testing.TB) (skey, vkey string) {
	skey, vkey, err := note.GenerateKey(rand.Reader, "ledger.example.my/saksi/test")
	if err != nil {
		t.Fatal(err)
	}
	return skey, vkey
}

func startLedger(t testing.TB, b *testBroker, key events.PublicKey) *testLedger {
	skey, vkey := newLogKey(t)
	return startLedgerWith(t, b, key, skey, vkey)
}

func startLedgerWith(t testing.TB, b *testBroker, key events.PublicKey, skey, vkey string) *testLedger {
	l := &testLedger{t: t, broker: b, key: key, vkey: vkey, epoch: 1,
		accepted: map[string][]events.AcceptedPlace{}, byID: map[events.Digest]uint64{},
		rejected: map[events.Digest]events.RejectedPlace{}, heads: map[string]events.Head{},
		open: make(chan struct{}),
	}
	close(l.open)
	var err error
	if l.log, err = formats.NewLog(vkey); err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	quiet.Tessera()
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithCheckpointInterval(100*time.Millisecond).WithBatching(256, 5*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	l.add, l.reader = appender, reader
	l.serve(http.FileServer(http.Dir(dir)))
	l.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.gets.Add(1)
		(*l.root.Load()).ServeHTTP(w, r)
	}))
	l.nc = b.connect()
	l.answer("receipts.>", l.reply)
	var done sync.WaitGroup
	done.Go(func() { l.read(ctx) })
	done.Go(func() { l.announce(ctx) })
	t.Cleanup(func() {
		l.resume()
		cancel()
		done.Wait()
		end, stop := context.WithTimeout(context.Background(), 5*time.Minute)
		defer stop()
		_ = shutdown(end)
		l.http.Close()
	})
	return l
}

func (l *testLedger) serve(h http.Handler) { l.root.Store(&h) }

func (l *testLedger) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
		l.open = make(chan struct{})
	default:
	}
}

func (l *testLedger) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
	default:
		close(l.open)
	}
}

// newEpoch makes it read a replaced stream from its start.
func (l *testLedger) newEpoch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch, l.seq = l.epoch+1, 0
}

func (l *testLedger) position() (epoch, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch, l.seq
}

// read takes messages one chunk at a time, and makes sure of each before the
// next.
func (l *testLedger) read(ctx context.Context) {
	js, err := jetstream.New(l.nc)
	if err != nil {
		l.t.Error(err)
		return
	}
	for ctx.Err() == nil {
		l.mu.Lock()
		open, epoch, from := l.open, l.epoch, l.seq+1
		l.mu.Unlock()
		select {
		case <-open:
		case <-ctx.Done():
			return
		}
		if err := l.readFrom(ctx, js, open, epoch, from); err != nil && ctx.Err() == nil {
			_ = retry.Sleep(ctx, 20*time.Millisecond)
		}
	}
}

func (l *testLedger) readFrom(ctx context.Context, js jetstream.JetStream, open chan struct{}, epoch, from uint64) error {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// Not the library's ordered consumer: after a broker's restart it waits up to
	// ten seconds.
	c, err := js.CreateConsumer(short, "EVENTS", jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: 5 * time.Second, MemoryStorage: true,
	})
	if err != nil {
		return err
	}
	delivered := uint64(0)
	for idle := 0; ctx.Err() == nil && idle < 5; {
		batch, err := c.Fetch(256, jetstream.FetchMaxWait(50*time.Millisecond))
		if err != nil {
			return err
		}
		var chunk []jetstream.Msg
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			if delivered++; meta.Sequence.Consumer != delivered {
				return errors.New("a message was lost on the way")
			}
			chunk = append(chunk, m)
		}
		if idle++; len(chunk) > 0 {
			idle = 0
		}
		if err := batch.Error(); err != nil && len(chunk) == 0 {
			return err
		}
		l.mu.Lock()
		// Paused since, or elsewhere now: what was fetched meanwhile is not read.
		stop := l.epoch != epoch || l.open != open
		if !stop && len(chunk) > 0 {
			err = l.admit(ctx, chunk)
		}
		l.mu.Unlock()
		if stop || err != nil {
			return err
		}
	}
	return nil
}

// admit needs l.mu.
func (l *testLedger) admit(ctx context.Context, chunk []jetstream.Msg) error {
	type judged struct {
		leaf   formats.Leaf
		env    *events.Envelope
		whole  events.Digest
		future tessera.IndexFuture
	}
	var all []*judged
	within := map[events.Digest]bool{}
	for _, m := range chunk {
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		j := &judged{whole: sha256.Sum256(m.Data())}
		j.leaf = formats.Leaf{Epoch: l.epoch, Seq: meta.Sequence.Stream, Subject: m.Subject(), Received: meta.Timestamp.UTC(), Verdict: formats.Rejected, Digest: j.whole}
		env, err := events.ParseEnvelope(m.Data())
		switch {
		case err != nil:
			j.leaf.Code = "malformed"
		case env.Manifest.Recorder.Subject() != m.Subject():
			j.leaf.Code = "wrong_subject"
		case len(env.Signatures) != 1 || !l.key.Verify(env.SignedBytes(), env.Signatures[0].Sig):
			j.leaf.Code = "bad_signature"
		case env.CheckDigests() != nil:
			j.leaf.Code = "digest_mismatch"
		case l.reject != nil && l.reject(env) != "":
			j.leaf.Code = l.reject(env)
		default:
			j.env = env
			j.leaf.Digest = events.DigestOf(env.Line1())
			if of, ok := l.byID[env.ManifestDigest()]; ok || within[env.ManifestDigest()] {
				j.leaf.Verdict, j.leaf.Of = formats.Duplicate, of
			} else {
				j.leaf.Verdict, j.leaf.First, j.leaf.Count = formats.Accepted, env.Manifest.First, uint64(len(env.Lines))
				within[env.ManifestDigest()] = true
			}
		}
		j.future = l.add.Add(ctx, tessera.NewEntry(j.leaf.Marshal()))
		all = append(all, j)
	}
	for _, j := range all {
		index, err := j.future()
		if err != nil {
			return err
		}
		if index.Index != l.size {
			return fmt.Errorf("leaf %d where %d was due", index.Index, l.size)
		}
		l.size++
		l.seq = j.leaf.Seq
		l.leaves = append(l.leaves, j.leaf)
		switch j.leaf.Verdict {
		case formats.Rejected:
			place := events.RejectedPlace{Body: j.whole, Leaf: index.Index, Code: j.leaf.Code, Reason: "because of " + j.leaf.Code}
			l.rejected[j.whole] = place
			if r, err := events.ParseSubject(j.leaf.Subject); err == nil {
				b, _ := json.Marshal(place)
				_ = l.nc.Publish(events.SubjectRejections(r.Party()), b)
			}
		case formats.Accepted:
			m := j.env.Manifest
			digest := j.env.ManifestDigest()
			l.byID[digest] = index.Index
			l.bodies = append(l.bodies, j.env)
			k := fmt.Sprintf("%s/%d", m.Recorder, m.Incarnation)
			l.accepted[k] = append(l.accepted[k], events.AcceptedPlace{First: m.First, Manifest: digest, Leaf: index.Index})
			h := l.heads[m.Recorder.String()]
			if m.Incarnation > h.Incarnation || m.Incarnation == h.Incarnation && m.Last() >= h.Last {
				l.heads[m.Recorder.String()] = events.Head{Recorder: m.Recorder.String(), Incarnation: m.Incarnation, Last: m.Last(), Manifest: digest, Leaf: index.Index}
			}
		}
	}
	return nil
}

func (l *testLedger) answer(subject string, reply func(subject string, q []byte) any) {
	_, err := l.nc.Subscribe(subject, func(m *nats.Msg) {
		b, err := json.Marshal(reply(m.Subject, m.Data))
		if err == nil {
			_ = m.Respond(b)
		}
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *testLedger) reply(subject string, question []byte) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.HasSuffix(subject, ".head") {
		party := strings.TrimSuffix(strings.TrimPrefix(subject, "receipts."), ".head")
		var q events.HeadRequest
		if err := json.Unmarshal(question, &q); err != nil {
			return events.HeadResponse{V: 1, Error: err.Error()}
		}
		r := events.HeadResponse{V: 1}
		for name, h := range l.heads {
			if rec, err := events.ParseRecorder(name); err == nil && rec.Party() == party && name > q.After {
				r.Heads = append(r.Heads, h)
			}
		}
		slices.SortFunc(r.Heads, func(a, b events.Head) int { return cmp.Compare(a.Recorder, b.Recorder) })
		if len(r.Heads) > 2 { // small pages, so that they are turned
			r.Heads, r.More = r.Heads[:2], true
		}
		return r
	}
	var q events.GetRequest
	if err := json.Unmarshal(question, &q); err != nil || len(q.Bodies) > events.MaxPlaces {
		return events.GetResponse{V: 1, Error: "no such question"}
	}
	r := events.GetResponse{V: 1, Epoch: l.epoch, Seq: l.seq}
	list := slices.Clone(l.accepted[fmt.Sprintf("%s/%d", q.Recorder, q.Incarnation)])
	slices.SortFunc(list, func(a, b events.AcceptedPlace) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Leaf, b.Leaf))
	})
	list = slices.DeleteFunc(list, func(p events.AcceptedPlace) bool { return p.First < q.From })
	if len(list) > events.MaxPlaces {
		list, r.More = list[:events.MaxPlaces], true
	}
	r.Accepted = list
	for _, b := range q.Bodies {
		if place, ok := l.rejected[b]; ok {
			r.Rejected = append(r.Rejected, place)
		}
	}
	if l.lie != nil {
		l.lie(&q, &r)
	}
	return r
}

func (l *testLedger) announce(ctx context.Context) {
	var last []byte
	for retry.Sleep(ctx, 5*time.Millisecond) == nil {
		b, err := l.reader.ReadCheckpoint(ctx)
		if err != nil || bytes.Equal(b, last) {
			continue
		}
		last = b
		_ = l.nc.Publish(events.SubjectCheckpoints, b)
	}
}

func (l *testLedger) set(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}
