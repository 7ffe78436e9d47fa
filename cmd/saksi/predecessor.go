package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/hint"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/monitor"
	"github.com/saksi-ledger/saksi/ledger/succession"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/authority"
)

// maxNotes is how much of a file of checkpoints is read: a monitor's, of a day, is smaller.
const maxNotes = 64 << 20

// predecessor is the tree whose place a new one takes: its last checkpoint, and by whose key
// that holds. How long bodies were kept, and for which country, is known where its genesis is.
type predecessor struct {
	checkpoint   *formats.Checkpoint
	key          string
	retention    events.Retention
	jurisdiction string
}

func (p *predecessor) note() string {
	if p == nil {
		return ""
	}
	return string(p.checkpoint.Note)
}

func (p *predecessor) rows() [][]any {
	if p == nil {
		return nil
	}
	return [][]any{
		{"takes the place of", p.checkpoint.Origin}, {"its leaves", p.checkpoint.Size}, {"its root", p.checkpoint.Root.String()}, {"its log key", p.key},
	}
}

// predecessorInput is the input of a command that replaces a tree.
type predecessorInput struct{ where, trust string }

// read returns the tree that --predecessor names; nil if there is none. What stands in
// a genesis is there for good: its signature is verified by the genesis of that tree, if that is
// here, and otherwise by a trust file.
func (in predecessorInput) read(ctx context.Context) (*predecessor, error) {
	where := in.where
	if where == "" {
		return nil, nil
	}
	if isURL(where) {
		reader, err := ledgerhttp.NewReader(where, nil, ledgerhttp.ReaderOptions{})
		if err != nil {
			return nil, cmdline.WithStatus(cmdline.WrongUsage, err)
		}
		trust, err := in.readTrust()
		if err != nil {
			return nil, err
		}
		text, err := reader.Note(ctx)
		if err != nil {
			return nil, fmt.Errorf("fetch the checkpoint of the tree before: %w", err)
		}
		return newestIn(where, text, trust)
	}
	info, err := os.Stat(where)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return in.readDirectory(ctx, where)
	}
	if info.Size() > maxNotes {
		return nil, fmt.Errorf("%s: %d bytes: checkpoints are smaller", where, info.Size())
	}
	text, err := os.ReadFile(where)
	if err != nil {
		return nil, err
	}
	if len(monitor.NotesIn(text)) == 0 {
		return nil, hint.With(fmt.Errorf("%s: it is not a signed checkpoint, nor does it hold any", where),
			"name the tree's last, as it was served at /checkpoint, a monitor's checkpoints/DAY.notes, a witness's logs/LOG/state, or a receipt (.tlog-proof)")
	}
	trust, err := in.readTrust()
	if err != nil {
		return nil, err
	}
	return newestIn(where, text, trust)
}

func (in predecessorInput) readTrust() (*verify.Trust, error) {
	if in.trust == "" {
		return nil, hint.With(cmdline.Usage("the checkpoint in %s can't be verified without a --trust file that names its ledger", in.where),
			"saksi trust in the home of the tree before writes one, and whoever verified its receipts or evidence has one; from a home or a copy with bodies, none is needed")
	}
	return readTrust(in.trust)
}

// readDirectory reads that of a home, a ledger's directory or a copy.
func (in predecessorInput) readDirectory(ctx context.Context, dir string) (*predecessor, error) {
	text, err := authority.PredecessorNote(dir)
	if err != nil {
		return nil, err
	}
	g, err := succession.GenesisOf(ctx, dir)
	if err != nil {
		return nil, err
	}
	log, err := formats.NewLog(g.LogKey)
	if err != nil {
		return nil, fmt.Errorf("the genesis in %s: %w", dir, err)
	}
	p := &predecessor{key: g.LogKey, retention: g.Retention, jurisdiction: g.Jurisdiction}
	if p.checkpoint, err = log.OpenCheckpoint(text); err != nil {
		return nil, hint.With(fmt.Errorf("the checkpoint in %s is not by the key that its genesis names: %w", dir, err), "saksi audit "+dir+" says what else does not hold there")
	}
	if in.trust != "" { // then the directory is not just believed
		trust, err := readTrust(in.trust)
		if err != nil {
			return nil, err
		}
		if _, _, err := trust.OpenCheckpoint(text); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
	return p, nil
}

// newestIn returns the newest checkpoint among those that a file holds and a ledger of the
// trust file has signed.
func newestIn(where string, text []byte, trust *verify.Trust) (*predecessor, error) {
	var newest *predecessor
	failure := errors.New("it holds none")
	for _, note := range monitor.NotesIn(text) {
		ledger, checkpoint, err := trust.OpenCheckpoint(note)
		switch {
		case err != nil:
			failure = err
		case newest != nil && newest.checkpoint.Origin != checkpoint.Origin:
			return nil, hint.With(fmt.Errorf("%s has checkpoints of %s and of %s", where, newest.checkpoint.Origin, checkpoint.Origin), "name a trust file with one of them")
		case newest != nil && newest.checkpoint.Size == checkpoint.Size && newest.checkpoint.Root != checkpoint.Root:
			return nil, hint.With(fmt.Errorf("%s has two checkpoints of %s with %d leaves, and their roots differ", where, checkpoint.Origin, checkpoint.Size), "choose which tree goes on, and name a file with its checkpoint alone")
		case newest == nil || newest.checkpoint.Size < checkpoint.Size:
			newest = &predecessor{checkpoint: checkpoint, key: ledger.Key}
		}
	}
	if newest == nil {
		return nil, hint.With(fmt.Errorf("%s: %w", where, failure), "it was changed, or is of another ledger than the trust file names: nothing was made")
	}
	return newest, nil
}
