package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/witness"
)

// cosign has checkpoints cosigned by the witnesses that the genesis names, until the
// context ends. Witnesses that are away, slow or lying hold up nothing; an error is the
// ledger's.
func (n *running) cosign(ctx context.Context) error {
	policy, err := witness.GenesisPolicy(ctx, n.sight.reader)
	if err != nil {
		// The ledger goes on without: that nobody cosigns is a finding.
		n.config.Log.Error("no witness is asked to cosign", "error", err)
		return nil
	}
	if policy == nil || len(policy.Witnesses) == 0 {
		return nil
	}
	collector, err := witness.New(witness.Config{
		Dir: filepath.Join(n.config.Home.LedgerDir(), witness.DirName), Policy: policy, Log: n.sight.keys, Reader: n.sight.reader,
		Record: n.ledger.RecordCosigned, Interval: n.config.CosignEvery, Logger: n.config.Log,
	})
	if err != nil {
		n.config.Log.Error("no witness is asked to cosign", "error", err)
		return nil
	}
	if err := collector.Run(ctx); ctx.Err() == nil || errors.Is(err, ledger.ErrFatal) {
		return fmt.Errorf("cosign: %w", err)
	}
	return nil
}
