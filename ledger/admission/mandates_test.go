package admission_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
)

// TestMandatesAsDocumented has authorities of different mandates try every kind of act,
// and compares what comes of it with the table in docs/mandates.md.
func TestMandatesAsDocumented(t *testing.T) {
	m := newSuccessor(t)
	local := events.Mandate{Facilities: []string{lab}, Families: []string{"access", "registry"}}
	mandates := []struct {
		name, title string
		mandate     events.Mandate
	}{
		{"all", "everything", everything},
		{"local", "access, registry at lab-1", local},
		{"eyes", "access at lab-1", onlyEyes},
		{"persons", "access everywhere", events.Mandate{Facilities: []string{"*"}, Families: []string{"access"}}},
		{"buildings", "facility at lab-1", events.Mandate{Facilities: []string{lab}, Families: []string{"facility"}}},
		{"bank", "everything, sector banking", events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}, Sectors: []string{"banking"}}},
		{"one", "everything, customer bank-1", events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}, Tenants: []string{"bank-1"}}},
	}
	r1, r2 := nimbus+"/"+lab+"/r1", nimbus+"/lab-2/r1"
	m.say(t, "", facility(t, lab), facility(t, "lab-2"), admitted(t, nimbus, "n1", "n2"), declared(t, r1, 1), declared(t, r2, 1),
		registryEvent(t, events.TypeTenantDeclared, events.TenantDeclared{Tenant: "bank-1", Sector: "banking"}))
	head := "| act |"
	for _, a := range mandates {
		m.say(t, "", authority(t, a.name, a.name, "", a.mandate))
		head += " " + a.title + " |"
	}
	place, due := events.RefFields{Leaf: 1}, events.At(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	n := 0
	fresh := func() string { n++; return fmt.Sprint("x-", n) }
	order := func(recorder string) *events.Event {
		return registryEvent(t, events.TypeProductionOrdered, events.ProductionOrdered{Order: fresh(), Recorder: recorder, Event: place, Records: []events.Integer{0}, Due: due, Ground: "x"})
	}
	reveal := func(recorder string) *events.Event {
		return registryEvent(t, events.TypeDisclosureRevealed, events.DisclosureRevealed{Recorder: recorder, Kind: "sealed", Events: []events.RefFields{place}, Ground: "x"})
	}
	erase := func(facilities ...string) *events.Event {
		return registryEvent(t, events.TypeDisclosureErased, events.DisclosureErased{Operator: nimbus, Actor: "p-1", Facilities: facilities, Ground: "x"})
	}
	hold := func(facilities ...string) *events.Event {
		return registryEvent(t, events.TypeHoldPlaced, events.HoldPlaced{Hold: fresh(), Facilities: facilities, Ground: "x"})
	}
	acknowledge := func(facility string) *events.Event {
		return registryEvent(t, events.TypeFindingAcknowledged, events.FindingAcknowledged{Finding: "f", Facility: facility})
	}
	acts := []struct {
		name string
		said func(by string, mandate events.Mandate) *events.Event
	}{
		{"rotate its own recipient", func(by string, _ events.Mandate) *events.Event {
			return registryEvent(t, events.TypeRecipientRotated, events.RecipientRotated{Authority: by, Recipient: "age1smawv4t6yndz0h4w9c8uzlf0nenfvx2xk46c98x5jrdqep4l2mesxuc4nl"})
		}},
		{"rotate another's recipient", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeRecipientRotated, events.RecipientRotated{Authority: mcmc, Recipient: "age1smawv4t6yndz0h4w9c8uzlf0nenfvx2xk46c98x5jrdqep4l2mesxuc4nl"})
		}},
		{"admit an authority within its own mandate", func(by string, mandate events.Mandate) *events.Event {
			name := fresh()
			return authority(t, name, name, "", mandate)
		}},
		{"admit one to another sector", func(by string, mandate events.Mandate) *events.Event {
			name := fresh()
			mandate.Sectors = []string{"health"}
			return authority(t, name, name, "", mandate)
		}},
		{"admit one to all customers", func(by string, mandate events.Mandate) *events.Event {
			name := fresh()
			return authority(t, name, name, "", events.Mandate{Facilities: mandate.Facilities, Families: mandate.Families})
		}},
		{"admit an operator", func(string, events.Mandate) *events.Event { name := fresh(); return admitted(t, name, name) }},
		{"suspend an operator that another admitted", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeOperatorSuspended, events.OperatorSuspended{Operator: nimbus, Reason: "x"})
		}},
		{"give such an operator a key", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeKeyAdded, events.KeyAdded{Operator: nimbus, Key: signer(fresh()).PublicKey().String()})
		}},
		{"revoke a key of such an operator", func(string, events.Mandate) *events.Event { return revoked(t, nimbus, "n2") }},
		{"declare the facility lab-1", func(string, events.Mandate) *events.Event { return facility(t, lab) }},
		{"declare the facility lab-2", func(string, events.Mandate) *events.Event { return facility(t, "lab-2") }},
		{"declare a recorder at lab-1", func(string, events.Mandate) *events.Event { return declared(t, r1, 1) }},
		{"declare a recorder at lab-2", func(string, events.Mandate) *events.Event { return declared(t, r2, 1) }},
		{"retire a recorder at lab-1", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeRecorderRetired, events.RecorderRetired{Recorder: r1, Reason: "x"})
		}},
		{"declare a customer of banking", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeTenantDeclared, events.TenantDeclared{Tenant: "hospital-1", Sector: "banking"})
		}},
		{"adopt a rule set", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeRulesetAdopted, events.RulesetAdopted{Ruleset: m.Rules().Digest().String()})
		}},
		{"adopt a witness policy", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeWitnessesAdopted, events.WitnessesAdopted{Reason: "order-2026-21"})
		}},
		{"adopt the registry of the tree before", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypePredecessorAdopted, events.PredecessorAdopted{Origin: before, Size: 1000, Root: tlog.Hash{1}.String(), Reason: "order-2026-21"})
		}},
		{"say where a recorder at lab-1 stood there", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeRecorderContinued, events.RecorderContinued{Recorder: r1, Incarnation: 1, Last: 37, Manifest: m.Rules().Digest().String(), Leaf: 900})
		}},
		{"adopt a rule pack", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypePackAdopted, events.PackAdopted{Pack: "my", Version: "1", Digest: m.Rules().Digest().String()})
		}},
		{"order a production at lab-1", func(string, events.Mandate) *events.Event { return order(r1) }},
		{"order a production at lab-2", func(string, events.Mandate) *events.Event { return order(r2) }},
		{"read disclosures or what is sealed, at lab-1", func(string, events.Mandate) *events.Event { return reveal(r1) }},
		{"read them, at lab-2", func(string, events.Mandate) *events.Event { return reveal(r2) }},
		{"erase a person's disclosures at lab-1", func(string, events.Mandate) *events.Event { return erase(lab) }},
		{"erase them everywhere", func(string, events.Mandate) *events.Event { return erase() }},
		{"erase a body at lab-1", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeBodyErased, events.BodyErased{Recorder: r1, Leaf: 1, Ground: "x"})
		}},
		{"place a hold at lab-1", func(string, events.Mandate) *events.Event { return hold(lab) }},
		{"place a hold on everything", func(string, events.Mandate) *events.Event { return hold() }},
		{"acknowledge or resolve a finding at lab-1", func(string, events.Mandate) *events.Event { return acknowledge(lab) }},
		{"acknowledge or resolve one at lab-2", func(string, events.Mandate) *events.Event { return acknowledge("lab-2") }},
		{"resolve one at lab-1, with an outcome", func(string, events.Mandate) *events.Event {
			return registryEvent(t, events.TypeFindingResolved, events.FindingResolved{Finding: "f", Facility: lab, Outcome: events.OutcomeExplained})
		}},
	}
	var table strings.Builder
	table.WriteString(head + "\n|---|" + strings.Repeat(":-:|", len(mandates)) + "\n")
	for _, act := range acts {
		table.WriteString("| " + act.name + " |")
		for _, a := range mandates {
			by := events.RegistryRecorder(a.name)
			e := act.said(a.name, a.mandate)
			e.Source = by.Source()
			last, _ := m.Head(by)
			body := seal(t, &events.Manifest{Recorder: by, Incarnation: 1, First: last.Last + 1, Previous: last.Manifest}, []*events.Signer{signer(a.name)}, e)
			v := m.judge(t, by, body)
			switch v.Code {
			case "":
				table.WriteString(" yes |")
			case "outside_mandate":
				table.WriteString(" – |")
			default:
				t.Errorf("%s: %s, by %s: %s: %s", act.name, v.Verdict, a.name, v.Code, v.Reason)
			}
			// What was suspended, revoked or retired is there again for the next.
			m.say(t, "", registryEvent(t, events.TypeOperatorReadmitted, events.OperatorReadmitted{Operator: nimbus, Reason: "x"}), facility(t, lab), declared(t, r1, 1))
		}
		table.WriteString("\n")
	}
	text, err := os.ReadFile("../../docs/mandates.md")
	if err != nil || !strings.Contains(string(text), table.String()) {
		t.Errorf("docs/mandates.md does not have this table (%v):\n%s", err, table.String())
	}
	for _, tenant := range m.Registry.Tenants() {
		if tenant.Name == "hospital-1" && tenant.Operator != "" {
			t.Errorf("%+v", tenant)
		}
	}
}

// TestCustomers resolves aliases: one operator's before everyone's, and none that nobody
// declared.
func TestCustomers(t *testing.T) {
	m := newMind(t)
	tenant := func(alias, operator, sector string) *events.Event {
		return registryEvent(t, events.TypeTenantDeclared, events.TenantDeclared{Tenant: alias, Operator: operator, Sector: sector})
	}
	m.say(t, "unknown_operator", tenant("t-1", nimbus, "banking"))
	m.say(t, "", admitted(t, nimbus, "n1"), admitted(t, "strato", "s1"), tenant("bank-1", "", "banking"), tenant("t-1", nimbus, "banking"),
		tenant("t-2", "", "banking"), tenant("t-2", nimbus, "health"))
	for _, row := range []struct {
		mandate events.Mandate
		want    string
	}{
		{events.Mandate{Sectors: []string{"banking"}}, "[nimbus-my/bank-1 nimbus-my/t-1 strato/bank-1 strato/t-2]"},
		{events.Mandate{Sectors: []string{"health"}}, "[nimbus-my/t-2]"},
		{events.Mandate{Sectors: []string{"energy"}}, "[]"},
		{events.Mandate{Tenants: []string{"bank-1"}}, "[nimbus-my/bank-1 strato/bank-1]"},
		{events.Mandate{Tenants: []string{"t-2"}}, "[strato/t-2]"},              // not that of nimbus-my, which is another's
		{events.Mandate{Tenants: []string{"nimbus-my/t-2"}}, "[nimbus-my/t-2]"}, // by its full name
		{events.Mandate{Tenants: []string{"strato/bank-1"}}, "[strato/bank-1]"},
		{events.Mandate{Tenants: []string{"t-1"}}, "[]"}, // everyone's alias of that name is nobody's
		{events.Mandate{Tenants: []string{"undeclared", "nimbus-my/undeclared", "*", "nimbus-my/*"}}, "[]"},
		{events.Mandate{Sectors: []string{"health"}, Tenants: []string{"bank-1"}}, "[nimbus-my/bank-1 nimbus-my/t-2 strato/bank-1]"},
	} {
		if got := fmt.Sprint(m.Registry.Customers(row.mandate)); got != row.want {
			t.Errorf("%+v covers %s, want %s", row.mandate, got, row.want)
		}
	}
	// A customer passes to another sector; and what is refused changes nothing.
	m.say(t, "", tenant("bank-1", "", "energy"))
	m.say(t, "unknown_operator", tenant("bank-1", "", "health"), tenant("t-9", "nobody", "health"))
	if got := fmt.Sprint(m.Registry.Customers(events.Mandate{Sectors: []string{"energy"}})); got != "[nimbus-my/bank-1 strato/bank-1]" {
		t.Errorf("energy covers %s", got)
	}
}
