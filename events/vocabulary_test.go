package events_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/schemas"
)

const (
	someDigest    = "sha256:6eeb55f76600d4ad08be72ad3ac13d969330e73d7ad53031557dab443eba22db"
	someKeyID     = "7bd956a4c60b635fef13139f724b1b014df216351738938dccc32e8bbede121d"
	someKey       = "MCowBQYDK2VwAyEAJ+pRM+o0gj2Ou8ag6RMrumo4WFuIguHrMDx5COA2h4U="
	someUser      = "UAT6UUJT5I2IEPMOXPDKB2ITFO5GUOCYLOEIFYPLGA6HSCHAG2DYL7GV"
	someRecipient = "age1smawv4t6yndz0h4w9c8uzlf0nenfvx2xk46c98x5jrdqep4l2mesxuc4nl"
	someLogKey    = "ledger.example.my/saksi/2026+9b587e5e+AaXUsR2WBycmJHNxDm6WtFUCjo4gbk7Z796kwhuUmM9a"
)

var (
	someSD = []string{"9G3SilSZ2O_vC4-47h7BxaXkB8k4F0HVdrqN609Z7D8"}
	// A zone that is not UTC: what is written must be all the same.
	someTime = events.Time{Time: time.Date(2026, 11, 23, 16, 15, 30, 125e6, time.FixedZone("MYT", 8*3600))}

	someExt   = events.Ext{"native": events.Native{System: "teleport", ID: "a-1", Digest: someDigest, SD: someSD}, "shift": "night"}
	someActor = events.Actor{
		ID: "p-7f3a9c", Kind: events.KindPerson, Party: events.PartyParent, Employer: events.Unstated, EmployerCountry: "US",
		Employment: events.EmploymentEmployee, OfficeCountry: "IE", PhysicalCountry: events.UnknownCountry,
		Role: "site reliability engineer", Clearance: "none", SD: someSD,
	}
	someReason = events.Reason{Code: events.ReasonProductionAlert, Ticket: "INC-2026-88121", SD: someSD}
	someFrom   = events.From{Country: "IN", Network: "corporate", SD: someSD}
	someEscort = events.Escort{
		ID: "p-11c0de", Party: events.PartyOperator, Employer: "Nimbus Malaysia Sdn Bhd", EmployerCountry: "MY",
		Competence: events.CompetenceInformed, SD: someSD,
	}
	someWindow   = events.Window{From: someTime, To: someTime}
	someDecision = events.AccessDecided{
		Request: "req-1", AccessID: "acc-1", DecidedBy: events.DecidedByCustomer, Decider: &someActor, Window: &someWindow, Ext: someExt, SD: someSD,
	}
	somePassing = events.ZonePassed{
		Zone: "hall-2", Door: "d-17", AccessID: "acc-1", Actor: someActor, Outcome: events.OutcomeSuccess, Escort: &someEscort, Ext: someExt, SD: someSD,
	}
	someOrganisation = events.Organisation{Name: "Nimbus Malaysia Sdn Bhd", Country: "MY", Registration: "202601000002"}
	someInstrument   = events.Instrument{Kind: "contract", Reference: "SPA-2026-004", Digest: someDigest, SD: someSD}
	someCustodian    = events.Custodian{Party: events.PartyParent, Name: "Nimbus Global Operations", Country: "US"}
	someRef          = events.RefFields{Leaf: 4711, Event: 2}
	someMandate      = events.Mandate{Facilities: []string{"*", "lab-1"}, Families: []string{"*", "access"}, Sectors: []string{"banking"}, Tenants: []string{"bank-4411"}}
	someReference    = events.EventReference{Recorder: "nimbus-my/lab-1/bastion-1", ID: "zT1OtIX9aV9H5WKv", Digest: someDigest}
	someEquipment    = events.AssetChanged{
		Kind: events.AssetAccelerator, Model: "H200 SXM 141GB", Count: 64, Serials: someDigest, ExportControlled: true,
		From: events.Place{Country: "SG", Facility: "sin-3", Zone: "store-1"}, To: events.Place{Country: "MY", Facility: "lab-1", Zone: "hall-2"},
		Assets: []string{"gpu-0001"}, Ext: someExt, SD: someSD,
	}
)

// filled has every field of every type set.
func filled() map[string]any {
	return map[string]any{
		events.TypeAccessPerformed: events.AccessPerformed{
			Session: "s-1", AccessID: "acc-1", Actor: someActor, Operation: "kvm.console.attach",
			Resource: &events.Resource{Kind: "hypervisor", Digest: someDigest, SD: someSD},
			Access:   events.AccessAdmin, Outcome: events.OutcomeSuccess, Reason: someReason, Mode: events.ModeRemote, From: someFrom,
			Tenant: "bank-03", Assets: []string{"host-0113"}, DataClasses: []string{"financial"}, Region: "my-central-1", Ext: someExt, SD: someSD,
		},
		events.TypeAccessRequested: events.AccessRequested{
			Request: "req-1", AccessID: "acc-1", Actor: someActor, Mode: events.ModeRemote, Reason: someReason, Window: someWindow,
			Tenant: "bank-03", Assets: []string{"host-0113"}, Ext: someExt, SD: someSD,
		},
		events.TypeAccessApproved: someDecision,
		events.TypeAccessDenied:   someDecision,
		events.TypeZoneEntered:    somePassing,
		events.TypeZoneLeft:       somePassing,
		events.TypeSessionOpened: events.SessionOpened{
			Session: "s-1", AccessID: "acc-1", Actor: someActor, Mode: events.ModeRemote, From: someFrom, Reason: someReason,
			Escort: &someEscort, Tenant: "bank-03", Assets: []string{"host-0113"}, Ext: someExt, SD: someSD,
		},
		events.TypeSessionClosed: events.SessionClosed{
			Session: "s-1", AccessID: "acc-1", Actor: someActor, Ended: events.EndedNormal, Mode: events.ModeRemote, From: &someFrom,
			Escort: &someEscort, Recording: someDigest, Tenant: "bank-03", Assets: []string{"host-0113"}, Ext: someExt, SD: someSD,
		},
		events.TypeFacilityDescribed: events.FacilityDescribed{
			Owner: someOrganisation, OperatingEntity: someOrganisation, UltimateParent: someOrganisation,
			Subcontractors: []events.Subcontractor{{Name: "Cool Air Services Sdn Bhd", Country: "MY", Function: "cooling", EngagedBy: "Nimbus Malaysia Sdn Bhd"}},
			CapacityMW:     38.5,
			Certifications: []events.Certification{{Scheme: "ISO/IEC 27001:2022", Issuer: "SIRIM QAS International", ValidUntil: someTime}},
			Training:       []events.Training{{Programme: "Data centre technicians", Partner: "Politeknik Johor Bahru", Trainees: 40, Completed: 22, Hired: 17}},
			Ext:            someExt, SD: someSD,
		},
		events.TypeAttestationPeriod: events.PeriodAttested{
			Recorder: "nimbus-my/lab-1/bastion-1", Incarnation: 1, From: someTime, To: someTime, First: 18, Last: 241, Count: 224, Manifest: someDigest,
		}.Statement(),
		events.TypeControlChanged: events.ControlChanged{
			Layer: events.LayerIdentity, From: someOrganisation, To: someOrganisation, Instrument: someInstrument, Effective: someTime, Ext: someExt, SD: someSD,
		},
		events.TypeIdentityDeclared: events.IdentityDeclared{
			Provider: someOrganisation, OperatedFrom: []string{"US", "IE"},
			NationalIdentity: events.NationalIdentity{Dependence: events.DependenceOptional, Scheme: "mydigitalid"}, Ext: someExt, SD: someSD,
		},
		events.TypeDependencyDeclared: events.DependencyDeclared{
			Need: "control_plane", Provider: &someOrganisation, Countries: []string{"US"}, Region: "my-central-1", RunsWithoutSeconds: 259200,
			Tested: someTime, Ext: someExt, SD: someSD,
		},
		events.TypeAssetAdded:   someEquipment,
		events.TypeAssetMoved:   someEquipment,
		events.TypeAssetRemoved: someEquipment,
		events.TypeResidencyDeclared: events.ResidencyDeclared{
			DataClass: "financial", StoredIn: []string{"MY"}, ProcessedIn: []string{"MY", "SG"}, Retention: "P7Y", LegalBasis: "bnm_rmit",
			Tenant: "bank-03", Ext: someExt, SD: someSD,
		},
		events.TypeStaffingReported: events.StaffingReported{
			Period: someWindow, Trainees: 12, Ext: someExt, SD: someSD,
			HeadCount: []events.HeadCount{{Function: "operations", Citizenship: events.CitizenshipCitizen, Engagement: events.EngagementLocal, Count: 41}},
		},
		events.TypeWorkloadDeclared: events.WorkloadDeclared{
			Kind: events.WorkloadTraining, Accelerators: []events.Accelerator{{Model: "H200 SXM 141GB", Count: 64}}, Purpose: "language_model",
			DataClasses: []string{"health"}, Customer: events.Customer{Sector: "research", Country: "MY"}, Tenant: "uni-01", Window: &someWindow,
			Assets: []string{"gpu-0001"}, Ext: someExt, SD: someSD,
		},
		events.TypeIncidentReported: events.IncidentReported{
			Incident: "INC-2026-017", Stage: events.IncidentParticulars, Severity: events.IncidentHigh, Detected: someTime, Kind: "intrusion",
			Assets: []string{"host-0113"}, DataClasses: []string{"financial"}, Tenants: []string{"bank-03"}, Ext: someExt, SD: someSD,
		},
		events.TypeAccessRevoked: events.AccessRevoked{
			Request: "req-1", AccessID: "acc-1", DecidedBy: events.DecidedByAuthority, Decider: &someActor, Reason: &someReason, Ext: someExt, SD: someSD,
		},
		events.TypeAccessExtended: events.AccessExtended{
			Request: "req-1", AccessID: "acc-1", DecidedBy: events.DecidedByCustomer, Decider: &someActor, Window: someWindow, Reason: &someReason,
			Ext: someExt, SD: someSD,
		},
		events.TypeAccessExpired: events.AccessExpired{
			Request: "req-1", AccessID: "acc-1", Window: someWindow, DecidedBy: events.DecidedByOperator, Decider: &someActor, Ext: someExt, SD: someSD,
		},
		events.TypeChangeDeployed: events.ChangeDeployed{
			Change: "CHG-1", Release: someDigest, BuiltIn: "US", BuiltBy: &someOrganisation, Component: "hypervisor", Actor: someActor,
			ApprovedBy: events.DecidedByOperator, Approver: &someActor, Assets: []string{"rack-07"}, Reason: someReason, Mode: events.ModeAPI,
			From: &someFrom, AccessID: "acc-1", Region: "my-central-1", Ext: someExt, SD: someSD,
		},
		events.TypeDataTransferred: events.DataTransferred{
			Session: "s-1", AccessID: "acc-1", Actor: someActor, DataClass: "financial", Bytes: 734003200, FromCountry: "MY", ToCountry: "US",
			Recipient: someOrganisation, LegalBasis: "pdpa_129", Reason: someReason, Tenant: "bank-03", Assets: []string{"vol-88"}, Ext: someExt, SD: someSD,
		},
		events.TypeKeyUsed: events.KeyUsed{
			Session: "s-1", AccessID: "acc-1", Actor: someActor, Key: "kek-bank-03", Operation: "unwrap", Custodian: someCustodian, HSM: "hsm-2",
			Outcome: events.OutcomeSuccess, Reason: someReason, Tenant: "bank-03", DataClasses: []string{"financial"}, Ext: someExt, SD: someSD,
		},
		events.TypeKeyCustodyChanged: events.KeyCustodyChanged{
			AccessID: "acc-1", Actor: someActor, Key: "kek-bank-03", Operation: "export", From: someCustodian, To: someCustodian, HSM: "hsm-2",
			Instrument: &someInstrument, Reason: someReason, Tenant: "bank-03", Ext: someExt, SD: someSD,
		},
		events.TypeAccessCompelled: events.AccessCompelled{
			Demand: "LE-2026-31", By: events.CompelledByGovernment, Country: "US", Instrument: someInstrument,
			Scope:  events.DemandScope{DataClasses: []string{"mail"}, Tenants: []string{"uni-01"}, Assets: []string{"vol-88"}, Window: &someWindow},
			Answer: events.DemandContested, AccessID: "acc-1", Ext: someExt, SD: someSD,
		},
		events.TypeAccessCommitted: events.AccessCommitted{
			Batch: "b-1", Root: someDigest, Count: 3, Totals: []events.ClassTotal{{Class: "read", Count: 3}}, Window: someWindow, System: "audit",
			Ext: someExt, SD: someSD,
		},
		events.TypeAccessProduced: events.AccessProduced{
			Order: "PO-1", Authority: "mcmc", Batch: "b-1", Root: someDigest, Asked: 2,
			Records: []events.ProducedRecord{{Index: 1, Digest: someDigest, Proof: []string{someDigest}}}, Ext: someExt, SD: someSD,
		},
		events.TypeAttestationControl: events.ControlAttested{
			Recorder: "nimbus-my/lab-1/bastion-1", Control: "session_recording", Framework: "ISO/IEC 27001:2022 A.8.15", Status: events.ControlInPlace,
			Period: &someWindow, Assessor: &someOrganisation, Evidence: []string{someDigest},
		}.Statement(),
		events.TypeAttestationBlindspot: events.BlindspotAttested{
			Recorder: "nimbus-my/lab-1/bastion-1", Unrecorded: "serial_console", Why: "not_supported", From: someTime, Until: someTime,
		}.Statement(),
		events.TypeAttestationCorrection: events.Replacing(someReference, someReference, "wrong_actor", someActor).Statement(),
		events.TypeAttestationResponse: events.ResponseAttested{
			Recorder: "nimbus-my/lab-1/bastion-1", Finding: "late-record/nimbus-my/lab-1/bastion-1/42", Answer: events.AnswerDisputed, Reason: "clock",
			Until: someTime, Events: []events.EventReference{someReference}, Evidence: []string{someDigest},
		}.Statement(),
		events.TypeSealed: someSealed(),
		events.TypeAccessDisclosed: events.AccessDisclosed{
			Order: "PO-1", Authority: "mcmc", Event: someRef, Disclosures: someSD, Ext: someExt,
		},
		events.TypeAuthorityAdmitted: events.AuthorityAdmitted{
			Authority: "bnm", Name: "Bank Negara Malaysia", Key: someKey, RecoveryKey: someKey, Recipient: someRecipient, Connection: someUser, Mandate: someMandate,
		},
		events.TypeAuthorityRotated: events.AuthorityRotated{Authority: "mcmc", Key: someKey, Replaces: someKeyID, RecoveryKey: someKey, Reason: "yearly"},
		events.TypeRecipientRotated: events.RecipientRotated{Authority: "mcmc", Recipient: someRecipient, Previous: someRecipient, Reason: "yearly"},
		events.TypeTenantDeclared:   events.TenantDeclared{Tenant: "bank-03", Operator: "nimbus-my", Sector: "banking", Country: "MY"},
		events.TypeFacilityRetired:  events.FacilityRetired{Facility: "lab-1", Reason: "closed"},
		events.TypeRecorderRetired:  events.RecorderRetired{Recorder: "nimbus-my/lab-1/bastion-1", Reason: "replaced"},
		events.TypeWitnessesAdopted: events.WitnessesAdopted{Policy: "quorum none\n", Reason: "order-2026-21"},
		events.TypePredecessorAdopted: events.PredecessorAdopted{
			Origin: "ledger.example.my/saksi/2026", Size: 1042, Root: "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
			Without: []string{someKeyID}, Reason: "the log's key was stolen",
		},
		events.TypeRecorderContinued: events.RecorderContinued{Recorder: "nimbus-my/lab-1/bastion-1", Incarnation: 1, Last: 37, Manifest: someDigest, Leaf: 977},
		events.TypeRulesetAdopted:    events.RulesetAdopted{Ruleset: someDigest, Reason: "P-256"},
		events.TypePackAdopted:       events.PackAdopted{Pack: "my", Version: "2026.1", Digest: someDigest, Effective: someTime},
		events.TypeProductionOrdered: events.ProductionOrdered{
			Order: "PO-1", Recorder: "nimbus-my/lab-1/bastion-1", Event: someRef, Records: []events.Integer{1}, Disclosures: someSD, Due: someTime, Ground: "investigation",
		},
		events.TypeDisclosureRevealed: events.DisclosureRevealed{
			Recorder: "nimbus-my/lab-1/bastion-1", Kind: events.RevealedDisclosure, Actor: "p-1", Events: []events.RefFields{someRef}, Ground: "investigation", Order: "PO-1",
		},
		events.TypeDisclosureErased: events.DisclosureErased{Operator: "nimbus-my", Actor: "p-1", Facilities: []string{"lab-1"}, Ground: "request", Order: "PO-1"},
		events.TypeBodyErased:       events.BodyErased{Recorder: "nimbus-my/lab-1/bastion-1", Leaf: 4711, Event: new(events.Integer(2)), Ground: "court_order", Order: "PO-1"},
		events.TypeHoldPlaced: events.HoldPlaced{
			Hold: "H-1", Facilities: []string{"lab-1"}, Operators: []string{"nimbus-my"}, Actors: []string{"p-1"}, From: someTime, To: someTime, Ground: "court_order",
		},
		events.TypeHoldReleased:        events.HoldReleased{Hold: "H-1", Ground: "case_closed"},
		events.TypeFindingAcknowledged: events.FindingAcknowledged{Finding: "gap/1", Facility: "lab-1", Note: "asked"},
		events.TypeFindingResolved:     events.FindingResolved{Finding: "gap/1", Facility: "lab-1", Outcome: events.OutcomeExplained, Note: "seen"},
		events.TypeGenesis: events.Genesis{
			Origin: "ledger.example.my/saksi/2026", Jurisdiction: "MY",
			Authorities: []events.GenesisMandate{{
				Authority: "mcmc", Key: someKey, RecoveryKey: someKey, Recipient: someRecipient, Mandate: someMandate,
			}},
			LedgerKey: someKey, LogKey: someLogKey, Ruleset: schemas.Digest(schemas.CurrentRuleset()),
			Retention:     events.Retention{Access: "P7Y", Facility: "forever", Attestation: "P10Y", Registry: "forever", Rejected: "P90D", Disclosures: "P1Y"},
			WitnessPolicy: "quorum none\n", Predecessor: "ledger.example.my/saksi/2025\n4096\n",
		},
		events.TypeOperatorAdmitted: events.OperatorAdmitted{
			Operator: "nimbus-my", Country: "MY", Name: "Nimbus Malaysia Sdn Bhd", Keys: []string{someKey}, Connection: someUser,
		},
		events.TypeOperatorSuspended:  events.OperatorSuspended{Operator: "nimbus-my", Reason: "order-2026-17"},
		events.TypeOperatorReadmitted: events.OperatorReadmitted{Operator: "nimbus-my", Reason: "order-2026-18"},
		events.TypeKeyAdded:           events.KeyAdded{Operator: "nimbus-my", Key: someKey},
		events.TypeKeyRevoked:         events.KeyRevoked{Operator: "nimbus-my", KeyID: someKeyID, From: someTime, Reason: "stolen"},
		events.TypeFacilityDeclared: events.FacilityDeclared{
			Facility: "kul-dc-2", Country: "MY", Landlord: "garuda-cloud", Occupants: []string{"nimbus-my"}, Name: "Cyberjaya Campus 2", State: "Selangor",
			Address: "Persiaran APEC, 63000 Cyberjaya", Regions: []string{"ap-southeast-5"}, TimeZone: "Asia/Kuala_Lumpur",
		},
		events.TypeRecorderDeclared: events.RecorderDeclared{
			Recorder: "nimbus-my/lab-1/bastion-1", Kind: events.RecorderBastion, AttestEverySeconds: 86400, Signatures: 2,
		},
		events.TypeEpochOpened: events.EpochOpened{
			Epoch: 2, PreviousEpoch: 1, LastSeq: 123, ResumeSeq: 1, Reason: events.EpochReplaced, Detail: "the stream is younger than the last leaf",
		},
		events.TypeClock: events.Clock{At: someTime},
		events.TypeAnchorRecorded: events.AnchorRecorded{
			Rekor: "rekor.example.my", Kind: "hashedrekord 0.0.1", LogID: "wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=", Index: 25579,
			IntegratedTime: someTime, Size: 417, Root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", Checkpoint: someDigest, Entry: someDigest,
		},
		events.TypeTimestampRecorded: events.TimestampRecorded{
			Authority: "tsa.example", Serial: "5f3a9c01", Time: someTime, Size: 417, Root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
			Checkpoint: someDigest, Token: someDigest,
		},
		events.TypeCheckpointCosigned: events.CheckpointCosigned{
			Size: 417, Root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
			Cosignatures: []events.Cosignature{{Witness: "witness.example.sg/w1", Time: someTime, Signature: base64.StdEncoding.EncodeToString(make([]byte, 76))}},
		},
	}
}

// someSealed is an event as the examples seal it.
func someSealed() (s events.Sealed) {
	for _, ex := range schemas.Examples() {
		if ex.Type == events.TypeSealed && ex.Valid {
			e, err := events.ParseEvent(ex.Event)
			if err == nil {
				err = json.Unmarshal(e.Data, &s)
			}
			if err != nil {
				panic(err)
			}
		}
	}
	return s
}

func compiled(t *testing.T) *schema.Set {
	t.Helper()
	set, err := schema.Compile(schemas.CurrentRuleset())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestVocabularyWritesWhatSchemasAccept holds Go's types and the schemas to the same fields, in both directions:
// every field of a type is in its schema, and every property of a schema is a field.
func TestVocabularyWritesWhatSchemasAccept(t *testing.T) {
	set, all := compiled(t), filled()
	for _, typ := range schemas.Types() {
		if typ == events.TypeGenesisV1 {
			continue // read, no longer written: its members are some of its successor's
		}
		data, ok := all[typ]
		if !ok {
			t.Errorf("%s has no Go type", typ)
			continue
		}
		if unset := zeroFields(typ, reflect.ValueOf(data)); len(unset) > 0 {
			t.Errorf("not filled: %s", strings.Join(unset, ", "))
		}
		e, err := events.NewEvent(events.LedgerRecorder, typ, "1", someTime.Time, data, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		line, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := set.ValidateEvent(typ, line); err != nil {
			t.Errorf("%s: %v\n%s", typ, err, e.Data)
		}
		file, _ := schemas.Event(typ)
		var properties struct {
			Properties map[string]any `json:"properties"`
		}
		var written map[string]any
		if err := json.Unmarshal(file, &properties); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(e.Data, &written); err != nil {
			t.Fatal(err)
		}
		for name := range properties.Properties {
			if _, ok := written[name]; !ok {
				t.Errorf("%s: no field for %s", typ, name)
			}
		}
	}
	for typ := range all {
		if !set.Known(typ) {
			t.Errorf("%s has no schema", typ)
		}
	}
}

func zeroFields(path string, v reflect.Value) (unset []string) {
	switch v.Kind() {
	case reflect.Pointer:
		return zeroFields(path, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			unset = append(unset, zeroFields(path, v.Index(i))...)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[events.Time]() {
			return nil
		}
		for f, x := range v.Fields() {
			name := path + "." + f.Name
			if x.IsZero() {
				unset = append(unset, name)
			}
			unset = append(unset, zeroFields(name, x)...)
		}
	}
	return unset
}

// TestVocabularyReadsWhatItWrites checks that nothing is lost on the way.
func TestVocabularyReadsWhatItWrites(t *testing.T) {
	for typ, data := range filled() {
		before, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		v := reflect.New(reflect.TypeOf(data))
		if err := json.Unmarshal(before, v.Interface()); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		after, err := json.Marshal(v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		// Compared as values: what is free for the operator comes back in another order.
		if !reflect.DeepEqual(decoded(t, before), decoded(t, after)) {
			t.Errorf("%s:\nwritten %s\nread as %s", typ, before, after)
		}
	}
}

func decoded(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPeriodWithoutManifest(t *testing.T) {
	s := events.PeriodAttested{Recorder: "garuda-cloud/kul-dc-2/badge-1", Incarnation: 1, From: someTime, To: someTime}.Statement()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled(t).Validate(events.TypeAttestationPeriod, data); err != nil {
		t.Error(err)
	}
	if s.Subject[0].Digest.SHA256 == (events.PeriodAttested{Recorder: "nimbus-my/lab-1/bastion-1"}).Statement().Subject[0].Digest.SHA256 {
		t.Error("two recorders share a subject digest")
	}
}

func TestIntegerAndTime(t *testing.T) {
	for text, want := range map[string]events.Integer{`1`: 1, `1.0`: 1, `10e-1`: 1, `-0`: 0, `9007199254740991.0`: 1<<53 - 1, `1e3`: 1000} {
		var i events.Integer
		if err := json.Unmarshal([]byte(text), &i); err != nil || i != want {
			t.Errorf("%s is read as %d, %v", text, i, err)
		}
	}
	for _, text := range []string{`1.5`, `"1"`, `1e99`, `1e999999999`, `true`, `{}`} {
		var i events.Integer
		if err := json.Unmarshal([]byte(text), &i); err == nil {
			t.Errorf("%s is read as %d", text, i)
		}
	}
	var at events.Time
	if err := json.Unmarshal([]byte(`"\u0032026-11-23T08:15:30.125Z"`), &at); err != nil || !at.Equal(someTime.Time) {
		t.Errorf("%v, %v", at, err)
	}
	if err := json.Unmarshal([]byte(`"yesterday"`), &at); err == nil {
		t.Error("yesterday is read as a time")
	}
}
