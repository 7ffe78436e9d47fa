package succession

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// GenesisOf reads the genesis of the tree in dir, which is an authority's home, a ledger's
// directory or a copy. Nothing is held to a checkpoint: dir is believed.
func GenesisOf(ctx context.Context, dir string) (*events.Genesis, error) {
	dir = LedgerDir(dir)
	fail := func(err error) (*events.Genesis, error) {
		return nil, fmt.Errorf("read the genesis in %s: %w", dir, err)
	}
	open, bodies, err := openSource(dir, &formats.Checkpoint{Size: 1})
	if err != nil {
		return fail(err)
	}
	defer open.Close()
	body, err := bodies(ctx, 0, 1)
	if err == nil && body[0] == nil {
		err = errors.New("the copy doesn't have it")
	}
	if err != nil {
		return fail(err)
	}
	envelope, err := events.ParseEnvelope(body[0])
	if err != nil {
		return fail(err)
	}
	event, err := events.ParseEvent(envelope.Lines[0])
	if err != nil {
		return fail(err)
	}
	if !events.IsGenesis(event.Type) {
		return fail(fmt.Errorf("leaf 0 is a %s", event.Type))
	}
	var g events.Genesis
	if err := json.Unmarshal(event.Data, &g); err != nil {
		return fail(err)
	}
	return &g, nil
}
