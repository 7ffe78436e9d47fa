package sim

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// person is somebody who touches things, under a pseudonym. There is nothing else
// about them but when they work, and where they are.
type person struct {
	actor events.Actor
	// begins is when their work begins, after midnight UTC, and lasts for how long.
	begins, lasts time.Duration
	// place is the city where they were last, at first their home; empty abroad.
	place string
	// free is when they had finished there.
	free time.Time
}

// operatorClient is people who can stand in for each other.
type operatorClient struct {
	operator string
	where    string // a facility, or a city; empty if that makes no difference
	job      job
}

type job int

const (
	technician job = iota // runs a facility, for its landlord
	engineer              // works at one facility, for an occupant
	rover                 // goes to and fro between the facilities of one city
	manager               // decides about requests
	support               // works for the parent, from abroad
	visitor               // comes from a vendor
)

// malaysia is UTC+8 all year.
const malaysia = 8 * time.Hour

// zone is how far a country is ahead of UTC, in winter.
func zone(country string) time.Duration {
	switch country {
	case "US":
		return -5 * time.Hour
	case "IE":
		return 0
	case "IN":
		return 5*time.Hour + 30*time.Minute
	case "TH":
		return 7 * time.Hour
	case "AU":
		return 10 * time.Hour
	}
	return malaysia
}

// city is where a facility is.
func city(facility string) string {
	name, _, _ := strings.Cut(facility, "-")
	return name
}

// travel is how long it takes from a city to another, from door to door.
func travel(from, to string) time.Duration {
	if from > to {
		from, to = to, from
	}
	switch from + " " + to {
	case "jhb sin":
		return 90 * time.Minute
	case "jhb kul", "kul pen", "kul sin":
		return 5 * time.Hour
	case "jhb pen", "pen sin":
		return 9 * time.Hour
	}
	return 45 * time.Minute
}

// hire fills the shifts of each facility, the parents' support desks abroad, and
// the vendors'.
func (c *Country) hire() {
	each := max(1, int(2*c.config.Scale+0.5))
	for _, f := range c.Facilities {
		for shift := range 3 {
			for range each {
				c.onShifts(operatorClient{f.Landlord, f.Facility, technician}, c.side(f.Landlord), shift, city(f.Facility), "facility technician")
				for _, o := range f.Occupants {
					c.onShifts(operatorClient{o, f.Facility, engineer}, events.PartyOperator, shift, city(f.Facility), "site engineer")
				}
			}
		}
	}
	for _, o := range c.Operators {
		if o.Parent == "" {
			continue
		}
		for shift := range 3 {
			c.onShifts(operatorClient{o.Name, "", manager}, events.PartyOperator, shift, "kul", "duty manager")
		}
		for range each {
			c.byDay(operatorClient{o.Name, "kul", rover}, "kul", events.Actor{
				Party: events.PartyOperator, Employer: o.Legal, EmployerCountry: "MY", Employment: events.EmploymentContractor,
				OfficeCountry: "MY", PhysicalCountry: "MY", Role: "field engineer",
			})
			for _, office := range []string{o.Abroad, "IE", "IN", "SG", "US"} {
				c.byDay(operatorClient{o.Name, "", support}, "", events.Actor{
					Party: events.PartyParent, Employer: o.Parent, EmployerCountry: o.Abroad, Employment: events.EmploymentEmployee,
					OfficeCountry: office, PhysicalCountry: c.whereabouts(office), Role: "reliability engineer",
				})
			}
			for _, home := range []string{"kul", "jhb", "pen", "sin"} {
				from := "MY"
				if home == "sin" {
					from = "SG"
				}
				c.byDay(operatorClient{o.Name, "", visitor}, home, events.Actor{
					Party: events.PartyVendor, Employer: "Polar Cooling Services", EmployerCountry: "SG", Employment: events.EmploymentSubcontractor,
					OfficeCountry: from, PhysicalCountry: "MY", Role: "cooling technician",
				})
			}
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

// onShifts employs somebody who works one of three shifts, from 07:00, 15:00 and
// 23:00 in Malaysia.
func (c *Country) onShifts(d operatorClient, party events.Party, shift int, home, role string) {
	c.employ(d, &person{
		actor: events.Actor{
			Party: party, Employer: c.operator(d.operator).Legal, EmployerCountry: "MY", Employment: events.EmploymentEmployee,
			OfficeCountry: "MY", PhysicalCountry: "MY", Role: role,
		},
		begins: time.Duration(7+8*shift)*time.Hour - malaysia, lasts: 8 * time.Hour, place: home,
	})
}

// byDay employs somebody who works from 08:00 to 19:00 where they are.
func (c *Country) byDay(d operatorClient, home string, a events.Actor) {
	where := a.PhysicalCountry
	if where == events.UnknownCountry {
		where = a.OfficeCountry
	}
	c.employ(d, &person{actor: a, begins: 8*time.Hour - zone(where), lasts: 11 * time.Hour, place: home})
}

func (c *Country) employ(d operatorClient, p *person) {
	var id [6]byte
	c.bytes.Read(id[:])
	p.actor.ID, p.actor.Kind, p.actor.Clearance = "p-"+hex.EncodeToString(id[:]), events.KindPerson, events.Unstated
	c.staff[d] = append(c.staff[d], p)
}

// service is the automation of an operator at a facility.
func (c *Country) service(operator, facility string) events.Actor {
	o := c.operator(operator)
	return events.Actor{
		ID: "svc-" + operator + "-" + facility, Kind: events.KindAutomation, Party: events.PartyOperator, Employer: o.Legal,
		EmployerCountry: "MY", OfficeCountry: "MY", PhysicalCountry: "MY",
	}
}

// left is how long they still work at a time; 0 if they don't then.
func (p *person) left(at time.Time) time.Duration {
	const day = 24 * time.Hour
	into := (at.Sub(at.Truncate(day)) - p.begins + day) % day
	return max(0, p.lasts-into)
}

// reaches reports whether they can be in a city by then.
func (p *person) reaches(place string, at time.Time) bool {
	there := p.free
	if p.place != "" && place != "" && p.place != place {
		there = there.Add(travel(p.place, place))
	}
	return !there.After(at)
}

// leastWork is the shortest access.
const leastWork = 10 * time.Minute

// available returns somebody of a desk who is at work then, is not busy, and can be
// in a city; nil if there is nobody.
func (c *Country) available(d operatorClient, place string, at time.Time) *person {
	people := c.staff[d]
	if len(people) == 0 {
		return nil
	}
	start := c.random.IntN(len(people))
	for i := range people {
		p := people[(start+i)%len(people)]
		if p.left(at) >= 2*leastWork && p.reaches(place, at) {
			return p
		}
	}
	return nil
}

// onDuty returns the first of a desk who is at work then, busy or not; the first of
// all if nobody is.
func (c *Country) onDuty(d operatorClient, at time.Time) *person {
	for _, p := range c.staff[d] {
		if p.left(at) > 0 {
			return p
		}
	}
	return c.staff[d][0]
}
