package witness

import (
	"context"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// GenesisPolicy returns the policy in a ledger's genesis, or nil if there is none.
func GenesisPolicy(ctx context.Context, reader ledger.Reader) (*formats.Policy, error) {
	text, err := GenesisPolicyText(ctx, reader)
	if err != nil || text == "" {
		return nil, err
	}
	return formats.ParsePolicy([]byte(text))
}

// GenesisPolicyText returns the policy in a ledger's genesis as it is written there,
// or nothing. reader must give the genesis's body.
func GenesisPolicyText(ctx context.Context, reader ledger.Reader) (string, error) {
	checkpoint, err := reader.Checkpoint(ctx)
	if err != nil {
		return "", err
	}
	entries, err := reader.Entries(ctx, checkpoint, 0)
	if err != nil {
		return "", err
	}
	envelope, err := events.ParseEnvelope(entries[0].Body)
	if err != nil {
		return "", fmt.Errorf("genesis: %w", err)
	}
	event, err := events.ParseEvent(envelope.Lines[0])
	if err != nil {
		return "", fmt.Errorf("genesis: %w", err)
	}
	var genesis events.Genesis
	if err := jsonv2.Unmarshal(event.Data, &genesis); err != nil {
		return "", fmt.Errorf("genesis: %w", err)
	}
	return genesis.WitnessPolicy, nil
}
