package disclosures_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ops/disclosures"
)

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
		return nil, disclosures.ErrNoLeaf
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

	found := map[string]disclosures.Misfiled{}
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
	found = map[string]disclosures.Misfiled{}
	next, err = w.File(w.ctx(), next, time.Now(), bodies, nil, found)
	if err != nil || len(found) != 0 {
		t.Errorf("again: %v, %v", found, err)
	}
	next, err = w.File(w.ctx(), next, time.Now().Add(2*time.Hour), bodies, nil, found)
	if err != nil || found[operator].Refused != 1 || w.count() != 4 {
		t.Errorf("later: %v, %v, %d left", found, err, w.count())
	}
	found = map[string]disclosures.Misfiled{}
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
