package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// stamp has timestamp authorities sign times for checkpoints, until the context ends.
// Authorities that are away, slow or lying hold up nothing; an error is the ledger's.
func (n *running) stamp(ctx context.Context) error {
	if len(n.config.Timestamps) == 0 {
		return nil
	}
	trusted := make([]verify.TrustedAuthority, len(n.config.Timestamps))
	for i, a := range n.config.Timestamps {
		trusted[i] = a.Trusted
	}
	if err := n.config.Home.SetTimestamps(trusted); err != nil {
		n.config.Log.Error("trust files will not name the timestamp authorities", "error", err)
	}
	stamper, err := timestamp.New(timestamp.Config{
		Dir: filepath.Join(n.config.Home.LedgerDir(), timestamp.DirName), Authorities: n.config.Timestamps, Log: n.readSide.keys, Reader: n.readSide.reader,
		Record: whileOpen(n.throttle.takes, n.ledger.RecordTimestamp), Interval: n.config.TimestampEvery, Logger: n.config.Log,
	})
	if err != nil {
		return err
	}
	if err := stamper.Run(ctx); ctx.Err() == nil || errors.Is(err, ledger.ErrFatal) {
		return fmt.Errorf("timestamp: %w", err)
	}
	return nil
}
