package views_test

import (
	"slices"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

const day = 24 * time.Hour

func TestTouches(t *testing.T) {
	w := viewtest.New(t)
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	badge := w.Recorder(viewtest.Landlord, "badge-1", events.RecorderBadge, 0)
	desk := w.Recorder(viewtest.Operator, "approvals-1", events.RecorderApprovals, 0)

	early := bastion.Say(viewtest.Opened("s-1"))
	request := viewtest.Said{Type: events.TypeAccessRequested, Data: events.AccessRequested{
		Request: "r-1", AccessID: "acc-s-1", Actor: viewtest.Engineer(), Mode: events.ModeRemote,
		Reason: events.Reason{Code: events.ReasonProductionAlert},
		Window: events.Window{From: events.At(w.Now), To: events.At(w.Now.Add(time.Hour))},
	}}
	decide := func(eventType, request string) viewtest.Said {
		return viewtest.Said{Type: eventType, Data: events.AccessDecided{Request: request, DecidedBy: events.DecidedByOperator}}
	}
	desk.Say(request, decide(events.TypeAccessDenied, "r-1"))
	denied := bastion.Say(viewtest.Performed("s-1"))
	approval := desk.Say(decide(events.TypeAccessApproved, "r-1"))
	door := badge.Say(viewtest.Said{Type: events.TypeZoneEntered, Data: events.ZonePassed{
		Zone: "hall-a", Door: "door-3", AccessID: "acc-s-1", Actor: viewtest.Engineer(), Outcome: events.OutcomeDenied,
	}}, viewtest.Said{Type: events.TypeZoneLeft, Data: events.ZonePassed{
		Zone: "hall-a", Door: "door-3", Actor: viewtest.Engineer(), Outcome: events.OutcomeSuccess,
	}})
	performed := bastion.Say(viewtest.Closed("s-2", ""), viewtest.Performed("s-1"), viewtest.Closed("s-1", ""), viewtest.Performed("s-1"))
	within, after := performed, performed
	within.Event, after.Event = 1, 3

	replay := w.Replay(views.Touches())
	touches := viewtest.Rows[views.Touch](replay, "touches", 0)
	var refs events.Refs
	byRef := map[events.Ref]views.Touch{}
	for _, row := range touches {
		refs = append(refs, row.Ref)
		byRef[row.Ref] = row
	}
	want := events.Refs{early, denied, door, within, after}
	if len(refs) != len(want) || len(byRef) != len(want) {
		t.Fatalf("touches %v, want %v", refs, want)
	}
	for _, test := range []struct {
		ref      events.Ref
		approval string
		accessID string
	}{
		{early, "", "acc-s-1"}, // approved later
		{denied, "", "acc-s-1"},
		{door, approval.String(), "acc-s-1"}, // by another operator at the same facility
		{within, approval.String(), "acc-s-1"},
		{after, "", ""}, // the session had closed
	} {
		row, found := byRef[test.ref]
		if !found || row.Approval != test.approval || row.AccessID != test.accessID {
			t.Errorf("%v: %v, approval %q, access %q; want %q and %q", test.ref, found, row.Approval, row.AccessID, test.approval, test.accessID)
		}
		evidence := events.Refs{test.ref}
		if test.approval != "" {
			evidence = append(evidence, approval)
		}
		if !slices.Equal(row.Evidence, evidence) {
			t.Errorf("%v has the evidence %v, want %v", test.ref, row.Evidence, evidence)
		}
	}
	row := byRef[within]
	if row.Operator != viewtest.Operator || row.Facility != viewtest.Facility || row.Recorder != bastion.Name() || !row.Received.Equal(w.Now) ||
		row.ActorPhysicalCountry != "IN" || row.ActorParty != "parent" || row.Operation != "kvm.console.attach" || row.ResourceKind != "hypervisor" ||
		row.Access != "admin" || row.Outcome != "success" || row.Mode != "remote" || row.FromCountry != "IN" ||
		row.Reason != "production_alert" || row.Ticket != "INC-1" || row.EscortID != "p-9" || row.EscortCompetence != "informed" ||
		row.Tenant != "bank-03" || !slices.Equal(row.Assets, []string{"host-1"}) || !slices.Equal(row.DataClasses, []string{"financial"}) {
		t.Errorf("within a session: %+v", row)
	}
	if row := byRef[after]; row.Reason != "unstated" || row.EscortID != "" {
		t.Errorf("after a session: %+v", row)
	}
	if row := byRef[door]; row.Outcome != "denied" || row.Mode != "physical" || row.Operator != viewtest.Landlord || !slices.Equal(row.Assets, []string{"hall-a", "door-3"}) {
		t.Errorf("at a door: %+v", row)
	}
}

// TestApprovalElsewhere: nobody approves what others do at another facility.
func TestApprovalElsewhere(t *testing.T) {
	w := viewtest.New(t)
	w.Register(events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-2", Country: "MY"})
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	own := w.RecorderAt(viewtest.Operator, "lab-2", "approvals-1", events.RecorderApprovals, 0)
	foreign := w.RecorderAt(viewtest.Landlord, "lab-2", "approvals-1", events.RecorderApprovals, 0)
	approve := viewtest.Said{Type: events.TypeAccessApproved, Data: events.AccessDecided{
		Request: "r-1", AccessID: "acc-s-1", DecidedBy: events.DecidedByOperator,
	}}
	foreign.Say(approve)
	first := bastion.Say(viewtest.Opened("s-1"))
	approval := own.Say(approve)
	second := bastion.Say(viewtest.Performed("s-1"))
	for _, row := range viewtest.Rows[views.Touch](w.Replay(views.Touches()), "touches", 0) {
		want := map[events.Ref]string{first: "", second: approval.String()}[row.Ref]
		if row.Approval != want {
			t.Errorf("%v was approved by %q, want %q", row.Ref, row.Approval, want)
		}
	}
}
