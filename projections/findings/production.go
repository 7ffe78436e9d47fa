package findings

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/trail"
)

// production: an operator was ordered to open a commitment, or to hand over what opens
// digests, and has not by the time that was set (production-missing, resolved when all of
// it comes), does so after it (production-late), or hands over what doesn't belong to
// what it had committed to or wasn't asked for (production-mismatch).
type production struct {
	orders      *projections.State[ordered]
	commitments *projections.State[committed]
}

// ordered is an order, and what has come of it. Its key is the authority and the number
// that it gave it.
type ordered struct {
	Authority, Order string
	Recorder         string
	Event            projections.Ref // the commitment, or the event whose disclosures are asked for
	Records          []uint64        `json:",omitempty"`
	Disclosures      []string        `json:",omitempty"`
	Due              time.Time
	Ref              projections.Ref
	Got              []uint64        `json:",omitempty"` // of Records, proven
	Handed           []string        `json:",omitempty"` // of Disclosures
	Last             projections.Ref // the last answer
	Missing          bool            // it was found missing
}

type committed struct {
	Batch, Root string
	Count       int64
	Ref         projections.Ref
}

func newProduction() production {
	return production{projections.NewState[ordered]("findings-orders"), projections.NewState[committed]("findings-commitments")}
}

func (production) name() string { return "production" }

func (r production) states() []projections.Schema {
	return []projections.Schema{r.orders, r.commitments}
}

func (r production) leaf(b *book, f *projections.Fact, _ *trail.Step) error {
	for i := range f.Events {
		e := &f.Events[i]
		var err error
		switch d := e.Data.(type) {
		case *events.AccessCommitted:
			err = r.commitments.Put(b.tx, e.Ref.String(), &committed{Batch: d.Batch, Root: d.Root, Count: int64(d.Count), Ref: e.Ref})
		case *events.ProductionOrdered:
			err = r.ordered(b, e, d)
		case *events.AccessProduced:
			err = r.produced(b, e, d)
		case *events.AccessDisclosed:
			err = r.disclosed(b, e, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func orderKey(authority, order string) string { return authority + "/" + order }

// ordered takes an order on. Said again under its number it is another one.
func (r production) ordered(b *book, e *projections.Event, d *events.ProductionOrdered) error {
	o := &ordered{
		Authority: e.Recorder.Owner, Order: d.Order, Recorder: d.Recorder, Due: d.Due.UTC(), Ref: e.Ref,
		Event: projections.Ref{Leaf: uint64(d.Event.Leaf), Event: int(d.Event.Event)}, Disclosures: d.Disclosures,
	}
	for _, n := range d.Records {
		o.Records = append(o.Records, uint64(n))
	}
	key := orderKey(o.Authority, o.Order)
	if err := r.orders.Put(b.tx, key, o); err != nil {
		return err
	}
	return b.tx.At(o.Due, r.name()+"/"+key)
}

// answered returns the order that an operator answers; nil if it answers none, which is
// found too.
func (r production) answered(b *book, e *projections.Event, authority, order string) (*ordered, error) {
	o, found, err := r.orders.Get(b.tx, orderKey(authority, order))
	if err != nil {
		return nil, err
	}
	if found {
		recorder, err := events.ParseRecorder(o.Recorder)
		if err == nil && recorder.Owner == e.Recorder.Owner {
			return o, nil
		}
	}
	return nil, r.mismatch(b, e, order, fmt.Sprintf("%s answers order %s of %s, which has ordered nothing of that number from it.", e.Recorder, order, authority), nil)
}

func (r production) produced(b *book, e *projections.Event, d *events.AccessProduced) error {
	o, err := r.answered(b, e, d.Authority, d.Order)
	if err != nil || o == nil {
		return err
	}
	c, found, err := r.commitments.Get(b.tx, o.Event.String())
	if err != nil {
		return err
	}
	problem := ""
	switch {
	case !found:
		problem = fmt.Sprintf("event %s, which the order is about, is no commitment", o.Event)
	case d.Batch != c.Batch || d.Root != c.Root:
		problem = fmt.Sprintf("it is of batch %s with another root than was committed to", d.Batch)
	case int(d.Asked) != len(o.Records):
		problem = fmt.Sprintf("it says that %d records were asked for, and %d were", d.Asked, len(o.Records))
	}
	for i := 0; i < len(d.Records) && problem == ""; i++ {
		record := &d.Records[i]
		switch index := uint64(record.Index); {
		case !slices.Contains(o.Records, index):
			problem = fmt.Sprintf("record %d was not asked for", index)
		case !belongs(c, record):
			problem = fmt.Sprintf("the proof of record %d doesn't lead to the root that was committed to", index)
		case !slices.Contains(o.Got, index):
			o.Got = append(o.Got, index)
		}
	}
	if problem != "" {
		if err := r.mismatch(b, e, d.Order, fmt.Sprintf("%s answers order %s of %s: %s.", e.Recorder, d.Order, d.Authority, problem), o); err != nil {
			return err
		}
	}
	return r.came(b, e, o)
}

// belongs checks a record's proof (RFC 9162, section 2.1.3).
func belongs(c *committed, record *events.ProducedRecord) bool {
	root, err := events.ParseDigest(c.Root)
	leaf, err2 := events.ParseDigest(record.Digest)
	if err != nil || err2 != nil || record.Index < 0 || int64(record.Index) >= c.Count {
		return false
	}
	proof := make(tlog.RecordProof, len(record.Proof))
	for i, text := range record.Proof {
		hash, err := events.ParseDigest(text)
		if err != nil {
			return false
		}
		proof[i] = tlog.Hash(hash)
	}
	return tlog.CheckRecord(proof, c.Count, tlog.Hash(root), int64(record.Index), tlog.Hash(leaf)) == nil
}

func (r production) disclosed(b *book, e *projections.Event, d *events.AccessDisclosed) error {
	o, err := r.answered(b, e, d.Authority, d.Order)
	if err != nil || o == nil {
		return err
	}
	if at := (projections.Ref{Leaf: uint64(d.Event.Leaf), Event: int(d.Event.Event)}); at != o.Event {
		problem := fmt.Sprintf("%s answers order %s of %s: it hands over disclosures of event %s, and those of %s were asked for.", e.Recorder, d.Order, d.Authority, at, o.Event)
		return r.mismatch(b, e, d.Order, problem, o)
	}
	for _, digest := range d.Disclosures {
		if slices.Contains(o.Disclosures, digest) && !slices.Contains(o.Handed, digest) {
			o.Handed = append(o.Handed, digest)
		}
	}
	return r.came(b, e, o)
}

// left is how much of an order has not come.
func (o *ordered) left() int {
	return len(o.Records) - len(o.Got) + len(o.Disclosures) - len(o.Handed)
}

// came takes note of an answer: in time, late, or not all of it.
func (r production) came(b *book, e *projections.Event, o *ordered) error {
	o.Last = e.Ref
	key := orderKey(o.Authority, o.Order)
	recorder, err := events.ParseRecorder(o.Recorder)
	if err != nil {
		return err
	}
	if o.left() == 0 {
		if err := b.tx.Cancel(r.name() + "/" + key); err != nil {
			return err
		}
		if o.Missing {
			o.Missing = false
			if err := b.resolve(missingID(recorder, key), fmt.Sprintf("%s was late with what order %s of %s asked for; all of it has come by %s.",
				o.Recorder, o.Order, o.Authority, moment(b.tx.Now())), e.Ref); err != nil {
				return err
			}
			late := about("production-late", Low, recorder, key)
			late.Subject, late.Since, late.Evidence = "order "+o.Order, o.Due, projections.Refs{o.Ref, e.Ref}
			late.Summary = fmt.Sprintf("%s produced what order %s of %s asked for at %s: it was due at %s.", o.Recorder, o.Order, o.Authority, moment(b.tx.Now()), moment(o.Due))
			if err := b.raise(late); err != nil {
				return err
			}
		}
	}
	return r.orders.Put(b.tx, key, o)
}

func missingID(recorder events.Recorder, key string) string {
	return about("production-missing", High, recorder, key).ID
}

func (r production) mismatch(b *book, e *projections.Event, order, summary string, o *ordered) error {
	finding := about("production-mismatch", High, e.Recorder, e.Ref.String())
	finding.Subject, finding.Summary, finding.Since, finding.Evidence = "order "+order, summary, b.tx.Now(), projections.Refs{e.Ref}
	if o != nil {
		finding.Evidence = append(finding.Evidence, o.Ref, o.Event)
	}
	return b.raise(finding)
}

func (r production) due(b *book, key string) error {
	o, found, err := r.orders.Get(b.tx, key)
	if err != nil || !found || o.Missing || o.left() == 0 {
		return err
	}
	recorder, err := events.ParseRecorder(o.Recorder)
	if err != nil {
		return err
	}
	finding := about("production-missing", High, recorder, key)
	finding.Subject, finding.Since, finding.Evidence = "order "+o.Order, o.Due, projections.Refs{o.Ref, o.Event}
	asked := len(o.Records) + len(o.Disclosures)
	finding.Summary = fmt.Sprintf("%s was to produce %s by %s, on order %s of %s: %d of them have not come.", o.Recorder, things(o, asked), moment(o.Due), o.Order, o.Authority, o.left())
	if o.left() < asked {
		finding.Evidence = append(finding.Evidence, o.Last)
	}
	o.Missing = true
	if err := r.orders.Put(b.tx, key, o); err != nil {
		return err
	}
	return b.raise(finding)
}

func things(o *ordered, n int) string {
	if len(o.Records) > 0 {
		return many(uint64(n), "record")
	}
	return many(uint64(n), "disclosure")
}
