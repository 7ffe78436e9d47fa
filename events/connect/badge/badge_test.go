package badge_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/badge"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

var suite = connecttest.Suite{
	System: connect.System{Name: "badge", Mapped: true, New: badge.New}, Dir: "testdata",
	Open: []string{"Date", "Time"}, // both in the event's time
}

func TestConnector(t *testing.T) { connecttest.Run(t, suite) }

func FuzzDraft(f *testing.F) { connecttest.Fuzz(f, suite) }
