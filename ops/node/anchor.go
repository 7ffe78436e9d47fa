package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// ownRekor is the name under which the node keeps the anchors of its own Rekor.
const ownRekor = "own"

// rekorRetry is how long it is waited before a Rekor that did not start is tried
// again.
const rekorRetry = 10 * time.Second

// anchor anchors checkpoints until the context ends: in the Rekors that were
// configured, or in one of the node's own. Rekors that are away hold up nothing; an
// error is the ledger's.
func (n *running) anchor(ctx context.Context) error {
	rekors := n.config.Rekors
	if len(rekors) == 0 {
		own, err := n.startRekor(ctx)
		if err != nil {
			return nil // the context ended
		}
		defer own.Stop()
		rekors = []rekor.Rekor{own.Rekor(ownRekor)}
	}
	trusted := make([]verify.TrustedRekor, len(rekors))
	for i, r := range rekors {
		trusted[i] = r.Trusted
	}
	if err := n.config.Home.SetRekors(trusted); err != nil {
		n.config.Log.Error("trust files will not name the Rekors", "error", err)
	}
	key, err := n.config.Home.AnchorKey()
	if err != nil {
		return err
	}
	anchorer, err := rekor.New(rekor.Config{
		Dir: filepath.Join(n.config.Home.LedgerDir(), rekor.DirName), Rekors: rekors, AnchorKey: key,
		Log: n.readSide.keys, Reader: n.readSide.reader, Size: n.ledger.Size, Record: whileOpen(n.throttle.takes, n.ledger.RecordAnchor),
		Announce: func(b []byte) {
			if err := n.nc.Publish(events.SubjectAnchors, b); err != nil {
				n.config.Log.Warn("an anchor was not announced", "error", err)
			}
		},
		Interval: n.config.AnchorEvery, Policy: n.config.AnchorPolicy, Logger: n.config.Log,
	})
	if err != nil {
		return err
	}
	if err := anchorer.Run(ctx); ctx.Err() == nil || errors.Is(err, ledger.ErrFatal) {
		return fmt.Errorf("anchor: %w", err)
	}
	return nil
}

// startRekor starts the node's own Rekor, as a child of this process. It returns an
// error only if the context ends first.
func (n *running) startRekor(ctx context.Context) (*server.Server, error) {
	executable := n.config.Executable
	for {
		var err error
		if executable == "" {
			executable, err = os.Executable()
		}
		if err == nil {
			var own *server.Server
			own, err = server.StartServer(ctx, server.Config{
				Dir: n.config.Home.RekorDir(), Origin: "rekor." + n.config.Home.Origin, Owner: n.config.Home.Name,
				Executable: executable, Args: []string{"rekor"}, Log: n.config.Log,
			})
			if err == nil {
				return own, nil
			}
		}
		n.config.Log.Error("the node's own Rekor did not start; trying again", "error", err)
		if retry.Sleep(ctx, rekorRetry) != nil {
			return nil, ctx.Err()
		}
	}
}
