package views_test

import (
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/findings"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

// The ledger's clock jumps a day ahead, and then two back. Nothing is lost; what fell due too
// soon is answered by what comes, and views that are made again are the same.
func TestClockJumps(t *testing.T) {
	w := viewtest.New(t)
	r := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 24*time.Hour)
	start := w.Now
	said := 0
	say := func() {
		r.Say(viewtest.Performed(""))
		w.Clock()
		said++
	}
	say()
	w.Pass(24*time.Hour + 2*time.Hour) // the jump, and a little of the day
	w.Clock()
	ahead := w.Size()
	say()
	r.Say(r.Attest(start, start.Add(24*time.Hour), 1))
	w.Pass(-48 * time.Hour)
	say()
	w.Pass(24 * time.Hour)
	say()
	w.Pass(24 * time.Hour)
	say()
	reader, size := w.Reader()

	once := viewtest.Show(t, reader, views.All(), size)
	stepwise := viewtest.Show(t, reader, views.All(), ahead, size-3, size)
	for _, v := range views.All() {
		if a, b := once.Digest(v.Name, size), stepwise.Digest(v.Name, size); a != b {
			t.Errorf("%s differs when it is made again: %s, %s", v.Name, a, b)
		}
	}
	if rows := viewtest.Rows[views.Touch](once, "touches", size); len(rows) != said {
		t.Errorf("%d touches, and %d were said", len(rows), said)
	}
	overdue := viewtest.Rows[findings.Finding](once, "findings", ahead, "rule=attestation-overdue")
	if len(overdue) != 1 || overdue[0].State != findings.Open {
		t.Errorf("after the jump ahead: %+v", overdue)
	}
	for _, f := range viewtest.Rows[findings.Finding](once, "findings", size, "rule=attestation-overdue") {
		if f.ID == overdue[0].ID && f.State != findings.Resolved {
			t.Errorf("what fell due too soon was answered, and is %s", f.State)
		}
	}
}
