package node_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/disclosures"
)

// TestMisfiledDisclosure: what an operator sends under another pseudonym than its event's
// is read, and erased, under the event's own; who did it is told.
func TestMisfiledDisclosure(t *testing.T) {
	w := newWorld(t)
	d, grant := w.desk(w.addresses.LocalURL())
	recorder, err := d.Recorder("lab-1/bastion-1")
	w.must(err)
	fact, err := events.NewDisclosure("name", "Ana", rand.Reader)
	w.must(err)
	digests, err := events.SD([]events.Disclosure{fact}, rand.Reader)
	w.must(err)
	event, err := events.NewEvent(recorder, events.TypeAccessPerformed, "e-1", time.Now(), map[string]any{
		"actor": map[string]any{
			"id": "p-ana", "kind": "person", "party": "operator", "employerCountry": "??", "officeCountry": "??", "physicalCountry": "??", "_sd": digests,
		},
		"operation": "x", "access": "read", "outcome": "success", "mode": "api", "reason": map[string]any{"code": "unstated"}, "from": map[string]any{"country": "??"},
	}, rand.Reader)
	w.must(err)
	line, err := event.Marshal()
	w.must(err)
	signers, err := d.Home.Signers()
	w.must(err)
	_, err = d.Outbox.Add(w.ctx, recorder, []events.Draft{{Event: event, Disclosures: []events.Disclosure{fact}}}, signers...)
	w.must(err)
	flushed, err := d.Flush(w.ctx, client.FlushOptions{})
	w.must(err)
	if flushed.Events != 1 {
		t.Fatalf("flushed %+v", flushed)
	}
	receipt, _, err := d.Outbox.ReceiptOf(w.ctx, recorder, "e-1")
	w.must(err)

	// The operator's own program files it under somebody else.
	all, err := d.Recipients(w.ctx)
	w.must(err)
	m, err := disclosed.Seal(recorder, line, []events.Disclosure{fact}, []string{all[0].Recipient})
	w.must(err)
	text, err := m.Marshal()
	w.must(err)
	seed, err := d.Home.ConnectionSeed()
	w.must(err)
	nc, err := nats.Connect(w.addresses.LocalNATS, nats.UserJWTAndSeed(grant.User, string(seed)))
	w.must(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	w.must(err)
	for _, event := range []string{fmt.Sprintf("%d/0", receipt.Proof.Index), fmt.Sprintf("%d/9", receipt.Proof.Index), ""} {
		msg := nats.NewMsg(disclosed.Subject(recorder, "p-somebody-else"))
		msg.Data = text
		if event != "" {
			msg.Header.Set(disclosed.HeaderEvent, event)
		}
		_, err := js.PublishMsg(w.ctx, msg)
		w.must(err)
	}
	// The node looks when the registry changes, and every minute.
	_, err = w.registrar.AddFacility(w.ctx, events.FacilityDeclared{Facility: "lab-2", Country: "MY"})
	w.must(err)
	w.until("it is moved", func() bool {
		told, err := disclosures.ReadMisfiled(w.home.MisfiledFile())
		return err == nil && told["nimbus-my"].Moved == 1 && told["nimbus-my"].Refused == 2
	})
	who := authority.Person{Operator: "nimbus-my", Actor: "p-ana"}
	revealed, err := w.registrar.Reveal(w.ctx, who, "inquiry", "")
	w.must(err)
	if len(revealed.Events) != 1 || len(revealed.Events[0].Facts) != 1 || revealed.Events[0].Facts[0].Value != "Ana" {
		t.Fatalf("revealed %+v", revealed)
	}
	texts, err := w.registrar.PersonTexts(w.ctx, who)
	w.must(err)
	leaf, err := w.registrar.ErasePerson(w.ctx, who, "request", "")
	w.must(err)
	found, hold, err := w.registrar.AwaitPersonErased(w.ctx, leaf, texts)
	if err != nil || hold != "" || len(texts) != 1 || len(found.Hits) != 0 {
		t.Errorf("erased: %d texts, %+v, %q, %v", len(texts), found, hold, err)
	}
}
