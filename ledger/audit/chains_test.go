package audit

import (
	"crypto/ed25519"
	"testing"

	"github.com/saksi-ledger/saksi/events"
)

// TestChains counts how recorders' own numbering goes on.
func TestChains(t *testing.T) {
	signer, err := events.NewSigner(ed25519.NewKeyFromSeed([]byte("a seed that everybody may know..")))
	if err != nil {
		t.Fatal(err)
	}
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/badges")
	if err != nil {
		t.Fatal(err)
	}
	a := &auditor{report: &Report{}, chains: map[events.Recorder]*chain{}}
	var previous events.Digest
	say := func(incarnation, first uint64, before events.Digest, n int, want Chains) {
		t.Helper()
		lines := make([][]byte, n)
		for i := range lines {
			lines[i] = []byte("{}")
		}
		envelope, err := events.Seal(&events.Manifest{Recorder: recorder, Incarnation: incarnation, First: first, Previous: before}, lines, signer)
		if err != nil {
			t.Fatal(err)
		}
		a.chain(envelope)
		if a.report.Chains != want {
			t.Errorf("%d.%d: %+v: want %+v", incarnation, first, a.report.Chains, want)
		}
		previous = envelope.ManifestDigest()
	}
	say(1, 1, events.Digest{}, 3, Chains{Recorders: 1})
	say(1, 4, previous, 1, Chains{Recorders: 1})
	last := previous
	say(1, 6, previous, 1, Chains{Recorders: 1, Gaps: 1})
	say(1, 7, last, 1, Chains{Recorders: 1, Gaps: 1, Broken: 1})
	say(1, 7, last, 2, Chains{Recorders: 1, Gaps: 1, Broken: 1, Repeated: 1})
	say(2, 1, previous, 1, Chains{Recorders: 1, Gaps: 1, Broken: 1, Repeated: 1, Incarnations: 1})
	say(1, 8, previous, 1, Chains{Recorders: 1, Gaps: 1, Broken: 1, Repeated: 2, Incarnations: 1})
	say(2, 2, events.DigestOf(nil), 1, Chains{Recorders: 1, Gaps: 1, Broken: 2, Repeated: 2, Incarnations: 1})
}
