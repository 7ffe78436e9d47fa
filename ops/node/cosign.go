package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// policyEvery is how often it is looked whether other witnesses have been adopted.
const policyEvery = time.Second

// cosign has checkpoints cosigned by the witnesses that the registry names, until the
// context ends. Witnesses that are away, slow or lying hold up nothing; an error is the
// ledger's.
func (n *running) cosign(ctx context.Context) error {
	for {
		text := n.witnessPolicy()
		until, changed := context.WithCancel(ctx)
		go func() {
			defer changed()
			tick := time.NewTicker(policyEvery)
			defer tick.Stop()
			for n.witnessPolicy() == text {
				select {
				case <-until.Done():
					return
				case <-tick.C:
				}
			}
			n.config.Log.Info("other witnesses were adopted, and are asked from now on")
		}()
		if err := n.cosignBy(until, text); err != nil {
			changed()
			return err
		}
		<-until.Done()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// witnessPolicy is the policy in force, as it is written.
func (n *running) witnessPolicy() (text string) {
	n.ledger.Registry(func(r *admission.Registry) { text = r.WitnessPolicy() })
	return text
}

// cosignBy has checkpoints cosigned by one policy, until the context ends. That nobody can
// be asked is no error: the ledger goes on without, and that nobody cosigns is a finding.
func (n *running) cosignBy(ctx context.Context, text string) error {
	if text == "" {
		return nil
	}
	policy, err := formats.ParsePolicy([]byte(text))
	if err != nil {
		n.config.Log.Error("no witness is asked to cosign", "error", err)
		return nil
	}
	if len(policy.Witnesses) == 0 {
		return nil
	}
	collector, err := witness.New(witness.Config{
		Dir: filepath.Join(n.config.Home.LedgerDir(), witness.DirName), Policy: policy, Log: n.readSide.keys, Reader: n.readSide.reader,
		Record: whileOpen(n.throttle.takes, n.ledger.RecordCosigned), Interval: n.config.CosignEvery, Logger: n.config.Log,
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
