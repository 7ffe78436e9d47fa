package views

import (
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// TenantAccount is what a customer asks first: who touched mine, at one facility, as one
// operator's recorders say. Each touch by itself is in touches, under the same alias. Its
// key is operator/facility/tenant.
type TenantAccount struct {
	Tenant   string `col:"tenant,index" json:"tenant" doc:"alias of the customer whose assets were touched"`
	Operator string `col:"operator,index" json:"operator" doc:"whose recorders say so, and whose alias it is"`
	Facility string `col:"facility,index" json:"facility" doc:"where"`

	Touches  uint64 `col:"touches" json:"touches" doc:"operations performed and sessions opened; denied ones too"`
	Sessions uint64 `col:"sessions" json:"sessions" doc:"sessions opened, of these"`
	Denied   uint64 `col:"denied" json:"denied" doc:"touches that were denied, of these"`
	Writes   uint64 `col:"writes" json:"writes" doc:"operations that write, delete or administer, of these"`

	Parties   []string `col:"actor.parties" json:"actor.parties" doc:"on whose side the actors were"`
	Countries []string `col:"from.countries" json:"from.countries" doc:"where access came from"`

	First         time.Time   `col:"first" json:"first,omitzero" doc:"when the first touch happened, as the recorder says"`
	Last          time.Time   `col:"last,order" json:"last,omitzero" doc:"when the last one did"`
	LastOperation string      `col:"lastOperation" json:"lastOperation" doc:"of the touch received last"`
	Evidence      events.Refs `col:"evidence" json:"evidence" doc:"the touches received first and last"`
}

// Tenants returns the view of who touched whose.
func Tenants() *projections.View {
	t := &tenants{
		rows:     projections.NewTable[TenantAccount]("tenants"),
		sessions: projections.NewState[tenantSession]("tenants-sessions"),
	}
	return &projections.View{
		Name: "tenants", Version: 1, Title: "Customers: who touched theirs, by facility",
		// Each row is one customer's, for that customer and whoever supervises its sector.
		Family: events.FamilyAccess, Tenant: "tenant",
		Reads:  []string{events.TypeAccessPerformed, events.TypeSessionOpened, events.TypeSessionClosed},
		Tables: []projections.Schema{t.rows, t.sessions},
		Leaf:   t.leaf,
	}
}

type tenants struct {
	rows     *projections.Table[TenantAccount]
	sessions *projections.State[tenantSession]
}

// tenantSession is the customer whom a session touches, for operations in it that name
// none.
type tenantSession struct{ Tenant string }

func (t *tenants) leaf(tx *projections.Tx, f *projections.Fact) error {
	for i := range f.Events {
		e := &f.Events[i]
		var err error
		switch data := e.Data.(type) {
		case *events.AccessPerformed:
			err = t.performed(tx, f, e, data)
		case *events.SessionOpened:
			err = t.opened(tx, f, e, data)
		case *events.SessionClosed:
			err = t.sessions.Delete(tx, sessionKey(e.Recorder, data.Session))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tenants) performed(tx *projections.Tx, f *projections.Fact, e *projections.Event, data *events.AccessPerformed) error {
	tenant := data.Tenant
	if tenant == "" && data.Session != "" {
		session, found, err := t.sessions.Get(tx, sessionKey(e.Recorder, data.Session))
		if err != nil {
			return err
		}
		if found {
			tenant = session.Tenant
		}
	}
	return t.touched(tx, f, e, tenant, &data.Actor, data.From.Country, data.Operation, func(row *TenantAccount) {
		if data.Outcome == events.OutcomeDenied {
			row.Denied++
		}
		switch data.Access {
		case events.AccessWrite, events.AccessDelete, events.AccessAdmin:
			row.Writes++
		}
	})
}

func (t *tenants) opened(tx *projections.Tx, f *projections.Fact, e *projections.Event, data *events.SessionOpened) error {
	if data.Tenant == "" {
		return nil
	}
	if err := t.sessions.Put(tx, sessionKey(e.Recorder, data.Session), &tenantSession{data.Tenant}); err != nil {
		return err
	}
	return t.touched(tx, f, e, data.Tenant, &data.Actor, data.From.Country, sessionOpen, func(row *TenantAccount) { row.Sessions++ })
}

func (t *tenants) touched(tx *projections.Tx, f *projections.Fact, e *projections.Event, tenant string, actor *events.Actor, from, operation string, count func(*TenantAccount)) error {
	if tenant == "" {
		return nil
	}
	key := e.Recorder.Owner + "/" + e.Recorder.Facility + "/" + tenant
	row, found, err := t.rows.Get(tx, key)
	if err != nil {
		return err
	}
	at := timeOf(e, f)
	if !found {
		row = &TenantAccount{Tenant: tenant, Operator: e.Recorder.Owner, Facility: e.Recorder.Facility, First: at, Last: at, Evidence: events.Refs{e.Ref}}
	}
	row.Touches++
	count(row)
	row.Parties, row.Countries = including(row.Parties, string(actor.Party)), including(row.Countries, from)
	if at.Before(row.First) {
		row.First = at
	}
	if at.After(row.Last) {
		row.Last = at
	}
	row.LastOperation = operation
	row.Evidence = events.Refs{row.Evidence[0], e.Ref}
	if row.Evidence[0] == e.Ref {
		row.Evidence = row.Evidence[:1]
	}
	return t.rows.Put(tx, key, row)
}

// including returns a sorted list with a text in it.
func including(list []string, text string) []string {
	i, found := slices.BinarySearch(list, text)
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), i, text)
}
