package admission_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// ed25519Alone is the rule set of before there was a choice of algorithms.
const ed25519Alone = "sha256:86122bad75e1d3b4d950992ec9b085ae95680328ef8eb85f0ac1d2786f60c47f"

// p256Key returns the same key for the same name, and its Signer.
func p256Key(t tester, name string) (*ecdsa.PrivateKey, *events.Signer) {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	key := must[*ecdsa.PrivateKey](t)(ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:]))
	return key, must[*events.Signer](t)(events.NewSigner(key))
}

// p256World has an operator with keys of both kinds and one recorder.
func p256World(t *testing.T) (*mind, events.Recorder, *ecdsa.PrivateKey, *events.Signer) {
	m := newMind(t)
	key, p256 := p256Key(t, "p-256")
	m.say(t, "", admitted(t, nimbus, "n1"), facility(t, lab),
		registryEvent(t, events.TypeKeyAdded, events.KeyAdded{Operator: nimbus, Key: p256.PublicKey().String()}),
		registryEvent(t, events.TypeRecorderDeclared, events.RecorderDeclared{Recorder: nimbus + "/" + lab + "/bastion-1", Kind: events.RecorderBastion}))
	return m, recorder(t, nimbus+"/"+lab+"/bastion-1"), key, p256
}

// TestKeysOfTheRuleSet: a ledger whose genesis named the older rule set refuses what
// it always refused, so that its verdicts can be computed again.
func TestKeysOfTheRuleSet(t *testing.T) {
	_, p256 := p256Key(t, "p-256")
	added := func() *events.Event {
		return registryEvent(t, events.TypeKeyAdded, events.KeyAdded{Operator: nimbus, Key: p256.PublicKey().String()})
	}
	older := newGenesisUnder(t, ed25519Alone, signer("ledger"))
	m := begin(t, older)
	m.want(t, "", registry, older)
	m.say(t, "", admitted(t, nimbus, "n1"))
	m.say(t, "schema", added())
	m.say(t, "schema", registryEvent(t, events.TypeOperatorAdmitted, events.OperatorAdmitted{
		Operator: "strato", Country: "MY", Keys: []string{signer("s1").PublicKey().String(), p256.PublicKey().String()},
	}))
	if _, _, known := m.Registry.KeyOwner(p256.PublicKey().ID()); known {
		t.Error("the key was registered")
	}
	if _, _, err := admission.Start(newGenesisUnder(t, ed25519Alone, p256), admission.Memory{}); err == nil {
		t.Error("its genesis may name a P-256 key")
	}

	m = newMind(t)
	m.say(t, "", admitted(t, nimbus, "n1"))
	m.say(t, "", added())
}

// other returns the signature that follows from one without the key: (r, n-s).
func other(t tester, sig []byte) []byte {
	t.Helper()
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		t.Fatal(err)
	}
	v.S.Sub(elliptic.P256().Params().N, v.S)
	return must[[]byte](t)(asn1.Marshal(v))
}

// resigned returns an envelope with another signature in place of its only one.
func resigned(t tester, body, sig []byte) []byte {
	t.Helper()
	e := must[*events.Envelope](t)(events.ParseEnvelope(body))
	before, after := base64.StdEncoding.EncodeToString(e.Signatures[0].Sig), base64.StdEncoding.EncodeToString(sig)
	return bytes.Replace(body, []byte(`"sig":"`+before+`"`), []byte(`"sig":"`+after+`"`), 1)
}

// TestAnotherSignatureIsADuplicate: whoever sees an envelope with an ECDSA signature
// can make a twin of it that is signed as well. Its line 1 is another, and so is its
// digest; its manifest is the same, and so it is a duplicate and takes no number.
func TestAnotherSignatureIsADuplicate(t *testing.T) {
	m, r, key, p256 := p256World(t)
	body := seal(t, &events.Manifest{Recorder: r, Incarnation: 1, First: 1}, []*events.Signer{p256}, access(t, r))
	e := must[*events.Envelope](t)(events.ParseEnvelope(body))
	digest := sha256.Sum256(e.SignedBytes())
	again := must[[]byte](t)(ecdsa.SignASN1(rand.Reader, key, digest[:]))
	bodies := map[string][]byte{
		"the twin":                  resigned(t, body, other(t, e.Signatures[0].Sig)),
		"a second signing":          resigned(t, body, again),
		"the twin of that":          resigned(t, body, other(t, again)),
		"the operator's second key": must[*events.Envelope](t)(events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: 1}, e.Lines, signer("n1"))).Marshal(),
	}
	first := m.judge(t, r, body)
	if first.Verdict != formats.Accepted {
		t.Fatalf("%+v", first)
	}
	of := m.next - 1
	for name, b := range bodies {
		v := m.judge(t, r, b)
		if v.Verdict != formats.Duplicate || v.Of != of || v.Digest == first.Digest {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if head, _ := m.Head(r); head.Last != 1 || head.Leaf != of || head.Manifest != e.ManifestDigest() {
		t.Errorf("the head is %+v", head)
	}

	// Whichever comes first is the one that is accepted.
	m, r, _, p256 = p256World(t)
	body = seal(t, &events.Manifest{Recorder: r, Incarnation: 1, First: 1}, []*events.Signer{p256}, access(t, r))
	e = must[*events.Envelope](t)(events.ParseEnvelope(body))
	m.want(t, "", r, resigned(t, body, other(t, e.Signatures[0].Sig)))
	if v := m.judge(t, r, body); v.Verdict != formats.Duplicate || v.Of != m.next-2 {
		t.Errorf("what was twinned: %+v", v)
	}
}

// TestP256Verdicts: a signature is judged alike beforehand, where its key was known
// when the message was prepared, and afterwards, where it was not.
func TestP256Verdicts(t *testing.T) {
	for _, known := range []bool{true, false} {
		m, r, key, p256 := p256World(t)
		if !known {
			_, p256 = p256Key(t, "of this chunk")
			key, _ = p256Key(t, "of this chunk")
		}
		good := func(first uint64) []byte {
			return seal(t, &events.Manifest{Recorder: r, Incarnation: 1, First: first}, []*events.Signer{p256}, access(t, r))
		}
		body := good(1)
		e := must[*events.Envelope](t)(events.ParseEnvelope(body))
		sig := e.Signatures[0].Sig
		var v struct{ R, S *big.Int }
		must[[]byte](t)(asn1.Unmarshal(sig, &v))
		flat := append(v.R.FillBytes(make([]byte, 32)), v.S.FillBytes(make([]byte, 32))...)
		overBytes := must[[]byte](t)(ecdsa.SignASN1(rand.Reader, key, e.SignedBytes()))
		bad := [][]byte{nil, flat, append(bytes.Clone(sig), 0), sig[:len(sig)-1], append([]byte{0x30, 0x81}, sig[1:]...), overBytes, make([]byte, 64)}
		head, _ := m.Head(registry)
		added := registryEvent(t, events.TypeKeyAdded, events.KeyAdded{Operator: nimbus, Key: p256.PublicKey().String()})
		messages := []admission.Message{{Subject: registry.Subject(), Body: seal(t,
			&events.Manifest{Recorder: registry, Incarnation: 1, First: head.Last + 1, Previous: head.Manifest}, []*events.Signer{signer(mcmc)}, added)}}
		for _, sig := range bad {
			messages = append(messages, admission.Message{Subject: r.Subject(), Body: resigned(t, body, sig)})
		}
		messages = append(messages, admission.Message{Subject: r.Subject(), Body: body},
			admission.Message{Subject: r.Subject(), Body: resigned(t, good(2), sig)}, admission.Message{Subject: r.Subject(), Body: good(2)})
		var got []string
		for _, c := range m.rules.Prepare(messages) {
			v := must[admission.Verdict](t)(m.Judge(c, m.next))
			m.next++
			got = append(got, string(v.Verdict)+v.Code)
		}
		for i, g := range got {
			want := "accepted"
			if i > 0 && i <= len(bad) || i == len(bad)+2 {
				want = "rejectedbad_signature"
			}
			if g != want {
				t.Errorf("key known before: %v: message %d is %s: want %s", known, i, g, want)
			}
		}
	}
}

// What a signature costs in admission, on one processor: beforehand alone, and of a
// message as a whole, by algorithm.
func BenchmarkSignatures(b *testing.B) {
	_, p256 := p256Key(b, "bench")
	by := recorder(b, nimbus+"/"+lab+"/bastion-1")
	for _, key := range []*events.Signer{signer(nimbus), p256} {
		algorithm := string(key.PublicKey().Algorithm())
		message := bytes.Repeat([]byte("m"), 400) // a manifest of a few events
		sig := must[[]byte](b)(key.Sign(rand.Reader, message))
		b.Run(algorithm+"/verify", func(b *testing.B) {
			for b.Loop() {
				if !key.PublicKey().Verify(message, sig) {
					b.Fatal("it does not hold")
				}
			}
		})
		b.Run(algorithm+"/sign", func(b *testing.B) {
			for b.Loop() {
				must[[]byte](b)(key.Sign(rand.Reader, message))
			}
		})
		genesis := newGenesis(b)
		m := begin(b, genesis)
		m.want(b, "", registry, genesis)
		m.say(b, "", registryEvent(b, events.TypeOperatorAdmitted, events.OperatorAdmitted{Operator: nimbus, Country: "US", Keys: []string{key.PublicKey().String()}}))
		for _, each := range []int{1, 32} {
			said := make([]*events.Event, each)
			for i := range said {
				said[i] = access(b, by)
			}
			one := []admission.Message{{Subject: by.Subject(), Body: seal(b, &events.Manifest{Recorder: by, Incarnation: 1, First: 1}, []*events.Signer{key}, said...)}}
			b.Run(fmt.Sprintf("%s/prepare/events=%d", algorithm, each), func(b *testing.B) {
				for b.Loop() {
					m.rules.Prepare(one)
				}
			})
		}
	}
}
