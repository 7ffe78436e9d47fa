package node

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/writer"
)

const (
	// askWitnesses bounds how long the node waits for witnesses when it starts.
	askWitnesses = 5 * time.Second
	// noteEvery is how often the newest checkpoint is noted in the home, at most.
	noteEvery = 2 * time.Second
)

// known is what is known of the tree outside of it: the newest checkpoint that the home
// has noted, anchors and cosigned checkpoints, and what witnesses say who answer. A tree
// that was put back from an old copy would be forked by the first leaf that is added.
func known(ctx context.Context, config Config) ([]ledger.Known, error) {
	trust, err := config.Home.Trust()
	if err != nil {
		return nil, err
	}
	log, err := trust.Ledgers[0].Log()
	if err != nil {
		return nil, err
	}
	all, err := remembered(config, log)
	if err != nil {
		return nil, err
	}
	reader, err := archive.OpenDirectory(config.Home.LedgerDir(), log)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	policy := policyOf(ctx, config, reader)
	if policy == nil {
		return all, nil
	}
	checkpoint, err := reader.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	asked, err := witness.Ask(ctx, policy, log, checkpoint, http.DefaultClient, askWitnesses)
	if err != nil {
		return nil, err
	}
	for _, k := range asked {
		if name := strings.TrimPrefix(k.By, "the witness "); slices.Contains(config.Despite, name) {
			config.Log.Warn("what a witness says is passed over, as was ordered", "witness", name, "size", k.Size)
			continue
		}
		all = append(all, k)
	}
	return all, nil
}

// policyOf is the policy of witnesses that was in force when the node last ran, or the
// genesis's; nil where there are none.
func policyOf(ctx context.Context, config Config, reader ledger.Reader) *formats.Policy {
	registry, err := writer.ReadRegistry(config.Home.LedgerDir())
	if err == nil {
		if registry.WitnessPolicy() == "" {
			return nil
		}
		policy, err := formats.ParsePolicy([]byte(registry.WitnessPolicy()))
		if err == nil {
			return policy
		}
		config.Log.Error("no witness is asked what it has seen", "error", err)
		return nil
	}
	policy, err := witness.GenesisPolicy(ctx, reader)
	if err != nil {
		config.Log.Error("no witness is asked what it has seen", "error", err)
	}
	return policy
}

// remembered is what is on this machine, each with the log's own signature.
func remembered(config Config, log *formats.Log) ([]ledger.Known, error) {
	var all []ledger.Known
	add := func(by string, note []byte) {
		checkpoint, err := log.OpenCheckpoint(note)
		if err != nil {
			config.Log.Warn("what is kept is no checkpoint of this log, and is passed over", "of", by, "error", err)
			return
		}
		all = append(all, ledger.Known{By: by, Size: checkpoint.Size, Root: &checkpoint.Root})
	}
	switch note, err := config.Home.Newest(); {
	case err == nil:
		add("this home", note)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	anchors := rekor.OpenStore(filepath.Join(config.Home.LedgerDir(), rekor.DirName))
	names, err := anchors.Rekors()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		sizes, err := anchors.Sizes(name)
		if err != nil {
			return nil, err
		}
		if len(sizes) == 0 {
			continue
		}
		stored, err := anchors.Read(name, sizes[len(sizes)-1])
		if err != nil {
			return nil, err
		}
		add("the anchor in Rekor "+name, stored.Note)
	}
	switch note, _, err := witness.OpenStore(filepath.Join(config.Home.LedgerDir(), witness.DirName)).Newest(); {
	case err == nil:
		add("the cosigned checkpoint", note)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return all, nil
}

// noteNewest notes the newest checkpoint in the home, outside of the ledger's directory,
// until the context ends. That it can't be noted holds up nothing.
func (s *readSide) noteNewest(ctx context.Context, config Config) error {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	noted := uint64(0)
	note := func(ctx context.Context) {
		c, err := s.reader.Checkpoint(ctx)
		if err != nil || c.Size <= noted {
			return
		}
		if err := config.Home.SetNewest(c.Note); err != nil {
			config.Log.Warn("the newest checkpoint is not noted in the home", "error", err)
			return
		}
		noted = c.Size
	}
	for {
		note(ctx)
		select {
		case <-ctx.Done():
			note(context.WithoutCancel(ctx))
			return ctx.Err()
		case <-tick.C:
		}
	}
}
