package authority

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
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
