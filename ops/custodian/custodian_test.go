package custodian_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
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
	"github.com/saksi-ledger/saksi/ops/custodian"
)

const operator = "nimbus-my"

// world is a broker with one operator, and what it keeps of disclosures.
type world struct {
	*testing.T
	*custodian.Custodian
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
	nc, err := nats.Connect(server.URL(), broker.ConnectOptions(broker.RoleCustodian, accounts.CredsFile(broker.RoleCustodian))...)
	w.must(err)
	t.Cleanup(nc.Close)
	w.Custodian, err = custodian.Open(w.ctx(), nc, events.Retention{Disclosures: "P1Y"}, 0)
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.Cleanup(cancel)
	return ctx
}

// send sends messages of a recorder about a pseudonym, as the operator does.
func (w *world) send(facility, actor string, messages ...[]byte) {
	w.Helper()
	recorder, err := events.ParseRecorder(operator + "/" + facility + "/badges")
	w.must(err)
	for i, message := range messages {
		_, err := w.js.PublishAsync(disclosed.Subject(recorder, actor), message)
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

func (w *world) left(orders []admission.PersonErasure, holds []admission.Hold) custodian.PersonErasure {
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

// open returns what of all that is kept an identity opens, by event.
func (w *world) open(identity *age.X25519Identity) map[string]int {
	w.Helper()
	all, err := w.All(w.ctx())
	w.must(err)
	out := map[string]int{}
	for _, stored := range all {
		m, err := disclosed.Parse(stored.Message)
		if err != nil {
			continue
		}
		if _, err := m.Open(identity); err == nil {
			out[m.ID]++
		}
	}
	return out
}

// However much garbage says to be for the old identity, the rest is encrypted anew.
func TestReencryptPastGarbage(t *testing.T) {
	w := newWorld(t)
	own := w.identity.Recipient().String()
	var garbage [][]byte
	for i := range 150 {
		text, err := (&disclosed.Message{V: 1, Recorder: operator + "/lab-1/badges", ID: fmt.Sprintf("garbage-%d", i), Recipients: []string{own}, Ciphertext: []byte("age")}).Marshal()
		w.must(err)
		garbage = append(garbage, text)
	}
	other, err := age.GenerateX25519Identity()
	w.must(err)
	w.send("lab-1", "p-1", garbage...)
	w.send("lab-1", "p-1", []byte("no message at all"), w.sealed("a", "Ana"), w.sealed("b", "Ben", other.Recipient().String()))
	// It names a recipient that is none: whoever else it is for goes on reading it.
	m, err := disclosed.Parse(w.sealed("c", "Cai"))
	w.must(err)
	m.Recipients = append(m.Recipients, "nobody")
	text, err := m.Marshal()
	w.must(err)
	w.send("lab-1", "p-1", text)

	next, err := age.GenerateX25519Identity()
	w.must(err)
	done, err := w.Reencrypt(w.ctx(), w.identity, next.Recipient().String())
	w.must(err)
	if done.Done != 3 || done.Failed != 150 || len(done.Named) != 100 || !strings.Contains(done.Named[0], "garbage-0") {
		t.Errorf("%d done, %d failed, %d named", done.Done, done.Failed, len(done.Named))
	}
	if got := w.open(next); len(got) != 3 || got["a"] != 1 || got["b"] != 1 || got["c"] != 1 {
		t.Errorf("the next identity opens %v", got)
	}
	if got := w.open(w.identity); len(got) != 0 {
		t.Errorf("the old identity opens %v", got)
	}
	if got := w.open(other); len(got) != 1 || got["b"] != 1 {
		t.Errorf("the other recipient opens %v", got)
	}
}

// Each write fails, after it took effect and before, and doing it again comes to the same:
// each message once, received when it was.
func TestReencryptFaults(t *testing.T) {
	for _, kind := range []string{"publish", "remove"} {
		for _, persisted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, persisted %v", kind, persisted), func(t *testing.T) {
				w := newWorld(t)
				ids := []string{"a", "b", "c", "d"}
				for _, id := range ids {
					w.send("lab-1", "p-1", w.sealed(id, id))
				}
				before, err := w.All(w.ctx())
				w.must(err)
				next, err := age.GenerateX25519Identity()
				w.must(err)
				w.FailNth(kind, 3, persisted)
				if _, err := w.Reencrypt(w.ctx(), w.identity, next.Recipient().String()); !errors.Is(err, custodian.ErrFault) {
					t.Fatalf("it did not fail: %v", err)
				}
				for _, id := range ids {
					if w.open(w.identity)[id]+w.open(next)[id] == 0 {
						t.Errorf("%s is lost", id)
					}
				}
				_, err = w.Reencrypt(w.ctx(), w.identity, next.Recipient().String())
				w.must(err)
				after, err := w.All(w.ctx())
				w.must(err)
				if got := w.open(next); len(got) != len(ids) || len(after) != len(ids) || len(w.open(w.identity)) != 0 {
					t.Errorf("%v of %d messages", got, len(after))
				}
				for i := range after {
					if !after[i].Received.Equal(before[i].Received) {
						t.Errorf("message %d was received at %v, and now at %v", i, before[i].Received, after[i].Received)
					}
				}
			})
		}
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

// By headers alone an authority moves what is for it: each write fails, after it took
// effect and before, and doing it again comes to the same.
func TestRewrap(t *testing.T) {
	for _, kind := range []string{"none", "publish", "remove"} {
		for _, persisted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, persisted %v", kind, persisted), func(t *testing.T) {
				w := newWorld(t)
				other, err := age.GenerateX25519Identity()
				w.must(err)
				for _, id := range []string{"a", "b", "c", "d"} {
					w.send("lab-1", "p-1", w.sealed(id, id, other.Recipient().String()))
				}
				w.send("lab-1", "p-1", []byte("no message"))
				before, err := w.All(w.ctx())
				w.must(err)
				next, err := age.GenerateX25519Identity()
				w.must(err)
				move := func() (done int, err error) {
					page, more, err := w.Headers(w.ctx(), w.identity.Recipient().String(), 0)
					w.must(err)
					if more != 0 {
						t.Fatal("there is another page")
					}
					for _, h := range page {
						if h.Header, err = disclosed.Rewrap(h.Header, w.identity, next); err != nil {
							t.Fatal(err)
						}
						if err := w.Rewrap(w.ctx(), w.identity.Recipient().String(), next.Recipient().String(), h); err != nil {
							return done, err
						}
						done++
					}
					return done, nil
				}
				w.FailNth(kind, 2, persisted)
				if done, err := move(); kind == "none" && (err != nil || done != 4) || kind != "none" && !errors.Is(err, custodian.ErrFault) {
					t.Fatalf("%d, %v", done, err)
				}
				_, err = move()
				w.must(err)
				after, err := w.All(w.ctx())
				w.must(err)
				if len(w.open(next)) != 4 || len(w.open(other)) != 4 || len(w.open(w.identity)) != 0 || len(after) != len(before) {
					t.Errorf("of %d messages the next identity opens %v, the other %v, the old one %v", len(after), w.open(next), w.open(other), w.open(w.identity))
				}
			})
		}
	}
}

// A header is put on the message that it is of, and on no other.
func TestRewrapRefuses(t *testing.T) {
	w := newWorld(t)
	w.send("lab-1", "p-1", w.sealed("a", "Ana"), w.sealed("b", "Ben"))
	own := w.identity.Recipient().String()
	page, _, err := w.Headers(w.ctx(), own, 0)
	w.must(err)
	next, err := age.GenerateX25519Identity()
	w.must(err)
	again, err := disclosed.Rewrap(page[0].Header, w.identity, next)
	w.must(err)
	to := next.Recipient().String()
	for name, h := range map[string]custodian.Header{
		"another message": {Place: page[1].Place, Message: page[0].Message, Header: again},
		"no header":       {Place: page[0].Place, Message: page[0].Message},
	} {
		if err := w.Rewrap(w.ctx(), own, to, h); err == nil {
			t.Errorf("%s is taken", name)
		} else if _, ok := errors.AsType[*custodian.HeaderError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.must(w.Rewrap(w.ctx(), own, to, custodian.Header{Place: 1 << 40, Message: page[0].Message, Header: again}))
	if got := w.open(w.identity); len(got) != 2 {
		t.Errorf("the old identity opens %v", got)
	}
}

// What is filed under another pseudonym is moved to where it is looked for, what opens no
// event is erased, and what the tree has not come to is looked at again.
func TestFile(t *testing.T) {
	w := newWorld(t)
	recorder, err := events.ParseRecorder(operator + "/lab-1/badges")
	w.must(err)
	signer, err := events.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32)))
	w.must(err)
	var lines [][]byte
	var messages [][]byte
	for _, actor := range []string{"p-1", "p-2"} {
		fact, err := events.NewDisclosure("name", actor, rand.Reader)
		w.must(err)
		digests, err := events.SD([]events.Disclosure{fact}, rand.Reader)
		w.must(err)
		event, err := events.NewEvent(recorder, events.TypeZoneEntered, actor, time.Now(), map[string]any{"actor": map[string]any{"id": actor}, "_sd": digests}, rand.Reader)
		w.must(err)
		line, err := event.Marshal()
		w.must(err)
		m, err := disclosed.Seal(recorder, line, []events.Disclosure{fact}, []string{w.identity.Recipient().String()})
		w.must(err)
		text, err := m.Marshal()
		w.must(err)
		lines, messages = append(lines, line), append(messages, text)
	}
	envelope, err := events.Seal(&events.Manifest{Recorder: recorder, Incarnation: 1, First: 1}, lines, signer)
	w.must(err)
	body := envelope.Marshal()
	bodies := func(_ context.Context, leaf uint64) ([]byte, error) {
		switch leaf {
		case 7:
			return body, nil
		case 8:
			return []byte("rejected"), nil
		case 9:
			return nil, nil // gone
		}
		return nil, custodian.ErrNoLeaf
	}
	send := func(subject, event string, message []byte) {
		t.Helper()
		m := nats.NewMsg(subject)
		m.Data = message
		if event != "" {
			m.Header.Set(disclosed.HeaderEvent, event)
		}
		_, err := w.js.PublishMsg(w.ctx(), m)
		w.must(err)
	}
	own, other := disclosed.Subject(recorder, "p-1"), disclosed.Subject(recorder, "p-2")
	send(own, "7/0", messages[0])
	send(own, "9/0", messages[0])
	send(other, "7/0", messages[0]) // misfiled
	for _, wrong := range []struct {
		event   string
		message []byte
	}{{"7/1", messages[0]}, {"7/2", messages[0]}, {"7/-1", messages[0]}, {"", messages[0]}, {"8/0", messages[0]}, {"07/0", messages[0]}, {"7/0", []byte("nothing")}} {
		send(own, wrong.event, wrong.message)
	}
	send("disclosures."+operator+".lab-2.badges."+disclosed.Token("p-1"), "7/0", messages[0])
	send(own, "100/0", messages[0])
	send(other, "7/1", messages[1])

	found := map[string]custodian.Misfiled{}
	next, err := w.File(w.ctx(), 0, time.Now(), bodies, nil, found)
	w.must(err)
	if m := found[operator]; m.Moved != 1 || m.Refused != 8 || m.Reason == "" || m.Last.IsZero() {
		t.Errorf("found %+v", m)
	}
	all, _, err := w.Page(w.ctx(), operator, "p-1", 0)
	w.must(err)
	if len(all) != 4 || all[3].Subject != disclosed.Reencrypted(own) || !bytes.Equal(all[3].Message, messages[0]) {
		t.Fatalf("%d of p-1, the last on %s", len(all), all[len(all)-1].Subject)
	}
	if all, _, err := w.Page(w.ctx(), operator, "p-2", 0); err != nil || len(all) != 1 {
		t.Errorf("%d of p-2, %v", len(all), err)
	}
	// The one whose leaf isn't there is looked at again, and not for ever.
	found = map[string]custodian.Misfiled{}
	next, err = w.File(w.ctx(), next, time.Now(), bodies, nil, found)
	if err != nil || len(found) != 0 {
		t.Errorf("again: %v, %v", found, err)
	}
	next, err = w.File(w.ctx(), next, time.Now().Add(2*time.Hour), bodies, nil, found)
	if err != nil || found[operator].Refused != 1 || w.count() != 4 {
		t.Errorf("later: %v, %v, %d left", found, err, w.count())
	}
	found = map[string]custodian.Misfiled{}
	if _, err := w.File(w.ctx(), 0, time.Now(), bodies, nil, found); err != nil || len(found) != 0 || next == 0 {
		t.Errorf("from the beginning: %v, %v", found, err)
	}
	// What opens an event that was erased goes with it, unless a hold keeps it.
	rest, err := envelope.Without(1)
	w.must(err)
	body = rest.Marshal()
	for _, c := range []struct {
		actor string
		left  int
	}{{"p-2", 1}, {"p-9", 0}} {
		holds := []admission.Hold{{HoldPlaced: events.HoldPlaced{Hold: "case-9", Actors: []string{c.actor}}, By: "mcmc"}}
		_, err = w.File(w.ctx(), 0, time.Now(), bodies, holds, found)
		w.must(err)
		if all, _, err := w.Page(w.ctx(), operator, "p-2", 0); err != nil || len(all) != c.left || len(found) != 0 {
			t.Errorf("held for %s: %d of p-2, %v, found %v", c.actor, len(all), err, found)
		}
	}
	// What was moved is encrypted anew like the rest, though the same stands elsewhere.
	to, err := age.GenerateX25519Identity()
	w.must(err)
	_, err = w.Reencrypt(w.ctx(), w.identity, to.Recipient().String())
	w.must(err)
	if got := w.open(to); got["p-1"] == 0 || got["p-2"] != 0 {
		t.Errorf("encrypted anew: %v", got)
	}
	if all, _, err := w.Page(w.ctx(), operator, "p-1", 0); err != nil || len(all) == 0 {
		t.Errorf("%d of p-1 after, %v", len(all), err)
	}
}
