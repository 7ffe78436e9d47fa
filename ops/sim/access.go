package sim

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// access is one access, from request to end.
type access struct {
	id                 string
	operator, facility string
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

// fits cuts an access that somebody begins so that it ends before their work and the
// day do; false if nothing is left of it.
func (c *Country) fits(who *person, begin time.Time, lasts time.Duration) (time.Duration, bool) {
	lasts = min(lasts, who.left(begin)-leastWork, c.end.Sub(begin)-leastWork)
	return lasts, lasts >= leastWork
}

func (c *Country) access(operator, facility string, who *person, mode events.Mode, begin time.Time, lasts time.Duration) *access {
	a := &access{
		id: "acc-" + c.hex(5), operator: operator, facility: facility, actor: who.actor, mode: mode,
		reason: events.Reason{Code: events.ReasonOperatorMaintenance},
		from:   events.From{Country: who.actor.PhysicalCountry, Network: "corporate"},
		begin:  begin, end: begin.Add(lasts),
		assets: []string{fmt.Sprintf("host-%04d", c.random.IntN(400))},
	}
	a.session = "s-" + a.id[4:]
	if a.actor.PhysicalCountry != a.actor.OfficeCountry {
		a.from.Network = "vpn"
	}
	if mode != events.ModePhysical && c.random.IntN(3) == 0 {
		a.tenant = fmt.Sprintf("bank-%02d", 1+c.random.IntN(6))
	}
	prefix := "CHG"
	switch {
	case mode == events.ModeBreakGlass:
		prefix, a.reason.Code = "INC", events.ReasonBreakGlass
	case mode == events.ModeRemote && c.random.IntN(5) == 0:
		prefix, a.reason.Code = "INC", events.ReasonProductionAlert
	case a.tenant != "":
		prefix, a.reason.Code = "CASE", events.ReasonCustomerSupport
	}
	a.reason.Ticket = c.number(prefix)
	who.free = a.end
	return a
}

// hex returns n random bytes in hex.
func (c *Country) hex(n int) string {
	b := make([]byte, n)
	c.bytes.Read(b)
	return hex.EncodeToString(b)
}

func (a *access) recorder(name string) events.Recorder {
	return recorder(a.operator, a.facility, name)
}

// ask says the request, and returns when and how it is decided.
func (c *Country) ask(a *access) (time.Time, events.AccessDecided) {
	request := c.number("REQ")
	asked := a.begin.Add(-time.Duration(20+c.random.IntN(60)) * time.Minute)
	if first := c.config.Start.Add(time.Minute); asked.Before(first) {
		asked = first
	}
	c.request(a, request, asked)
	decided := asked.Add(a.begin.Sub(asked) / 2)
	d := events.AccessDecided{Request: request, AccessID: a.id, DecidedBy: events.DecidedByOperator}
	if a.tenant != "" && c.random.IntN(2) == 0 {
		d.DecidedBy = events.DecidedByCustomer
	} else {
		d.Decider = &c.onDuty(operatorClient{a.operator, "", manager}, decided).actor
	}
	return decided, d
}

func (c *Country) request(a *access, request string, at time.Time) {
	window := events.Window{From: events.At(a.begin.Truncate(time.Minute)), To: events.At(a.end.Truncate(time.Minute).Add(30 * time.Minute))}
	c.say(a.recorder("approvals"), at, vocabulary.AccessRequested.Of(events.AccessRequested{
		Request: request, AccessID: a.id, Actor: a.actor, Mode: a.mode, Reason: a.reason, Window: window, Tenant: a.tenant, Assets: a.assets,
	}))
}

// approved asks for the access and has it decided; one in twenty is refused, and
// then nothing comes of it.
func (c *Country) approved(a *access) bool {
	decided, d := c.ask(a)
	if c.random.IntN(20) == 0 {
		c.say(a.recorder("approvals"), decided, vocabulary.AccessDenied.Of(d))
		return false
	}
	c.say(a.recorder("approvals"), decided, vocabulary.AccessApproved.Of(d))
	return true
}

// grant asks for the access and has it approved.
func (c *Country) grant(a *access) {
	decided, d := c.ask(a)
	c.say(a.recorder("approvals"), decided, vocabulary.AccessApproved.Of(d))
}

func (c *Country) open(a *access) *record {
	return c.say(a.recorder("bastion"), a.begin, vocabulary.SessionOpened.Of(events.SessionOpened{
		Session: a.session, AccessID: a.id, Actor: a.actor, Mode: a.mode, From: a.from, Reason: a.reason, Escort: a.escort,
		Tenant: a.tenant, Assets: a.assets,
	}))
}

// work opens a session, does some operations in it, and closes it if it is to end.
func (c *Country) work(a *access, operations int, ends bool) (opened *record) {
	opened = c.open(a)
	for i := range operations {
		c.operate(a, a.begin.Add(a.end.Sub(a.begin)*time.Duration(i+1)/time.Duration(operations+1)))
	}
	if !ends {
		return opened
	}
	closed := events.SessionClosed{
		Session: a.session, AccessID: a.id, Actor: a.actor, Ended: events.EndedNormal, Mode: a.mode, From: &a.from, Escort: a.escort, Tenant: a.tenant,
	}
	if c.random.IntN(15) > 0 {
		closed.Recording = "sha256:" + c.hex(32)
	}
	if c.random.IntN(25) == 0 {
		closed.Ended = events.EndedTimeout
	}
	c.say(a.recorder("bastion"), a.end, vocabulary.SessionClosed.Of(closed))
	return opened
}

func (c *Country) operate(a *access, at time.Time) {
	op := c.operation(false)
	performed := events.AccessPerformed{
		Session: a.session, AccessID: a.id, Actor: a.actor, Operation: op.name, Resource: c.resource(op), Access: op.access,
		Outcome: events.OutcomeSuccess, Reason: a.reason, Mode: a.mode, From: a.from, Tenant: a.tenant, Assets: a.assets,
		DataClasses: op.classes, Region: region(a.operator),
	}
	if c.random.IntN(18) == 0 {
		performed.Outcome = events.OutcomeDenied
	}
	c.say(a.recorder("control-plane"), at, vocabulary.AccessPerformed.Of(performed))
}

// mistype is somebody who fails to sign in to the bastion at first.
func (c *Country) mistype(a *access) {
	for i := range 1 + c.random.IntN(2) {
		c.say(a.recorder("bastion"), a.begin.Add(-time.Duration(20+15*i)*time.Second), vocabulary.AccessPerformed.Of(events.AccessPerformed{
			AccessID: a.id, Actor: a.actor, Operation: "bastion:SignIn", Resource: &events.Resource{Kind: "bastion"}, Access: events.AccessUnstated,
			Outcome: events.OutcomeFailure, Reason: a.reason, Mode: a.mode, From: a.from, Region: region(a.operator),
		}))
	}
}

// remoteSupport is a parent's engineer abroad on a ticket.
func (c *Country) remoteSupport(operator, facility string, at time.Time) {
	who := c.available(operatorClient{operator, "", support}, "", at)
	if who == nil {
		return
	}
	lasts, ok := c.fits(who, at, time.Duration(10+c.random.IntN(80))*time.Minute)
	if !ok {
		return
	}
	a := c.access(operator, facility, who, events.ModeRemote, at, lasts)
	if !c.approved(a) {
		return
	}
	if c.random.IntN(12) == 0 {
		c.mistype(a)
	}
	c.work(a, 3+c.random.IntN(14), true)
}

// onSite is a local engineer who goes into a hall and works at a console there: one
// of the facility's own, or one who comes over from elsewhere in the city.
func (c *Country) onSite(operator, facility, landlord string, at time.Time) {
	where := city(facility)
	var who *person
	comes := c.random.IntN(5) == 0
	if comes {
		who = c.available(operatorClient{operator, where, rover}, where, at.Add(-travel(where, where)))
	}
	if who == nil {
		comes, who = false, c.available(operatorClient{operator, facility, engineer}, where, at.Add(-before))
	}
	if who == nil {
		return
	}
	lasts, ok := c.fits(who, at, time.Duration(20+c.random.IntN(70))*time.Minute)
	if !ok {
		return
	}
	a := c.access(operator, facility, who, events.ModeConsole, at, lasts)
	if !c.approved(a) {
		return
	}
	doors := recorder(landlord, facility, "badges")
	if comes {
		c.door(doors, at.Add(-8*time.Minute), vocabulary.ZoneEntered, "lobby", a.actor, a.id, nil)
	}
	c.door(doors, at.Add(-4*time.Minute), vocabulary.ZoneEntered, "hall-2", a.actor, a.id, nil)
	c.work(a, 2+c.random.IntN(8), true)
	c.door(doors, a.end.Add(3*time.Minute), vocabulary.ZoneLeft, "hall-2", a.actor, a.id, nil)
	if comes {
		c.door(doors, a.end.Add(8*time.Minute), vocabulary.ZoneLeft, "lobby", a.actor, a.id, nil)
	}
	who.free = a.end.Add(before)
}

// vendorVisit is a vendor's technician with an escort, who touches plant only.
func (c *Country) vendorVisit(operator, facility, landlord string, at time.Time) {
	where := city(facility)
	who := c.available(operatorClient{operator, "", visitor}, where, at.Add(-travel(where, where)))
	guide := c.available(operatorClient{operator, facility, engineer}, where, at)
	if who == nil || guide == nil {
		return
	}
	lasts, ok := c.fits(who, at, time.Duration(30+c.random.IntN(120))*time.Minute)
	if ok {
		lasts, ok = c.fits(guide, at, lasts)
	}
	if !ok {
		return
	}
	a := c.access(operator, facility, who, events.ModePhysical, at, lasts)
	a.escort = &events.Escort{
		ID: guide.actor.ID, Party: guide.actor.Party, Employer: guide.actor.Employer, EmployerCountry: "MY", Competence: events.CompetenceInformed,
	}
	if !c.approved(a) {
		return
	}
	guide.free, who.place = a.end, where
	doors := recorder(landlord, facility, "badges")
	c.door(doors, a.begin, vocabulary.ZoneEntered, "plant", a.actor, a.id, a.escort)
	c.door(doors, a.end, vocabulary.ZoneLeft, "plant", a.actor, a.id, a.escort)
}

// breakGlass is an emergency: no approval before, and one after.
func (c *Country) breakGlass(operator, facility string, at time.Time) {
	who := c.available(operatorClient{operator, "", support}, "", at)
	lasts := time.Duration(5+c.random.IntN(30)) * time.Minute
	decided := at.Add(lasts + 25*time.Minute)
	if who == nil || !decided.Before(c.end) {
		return
	}
	a := c.access(operator, facility, who, events.ModeBreakGlass, at, lasts)
	c.work(a, 1+c.random.IntN(4), true)
	request := c.number("REQ")
	c.request(a, request, a.end.Add(10*time.Minute))
	c.say(a.recorder("approvals"), decided, vocabulary.AccessApproved.Of(events.AccessDecided{
		Request: request, AccessID: a.id, DecidedBy: events.DecidedByOperator, Decider: &c.onDuty(operatorClient{operator, "", manager}, decided).actor,
	}))
}
