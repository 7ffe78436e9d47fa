package verify_test

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const (
	witnessSG = "witness.example.sg/w1"
	witnessID = "witness.example.id/w1"
	witnessMY = "witness.example.my/w1"
)

// witnessedLand is a land that has witnesses: a checkpoint of nine leaves is cosigned
// and recorded as leaf 9, and leaf 10 is an operator's, under a cosigned checkpoint too.
func witnessedLand(t testing.TB) *land {
	l := newLand(t)
	var keys []*formats.Cosigner
	for _, name := range []string{witnessSG, witnessID, witnessMY} {
		_, key := fixedWitness(t, name)
		keys = append(keys, key)
	}
	l.trust.Ledgers[0].WitnessPolicy = "witness sg " + keys[0].Key() + "\nwitness id " + keys[1].Key() + "\nwitness my " + keys[2].Key() +
		"\ngroup two 2 sg id my\nquorum two\n"
	l.trust.Witnesses = []verify.TrustedWitness{
		{Key: keys[0].Key(), Owner: "the CSA", Independent: true}, {Key: keys[1].Key(), Owner: "the BSSN", Independent: true},
		{Key: keys[2].Key(), Owner: "mcmc", Independent: true},
	}
	nine := cosignAt(t, cosignAt(t, l.checkpoint(9), witnessSG, 1_800_000_700), witnessMY, 1_800_000_690)
	l.recordCosigned(nine, keys...)
	bastion, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	l.say(bastion, []*events.Signer{fixedSigner(t, "nimbus-my")}, said{events.TypeSessionClosed, map[string]any{"session": "s-9", "ended": "normal"}})
	return l
}

// recordCosigned adds the leaf by which the ledger says that a quorum cosigned.
func (l *land) recordCosigned(note []byte, witnesses ...*formats.Cosigner) {
	l.t.Helper()
	checkpoint, err := l.log.OpenCheckpoint(note)
	if err != nil {
		l.t.Fatal(err)
	}
	found, err := formats.Cosignatures(note, witnesses)
	if err != nil {
		l.t.Fatal(err)
	}
	l.say(events.LedgerRecorder, []*events.Signer{fixedSigner(l.t, "ledger")}, said{events.TypeCheckpointCosigned, formats.RecordCosignatures(checkpoint, found)})
}

// cosigned puts a checkpoint of a size, with these witnesses' cosignatures, into a
// bundle.
func (l *land) cosigned(b *verify.Bundle, size int, seconds uint64, names ...string) {
	l.t.Helper()
	c := verify.BundledCosigned{Checkpoint: l.checkpoint(size)}
	for _, name := range names {
		c.Checkpoint = cosignAt(l.t, c.Checkpoint, name, seconds)
	}
	if size < len(l.leaves) {
		var err error
		if c.Consistency, err = tlog.ProveTree(int64(len(l.leaves)), int64(size), l); err != nil {
			l.t.Fatal(err)
		}
	}
	b.Cosigned = append(b.Cosigned, c)
	b.Sort()
}

// witnessedBundle is evidence of leaf 10, which is later than one cosignature and
// earlier than others.
func (l *land) witnessedBundle() *verify.Bundle {
	b := l.bundle([]events.Ref{{Leaf: 10}}, events.Ref{Leaf: 1}, events.Ref{Leaf: 1, Event: 1}, events.Ref{Leaf: 1, Event: 2}, events.Ref{Leaf: 9})
	b.Anchors = nil
	l.cosigned(b, 11, 1_800_000_800, witnessSG, witnessID)
	return b
}

func TestWitnessedEvidence(t *testing.T) {
	l := witnessedLand(t)
	trust, err := verify.ParseTrust(l.trustFile())
	if err != nil {
		t.Fatal(err)
	}
	s, err := verify.VerifyBundle(l.marshal(l.witnessedBundle()), trust)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Cosigned) != 1 || !s.Cosigned[0].Quorum || s.Cosigned[0].Size != 11 || len(s.Cosigned[0].Cosignatures) != 2 {
		t.Errorf("%+v", s.Cosigned)
	}
	in := s.Records[0].Interval
	if in.Contradicts || in.NotBefore == nil || in.NotAfter == nil || in.NotBefore.By != witnessSG || in.NotBefore.Recorded.Leaf != 9 ||
		!in.NotBefore.Time.Equal(time.Unix(1_800_000_700, 0)) || !in.NotAfter.Time.Equal(time.Unix(1_800_000_800, 0)) || in.NotAfter.Kind != verify.ByWitness {
		t.Errorf("%+v", in)
	}
	has(t, sayings(s, verify.Proven),
		"The witness witness.example.sg/w1, run by the CSA, which the trust file calls independent, cosigned the checkpoint of 11 leaves: it continues every one that this witness had cosigned before.",
		"The checkpoint of 11 leaves is cosigned by as many witnesses as the trust file wants, 2 of (sg, id, my).",
		"Leaf 10 is later than the cosignature of the witness witness.example.my/w1 on the checkpoint of 9 leaves, which the ledger recorded in event 9/0.",
		"Leaf 10 is earlier than the cosignature of the witness witness.example.id/w1 on the checkpoint of 11 leaves, which covers it.")
	has(t, sayings(s, verify.Said),
		"So it was received at 2027-01-15T08:11:40Z at the earliest, by the word of the witness witness.example.sg/w1.",
		"So it was received at 2027-01-15T08:13:20Z at the latest, by the word of the witness witness.example.sg/w1.",
		"It did so at 2027-01-15T08:13:20Z, by the word of the witness witness.example.id/w1.")
	has(t, sayings(s, verify.NotProven), "That these witnesses of the trust file have seen the same tree: witness.example.my/w1.",
		"That the ledger's clock was right when it received leaf 10: what it says is more than 5s outside of what the others say.", "That the checkpoint is anchored anywhere.\n")
}

func TestUnwitnessedEvidence(t *testing.T) {
	l := witnessedLand(t)
	verified := func(b *verify.Bundle) *verify.Statement {
		t.Helper()
		s, err := verify.VerifyBundle(l.marshal(b), l.trust)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	few := l.witnessedBundle()
	few.Cosigned = nil
	l.cosigned(few, 11, 1_800_000_600, witnessMY, "stranger.example/w")
	s := verified(few)
	has(t, sayings(s, verify.Proven), "The witness witness.example.my/w1, run by mcmc as the ledger is, and so no independent witness, cosigned")
	has(t, sayings(s, verify.NotProven), "That as many witnesses have seen the same tree as the trust file wants, 2 of (sg, id, my).",
		"When leaf 10 was received: of these two one is wrong", "Whoever runs the ledger could show others another tree.")
	if in := s.Records[0].Interval; !in.Contradicts {
		t.Errorf("%+v", in)
	}

	none := l.witnessedBundle()
	none.Cosigned = nil
	has(t, sayings(verified(none), verify.NotProven), "the evidence holds no checkpoint that one of the trust file's has cosigned")

	l.trust.Ledgers[0].WitnessPolicy = ""
	s = verified(l.witnessedBundle())
	has(t, sayings(s, verify.NotProven), "That witnesses have seen the same tree: the trust file names none.")
	if len(s.Records[0].NotBefore)+len(s.Records[0].NotAfter) > 0 {
		t.Errorf("witnesses that are not trusted bound %+v", s.Records[0])
	}
}

func TestDamagedCosignatures(t *testing.T) {
	l := witnessedLand(t)
	for name, row := range map[string]struct {
		says   string
		change func(b *verify.Bundle)
	}{
		"a cosignature changed": {"cosigned checkpoint 1: cosignatures: invalid signature", func(b *verify.Bundle) {
			other := cosignAt(t, l.checkpoint(9), witnessSG, 1_800_000_800)
			b.Cosigned[0].Checkpoint = append(l.checkpoint(11), other[bytes.LastIndex(other, []byte("\n— "))+1:]...)
		}},
		"of another root": {"cosigned checkpoint 1: the ledger has signed two checkpoints of 11 leaves with different roots", func(b *verify.Bundle) {
			other := sign(t, l.signer, origin+"\n11\nLG1Dah2clhwtxv8MYfqjnrZY7U9he/0rLLRke7PEmBU=\n")
			b.Cosigned[0].Checkpoint = cosignAt(t, other, witnessSG, 1_800_000_800)
		}},
		"not signed by the log": {"cosigned checkpoint 1: checkpoint of", func(b *verify.Bundle) {
			other, _ := fixedLog(t, "other.example/log")
			b.Cosigned[0].Checkpoint = sign(t, other, origin+"\n11\nLG1Dah2clhwtxv8MYfqjnrZY7U9he/0rLLRke7PEmBU=\n")
		}},
		"before the leaf": {"the cosigned checkpoint of 9 leaves covers no leaf that the evidence is about", func(b *verify.Bundle) {
			l.cosigned(b, 9, 1_800_000_700, witnessSG)
		}},
		"without its consistency proof": {"cosigned checkpoint 1: the consistency proof of the checkpoints of 9 and 11 leaves does not hold", func(b *verify.Bundle) {
			l.cosigned(b, 9, 1_800_000_700, witnessSG)
			b.Cosigned[0].Consistency = nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := l.witnessedBundle()
			row.change(b)
			_, err := verify.VerifyBundle(l.marshal(b), l.trust)
			expect(t, err, row.says)
		})
	}
}

func TestTrustedWitnesses(t *testing.T) {
	l := witnessedLand(t)
	for says, change := range map[string]func(){
		"witness policy: line 1": func() { l.trust.Ledgers[0].WitnessPolicy = "nonsense\n" },
		"its witness policy is for other logs": func() {
			_, other := fixedLog(t, "other.example/log")
			l.trust.Ledgers[0].WitnessPolicy = "log " + other.Key() + "\nquorum none\n"
		},
		"it names the witness witness.example.sg/w1+": func() { l.trust.Witnesses[1].Key = l.trust.Witnesses[0].Key },
		`witness key "x"`: func() { l.trust.Witnesses[0].Key = "x" },
	} {
		l = witnessedLand(t)
		change()
		_, err := verify.ParseTrust(l.trustFile())
		expect(t, err, says)
	}
}
