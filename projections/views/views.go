// Package views holds what authorities look at, one file a view: which events it
// reads, and what it makes of each. What is found wrong is in package findings.
package views

import (
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings"
)

// All returns all views, made anew.
func All() []*projections.View {
	return []*projections.View{Touches(), Sessions(), Facilities(), Completeness(), Corrections(), Reveals(), Orders(), Tenants(), findings.View()}
}

func sessionKey(recorder events.Recorder, session string) string {
	return findings.SessionKey(recorder, session)
}

func timeOf(e *projections.Event, f *projections.Fact) time.Time { return findings.TimeOf(e, f) }
