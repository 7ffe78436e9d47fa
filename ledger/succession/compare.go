package succession

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Comparison says how what a tree says to have taken over compares with what the tree
// before it has.
type Comparison struct {
	Origin string `json:"origin"` // of the tree before
	// Same counts acts that are what that tree's registry says, and name the leaf. Missing are those that it
	// would have had taken over too, and that are not there, or whose bodies are not.
	Same    int      `json:"same"`
	Missing []string `json:"missing,omitempty"`
	// Different are acts that say to be from there, and that it has otherwise, or not at
	// all.
	Different []string `json:"different,omitempty"`
}

// adopted is an act that a tree says to have taken over.
type adopted struct {
	subject string
	data    []byte
	leaf    uint64
}

// Compare holds the acts that the tree in dir says to have taken over to the tree before
// it, which lies in before: both are homes, ledgers' directories or copies. That dir holds
// is for an audit to say; before is held to the checkpoint in dir's genesis.
func Compare(ctx context.Context, dir, before string, progress func(done, total uint64)) (*Comparison, error) {
	g, err := GenesisOf(ctx, dir)
	if err != nil {
		return nil, err
	}
	if g.Predecessor == "" {
		return nil, fmt.Errorf("%s succeeds no other ledger", g.Origin)
	}
	e, err := Read(ctx, before, []byte(g.Predecessor), progress)
	if err != nil {
		return nil, err
	}
	there, said, err := adoptedIn(ctx, dir)
	if err != nil {
		return nil, err
	}
	c := &Comparison{Origin: e.Checkpoint.Origin}
	o := Options{Authority: g.Authorities[0].Authority, Policy: g.WitnessPolicy, Reason: said.Reason}
	for _, id := range said.Without {
		o.Without = append(o.Without, events.KeyID(id))
	}
	acts, _, err := e.Acts(o)
	if err != nil {
		return nil, err
	}
	for _, act := range acts {
		is, found := there[act.ID]
		delete(there, act.ID)
		if !found {
			c.Missing = append(c.Missing, act.What)
			continue
		}
		event, err := act.Said.Event(events.RegistryRecorder(o.Authority), vocabulary.Attributes{ID: act.ID, Subject: act.Subject})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", act.What, err)
		}
		if is.subject != act.Subject || !bytes.Equal(is.data, event.Data) {
			c.Different = append(c.Different, fmt.Sprintf("leaf %d, %s", is.leaf, act.What))
			continue
		}
		if act.Subject != "" { // the one that says that all are taken over stands in no other tree
			c.Same++
		}
	}
	for id, is := range there {
		c.Different = append(c.Different, fmt.Sprintf("leaf %d, %s: there is nothing like it", is.leaf, id))
	}
	return c, nil
}

// adoptedIn returns the acts that a tree says to have taken over, by their ids.
func adoptedIn(ctx context.Context, dir string) (map[string]adopted, *events.PredecessorAdopted, error) {
	dir = LedgerDir(dir)
	fail := func(err error) (map[string]adopted, *events.PredecessorAdopted, error) {
		return nil, nil, fmt.Errorf("read what the tree in %s has taken over: %w", dir, err)
	}
	note, err := archive.ReadCheckpoint(dir)
	if err != nil {
		return fail(err)
	}
	checkpoint, err := formats.ParseCheckpoint(note)
	if err != nil {
		return fail(err)
	}
	open, bodies, err := openSource(dir, checkpoint)
	if err != nil {
		return fail(err)
	}
	defer open.Close()
	all, said := map[string]adopted{}, &events.PredecessorAdopted{}
	for from := uint64(0); from < checkpoint.Size; {
		raw, err := open.Entries(ctx, from)
		if err != nil {
			return fail(err)
		}
		for i := range raw {
			leaf, err := formats.ParseLeaf(raw[i])
			if err != nil {
				return fail(err)
			}
			if leaf.Verdict != formats.Accepted || !strings.HasPrefix(leaf.Subject, "registry.") {
				continue
			}
			body, err := bodies(ctx, from+uint64(i), 1)
			if err != nil {
				return fail(err)
			}
			if body[0] == nil {
				continue
			}
			envelope, err := events.ParseEnvelope(body[0])
			if err != nil {
				return fail(err)
			}
			for _, line := range envelope.Lines {
				event, err := events.ParseEvent(line)
				if err != nil {
					return fail(err)
				}
				if !strings.HasPrefix(event.ID, actPrefix) {
					continue
				}
				all[event.ID] = adopted{event.Subject, event.Data, from + uint64(i)}
				if event.Type == events.TypePredecessorAdopted {
					if err := json.Unmarshal(event.Data, said); err != nil {
						return fail(err)
					}
				}
			}
		}
		from += uint64(len(raw))
	}
	return all, said, nil
}
