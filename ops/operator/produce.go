package operator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/committed"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// Order is an authority's order to this operator, as the ledger's view of orders has it.
type Order struct {
	Ref         string    `json:"ref"`
	Authority   string    `json:"authority"`
	Number      string    `json:"number"` // that the authority gave it
	Ground      string    `json:"ground"`
	Recorder    string    `json:"recorder"`
	Event       string    `json:"event"` // the commitment, or the event whose disclosures are asked for
	Batch       string    `json:"batch,omitempty"`
	Root        string    `json:"root,omitempty"`
	Records     []string  `json:"records,omitempty"` // by index within the batch
	Disclosures []string  `json:"disclosures,omitempty"`
	State       string    `json:"state"`
	Due         time.Time `json:"due"`
	Asked       int       `json:"asked"`
	Left        int       `json:"left"`
	// Held says whether this home keeps what was committed to.
	Held bool `json:"held"`
}

// Open says that something of the order has not come.
func (o *Order) Open() bool { return o.Left > 0 }

// Orders asks the ledger what authorities have ordered this operator to produce, what is
// due first coming first; only open ones, or all.
func (d *Client) Orders(ctx context.Context, all bool) ([]Order, error) {
	fail := func(err error) ([]Order, error) { return nil, fmt.Errorf("ask the ledger for orders: %w", err) }
	held, err := d.batches.all()
	if err != nil {
		return fail(err)
	}
	query := url.Values{"operator": {d.Home.Name}, "limit": {"1000"}}
	out := []Order{}
	for {
		text, err := d.get(ctx, "/v1/views/orders?"+query.Encode())
		if err != nil {
			return fail(err)
		}
		var page struct {
			Rows []Order `json:"rows"`
			Next string  `json:"next"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return fail(err)
		}
		for _, o := range page.Rows {
			if !all && !o.Open() {
				continue
			}
			if len(o.Records) == 0 {
				o.Held = d.holds(ctx, o.Disclosures)
			} else {
				o.Held = slices.ContainsFunc(held, o.isOf)
			}
			out = append(out, o)
		}
		if page.Next == "" {
			slices.SortStableFunc(out, func(a, b Order) int { return a.Due.Compare(b.Due) })
			return out, nil
		}
		query.Set("cursor", page.Next)
	}
}

func (o *Order) isOf(b *Batch) bool {
	return b.Recorder == o.Recorder && b.Batch == o.Batch && b.Root == o.Root
}

// holds tells whether the outbox has all of some disclosures.
func (d *Client) holds(ctx context.Context, digests []string) bool {
	for _, digest := range digests {
		if _, found, err := d.Outbox.Disclosure(ctx, digest); err != nil || !found {
			return false
		}
	}
	return true
}

// FindOrder returns the open order of a number; authority may be empty if only one has
// given that number.
func (d *Client) FindOrder(ctx context.Context, authority, number string) (*Order, error) {
	all, err := d.Orders(ctx, true)
	if err != nil {
		return nil, err
	}
	var found *Order
	for i := range all {
		o := &all[i]
		if o.Number != number || authority != "" && o.Authority != authority {
			continue
		}
		if found != nil {
			return nil, hinted{fmt.Errorf("order %s: %s and %s have both given this number", number, found.Authority, o.Authority), "say whose order with --authority"}
		}
		found = o
	}
	if found == nil {
		return nil, hinted{fmt.Errorf("order %s: no authority has ordered anything of that number from %s", number, d.Home.Name), "saksi orders lists those that are open"}
	}
	return found, nil
}

// Verify holds an order to the ledger: nothing is handed over on the word of the node
// alone, but on that of an authority which stands in the tree, for everybody to see.
func (d *Client) Verify(ctx context.Context, o *Order) error {
	fail := func(err error) error {
		return hinted{fmt.Errorf("order %s of %s is not proven to be on record: %w", o.Number, o.Authority, err), "hand over nothing; ask the authority"}
	}
	ref, err := events.ParseRef(o.Ref)
	if err != nil {
		return fail(err)
	}
	text, err := d.get(ctx, "/v1/orders/"+ref.String())
	if err != nil {
		return fail(err)
	}
	var answer struct {
		Line1 string `json:"line1"`
		Line  string `json:"line"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fail(err)
	}
	proof, err := d.get(ctx, fmt.Sprintf("/v1/entries/%d/proof", ref.Leaf))
	if err != nil {
		return fail(err)
	}
	event, said, err := d.proven(ref.Leaf, []byte(answer.Line1), []byte(answer.Line), proof)
	if err != nil {
		return fail(err)
	}
	var data events.ProductionOrdered
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return fail(err)
	}
	var records []string
	for _, n := range data.Records {
		records = append(records, fmt.Sprint(int64(n)))
	}
	in := func(all []string) func(string) bool {
		return func(one string) bool { return !slices.Contains(all, one) }
	}
	switch {
	case event.Type != events.TypeProductionOrdered || event.Source != events.RegistryRecorder(o.Authority).Source() || said != events.RegistryRecorder(o.Authority):
		return fail(fmt.Errorf("event %s is not an order of it", o.Ref))
	case data.Order != o.Number || data.Recorder != o.Recorder || data.Event.Ref().String() != o.Event,
		slices.ContainsFunc(o.Records, in(records)), slices.ContainsFunc(o.Disclosures, in(data.Disclosures)):
		return fail(fmt.Errorf("event %s orders something else than the node says", o.Ref))
	}
	return nil
}

// Produced is what came of answering an order.
type Produced struct {
	Order    *Order `json:"order"`
	Produced int    `json:"produced"` // records or disclosures
	Events   int    `json:"events"`   // that say so, added to the outbox
	// Missing is what of the order this home can't produce, and why.
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is something that was ordered and can't be produced.
type Missing struct {
	What    string `json:"what"` // index of a record, or digest of a disclosure
	Problem string `json:"problem"`
}

const (
	// produceRecords and produceBytes bound what one answer hands over: its digests and
	// proofs must fit into an event, and what opens them into one message.
	produceRecords = 16
	produceBytes   = disclosed.MaxContent - 1024
)

// ProduceRecords answers an order for records of a committed batch: events with the
// records' digests and their proofs go into the outbox, and with them the records,
// encrypted to the authority alone, which are sent once the ledger has the events. What
// the home doesn't have is named. Done again, it adds nothing twice.
func (d *Client) ProduceRecords(ctx context.Context, o *Order) (*Produced, error) {
	fail := func(err error) (*Produced, error) {
		return nil, fmt.Errorf("answer order %s of %s: %w", o.Number, o.Authority, err)
	}
	recorder, err := events.ParseRecorder(o.Recorder)
	if err != nil {
		return fail(err)
	}
	out := &Produced{Order: o}
	wanted := map[uint64]bool{}
	for _, text := range o.Records {
		n, err := strconv.ParseUint(text, 10, 53)
		if err != nil {
			return fail(err)
		}
		wanted[n] = true
	}
	tree, records, err := d.records(o, wanted)
	if err != nil {
		for _, text := range o.Records {
			out.Missing = append(out.Missing, Missing{text, err.Error()})
		}
		return out, nil
	}
	if err := d.DiscloseTo(ctx, recorder.Facility, o.Authority); err != nil {
		return fail(err)
	}
	var answer []uint64
	for _, text := range o.Records {
		n, _ := strconv.ParseUint(text, 10, 53)
		if _, found := records[n]; !found {
			out.Missing = append(out.Missing, Missing{text, fmt.Sprintf("the batch has records 0 to %d", tree.Count()-1)})
			continue
		}
		answer = append(answer, n)
	}
	var drafts []events.Draft
	for _, some := range parts(answer, records) {
		draft, err := d.answer(o, recorder, tree, some, records)
		if err != nil {
			return fail(err)
		}
		drafts = append(drafts, draft)
	}
	out.Produced = len(answer)
	added, err := d.Outbox.Add(ctx, recorder, drafts, d.signers...)
	if err != nil {
		return fail(err)
	}
	out.Events = added.Events
	return out, nil
}

// records opens the batch that an order is about.
func (d *Client) records(o *Order, wanted map[uint64]bool) (*committed.Tree, map[uint64]events.Disclosure, error) {
	held, err := d.batches.all()
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(held, o.isOf)
	switch {
	case o.Batch == "":
		return nil, nil, fmt.Errorf("event %s, which the order is about, is no commitment", o.Event)
	case i < 0:
		return nil, nil, fmt.Errorf("batch %s: %w", o.Batch, errNotHeld)
	}
	return d.batches.open(held[i], wanted)
}

// parts splits what is handed over into as much as one answer holds.
func parts(indexes []uint64, records map[uint64]events.Disclosure) [][]uint64 {
	var out [][]uint64
	size := 0
	for _, n := range indexes {
		length := len(records[n]) + len(`"",`)
		if last := len(out) - 1; last >= 0 && len(out[last]) < produceRecords && size+length <= produceBytes {
			out[last] = append(out[last], n)
			size += length
			continue
		}
		out = append(out, []uint64{n})
		size = length
	}
	return out
}

// answer is one event that says what is handed over, with what is. Its id follows from
// the order and from what that is, so that it is said once.
func (d *Client) answer(o *Order, recorder events.Recorder, tree *committed.Tree, indexes []uint64, records map[uint64]events.Disclosure) (events.Draft, error) {
	data := events.AccessProduced{Order: o.Number, Authority: o.Authority, Batch: o.Batch, Root: o.Root, Asked: events.Integer(len(o.Records)), Records: []events.ProducedRecord{}}
	var list []events.Disclosure
	for _, n := range indexes {
		record, err := tree.Prove(int64(n))
		if err != nil {
			return events.Draft{}, err
		}
		data.Records = append(data.Records, record)
		list = append(list, records[n])
	}
	var err error
	if data.SD, err = events.SD(list, rand.Reader); err != nil {
		return events.Draft{}, err
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %v", o.Authority, o.Number, o.Ref, indexes))
	event, err := vocabulary.AccessProduced.Of(data).Event(recorder, vocabulary.Attributes{ID: "produced-" + hex.EncodeToString(id[:16])})
	if err != nil {
		return events.Draft{}, err
	}
	return events.Draft{Event: event, Disclosures: list, Recipients: d.recipients}, nil
}

// ProduceDisclosures answers an order for what opens the digests in an event, as far as it
// is held; what isn't is named. It puts it on its way, and then, on record, that it was
// handed over. body is as in [Client.Reference].
func (d *Client) ProduceDisclosures(ctx context.Context, o *Order, body func(ctx context.Context, leaf uint64) ([]byte, error)) (*Produced, error) {
	fail := func(err error) (*Produced, error) {
		return nil, fmt.Errorf("answer order %s of %s: %w", o.Number, o.Authority, err)
	}
	recorder, err := events.ParseRecorder(o.Recorder)
	if err != nil {
		return fail(err)
	}
	out := &Produced{Order: o}
	var digests, ids []string
	for _, digest := range o.Disclosures {
		held, found, err := d.Outbox.Disclosure(ctx, digest)
		switch {
		case err != nil:
			return fail(err)
		case !found:
			out.Missing = append(out.Missing, Missing{digest, "it is not held: it was erased here, or was never of this outbox"})
			continue
		}
		at, err := d.refOf(ctx, held.Recorder, held.Event)
		switch {
		case err != nil:
			return fail(err)
		case at != o.Event || held.Recorder != recorder:
			out.Missing = append(out.Missing, Missing{digest, fmt.Sprintf("it opens a digest in event %s of %s, and the order is about event %s", at, held.Recorder, o.Event)})
		default:
			digests = append(digests, digest)
			if !slices.Contains(ids, held.Event) {
				ids = append(ids, held.Event)
			}
		}
	}
	if len(digests) == 0 {
		return out, nil
	}
	if err := d.DiscloseTo(ctx, recorder.Facility, o.Authority); err != nil {
		return fail(err)
	}
	for _, id := range ids {
		n, err := d.Produce(ctx, recorder, id, digests, body)
		if err != nil {
			return fail(err)
		}
		out.Produced += n
	}
	if err := d.AnswerOrder(ctx, recorder, o.Number, []string{o.Authority}, ids, digests); err != nil {
		return fail(err)
	}
	out.Events = len(ids)
	return out, nil
}

// refOf returns where the ledger has an event of this operator's, as LEAF/EVENT; "none" if
// it has no receipt.
func (d *Client) refOf(ctx context.Context, recorder events.Recorder, eventID string) (string, error) {
	receipt, found, err := d.Outbox.ReceiptOf(ctx, recorder, eventID)
	if err != nil {
		return "", err
	}
	if !found || receipt.Code != "" {
		return "none", nil
	}
	place, err := d.Outbox.PlaceOf(ctx, recorder, eventID)
	return events.Ref{Leaf: uint64(receipt.Proof.Index), Event: place}.String(), err
}

// ProduceOrder answers an order, whatever it asks for, if the ledger proves that it is on
// record.
func (d *Client) ProduceOrder(ctx context.Context, o *Order, body func(ctx context.Context, leaf uint64) ([]byte, error)) (*Produced, error) {
	if err := d.Verify(ctx, o); err != nil {
		return nil, err
	}
	switch {
	case len(o.Records) > 0:
		return d.ProduceRecords(ctx, o)
	case len(o.Disclosures) > 0:
		return d.ProduceDisclosures(ctx, o, body)
	}
	return nil, errors.New("the order asks for nothing")
}
