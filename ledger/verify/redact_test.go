package verify_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

func TestRedact(t *testing.T) {
	l := newLand(t)
	registered := []events.Ref{{Leaf: 1}, {Leaf: 1, Event: 1}, {Leaf: 1, Event: 2}, {Leaf: 3}}
	b := l.bundle([]events.Ref{{Leaf: 4}, {Leaf: 4, Event: 1}, {Leaf: 4, Event: 2}}, registered...)
	l.marshal(b)
	whole, err := b.Verify(l.trust)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // again changes nothing
		if err := b.Redact(events.Ref{Leaf: 4, Event: 1}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := verify.VerifyBundle(l.marshal(b), l.trust)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Records[0]
	if len(r.Events) != 2 || len(r.Withheld) != 1 || r.Withheld[0].Sequence != 3 || r.Withheld[0].Digest != whole.Records[0].Events[1].Digest || s.Withheld != 1 {
		t.Errorf("%+v", r)
	}
	has(t, sayings(s, verify.Proven), "The recorder nimbus-my/lab-1/bastion-1 said event 4/1, whose digest is sha256:", "said event 4/2, saksi.access.session.closed.v1")
	has(t, sayings(s, verify.NotProven), "What event 4/1 says: it is not shown.")
	// All of them can go, and their places are still proven.
	if err := b.Redact(events.Ref{Leaf: 4}, events.Ref{Leaf: 4, Event: 2}); err != nil {
		t.Fatal(err)
	}
	if s, err = verify.VerifyBundle(l.marshal(b), l.trust); err != nil || len(s.Records[0].Withheld) != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	own, err := b.OwnTrust()
	if err != nil || own.Ledgers[0].Key != l.log.Key() || own.Ledgers[0].Genesis != l.trust.Ledgers[0].Genesis {
		t.Errorf("%+v, %v", own, err)
	}
	expect(t, b.Redact(events.Ref{Leaf: 1}), "event 1/0 is none that the evidence is about: what it rests on can't be taken out")
}
