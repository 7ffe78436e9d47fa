package sim

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// record is an event on its way from a recorder to the ledger.
type record struct {
	recorder  events.Recorder
	at        time.Time // when it happened
	delivered time.Time
	draft     events.Draft
	mischief  *mischief
}

// say has a recorder record something, and deliver it in time, or a little late.
func (c *Country) say(r events.Recorder, at time.Time, eventType string, data any) *record {
	if !at.Before(c.end) {
		at = c.end.Add(-time.Duration(1+c.random.IntN(600)) * time.Second)
	}
	if silence, ok := c.silent(r); ok && at.After(silence) {
		return nil
	}
	var id [12]byte
	c.bytes.Read(id[:])
	skew := time.Duration(len(r.String())%7-3) * time.Second // each recorder's clock is wrong in its own way
	event, err := events.NewEvent(r, eventType, hex.EncodeToString(id[:]), at.Add(skew).Truncate(time.Millisecond), data, c.bytes)
	if err != nil {
		panic(err) // the data is this package's own
	}
	delivered := at
	// A bastion's outbox keeps its order: what is opened is delivered before it is
	// closed. Other systems' records come when they come.
	if r.Name != "bastion" && c.random.IntN(40) == 0 {
		delivered = at.Add(time.Duration(c.random.Int64N(int64(latest - deliverEach))))
	}
	if delivered.After(c.end) {
		delivered = c.end
	}
	rec := &record{recorder: r, at: at, delivered: delivered, draft: events.Draft{Event: event}}
	c.records = append(c.records, rec)
	return rec
}

// number returns a reference such as CHG-2026-00017.
func (c *Country) number(prefix string) string {
	c.numbers++
	return fmt.Sprintf("%s-%d-%05d", prefix, c.config.Start.Year(), c.numbers)
}

// sometime is a moment of the day, seldom its last two hours: what begins then
// would end after it.
func (c *Country) sometime() time.Time {
	hours := max(1, c.config.Hours-2)
	return c.config.Start.Add(time.Duration(c.random.Int64N(int64(hours) * int64(time.Hour))))
}

// live lets everybody do what they do in a day.
func (c *Country) live() {
	times := func(n float64) int { return int(n*c.config.Scale*float64(c.config.Hours)/24 + 0.5) }
	for _, f := range c.Facilities {
		for _, o := range f.Occupants {
			c.describe(o, f)
			for range times(14) {
				c.remoteSupport(o, f.Facility, c.sometime())
			}
			for range times(9) {
				c.onSite(o, f.Facility, f.Landlord, c.sometime())
			}
			for range times(3) {
				c.vendorVisit(o, f.Facility, f.Landlord, c.sometime())
			}
			for range times(0.7) {
				c.breakGlass(o, f.Facility, c.sometime())
			}
			for range times(150) {
				c.automation(o, f.Facility, c.sometime())
			}
		}
		c.shifts(f)
	}
}

// describe is an operator's account of a facility, given as the day begins.
func (c *Country) describe(operator string, f events.FacilityDeclared) {
	o, landlord := c.operator(operator), c.operator(f.Landlord)
	c.say(recorder(operator, f.Facility, "control-plane"), c.config.Start.Add(time.Minute), events.TypeFacilityDescribed, events.FacilityDescribed{
		Owner:           events.Organisation{Name: landlord.Legal, Country: landlord.Country},
		OperatingEntity: events.Organisation{Name: o.Legal, Country: o.Country},
		UltimateParent:  events.Organisation{Name: o.Parent, Country: o.Abroad},
		Subcontractors:  []events.Subcontractor{{Name: "Polar Cooling Services", Country: "SG", Function: "cooling"}},
		CapacityMW:      float64(12 + c.random.IntN(40)),
	})
}

// shifts has everybody who works at a facility come and go by its doors. One in
// fifty is let in by somebody else's badge, and only leaves.
func (c *Country) shifts(f events.FacilityDeclared) {
	doors := recorder(f.Landlord, f.Facility, "badges")
	for _, p := range c.staff {
		if p.facility != f.Facility {
			continue
		}
		// Shifts begin at 07:00, 15:00 and 23:00 in Malaysia.
		begin := c.config.Start.Truncate(24 * time.Hour).Add(time.Duration(7+8*p.shift)*time.Hour - malaysia)
		for ; begin.Before(c.end); begin = begin.Add(24 * time.Hour) {
			in := begin.Add(-time.Duration(c.random.IntN(20)) * time.Minute)
			out := begin.Add(8*time.Hour + time.Duration(c.random.IntN(25))*time.Minute)
			if in.After(c.config.Start) && c.random.IntN(50) > 0 {
				c.door(doors, in, events.TypeZoneEntered, "lobby", p.actor, "", nil)
			}
			if out.After(c.config.Start) && out.Before(c.end) {
				c.door(doors, out, events.TypeZoneLeft, "lobby", p.actor, "", nil)
			}
		}
	}
}

func (c *Country) door(r events.Recorder, at time.Time, eventType, zone string, a events.Actor, accessID string, escort *events.Escort) {
	passed := events.ZonePassed{
		Zone: zone, Door: fmt.Sprintf("%s-%d", zone, 1+c.random.IntN(2)), AccessID: accessID, Actor: a, Outcome: events.OutcomeSuccess, Escort: escort,
	}
	if eventType == events.TypeZoneEntered && c.random.IntN(30) == 0 { // the wrong card first
		refused := passed
		refused.Outcome = events.OutcomeDenied
		c.say(r, at.Add(-20*time.Second), eventType, refused)
	}
	c.say(r, at, eventType, passed)
}
