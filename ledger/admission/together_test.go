package admission_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// TestSignaturesTogether has a long chunk judged, whose Ed25519 signatures are checked
// together, and each of its messages by itself: verdicts and reasons are the same, with one
// signature or two, of both algorithms, good and bad in many ways.
func TestSignaturesTogether(t *testing.T) {
	genesis := newGenesis(t)
	_, p256 := p256Key(t, "p-256")
	n1, n2 := signer("n1"), signer("n2")
	one, two := recorder(t, nimbus+"/"+lab+"/bastion-1"), recorder(t, nimbus+"/"+lab+"/bastion-2")
	opening := []*events.Event{
		admitted(t, nimbus, "n1", "n2"), facility(t, lab), declared(t, one.String(), 1), declared(t, two.String(), 2),
		registryEvent(t, events.TypeKeyAdded, events.KeyAdded{Operator: nimbus, Key: p256.PublicKey().String()}),
	}
	registered := seal(t, &events.Manifest{Recorder: registry, Incarnation: 1, First: 2}, []*events.Signer{signer(mcmc)}, opening...)
	ways := []struct {
		name    string
		by      events.Recorder
		signers []*events.Signer
		change  func(sig []byte) []byte // of the first
	}{
		{name: "good", by: one, signers: []*events.Signer{n1}},
		{name: "by two", by: two, signers: []*events.Signer{n1, n2}},
		{name: "by both algorithms", by: two, signers: []*events.Signer{n2, p256}},
		{name: "P-256", by: one, signers: []*events.Signer{p256}},
		{name: "one of two is missing", by: two, signers: []*events.Signer{n2}},
		{name: "by nobody's key", by: one, signers: []*events.Signer{signer("unknown")}},
		{name: "R", by: one, signers: []*events.Signer{n1}, change: func(sig []byte) []byte { sig[3] ^= 1; return sig }},
		{name: "S", by: one, signers: []*events.Signer{n2}, change: func(sig []byte) []byte { sig[40] ^= 1; return sig }},
		{name: "S is not canonical", by: one, signers: []*events.Signer{n1}, change: func(sig []byte) []byte { sig[63] |= 0x20; return sig }},
		{name: "short", by: one, signers: []*events.Signer{n1}, change: func(sig []byte) []byte { return sig[:63] }},
		{name: "nothing", by: one, signers: []*events.Signer{n1}, change: func([]byte) []byte { return make([]byte, 64) }},
		{name: "one of two is bad", by: two, signers: []*events.Signer{n1, p256}, change: func(sig []byte) []byte { sig[0] ^= 1; return sig }},
		{name: "P-256, bad", by: one, signers: []*events.Signer{p256}, change: func(sig []byte) []byte { sig[20] ^= 1; return sig }},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, bad := range []int{0, 1, 20, 100} { // in a hundred
		messages := []admission.Message{{Subject: registry.Subject(), Body: genesis}, {Subject: registry.Subject(), Body: registered}}
		for i := range 400 {
			way := ways[random.IntN(4)]
			if random.IntN(100) < bad {
				way = ways[4+random.IntN(len(ways)-4)]
			}
			body := seal(t, &events.Manifest{Recorder: way.by, Incarnation: 1, First: uint64(i) + 1}, way.signers, access(t, way.by))
			if way.change != nil {
				e := must[*events.Envelope](t)(events.ParseEnvelope(body))
				body = resigned(t, body, way.change(bytes.Clone(e.Signatures[0].Sig)))
			}
			messages = append(messages, admission.Message{Subject: way.by.Subject(), Body: body})
		}
		alone, together := begin(t, genesis), begin(t, genesis)
		want := alone.inChunks(t, messages, 1)
		together.inChunks(t, messages[:2], 1)
		got := append(want[:2:2], together.inChunks(t, messages[2:], len(messages))...)
		if !reflect.DeepEqual(got, want) {
			for i := range want {
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Errorf("message %d: %+v: by itself %+v", i, got[i], want[i])
				}
			}
		}
		accepted := 0
		for _, v := range want {
			if v.Verdict == formats.Accepted {
				accepted++
			}
		}
		if accepted == 2 != (bad == 100) || accepted == len(messages) != (bad == 0) {
			t.Errorf("%d in a hundred are bad: %d of %d were accepted", bad, accepted, len(messages))
		}
	}
}
