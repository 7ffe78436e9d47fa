package verify_test

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

// evidenceVectors is a bundle that holds, and twins of it that don't, for readers in
// any language; and for `saksi verify`, by hand.
type evidenceVectors struct {
	About   string           `json:"about"`
	Trust   string           `json:"trust"`
	Vectors []evidenceVector `json:"vectors"`
}

type evidenceVector struct {
	File string `json:"file"`
	// Trust is the trust file, where it is another than that of all.
	Trust string `json:"trust,omitempty"`
	// Says is the sentence that names what doesn't hold; empty if all does.
	Says string `json:"says,omitempty"`
	// Proven are the sentences that a bundle which holds proves.
	Proven []string `json:"proven,omitempty"`
}

var evidenceDir = filepath.Join("testdata", "evidence")

func TestEvidenceVectors(t *testing.T) {
	if *update {
		makeEvidenceVectors(t)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(evidenceDir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var all evidenceVectors
	if err := json.Unmarshal(read("vectors.json"), &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all.Vectors {
		trust, err := verify.ParseTrust(read(cmp.Or(v.Trust, all.Trust)))
		if err != nil {
			t.Fatal(err)
		}
		s, err := verify.VerifyBundle(read(v.File), trust)
		switch {
		case v.Says != "" && (err == nil || err.Error() != v.Says):
			t.Errorf("%s: %v: want %s", v.File, err, v.Says)
		case v.Says == "" && err != nil:
			t.Errorf("%s: %v", v.File, err)
		case v.Says == "" && !slices.Equal(v.Proven, strings.Split(strings.TrimSpace(sayings(s, verify.Proven)), "\n")):
			t.Errorf("%s proves\n%s", v.File, sayings(s, verify.Proven))
		}
	}
}

func makeEvidenceVectors(t *testing.T) {
	l, all := damages(t)
	out := evidenceVectors{
		About: "Evidence bundles (docs/formats.md), and what a reader with this trust file must conclude. Wordings are this program's own.",
		Trust: "trust.json",
	}
	write := func(name string, b []byte) {
		if err := os.MkdirAll(evidenceDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(evidenceDir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	indented := func(v any) []byte {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return append(b, '\n')
	}
	trust, trustFile := l.trust, ""
	add := func(name string, b []byte) {
		v := evidenceVector{File: strings.NewReplacer(" ", "-", "'", "").Replace(name) + ".saksi", Trust: trustFile}
		if s, err := verify.VerifyBundle(b, trust); err != nil {
			v.Says = err.Error()
		} else {
			v.Proven = strings.Split(strings.TrimSpace(sayings(s, verify.Proven)), "\n")
		}
		write(v.File, b)
		out.Vectors = append(out.Vectors, v)
	}
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
	trust, trustFile = w.trust, "trust-witnesses.json"
	write(trustFile, indented(w.trust))
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
	trust, trustFile = s.trust, "trust-timestamps.json"
	write(trustFile, indented(s.trust))
	add("timestamped", s.marshal(s.stampedBundle(a, recorded)))
	over := s.stampedBundle(a, recorded)
	over.Timestamps[1].Token = over.Timestamps[0].Token
	add("a timestamp over another checkpoint", s.marshal(over))
	unrecorded := s.stampedBundle(a, recorded)
	unrecorded.Timestamps = unrecorded.Timestamps[1:]
	add("the record of a timestamp that is not there", s.marshal(unrecorded))
	write("vectors.json", indented(out))
	write(out.Trust, indented(l.trust))
}
