package findings_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"filippo.io/torchwood"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

// A quorum that is demanded later than by the genesis is overdue when it doesn't come, and no
// longer when it isn't demanded any more.
func TestWitnessesAdopted(t *testing.T) {
	signer, err := torchwood.NewCosignatureSigner("witness.example.sg/w1", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	w := viewtest.New(t)
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	bastion.Say(viewtest.Performed(""))
	w.Pass(time.Hour)
	before := w.Size()
	adopted := w.Register(events.TypeWitnessesAdopted, events.WitnessesAdopted{
		Policy: fmt.Sprintf("witness sg %s https://witness.example.sg\nquorum sg\n", signer.Verifier()), Reason: "order-2026-21",
	})
	bastion.Say(viewtest.Performed(""))
	w.Pass(findings.QuorumWait + time.Minute)
	overdue := w.Size()
	ended := w.Register(events.TypeWitnessesAdopted, events.WitnessesAdopted{Reason: "the witness has ended"})
	bastion.Say(viewtest.Performed(""))
	w.Pass(time.Hour)
	reader, size := w.Reader()
	r := viewtest.Show(t, reader, []*projections.View{findings.View()}, before, overdue, size)

	of := func(asOf uint64) []findings.Finding {
		return viewtest.Rows[findings.Finding](r, "findings", asOf, "rule=quorum-overdue")
	}
	if rows := of(before); len(rows) != 0 {
		t.Errorf("before a quorum was demanded: %+v", rows)
	}
	if rows := of(overdue); len(rows) != 1 || rows[0].State != findings.Open || rows[0].Evidence[0] != adopted {
		t.Errorf("when it was overdue: %+v", rows)
	}
	rows := of(size)
	if len(rows) != 1 || rows[0].State != findings.Resolved || rows[0].Evidence[len(rows[0].Evidence)-1] != ended {
		t.Errorf("when it was demanded no more: %+v", rows)
	}
}
