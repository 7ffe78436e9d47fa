package views

import (
	"strconv"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/production"
)

// Order is an authority's order to produce, and what became of it. Its key is the
// authority and the number that it gave it.
type Order struct {
	Ref       events.Ref `col:"ref" json:"ref" doc:"the order: LEAF/EVENT"`
	Ordered   time.Time  `col:"ordered,order" json:"ordered" doc:"when the ledger's stream received it"`
	Authority string     `col:"authority,index" json:"authority" doc:"who ordered it"`
	Number    string     `col:"number,index" json:"number" doc:"that the authority gave the order"`
	Ground    string     `col:"ground" json:"ground" doc:"on what ground"`
	Operator  string     `col:"operator,index" json:"operator" doc:"who is to produce"`
	Facility  string     `col:"facility,index" json:"facility" doc:"where"`
	Recorder  string     `col:"recorder" json:"recorder" doc:"that said the event"`

	Event       events.Ref `col:"event" json:"event" doc:"the commitment, or the event whose disclosures are asked for"`
	Batch       string     `col:"batch" json:"batch" doc:"the committed batch, as its recorder names it"`
	Root        string     `col:"root" json:"root" doc:"that was committed to"`
	Records     []string   `col:"records" json:"records" doc:"the records asked for, by index within the batch"`
	Disclosures []string   `col:"disclosures" json:"disclosures" doc:"the disclosures asked for, by digest"`

	State      OrderState  `col:"state,index" json:"state" doc:"open, produced, late, missing or mismatch"`
	Due        time.Time   `col:"due,index" json:"due" doc:"by when it is to be produced"`
	Asked      int         `col:"asked" json:"asked" doc:"how many records or disclosures were asked for"`
	Left       int         `col:"left" json:"left" doc:"how many of them have not come"`
	Produced   time.Time   `col:"produced" json:"produced,omitzero" doc:"when all of it had come"`
	Mismatches int         `col:"mismatches" json:"mismatches" doc:"how many answers did not belong to what was committed to, or were not asked for"`
	Answers    events.Refs `col:"answers" json:"answers" doc:"the operator's answers: the first and the last of many"`
}

// OrderState is what became of an order.
type OrderState string

// The states of an order. Mismatch is that of one whose last answer does not belong to
// what was committed to, or was not asked for, until a right one comes or it falls due.
const (
	OrderOpen     OrderState = "open"
	OrderProduced OrderState = "produced"
	OrderLate     OrderState = "late"
	OrderMissing  OrderState = "missing"
	OrderMismatch OrderState = "mismatch"
)

// firstAnswers and lastAnswers are how many of many answers a row names: all of an order's
// 64 records, were each an answer of its own.
const firstAnswers, lastAnswers = 64, 32

// Orders returns the view of authorities' orders to produce, and what became of each.
func Orders() *projections.View {
	rows := projections.NewTable[Order]("orders")
	book := production.New("orders", "due")
	return &projections.View{
		Name: "orders", Version: 1, Family: events.FamilyAccess, Title: "What authorities have ordered operators to produce, by when, and what came of it",
		Reads: production.Types(), Tables: append([]projections.Schema{rows}, book.Tables()...),
		Leaf: func(tx *projections.Tx, f *projections.Fact) error {
			return book.Follow(tx, f, func(s *production.Step) error {
				switch {
				case s.Order == nil:
					return nil // an answer to no order: a finding
				case !s.Answer:
					row, err := orderRow(tx, book, f, s.Order)
					if err != nil || row == nil {
						return err
					}
					return rows.Put(tx, s.Order.Key(), row)
				}
				row, found, err := rows.Get(tx, s.Order.Key())
				if err != nil || !found {
					return err
				}
				row.answer(s, f.Leaf.Received)
				return rows.Put(tx, s.Order.Key(), row)
			})
		},
		Due: func(tx *projections.Tx, key string, _ time.Time) error {
			o, err := book.Due(tx, key)
			if err != nil || o == nil {
				return err
			}
			row, found, err := rows.Get(tx, o.Key())
			if err != nil || !found {
				return err
			}
			row.State = OrderMissing
			return rows.Put(tx, o.Key(), row)
		},
	}
}

func orderRow(tx *projections.Tx, book *production.Orders, f *projections.Fact, o *production.Order) (*Order, error) {
	recorder, err := events.ParseRecorder(o.Recorder)
	if err != nil {
		return nil, nil // admission holds an order to a recorder's name
	}
	row := &Order{
		Ref: o.Ref, Ordered: f.Leaf.Received, Authority: o.Authority, Number: o.Order, Ground: o.Ground,
		Operator: recorder.Owner, Facility: recorder.Facility, Recorder: o.Recorder,
		Event: o.Event, Disclosures: o.Disclosures, State: OrderOpen, Due: o.Due, Asked: o.Asked(), Left: o.Left(),
	}
	for _, n := range o.Records {
		row.Records = append(row.Records, strconv.FormatUint(n, 10))
	}
	c, err := book.Commitment(tx, o)
	if err != nil {
		return nil, err
	}
	if c != nil {
		row.Batch, row.Root = c.Batch, c.Root
	}
	return row, nil
}

// answer takes note of an answer that came.
func (row *Order) answer(s *production.Step, at time.Time) {
	o := s.Order
	row.Left = o.Left()
	row.Answers = append(row.Answers, s.Event.Ref)
	if n := len(row.Answers); n > firstAnswers+lastAnswers {
		row.Answers = append(row.Answers[:firstAnswers:firstAnswers], row.Answers[n-lastAnswers:]...)
	}
	if s.Completed {
		row.Produced = at
	}
	switch {
	case s.Problem != "":
		row.Mismatches++
		row.State = OrderMismatch
	case o.Left() == 0 && o.Late:
		row.State = OrderLate
	case o.Left() == 0:
		row.State = OrderProduced
	case o.Missing:
		row.State = OrderMissing
	default:
		row.State = OrderOpen
	}
}
