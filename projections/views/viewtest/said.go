package viewtest

import (
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// engineer is somebody of the operator's parent, elsewhere.
var engineer = events.Actor{
	ID: "p-1", Kind: events.KindPerson, Party: events.PartyParent, Employer: "Nimbus Global",
	EmployerCountry: "US", OfficeCountry: "IE", PhysicalCountry: "IN", Role: "sre",
}

// Engineer returns an actor of the operator's parent, in another country.
func Engineer() events.Actor { return engineer }

// Performed is an operation, in a session if one is named.
func Performed(session string) Said {
	return Said{Type: events.TypeAccessPerformed, Data: events.AccessPerformed{
		Session: session, Actor: engineer, Operation: "kvm.console.attach", Resource: &events.Resource{Kind: "hypervisor"},
		Access: events.AccessAdmin, Outcome: events.OutcomeSuccess, Reason: events.Reason{Code: events.ReasonUnstated},
		Mode: events.ModeRemote, From: events.From{Country: "IN"}, Assets: []string{"host-1"}, DataClasses: []string{"financial"},
	}}
}

// Opened is a session's opening.
func Opened(session string) Said {
	return Said{Type: events.TypeSessionOpened, Data: events.SessionOpened{
		Session: session, AccessID: "acc-" + session, Actor: engineer, Mode: events.ModeRemote, From: events.From{Country: "IN"},
		Reason: events.Reason{Code: events.ReasonProductionAlert, Ticket: "INC-1"},
		Escort: &events.Escort{ID: "p-9", Party: events.PartyOperator, EmployerCountry: "MY", Competence: events.CompetenceInformed},
		Tenant: "bank-03", Assets: []string{"host-1"},
	}}
}

// Closed is a session's end; recording is a digest or empty.
func Closed(session, recording string) Said {
	return Said{Type: events.TypeSessionClosed, Data: events.SessionClosed{
		Session: session, Actor: engineer, Ended: events.EndedNormal, Recording: recording,
	}}
}

// Ago is the same, some time ago.
func (s Said) Ago(now time.Time, d time.Duration) Said {
	s.At = now.Add(-d)
	return s
}

// Attest is an attestation of everything a recorder said since a number, up to what it
// says next.
func (r *Recorder) Attest(from, to time.Time, first uint64) Said {
	p := events.PeriodAttested{
		Recorder: r.Name(), Incarnation: events.Integer(r.next.Incarnation), From: events.At(from), To: events.At(to),
	}
	if last := r.next.First - 1; last >= first {
		p.First, p.Last, p.Count = events.Integer(first), events.Integer(last), events.Integer(last-first+1)
		p.Manifest = r.next.Previous.String()
	}
	return Attestation(p)
}

// Attestation is an attestation of anything.
func Attestation(p events.PeriodAttested) Said {
	return Said{Type: events.TypeAttestationPeriod, Data: p.Statement()}
}
