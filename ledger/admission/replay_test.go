package admission_test

import (
	"fmt"
	"maps"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

var (
	operators = []string{"op-a", "op-b", "op-c"}
	places    = []string{"lab-1", "lab-2"}
	keys      = []string{"k1", "k2", "k3", "k4", mcmc}
)

// drawRegistry draws something that an authority says, often in vain.
func drawRegistry(t *rapid.T) *events.Event {
	operator, key := rapid.SampledFrom(operators).Draw(t, "operator"), rapid.SampledFrom(keys).Draw(t, "key")
	place := rapid.SampledFrom(places).Draw(t, "facility")
	switch rapid.IntRange(0, 6).Draw(t, "what") {
	case 0:
		return admitted(t, operator, key)
	case 1:
		return registryEvent(t, events.TypeKeyAdded, events.KeyAdded{Operator: operator, Key: signer(key).PublicKey().String()})
	case 2:
		return revoked(t, operator, key)
	case 3:
		return facility(t, place)
	case 4:
		return declared(t, operator+"/"+place+"/r1", rapid.IntRange(1, 2).Draw(t, "signatures"))
	case 5:
		return registryEvent(t, events.TypeOperatorSuspended, events.OperatorSuspended{Operator: operator, Reason: "x"})
	}
	return registryEvent(t, events.TypeOperatorReadmitted, events.OperatorReadmitted{Operator: operator, Reason: "x"})
}

// drawMessages draws a history, genesis first: registry envelopes, operators' and
// repetitions of either.
func drawMessages(t *rapid.T, genesis []byte) []admission.Message {
	messages := []admission.Message{{Subject: registry.Subject(), Body: genesis}}
	next := uint64(2)
	// A start that lets most histories get somewhere.
	opening := []*events.Event{admitted(t, "op-a", "k1"), facility(t, "lab-1"), declared(t, "op-a/lab-1/r1", 1)}
	say := func(said []*events.Event) {
		body := seal(t, &events.Manifest{Recorder: registry, Incarnation: 1, First: next}, []*events.Signer{signer(mcmc)}, said...)
		messages = append(messages, admission.Message{Subject: registry.Subject(), Body: body})
		next += uint64(len(said))
	}
	say(opening)
	for range rapid.IntRange(1, 30).Draw(t, "messages") {
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0, 1:
			said := make([]*events.Event, rapid.IntRange(1, 3).Draw(t, "events"))
			for i := range said {
				said[i] = drawRegistry(t)
			}
			say(said)
		case 2, 3:
			r := recorder(t, fmt.Sprintf("%s/%s/r1", rapid.SampledFrom(operators[:2]).Draw(t, "operator"), rapid.SampledFrom(places).Draw(t, "facility")))
			m := &events.Manifest{
				Recorder: r, Incarnation: rapid.Uint64Range(1, 2).Draw(t, "incarnation"), First: rapid.Uint64Range(1, 9).Draw(t, "first"),
			}
			body := seal(t, m, []*events.Signer{signer(rapid.SampledFrom(keys).Draw(t, "key"))}, access(t, r))
			messages = append(messages, admission.Message{Subject: r.Subject(), Body: body})
		case 4:
			messages = append(messages, rapid.SampledFrom(messages).Draw(t, "again"))
		}
	}
	return messages
}

// inChunks judges messages, each chunk prepared before its first is judged.
func (m *mind) inChunks(t tester, messages []admission.Message, size int) []admission.Verdict {
	var verdicts []admission.Verdict
	for len(messages) > 0 {
		n := min(size, len(messages))
		for _, c := range m.rules.Prepare(messages[:n]) {
			verdicts = append(verdicts, must[admission.Verdict](t)(m.Judge(c, m.next)))
			m.next++
		}
		messages = messages[n:]
	}
	return verdicts
}

func (m *mind) same(t *rapid.T, what string, other *mind) {
	if !reflect.DeepEqual(m.Registry, other.Registry) {
		t.Errorf("%s: another registry:\n%+v\n%+v", what, m.Registry, other.Registry)
	}
	if !maps.Equal(m.store, other.store) {
		t.Errorf("%s: other manifests accepted: %d and %d", what, len(m.store), len(other.store))
	}
	if a, b := m.TakeChangedHeads(), other.TakeChangedHeads(); !maps.Equal(a, b) {
		t.Errorf("%s: other heads:\n%v\n%v", what, a, b)
	}
}

// TestRecallEqualsJudge checks that a State can be rebuilt from the bodies of the
// leaves that were accepted, and that verdicts depend on the order of messages
// alone, not on how many were prepared at once.
func TestRecallEqualsJudge(t *testing.T) {
	genesis := newGenesis(t)
	rapid.Check(t, func(t *rapid.T) {
		messages := drawMessages(t, genesis)
		one, all, recalled := begin(t, genesis), begin(t, genesis), begin(t, genesis)
		verdicts := one.inChunks(t, messages, 1)
		if together := all.inChunks(t, messages, rapid.IntRange(2, len(messages)).Draw(t, "chunk")); !reflect.DeepEqual(together, verdicts) {
			t.Errorf("prepared together, the verdicts are others:\n%+v\n%+v", together, verdicts)
		}
		for leaf, v := range verdicts {
			if v.Verdict == formats.Accepted {
				if err := recalled.Recall(messages[leaf].Body, uint64(leaf)); err != nil {
					t.Fatal(err)
				}
			}
		}
		one.same(t, "recalled", recalled)
		if !reflect.DeepEqual(one.Registry, all.Registry) || !maps.Equal(one.store, all.store) {
			t.Errorf("prepared together, the state is another")
		}
	})
}
