package views_test

import (
	"slices"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

func touching(tenant, session, operation string, access events.Access, outcome events.Outcome) viewtest.Said {
	s := viewtest.Performed(session)
	data := s.Data.(events.AccessPerformed)
	data.Tenant, data.Operation, data.Access, data.Outcome = tenant, operation, access, outcome
	s.Data = data
	return s
}

// TestTenants counts who touched whose: by itself or in a session, and nothing that is
// nobody's.
func TestTenants(t *testing.T) {
	w := viewtest.New(t)
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	doors := w.Recorder(viewtest.Landlord, "doors", events.RecorderBadge, 0)
	opened := viewtest.Opened("s-1")
	data := opened.Data.(events.SessionOpened)
	data.Tenant = "bank-1"
	opened.Data = data
	first := bastion.Say(opened, touching("", "s-1", "read", events.AccessRead, events.OutcomeSuccess), touching("bank-2", "s-1", "other", events.AccessWrite, events.OutcomeSuccess))
	bastion.Say(touching("", "", "nobody's", events.AccessAdmin, events.OutcomeSuccess), viewtest.Closed("s-1", ""))
	last := bastion.Say(touching("bank-1", "", "denied", events.AccessAdmin, events.OutcomeDenied), touching("", "s-1", "after it closed", events.AccessAdmin, events.OutcomeSuccess))
	doors.Say(touching("bank-1", "", "another operator's alias", events.AccessRead, events.OutcomeSuccess))

	rows := viewtest.Rows[views.TenantAccount](w.Replay(views.Tenants()), "tenants", 0)
	slices.SortFunc(rows, func(a, b views.TenantAccount) int {
		return slices.Compare([]string{a.Operator, a.Tenant}, []string{b.Operator, b.Tenant})
	})
	if len(rows) != 3 {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	i := slices.IndexFunc(rows, func(r views.TenantAccount) bool { return r.Tenant == "bank-1" && r.Operator == viewtest.Operator })
	if r := rows[i]; r.Touches != 3 || r.Sessions != 1 || r.Denied != 1 || r.Writes != 1 || r.LastOperation != "denied" ||
		len(r.Parties) != 1 || len(r.Countries) != 1 || !slices.Equal(r.Evidence, events.Refs{first, last}) {
		t.Errorf("%+v", r)
	}
	for _, r := range rows {
		if r.Tenant == "" || r.Facility != viewtest.Facility || r.First.IsZero() || r.Last.Before(r.First) {
			t.Errorf("%+v", r)
		}
	}
}

// TestCorrectedTouches: a corrected touch says so and by what, the right one says what it
// replaces, whichever comes first; and nobody says anything of another's.
func TestCorrectedTouches(t *testing.T) {
	w := viewtest.New(t)
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	other := w.Recorder(viewtest.Operator, "bastion-2", events.RecorderBastion, 0)
	stranger := w.Recorder(viewtest.Landlord, "bastion-1", events.RecorderBastion, 0)
	say := func(r *viewtest.Recorder, d events.CorrectionAttested) string {
		return r.Say(viewtest.Said{Type: events.TypeAttestationCorrection, Data: d.Statement()}).String()
	}
	reference := func(e *viewtest.Envelope, place int) events.EventReference {
		line := e.Lines()[place]
		parsed, err := events.ParseEvent(line)
		if err != nil {
			t.Fatal(err)
		}
		return events.EventReference{Recorder: e.Manifest.Recorder.String(), ID: parsed.ID, Digest: events.DigestOf(line).String()}
	}
	said := bastion.Seal(viewtest.Performed(""), viewtest.Performed(""), viewtest.Performed(""), viewtest.Performed(""))
	right := bastion.Seal(viewtest.Performed(""))
	late := other.Seal(viewtest.Performed(""))
	said.Send()
	a := say(bastion, events.Replacing(reference(said, 0), reference(right, 0), "wrong_actor", viewtest.Engineer())) // the right one comes after
	right.Send()
	b := say(bastion, events.Withdrawing(reference(said, 1), "test_run", viewtest.Engineer()))
	c := say(other, events.Withdrawing(reference(late, 0), "test_run", viewtest.Engineer())) // so does the wrong one
	late.Send()
	say(stranger, events.Withdrawing(reference(said, 2), "not_theirs", viewtest.Engineer()))
	mine := reference(said, 3)
	mine.Recorder = stranger.Name() // its own recorder's name, with another's digest
	say(stranger, events.Withdrawing(mine, "not_theirs", viewtest.Engineer()))

	replay := w.Replay(views.Corrections(), views.Touches())
	got := map[string]views.Touch{}
	for _, row := range viewtest.Rows[views.Touch](replay, "touches", 0) {
		got[row.Recorder+" "+row.ID] = row
	}
	for _, want := range []struct {
		event                           events.EventReference
		correction, by, right, corrects string
		evidence                        int
	}{
		{reference(said, 0), "replaced", a, reference(right, 0).ID, "", 2},
		{reference(right, 0), "", "", "", reference(said, 0).ID, 2},
		{reference(said, 1), "withdrawn", b, "", "", 2},
		{reference(late, 0), "withdrawn", c, "", "", 2},
		{reference(said, 2), "", "", "", "", 1},
		{reference(said, 3), "", "", "", "", 1},
	} {
		row, ok := got[want.event.Recorder+" "+want.event.ID]
		if !ok || row.Correction != want.correction || row.CorrectedBy != want.by || row.RightEvent != want.right || row.Corrects != want.corrects || len(row.Evidence) != want.evidence {
			t.Errorf("%s: %+v\nwant %+v", want.event.ID, row, want)
		}
	}
	// And back: the correction's row names the wrong event and the right one.
	i := slices.IndexFunc(viewtest.Rows[views.Correction](replay, "corrections", 0), func(r views.Correction) bool {
		return r.Ref.String() == a && r.Event == reference(said, 0).ID && r.ByEvent == reference(right, 0).ID
	})
	if i < 0 {
		t.Error("the correction isn't found by the ref in the touch that it corrects")
	}
}

// Every view says of which family it is, and the column of its customers is there: who is
// bounded sees no view that doesn't.
func TestViewsDeclareTheirFamily(t *testing.T) {
	families := []string{events.FamilyAccess, events.FamilyFacility, events.FamilyAttestation, events.FamilyRegistry}
	for _, v := range views.All() {
		if !slices.Contains(families, v.Family) {
			t.Errorf("%s is of the family %q: want one of %v", v.Name, v.Family, families)
		}
	}
}
