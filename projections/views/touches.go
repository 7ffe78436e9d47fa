package views

import (
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// Touch is one touch of something at a facility: an operation performed, a session
// opened, a door passed, whether it was let be or denied. That a session closed or
// somebody left completes a touch and is none. Its key is Ref.
//
// What an event doesn't say is empty, except that an operation within a session has
// what the session's opening said of access, reason and escort. Approval is the
// newest one that had been received before the touch: one received later doesn't
// rewrite it.
//
// What an operator has corrected stays as it was said, and says that it was corrected,
// and by what; what says it rightly is a touch of its own, and says what it replaces.
// The corrections themselves are a view, under the same ids.
type Touch struct {
	Ref      events.Ref `col:"ref" json:"ref" doc:"the event: LEAF/EVENT"`
	ID       string     `col:"id" json:"id" doc:"the event's id, by which corrections name it"`
	Time     time.Time  `col:"time,order" json:"time" doc:"when it happened, as the recorder says"`
	Received time.Time  `col:"received" json:"received" doc:"when the ledger's stream received it"`
	Operator string     `col:"operator,index" json:"operator" doc:"whose recorder says so"`
	Facility string     `col:"facility,index" json:"facility" doc:"where"`
	Recorder string     `col:"recorder" json:"recorder" doc:"the source of record"`
	Type     string     `col:"type" json:"type" doc:"the event's type"`

	ActorID              string `col:"actor.id,index" json:"actor.id" doc:"a pseudonym"`
	ActorKind            string `col:"actor.kind" json:"actor.kind" doc:"person, service, automation or unstated"`
	ActorParty           string `col:"actor.party,index" json:"actor.party" doc:"operator, parent, landlord, vendor, customer or authority"`
	ActorEmployer        string `col:"actor.employer" json:"actor.employer" doc:"by whom employed"`
	ActorEmployerCountry string `col:"actor.employerCountry" json:"actor.employerCountry" doc:"where the employer is established"`
	ActorOfficeCountry   string `col:"actor.officeCountry" json:"actor.officeCountry" doc:"where the job is based"`
	ActorPhysicalCountry string `col:"actor.physicalCountry" json:"actor.physicalCountry" doc:"where the person was"`
	ActorRole            string `col:"actor.role" json:"actor.role" doc:"in what role"`

	Operation    string `col:"operation" json:"operation" doc:"as the recorder names it; session.open, zone.enter"`
	ResourceKind string `col:"resource.kind" json:"resource.kind" doc:"what was touched"`
	Access       string `col:"access" json:"access" doc:"read, write, delete, admin or unstated"`
	Outcome      string `col:"outcome" json:"outcome" doc:"success, failure, denied or unstated"`
	Mode         string `col:"mode" json:"mode" doc:"physical, console, remote, api, serial, break_glass or unstated"`
	FromCountry  string `col:"from.country" json:"from.country" doc:"where the access came from"`
	Reason       string `col:"reason" json:"reason" doc:"on what ground"`
	Ticket       string `col:"ticket" json:"ticket" doc:"its reference"`

	Session  string `col:"session" json:"session" doc:"as its recorder names it"`
	AccessID string `col:"accessId" json:"accessId" doc:"one access across recorders"`
	Approval string `col:"approval" json:"approval" doc:"the approval of this access known by then: LEAF/EVENT, empty if none was"`

	EscortID         string `col:"escort.id" json:"escort.id" doc:"a pseudonym"`
	EscortParty      string `col:"escort.party" json:"escort.party" doc:"on whose side"`
	EscortCompetence string `col:"escort.competence" json:"escort.competence" doc:"peer, informed, none or unstated"`

	Tenant      string   `col:"tenant" json:"tenant" doc:"alias of the customer whose assets were touched"`
	Assets      []string `col:"assets" json:"assets" doc:"aliases; of a door, its zone and itself"`
	DataClasses []string `col:"dataClasses" json:"dataClasses" doc:"classes of the data within reach"`
	Region      string   `col:"region" json:"region" doc:"the operator's name for the region"`

	Correction  string `col:"correction,index" json:"correction" doc:"replaced or withdrawn, by its operator's word; empty: it stands"`
	CorrectedBy string `col:"corrected.by" json:"corrected.by" doc:"the attestation that says so: LEAF/EVENT"`
	RightEvent  string `col:"corrected.event" json:"corrected.event" doc:"id of the event that says it rightly, where it was replaced"`
	Corrects    string `col:"corrects" json:"corrects" doc:"id of the event that this one says rightly"`

	Evidence events.Refs `col:"evidence" json:"evidence" doc:"the event, its approval, and what corrects it or says that it corrects"`
}

// What touches call operations that recorders have no name for.
const (
	sessionOpen = "session.open"
	zoneEnter   = "zone.enter"
)

// Touches returns the view of who touched what.
func Touches() *projections.View {
	t := &touches{
		rows:      projections.NewTable[Touch]("touches"),
		sessions:  projections.NewState[touchingSession]("touches-sessions"),
		approvals: newApprovals("touches"),
		corrected: newCorrected("touches"),
	}
	return &projections.View{
		Name: "touches", Version: 3,
		// A touch of what is one customer's is told to that customer and its supervisor.
		Family: events.FamilyAccess, Tenant: "tenant",
		Title: "Who touched what, where, when, from which country, why and under which approval",
		Reads: []string{
			events.TypeAccessPerformed, events.TypeSessionOpened, events.TypeSessionClosed, events.TypeZoneEntered,
			events.TypeAccessRequested, events.TypeAccessApproved, events.TypeAttestationCorrection,
		},
		Tables: slices.Concat([]projections.Schema{t.rows, t.sessions}, t.approvals.tables(), t.corrected.tables()),
		Leaf:   t.leaf,
	}
}

type touches struct {
	rows      *projections.Table[Touch]
	sessions  *projections.State[touchingSession]
	approvals approvals
	corrected corrected
}

// touchingSession is what an open session lends to the operations within it.
type touchingSession struct {
	AccessID string         `json:",omitempty"`
	Escort   *events.Escort `json:",omitempty"`
	Reason   string         `json:",omitempty"`
	Ticket   string         `json:",omitempty"`
	Tenant   string         `json:",omitempty"`
}

func (t *touches) leaf(tx *projections.Tx, f *projections.Fact) error {
	early, err := t.corrected.early(tx, f)
	if err != nil {
		return err
	}
	for i := range f.Events {
		e := &f.Events[i]
		var row *Touch
		switch data := e.Data.(type) {
		case *events.AccessPerformed:
			row, err = t.performed(tx, f, e, data)
		case *events.SessionOpened:
			row, err = t.opened(tx, f, e, data)
		case *events.SessionClosed:
			err = t.sessions.Delete(tx, sessionKey(e.Recorder, data.Session))
		case *events.ZonePassed:
			if e.Type == events.TypeZoneEntered {
				row = t.entered(f, e, data)
			}
		case *events.AccessRequested:
			err = t.approvals.requested(tx, e, data)
		case *events.AccessDecided:
			if e.Type == events.TypeAccessApproved {
				err = t.approvals.approved(tx, e, data)
			}
		case *events.StatementOf[events.CorrectionAttested]:
			err = t.correct(tx, f, e, &data.Predicate)
		}
		if err == nil && row != nil {
			err = t.add(tx, f, e, row, early)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// performed is called for most of all events there are. For one that names no session
// and no access it looks nothing up.
func (t *touches) performed(tx *projections.Tx, f *projections.Fact, e *projections.Event, data *events.AccessPerformed) (*Touch, error) {
	row := newTouch(f, e, &data.Actor)
	row.Operation, row.Access, row.Outcome = data.Operation, string(data.Access), string(data.Outcome)
	if data.Resource != nil {
		row.ResourceKind = data.Resource.Kind
	}
	row.Mode, row.FromCountry = string(data.Mode), data.From.Country
	row.Reason, row.Ticket = string(data.Reason.Code), data.Reason.Ticket
	row.Session, row.AccessID = data.Session, data.AccessID
	row.Tenant, row.Assets, row.DataClasses, row.Region = data.Tenant, data.Assets, data.DataClasses, data.Region
	if data.Session != "" {
		session, found, err := t.sessions.Get(tx, sessionKey(e.Recorder, data.Session))
		if err != nil {
			return nil, err
		}
		if found {
			session.lend(row)
		}
	}
	return row, nil
}

func (s *touchingSession) lend(row *Touch) {
	if row.AccessID == "" {
		row.AccessID = s.AccessID
	}
	if row.Reason == "" || row.Reason == events.Unstated {
		row.Reason = s.Reason
	}
	if row.Ticket == "" {
		row.Ticket = s.Ticket
	}
	if row.Tenant == "" {
		row.Tenant = s.Tenant
	}
	row.escorted(s.Escort)
}

func (t *touches) opened(tx *projections.Tx, f *projections.Fact, e *projections.Event, data *events.SessionOpened) (*Touch, error) {
	row := newTouch(f, e, &data.Actor)
	row.Operation, row.Outcome = sessionOpen, string(events.OutcomeSuccess)
	row.Mode, row.FromCountry = string(data.Mode), data.From.Country
	row.Reason, row.Ticket = string(data.Reason.Code), data.Reason.Ticket
	row.Session, row.AccessID = data.Session, data.AccessID
	row.Tenant, row.Assets = data.Tenant, data.Assets
	row.escorted(data.Escort)
	return row, t.sessions.Put(tx, sessionKey(e.Recorder, data.Session), &touchingSession{
		AccessID: data.AccessID, Escort: data.Escort, Reason: row.Reason, Ticket: row.Ticket, Tenant: data.Tenant,
	})
}

func (t *touches) entered(f *projections.Fact, e *projections.Event, data *events.ZonePassed) *Touch {
	row := newTouch(f, e, &data.Actor)
	row.Operation, row.ResourceKind, row.Outcome = zoneEnter, "zone", string(data.Outcome)
	row.Mode, row.AccessID = string(events.ModePhysical), data.AccessID
	row.Assets = []string{data.Zone, data.Door}
	row.escorted(data.Escort)
	return row
}

// add joins the approval, and the correction if that came first, and appends the row.
func (t *touches) add(tx *projections.Tx, f *projections.Fact, e *projections.Event, row *Touch, early bool) error {
	row.Evidence = events.Refs{e.Ref}
	if row.AccessID != "" {
		approval, found, err := t.approvals.of(tx, e.Recorder, row.AccessID)
		if err != nil {
			return err
		}
		if found {
			row.Approval = approval.String()
			row.Evidence = append(row.Evidence, approval)
		}
	}
	digest := f.Manifest.Events[e.Ref.Event]
	if early {
		if err := t.corrected.apply(tx, digest, row); err != nil {
			return err
		}
	}
	if err := t.corrected.remember(tx, row.Recorder, digest, e.Ref); err != nil {
		return err
	}
	return t.rows.Append(tx, e.Ref.String(), row)
}

// correct has the touches that a correction names say so, as far as they are here.
func (t *touches) correct(tx *projections.Tx, f *projections.Fact, e *projections.Event, d *events.CorrectionAttested) error {
	c, ok := correction(f, e, d)
	if !ok {
		return nil
	}
	return t.corrected.correct(tx, c, func(ref events.Ref, change func(*Touch)) error {
		row, found, err := t.rows.Get(tx, ref.String())
		if err != nil || !found {
			return err
		}
		change(row)
		return t.rows.Put(tx, ref.String(), row)
	})
}

func newTouch(f *projections.Fact, e *projections.Event, actor *events.Actor) *Touch {
	return &Touch{
		Ref: e.Ref, ID: e.ID, Time: timeOf(e, f), Received: f.Leaf.Received,
		Operator: e.Recorder.Owner, Facility: e.Recorder.Facility, Recorder: e.Recorder.String(), Type: e.Type,
		ActorID: actor.ID, ActorKind: string(actor.Kind), ActorParty: string(actor.Party),
		ActorEmployer: actor.Employer, ActorEmployerCountry: actor.EmployerCountry,
		ActorOfficeCountry: actor.OfficeCountry, ActorPhysicalCountry: actor.PhysicalCountry, ActorRole: actor.Role,
	}
}

func (t *Touch) escorted(by *events.Escort) {
	if by != nil {
		t.EscortID, t.EscortParty, t.EscortCompetence = by.ID, string(by.Party), string(by.Competence)
	}
}
