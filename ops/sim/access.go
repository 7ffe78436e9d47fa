package sim

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// access is one access, from request to end.
type access struct {
	id                 string
	operator, facility string
	who                *person
	actor              events.Actor
	mode               events.Mode
	reason             events.Reason
	from               events.From
	begin, end         time.Time
	escort             *events.Escort
	tenant             string
	assets             []string
	session            string
}

func (c *Country) access(operator, facility string, who *person, mode events.Mode, begin time.Time, lasts time.Duration) *access {
	var id [5]byte
	c.bytes.Read(id[:])
	a := &access{
		id: "acc-" + hex.EncodeToString(id[:]), operator: operator, facility: facility, who: who, actor: who.actor, mode: mode,
		reason: events.Reason{Code: events.ReasonOperatorMaintenance, Ticket: c.number("CHG")},
		from:   events.From{Country: who.actor.PhysicalCountry, Network: "corporate"},
		begin:  begin, end: begin.Add(lasts),
		assets: []string{fmt.Sprintf("host-%04d", c.random.IntN(400))},
	}
	a.session = "s-" + a.id[4:]
	if c.random.IntN(3) == 0 {
		a.tenant = fmt.Sprintf("bank-%02d", 1+c.random.IntN(6))
		a.reason.Code = events.ReasonCustomerSupport
	}
	if mode == events.ModeRemote && c.random.IntN(5) == 0 {
		a.reason.Code = events.ReasonProductionAlert
	}
	who.free = a.end
	return a
}

func (a *access) recorder(name string) events.Recorder {
	return recorder(a.operator, a.facility, name)
}

// approved asks for the access and has it approved; one in twenty is refused, and
// then nothing comes of it.
func (c *Country) approved(a *access) bool {
	request := c.number("REQ")
	asked := a.begin.Add(-time.Duration(20+c.random.IntN(60)) * time.Minute)
	if asked.Before(c.config.Start) {
		asked = c.config.Start.Add(time.Second)
	}
	window := events.Window{From: events.At(a.begin.Truncate(time.Minute)), To: events.At(a.end.Truncate(time.Minute).Add(30 * time.Minute))}
	c.say(a.recorder("approvals"), asked, events.TypeAccessRequested, events.AccessRequested{
		Request: request, AccessID: a.id, Actor: a.actor, Mode: a.mode, Reason: a.reason, Window: window, Tenant: a.tenant, Assets: a.assets,
	})
	decided := asked.Add(a.begin.Sub(asked) / 2)
	decision := events.AccessDecided{Request: request, AccessID: a.id, DecidedBy: events.DecidedByOperator}
	if a.tenant != "" && c.random.IntN(2) == 0 {
		decision.DecidedBy = events.DecidedByCustomer
	}
	if c.random.IntN(20) == 0 {
		c.say(a.recorder("approvals"), decided, events.TypeAccessDenied, decision)
		return false
	}
	c.say(a.recorder("approvals"), decided, events.TypeAccessApproved, decision)
	return true
}

// work opens a session, does some operations in it, and closes it if it is to end.
func (c *Country) work(a *access, operations int, ends bool) (opened *record) {
	opened = c.say(a.recorder("bastion"), a.begin, events.TypeSessionOpened, events.SessionOpened{
		Session: a.session, AccessID: a.id, Actor: a.actor, Mode: a.mode, From: a.from, Reason: a.reason, Escort: a.escort,
		Tenant: a.tenant, Assets: a.assets,
	})
	for i := range operations {
		at := a.begin.Add(a.end.Sub(a.begin) * time.Duration(i+1) / time.Duration(operations+1))
		c.operate(a, at)
	}
	if !ends {
		return opened
	}
	closed := events.SessionClosed{
		Session: a.session, AccessID: a.id, Actor: a.actor, Ended: events.EndedNormal, Mode: a.mode, From: &a.from, Escort: a.escort, Tenant: a.tenant,
	}
	if c.random.IntN(15) > 0 {
		var digest [32]byte
		c.bytes.Read(digest[:])
		closed.Recording = "sha256:" + hex.EncodeToString(digest[:])
	}
	if c.random.IntN(25) == 0 {
		closed.Ended = events.EndedTimeout
	}
	c.say(a.recorder("bastion"), a.end, events.TypeSessionClosed, closed)
	return opened
}

// operation is something that people and machines do.
type operation struct {
	name, resource string
	access         events.Access
	classes        []string
}

func operations() []operation {
	return []operation{
		{"vm.console.attach", "virtual-machine", events.AccessAdmin, nil},
		{"host.reboot", "host", events.AccessAdmin, nil},
		{"host.firmware.update", "host", events.AccessWrite, nil},
		{"volume.snapshot.read", "volume", events.AccessRead, []string{"customer-content"}},
		{"log.read", "log", events.AccessRead, []string{"service-data"}},
		{"iam.policy.change", "policy", events.AccessAdmin, []string{"identity"}},
		{"key.rotate", "key", events.AccessAdmin, []string{"identity"}},
		{"network.route.change", "route", events.AccessWrite, nil},
		{"database.query", "database", events.AccessRead, []string{"customer-content"}},
		{"volume.delete", "volume", events.AccessDelete, []string{"customer-content"}},
	}
}

func (c *Country) operate(a *access, at time.Time) {
	all := operations()
	op := all[c.random.IntN(len(all))]
	performed := events.AccessPerformed{
		Session: a.session, AccessID: a.id, Actor: a.actor, Operation: op.name, Resource: &events.Resource{Kind: op.resource}, Access: op.access,
		Outcome: events.OutcomeSuccess, Reason: a.reason, Mode: a.mode, From: a.from, Tenant: a.tenant, Assets: a.assets, DataClasses: op.classes, Region: "my-central-1",
	}
	if c.random.IntN(18) == 0 {
		performed.Outcome = events.OutcomeDenied
	}
	c.say(a.recorder("control-plane"), at, events.TypeAccessPerformed, performed)
}

// remoteSupport is a parent's engineer abroad on a ticket.
func (c *Country) remoteSupport(operator, facility string, at time.Time) {
	who := c.onShift(operator, "", at, events.PartyParent)
	if who == nil {
		return
	}
	a := c.access(operator, facility, who, events.ModeRemote, at, time.Duration(10+c.random.IntN(80))*time.Minute)
	if c.approved(a) {
		c.work(a, 3+c.random.IntN(14), true)
	}
}

// onSite is a local engineer who goes into a hall and works at a console there.
func (c *Country) onSite(operator, facility, landlord string, at time.Time) {
	who := c.onShift(operator, facility, at, events.PartyOperator)
	if who == nil {
		return
	}
	a := c.access(operator, facility, who, events.ModeConsole, at, time.Duration(20+c.random.IntN(70))*time.Minute)
	if !c.approved(a) {
		return
	}
	doors := recorder(landlord, facility, "badges")
	c.door(doors, at.Add(-4*time.Minute), events.TypeZoneEntered, "hall-2", a.actor, a.id, nil)
	c.work(a, 2+c.random.IntN(8), true)
	c.door(doors, a.end.Add(3*time.Minute), events.TypeZoneLeft, "hall-2", a.actor, a.id, nil)
}

// vendorVisit is a vendor's technician with an escort, who touches plant only.
func (c *Country) vendorVisit(operator, facility, landlord string, at time.Time) {
	who := c.onShift(operator, "", at, events.PartyVendor)
	guide := c.onShift(operator, facility, at, events.PartyOperator)
	if who == nil || guide == nil {
		return
	}
	a := c.access(operator, facility, who, events.ModePhysical, at, time.Duration(30+c.random.IntN(120))*time.Minute)
	a.escort = &events.Escort{
		ID: guide.actor.ID, Party: guide.actor.Party, Employer: guide.actor.Employer, EmployerCountry: "MY", Competence: events.CompetenceInformed,
	}
	if !c.approved(a) {
		return
	}
	doors := recorder(landlord, facility, "badges")
	c.door(doors, a.begin, events.TypeZoneEntered, "plant", a.actor, a.id, a.escort)
	c.door(doors, a.end, events.TypeZoneLeft, "plant", a.actor, a.id, a.escort)
}

// breakGlass is an emergency: no approval before, and one after.
func (c *Country) breakGlass(operator, facility string, at time.Time) {
	who := c.onShift(operator, "", at, events.PartyParent)
	if who == nil {
		return
	}
	a := c.access(operator, facility, who, events.ModeBreakGlass, at, time.Duration(5+c.random.IntN(30))*time.Minute)
	a.reason.Code = events.ReasonBreakGlass
	c.work(a, 1+c.random.IntN(4), true)
	request := c.number("REQ")
	window := events.Window{From: events.At(a.begin.Truncate(time.Minute)), To: events.At(a.end)}
	c.say(a.recorder("approvals"), a.end.Add(10*time.Minute), events.TypeAccessRequested, events.AccessRequested{
		Request: request, AccessID: a.id, Actor: a.actor, Mode: a.mode, Reason: a.reason, Window: window,
	})
	c.say(a.recorder("approvals"), a.end.Add(25*time.Minute), events.TypeAccessApproved, events.AccessDecided{
		Request: request, AccessID: a.id, DecidedBy: events.DecidedByOperator,
	})
}

// automation is a machine at work.
func (c *Country) automation(operator, facility string, at time.Time) {
	all := operations()
	op := all[c.random.IntN(len(all))]
	c.say(recorder(operator, facility, "control-plane"), at, events.TypeAccessPerformed, events.AccessPerformed{
		Actor: c.service(operator, facility), Operation: op.name, Resource: &events.Resource{Kind: op.resource}, Access: op.access,
		Outcome: events.OutcomeSuccess, Reason: events.Reason{Code: events.ReasonAutomatedOperation}, Mode: events.ModeAPI,
		From: events.From{Country: "MY", Network: "internal"}, DataClasses: op.classes, Region: "my-central-1",
	})
}
