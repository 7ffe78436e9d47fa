package disclosures_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/disclosures"
)

const operator = "nimbus-my"

// world is a broker with one operator, and what it keeps of disclosures.
type world struct {
	*testing.T
	*disclosures.Store
	js       jetstream.JetStream // the operator's
	identity *age.X25519Identity
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	dir := t.TempDir()
	w.must(broker.Init(filepath.Join(dir, "broker"), "mcmc"))
	accounts, err := broker.Open(filepath.Join(dir, "broker"))
	w.must(err)
	key, err := nkeys.CreateUser()
	w.must(err)
	public, err := key.PublicKey()
	w.must(err)
	admitted, err := accounts.Admit(operator, public, broker.Limits{})
	w.must(err)
	server, err := broker.Start(w.ctx(), broker.Config{Dir: filepath.Join(dir, "broker"), StoreDir: filepath.Join(dir, "store"), Listen: ":0", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	w.must(err)
	t.Cleanup(server.Close)
	nc, err := nats.Connect(server.URL(), broker.ConnectOptions(broker.RoleDisclosures, accounts.CredsFile(broker.RoleDisclosures))...)
	w.must(err)
	t.Cleanup(nc.Close)
	w.Store, err = disclosures.Open(w.ctx(), nc, events.Retention{Disclosures: "P1Y"}, 0, 0)
	w.must(err)
	seed, err := key.Seed()
	w.must(err)
	own, err := nats.Connect(server.URL(), nats.UserJWTAndSeed(admitted.UserJWT, string(seed)))
	w.must(err)
	t.Cleanup(own.Close)
	w.js, err = jetstream.New(own)
	w.must(err)
	w.identity, err = age.GenerateX25519Identity()
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	w.Cleanup(cancel)
	return ctx
}

// send sends messages of a recorder about a pseudonym, as the operator does.
func (w *world) send(facility, actor string, messages ...[]byte) {
	w.Helper()
	recorder, err := events.ParseRecorder(operator + "/" + facility + "/badges")
	w.must(err)
	for i, message := range messages {
		_, err := w.js.PublishAsync(disclosed.Subject(recorder, actor), message, jetstream.WithStallWait(time.Minute))
		w.must(err)
		if (i+1)%1000 == 0 || i+1 == len(messages) {
			select {
			case <-w.js.PublishAsyncComplete():
			case <-w.ctx().Done():
				w.Fatal("the broker acknowledges nothing")
			}
		}
	}
}

// fill is n messages that are of no form.
func fill(n, size int) (out [][]byte) {
	for i := range n {
		out = append(out, append(fmt.Appendf(nil, "message %d ", i), bytes.Repeat([]byte("x"), size)...))
	}
	return out
}

// sealed is a message that tells who an event is about.
func (w *world) sealed(id, who string, recipients ...string) []byte {
	w.Helper()
	recorder, err := events.ParseRecorder(operator + "/lab-1/badges")
	w.must(err)
	fact, err := events.NewDisclosure("name", who, rand.Reader)
	w.must(err)
	digests, err := events.SD([]events.Disclosure{fact}, rand.Reader)
	w.must(err)
	event, err := events.NewEvent(recorder, events.TypeZoneEntered, id, time.Now(), map[string]any{"_sd": digests}, rand.Reader)
	w.must(err)
	line, err := event.Marshal()
	w.must(err)
	m, err := disclosed.Seal(recorder, line, []events.Disclosure{fact}, append([]string{w.identity.Recipient().String()}, recipients...))
	w.must(err)
	text, err := m.Marshal()
	w.must(err)
	return text
}

func order(actor string, facilities ...string) []admission.PersonErasure {
	return []admission.PersonErasure{{DisclosureErased: events.DisclosureErased{Operator: operator, Actor: actor, Facilities: facilities}, By: "mcmc", Leaf: 7}}
}

func (w *world) left(orders []admission.PersonErasure, holds []admission.Hold) disclosures.PersonErasure {
	w.Helper()
	at, err := w.Erase(w.ctx(), orders, holds)
	w.must(err)
	return at[0]
}

func (w *world) count() int {
	w.Helper()
	all, err := w.All(w.ctx())
	w.must(err)
	return len(all)
}

// What an order covers is erased however much lies before it that it doesn't cover, or
// that a hold keeps.
func TestEraseBehindMany(t *testing.T) {
	const many = 10_200
	t.Run("of another facility", func(t *testing.T) {
		w := newWorld(t)
		w.send("lab-2", "p-1", fill(many, 0)...)
		w.send("lab-1", "p-1", fill(3, 0)...)
		if at := w.left(order("p-1", "lab-1", "lab-1"), nil); at.Left != 0 || at.Hold != "" {
			t.Errorf("%+v", at)
		}
		if n := w.count(); n != many {
			t.Errorf("%d are left, want the %d of another facility", n, many)
		}
	})
	t.Run("held", func(t *testing.T) {
		w := newWorld(t)
		w.send("lab-2", "p-1", fill(many, 0)...)
		w.send("lab-1", "p-1", fill(3, 0)...)
		w.send("lab-1", "p-2", fill(2, 0)...)
		holds := []admission.Hold{{HoldPlaced: events.HoldPlaced{Hold: "case-9", Facilities: []string{"lab-2"}}, By: "mcmc"}}
		if at := w.left(order("p-1"), holds); at.Left != many || at.Hold != "mcmc/case-9" {
			t.Errorf("held: %+v", at)
		}
		if n := w.count(); n != many+2 {
			t.Errorf("%d are left, want %d", n, many+2)
		}
	})
}

// Pages hold everything once, however large the messages are.
func TestPages(t *testing.T) {
	w := newWorld(t)
	w.send("lab-1", "p-1", fill(150, 150<<10)...) // 22 MiB
	w.send("lab-1", "p-2", fill(1, 0)...)
	w.send("lab-2", "p-1", fill(2500, 0)...)
	seen, pages := map[string]bool{}, 0
	for from, more := uint64(0), true; more; pages++ {
		page, next, err := w.Page(w.ctx(), operator, "p-1", from)
		w.must(err)
		size := 0
		for _, m := range page {
			if name, _, _ := strings.Cut(string(m.Message), " x"); seen[m.Subject+name] {
				t.Fatalf("%s comes twice", name)
			} else {
				seen[m.Subject+name] = true
			}
			size += len(m.Message)
		}
		if size > 9<<20 || len(page) > 1000 {
			t.Fatalf("a page of %d messages, %d bytes", len(page), size)
		}
		from, more = next, next > 0
	}
	if len(seen) != 2650 || pages < 5 {
		t.Errorf("%d messages on %d pages", len(seen), pages)
	}
	if page, next, err := w.Page(w.ctx(), operator, "nobody", 0); err != nil || len(page) != 0 || next != 0 {
		t.Errorf("of nobody: %d, %d, %v", len(page), next, err)
	}
}

// What is deleted by somebody else while it is read is not waited for.
func TestReadWhatVanishes(t *testing.T) {
	w := newWorld(t)
	w.send("lab-1", "p-1", fill(400, 0)...)
	all, err := w.All(w.ctx())
	w.must(err)
	n, err := w.While(w.ctx(), func() {
		for i := range all[100:] {
			w.must(w.Remove(w.ctx(), &all[100+i]))
		}
	})
	if err != nil || n < 100 || n > 400 {
		t.Fatalf("%d, %v", n, err)
	}
	if n := w.count(); n != 100 {
		t.Errorf("%d are left", n)
	}
}

// What was encrypted anew expires when it would have, whatever was before and after it.
func TestExpire(t *testing.T) {
	w := newWorld(t)
	w.send("lab-1", "p-1", w.sealed("a", "Ana"), w.sealed("b", "Ben"))
	next, err := age.GenerateX25519Identity()
	w.must(err)
	_, err = w.Reencrypt(w.ctx(), w.identity, next.Recipient().String())
	w.must(err)
	all, err := w.All(w.ctx())
	w.must(err)
	const year = 365 * 24 * time.Hour
	if n, err := w.Expire(w.ctx(), all[0].Received.Add(year-time.Second)); err != nil || n != 0 {
		t.Fatalf("before its time: %d, %v", n, err)
	}
	if n, err := w.Expire(w.ctx(), all[1].Received.Add(year)); err != nil || n != 2 || w.count() != 0 {
		t.Fatalf("%d, %v, %d left", n, err, w.count())
	}
}
