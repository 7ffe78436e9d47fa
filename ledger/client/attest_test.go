package client

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// TestPeriod: an attestation names what has receipts and was not named before, and
// nothing else.
func TestPeriod(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	o := w.outbox(Options{MaxEvents: 3})
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	refused := func(o *Outbox, from, to time.Time, why string) {
		t.Helper()
		if _, _, err := o.Period(testContext(t), w.recorder, from, to); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v: want it refused with %q", err, why)
		}
	}
	attest := func(o *Outbox, from, to time.Time, first, last events.Integer) {
		t.Helper()
		p, id, err := o.Period(testContext(t), w.recorder, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if p.First != first || p.Last != last || last > 0 && (p.Count != last-first+1 || p.Manifest == "") || last == 0 && p.Manifest != "" {
			t.Errorf("it says %+v: want numbers %d to %d", p, first, last)
		}
		e, err := events.NewEvent(w.recorder, events.TypeAttestationPeriod, id, to, p.Statement(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Add(testContext(t), w.recorder, []events.Draft{{Event: e}}, w.signer); err != nil {
			t.Fatal(err)
		}
	}

	refused(o, time.Time{}, day(1), "isn't known where the period begins")
	w.add(o, w.recorder, "a", 0, 5)
	refused(o, day(1), day(2), "have no receipt yet")
	w.flush(c, o)
	refused(o, day(2), day(2), "is empty")
	refused(o, day(1), time.Now().Add(time.Hour), "nobody knows yet")
	attest(o, day(1), day(2), 1, 5)
	refused(o, time.Time{}, day(3), "have no receipt yet") // the attestation itself
	w.flush(c, o)
	refused(o, day(1), day(3), "attested up to 2026-01-02")
	attest(o, time.Time{}, day(3), 6, 6)
	w.flush(c, o)
	w.add(o, w.recorder, "b", 0, 2)
	w.flush(c, o)
	attest(o, day(4), day(5), 7, 9)
	w.flush(c, o)

	// Its outbox lost, it can swear to what it says from then on.
	lost := w.outbox(Options{})
	if err := c.Prepare(testContext(t), lost, w.recorder); err != nil {
		t.Fatal(err)
	}
	refused(lost, time.Time{}, day(6), "isn't known where the period begins")
	attest(lost, day(5), day(6), 0, 0)
	w.flush(c, lost)
	attest(lost, time.Time{}, day(7), 1, 1)
	if err := c.Prepare(testContext(t), o, w.recorder); err == nil {
		t.Fatal("the outbox that was lost is back, and nobody minds")
	}
	refused(o, time.Time{}, day(6), "not the only one that writes")
}
