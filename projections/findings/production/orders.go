// Package production follows orders to produce: what was asked of whom, by when, and
// what has come.
//
// A Orders remembers orders and commitments in states of the view that holds it, so on
// disk. The view of orders and the findings about them are two readings of it.
//
// Not here: how orders are carried out, and clocks: its time is that of the last leaf.
package production

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/committed"
	"github.com/saksi-ledger/saksi/projections"
)

// Orders follows orders. It keeps nothing itself, and is as safe for concurrent use as the view whose states it writes.
type Orders struct {
	orders      *projections.State[Order]
	commitments *projections.State[Commitment]
	timers      string
}

// New returns an Orders whose states are called view-orders and view-commitments. The keys of its timers begin with
// timers and a slash; [Orders.Due] takes what follows.
func New(view, timers string) *Orders {
	return &Orders{projections.NewState[Order](view + "-orders"), projections.NewState[Commitment](view + "-commitments"), timers}
}

// Types are the types of events that an Orders reads.
func Types() []string {
	return []string{events.TypeProductionOrdered, events.TypeAccessCommitted, events.TypeAccessProduced, events.TypeAccessDisclosed}
}

// Tables returns the states that the Orders writes.
func (d *Orders) Tables() []projections.Schema { return []projections.Schema{d.orders, d.commitments} }

// Order is an order, and what has come of it. Its key is the authority and the number that it gave it.
type Order struct {
	Authority, Order string
	Recorder         string
	Event            events.Ref // the commitment, or the event whose disclosures are asked for
	Records          []uint64   `json:",omitempty"`
	Disclosures      []string   `json:",omitempty"`
	Ground           string
	Due              time.Time
	Ref              events.Ref
	Got              []uint64   `json:",omitempty"` // of Records, proven
	Handed           []string   `json:",omitempty"` // of Disclosures
	Last             events.Ref // the last answer
	Missing          bool       // it fell due with something left, and not all has come since
	Late             bool       // all has come, after it fell due
}

// Key names an order among all.
func (o *Order) Key() string { return key(o.Authority, o.Order) }

func key(authority, order string) string { return authority + "/" + order }

// Asked is how much was asked for, Left how much of it has not come.
func (o *Order) Asked() int { return len(o.Records) + len(o.Disclosures) }

// Left is how much of what was asked for has not come.
func (o *Order) Left() int { return o.Asked() - len(o.Got) - len(o.Handed) }

// Commitment is a batch that was committed to.
type Commitment struct {
	Batch, Root string
	Count       int64
	Ref         events.Ref
}

// Step is what one event did to an order.
type Step struct {
	// Order as it stands now; nil where an answer is to no order of the operator's.
	Order *Order
	Event *projections.Event
	// Answer says that the event is an operator's answer, and not the order itself.
	Answer bool
	// Number is the order's, as the answer has it.
	Number string
	// Problem says what doesn't belong in an answer: to what was committed to, or to what was asked for.
	Problem string
	// Completed says that with this answer all of it has come.
	Completed bool
}

// Follow takes what a leaf says of orders, and calls do with each step.
func (d *Orders) Follow(tx *projections.Tx, f *projections.Fact, do func(*Step) error) error {
	for i := range f.Events {
		e := &f.Events[i]
		var step *Step
		var err error
		switch data := e.Data.(type) {
		case *events.AccessCommitted:
			err = d.commitments.Put(tx, e.Ref.String(), &Commitment{Batch: data.Batch, Root: data.Root, Count: int64(data.Count), Ref: e.Ref})
		case *events.ProductionOrdered:
			step, err = d.ordered(tx, e, data)
		case *events.AccessProduced:
			step, err = d.answered(tx, e, data.Authority, data.Order, func(o *Order) (string, error) { return d.produced(tx, o, data) })
		case *events.AccessDisclosed:
			step, err = d.answered(tx, e, data.Authority, data.Order, func(o *Order) (string, error) { return o.disclosed(data), nil })
		}
		if err == nil && step != nil {
			step.Event = e
			err = do(step)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ordered takes an order on. Said again under its number it is another one.
func (d *Orders) ordered(tx *projections.Tx, e *projections.Event, data *events.ProductionOrdered) (*Step, error) {
	o := &Order{
		Authority: e.Recorder.Owner, Order: data.Order, Recorder: data.Recorder, Ground: data.Ground, Due: data.Due.UTC(), Ref: e.Ref,
		Event: events.Ref{Leaf: uint64(data.Event.Leaf), Event: int(data.Event.Event)},
	}
	// What is named twice is asked for once.
	for _, n := range data.Records {
		if !slices.Contains(o.Records, uint64(n)) {
			o.Records = append(o.Records, uint64(n))
		}
	}
	for _, digest := range data.Disclosures {
		if !slices.Contains(o.Disclosures, digest) {
			o.Disclosures = append(o.Disclosures, digest)
		}
	}
	if err := d.orders.Put(tx, o.Key(), o); err != nil {
		return nil, err
	}
	return &Step{Order: o, Number: o.Order}, tx.At(o.Due, d.timers+"/"+o.Key())
}

// Commitment returns the commitment that an order is about; nil if it is about none.
func (d *Orders) Commitment(tx *projections.Tx, o *Order) (*Commitment, error) {
	c, found, err := d.commitments.Get(tx, o.Event.String())
	if err != nil || !found {
		return nil, err
	}
	return c, nil
}

// answered finds the order that an operator answers, has take note what has come of it, and keeps what it noted.
func (d *Orders) answered(tx *projections.Tx, e *projections.Event, authority, number string, take func(*Order) (string, error)) (*Step, error) {
	step := &Step{Answer: true, Number: number}
	o, found, err := d.orders.Get(tx, key(authority, number))
	if err != nil {
		return nil, err
	}
	if found {
		recorder, err := events.ParseRecorder(o.Recorder)
		found = err == nil && recorder.Owner == e.Recorder.Owner
	}
	if !found {
		step.Problem = fmt.Sprintf("%s answers order %s of %s, which has ordered nothing of that number from it.", e.Recorder, number, authority)
		return step, nil
	}
	left := o.Left()
	problem, err := take(o)
	if err != nil {
		return nil, err
	}
	if problem != "" {
		step.Problem = fmt.Sprintf("%s answers order %s of %s: %s.", e.Recorder, number, authority, problem)
	}
	o.Last = e.Ref
	step.Order, step.Completed = o, left > 0 && o.Left() == 0
	if step.Completed {
		o.Late, o.Missing = o.Missing, false
		if err := tx.Cancel(d.timers + "/" + o.Key()); err != nil {
			return nil, err
		}
	}
	return step, d.orders.Put(tx, o.Key(), o)
}

// produced takes the records of an answer that belong to what was committed to and were asked for, up to the first
// that doesn't, and says what is wrong with that.
func (d *Orders) produced(tx *projections.Tx, o *Order, data *events.AccessProduced) (problem string, err error) {
	c, err := d.Commitment(tx, o)
	switch {
	case err != nil:
		return "", err
	case c == nil:
		return fmt.Sprintf("event %s, which the order is about, is no commitment", o.Event), nil
	case data.Batch != c.Batch || data.Root != c.Root:
		return fmt.Sprintf("it is of batch %s with another root than was committed to", data.Batch), nil
	case int(data.Asked) != len(o.Records):
		return fmt.Sprintf("it says that %d records were asked for, and %d were", data.Asked, len(o.Records)), nil
	}
	for i := range data.Records {
		record := &data.Records[i]
		switch index := uint64(record.Index); {
		case !slices.Contains(o.Records, index):
			return fmt.Sprintf("record %d was not asked for", index), nil
		case committed.Belongs(c.Root, c.Count, record) != nil:
			return fmt.Sprintf("the proof of record %d doesn't lead to the root that was committed to", index), nil
		case !slices.Contains(o.Got, index):
			o.Got = append(o.Got, index)
		}
	}
	return "", nil
}

func (o *Order) disclosed(data *events.AccessDisclosed) (problem string) {
	if at := (events.Ref{Leaf: uint64(data.Event.Leaf), Event: int(data.Event.Event)}); at != o.Event {
		return fmt.Sprintf("it hands over disclosures of event %s, and those of %s were asked for", at, o.Event)
	}
	for _, digest := range data.Disclosures {
		if slices.Contains(o.Disclosures, digest) && !slices.Contains(o.Handed, digest) {
			o.Handed = append(o.Handed, digest)
		}
	}
	return ""
}

// Due takes note that an order fell due, and returns it if something of it is missing that wasn't yet.
func (d *Orders) Due(tx *projections.Tx, timer string) (*Order, error) {
	o, found, err := d.orders.Get(tx, strings.TrimPrefix(timer, d.timers+"/"))
	if err != nil || !found || o.Missing || o.Left() == 0 {
		return nil, err
	}
	o.Missing = true
	return o, d.orders.Put(tx, o.Key(), o)
}
