package views_test

import (
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

func TestSessions(t *testing.T) {
	w := viewtest.New(t)
	r := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	recording := events.DigestOf([]byte("recording")).String()

	s1 := r.Say(viewtest.Opened("s-1"), viewtest.Performed("s-1"))
	s2 := r.Say(viewtest.Opened("s-2"), viewtest.Performed("s-2"), viewtest.Performed(""), viewtest.Performed("s-9"))
	r.Say(viewtest.Performed("s-2"), viewtest.Opened("s-2")) // opened again: it goes on
	w.Pass(time.Hour)
	early := w.Size()
	r.Say(viewtest.Performed("s-2"), viewtest.Closed("s-2", recording), viewtest.Performed("s-2"))
	unknown := r.Say(viewtest.Closed("s-3", ""))
	again := r.Say(viewtest.Opened("s-2"))
	w.Pass(11 * time.Hour)
	noon := w.Size()
	w.Pass(2 * time.Hour)
	r.Say(viewtest.Closed("s-1", ""))

	replay := w.Replay(views.Sessions())
	type state struct {
		state, recorded string
		overlong        bool
		operations      uint64
		seconds         int64
	}
	for _, point := range []struct {
		size uint64
		want map[string]state
	}{
		{early, map[string]state{s1.String(): {state: "open"}, s2.String(): {state: "open"}}},
		{noon, map[string]state{
			s1.String(): {state: "overlong", overlong: true}, s2.String(): {state: "closed", recorded: "yes", operations: 3, seconds: 3600},
			unknown.String(): {state: "closed", recorded: "no"}, again.String(): {state: "open"},
		}},
		{0, map[string]state{
			s1.String(): {state: "closed", recorded: "no", overlong: true, operations: 1, seconds: 14 * 3600}, s2.String(): {state: "closed", recorded: "yes", operations: 3, seconds: 3600},
			unknown.String(): {state: "closed", recorded: "no"}, again.String(): {state: "overlong", overlong: true},
		}},
	} {
		rows := viewtest.Rows[views.Session](replay, "sessions", point.size)
		if len(rows) != len(point.want) {
			t.Errorf("at %d leaves: %d sessions, want %d", point.size, len(rows), len(point.want))
		}
		for _, row := range rows {
			key := row.Evidence[0].String()
			got := state{row.State, row.Recorded, row.Overlong, row.Operations, row.Seconds}
			if want, found := point.want[key]; !found || got != want {
				t.Errorf("at %d leaves, session %s of %s: %+v, want %+v", point.size, row.Session, key, got, want)
			}
		}
	}
}
