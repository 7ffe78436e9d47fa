package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections/api/apiclient"
)

const ()

// Recipient is to whom what is for an authority's eyes is encrypted.
type Recipient struct {
	Authority  string   `json:"authority"`
	Recipient  string   `json:"recipient"` // of age
	Facilities []string `json:"facilities"`
	Families   []string `json:"families"`
	Leaf       uint64   `json:"leaf"` // that names it
}

// Recipients asks the ledger for authorities' recipients. Each is held to the event that
// names it, and that to its leaf's proof in a checkpoint of the ledger that this home has
// joined: what isn't in the tree is not believed. That no later event names another is the
// ledger's word.
func (d *Client) Recipients(ctx context.Context) ([]Recipient, error) {
	fail := func(err error) ([]Recipient, error) {
		return nil, fmt.Errorf("ask the ledger to whom authorities' disclosures are encrypted: %w", err)
	}
	text, err := d.get(ctx, "/v1/authorities")
	if err != nil {
		return fail(err)
	}
	var answer struct {
		Authorities []struct {
			Recipient
			Line1 string `json:"line1"`
			Line  string `json:"line"`
		} `json:"authorities"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fail(err)
	}
	var out []Recipient
	for _, a := range answer.Authorities {
		if a.Recipient.Recipient == "" {
			continue
		}
		proof, err := d.get(ctx, fmt.Sprintf("/v1/entries/%d/proof", a.Leaf))
		if err != nil {
			return fail(err)
		}
		if err := d.checkRecipient(a.Recipient, []byte(a.Line1), []byte(a.Line), proof); err != nil {
			return fail(fmt.Errorf("authority %s: leaf %d doesn't prove its recipient: %w", a.Authority, a.Leaf, err))
		}
		out = append(out, a.Recipient)
	}
	return out, nil
}

// proven returns an event of a registry's that stands in a leaf, after holding it to line 1
// of its envelope, and that to the leaf's proof.
func (d *Client) proven(index uint64, line1, line, proof []byte) (*events.Event, events.Recorder, error) {
	fail := func(err error) (*events.Event, events.Recorder, error) { return nil, events.Recorder{}, err }
	receipt, err := formats.ParseReceipt(proof)
	if err != nil {
		return fail(err)
	}
	leaf, _, err := d.config.Log.VerifyReceipt(receipt)
	if err != nil {
		return fail(err)
	}
	envelope, err := events.ParseLine1(line1)
	switch {
	case err != nil:
		return fail(err)
	case receipt.Index != index || leaf.Verdict != formats.Accepted || leaf.Digest != events.DigestOf(line1):
		return fail(errors.New("line 1 is not the leaf's"))
	case !envelope.Manifest.Recorder.IsRegistry() || leaf.Subject != envelope.Manifest.Recorder.Subject():
		return fail(errors.New("the leaf is not of the registry"))
	case !slices.Contains(envelope.Manifest.Events, events.DigestOf(line)):
		return fail(errors.New("the event is not the envelope's"))
	}
	event, err := events.ParseEvent(line)
	return event, envelope.Manifest.Recorder, err
}

func (d *Client) checkRecipient(r Recipient, line1, line, proof []byte) error {
	event, _, err := d.proven(r.Leaf, line1, line, proof)
	if err != nil {
		return err
	}
	var named struct {
		Authority   string `json:"authority"`
		Recipient   string `json:"recipient"`
		Authorities []struct {
			Authority string `json:"authority"`
			Recipient string `json:"recipient"`
		} `json:"authorities"`
	}
	if err := json.Unmarshal(event.Data, &named); err != nil {
		return err
	}
	switch event.Type {
	case events.TypeAuthorityAdmitted, events.TypeRecipientRotated:
		if named.Authority == r.Authority && named.Recipient == r.Recipient {
			return nil
		}
	case events.TypeGenesis:
		for _, a := range named.Authorities {
			if a.Authority == r.Authority && a.Recipient == r.Recipient {
				return nil
			}
		}
	}
	return fmt.Errorf("the %s there names another", event.Type)
}

// get asks the node's API.
func (d *Client) get(ctx context.Context, path string) ([]byte, error) {
	c := apiclient.Client{Base: d.config.HTTP, Token: d.Token, HTTP: d.config.HTTPClient}
	return c.Get(ctx, path, nil)
}

// DiscloseTo has what opens the events that are added from now on encrypted to some
// authorities, and sent once the ledger has the events. Each must be one whose mandate
// has the facility.
func (d *Client) DiscloseTo(ctx context.Context, facility string, authorities ...string) error {
	if len(authorities) == 0 {
		return nil
	}
	known, err := d.Recipients(ctx)
	if err != nil {
		return err
	}
	var to []string
	for _, name := range authorities {
		i := slices.IndexFunc(known, func(r Recipient) bool { return r.Authority == name })
		if i < 0 {
			return hinted{fmt.Errorf("disclose to %s: it is no authority of this ledger that reads disclosures", name), "saksi disclose --list shows those that do"}
		}
		m := events.Mandate{Facilities: known[i].Facilities, Families: known[i].Families}
		if !m.HasFacility(facility) || !m.HasFamily("access") {
			return fmt.Errorf("disclose to %s: what happens at %s is not in its mandate", name, facility)
		}
		to = append(to, known[i].Recipient)
	}
	d.recipients = to
	return nil
}

// Disclose sends the disclosures that wait, and returns how many messages the broker has
// taken.
func (d *Client) Disclose(ctx context.Context) (int, error) {
	client, err := d.Client(ctx)
	if err != nil {
		return 0, err
	}
	return client.Disclose(ctx, d.Outbox)
}

// Produce puts what was held of one event on its way to an authority: all of it, or, where
// digests are named, what opens those. body is as in [Client.Reference].
func (d *Client) Produce(ctx context.Context, recorder events.Recorder, eventID string, digests []string, body func(ctx context.Context, leaf uint64) ([]byte, error)) (int, error) {
	line, err := d.line(ctx, recorder, eventID, body)
	if err != nil {
		return 0, err
	}
	kept, err := d.Outbox.Disclosures(ctx, recorder, eventID)
	if err != nil {
		return 0, err
	}
	var list []events.Disclosure
	for _, k := range kept {
		if len(digests) == 0 || slices.Contains(digests, k.Disclosure.Digest()) {
			list = append(list, k.Disclosure)
		}
	}
	if len(list) == 0 {
		return 0, fmt.Errorf("event %q of %s: nothing is held that opens what was asked for", eventID, recorder)
	}
	return len(list), d.Outbox.AddDisclosures(ctx, recorder, line, list, d.recipients)
}

// AnswerOrder says on record what was handed over on an order, an event for each of the
// events that it asked about and each authority.
func (d *Client) AnswerOrder(ctx context.Context, recorder events.Recorder, order string, authorities, eventIDs, digests []string) error {
	var drafts []events.Draft
	for _, id := range eventIDs {
		receipt, found, err := d.Outbox.ReceiptOf(ctx, recorder, id)
		if err != nil || !found || receipt.Code != "" {
			return errors.Join(err, fmt.Errorf("%s has said no event %q that the ledger has accepted", recorder, id))
		}
		kept, err := d.Outbox.Disclosures(ctx, recorder, id)
		if err != nil {
			return err
		}
		place, err := d.Outbox.PlaceOf(ctx, recorder, id)
		if err != nil {
			return err
		}
		handed := []string{}
		for _, k := range kept {
			if digest := k.Disclosure.Digest(); len(digests) == 0 || slices.Contains(digests, digest) {
				handed = append(handed, digest)
			}
		}
		slices.Sort(handed)
		for _, authority := range authorities {
			data := events.AccessDisclosed{
				Order: order, Authority: authority, Disclosures: handed,
				Event: events.RefFields{Leaf: events.Integer(receipt.Proof.Index), Event: events.Integer(place)},
			}
			event, err := vocabulary.AccessDisclosed.Of(data).Event(recorder, vocabulary.Attributes{ID: fmt.Sprintf("order-%s-%s-%s", order, authority, id)})
			if err != nil {
				return err
			}
			drafts = append(drafts, events.Draft{Event: event})
		}
	}
	_, err := d.Outbox.Add(ctx, recorder, drafts, d.signers...)
	return err
}

// ErasePseudonym forgets who a pseudonym of this operator stands for, and all that opens
// the digests in events that name it, as far as the ledger's view of them goes. It returns
// how many disclosures there were, and whether the pseudonym was known.
func (d *Client) ErasePseudonym(ctx context.Context, pseudonym string) (int, bool, error) {
	var of []client.EventName
	query := url.Values{"actor.id": {pseudonym}, "limit": {"1000"}}
	for {
		text, err := d.get(ctx, "/v1/views/touches?"+query.Encode())
		if err != nil {
			return 0, false, fmt.Errorf("ask the ledger which events name %s: %w", pseudonym, err)
		}
		var page struct {
			Rows []struct {
				Recorder string `json:"recorder"`
				ID       string `json:"id"`
			} `json:"rows"`
			Next string `json:"next"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return 0, false, fmt.Errorf("ask the ledger which events name %s: %w", pseudonym, err)
		}
		for _, row := range page.Rows {
			recorder, err := events.ParseRecorder(row.Recorder)
			if err != nil {
				return 0, false, fmt.Errorf("ask the ledger which events name %s: %w", pseudonym, err)
			}
			of = append(of, client.EventName{Recorder: recorder, ID: row.ID})
		}
		if page.Next == "" {
			return d.Outbox.ErasePseudonym(ctx, pseudonym, of)
		}
		query.Set("cursor", page.Next)
	}
}
