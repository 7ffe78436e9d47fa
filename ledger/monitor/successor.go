package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
)

// follow keeps which trees followed each other.
func (m *Monitor) follow(origin string) error {
	if slices.Contains(m.trees, origin) {
		return nil
	}
	m.trees = append(m.trees, origin)
	b, err := json.MarshalIndent(m.trees, "", "  ")
	if err == nil {
		err = durable.WriteFile(filepath.Join(m.config.Dir, treesFile), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep which tree is watched: %w", err)
	}
	return nil
}

// succeed looks how a tree, whose genesis is the trust file's, takes the place of the
// one before it: its genesis holds the last checkpoint of that.
func (v *view) succeed(ctx context.Context, before *kept, c *formats.Checkpoint, genesis ledger.Entry) error {
	unseen := func(why string) error {
		v.say(Info, Successor, c, "it succeeds %s, as the trust file states: %s", before.Origin, why)
		return nil
	}
	if v.config.Token == nil {
		return unseen("what its genesis says of that tree needs a mandate for bodies")
	}
	body, err := v.reader.Body(ctx, 0)
	if err == nil {
		err = ledger.CheckBody(genesis.Leaf, body)
	}
	if err != nil {
		return unseen(fmt.Sprintf("what its genesis says of that tree can't be read: %v", err))
	}
	said, err := predecessor(body)
	switch {
	case err != nil:
		return unseen(fmt.Sprintf("its genesis can't be read: %v", err))
	case said == "":
		return unseen("its genesis names no tree before it")
	}
	last, err := before.log.OpenCheckpoint([]byte(said))
	if err != nil {
		v.say(Trouble, Successor, c, "it claims to succeed %s, but its genesis does not have a checkpoint of that tree: %v", before.Origin, err)
		return nil
	}
	// What the monitor hasn't seen of that tree, the successor has kept.
	var reader *ledgerhttp.Reader
	if before.newest != nil && last.Size > before.newest.Size {
		if reader, err = v.Monitor.reader(strings.TrimSuffix(v.url, "/")+predecessorPath, before.log); err != nil {
			return err
		}
		if rel, _, _ := before.compare(ctx, last, reader); rel == newer {
			v.say(Info, Successor, c, "it succeeds %s from %d leaves on, %d more than were seen, which continue those", before.Origin, last.Size, last.Size-before.newest.Size)
			return nil
		}
	}
	agrees, err := v.elsewhere(ctx, before, last, v.url, "what the successor calls the last checkpoint", reader)
	switch {
	case err != nil || !agrees:
		return err
	case before.newest.Size > last.Size:
		v.say(Trouble, Successor, c, "it succeeds %s from %d leaves on, and that tree had %d: the later ones were left behind", before.Origin, last.Size, before.newest.Size)
	default:
		v.say(Info, Successor, c, "it succeeds %s from %d leaves on: its genesis has the last checkpoint of that tree", before.Origin, last.Size)
	}
	return nil
}

// predecessorPath is below which a node serves the tree before its own.
const predecessorPath = "/predecessor"

// predecessor returns what a genesis says of the tree before it.
func predecessor(body []byte) (string, error) {
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return "", err
	}
	for _, line := range envelope.Lines {
		e, err := events.ParseEvent(line)
		if err != nil {
			return "", err
		}
		if e.Type != events.TypeGenesis {
			continue
		}
		var genesis events.Genesis
		if err := json.Unmarshal(e.Data, &genesis); err != nil {
			return "", err
		}
		return genesis.Predecessor, nil
	}
	return "", fmt.Errorf("there is no genesis in it")
}
