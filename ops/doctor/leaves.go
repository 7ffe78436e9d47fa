package doctor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

const (
	// sampled is in how many places leaves are read, 256 or 8 MiB of bodies in each. The
	// whole of a large ledger takes an audit.
	sampled    = 32
	sampleTime = 5 * time.Second
	// bundle is how many leaves a tile of entries has.
	bundle = 256
)

// leaves reads the first leaves, the last, and some between: that they stand in the tree,
// and that their bodies are what they say.
func (e *examination) leaves(ctx context.Context) {
	if e.size == 0 {
		return // the checkpoint says why
	}
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	read, err := e.sample(ctx)
	switch {
	case ctx.Err() != nil && read > 0:
		e.add("leaves", OK, fmt.Sprintf("%d were read in %v: they stand in the tree, with their bodies", read, sampleTime), "")
	case err != nil:
		e.add("leaves", Fail, fmt.Sprintf("of %d: %v", e.size, err), "saksi audit tells what else does not hold; bring it back from a copy with the node stopped, docs/faults.md has how")
	case read < e.size:
		e.add("leaves", OK, fmt.Sprintf("%d of %d were read, here and there: they stand in the tree, with their bodies", read, e.size), "")
	default:
		e.add("leaves", OK, fmt.Sprintf("all %d stand in the tree, with their bodies", read), "")
	}
}

// sample returns how many leaves it read until one did not hold.
func (e *examination) sample(ctx context.Context) (read uint64, _ error) {
	key, err := e.home.LogVerifierKey()
	if err != nil {
		return 0, err
	}
	log, err := formats.NewLog(key)
	if err != nil {
		return 0, err
	}
	d, err := archive.OpenDirectory(e.home.LedgerDir(), log)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	checkpoint, err := d.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	bundles := (checkpoint.Size + bundle - 1) / bundle
	places := map[uint64]bool{0: true, bundles - 1: true}
	for uint64(len(places)) < min(bundles, sampled) {
		places[rand.Uint64N(bundles)] = true
	}
	for place := range places {
		for from, end := place*bundle, min((place+1)*bundle, checkpoint.Size); from < end; {
			entries, err := d.Entries(ctx, checkpoint, from)
			if err != nil {
				return read, err
			}
			entries = entries[:min(uint64(len(entries)), end-from)]
			read, from = read+uint64(len(entries)), from+uint64(len(entries))
		}
	}
	return read, nil
}
