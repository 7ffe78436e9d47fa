package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/committed"
	"github.com/saksi-ledger/saksi/events/disclosed"
)

// Opened is what an operator has produced on an order for records of a committed batch.
type Opened struct {
	Order  string   `json:"order"`
	Event  string   `json:"event"`  // the commitment
	Leaves []uint64 `json:"leaves"` // that say that it is read
	// Records are those that belong to what was committed to.
	Records []OpenedRecord `json:"records"`
	// Problems are what is wrong with answers: something was not handed over, or doesn't
	// belong to what was committed to.
	Problems []string `json:"problems,omitempty"`
}

// OpenedRecord is a native record that was handed over.
type OpenedRecord struct {
	Index  uint64 `json:"index"`
	Answer string `json:"answer"` // LEAF/EVENT
	Native []byte `json:"-"`
}

// orderRow is what of a row of orders is looked at.
type orderRow struct {
	Recorder string   `json:"recorder"`
	Operator string   `json:"operator"`
	Event    string   `json:"event"`
	Records  []string `json:"records"`
	Answers  []string `json:"answers"`
}

// OpenProduced reads the records that an operator has produced on an order of this
// authority's. First it puts on record that it does; then it opens what it is given, and
// holds each record to the commitment's own root.
func (r *Registrar) OpenProduced(ctx context.Context, number, ground string) (*Opened, error) {
	fail := func(err error) (*Opened, error) {
		return nil, fmt.Errorf("open what was produced on order %s: %w", number, err)
	}
	identities, err := r.identities()
	if err != nil {
		return fail(err)
	}
	found, err := rows[orderRow](ctx, r, "orders", url.Values{"authority": {r.name}, "number": {number}})
	if err != nil {
		return fail(err)
	}
	switch {
	case len(found) == 0:
		return fail(errors.New("this authority has given no order of that number"))
	case len(found[0].Records) == 0:
		return fail(hinted{errors.New("it asks for what opens digests, not for records"), "saksi person reveal reads that"})
	case len(found[0].Answers) == 0:
		return fail(errors.New("nothing has been produced on it"))
	}
	o := found[0]
	sent := map[uint64][]string{}
	c, err := r.commitment(ctx, &o, sent)
	if err != nil {
		return fail(err)
	}
	out := &Opened{Order: number, Event: o.Event, Records: []OpenedRecord{}}
	var touches []touch
	for _, answer := range o.Answers {
		touches = append(touches, touch{Ref: answer, Recorder: o.Recorder})
	}
	nobody := Person{Operator: o.Operator}
	if out.Leaves, err = r.sayRevealed(ctx, nobody, touches, ground, number); err != nil {
		return fail(err)
	}
	messages, err := r.disclosures(ctx, nobody, out.Leaves)
	if err != nil {
		return fail(err)
	}
	for _, answer := range o.Answers {
		line, err := r.lineOf(ctx, answer, sent)
		if err == nil {
			err = out.take(answer, line, c, messages, identities)
		}
		if err != nil {
			out.Problems = append(out.Problems, fmt.Sprintf("answer %s: %v", answer, err))
		}
	}
	slices.SortFunc(out.Records, func(a, b OpenedRecord) int { return int(a.Index) - int(b.Index) })
	return out, ctx.Err()
}

// commitment reads the commitment that an order is about.
func (r *Registrar) commitment(ctx context.Context, o *orderRow, sent map[uint64][]string) (*events.AccessCommitted, error) {
	line, err := r.lineOf(ctx, o.Event, sent)
	if err != nil {
		return nil, err
	}
	event, err := events.ParseEvent(line)
	if err != nil {
		return nil, err
	}
	c := &events.AccessCommitted{}
	if event.Type != events.TypeAccessCommitted {
		return nil, fmt.Errorf("event %s is a %s, and no commitment", o.Event, event.Type)
	}
	return c, json.Unmarshal(event.Data, c)
}

// take opens one answer.
func (o *Opened) take(answer string, line []byte, c *events.AccessCommitted, messages []*disclosed.Message, identities []age.Identity) error {
	event, err := events.ParseEvent(line)
	if err != nil {
		return err
	}
	var data events.AccessProduced
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return err
	}
	digest := events.DigestOf(line)
	missing := errors.New("nothing was handed over with it, or it was erased")
	for _, m := range messages {
		if m.Event != digest {
			continue
		}
		list, err := m.Open(identities...)
		if err == nil {
			_, err = disclosed.Check(line, list)
		}
		if err != nil {
			missing = err
			continue
		}
		missing = nil
		for _, record := range list {
			if err := o.record(answer, record, &data, c); err != nil {
				o.Problems = append(o.Problems, fmt.Sprintf("answer %s: %v", answer, err))
			}
		}
	}
	return missing
}

// record holds one record to its leaf, and that to the root that was committed to.
func (o *Opened) record(answer string, record events.Disclosure, data *events.AccessProduced, c *events.AccessCommitted) error {
	leaf := committed.Leaf(record).String()
	i := slices.IndexFunc(data.Records, func(p events.ProducedRecord) bool { return p.Digest == leaf })
	if i < 0 {
		return errors.New("a record was handed over that the answer doesn't name")
	}
	index := uint64(data.Records[i].Index)
	if err := committed.Belongs(c.Root, int64(c.Count), &data.Records[i]); err != nil {
		return fmt.Errorf("record %d is not of what was committed to: %w", index, err)
	}
	native, err := committed.Native(record)
	if err != nil {
		return fmt.Errorf("record %d: %w", index, err)
	}
	if !slices.ContainsFunc(o.Records, func(have OpenedRecord) bool { return have.Index == index }) {
		o.Records = append(o.Records, OpenedRecord{Index: index, Answer: answer, Native: native})
	}
	return nil
}
