package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

func proveBundle(b []byte, trust *verify.Trust) ([]string, error) {
	s, err := verify.VerifyBundle(b, trust)
	if err != nil {
		return nil, err
	}
	return proven(s.Sentences), nil
}

// TestEvidenceVectors holds bundles, and damaged twins of them, to what a reader in any
// language must conclude.
func TestEvidenceVectors(t *testing.T) {
	if *update {
		makeEvidenceVectors(t)
	}
	checkVectors(t, "evidence", 20, proveBundle)
}

func makeEvidenceVectors(t *testing.T) {
	l, all := damages(t)
	v := writeVectors(t, "evidence", ".saksi", "Evidence bundles (docs/formats.md), and what a reader with this trust file must conclude.", l.trust, proveBundle)
	defer v.end()
	add := v.add
	good := l.marshal(l.good())
	add("good", good)
	flipped := slices.Clone(good)
	flipped[len(flipped)/2] ^= 1
	add("a bit flipped", flipped)
	add("cut short", good[:len(good)-1])
	for _, d := range all {
		if slices.Contains([]string{
			"without its genesis", "without the registry", "about another event", "another event in the place of the one that was signed",
			"a hash of a proof changed", "a hash of a proof missing", "another log's checkpoint", "taken out without a word", "withheld and there", "an anchor of other bytes", "without a consistency proof", "an anchor that bounds nothing",
		}, d.name) {
			add(d.name, l.marshal(d.bundle))
		}
	}
	hole := l.good()
	hole.Leaves[3].Events, hole.Withheld = nil, hole.About
	add("an event withheld", l.marshal(hole))

	w := witnessedLand(t)
	v.believe(w.trust, "trust-witnesses.json")
	add("witnessed", w.marshal(w.witnessedBundle()))
	moved := w.witnessedBundle()
	other := cosignAt(t, w.checkpoint(9), witnessSG, 1_800_000_800)
	moved.Cosigned[0].Checkpoint = append(w.checkpoint(11), other[strings.LastIndex(string(other), "\n— ")+1:]...)
	add("a cosignature of another checkpoint", w.marshal(moved))
	few := w.witnessedBundle()
	few.Cosigned = nil
	w.cosigned(few, 11, 1_800_000_600, witnessMY)
	add("too few witnesses and earlier than it can be", w.marshal(few))

	s, a, recorded := stampedLand(t)
	v.believe(s.trust, "trust-timestamps.json")
	add("timestamped", s.marshal(s.stampedBundle(a, recorded)))
	over := s.stampedBundle(a, recorded)
	over.Timestamps[1].Token = over.Timestamps[0].Token
	add("a timestamp over another checkpoint", s.marshal(over))
	unrecorded := s.stampedBundle(a, recorded)
	unrecorded.Timestamps = unrecorded.Timestamps[1:]
	add("the record of a timestamp that is not there", s.marshal(unrecorded))
}
