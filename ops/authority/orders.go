package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/projections/api/apiclient"
)

// PlaceHold keeps what the hold covers from being erased until it is released. Said
// again under its number, it covers what is said then.
func (r *Registrar) PlaceHold(ctx context.Context, hold events.HoldPlaced) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.HoldPlaced.Of(hold))
	if err != nil {
		return 0, fmt.Errorf("place hold %s: %w", hold.Hold, err)
	}
	return leaf, nil
}

// ReleaseHold ends a hold of this authority's. What was ordered erased in the meantime
// is erased then.
func (r *Registrar) ReleaseHold(ctx context.Context, hold, ground string) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.HoldReleased.Of(events.HoldReleased{Hold: hold, Ground: ground}))
	if err != nil {
		return 0, fmt.Errorf("release hold %s: %w", hold, err)
	}
	return leaf, nil
}

// OrderProduction orders an operator to open a commitment, or what it holds of an event.
func (r *Registrar) OrderProduction(ctx context.Context, order events.ProductionOrdered) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.ProductionOrdered.Of(order))
	if err != nil {
		return 0, fmt.Errorf("order %s: %w", order.Order, err)
	}
	return leaf, nil
}

// CheckProduction says why an order could not be carried out, as far as the ledger tells: its
// number is taken, the event isn't there, is another recorder's, or has not what is asked for.
// What the authority's mandate doesn't show can't be checked, and is let through.
func (r *Registrar) CheckProduction(ctx context.Context, order events.ProductionOrdered) error {
	type known struct {
		Leaf uint64 `json:"leaf"`
	}
	before, err := rows[known](ctx, r, "orders", url.Values{"number": {order.Order}, "authority": {r.name}})
	if err != nil {
		return err
	}
	if len(before) > 0 {
		return fmt.Errorf("order %s is there already: another demand takes another number, so that each is answered", order.Order)
	}
	at := order.Event.Ref().String()
	var entry struct {
		Leaf struct {
			Subject string `json:"subject"`
			Verdict string `json:"verdict"`
		} `json:"leaf"`
		Sent struct {
			Lines []string `json:"lines"`
		} `json:"sent"`
	}
	err = r.ask(ctx, fmt.Sprintf("/v1/entries/%d", order.Event.Leaf), url.Values{"body": {"true"}}, &entry)
	if problem, ok := errors.AsType[*apiclient.Problem](err); ok && problem.Status == http.StatusNotFound {
		return fmt.Errorf("there is no leaf %d", order.Event.Leaf)
	}
	if err != nil {
		return err
	}
	recorder, err := events.ParseSubject(entry.Leaf.Subject)
	switch {
	case entry.Leaf.Verdict != "accepted":
		return fmt.Errorf("leaf %d is no event that was accepted", order.Event.Leaf)
	case err != nil || recorder.String() != order.Recorder:
		return fmt.Errorf("event %s was said by %s, and not by %s", at, recorder, order.Recorder)
	case int64(order.Event.Event) >= int64(len(entry.Sent.Lines)) && len(entry.Sent.Lines) > 0:
		return fmt.Errorf("leaf %d has %d events: there is none at %s", order.Event.Leaf, len(entry.Sent.Lines), at)
	case len(entry.Sent.Lines) == 0 || entry.Sent.Lines[order.Event.Event] == "":
		return nil
	}
	line := entry.Sent.Lines[order.Event.Event]
	event, err := events.ParseEvent([]byte(line))
	if err != nil {
		return fmt.Errorf("event %s: %w", at, err)
	}
	for _, digest := range order.Disclosures {
		if !strings.Contains(line, strconv.Quote(digest)) {
			return fmt.Errorf("event %s has no digest %.80q", at, digest)
		}
	}
	if len(order.Records) == 0 {
		return nil
	}
	var batch events.AccessCommitted
	if event.Type != events.TypeAccessCommitted || json.Unmarshal(event.Data, &batch) != nil {
		return fmt.Errorf("event %s is %s, and commits to no records", at, event.Type)
	}
	for _, n := range order.Records {
		if n >= batch.Count {
			return fmt.Errorf("the batch of event %s has the records 0 to %d: there is no %d", at, batch.Count-1, n)
		}
	}
	return nil
}
