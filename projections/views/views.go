// Package views has the views that authorities see, one file each.
//
// What is found wrong is in package findings.
//
// Not here: findings, which are in projections/findings, clocks, and anything but leaves
// and bodies as input.
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
