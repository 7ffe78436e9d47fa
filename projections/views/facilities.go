package views

import (
	"fmt"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// Facility is a facility as one party tells of it: the registry, whose row has no
// operator, or an operator with a recorder there. Its key is facility/operator. Who
// controlled what, and when that changed, is in the rows as of earlier sizes.
type Facility struct {
	Facility string `col:"facility,index" json:"facility" doc:"its one id in the jurisdiction"`
	Operator string `col:"operator,index" json:"operator" doc:"whose account this is; empty: the registry's"`
	SaidBy   string `col:"saidBy" json:"saidBy" doc:"the registry or the recorder that said it last"`

	Country   string   `col:"country" json:"country" doc:"where it is, as the registry says"`
	Landlord  string   `col:"landlord" json:"landlord" doc:"the operator who owns the premises, as the registry says"`
	Occupants []string `col:"occupants" json:"occupants" doc:"operators within, as the registry says"`
	Name      string   `col:"name" json:"name" doc:"for people, as the registry says"`
	State     string   `col:"state,index" json:"state" doc:"or province, of the country, as the registry says"`
	Address   string   `col:"address" json:"address" doc:"postal, as the registry says"`
	Regions   []string `col:"regions" json:"regions" doc:"what providers call the region that it belongs to, as the registry says"`
	TimeZone  string   `col:"timeZone" json:"timeZone" doc:"of the IANA database, as the registry says: its days are local days there"`

	OwnerName      string `col:"owner.name" json:"owner.name" doc:"of the premises"`
	OwnerCountry   string `col:"owner.country" json:"owner.country" doc:"where it is registered"`
	EntityName     string `col:"operatingEntity.name" json:"operatingEntity.name" doc:"that runs it under local law"`
	EntityCountry  string `col:"operatingEntity.country" json:"operatingEntity.country" doc:"where it is registered"`
	ParentName     string `col:"ultimateParent.name" json:"ultimateParent.name" doc:"that controls the operating entity in the end"`
	ParentCountry  string `col:"ultimateParent.country,index" json:"ultimateParent.country" doc:"where it is registered"`
	Subcontractors int64  `col:"subcontractors" json:"subcontractors" doc:"how many have hands on the facility"`

	SubcontractorChain     []string `col:"subcontractors.chain" json:"subcontractors.chain" doc:"each: name (country), function, and who engaged it"`
	SubcontractorCountries []string `col:"subcontractors.countries" json:"subcontractors.countries" doc:"where they are registered"`

	CapacityMW     float64  `col:"capacityMW" json:"capacityMW" doc:"of the IT load"`
	Certifications []string `col:"certifications" json:"certifications" doc:"schemes of certificates in force"`
	Trainees       int64    `col:"trainees" json:"trainees" doc:"local people in training now"`
	Hired          int64    `col:"hired" json:"hired" doc:"of those trained since the account before"`

	Since    time.Time   `col:"since,order" json:"since" doc:"ledger's time at which it was said"`
	Ref      events.Ref  `col:"ref" json:"ref" doc:"the event that says so"`
	Evidence events.Refs `col:"evidence" json:"evidence" doc:"the event that says so"`
}

// Facilities returns the register of facilities.
func Facilities() *projections.View {
	rows := projections.NewTable[Facility]("facilities")
	return &projections.View{
		Name: "facilities", Version: 2, NamesFacilities: true, Title: "Facilities: who owns, runs and controls them, as registry and operators say",
		// Who owns and runs a building is no one customer's, and says who else is within.
		Family: events.FamilyFacility,
		Reads:  []string{events.TypeFacilityDeclared, events.TypeFacilityDescribed},
		Tables: []projections.Schema{rows},
		Leaf: func(tx *projections.Tx, f *projections.Fact) error {
			for i := range f.Events {
				e := &f.Events[i]
				row := &Facility{
					SaidBy: e.Recorder.String(), Since: f.Leaf.Received, Ref: e.Ref, Evidence: events.Refs{e.Ref},
				}
				switch data := e.Data.(type) {
				case *events.FacilityDeclared:
					row.declared(data)
				case *events.FacilityDescribed:
					row.Facility, row.Operator = e.Recorder.Facility, e.Recorder.Owner
					row.described(data)
				default:
					continue
				}
				if err := rows.Put(tx, row.Facility+"/"+row.Operator, row); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (r *Facility) declared(d *events.FacilityDeclared) {
	r.Facility, r.Country, r.Landlord, r.Occupants = d.Facility, d.Country, d.Landlord, d.Occupants
	r.Name, r.State, r.Address, r.Regions, r.TimeZone = d.Name, d.State, d.Address, d.Regions, d.TimeZone
}

func (r *Facility) described(d *events.FacilityDescribed) {
	r.OwnerName, r.OwnerCountry = d.Owner.Name, d.Owner.Country
	r.EntityName, r.EntityCountry = d.OperatingEntity.Name, d.OperatingEntity.Country
	r.ParentName, r.ParentCountry = d.UltimateParent.Name, d.UltimateParent.Country
	r.CapacityMW, r.Subcontractors = d.CapacityMW, int64(len(d.Subcontractors))
	for _, s := range d.Subcontractors {
		link := fmt.Sprintf("%s (%s), %s", s.Name, s.Country, s.Function)
		if s.EngagedBy != "" {
			link += ", engaged by " + s.EngagedBy
		}
		r.SubcontractorChain = append(r.SubcontractorChain, link)
		if !slices.Contains(r.SubcontractorCountries, s.Country) {
			r.SubcontractorCountries = append(r.SubcontractorCountries, s.Country)
		}
	}
	slices.Sort(r.SubcontractorCountries)
	for _, c := range d.Certifications {
		r.Certifications = append(r.Certifications, c.Scheme)
	}
	for _, t := range d.Training {
		r.Trainees += int64(t.Trainees)
		r.Hired += int64(t.Hired)
	}
}
