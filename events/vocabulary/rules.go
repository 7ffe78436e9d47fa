package vocabulary

import (
	"strings"

	"github.com/saksi-ledger/saksi/events"
)

// The names of the rules, as rule sets list them.
const (
	ruleWindow    = "window"    // nothing ends before it begins
	ruleTotals    = "totals"    // parts add up to the whole, and none is counted twice
	ruleSequence  = "sequence"  // sequence numbers and count tell of the same events
	ruleStatement = "statement" // an attestation is about what its statement names, and of the operator that swears
	ruleRecords   = "records"   // a production shows each record once, and no more than were asked for
	rulePlaces    = "places"    // what moves comes to another place
)

// allRules are grouped by name.
var allRules = []rule{
	on(ruleWindow, AccessRequested, func(_ string, d events.AccessRequested) error { return ordered("data.window", &d.Window) }),
	on(ruleWindow, AccessApproved, func(_ string, d events.AccessDecided) error { return ordered("data.window", d.Window) }),
	on(ruleWindow, AccessDenied, func(_ string, d events.AccessDecided) error { return ordered("data.window", d.Window) }),
	on(ruleWindow, AccessExtended, func(_ string, d events.AccessExtended) error { return ordered("data.window", &d.Window) }),
	on(ruleWindow, AccessExpired, func(_ string, d events.AccessExpired) error { return ordered("data.window", &d.Window) }),
	on(ruleWindow, AccessCommitted, func(_ string, d events.AccessCommitted) error { return ordered("data.window", &d.Window) }),
	on(ruleWindow, AccessCompelled, func(_ string, d events.AccessCompelled) error {
		return ordered("data.scope.window", d.Scope.Window)
	}),
	on(ruleWindow, StaffingReported, func(_ string, d events.StaffingReported) error { return ordered("data.period", &d.Period) }),
	on(ruleWindow, WorkloadDeclared, func(_ string, d events.WorkloadDeclared) error { return ordered("data.window", d.Window) }),
	on(ruleWindow, AttestationPeriod, func(_ string, d events.Statement) error {
		return follows("data.predicate.to", d.Predicate.From, d.Predicate.To)
	}),
	on(ruleWindow, AttestationControl, func(_ string, d events.StatementOf[events.ControlAttested]) error {
		return ordered("data.predicate.period", d.Predicate.Period)
	}),
	on(ruleWindow, AttestationBlindspot, func(_ string, d events.StatementOf[events.BlindspotAttested]) error {
		return follows("data.predicate.until", d.Predicate.From, d.Predicate.Until)
	}),
	on(ruleWindow, HoldPlaced, func(_ string, d events.HoldPlaced) error { return follows("data.to", d.From, d.To) }),

	on(ruleTotals, AccessCommitted, committedTotals),
	on(ruleTotals, StaffingReported, headCountOnce),
	on(ruleTotals, FacilityDescribed, hiredOfCompleted),

	on(ruleSequence, AttestationPeriod, countedSequence),

	on(ruleStatement, AttestationPeriod, func(source string, d events.Statement) error {
		return sworn(source, d.Subject, d.Predicate.Recorder, d.Predicate.Manifest)
	}),
	on(ruleStatement, AttestationControl, func(source string, d events.StatementOf[events.ControlAttested]) error {
		return sworn(source, d.Subject, d.Predicate.Recorder, "")
	}),
	on(ruleStatement, AttestationBlindspot, func(source string, d events.StatementOf[events.BlindspotAttested]) error {
		return sworn(source, d.Subject, d.Predicate.Recorder, "")
	}),
	on(ruleStatement, AttestationCorrection, corrected),
	on(ruleStatement, AttestationResponse, func(source string, d events.StatementOf[events.ResponseAttested]) error {
		return sworn(source, d.Subject, d.Predicate.Recorder, "")
	}),

	on(ruleRecords, AccessProduced, producedOnce),

	on(rulePlaces, AssetMoved, func(_ string, d events.AssetChanged) error {
		if d.From == d.To {
			return wrong("data.to", "what moves comes to another place than it left")
		}
		return nil
	}),
}

// ordered: a window ends no sooner than it begins. One that isn't there does.
func ordered(path string, w *events.Window) error {
	if w == nil {
		return nil
	}
	return follows(path+".to", w.From, w.To)
}

// follows: the second time, if there is one, is not before the first.
func follows(path string, from, to events.Time) error {
	if !to.IsZero() && to.Before(from.Time) {
		return wrong(path, "it ends before it begins, at %s", from.UTC().Format("2006-01-02T15:04:05.999999999Z"))
	}
	return nil
}

func committedTotals(_ string, d events.AccessCommitted) error {
	var sum events.Integer
	seen := map[string]bool{}
	for _, t := range d.Totals {
		if seen[t.Class] {
			return wrong("data.totals", "the class %s stands there twice", t.Class)
		}
		seen[t.Class] = true
		sum += t.Count
	}
	if sum != d.Count {
		return wrong("data.totals", "they add up to %d, and data.count is %d", sum, d.Count)
	}
	return nil
}

func headCountOnce(_ string, d events.StaffingReported) error {
	type group struct {
		function    string
		citizenship events.Citizenship
		engagement  events.Engagement
	}
	seen := map[group]bool{}
	for _, h := range d.HeadCount {
		g := group{h.Function, h.Citizenship, h.Engagement}
		if seen[g] {
			return wrong("data.headCount", "%s, %s, %s is counted twice", g.function, g.citizenship, g.engagement)
		}
		seen[g] = true
	}
	return nil
}

func hiredOfCompleted(_ string, d events.FacilityDescribed) error {
	for _, t := range d.Training {
		if t.Hired > t.Completed {
			return wrong("data.training", "%d were hired of %d who completed it", t.Hired, t.Completed)
		}
	}
	return nil
}

func countedSequence(_ string, d events.Statement) error {
	p := d.Predicate
	switch {
	case p.Count == 0 && (p.First != 0 || p.Last != 0):
		return wrong("data.predicate.count", "it is 0, and there are sequence numbers")
	case p.Count == 0:
		return nil
	case p.First == 0 || p.Last == 0:
		return wrong("data.predicate.count", "it is %d, and the first or last sequence number is missing", p.Count)
	case p.First > p.Last:
		return wrong("data.predicate.last", "it is before the first, %d", p.First)
	case p.Count > p.Last-p.First+1: // fewer, where some of those numbers are of other periods' events
		return wrong("data.predicate.count", "it is %d, and %d to %d are no more than %d", p.Count, p.First, p.Last, p.Last-p.First+1)
	case p.Manifest == "":
		return wrong("data.predicate", "there were events, and the last manifest is missing")
	}
	return nil
}

// sworn: [about], and an operator swears for recorders of its own alone.
func sworn(source string, subject []events.StatementSubject, recorder, digest string) error {
	if err := about(subject, recorder, digest); err != nil {
		return err
	}
	operator, _, _ := strings.Cut(strings.TrimPrefix(source, "/"), "/")
	if other, _, _ := strings.Cut(recorder, "/"); other != operator {
		return wrong("data.predicate.recorder", "%s is not a recorder of %s, who says this", recorder, operator)
	}
	return nil
}

// about: the statement names what its predicate is about.
func about(subject []events.StatementSubject, recorder, digest string) error {
	if len(subject) != 1 || subject[0].Name != recorder {
		return wrong("data.subject", "it is another than the predicate is about, %s", recorder)
	}
	if bare, ok := strings.CutPrefix(digest, "sha256:"); ok && subject[0].Digest.SHA256 != bare {
		return wrong("data.subject", "its digest is another than the predicate has, %s", digest)
	}
	return nil
}

// corrected: whose events may be corrected by whom is for views to tell.
func corrected(_ string, d events.StatementOf[events.CorrectionAttested]) error {
	p := d.Predicate
	if err := about(d.Subject, p.Event.Recorder, p.Event.Digest); err != nil {
		return err
	}
	switch {
	case p.Action == events.CorrectionReplaced && p.By == nil:
		return wrong("data.predicate.action", "it is replaced, and what replaces it is missing")
	case p.Action == events.CorrectionWithdrawn && p.By != nil:
		return wrong("data.predicate.action", "it is withdrawn, and something replaces it")
	case p.By == nil:
		return nil
	case *p.By == p.Event:
		return wrong("data.predicate.by", "it is the event that it replaces")
	}
	return nil
}

func producedOnce(_ string, d events.AccessProduced) error {
	if events.Integer(len(d.Records)) > d.Asked {
		return wrong("data.records", "there are %d, and data.asked is %d", len(d.Records), d.Asked)
	}
	seen := map[events.Integer]bool{}
	for _, r := range d.Records {
		if seen[r.Index] {
			return wrong("data.records", "record %d stands there twice", r.Index)
		}
		seen[r.Index] = true
	}
	return nil
}
