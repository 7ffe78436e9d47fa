package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The subjects tried by each role, most of them refused, with those that each
// role may publish to and subscribe to.
var (
	publishSubjects = []string{
		"events.a.lab-1.bastion-1", "events.b.lab-1.bastion-1", "events.a", "events", "events.a.lab-1", "events.a.lab-1.bastion-1.x",
		"registry.mcmc", "registry.other", "registry.mcmc.x",
		"receipts.a.get", "receipts.a.head", "receipts.b.get", "receipts.b.head", "receipts.a.other",
		"receipts.registry.mcmc.get", "receipts.registry.mcmc.head", "receipts.registry.other.get",
		"rejections.a", "rejections.b", "rejections.registry.mcmc", "checkpoints", "anchors",
		"feeds.touches.lab-1.a", "feeds.touches.lab-2.b", "leases.feeds", "positions.feeds",
		"disclosures.a.x", "disclosures.a.lab-1.bastion-1.0", "disclosures.b.lab-1.bastion-1.0", "reencrypted.a.x", "_INBOX.guess.1", "_INBOX_ledger.guess.1", "_INBOX_eraser.guess.1", "_INBOX_custodian.guess.1", "_INBOX_intake.guess.1", "_INBOX_projections.guess.1",
		"$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES",
		"$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.INFO.OTHER",
		"$JS.API.STREAM.CREATE.EVENTS", "$JS.API.STREAM.CREATE.OTHER",
		"$JS.API.STREAM.UPDATE.EVENTS", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS",
		"$JS.API.STREAM.SNAPSHOT.EVENTS", "$JS.API.STREAM.RESTORE.EVENTS",
		"$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.STREAM.MSG.DELETE.EVENTS", "$JS.API.DIRECT.GET.EVENTS",
		"$JS.API.CONSUMER.CREATE.EVENTS.c", "$JS.API.CONSUMER.CREATE.OTHER.c",
		"$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.c", "$JS.API.CONSUMER.INFO.EVENTS.c",
		"$JS.API.CONSUMER.MSG.NEXT.EVENTS.c", "$JS.API.CONSUMER.DELETE.EVENTS.c",
		"$JS.API.CONSUMER.LIST.EVENTS", "$JS.ACK.EVENTS.c.1.1.1.1.0",
		"$JS.API.STREAM.INFO.FEEDS", "$JS.API.STREAM.CREATE.FEEDS", "$JS.API.STREAM.UPDATE.FEEDS", "$JS.API.STREAM.DELETE.FEEDS",
		"$JS.API.STREAM.PURGE.FEEDS", "$JS.API.STREAM.MSG.GET.FEEDS", "$JS.API.STREAM.MSG.DELETE.FEEDS", "$JS.API.DIRECT.GET.FEEDS",
		"$JS.API.STREAM.SNAPSHOT.FEEDS", "$JS.API.CONSUMER.LIST.FEEDS", "$JS.API.CONSUMER.NAMES.FEEDS",
		"$JS.API.CONSUMER.CREATE.FEEDS.r_touches", "$JS.API.CONSUMER.DURABLE.CREATE.FEEDS.r_touches", "$JS.API.CONSUMER.INFO.FEEDS.r_touches",
		"$JS.API.CONSUMER.DELETE.FEEDS.r_touches", "$JS.API.CONSUMER.MSG.NEXT.FEEDS.r_touches", "$JS.API.CONSUMER.RESET.FEEDS.r_touches",
		"$JS.API.CONSUMER.PAUSE.FEEDS.r_touches", "$JS.API.CONSUMER.UNPIN.FEEDS.r_touches",
		"$JS.API.STREAM.INFO.DISCLOSURES", "$JS.API.STREAM.CREATE.DISCLOSURES", "$JS.API.STREAM.MSG.GET.DISCLOSURES", "$JS.API.STREAM.MSG.DELETE.DISCLOSURES",
		"$JS.API.STREAM.UPDATE.DISCLOSURES", "$JS.API.STREAM.DELETE.DISCLOSURES", "$JS.API.STREAM.PURGE.DISCLOSURES", "$JS.API.DIRECT.GET.DISCLOSURES",
		"$JS.API.CONSUMER.CREATE.DISCLOSURES.c", "$JS.API.CONSUMER.INFO.DISCLOSURES.c", "$JS.API.CONSUMER.MSG.NEXT.DISCLOSURES.c", "$JS.API.CONSUMER.DELETE.DISCLOSURES.c",
		"$JS.API.STREAM.CREATE.LEASES", "$JS.API.STREAM.INFO.LEASES", "$JS.API.STREAM.MSG.GET.LEASES", "$JS.API.STREAM.PURGE.LEASES",
		"$JS.API.STREAM.CREATE.POSITIONS", "$JS.API.STREAM.INFO.POSITIONS", "$JS.API.STREAM.MSG.GET.POSITIONS", "$JS.API.STREAM.UPDATE.POSITIONS",
		"$JS.feeds.API.STREAM.INFO.FEEDS", "$JS.feeds.API.STREAM.MSG.GET.FEEDS", "$JS.feeds.API.DIRECT.GET.FEEDS", "$JS.feeds.API.INFO",
		"$JS.feeds.API.CONSUMER.LIST.FEEDS", "$JS.feeds.API.CONSUMER.CREATE.FEEDS.r_touches", "$JS.feeds.API.CONSUMER.DELETE.FEEDS.r_touches",
		"$JS.feeds.API.CONSUMER.DURABLE.CREATE.FEEDS.r_touches",
		"$JS.feeds.API.CONSUMER.INFO.FEEDS.r_touches", "$JS.feeds.API.CONSUMER.MSG.NEXT.FEEDS.r_touches", "$JS.feeds.API.CONSUMER.RESET.FEEDS.r_touches",
		"$JS.feeds.API.CONSUMER.INFO.FEEDS.s_touches", "$JS.feeds.API.CONSUMER.MSG.NEXT.FEEDS.s_touches", "$JS.feeds.API.CONSUMER.RESET.FEEDS.s_touches",
		"$JS.feeds.API.CONSUMER.INFO.EVENTS.c", "$JS.feeds.API.CONSUMER.MSG.NEXT.EVENTS.c",
		"$JS.ACK.FEEDS.r_touches.1.1.1.1.0", "$JS.ACK._.h.FEEDS.r_touches.1.1.1.1.0",
		"$JS.ACK.FEEDS.s_touches.1.1.1.1.0", "$JS.ACK._.h.FEEDS.s_touches.1.1.1.1.0",
		"$JS.ACK.FEEDS.s_touches.FEEDS.r_touches.1.1.1", "$JS.ACK.FEEDS.s_touches.FEEDS.r_touches.1.1.1.1", "$JS.ACK.EVENTS.c.FEEDS.r_touches.1.1.1.1.0",
		"$JS.FC.FEEDS.r_touches.x",
		"$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.CLAIMS.DELETE", "$SYS.REQ.CLAIMS.LIST",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.STATZ",
	}
	subscribeSubjects = []string{
		">", "*", "*.>", "events.>", "events.a.>", "events.b.>", "registry.>", "registry.mcmc",
		"receipts.>", "receipts.*.get", "receipts.a.get", "receipts.b.get", "receipts.registry.mcmc.get",
		"rejections.>", "rejections.*", "rejections.a", "rejections.b",
		"rejections.registry.mcmc", "rejections.registry.other", "checkpoints", "anchors",
		"feeds.>", "feeds.touches.>", "feeds.touches.lab-1.a", "feeds.touches.lab-2.b", "leases.>", "leases.feeds", "positions.feeds",
		"disclosures.>", "_INBOX.>", "_INBOX.x", "_INBOX_ledger.>", "_INBOX_ledger.x", "_INBOX_eraser.>", "_INBOX_eraser.x", "_INBOX_custodian.>", "_INBOX_custodian.x", "_INBOX_intake.>", "_INBOX_intake.x", "reencrypted.>", "_INBOX_projections.>", "_INBOX_projections.x", "_R_.>",
		"$JS.feeds.>", "$JS.ACK.>",
		"$JS.>", "$JS.API.>", "$JS.EVENT.>", "$SYS.>", "$SYS.REQ.>", "$SYS.ACCOUNT.>",
	}
	// At the hub: in PROJECTIONS instead of LEDGER. Quiet: not refused, because a
	// reader's permissions are wider than its account, and yet arriving nowhere.
	allowed = []struct {
		role, publish, subscribe, quiet []string
		projections                     bool
	}{
		{
			role:      []string{"a"},
			publish:   []string{"events.a.lab-1.bastion-1", "disclosures.a.lab-1.bastion-1.0", "receipts.a.get", "receipts.a.head"},
			subscribe: []string{"rejections.a", "checkpoints", "anchors", "_INBOX.>", "_INBOX.x"},
		},
		{
			role:      []string{"b"},
			publish:   []string{"events.b.lab-1.bastion-1", "disclosures.b.lab-1.bastion-1.0", "receipts.b.get", "receipts.b.head"},
			subscribe: []string{"rejections.b", "checkpoints", "anchors", "_INBOX.>", "_INBOX.x"},
		},
		{
			role:      []string{"authority"},
			publish:   []string{"registry.mcmc", "receipts.registry.mcmc.get", "receipts.registry.mcmc.head"},
			subscribe: []string{"rejections.registry.mcmc", "checkpoints", "_INBOX.>", "_INBOX.x"},
		},
		{
			role:      []string{"other"},
			publish:   []string{"registry.other", "receipts.registry.other.get", "receipts.registry.other.head"},
			subscribe: []string{"rejections.registry.other", "checkpoints", "_INBOX.>", "_INBOX.x"},
		},
		{
			role: []string{"ledger"},
			publish: []string{
				"rejections.a", "rejections.b", "rejections.registry.mcmc", "checkpoints", "anchors",
				"$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.CREATE.EVENTS", "$JS.API.STREAM.MSG.GET.EVENTS",
				"$JS.API.CONSUMER.CREATE.EVENTS.c", "$JS.API.CONSUMER.INFO.EVENTS.c",
				"$JS.API.CONSUMER.MSG.NEXT.EVENTS.c", "$JS.API.CONSUMER.DELETE.EVENTS.c",
			},
			subscribe: []string{
				"receipts.>", "receipts.*.get", "receipts.a.get", "receipts.b.get", "receipts.registry.mcmc.get",
				"_INBOX_ledger.>", "_INBOX_ledger.x",
			},
		},
		{
			role:      []string{"eraser"},
			publish:   []string{"$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.STREAM.MSG.DELETE.EVENTS"},
			subscribe: []string{"_INBOX_eraser.>", "_INBOX_eraser.x"},
		},
		{
			role:      []string{"intake"},
			publish:   []string{"events.a.lab-1.bastion-1", "events.b.lab-1.bastion-1"},
			subscribe: []string{"_INBOX_intake.>", "_INBOX_intake.x"},
		},
		{
			role: []string{"custodian"},
			publish: []string{
				"reencrypted.a.x", "$JS.API.STREAM.INFO.DISCLOSURES", "$JS.API.STREAM.CREATE.DISCLOSURES", "$JS.API.STREAM.MSG.GET.DISCLOSURES",
				"$JS.API.STREAM.MSG.DELETE.DISCLOSURES", "$JS.API.CONSUMER.CREATE.DISCLOSURES.c", "$JS.API.CONSUMER.INFO.DISCLOSURES.c",
				"$JS.API.CONSUMER.MSG.NEXT.DISCLOSURES.c", "$JS.API.CONSUMER.DELETE.DISCLOSURES.c",
			},
			subscribe: []string{"_INBOX_custodian.>", "_INBOX_custodian.x"},
		},
		{
			role:        []string{"projections"},
			projections: true,
			publish: []string{
				"feeds.touches.lab-1.a", "feeds.touches.lab-2.b", "leases.feeds", "positions.feeds",
				"$JS.API.STREAM.INFO.FEEDS", "$JS.API.STREAM.CREATE.FEEDS", "$JS.API.STREAM.MSG.GET.FEEDS", "$JS.API.STREAM.MSG.DELETE.FEEDS",
				"$JS.API.CONSUMER.LIST.FEEDS", "$JS.API.CONSUMER.CREATE.FEEDS.r_touches", "$JS.API.CONSUMER.INFO.FEEDS.r_touches",
				"$JS.API.CONSUMER.DELETE.FEEDS.r_touches", "$JS.API.CONSUMER.RESET.FEEDS.r_touches",
				"$JS.API.STREAM.CREATE.LEASES", "$JS.API.STREAM.INFO.LEASES", "$JS.API.STREAM.MSG.GET.LEASES",
				"$JS.API.STREAM.CREATE.POSITIONS", "$JS.API.STREAM.INFO.POSITIONS", "$JS.API.STREAM.MSG.GET.POSITIONS",
			},
			subscribe: []string{"_INBOX_projections.>", "_INBOX_projections.x"},
		},
		{
			role:        []string{"r"},
			projections: true,
			publish: []string{
				"$JS.feeds.API.CONSUMER.INFO.FEEDS.r_touches", "$JS.feeds.API.CONSUMER.MSG.NEXT.FEEDS.r_touches",
				"$JS.feeds.API.CONSUMER.RESET.FEEDS.r_touches",
				"$JS.ACK.FEEDS.r_touches.1.1.1.1.0", "$JS.ACK._.h.FEEDS.r_touches.1.1.1.1.0", "$JS.ACK.EVENTS.c.FEEDS.r_touches.1.1.1.1.0",
			},
			quiet: []string{
				"$JS.feeds.API.CONSUMER.INFO.FEEDS.s_touches", "$JS.feeds.API.CONSUMER.MSG.NEXT.FEEDS.s_touches",
				"$JS.feeds.API.CONSUMER.RESET.FEEDS.s_touches", "$JS.ACK.FEEDS.s_touches.1.1.1.1.0", "$JS.ACK._.h.FEEDS.s_touches.1.1.1.1.0",
				"$JS.ACK.FEEDS.s_touches.FEEDS.r_touches.1.1.1",
			},
			subscribe: []string{
				"checkpoints", "anchors", "feeds.>", "feeds.touches.>", "feeds.touches.lab-1.a", "feeds.touches.lab-2.b", "_INBOX.>", "_INBOX.x",
			},
		},
		{
			role:        []string{"s"},
			projections: true,
			publish: []string{
				"$JS.feeds.API.CONSUMER.INFO.FEEDS.s_touches", "$JS.feeds.API.CONSUMER.MSG.NEXT.FEEDS.s_touches",
				"$JS.feeds.API.CONSUMER.RESET.FEEDS.s_touches",
				"$JS.ACK.FEEDS.s_touches.1.1.1.1.0", "$JS.ACK._.h.FEEDS.s_touches.1.1.1.1.0",
				"$JS.ACK.FEEDS.s_touches.FEEDS.r_touches.1.1.1",
			},
			quiet: []string{
				"$JS.feeds.API.CONSUMER.INFO.FEEDS.r_touches", "$JS.feeds.API.CONSUMER.MSG.NEXT.FEEDS.r_touches",
				"$JS.feeds.API.CONSUMER.RESET.FEEDS.r_touches", "$JS.ACK.FEEDS.r_touches.1.1.1.1.0", "$JS.ACK._.h.FEEDS.r_touches.1.1.1.1.0",
				"$JS.ACK.EVENTS.c.FEEDS.r_touches.1.1.1.1.0",
			},
			subscribe: []string{
				"checkpoints", "anchors", "feeds.>", "feeds.touches.>", "feeds.touches.lab-1.a", "feeds.touches.lab-2.b", "_INBOX.>", "_INBOX.x",
			},
		},
		{
			role:      []string{"system"},
			publish:   []string{"$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.ACCOUNT.PING.STATZ"},
			subscribe: []string{"_INBOX.>", "_INBOX.x"},
		},
	}
)

// Each cell is tried on a connection of its own; the verdict is the broker's
// error and, whatever it said, what arrived at the hub.
func TestPublishTable(t *testing.T) {
	w := started(t)
	hub, feedsHub := w.connect("hub"), w.connect("feeds-hub")
	arrived, arrivedFeeds := make(chan *nats.Msg, 64), make(chan *nats.Msg, 64)
	if _, err := hub.ChanSubscribe(">", arrived); err != nil {
		t.Fatal(err)
	}
	if _, err := feedsHub.ChanSubscribe(">", arrivedFeeds); err != nil {
		t.Fatal(err)
	}
	flush(t, hub, feedsHub)
	for _, row := range allowed {
		who := row.role[0]
		own, foreign := arrived, arrivedFeeds
		if row.projections {
			own, foreign = foreign, own
		}
		for _, subject := range publishSubjects {
			t.Run(who+" "+subject, func(t *testing.T) {
				payload := who + " to " + subject
				nc := w.connect(who)
				if err := nc.Publish(subject, []byte(payload)); err != nil {
					t.Fatal(err)
				}
				flush(t, nc, hub, feedsHub)
				want := slices.Contains(row.publish, subject)
				if denied := errors.Is(nc.LastError(), nats.ErrPermissionViolation); denied == (want || slices.Contains(row.quiet, subject)) {
					t.Errorf("allowed: want %v, error is %v", want, nc.LastError())
				}
				for len(foreign) > 0 {
					if m := <-foreign; string(m.Data) == payload {
						t.Errorf("arrived in the other account, as %s", m.Subject)
					}
				}
				var seen bool
				for len(own) > 0 {
					m := <-own
					if string(m.Data) == payload {
						seen = true
						if m.Subject != strings.Replace(subject, "$JS.feeds.API.", "$JS.API.", 1) {
							t.Errorf("arrived as %s", m.Subject)
						}
					}
				}
				// What the system user sends isn't for LEDGER.
				if atHub := want && who != "system"; seen != atHub {
					t.Errorf("arrived at the hub: %v, want %v", seen, atHub)
				}
				nc.Close()
			})
		}
	}
}

func TestSubscribeTable(t *testing.T) {
	w := started(t)
	hub, feedsHub := w.connect("hub"), w.connect("feeds-hub")
	for _, row := range allowed {
		who := row.role[0]
		for _, subject := range subscribeSubjects {
			t.Run(who+" "+subject, func(t *testing.T) {
				nc := w.connect(who)
				arrived := make(chan *nats.Msg, 256)
				if _, err := nc.ChanSubscribe(subject, arrived); err != nil {
					t.Fatal(err)
				}
				flush(t, nc)
				want := slices.Contains(row.subscribe, subject)
				if denied := errors.Is(nc.LastError(), nats.ErrPermissionViolation); denied == want {
					t.Errorf("allowed: want %v, error is %v", want, nc.LastError())
				}
				// Whatever happens in LEDGER, only what the role may see reaches it.
				for _, s := range publishSubjects {
					if s[0] != '$' {
						if err := errors.Join(hub.Publish(s, []byte("from LEDGER")), feedsHub.Publish(s, []byte("from PROJECTIONS"))); err != nil {
							t.Fatal(err)
						}
					}
				}
				flush(t, hub, feedsHub, nc)
				for len(arrived) > 0 {
					m := <-arrived
					switch feed := strings.HasPrefix(m.Subject, "feeds."); {
					case !want:
						t.Errorf("%s arrived", m.Subject)
					case m.Subject != subject && who != "ledger" && who != "eraser" && who != "custodian" && who != "intake" && who != "projections" && !feed:
						t.Errorf("%s arrived, subscribed to %s", m.Subject, subject)
					case feed != (string(m.Data) == "from PROJECTIONS") && who != "projections":
						t.Errorf("%s arrived %s", m.Subject, m.Data)
					case m.Subject == "feeds.touches.lab-2.b" && who == "s":
						t.Errorf("%s arrived, which is outside the mandate", m.Subject)
					}
				}
				nc.Close()
			})
		}
	}
}

func TestImportedStreamsArrive(t *testing.T) {
	w := started(t)
	ledger := w.connect("ledger")
	for _, c := range []struct {
		who      string
		subjects []string
	}{
		{"a", []string{"rejections.a", "checkpoints", "anchors"}},
		{"b", []string{"rejections.b", "checkpoints", "anchors"}},
		{"authority", []string{"rejections.registry.mcmc", "checkpoints"}},
		{"other", []string{"rejections.registry.other", "checkpoints"}},
		{"r", []string{"checkpoints", "anchors"}},
		{"s", []string{"checkpoints", "anchors"}},
	} {
		for _, subject := range c.subjects {
			nc := w.connect(c.who)
			sub, err := nc.SubscribeSync(subject)
			if err != nil {
				t.Fatal(err)
			}
			flush(t, nc)
			if err := ledger.Publish(subject, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if m, err := sub.NextMsg(5 * time.Minute); err != nil || m.Subject != subject || string(m.Data) != "hello" {
				t.Errorf("%s on %s: got %v, %v", c.who, subject, m, err)
			}
			nc.Close()
		}
	}
}

func TestAnonymousIsRefused(t *testing.T) {
	w := started(t)
	if _, err := w.dial("anonymous"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect without credentials: %v", err)
	}
	if _, err := w.dial("anonymous", nats.UserInfo("a", "a")); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect with a password: %v", err)
	}
	other := newWorld(t)
	w.users["other"] = other.users["a"]
	if _, err := w.dial("other"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect as operator a of another authority: %v", err)
	}
}

// The accounts hold by themselves: a user in an operator's account that no
// permission binds, which only the authority could sign, gets no further.
func TestAccountsHoldWithoutUserPermissions(t *testing.T) {
	w := started(t)
	hub := w.connect("hub")
	arrived := make(chan *nats.Msg, 64)
	if _, err := hub.ChanSubscribe(">", arrived); err != nil {
		t.Fatal(err)
	}
	flush(t, hub)
	w.users["unbound"] = w.mint("accounts/a.nk")
	nc := w.connect("unbound")
	own := []string{"events.a.lab-1.bastion-1", "disclosures.a.lab-1.bastion-1.0", "receipts.a.get", "receipts.a.head"}
	for _, s := range publishSubjects {
		if err := nc.Publish(s, []byte("unbound")); err != nil {
			t.Fatal(err)
		}
	}
	sub, err := nc.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	flush(t, nc, hub)
	for len(arrived) > 0 {
		if m := <-arrived; string(m.Data) == "unbound" && !slices.Contains(own, m.Subject) {
			t.Errorf("arrived in LEDGER: %s", m.Subject)
		}
	}
	for _, s := range publishSubjects {
		if s[0] != '$' {
			if err := hub.Publish(s, []byte("from the hub")); err != nil {
				t.Fatal(err)
			}
		}
	}
	flush(t, hub, nc)
	for n, _, _ := sub.Pending(); n > 0; n-- {
		m, err := sub.NextMsg(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		// Advisories are about its own attempts.
		own := []string{"rejections.a", "checkpoints", "anchors", "$JS.EVENT.ADVISORY.API"}
		if !slices.Contains(own, m.Subject) {
			t.Errorf("arrived in the operator's account: %s", m.Subject)
		}
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AccountInfo(testContext(t)); err == nil {
		t.Error("the operator's account has JetStream")
	}
}

// The broker doesn't check reply subjects. Nobody outside LEDGER can use them to
// have JetStream's acknowledgement stored under someone else's name.
func TestReplySubjectReachesNobodyElse(t *testing.T) {
	w := started(t)
	stream := w.events()
	for who, subject := range map[string]string{"a": "events.a.lab-1.x", "authority": "registry.mcmc"} {
		nc := w.connect(who)
		for _, reply := range []string{"events.b.forged", "registry.forged", "rejections.b", "checkpoints"} {
			if err := nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
		flush(t, nc)
	}
	// JetStream acknowledges in order, so after this one all those were sent.
	if _, err := w.js("a").Publish(testContext(t), "events.a.lab-1.x", nil); err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(testContext(t), jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(info.State.Subjects), "map[events.a.lab-1.x:5 registry.mcmc:4]"; got != want {
		t.Errorf("stream has %s, want %s", got, want)
	}
}

// The broker's own request headers must not reach past the permissions either.
func TestHeadersGrantNothing(t *testing.T) {
	w := started(t)
	stream := w.events()
	js := w.js("a")
	for _, h := range []nats.Header{
		{"Nats-Rollup": {"all"}},
		{"Nats-Rollup": {"sub"}},
		{"Nats-TTL": {"1s"}},
		{"Nats-Schedule": {"@at 2099-01-01T00:00:00Z"}, "Nats-Schedule-Target": {"events.b.x"}},
		{"Nats-Incr": {"1"}},
	} {
		if _, err := js.PublishMsg(testContext(t), &nats.Msg{Subject: "events.a.lab-1.x", Header: h}); err == nil {
			t.Errorf("published with %v", h)
		}
	}
	hub := w.connect("hub")
	traced, err := hub.SubscribeSync("checkpoints")
	if err != nil {
		t.Fatal(err)
	}
	flush(t, hub)
	nc := w.connect("a")
	if err := nc.PublishMsg(&nats.Msg{Subject: "events.a.lab-1.x", Header: nats.Header{"Nats-Trace-Dest": {"checkpoints"}}}); err != nil {
		t.Fatal(err)
	}
	flush(t, nc, hub)
	if n, _, _ := traced.Pending(); n != 0 {
		t.Errorf("%d trace messages reached the hub", n)
	}
	info, err := stream.Info(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if info.State.Msgs > 1 {
		t.Errorf("%d messages are stored", info.State.Msgs)
	}
}
