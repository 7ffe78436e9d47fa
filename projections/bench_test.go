package projections

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
)

// touch is as wide as the rows of the view touches.
type touch struct {
	Facility  string      `col:"facility,index" json:"facility"`
	Operator  string      `col:"operator,index" json:"operator"`
	Recorder  string      `col:"recorder" json:"recorder"`
	At        time.Time   `col:"time,order" json:"time"`
	Received  time.Time   `col:"received" json:"received"`
	What      string      `col:"what,index" json:"what"`
	Operation string      `col:"operation" json:"operation"`
	Resource  string      `col:"resource" json:"resource"`
	Outcome   string      `col:"outcome" json:"outcome"`
	Mode      string      `col:"mode" json:"mode"`
	Reason    string      `col:"reason" json:"reason"`
	Ticket    string      `col:"ticket" json:"ticket"`
	Session   string      `col:"session,index" json:"session"`
	Actor     string      `col:"actor.id,index" json:"actor.id"`
	Party     string      `col:"actor.party,index" json:"actor.party"`
	Employer  string      `col:"actor.employer" json:"actor.employer"`
	Country   string      `col:"actor.country" json:"actor.country"`
	From      string      `col:"from.country" json:"from.country"`
	Tenant    string      `col:"tenant" json:"tenant"`
	Assets    []string    `col:"assets" json:"assets"`
	Escorted  bool        `col:"escorted" json:"escorted"`
	Evidence  events.Refs `col:"evidence" json:"evidence"`
}

func touches() *View {
	table := NewTable[touch]("touches")
	return &View{
		Name: "touches", Version: 1, Reads: []string{events.TypeAccessPerformed}, Tables: []Schema{table},
		Leaf: func(tx *Tx, f *Fact) error {
			for i := range f.Events {
				e := &f.Events[i]
				data, ok := e.Data.(*events.AccessPerformed)
				if !ok {
					continue
				}
				at, _ := time.Parse(time.RFC3339, e.Time)
				row := &touch{
					Facility: e.Recorder.Facility, Operator: e.Recorder.Owner, Recorder: e.Recorder.Name, At: at, Received: f.Leaf.Received,
					What: "operation", Operation: data.Operation, Outcome: string(data.Outcome), Mode: string(data.Mode),
					Reason: string(data.Reason.Code), Ticket: data.Reason.Ticket, Session: data.Session, Actor: data.Actor.ID,
					Party: string(data.Actor.Party), Employer: data.Actor.Employer, Country: data.Actor.EmployerCountry,
					From: data.From.Country, Tenant: data.Tenant, Assets: data.Assets, Evidence: events.Refs{e.Ref},
				}
				if err := table.Append(tx, e.Ref.String(), row); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// touchFacts are leaves of n events each, decoded.
func touchFacts(first, leaves, n int) []*Fact {
	facts := make([]*Fact, leaves)
	parties := [...]events.Party{events.PartyOperator, events.PartyVendor, events.PartyParent, events.PartyLandlord}
	for i := range facts {
		index := first + i
		received := beginning.Add(time.Duration(index) * time.Second)
		f := &Fact{
			Index: uint64(index),
			Leaf:  &formats.Leaf{Epoch: 1, Seq: uint64(index), Subject: "ledger", Received: received, Verdict: formats.Accepted, First: 1, Count: uint64(n)},
		}
		r, _ := events.ParseRecorder(fmt.Sprintf("nimbus-my/lab-%d/bastion-1", index%20))
		for j := range n {
			f.Events = append(f.Events, Event{
				Ref: events.Ref{Leaf: f.Index, Event: j}, Recorder: r, Sequence: uint64(index*n + j),
				Event: &events.Event{ID: fmt.Sprint(index, j), Type: events.TypeAccessPerformed, Time: received.Add(time.Duration(-index*7919%60) * time.Second).Format(time.RFC3339Nano)},
				Data: &events.AccessPerformed{
					Session: fmt.Sprint("s-", (index*n+j)/50), Operation: "DescribeInstances", Outcome: events.OutcomeSuccess, Mode: events.ModeAPI,
					Actor:  events.Actor{ID: fmt.Sprintf("p-%08d", index*31%5000), Kind: events.KindPerson, Party: parties[index%4], Employer: "Nimbus", EmployerCountry: "CN"},
					Reason: events.Reason{Code: events.ReasonOperatorMaintenance, Ticket: "T-1234567"}, From: events.From{Country: "SG"},
					Tenant: "bank-1", Assets: []string{"gpu-pool-1"},
				},
			})
		}
		facts[i] = f
	}
	return facts
}

func perEvent(b *testing.B, events int) {
	b.ReportMetric(float64(b.N)*float64(events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkApply shows batches of decoded facts to a view like touches, into SQLite:
// as a rebuild does, without indexes, and as a running engine does.
func BenchmarkApply(b *testing.B) {
	for _, bulk := range []bool{true, false} {
		b.Run(fmt.Sprint("bulk=", bulk), func(b *testing.B) {
			e, err := newEngine(sqlite.New(b.TempDir()), []*View{touches()}, nil)
			must(b, err)
			if bulk {
				e.db, err = e.backend.Build(b.Context(), e.catalog.layout)
			} else {
				e.holder, err = e.backend.Acquire(b.Context(), e.catalog.layout)
				must(b, err)
				e.db, err = e.holder.Open(b.Context())
			}
			must(b, err)
			defer e.Close()
			e.bulk = bulk
			must(b, e.restore(b.Context()))
			must(b, e.makeIndexes(b.Context()))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				facts := touchFacts(int(e.Position().Size), 625, 32)
				b.StartTimer()
				must(b, e.Apply(b.Context(), facts))
			}
			perEvent(b, 625*32)
		})
	}
}

// BenchmarkRebuild makes a view like touches again from a ledger of envelopes of 32
// events, indexes included.
func BenchmarkRebuild(b *testing.B) {
	const envelopes, each = 4000, 32
	w := newWorld(b)
	data := make([]any, each)
	for i := range data {
		data[i] = events.AccessPerformed{
			Session: fmt.Sprint("s-", i), Operation: "DescribeInstances", Access: events.AccessRead, Outcome: events.OutcomeSuccess, Mode: events.ModeAPI,
			Actor: events.Actor{
				ID: fmt.Sprintf("p-%08d", i), Kind: events.KindPerson, Party: events.PartyOperator, Employer: "Nimbus",
				EmployerCountry: "CN", OfficeCountry: "CN", PhysicalCountry: "SG",
			},
			Reason: events.Reason{Code: events.ReasonOperatorMaintenance, Ticket: "T-1234567"}, From: events.From{Country: "SG"},
			Tenant: "bank-1", Assets: []string{"gpu-pool-1"},
		}
	}
	bodies := make([][]byte, envelopes)
	for i := range bodies {
		bodies[i] = w.seal(&w.recorder, w.operator, events.TypeAccessPerformed, data...)
	}
	w.admit(w.recorder.Recorder, bodies...)
	reader := w.reader()
	w.published(reader)
	b.ReportAllocs()
	for b.Loop() {
		dir := b.TempDir()
		_, err := Rebuild(b.Context(), reader, sqlite.New(dir), []*View{touches()}, RebuildOptions{})
		must(b, err)
		b.StopTimer()
		s := openStore(b, dir, touches())
		page, err := s.Rows(b.Context(), "touches", Query{Limit: 1, Count: true})
		must(b, err)
		if *page.Total != envelopes*each {
			b.Fatalf("%d rows: want %d", *page.Total, envelopes*each)
		}
		b.StartTimer()
	}
	perEvent(b, envelopes*each)
}

// BenchmarkPage asks for a page of 100 out of a million rows. SAKSI_BENCH_ROWS has
// it of another number.
func BenchmarkPage(b *testing.B) {
	rows := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("SAKSI_BENCH_ROWS")); err == nil {
		rows = n
	}
	s := filled(b, rows/32, 32)
	size := uint64(rows / 32)
	for _, q := range []Query{
		{},
		{Where: conditions(b, "facility=lab-7")},
		{Where: conditions(b, "actor.party=vendor", "outcome=success")},
		{Where: conditions(b, "actor.id=p-00000031")},
		{Where: conditions(b, "facility=lab-7"), AsOf: size / 2},
		{Where: conditions(b, "actor.party=vendor"), AsOf: size / 100},
	} {
		b.Run(fmt.Sprint(q.Where, " as of ", q.AsOf), func(b *testing.B) {
			for b.Loop() {
				page, err := s.Rows(b.Context(), "touches", q)
				must(b, err)
				if len(page.Rows) == 0 {
					b.Fatal("an empty page")
				}
			}
		})
	}
}
