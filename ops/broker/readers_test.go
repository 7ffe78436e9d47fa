package broker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/broker"
)

var feedSubjects = []string{
	"feeds.touches.lab-1.a", "feeds.touches.lab-1.b", "feeds.touches.lab-2.a", "feeds.touches._.a", "feeds.sessions.lab-1.a",
}

// fed is a world with consumers for r and s, and a message on each feedSubjects.
func fed(t *testing.T) *world {
	t.Helper()
	w := started(t)
	w.ensure(broker.Reader{Name: "r"}, broker.Reader{Name: "s", Mandate: broker.Mandate{Facilities: []string{"lab-1"}}})
	js := w.js("projections")
	for _, s := range feedSubjects {
		if _, err := js.Publish(testContext(t), s, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) ensure(readers ...broker.Reader) {
	w.t.Helper()
	if err := broker.EnsureReaders(testContext(w.t), w.js("projections"), readers, views); err != nil {
		w.t.Fatal(err)
	}
}

// reader is JetStream as a reader reaches it: a plain client and its domain.
func (w *world) reader(who string) jetstream.JetStream {
	w.t.Helper()
	js, err := jetstream.NewWithDomain(w.connect(who), events.FeedsDomain)
	if err != nil {
		w.t.Fatal(err)
	}
	return js
}

func fetch(t *testing.T, js jetstream.JetStream, consumer string) (subjects []string, messages []jetstream.Msg) {
	t.Helper()
	c, err := js.Consumer(testContext(t), "FEEDS", consumer)
	if err != nil {
		t.Fatalf("consumer %s: %v", consumer, err)
	}
	batch, err := c.FetchNoWait(100)
	if err != nil {
		t.Fatal(err)
	}
	for m := range batch.Messages() {
		if string(m.Data()) != m.Subject() {
			t.Errorf("%s brought %q", m.Subject(), m.Data())
		}
		subjects, messages = append(subjects, m.Subject()), append(messages, m)
	}
	if err := batch.Error(); err != nil {
		t.Fatal(err)
	}
	return subjects, messages
}

func TestReadersPullWithinTheirMandate(t *testing.T) {
	w := fed(t)
	for _, c := range []struct {
		who, consumer string
		want          []string
	}{
		{"r", "r_touches", feedSubjects[:4]},
		{"r", "r_sessions", feedSubjects[4:]},
		{"s", "s_touches", feedSubjects[:2]},
	} {
		js := w.reader(c.who)
		got, messages := fetch(t, js, c.consumer)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s got %v, want %v", c.consumer, got, c.want)
		}
		for _, m := range messages {
			if err := m.DoubleAck(testContext(t)); err != nil {
				t.Errorf("%s: acknowledge: %v", c.consumer, err)
			}
		}
		if again, _ := fetch(t, w.reader(c.who), c.consumer); len(again) > 0 {
			t.Errorf("%s: acknowledged, and delivered again: %v", c.consumer, again)
		}
		if _, err := js.ResetConsumerToSequence(testContext(t), "FEEDS", c.consumer, 1); err != nil {
			t.Fatalf("%s: reset: %v", c.consumer, err)
		}
		if again, _ := fetch(t, js, c.consumer); !slices.Equal(again, c.want) {
			t.Errorf("%s: after a reset: %v", c.consumer, again)
		}
		// And set back to what was acknowledged, which is nothing.
		if _, err := js.ResetConsumer(testContext(t), "FEEDS", c.consumer); err != nil {
			t.Fatalf("%s: reset: %v", c.consumer, err)
		}
		if again, _ := fetch(t, js, c.consumer); !slices.Equal(again, c.want) {
			t.Errorf("%s: after the second reset: %v", c.consumer, again)
		}
	}
}

func TestReadersHearLiveWithinTheirMandate(t *testing.T) {
	w := fed(t)
	js := w.js("projections")
	for who, want := range map[string][]string{"r": feedSubjects, "s": {feedSubjects[0], feedSubjects[1], feedSubjects[4]}} {
		nc := w.connect(who)
		sub, err := nc.SubscribeSync("feeds.>")
		if err != nil {
			t.Fatal(err)
		}
		flush(t, nc)
		for _, s := range feedSubjects {
			if _, err := js.Publish(testContext(t), s, []byte(s)); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for range want {
			m, err := sub.NextMsg(5 * time.Minute)
			if err != nil {
				t.Fatalf("%s: %v, after %v", who, err, got)
			}
			got = append(got, m.Subject)
		}
		flush(t, nc)
		if n, _, _ := sub.Pending(); n > 0 || !slices.Equal(got, want) {
			t.Errorf("%s heard %v and %d more, want %v", who, got, n, want)
		}
	}
}

// What a reader must not be able to do with a client of its own making.
func TestReadersCanDoNothingElse(t *testing.T) {
	w := fed(t)
	ctx := testContext(t)
	nc := w.connect("s")
	js := w.reader("s")
	short := func() context.Context {
		c, cancel := context.WithTimeout(ctx, 150*time.Millisecond)
		t.Cleanup(cancel)
		return c
	}
	plain, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() error{
		"make a push consumer": func() error {
			_, err := js.CreatePushConsumer(short(), "FEEDS", jetstream.ConsumerConfig{Durable: "s_touches", DeliverSubject: "feeds.touches.lab-2.b"})
			return err
		},
		"make a pull consumer": func() error {
			_, err := js.CreateConsumer(short(), "FEEDS", jetstream.ConsumerConfig{Durable: "s_more"})
			return err
		},
		"change its filter": func() error {
			_, err := js.UpdateConsumer(short(), "FEEDS", jetstream.ConsumerConfig{Durable: "s_touches", FilterSubject: "feeds.>"})
			return err
		},
		"delete its consumer":             func() error { return js.DeleteConsumer(short(), "FEEDS", "s_touches") },
		"look at another's consumer":      func() error { _, err := js.Consumer(short(), "FEEDS", "r_touches"); return err },
		"look at the stream":              func() error { _, err := js.Stream(short(), "FEEDS"); return err },
		"look at EVENTS":                  func() error { _, err := js.Stream(short(), "EVENTS"); return err },
		"look at EVENTS as $JS.API":       func() error { _, err := plain.Stream(short(), "EVENTS"); return err },
		"look at FEEDS as $JS.API":        func() error { _, err := plain.Stream(short(), "FEEDS"); return err },
		"look at the account":             func() error { _, err := plain.AccountInfo(short()); return err },
		"reset another's consumer":        func() error { _, err := js.ResetConsumer(short(), "FEEDS", "r_touches"); return err },
		"publish to a feed":               func() error { _, err := plain.Publish(short(), "feeds.touches.lab-1.a", nil); return err },
		"publish an event":                func() error { _, err := plain.Publish(short(), "events.a.x.y", nil); return err },
		"take the publisher's lease":      func() error { _, err := plain.Publish(short(), "leases.feeds", nil); return err },
		"look at its consumer as $JS.API": func() error { _, err := plain.Consumer(short(), "FEEDS", "s_touches"); return err },
	} {
		if err := try(); err == nil {
			t.Errorf("a reader could %s", what)
		}
	}

	// Reply subjects are the reader's own: what it asks for arrives inside its own
	// account, wherever it says, and nowhere else.
	before, err := w.feeds().Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	events, err := w.events().Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{"INFO", "MSG.NEXT", "RESET"} {
		for _, reply := range []string{"feeds.touches.lab-2.b", "leases.feeds", "events.a.x.y", "checkpoints", "$JS.API.CONSUMER.DELETE.FEEDS.r_touches"} {
			if err := nc.PublishMsg(&nats.Msg{Subject: "$JS.feeds.API.CONSUMER." + request + ".FEEDS.s_touches", Reply: reply, Data: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, ack := range []string{"+ACK", "-NAK", "+WPI", "+TERM", `+NXT {"batch":10}`} {
		m := &nats.Msg{Subject: "$JS.ACK.FEEDS.s_touches.1.1.1.1.0", Reply: "feeds.touches.lab-2.b", Data: []byte(ack)}
		if err := nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, nc)
	if _, err := js.ResetConsumer(ctx, "FEEDS", "s_touches"); err != nil { // answered after all those
		t.Fatal(err)
	}
	after, err := w.feeds().Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(after.State.Subjects), fmt.Sprint(before.State.Subjects); got != want {
		t.Errorf("FEEDS has %s, had %s", got, want)
	}
	if now, err := w.events().Info(ctx); err != nil || now.State.Msgs != events.State.Msgs {
		t.Errorf("EVENTS has %d messages, had %d (%v)", now.State.Msgs, events.State.Msgs, err)
	}
	// Nor does an acknowledgement reach another's consumer.
	r := w.reader("r")
	if _, messages := fetch(t, r, "r_touches"); len(messages) != 4 {
		t.Fatalf("r_touches has %d messages", len(messages))
	}
	for _, subject := range []string{
		"$JS.ACK.FEEDS.r_touches.1.1.1.1.0", "$JS.ACK.FEEDS.r_touches.FEEDS.s_touches.1.1.1", "$JS.ACK._._.FEEDS.r_touches.1.1.1.1.0",
		"$JS.ACK.FEEDS.r_touches.1.1.1.1.0.FEEDS.s_touches.1.1.1.1.0",
	} {
		if err := nc.Publish(subject, []byte("+ACK")); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, nc)
	c, err := r.Consumer(ctx, "FEEDS", "r_touches")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := c.Info(ctx); err != nil || info.NumAckPending != 4 {
		t.Errorf("r_touches waits for %d acknowledgements, want 4 (%v)", info.NumAckPending, err)
	}
}

// What another reader asks and gets doesn't pass by: the accounts keep it apart,
// even for a user whom no permission binds.
func TestReadersSeeNothingOfEachOther(t *testing.T) {
	w := fed(t)
	w.users["unbound"] = w.mint("readers/s.nk")
	nc := w.connect("unbound")
	sub, err := nc.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	flush(t, nc)
	got, messages := fetch(t, w.reader("r"), "r_touches")
	if len(got) != 4 {
		t.Fatalf("r got %v", got)
	}
	for _, m := range messages {
		if err := m.DoubleAck(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, nc)
	for n, _, _ := sub.Pending(); n > 0; n-- {
		if m, err := sub.NextMsg(time.Second); err == nil {
			t.Errorf("%s passed by: %s", m.Subject, m.Data)
		}
	}
	js, err := jetstream.NewWithDomain(nc, events.FeedsDomain)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(testContext(t), 300*time.Millisecond)
	defer cancel()
	if _, err := js.Consumer(ctx, "FEEDS", "r_touches"); err == nil {
		t.Error("an unbound user of s looks at a consumer of r")
	}
	if _, err := js.CreateConsumer(ctx, "FEEDS", jetstream.ConsumerConfig{Durable: "s_more"}); err == nil {
		t.Error("an unbound user of s makes a consumer")
	}
}

// A server with the flag gives out acknowledgement subjects of another form.
func TestReadersAcknowledgeInBothForms(t *testing.T) {
	w := fed(t)
	_, messages := fetch(t, w.reader("r"), "r_touches")
	nc := w.connect("r")
	m := messages[0]
	meta, err := m.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	feedsHub := w.connect("feeds-hub")
	seen, err := feedsHub.SubscribeSync("$JS.ACK.>")
	if err != nil {
		t.Fatal(err)
	}
	flush(t, feedsHub)
	subject := fmt.Sprintf("$JS.ACK._.AbCd1234.FEEDS.r_touches.1.%d.%d.%d.0", meta.Sequence.Stream, meta.Sequence.Consumer, meta.Timestamp.UnixNano())
	if err := nc.Publish(subject, []byte("+ACK")); err != nil {
		t.Fatal(err)
	}
	flush(t, nc)
	if got, err := seen.NextMsg(5 * time.Minute); err != nil || got.Subject != subject {
		t.Errorf("the second form arrived as %v, %v", got, err)
	}
}

func TestEnsureReaders(t *testing.T) {
	w := fed(t)
	ctx := testContext(t)
	names := func() (names []string) {
		list := w.feeds().ListConsumers(ctx)
		for c := range list.Info() {
			names = append(names, c.Name)
		}
		if list.Err() != nil {
			t.Fatal(list.Err())
		}
		slices.Sort(names)
		return names
	}
	if got := names(); !slices.Equal(got, []string{"r_sessions", "r_touches", "s_sessions", "s_touches"}) {
		t.Fatalf("consumers: %v", got)
	}
	_, messages := fetch(t, w.reader("r"), "r_touches")
	if err := messages[0].DoubleAck(ctx); err != nil {
		t.Fatal(err)
	}
	// A narrower mandate for r, s suspended: r keeps its place, s has no consumer.
	narrow := broker.Mandate{Facilities: []string{"lab-1", "lab-2"}, Operators: []string{"a"}}
	w.ensure(broker.Reader{Name: "r", Mandate: narrow}, broker.Reader{Name: "s", Suspended: true})
	if got := names(); !slices.Equal(got, []string{"r_sessions", "r_touches"}) {
		t.Errorf("consumers: %v", got)
	}
	c, err := w.reader("r").Consumer(ctx, "FEEDS", "r_touches")
	if err != nil {
		t.Fatal(err)
	}
	info := c.CachedInfo()
	if got := info.Config.FilterSubjects; !slices.Equal(got, []string{"feeds.touches.lab-1.a", "feeds.touches.lab-2.a"}) {
		t.Errorf("filters: %v", got)
	}
	if info.AckFloor.Stream != 1 {
		t.Errorf("its place was lost: %+v", info.AckFloor)
	}
}

// A mandate that becomes narrower holds at once, for connections that stand.
func TestNarrowerMandate(t *testing.T) {
	w := fed(t)
	ctx := testContext(t)
	nc := w.connect("r")
	sub, err := nc.SubscribeSync("feeds.>")
	if err != nil {
		t.Fatal(err)
	}
	flush(t, nc)
	if _, err := w.auth.AdmitReader("r", w.readerKey("r"), views, broker.Mandate{Operators: []string{"b"}}, broker.Limits{}); err != nil {
		t.Fatal(err)
	}
	if err := w.auth.PushReader(ctx, w.url, "r"); err != nil {
		t.Fatal(err)
	}
	js := w.js("projections")
	for _, s := range feedSubjects {
		if _, err := js.Publish(ctx, s, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := sub.NextMsg(5 * time.Minute)
	if err != nil || m.Subject != "feeds.touches.lab-1.b" {
		t.Errorf("heard %v, %v", m, err)
	}
	flush(t, nc)
	if n, _, _ := sub.Pending(); n > 0 {
		t.Errorf("heard %d more", n)
	}
}

func (w *world) readerKey(reader string) string {
	w.t.Helper()
	var opts nats.Options
	if err := w.users[reader](&opts); err != nil {
		w.t.Fatal(err)
	}
	token, err := opts.UserJWT()
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := jwt.DecodeUserClaims(token)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Subject
}

func TestSuspendedReader(t *testing.T) {
	w := fed(t)
	ctx := testContext(t)
	closed := make(chan struct{})
	nc := w.connect("r", nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err := w.auth.SuspendReader(ctx, w.url, "r"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-ctx.Done():
		t.Fatalf("the connection stands: %v", nc.Status())
	}
	if _, err := w.dial("r"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a suspended reader connects: %v", err)
	}
	if _, err := w.auth.AdmitReader("r", w.readerKey("r"), views, broker.Mandate{}, broker.Limits{}); !errors.Is(err, broker.ErrSuspended) {
		t.Errorf("a suspended reader is admitted: %v", err)
	}
	if got, _ := fetch(t, w.reader("s"), "s_touches"); len(got) != 2 {
		t.Errorf("s got %v", got)
	}
	if err := w.auth.ReadmitReader(ctx, w.url, "r"); err != nil {
		t.Fatal(err)
	}
	if got, _ := fetch(t, w.reader("r"), "r_touches"); len(got) != 4 {
		t.Errorf("r, readmitted, got %v", got)
	}
	if err := w.auth.SuspendReader(ctx, w.url, "nobody"); !errors.Is(err, broker.ErrUnknownReader) {
		t.Errorf("suspend nobody: %v", err)
	}
}

func TestMandateIsBounded(t *testing.T) {
	w := newWorld(t)
	many := make([]string, 17)
	for i := range many {
		many[i] = fmt.Sprintf("f-%d", i)
	}
	for what, m := range map[string]broker.Mandate{
		"too many pairs":     {Facilities: many, Operators: many},
		"a wildcard":         {Facilities: []string{"*"}},
		"a dot":              {Operators: []string{"a.b"}},
		"the same one twice": {Operators: []string{"a", "a"}},
	} {
		if _, err := w.auth.AdmitReader("x", w.readerKey("r"), views, m, broker.Limits{}); err == nil {
			t.Errorf("admitted with %s", what)
		} else {
			t.Log(err)
		}
	}
	if _, err := w.auth.AdmitReader("x", w.readerKey("r"), []string{"touches.>"}, broker.Mandate{}, broker.Limits{}); err == nil {
		t.Error("admitted to a view with a wildcard")
	}
}

func TestEnsureFeedsRefusesAnotherStream(t *testing.T) {
	w := newWorld(t)
	w.start()
	ctx := testContext(t)
	if _, err := w.js("feeds-hub").CreateStream(ctx, jetstream.StreamConfig{Name: "FEEDS", Subjects: []string{"feeds.>"}, AllowDirect: true}); err != nil {
		t.Fatal(err)
	}
	_, err := broker.EnsureFeeds(ctx, w.js("projections"), broker.FeedsOptions{MaxAge: time.Hour})
	for _, want := range []string{"deny purge", "direct reads", "maximum age"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

// An authority made before there were readers gets what they need when it is
// opened by someone who holds its key.
func TestDirectoryFromBeforeReaders(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"hub/projections.jwt", "keys/projections.nk", "creds/projections.creds", "readers"} {
		if err := os.RemoveAll(filepath.Join(w.dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.auth, err = broker.Open(w.dir); err != nil {
		t.Fatal(err)
	}
	w.admitReader("r", broker.Mandate{})
	w.start()
	w.feeds()
	w.ensure(broker.Reader{Name: "r"})
	if got, _ := fetch(t, w.reader("r"), "r_touches"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// A mandate that leaves views out leaves their feeds out, live ones and consumers; one
// without any view has no feed at all, and hears checkpoints like anybody.
func TestMandateOverViews(t *testing.T) {
	w := fed(t)
	ctx := testContext(t)
	js := w.js("projections")
	for _, c := range []struct {
		views []string
		want  []string
	}{
		{[]string{"sessions"}, feedSubjects[4:]},
		{[]string{}, nil},
	} {
		mandate := broker.Mandate{Views: c.views}
		if _, err := w.auth.AdmitReader("r", w.readerKey("r"), views, mandate, broker.Limits{}); err != nil {
			t.Fatal(err)
		}
		if err := w.auth.PushReader(ctx, w.url, "r"); err != nil {
			t.Fatal(err)
		}
		w.ensure(broker.Reader{Name: "r", Mandate: mandate})
		nc := w.connect("r")
		sub, err := nc.SubscribeSync("feeds.>")
		if err != nil {
			t.Fatal(err)
		}
		public, err := nc.SubscribeSync("checkpoints")
		if err != nil {
			t.Fatal(err)
		}
		flush(t, nc)
		for _, s := range feedSubjects {
			if _, err := js.Publish(ctx, s, []byte(s)); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range c.want {
			if m, err := sub.NextMsg(5 * time.Minute); err != nil || m.Subject != want {
				t.Errorf("%v: heard %v, %v, want %s", c.views, m, err, want)
			}
		}
		ledger := w.connect("ledger")
		if err := ledger.Publish("checkpoints", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := public.NextMsg(5 * time.Minute); err != nil { // after whatever else came
			t.Errorf("%v: no checkpoint: %v", c.views, err)
		}
		if n, _, _ := sub.Pending(); n > 0 {
			t.Errorf("%v: heard %d more", c.views, n)
		}
		for _, view := range views {
			short, cancel := context.WithTimeout(ctx, 5*time.Second)
			_, err := w.reader("r").Consumer(short, "FEEDS", broker.ConsumerName("r", view))
			cancel()
			if (err == nil) != slices.Contains(c.views, view) {
				t.Errorf("%v: consumer of %s: %v", c.views, view, err)
			}
		}
		if err := broker.EnsureReader(ctx, js, broker.Reader{Name: "r", Mandate: mandate}, views); err != nil {
			t.Errorf("%v: %v", c.views, err)
		}
	}
	var many []string
	for i := range 257 {
		many = append(many, fmt.Sprint("v-", i))
	}
	if _, err := w.auth.AdmitReader("r", w.readerKey("r"), views, broker.Mandate{Views: many}, broker.Limits{}); err == nil {
		t.Error("a mandate over 257 views was taken")
	}
}
