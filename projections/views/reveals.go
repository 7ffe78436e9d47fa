package views

import (
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// Reveal is an authority's word, given before it opens anything, that it reads what was
// for its eyes: disclosures of a person, or sealed events. The operator sees it too.
type Reveal struct {
	Ref       events.Ref `col:"ref" json:"ref" doc:"the authority's word: LEAF/EVENT"`
	Received  time.Time  `col:"received,order" json:"received" doc:"when the ledger's stream received it"`
	Authority string     `col:"authority,index" json:"authority" doc:"who reads"`
	Operator  string     `col:"operator,index" json:"operator" doc:"whose events they are"`
	Facility  string     `col:"facility,index" json:"facility" doc:"where they happened"`
	Recorder  string     `col:"recorder" json:"recorder" doc:"that said them"`

	What   string      `col:"what,index" json:"what" doc:"disclosure or sealed"`
	Actor  string      `col:"actor.id,index" json:"actor.id" doc:"the pseudonym, where one person's disclosures are read"`
	Events events.Refs `col:"events" json:"events" doc:"the events that are read"`
	Ground string      `col:"ground,index" json:"ground" doc:"on what ground"`
	Order  string      `col:"order" json:"order" doc:"the number of the order"`
}

// Reveals returns the view of what authorities have read of persons, and on what ground.
func Reveals() *projections.View {
	rows := projections.NewTable[Reveal]("reveals")
	return &projections.View{
		Name: "reveals", Version: 1, Family: events.FamilyAccess, Title: "What authorities have read of persons and of sealed events, and on what ground",
		Reads: []string{events.TypeDisclosureRevealed}, Tables: []projections.Schema{rows},
		Leaf: func(tx *projections.Tx, f *projections.Fact) error {
			for i := range f.Events {
				e := &f.Events[i]
				d, ok := e.Data.(*events.DisclosureRevealed)
				if !ok {
					continue
				}
				recorder, err := events.ParseRecorder(d.Recorder)
				if err != nil {
					continue
				}
				row := &Reveal{
					Ref: e.Ref, Received: f.Leaf.Received, Authority: e.Recorder.Owner,
					Operator: recorder.Owner, Facility: recorder.Facility, Recorder: d.Recorder,
					What: string(d.Kind), Actor: d.Actor, Ground: d.Ground, Order: d.Order,
				}
				for _, ref := range d.Events {
					row.Events = append(row.Events, events.Ref{Leaf: uint64(ref.Leaf), Event: int(ref.Event)})
				}
				if err := rows.Append(tx, e.Ref.String(), row); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
