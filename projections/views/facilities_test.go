package views_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
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

// Rows of every view show what the registry called their facility at the size that is asked for, and a new name
// changes no row.
func TestFacilityNames(t *testing.T) {
	w := viewtest.New(t)
	r := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	r.Say(viewtest.Performed(""))
	unnamed := w.Size()
	declared := events.FacilityDeclared{
		Facility: viewtest.Facility, Country: "MY", Name: "Johor Campus 1", State: "Johor", Address: "Jalan Teknologi, Johor",
		Regions: []string{"ap-southeast-8"}, TimeZone: "Asia/Kuala_Lumpur",
	}
	w.Register(events.TypeFacilityDeclared, declared)
	named := w.Size()
	declared.Name = "Johor Campus\u202e 1A"
	w.Register(events.TypeFacilityDeclared, declared)
	w.Register(events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "kul-9", Country: "MY", Name: "Another"})

	replay := w.Replay(views.Facilities(), views.Touches(), views.Completeness())
	for _, test := range []struct {
		size uint64
		want string
	}{{unnamed, ""}, {named, "Johor Campus 1"}, {0, declared.Name}} {
		for _, view := range []string{"touches", "completeness", "facilities"} {
			q := projections.Query{AsOf: test.size, Where: []projections.Condition{{Column: "facility", Op: projections.Equal, Value: viewtest.Facility}}}
			page, err := replay.Store.Rows(t.Context(), view, q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Rows) == 0 || page.Columns[len(page.Columns)-1].Name != "facilityName" {
				t.Fatalf("%s as of %d: %+v", view, test.size, page)
			}
			for _, row := range page.Rows {
				var member struct{ FacilityName *string }
				text, err := json.Marshal(row)
				if err := errors.Join(err, json.Unmarshal(text, &member)); err != nil {
					t.Fatal(err)
				}
				got, _ := row.Cells()["facilityName"].(string)
				if row.FacilityName != test.want || got != test.want || (member.FacilityName != nil) != (test.want != "") ||
					test.want != "" && *member.FacilityName != test.want {
					t.Errorf("%s as of %d: %q, %q, %s; want %q", view, test.size, row.FacilityName, got, text, test.want)
				}
			}
		}
	}
	if rows := viewtest.Rows[views.Touch](replay, "touches", 0); len(rows) != 1 {
		t.Errorf("%d touches, want 1", len(rows))
	}
	row := viewtest.Rows[views.Facility](replay, "facilities", named, "state=Johor")[0]
	if row.Name != "Johor Campus 1" || row.Address != declared.Address || !slices.Equal(row.Regions, declared.Regions) || row.TimeZone != declared.TimeZone {
		t.Errorf("the facility is %+v", row)
	}
	page, err := replay.Store.Rows(t.Context(), "facilities", projections.Query{Where: []projections.Condition{{Column: "facilityName", Op: projections.Equal, Value: "x"}}})
	if err == nil {
		t.Errorf("the name of a facility can be asked by: %+v", page)
	}
}
