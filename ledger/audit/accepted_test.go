package audit

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

// said is a source that has nothing but bodies.
type said struct {
	source
	bodies [][]byte
}

func (s *said) Bodies(_ context.Context, from uint64, n int) ([][]byte, error) {
	return s.bodies[from : from+uint64(n)], nil
}

// TestAcceptedIsMemory accepts manifests in and out of the order of their numbers: what
// is found is what admission's own store in memory finds.
func TestAcceptedIsMemory(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	s := &said{}
	compact, memory := newAccepted(t.Context(), s), admission.Memory{}
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/badges")
	if err != nil {
		t.Fatal(err)
	}
	other, err := events.ParseRecorder("nimbus-my/lab-2/badges")
	if err != nil {
		t.Fatal(err)
	}
	var all []admission.Place
	first := map[events.Recorder]uint64{recorder: 1, other: 1}
	for range 10_000 {
		m := &events.Manifest{Recorder: recorder, Incarnation: 1 + random.Uint64N(2), First: 1}
		if random.IntN(4) == 0 {
			m.Recorder = other
		}
		switch m.First = first[m.Recorder]; random.IntN(5) {
		case 0:
			m.First = 1 + random.Uint64N(m.First) // used, or passed over
		default:
			first[m.Recorder] += 1 + random.Uint64N(3)
		}
		digest := events.DigestOf([]byte{byte(random.Uint32()), byte(random.Uint32())})
		m.Events = []events.Digest{digest}
		body := sealed(t, m)
		envelope, err := events.ParseEnvelope(body)
		if err != nil {
			t.Fatal(err)
		}
		place := admission.Place{Recorder: m.Recorder, Incarnation: m.Incarnation, First: m.First, Manifest: envelope.ManifestDigest()}
		if _, found, _ := memory.Accepted(place); found {
			continue
		}
		leaf := uint64(len(s.bodies))
		s.bodies = append(s.bodies, body)
		all = append(all, place)
		memory.Accept(place, leaf)
		compact.Accept(place, leaf)
	}
	for i, place := range all {
		leaf, found, err := compact.Accepted(place)
		if err != nil || !found || leaf != uint64(i) {
			t.Fatalf("place %d: %d, %v, %v", i, leaf, found, err)
		}
		place.Manifest[3] ^= 1
		if leaf, found, err := compact.Accepted(place); err != nil || found {
			t.Fatalf("a manifest that was never accepted: %d, %v, %v", leaf, found, err)
		}
	}
}

func sealed(t *testing.T, m *events.Manifest) []byte {
	t.Helper()
	signer, err := events.NewSigner(ed25519.NewKeyFromSeed([]byte("a seed that everybody may know..")))
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := events.Seal(m, [][]byte{fmt.Appendf(nil, "%d", m.Events[0][:2])}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return envelope.Marshal()
}
