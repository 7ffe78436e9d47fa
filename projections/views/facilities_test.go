package views_test

import (
	"slices"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

func TestFacilities(t *testing.T) {
	w := viewtest.New(t)
	r := w.Recorder(viewtest.Operator, "dcim-1", events.RecorderDCIM, 0)
	describe := func(parent, country string, subcontractors ...events.Subcontractor) viewtest.Said {
		return viewtest.Said{Type: events.TypeFacilityDescribed, Data: events.FacilityDescribed{
			Owner:           events.Organisation{Name: "Menara Land", Country: "MY"},
			OperatingEntity: events.Organisation{Name: "Nimbus Malaysia", Country: "MY"},
			UltimateParent:  events.Organisation{Name: parent, Country: country},
			Subcontractors:  append([]events.Subcontractor{}, subcontractors...),
			CapacityMW:      12.5,
		}}
	}
	r.Say(describe("Nimbus Inc", "US"))
	before := w.Size()
	ref := r.Say(describe("Nimbus Holding", "CN",
		events.Subcontractor{Name: "Sari Cool", Country: "SG", Function: "cooling"},
		events.Subcontractor{Name: "Hands", Country: "IN", Function: "smart-hands", EngagedBy: "Sari Cool"}))

	replay := w.Replay(views.Facilities())
	rows := viewtest.Rows[views.Facility](replay, "facilities", 0)
	if len(rows) != 2 {
		t.Fatalf("%d rows, want the registry's and the operator's: %+v", len(rows), rows)
	}
	registry, own := rows[0], rows[1]
	if registry.Operator != "" || registry.Country != "MY" || registry.Landlord != viewtest.Landlord || !slices.Equal(registry.Occupants, []string{viewtest.Operator}) {
		t.Errorf("the registry's: %+v", registry)
	}
	if own.Operator != viewtest.Operator || own.ParentName != "Nimbus Holding" || own.ParentCountry != "CN" || own.CapacityMW != 12.5 || own.Ref != ref ||
		own.Subcontractors != 2 || own.SubcontractorChain[1] != "Hands (IN), smart-hands, engaged by Sari Cool" || !slices.Equal(own.SubcontractorCountries, []string{"IN", "SG"}) {
		t.Errorf("the operator's: %+v", own)
	}
	rows = viewtest.Rows[views.Facility](replay, "facilities", before, "operator="+viewtest.Operator)
	if len(rows) != 1 || rows[0].ParentCountry != "US" {
		t.Errorf("before: %+v", rows)
	}
}
