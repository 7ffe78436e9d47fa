package admission_test

import (
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/schemas"
)

// TestAdoptedRulesetJudges: a ledger is judged by the rule set that its genesis adopted, whatever came later.
func TestAdoptedRulesetJudges(t *testing.T) {
	const first = "sha256:86122bad75e1d3b4d950992ec9b085ae95680328ef8eb85f0ac1d2786f60c47f"
	for ruleset, code := range map[string]string{first: "unknown_type", schemas.Digest(schemas.CurrentRuleset()): ""} {
		genesis := newGenesisUnder(t, ruleset, signer("ledger"))
		m := begin(t, genesis)
		m.want(t, "", registry, genesis)
		m.say(t, "", admitted(t, nimbus, "k"), facility(t, lab), declared(t, "nimbus-my/lab-1/bastion-1", 1))
		r := recorder(t, "nimbus-my/lab-1/bastion-1")
		said := event(t, r, events.TypeAttestationBlindspot, events.BlindspotAttested{
			Recorder: r.String(), Unrecorded: "serial_console", Why: "not_supported", From: events.At(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)),
		}.Statement())
		m.want(t, code, r, seal(t, &events.Manifest{Recorder: r, Incarnation: 1, First: 1}, []*events.Signer{signer("k")}, said))
	}
}
