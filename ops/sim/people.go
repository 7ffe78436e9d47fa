package sim

import (
	"encoding/hex"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// person is somebody who touches things, under a pseudonym. There is nothing else
// about them.
type person struct {
	actor    events.Actor
	operator string
	facility string // where they work; empty if remotely
	shift    int    // 0 to 2, from 07:00, 15:00 and 23:00 in Malaysia
	free     time.Time
}

// malaysia is UTC+8 all year.
const malaysia = 8 * time.Hour

// hire fills the shifts of each facility, the parents' support desks abroad, and
// the vendors'.
func (c *Country) hire() {
	each := max(1, int(2*c.config.Scale+0.5))
	for _, f := range c.Facilities {
		for shift := range 3 {
			for range each {
				c.employ(f.Landlord, f.Facility, shift, events.Actor{
					Party: c.side(f.Landlord), Employer: c.operator(f.Landlord).Legal, EmployerCountry: "MY", Employment: events.EmploymentEmployee,
					OfficeCountry: "MY", PhysicalCountry: "MY", Role: "facility technician",
				})
				for _, o := range f.Occupants {
					c.employ(o, f.Facility, shift, events.Actor{
						Party: events.PartyOperator, Employer: c.operator(o).Legal, EmployerCountry: "MY", Employment: events.EmploymentEmployee,
						OfficeCountry: "MY", PhysicalCountry: "MY", Role: "site engineer",
					})
				}
			}
		}
	}
	for _, o := range c.Operators {
		if o.Parent == "" {
			continue
		}
		for i, country := range []string{o.Abroad, "IE", "IN", "SG", "US"} {
			for range each {
				c.employ(o.Name, "", i%3, events.Actor{
					Party: events.PartyParent, Employer: o.Parent, EmployerCountry: o.Abroad, Employment: events.EmploymentEmployee,
					OfficeCountry: country, PhysicalCountry: c.whereabouts(country), Role: "reliability engineer",
				})
			}
		}
		for range each {
			c.employ(o.Name, "", 0, events.Actor{
				Party: events.PartyVendor, Employer: "Polar Cooling Services", EmployerCountry: "SG", Employment: events.EmploymentSubcontractor,
				OfficeCountry: "SG", PhysicalCountry: "MY", Role: "cooling technician",
			})
		}
	}
}

// side is on whose side a facility's own technicians are.
func (c *Country) side(landlord string) events.Party {
	if c.operator(landlord).Parent == "" {
		return events.PartyLandlord
	}
	return events.PartyOperator
}

// whereabouts is where somebody is who works in a country: there, but for the few
// who travel.
func (c *Country) whereabouts(office string) string {
	if c.random.IntN(12) == 0 {
		return []string{"SG", "TH", "AU", events.UnknownCountry}[c.random.IntN(4)]
	}
	return office
}

func (c *Country) employ(operator, facility string, shift int, a events.Actor) {
	var id [6]byte
	c.bytes.Read(id[:])
	a.ID, a.Kind, a.Clearance = "p-"+hex.EncodeToString(id[:]), events.KindPerson, events.Unstated
	c.staff = append(c.staff, &person{actor: a, operator: operator, facility: facility, shift: shift})
}

// service is the automation of an operator at a facility.
func (c *Country) service(operator, facility string) events.Actor {
	o := c.operator(operator)
	return events.Actor{
		ID: "svc-" + operator + "-" + facility, Kind: events.KindAutomation, Party: events.PartyOperator, Employer: o.Legal,
		EmployerCountry: "MY", OfficeCountry: "MY", PhysicalCountry: "MY",
	}
}

// onShift returns somebody who is at work then and not busy, or nil. Where is a
// facility, or empty for those abroad; want bounds their party.
func (c *Country) onShift(operator, where string, at time.Time, want ...events.Party) *person {
	shift := (int(at.Add(malaysia).Hour()) + 24 - 7) % 24 / 8
	start := c.random.IntN(len(c.staff))
	for i := range c.staff {
		p := c.staff[(start+i)%len(c.staff)]
		if p.operator != operator || p.facility != where || where != "" && p.shift != shift || p.free.After(at) {
			continue
		}
		for _, party := range want {
			if p.actor.Party == party {
				return p
			}
		}
	}
	return nil
}
