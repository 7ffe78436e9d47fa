package views

import (
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings"
)

// Session is a session as its recorder tells of it. Its key is the ref of the event
// that opened it, or of the one that closed it if its opening was never told, so
// that a name used again makes another row.
type Session struct {
	State    string `col:"state,index" json:"state" doc:"open, overlong (open for more than 12 hours) or closed"`
	Session  string `col:"session,index" json:"session" doc:"as its recorder names it"`
	Facility string `col:"facility,index" json:"facility" doc:"where"`
	Operator string `col:"operator,index" json:"operator" doc:"whose recorder says so"`
	Recorder string `col:"recorder" json:"recorder" doc:"the source of record"`

	Opened   time.Time `col:"opened,order" json:"opened,omitzero" doc:"when, as the recorder says; empty if it never said"`
	Closed   time.Time `col:"closed" json:"closed,omitzero" doc:"when, as the recorder says"`
	Seconds  int64     `col:"seconds" json:"seconds" doc:"how long it was open, once closed"`
	Overlong bool      `col:"overlong" json:"overlong" doc:"it was open for more than 12 hours"`
	Ended    string    `col:"ended" json:"ended" doc:"normal, timeout, revoked, lost or unstated"`

	ActorID              string `col:"actor.id,index" json:"actor.id" doc:"a pseudonym"`
	ActorKind            string `col:"actor.kind" json:"actor.kind" doc:"person, service, automation or unstated"`
	ActorParty           string `col:"actor.party" json:"actor.party" doc:"operator, parent, landlord, vendor, customer or authority"`
	ActorEmployer        string `col:"actor.employer" json:"actor.employer" doc:"by whom employed"`
	ActorEmployerCountry string `col:"actor.employerCountry" json:"actor.employerCountry" doc:"where the employer is established"`
	ActorOfficeCountry   string `col:"actor.officeCountry" json:"actor.officeCountry" doc:"where the job is based"`
	ActorPhysicalCountry string `col:"actor.physicalCountry" json:"actor.physicalCountry" doc:"where the person was"`
	ActorRole            string `col:"actor.role" json:"actor.role" doc:"in what role"`

	Mode        string   `col:"mode" json:"mode" doc:"physical, console, remote, api, serial, break_glass or unstated"`
	FromCountry string   `col:"from.country" json:"from.country" doc:"where the access came from"`
	Reason      string   `col:"reason" json:"reason" doc:"on what ground"`
	Ticket      string   `col:"ticket" json:"ticket" doc:"its reference"`
	AccessID    string   `col:"accessId" json:"accessId" doc:"one access across recorders"`
	EscortID    string   `col:"escort.id" json:"escort.id" doc:"a pseudonym"`
	Tenant      string   `col:"tenant" json:"tenant" doc:"alias of the customer whose assets were touched"`
	Assets      []string `col:"assets" json:"assets" doc:"aliases"`

	Recorded   string `col:"recorded" json:"recorded" doc:"whether there is a recording: yes or no, empty while that is not known"`
	Recording  string `col:"recording" json:"recording" doc:"its digest"`
	Operations uint64 `col:"operations" json:"operations" doc:"performed within it, as received before it closed; counted when it closes"`

	Evidence events.Refs `col:"evidence" json:"evidence" doc:"the events that opened and closed it"`
}

// The states of a session.
const (
	sessionOpened   = "open"
	sessionOverlong = "overlong"
	sessionClosed   = "closed"
)

// Sessions returns the view of sessions.
func Sessions() *projections.View {
	s := &sessions{
		rows: projections.NewTable[Session]("sessions"),
		open: projections.NewState[openSession]("sessions-open"),
	}
	return &projections.View{
		Name: "sessions", Version: 1, Title: "Sessions: open, closed, overlong, without recording",
		// A session may be at one customer's assets, as a touch is.
		Family: events.FamilyAccess, Tenant: "tenant",
		Reads:  []string{events.TypeSessionOpened, events.TypeSessionClosed, events.TypeAccessPerformed},
		Tables: []projections.Schema{s.rows, s.open},
		Leaf:   s.leaf,
		Due:    s.due,
	}
}

type sessions struct {
	rows *projections.Table[Session]
	open *projections.State[openSession]
}

// openSession finds the row of a session by its name, and counts what is done in it.
type openSession struct {
	Row        string
	Operations uint64
}

func (s *sessions) leaf(tx *projections.Tx, f *projections.Fact) error {
	performed := map[string]uint64{} // by session, of this leaf; usually none
	for i := range f.Events {
		e := &f.Events[i]
		var err error
		switch data := e.Data.(type) {
		case *events.AccessPerformed:
			if data.Session != "" {
				performed[sessionKey(e.Recorder, data.Session)]++
			}
		case *events.SessionOpened:
			err = s.opened(tx, f, e, data)
		case *events.SessionClosed:
			key := sessionKey(e.Recorder, data.Session)
			err = s.closed(tx, f, e, data, performed[key])
			delete(performed, key)
		}
		if err != nil {
			return err
		}
	}
	for key, n := range performed { // in any order: each is a key of its own
		open, found, err := s.open.Get(tx, key)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		open.Operations += n
		if err := s.open.Put(tx, key, open); err != nil {
			return err
		}
	}
	return nil
}

// opened adds a row. A session that is opened again while it is open goes on.
func (s *sessions) opened(tx *projections.Tx, f *projections.Fact, e *projections.Event, data *events.SessionOpened) error {
	key := sessionKey(e.Recorder, data.Session)
	if _, found, err := s.open.Get(tx, key); err != nil || found {
		return err
	}
	row := newSession(e, data.Session, &data.Actor)
	row.State, row.Opened = sessionOpened, timeOf(e, f)
	row.Mode, row.FromCountry = string(data.Mode), data.From.Country
	row.Reason, row.Ticket, row.AccessID = string(data.Reason.Code), data.Reason.Ticket, data.AccessID
	row.Tenant, row.Assets = data.Tenant, data.Assets
	if data.Escort != nil {
		row.EscortID = data.Escort.ID
	}
	if err := s.open.Put(tx, key, &openSession{Row: e.Ref.String()}); err != nil {
		return err
	}
	if err := tx.At(findings.OverlongDue(row.Opened, f.Now), key); err != nil {
		return err
	}
	return s.rows.Put(tx, e.Ref.String(), row)
}

func (s *sessions) closed(tx *projections.Tx, f *projections.Fact, e *projections.Event, data *events.SessionClosed, performed uint64) error {
	key := sessionKey(e.Recorder, data.Session)
	open, found, err := s.open.Get(tx, key)
	if err != nil {
		return err
	}
	row, id := newSession(e, data.Session, &data.Actor), e.Ref.String()
	if found {
		before, there, err := s.rows.Get(tx, open.Row)
		if err != nil {
			return err
		}
		if there {
			row, id = before, open.Row
			row.Evidence = append(row.Evidence, e.Ref)
			row.Operations = open.Operations + performed
		}
		if err := s.open.Delete(tx, key); err != nil {
			return err
		}
		if err := tx.Cancel(key); err != nil {
			return err
		}
	} else {
		row.Mode, row.AccessID, row.Tenant, row.Assets = string(data.Mode), data.AccessID, data.Tenant, data.Assets
		if data.From != nil {
			row.FromCountry = data.From.Country
		}
		if data.Escort != nil {
			row.EscortID = data.Escort.ID
		}
	}
	row.State, row.Closed, row.Ended = sessionClosed, timeOf(e, f), string(data.Ended)
	if !row.Opened.IsZero() {
		length := row.Closed.Sub(row.Opened)
		row.Seconds = int64(length / time.Second)
		row.Overlong = row.Overlong || length > findings.OverlongAfter
	}
	row.Recorded, row.Recording = "no", data.Recording
	if data.Recording != "" {
		row.Recorded = "yes"
	}
	return s.rows.Put(tx, id, row)
}

// due marks a session that is open for too long.
func (s *sessions) due(tx *projections.Tx, key string, _ time.Time) error {
	open, found, err := s.open.Get(tx, key)
	if err != nil || !found {
		return err
	}
	row, found, err := s.rows.Get(tx, open.Row)
	if err != nil || !found {
		return err
	}
	row.State, row.Overlong = sessionOverlong, true
	return s.rows.Put(tx, open.Row, row)
}

func newSession(e *projections.Event, name string, actor *events.Actor) *Session {
	return &Session{
		Session: name, Facility: e.Recorder.Facility, Operator: e.Recorder.Owner, Recorder: e.Recorder.String(),
		ActorID: actor.ID, ActorKind: string(actor.Kind), ActorParty: string(actor.Party),
		ActorEmployer: actor.Employer, ActorEmployerCountry: actor.EmployerCountry,
		ActorOfficeCountry: actor.OfficeCountry, ActorPhysicalCountry: actor.PhysicalCountry, ActorRole: actor.Role,
		Evidence: events.Refs{e.Ref},
	}
}
