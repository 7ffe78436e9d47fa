package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// plan is something that will begin at a time.
type plan struct {
	at time.Time
	do func(at time.Time)
}

// live lets everybody do what they do in a day, one after the other as it begins.
func (c *Country) live() {
	var plans []plan
	each := func(n float64, do func(at time.Time)) {
		for range int(n*c.config.Scale*float64(c.config.Hours)/24 + 0.5) {
			plans = append(plans, plan{c.sometime(), do})
		}
	}
	for _, f := range c.Facilities {
		for _, o := range f.Occupants {
			c.describe(o, f)
			each(14, func(at time.Time) { c.remoteSupport(o, f.Facility, at) })
			each(9, func(at time.Time) { c.onSite(o, f.Facility, f.Landlord, at) })
			each(3, func(at time.Time) { c.vendorVisit(o, f.Facility, f.Landlord, at) })
			each(0.7, func(at time.Time) { c.breakGlass(o, f.Facility, at) })
			each(150, func(at time.Time) { c.automation(o, f.Facility, at) })
		}
		each(8, func(at time.Time) { c.round(f.Facility, f.Landlord, at) })
		c.shifts(f)
	}
	slices.SortStableFunc(plans, func(a, b plan) int { return a.at.Compare(b.at) })
	for _, p := range plans {
		p.do(p.at)
	}
}

// before is how long before it begins the first that is said of an access at a
// door may be.
const before = 10 * time.Minute

// sometime is a moment of the day, after its first minutes.
func (c *Country) sometime() time.Time {
	first := c.config.Start.Add(before)
	return first.Add(time.Duration(c.random.Int64N(int64(c.end.Sub(first)))))
}

// number returns a reference such as CHG-2026-00017.
func (c *Country) number(prefix string) string {
	c.numbers++
	return fmt.Sprintf("%s-%d-%05d", prefix, c.config.Start.Year(), c.numbers)
}

// describe is an operator's account of a facility, given as the day begins.
func (c *Country) describe(operator string, f events.FacilityDeclared) {
	o, landlord := c.operator(operator), c.operator(f.Landlord)
	trainees := events.Integer(10 + c.random.IntN(40))
	c.say(recorder(operator, f.Facility, "control-plane"), c.config.Start.Add(time.Minute), vocabulary.FacilityDescribed.Of(events.FacilityDescribed{
		Owner:           events.Organisation{Name: landlord.Legal, Country: landlord.Country},
		OperatingEntity: events.Organisation{Name: o.Legal, Country: o.Country},
		UltimateParent:  events.Organisation{Name: o.Parent, Country: o.Abroad},
		Subcontractors: []events.Subcontractor{
			{Name: "Polar Cooling Services", Country: "SG", Function: "cooling"},
			{Name: "Kawal Security Sdn Bhd", Country: "MY", Function: "guarding", EngagedBy: landlord.Legal},
		},
		CapacityMW:     float64(12 + c.random.IntN(40)),
		Certifications: []events.Certification{{Scheme: "ISO/IEC 27001:2022", ValidUntil: events.At(c.config.Start.Truncate(24*time.Hour).AddDate(1, 0, 0))}},
		Training:       []events.Training{{Programme: "Data centre technicians", Trainees: trainees, Completed: trainees / 2, Hired: trainees / 3}},
	}))
}

// shifts has everybody who works at a facility come and go by its doors. One in
// fifty comes in behind somebody else, and only leaves; one in sixty shows the badge
// twice on the way out.
func (c *Country) shifts(f events.FacilityDeclared) {
	doors := recorder(f.Landlord, f.Facility, "badges")
	people := slices.Clone(c.staff[operatorClient{f.Landlord, f.Facility, technician}])
	for _, o := range f.Occupants {
		people = append(people, c.staff[operatorClient{o, f.Facility, engineer}]...)
	}
	for _, p := range people {
		begin := c.config.Start.Truncate(24 * time.Hour).Add(p.begins)
		for ; begin.Before(c.end); begin = begin.Add(24 * time.Hour) {
			in := begin.Add(-time.Duration(1+c.random.IntN(20)) * time.Minute)
			out := begin.Add(p.lasts + time.Duration(c.random.IntN(25))*time.Minute)
			if in.After(c.config.Start.Add(time.Minute)) && c.random.IntN(50) > 0 {
				c.door(doors, in, vocabulary.ZoneEntered, "lobby", p.actor, "", nil)
			}
			if out.After(c.config.Start) {
				c.door(doors, out, vocabulary.ZoneLeft, "lobby", p.actor, "", nil)
				if c.random.IntN(60) == 0 {
					c.door(doors, out.Add(3*time.Second), vocabulary.ZoneLeft, "lobby", p.actor, "", nil)
				}
			}
		}
	}
}

// round is a technician who looks after the plant.
func (c *Country) round(facility, landlord string, at time.Time) {
	who := c.available(operatorClient{landlord, facility, technician}, city(facility), at)
	if who == nil {
		return
	}
	lasts, ok := c.fits(who, at, time.Duration(10+c.random.IntN(20))*time.Minute)
	if !ok {
		return
	}
	doors := recorder(landlord, facility, "badges")
	c.door(doors, at, vocabulary.ZoneEntered, "plant", who.actor, "", nil)
	c.door(doors, at.Add(lasts), vocabulary.ZoneLeft, "plant", who.actor, "", nil)
	who.free = at.Add(lasts)
}

func (c *Country) door(r events.Recorder, at time.Time, kind vocabulary.Kind[events.ZonePassed], zone string, a events.Actor, accessID string, escort *events.Escort) {
	passed := events.ZonePassed{
		Zone: zone, Door: fmt.Sprintf("%s-%d", zone, 1+c.random.IntN(2)), AccessID: accessID, Actor: a, Outcome: events.OutcomeSuccess, Escort: escort,
	}
	if kind == vocabulary.ZoneEntered && c.random.IntN(30) == 0 { // the wrong card first
		refused := passed
		refused.Outcome = events.OutcomeDenied
		c.say(r, at.Add(-20*time.Second), kind.Of(refused))
	}
	c.say(r, at, kind.Of(passed))
}

// automation is a machine at work.
func (c *Country) automation(operator, facility string, at time.Time) {
	op := c.operation(true)
	c.say(recorder(operator, facility, "control-plane"), at, vocabulary.AccessPerformed.Of(events.AccessPerformed{
		Actor: c.service(operator, facility), Operation: op.name, Resource: c.resource(op), Access: op.access,
		Outcome: events.OutcomeSuccess, Reason: events.Reason{Code: events.ReasonAutomatedOperation}, Mode: events.ModeAPI,
		From: events.From{Country: "MY", Network: "internal"}, DataClasses: op.classes, Region: region(operator),
	}))
}
