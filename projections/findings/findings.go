// Package findings has the rules that say what does not add up, one file each, and the
// view of their findings.
//
// Each rule is a file and a small type; the view shows every leaf to all of them, and
// follows recorders' numbering once for all.
//
// Not here: rule packs, and how authorities settle a finding.
package findings

import (
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// Finding is something that breaks a rule or does not add up. Its key is ID, which
// follows from what was found: the same leaves give the same findings.
type Finding struct {
	ID       string      `col:"id" json:"id" doc:"names the finding for good"`
	Rule     string      `col:"rule,index" json:"rule" doc:"which rule found it"`
	Severity Severity    `col:"severity,index" json:"severity" doc:"info, low, medium or high"`
	State    State       `col:"state,index" json:"state" doc:"open, acknowledged by an authority, or resolved, by what came later or by an authority"`
	Facility string      `col:"facility,index" json:"facility" doc:"where"`
	Operator string      `col:"operator,index" json:"operator" doc:"whose"`
	Recorder string      `col:"recorder,index" json:"recorder" doc:"the source of record"`
	Subject  string      `col:"subject" json:"subject" doc:"what it is about, within the recorder: numbers, a session, a period"`
	Summary  string      `col:"summary" json:"summary" doc:"one sentence for people"`
	Law      string      `col:"law" json:"law" doc:"legal source; empty where none was adopted"`
	Since    time.Time   `col:"since" json:"since" doc:"from when on it was so, as far as the evidence tells"`
	Raised   time.Time   `col:"raised,order" json:"raised" doc:"ledger's time when it was found"`
	Resolved time.Time   `col:"resolved" json:"resolved,omitzero" doc:"ledger's time when it was resolved"`
	By       string      `col:"by" json:"by,omitempty" doc:"the authority that acknowledged or resolved it"`
	Outcome  string      `col:"outcome" json:"outcome,omitempty" doc:"what came of it, by that authority's word"`
	Note     string      `col:"note" json:"note,omitempty" doc:"that authority's note"`
	Response string      `col:"response" json:"response,omitempty" doc:"the operator's answer: explained, accepted, corrected or disputed, and why"`
	Evidence events.Refs `col:"evidence" json:"evidence" doc:"leaves and events that show it: the first and the last of many"`
}

// Severity is how much a finding matters where no rule pack says otherwise.
type Severity string

// The severities.
const (
	Info   Severity = "info"
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// State is what became of a finding.
type State string

// The states. What can't be undone, such as a contradiction, stays until an authority
// resolves it.
const (
	Open         State = "open"
	Acknowledged State = "acknowledged"
	Resolved     State = "resolved"
)

// rule is one thing that may not add up. Its timers' keys begin with its name and a
// slash; due gets what follows.
type rule interface {
	name() string
	states() []projections.Schema
	// leaf sees every leaf; step is nil unless it is an accepted envelope of an
	// operator's whose body is there.
	leaf(b *findingsWriter, f *projections.Fact, step *sequence.Step) error
	due(b *findingsWriter, key string) error
}

// View returns the view of findings.
func View() *projections.View {
	table := projections.NewTable[Finding]("findings")
	follow := sequence.New("findings", true)
	rules := []rule{
		sequenceGap{}, brokenChain{}, contradiction{newContradicted()}, restarted{},
		newAttestationOverdue(), newAttestationContradicted(), newSessionOverlong(), newLateRecord(), newDoubtfulKey(), newRejections(), newProductionFinding(), newQuorumOverdue(),
		settled{},
	}
	tables := append([]projections.Schema{table}, follow.Tables()...)
	for _, r := range rules {
		tables = append(tables, r.states()...)
	}
	return &projections.View{
		Name: "findings", Version: 9, Title: "What breaks a rule or does not add up",
		// Findings tell of sessions, persons and what is missing of both, so they go with
		// access events, as does the say in what becomes of them. They are about
		// recorders, and so no one customer's.
		Family: events.FamilyAccess,
		Reads: []string{events.TypeSessionOpened, events.TypeSessionClosed, events.TypeAttestationPeriod, events.TypeRecorderDeclared, events.TypeKeyRevoked,
			events.TypeRecorderRetired, events.TypeFindingAcknowledged, events.TypeFindingResolved, events.TypeAttestationResponse,
			events.TypeProductionOrdered, events.TypeAccessCommitted, events.TypeAccessProduced, events.TypeAccessDisclosed,
			events.TypeGenesis, events.TypeGenesisV1, events.TypeWitnessesAdopted, events.TypeCheckpointCosigned, events.TypeRecorderContinued},
		Tables: tables,
		Leaf: func(tx *projections.Tx, f *projections.Fact) error {
			step, err := follow.Follow(tx, f)
			if err != nil {
				return err
			}
			b := &findingsWriter{tx: tx, table: table, tracker: follow}
			for _, r := range rules {
				if err := r.leaf(b, f, step); err != nil {
					return fmt.Errorf("%s: %w", r.name(), err)
				}
			}
			return nil
		},
		Due: func(tx *projections.Tx, key string, _ time.Time) error {
			name, rest, _ := strings.Cut(key, "/")
			b := &findingsWriter{tx: tx, table: table, tracker: follow}
			for _, r := range rules {
				if r.name() != name {
					continue
				}
				if err := r.due(b, rest); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		},
	}
}
