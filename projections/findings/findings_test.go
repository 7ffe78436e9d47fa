package findings_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/findings"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

// story is what happens in a test, and what must be found at each point of it.
type story struct {
	*viewtest.World
	bastion *viewtest.Recorder // need not attest
	sworn   *viewtest.Recorder // must, each day
	wanted  []wanted
}

type wanted struct {
	size     uint64
	findings []string
}

// finds says what is found by now: "rule state subject" for each, in any order.
func (s *story) finds(all ...string) { s.wanted = append(s.wanted, wanted{s.Size(), all}) }

const day = 24 * time.Hour

// batch is a commitment to two native records.
type batch struct {
	ref    events.Ref
	by     string // who orders
	root   string
	hashes [2]tlog.Hash
}

func digestOf(h tlog.Hash) string { return events.Digest(h).String() }

func (s *story) authority() string { return "mcmc" }

func (s *story) commit() *batch {
	b := &batch{by: s.authority(), hashes: [2]tlog.Hash{tlog.RecordHash([]byte("salt and record 0")), tlog.RecordHash([]byte("salt and record 1"))}}
	b.root = digestOf(tlog.NodeHash(b.hashes[0], b.hashes[1]))
	b.ref = s.bastion.Say(viewtest.Said{Type: events.TypeAccessCommitted, Data: events.AccessCommitted{
		Batch: "b-1", Root: b.root, Count: 2, Totals: []events.ClassTotal{{Class: "session", Count: 2}},
		Window: events.Window{From: events.At(s.Now.Add(-day)), To: events.At(s.Now)},
	}})
	return b
}

func (b *batch) produced(order string, asked int, index int) viewtest.Said {
	return viewtest.Said{Type: events.TypeAccessProduced, Data: events.AccessProduced{
		Order: order, Authority: b.by, Batch: "b-1", Root: b.root, Asked: events.Integer(asked),
		Records: []events.ProducedRecord{{Index: events.Integer(index), Digest: digestOf(b.hashes[index]), Proof: []string{digestOf(b.hashes[1-index])}}},
	}}
}

// order orders something of the bastion, due in three days.
func (s *story) order(number string, at events.Ref, records []events.Integer, disclosures []string) {
	s.Register(events.TypeProductionOrdered, events.ProductionOrdered{
		Order: number, Recorder: s.bastion.Name(), Event: events.RefFields{Leaf: events.Integer(at.Leaf), Event: events.Integer(at.Event)},
		Records: records, Disclosures: disclosures, Due: events.At(s.Now.Add(3 * day)), Ground: "inquiry",
	})
}

// stories are told for each finding: how it is raised, how it is resolved, and what is
// ordinary enough not to raise it.
var stories = []struct {
	name string
	tell func(s *story)
}{
	{"an ordinary day", func(s *story) {
		start := s.Now
		for i := range 20 {
			name := fmt.Sprint("s-", i)
			s.bastion.Say(viewtest.Opened(name), viewtest.Performed(name).Ago(s.Now, -2*time.Second))
			s.sworn.Say(viewtest.Performed("").Ago(s.Now, time.Minute))
			s.Pass(time.Hour)
			s.bastion.Say(viewtest.Closed(name, ""))
		}
		s.Pass(4*time.Hour + 4*time.Second)
		s.sworn.Say(s.sworn.Attest(start, start.Add(day), 1))
		s.Pass(time.Hour)
		s.finds()
	}},
	{"a recorder goes on from the tree before", func(s *story) {
		start := s.Now
		s.bastion.GoOnFrom(37)
		s.bastion.Say(viewtest.Performed(""), viewtest.Performed(""))
		s.bastion.Say(viewtest.Performed(""))
		s.Pass(day)
		// What it swears to may have been said there.
		s.bastion.Say(s.bastion.Attest(start, start.Add(day), 30))
		s.Pass(day)
		s.bastion.Say(s.bastion.Attest(start.Add(day), start.Add(2*day), 42))
		s.finds()
	}},
	{"a recorder leaves out numbers after the tree before", func(s *story) {
		s.bastion.GoOnFrom(37)
		s.bastion.Next().First = 41
		s.bastion.Say(viewtest.Performed(""))
		s.finds("sequence-gap open 38-40")
	}},
	{"a recorder names another manifest than the tree before has", func(s *story) {
		s.bastion.GoOnFrom(37)
		s.bastion.Next().Previous = events.DigestOf([]byte("another"))
		s.bastion.Say(viewtest.Performed(""))
		s.finds("broken-chain open 38")
	}},
	{"a recorder counts anew after the tree before", func(s *story) {
		s.bastion.GoOnFrom(37)
		s.bastion.Restart()
		s.bastion.Say(viewtest.Performed(""))
		s.finds("recorder-restarted open incarnation 2")
	}},
	{"what the tree before had is said again", func(s *story) {
		s.bastion.GoOnFrom(37)
		s.bastion.Next().First = 30
		s.bastion.Say(viewtest.Performed(""))
		s.finds()
	}},
	{"the same envelope again", func(s *story) {
		e := s.bastion.Seal(viewtest.Performed(""))
		e.Send()
		e.Send()
		s.finds()
	}},
	{"records are produced in time", func(s *story) {
		b := s.commit()
		s.order("1", b.ref, []events.Integer{0, 1}, nil)
		s.Pass(day)
		s.bastion.Say(b.produced("1", 2, 0))
		s.bastion.Say(b.produced("1", 2, 1))
		s.Pass(3 * day)
		s.finds()
	}},
	{"records are missing, then late", func(s *story) {
		b := s.commit()
		s.order("2", b.ref, []events.Integer{0, 1}, nil)
		s.bastion.Say(b.produced("2", 2, 0))
		s.Pass(2 * day)
		s.finds()
		s.Pass(day + time.Minute)
		s.finds("production-missing open order 2")
		s.bastion.Say(b.produced("2", 2, 1))
		s.finds("production-missing resolved order 2", "production-late open order 2")
	}},
	{"what is produced is not what was committed to", func(s *story) {
		b := s.commit()
		s.order("3", b.ref, []events.Integer{1}, nil)
		forged := b.produced("3", 1, 1).Data.(events.AccessProduced)
		forged.Records[0].Digest = digestOf(tlog.RecordHash([]byte("another")))
		s.bastion.Say(viewtest.Said{Type: events.TypeAccessProduced, Data: forged})
		s.finds("production-mismatch open order 3")
		s.bastion.Say(b.produced("3", 1, 0)) // wasn't asked for
		s.finds("production-mismatch open order 3", "production-mismatch open order 3")
		other := b.produced("3", 1, 1).Data.(events.AccessProduced)
		other.Root = digestOf(tlog.RecordHash(nil))
		s.bastion.Say(viewtest.Said{Type: events.TypeAccessProduced, Data: other})
		s.bastion.Say(b.produced("none", 1, 1))
		s.finds("production-mismatch open order 3", "production-mismatch open order 3", "production-mismatch open order 3", "production-mismatch open order none")
		s.bastion.Say(b.produced("3", 1, 1))
		s.Pass(4 * day)
		s.finds("production-mismatch open order 3", "production-mismatch open order 3", "production-mismatch open order 3", "production-mismatch open order none")
	}},
	{"disclosures are ordered", func(s *story) {
		at := s.bastion.Say(viewtest.Performed(""))
		one, two := strings.Repeat("a", 43), strings.Repeat("b", 43)
		s.order("4", at, nil, []string{one, two})
		handed := func(ref events.Ref, digests ...string) viewtest.Said {
			return viewtest.Said{Type: events.TypeAccessDisclosed, Data: events.AccessDisclosed{
				Order: "4", Authority: s.authority(), Event: events.RefFields{Leaf: events.Integer(ref.Leaf), Event: events.Integer(ref.Event)}, Disclosures: digests,
			}}
		}
		s.bastion.Say(handed(at, one))
		s.bastion.Say(handed(events.Ref{Leaf: at.Leaf, Event: 7}, two))
		s.Pass(4 * day)
		s.finds("production-mismatch open order 4", "production-missing open order 4")
		s.bastion.Say(handed(at, two))
		s.finds("production-mismatch open order 4", "production-missing resolved order 4", "production-late open order 4")
	}},
	{"a flood", func(s *story) {
		e := s.bastion.Seal(viewtest.Performed(""))
		for range 100 {
			e.Send()
		}
		s.finds()
		e.Send()
		s.finds("rejections open nimbus-my")
		for range 200 {
			e.Send()
		}
		s.finds("rejections open nimbus-my")
		s.Pass(day + time.Hour)
		for range 100 {
			e.Send()
		}
		s.finds("rejections open nimbus-my", "rejections open nimbus-my")
	}},
	{"a gap that fills", func(s *story) {
		s.bastion.Say(viewtest.Performed(""))
		two := s.bastion.Seal(viewtest.Performed(""), viewtest.Performed(""))
		three := s.bastion.Seal(viewtest.Performed(""))
		s.bastion.Say(viewtest.Performed(""))
		s.finds("sequence-gap open 2-4")
		three.Send()
		s.finds("sequence-gap open 2-4")
		two.Send()
		s.finds("sequence-gap resolved 2-4")
	}},
	{"a gap at the beginning", func(s *story) {
		s.bastion.Seal(viewtest.Performed(""))
		s.bastion.Say(viewtest.Performed(""))
		s.finds("sequence-gap open 1")
	}},
	{"a gap that something else fills", func(s *story) {
		s.bastion.Say(viewtest.Performed(""))
		before := *s.bastion.Next()
		s.bastion.Seal(viewtest.Performed(""))
		s.bastion.Say(viewtest.Performed(""))
		next := *s.bastion.Next()
		*s.bastion.Next() = before
		s.bastion.Say(viewtest.Performed(""))
		s.finds("sequence-gap resolved 2", "broken-chain open 3")
		*s.bastion.Next() = next
		s.bastion.Say(viewtest.Performed(""))
		s.finds("sequence-gap resolved 2", "broken-chain open 3")
	}},
	{"more gaps than are followed", func(s *story) {
		var left []*viewtest.Envelope
		for range sequence.MaxGaps + 2 {
			left = append(left, s.bastion.Seal(viewtest.Performed("")))
			s.bastion.Say(viewtest.Performed(""))
		}
		all := func(state string) (all []string) {
			for i := range sequence.MaxGaps {
				all = append(all, fmt.Sprintf("sequence-gap %s %d", state, 2*i+1))
			}
			return append(all, fmt.Sprintf("sequence-gap %s incarnation 1", state))
		}
		s.finds(all("open")...)
		for _, e := range left {
			e.Send()
		}
		s.finds(all("resolved")...)
	}},
	{"a chain that is broken", func(s *story) {
		s.bastion.Say(viewtest.Performed(""))
		s.bastion.Next().Previous = events.DigestOf([]byte("another"))
		s.bastion.Say(viewtest.Performed(""))
		s.finds("broken-chain open 2")
		s.bastion.Say(viewtest.Performed(""))
		s.finds("broken-chain open 2")
	}},
	{"a first manifest that names one before it", func(s *story) {
		s.bastion.Next().Previous = events.DigestOf([]byte("another"))
		s.bastion.Say(viewtest.Performed(""))
		s.finds("broken-chain open 1")
	}},
	{"a restored backup writes on", func(s *story) {
		s.bastion.Say(viewtest.Performed(""), viewtest.Performed(""))
		backup := *s.bastion.Next()
		for range 5 {
			s.bastion.Say(viewtest.Performed(""))
		}
		s.finds()
		*s.bastion.Next() = backup
		s.bastion.Say(viewtest.Performed(""), viewtest.Performed(""))
		s.finds("contradiction open 3-4")
		s.bastion.Say(viewtest.Performed(""), viewtest.Performed(""), viewtest.Performed(""))
		s.finds("contradiction open 3-7")
		s.bastion.Say(viewtest.Performed(""))
		s.finds("contradiction open 3-7", "broken-chain open 8")
	}},
	{"the same events in other envelopes", func(s *story) {
		start := *s.bastion.Next()
		one := s.bastion.Seal(viewtest.Performed(""), viewtest.Performed(""), viewtest.Performed(""))
		one.Send()
		lines := one.Lines()
		*s.bastion.Next() = start
		s.bastion.SealLines(lines[:2]).Send()
		s.bastion.SealLines(lines[2:]).Send()
		s.finds()
	}},
	{"a restart", func(s *story) {
		s.bastion.Say(viewtest.Performed(""))
		s.bastion.Restart()
		s.bastion.Say(viewtest.Performed(""))
		s.finds("recorder-restarted open incarnation 2")
		s.bastion.Say(viewtest.Performed(""))
		s.finds("recorder-restarted open incarnation 2")
	}},
	{"a restart with an envelope of before still on its way", func(s *story) {
		s.bastion.Say(viewtest.Performed(""))
		late := s.bastion.Seal(viewtest.Performed(""))
		s.bastion.Next().Previous = late.Manifest.Previous
		s.bastion.Restart()
		s.bastion.Say(viewtest.Performed(""))
		late.Send()
		s.finds("recorder-restarted open incarnation 2")
	}},
	{"an attestation that is late", func(s *story) {
		start := s.Now
		s.Pass(day + 59*time.Minute)
		s.finds()
		s.Pass(2 * time.Minute)
		s.finds("attestation-overdue open 2026-11-24 00:00:00Z")
		s.Pass(30 * time.Hour)
		s.finds("attestation-overdue open 2026-11-24 00:00:00Z")
		s.sworn.Say(s.sworn.Attest(start, start.Add(day), 1))
		s.finds("attestation-overdue open 2026-11-24 00:00:00Z")
		s.sworn.Say(s.sworn.Attest(start.Add(day), start.Add(2*day), 2))
		s.finds("attestation-overdue resolved 2026-11-24 00:00:00Z")
		s.Pass(18 * time.Hour)
		s.finds("attestation-overdue resolved 2026-11-24 00:00:00Z", "attestation-overdue open 2026-11-26 00:00:00Z")
	}},
	{"an attestation of the future", func(s *story) {
		s.Pass(time.Hour)
		s.sworn.Say(s.sworn.Attest(s.Now, s.Now.Add(365*day), 1))
		s.Pass(day + time.Hour)
		s.finds("attestation-overdue open 2026-11-24 01:00:00Z")
	}},
	{"a recorder that need not attest any more", func(s *story) {
		s.Pass(26 * time.Hour)
		s.finds("attestation-overdue open 2026-11-24 00:00:00Z")
		s.Register(events.TypeRecorderDeclared, events.RecorderDeclared{Recorder: s.sworn.Name(), Kind: events.RecorderBastion})
		s.Pass(3 * day)
		s.finds("attestation-overdue resolved 2026-11-24 00:00:00Z")
	}},
	{"an attestation that nobody touched it", func(s *story) {
		start := s.Now
		s.Pass(day)
		s.sworn.Say(s.sworn.Attest(start, s.Now, 1))
		s.Pass(day)
		s.sworn.Say(s.sworn.Attest(start.Add(day), s.Now, 1)) // names the attestation before, in which nothing else is
		s.Pass(day)
		s.sworn.Say(viewtest.Attestation(events.PeriodAttested{
			Recorder: s.sworn.Name(), Incarnation: 1, From: events.At(s.Now.Add(-day)), To: events.At(s.Now),
		}))
		s.finds()
	}},
	{"an attestation that nobody touched it, and somebody did", func(s *story) {
		start := s.Now
		s.Pass(time.Hour)
		s.sworn.Say(viewtest.Performed(""))
		s.Pass(23 * time.Hour)
		s.sworn.Say(viewtest.Attestation(events.PeriodAttested{
			Recorder: s.sworn.Name(), Incarnation: 1, From: events.At(start), To: events.At(s.Now),
		}))
		s.finds("attestation-contradicted open 2026-11-23 00:00:00Z/2026-11-24 00:00:00Z")
	}},
	{"an attestation with a wrong count", func(s *story) {
		start := s.Now
		s.Pass(time.Hour)
		s.sworn.Say(viewtest.Performed(""), viewtest.Performed(""), viewtest.Performed(""))
		s.Pass(23 * time.Hour)
		attested := s.sworn.Attest(start, s.Now, 1)
		statement := attested.Data.(events.Statement)
		statement.Predicate.Count = 2
		attested.Data = statement
		s.sworn.Say(attested)
		s.finds("attestation-contradicted open 2026-11-23 00:00:00Z/2026-11-24 00:00:00Z")
	}},
	{"an attestation that counts what happened, not what was recorded", func(s *story) {
		start := s.Now
		s.Pass(time.Hour)
		s.sworn.Say(viewtest.Performed(""), viewtest.Performed("").Ago(s.Now, 3*time.Hour), viewtest.Performed(""))
		s.Pass(23 * time.Hour)
		attested := s.sworn.Attest(start, s.Now, 1)
		statement := attested.Data.(events.Statement)
		statement.Predicate.Count = 2
		attested.Data = statement
		s.sworn.Say(attested)
		s.finds()
	}},
	{"an attestation that doesn't count attestations", func(s *story) {
		start := s.Now
		s.Pass(time.Hour)
		before := viewtest.Performed("").Ago(s.Now, 3*time.Hour)
		s.sworn.Say(viewtest.Performed(""), before, before, s.sworn.Attest(start, start.Add(time.Minute), 1))
		s.Pass(23 * time.Hour)
		attested := s.sworn.Attest(start, s.Now, 1)
		statement := attested.Data.(events.Statement)
		statement.Predicate.Count = 3
		attested.Data = statement
		s.sworn.Say(attested)
		s.finds()
	}},
	{"an attestation that names another last manifest", func(s *story) {
		start := s.Now
		s.Pass(time.Hour)
		s.sworn.Say(viewtest.Performed(""))
		s.Pass(23 * time.Hour)
		attested := s.sworn.Attest(start, s.Now, 1)
		statement := attested.Data.(events.Statement)
		statement.Predicate.Manifest = events.DigestOf([]byte("another")).String()
		attested.Data = statement.Predicate.Statement()
		s.sworn.Say(attested)
		s.finds("attestation-contradicted open 2026-11-23 00:00:00Z/2026-11-24 00:00:00Z")
	}},
	{"an attestation of what has not come", func(s *story) {
		start := s.Now
		s.Pass(time.Hour)
		s.sworn.Say(viewtest.Performed(""))
		held := s.sworn.Seal(viewtest.Performed(""))
		s.Pass(23 * time.Hour)
		s.sworn.Say(s.sworn.Attest(start, s.Now, 1))
		s.finds("sequence-gap open 2", "attestation-contradicted open 2026-11-23 00:00:00Z/2026-11-24 00:00:00Z")
		held.Send()
		s.finds("sequence-gap resolved 2", "attestation-contradicted resolved 2026-11-23 00:00:00Z/2026-11-24 00:00:00Z")
	}},
	{"an attestation that leaves out the first", func(s *story) {
		start := s.Now
		s.Pass(time.Hour)
		s.sworn.Say(viewtest.Performed(""), viewtest.Performed(""))
		s.Pass(23 * time.Hour)
		s.sworn.Say(s.sworn.Attest(start, s.Now, 2))
		s.finds("attestation-contradicted open 2026-11-23 00:00:00Z/2026-11-24 00:00:00Z")
	}},
	{"more of a time that was attested", func(s *story) {
		start := s.Now
		s.sworn.Say(viewtest.Performed(""))
		s.Pass(day)
		ref := s.sworn.Say(s.sworn.Attest(start, s.Now, 1))
		s.sworn.Say(viewtest.Performed("").Ago(s.Now, time.Minute)) // midnight
		s.finds()
		s.sworn.Say(viewtest.Performed("").Ago(s.Now, time.Hour))
		s.sworn.Say(viewtest.Performed("").Ago(s.Now, 2*time.Hour), viewtest.Performed("").Ago(s.Now, 3*time.Hour))
		s.finds("attestation-contradicted open attested in " + ref.String())
	}},
	{"a session that is left open", func(s *story) {
		s.bastion.Say(viewtest.Opened("s-1"), viewtest.Opened("s-2"))
		s.Pass(11 * time.Hour)
		s.bastion.Say(viewtest.Closed("s-2", ""))
		s.Pass(59 * time.Minute)
		s.finds()
		s.Pass(time.Minute)
		s.finds("session-overlong open s-1")
		s.Pass(day)
		s.finds("session-overlong open s-1")
		s.bastion.Say(viewtest.Closed("s-1", ""))
		s.finds("session-overlong resolved s-1")
		s.bastion.Say(viewtest.Opened("s-1"))
		s.Pass(13 * time.Hour)
		s.finds("session-overlong resolved s-1", "session-overlong open s-1")
	}},
	{"sessions of yesterday, imported", func(s *story) {
		s.bastion.Say(viewtest.Opened("s-1").Ago(s.Now, 30*time.Hour), viewtest.Opened("s-2").Ago(s.Now, 30*time.Hour))
		s.Clock()
		s.Now = s.Now.Add(time.Minute)
		s.bastion.Say(viewtest.Closed("s-1", "").Ago(s.Now, 29*time.Hour))
		s.Clock()
		s.finds()
		s.Pass(time.Hour)
		s.finds("session-overlong open s-2")
	}},
	{"a session by a clock that is ahead", func(s *story) {
		s.bastion.Say(viewtest.Opened("s-1").Ago(s.Now, -30*day))
		s.Pass(13 * time.Hour)
		s.finds("session-overlong open s-1")
	}},
	{"a key that is revoked and not in doubt", func(s *story) {
		s.bastion.Say(viewtest.Performed(""))
		s.bastion.SignWith(s.AddKey(viewtest.Operator))
		s.RevokeKey(viewtest.Operator, s.Key(viewtest.Operator), time.Time{})
		s.bastion.Say(viewtest.Performed(""))
		s.finds()
	}},
	{"a finding that an authority settles", func(s *story) {
		before := *s.bastion.Next()
		s.bastion.Say(viewtest.Performed(""))
		*s.bastion.Next() = before
		s.bastion.Say(viewtest.Performed("other"))
		s.finds("contradiction open 1")
		id := "contradiction/" + s.bastion.Name() + "/1"
		facility := s.bastion.Next().Recorder.Facility
		acknowledge := func(id, facility string) {
			s.Register(events.TypeFindingAcknowledged, events.FindingAcknowledged{Finding: id, Facility: facility, Note: "asked"})
		}
		acknowledge(id, "elsewhere")
		acknowledge(id+"/x", facility)
		s.finds("contradiction open 1")
		acknowledge(id, facility)
		s.finds("contradiction acknowledged 1")
		s.sworn.Say(viewtest.Said{Type: events.TypeAttestationResponse, Data: events.ResponseAttested{
			Recorder: s.bastion.Name(), Finding: id, Answer: events.AnswerAccepted, Reason: "restored_backup",
		}.Statement()})
		s.finds("contradiction acknowledged 1 (accepted: restored_backup)")
		s.Register(events.TypeFindingResolved, events.FindingResolved{Finding: id, Facility: facility, Outcome: events.OutcomeExplained})
		s.finds("contradiction resolved 1 (accepted: restored_backup)")
		acknowledge(id, facility)
		s.finds("contradiction resolved 1 (accepted: restored_backup)")
	}},
	{"a recorder that is retired need not attest", func(s *story) {
		s.Pass(day + 2*time.Hour)
		s.finds("attestation-overdue open 2026-11-24 00:00:00Z")
		s.Register(events.TypeRecorderRetired, events.RecorderRetired{Recorder: s.sworn.Name(), Reason: "replaced"})
		s.finds("attestation-overdue resolved 2026-11-24 00:00:00Z")
		s.Pass(3 * day)
		s.finds("attestation-overdue resolved 2026-11-24 00:00:00Z")
	}},
	{"a key that was in wrong hands", func(s *story) {
		old := s.Key(viewtest.Operator)
		subject := fmt.Sprintf("key %.12s", old.PublicKey().ID())
		for range 3 {
			s.bastion.Say(viewtest.Performed(""))
			s.sworn.Say(viewtest.Performed(""))
			s.Pass(time.Hour)
		}
		stolen := s.Now
		s.bastion.Say(viewtest.Performed(""), viewtest.Performed("")) // at that moment: in doubt
		s.Pass(time.Hour)
		s.bastion.Say(viewtest.Performed(""))
		next := s.AddKey(viewtest.Operator)
		s.sworn.SignWith(next)
		s.sworn.Say(viewtest.Performed(""))
		s.finds()
		s.RevokeKey(viewtest.Operator, old, stolen)
		s.finds("doubtful-key open " + subject)
		s.bastion.SignWith(next)
		s.bastion.Say(viewtest.Performed(""))
		s.finds("doubtful-key open " + subject)
		// It was longer than was thought: the other recorder is concerned too.
		s.RevokeKey(viewtest.Operator, old, stolen.Add(time.Minute))
		s.finds("doubtful-key open " + subject)
		s.RevokeKey(viewtest.Operator, old, stolen.Add(-90*time.Minute))
		s.finds("doubtful-key open "+subject, "doubtful-key open "+subject)
	}},
	{"a key that is in doubt from a time to come", func(s *story) {
		old := s.Key(viewtest.Operator)
		s.bastion.Say(viewtest.Performed(""))
		s.RevokeKey(viewtest.Operator, old, s.Now.Add(time.Hour))
		s.finds()
	}},
	{"a doubt that comes after the revocation", func(s *story) {
		old := s.Key(viewtest.Operator)
		s.bastion.Say(viewtest.Performed(""))
		s.bastion.SignWith(s.AddKey(viewtest.Operator))
		s.RevokeKey(viewtest.Operator, old, time.Time{})
		s.bastion.Say(viewtest.Performed(""))
		s.finds()
		s.RevokeKey(viewtest.Operator, old, s.Now.Add(-time.Hour))
		s.finds(fmt.Sprintf("doubtful-key open key %.12s", old.PublicKey().ID()))
	}},
	{"a second signature by a key in doubt", func(s *story) {
		old, next := s.Key(viewtest.Operator), s.AddKey(viewtest.Operator)
		s.bastion.SignWith(next, old)
		s.bastion.Say(viewtest.Performed(""))
		s.bastion.SignWith(next)
		s.bastion.Say(viewtest.Performed(""))
		s.RevokeKey(viewtest.Operator, old, s.Now)
		s.finds(fmt.Sprintf("doubtful-key open key %.12s", old.PublicKey().ID()))
	}},
	{"an old log", func(s *story) {
		s.bastion.Say(viewtest.Performed("").Ago(s.Now, 35*time.Hour))
		s.finds()
		old := func(n int) (said []viewtest.Said) {
			for i := range n {
				said = append(said, viewtest.Performed("").Ago(s.Now, 100*day+time.Duration(i)*time.Hour))
			}
			return said
		}
		for range 30 {
			s.bastion.Say(old(10)...)
			s.Now = s.Now.Add(time.Second)
		}
		s.finds("late-record open 2026-08-14/2026-08-15")
		s.Pass(2 * day)
		s.bastion.Say(old(1)...)
		s.finds("late-record open 2026-08-14/2026-08-15", "late-record open 2026-08-17/2026-08-17")
	}},
}

func TestFindings(t *testing.T) {
	for _, test := range stories {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := viewtest.New(t)
			s := &story{
				World:   w,
				bastion: w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0),
				sworn:   w.Recorder(viewtest.Operator, "sworn-1", events.RecorderControlPlane, 0),
			}
			if strings.Contains(test.name, "attest") || strings.Contains(test.name, "ordinary") {
				s.sworn = w.Recorder(viewtest.Operator, "daily-1", events.RecorderControlPlane, day)
			}
			test.tell(s)
			replay := w.Replay(findings.View())
			for i, want := range s.wanted {
				var got []string
				for _, f := range viewtest.Rows[findings.Finding](replay, "findings", want.size) {
					line := fmt.Sprintf("%s %s %s", f.Rule, f.State, f.Subject)
					if f.Response != "" {
						line += " (" + f.Response + ")"
					}
					got = append(got, line)
					check(t, f, want.size)
				}
				slices.Sort(got)
				slices.Sort(want.findings)
				if !slices.Equal(got, want.findings) {
					t.Errorf("point %d, at %d leaves: found\n%s\nwant\n%s", i, want.size, strings.Join(got, "\n"), strings.Join(want.findings, "\n"))
				}
			}
			for _, f := range viewtest.Rows[findings.Finding](replay, "findings", 0) {
				t.Logf("%s (%s, %s): %s %v", f.ID, f.Severity, f.State, f.Summary, f.Evidence)
			}
		})
	}
}

// check looks at what every finding must have.
func check(t *testing.T, f findings.Finding, size uint64) {
	t.Helper()
	switch {
	case f.Rule == "rejections": // about an operator, at whatever recorder's subject
		if f.Facility != "" || f.Recorder != "" || f.Operator != viewtest.Operator || len(f.Evidence) == 0 {
			t.Errorf("%s is about %s/%s, %s", f.ID, f.Operator, f.Facility, f.Recorder)
		}
	case f.Facility != viewtest.Facility || f.Operator != viewtest.Operator || !strings.HasPrefix(f.ID, f.Rule+"/"+f.Recorder+"/"):
		t.Errorf("%s is about %s/%s, %s", f.ID, f.Operator, f.Facility, f.Recorder)
	case !strings.HasSuffix(f.Summary, ".") || !strings.Contains(f.Summary, f.Recorder) || strings.ContainsAny(f.Summary, "%\n"):
		t.Errorf("%s says %q", f.ID, f.Summary)
	case len(f.Evidence) == 0 || len(f.Evidence) > 16:
		t.Errorf("%s has the evidence %v", f.ID, f.Evidence)
	case f.Raised.IsZero() || f.Since.IsZero() || (f.State == findings.Resolved) == f.Resolved.IsZero():
		t.Errorf("%s: since %v, raised %v, resolved %v, %s", f.ID, f.Since, f.Raised, f.Resolved, f.State)
	}
	for i, ref := range f.Evidence {
		if slices.Contains(f.Evidence[:i], ref) {
			t.Errorf("%s has the evidence %v", f.ID, f.Evidence)
		}
		if ref.Leaf >= size {
			t.Errorf("%s of %d leaves has evidence in leaf %d", f.ID, size, ref.Leaf)
		}
	}
}

// TestLateRecordIsOneFinding: importing an old log makes few versions of one row, and
// the count is right within the hour.
func TestLateRecordIsOneFinding(t *testing.T) {
	w := viewtest.New(t)
	r := w.Recorder(viewtest.Operator, "import-1", events.RecorderControlPlane, 0)
	const envelopes = 100
	for range envelopes {
		r.Say(viewtest.Performed("").Ago(w.Now, 400*day), viewtest.Performed("").Ago(w.Now, 401*day))
		w.Now = w.Now.Add(time.Second)
	}
	w.Pass(time.Hour + time.Minute)
	replay := w.Replay(findings.View())
	rows := viewtest.Rows[findings.Finding](replay, "findings", 0)
	if len(rows) != 1 || !strings.HasPrefix(rows[0].Summary, fmt.Sprint(2*envelopes, " events from ", r.Name())) {
		t.Fatalf("%+v", rows)
	}
	changes, err := replay.Store.Changes(t.Context(), "findings", 0, 0)
	if err != nil || len(changes) > 10 {
		t.Fatalf("%d versions of one finding: %v", len(changes), err)
	}
}

// TestDoubtfulKeyCounts holds the sentence to what was signed, over many pages of it,
// with a clock that steps back.
func TestDoubtfulKeyCounts(t *testing.T) {
	w := viewtest.New(t)
	r := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	key := w.Key(viewtest.Operator)
	from := w.Now.Add(150 * time.Second)
	inDoubt := 0
	for i := range 300 {
		if i == 200 {
			w.Now = w.Now.Add(-100 * time.Second)
		}
		if !w.Now.Before(from) {
			inDoubt++
		}
		r.Say(viewtest.Performed(""), viewtest.Performed(""))
		w.Now = w.Now.Add(time.Second)
	}
	revoked := w.RevokeKey(viewtest.Operator, key, from)
	rows := viewtest.Rows[findings.Finding](w.Replay(findings.View()), "findings", 0)
	want := fmt.Sprintf("%d events in %d envelopes from %s, received %s to ", 2*inDoubt, inDoubt, r.Name(), from.Format("2006-01-02 15:04:05Z"))
	if len(rows) != 1 || rows[0].Severity != findings.High || !strings.HasPrefix(rows[0].Summary, want) || inDoubt < 90 {
		t.Fatalf("want %q of\n%+v", want, rows)
	}
	if e := rows[0].Evidence; len(e) != 16 || e[len(e)-1] != revoked || !rows[0].Since.Equal(from) {
		t.Errorf("since %v, evidence %v", rows[0].Since, e)
	}
}
