package writer

import (
	"context"
	"fmt"

	"encoding/json"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// restore brings the database and admission's state to the size of the tree:
// from the database as far as it reaches, from leaves and bodies after that.
func (l *Ledger) restore(ctx context.Context) error {
	stamped, err := l.state.size()
	if err != nil {
		return fmt.Errorf("read the state database: %w", err)
	}
	genesis, err := l.bodies.Read(0)
	if err != nil {
		return err
	}
	if l.admit, _, err = admission.Start(genesis, l.state); err != nil {
		return err
	}
	if err := l.recallStamped(); err != nil {
		return err
	}
	if stamped < l.tree.size {
		l.log.Info("bringing the state database up to the tree", "from", stamped, "to", l.tree.size)
	}
	for from := stamped; from < l.tree.size; {
		leaves, err := archive.ReadEntries(ctx, l.tree.reader, from, l.tree.size)
		if err != nil {
			return err
		}
		for i, raw := range leaves {
			if err := l.recall(from+uint64(i), raw); err != nil {
				return err
			}
		}
		from += uint64(len(leaves))
		if err := l.commit(from); err != nil {
			return err
		}
	}
	return nil
}

// recallStamped takes over what the database knows.
func (l *Ledger) recallStamped() error {
	heads, err := l.state.heads()
	if err != nil {
		return fmt.Errorf("read recorders' heads: %w", err)
	}
	l.admit.Restore(heads)
	leaves, err := l.state.registryLeaves()
	if err != nil {
		return fmt.Errorf("read the registry's leaves: %w", err)
	}
	for _, leaf := range leaves {
		body, err := l.bodies.Read(leaf)
		if err != nil {
			return err
		}
		envelope, err := events.ParseEnvelope(body)
		if err != nil {
			return fmt.Errorf("body of leaf %d: %w", leaf, err)
		}
		if err := l.admit.RecallRegistry(envelope, leaf); err != nil {
			return err
		}
	}
	if l.epochs, err = l.state.epochs(); err != nil {
		return fmt.Errorf("read epochs: %w", err)
	}
	return nil
}

// recall takes in one leaf that the database doesn't know yet.
func (l *Ledger) recall(index uint64, raw []byte) error {
	leaf, err := formats.ParseLeaf(raw)
	if err != nil {
		return fmt.Errorf("leaf %d: %w", index, err)
	}
	l.at = positionOf(leaf)
	switch leaf.Verdict {
	case formats.Accepted:
		body, err := l.bodies.Read(index)
		if err != nil {
			return err
		}
		if err := l.admit.Recall(body, index); err != nil {
			return err
		}
		return l.noteAccepted(index, leaf, body)
	case formats.Rejected:
		if party, ok := partyOf(leaf.Subject); ok {
			return l.state.reject(party, events.RejectedPlace{Body: leaf.Digest, Leaf: index, Code: leaf.Code})
		}
	}
	return nil
}

// noteAccepted keeps in the database what else follows from an accepted leaf:
// that it is the registry's, or opens an epoch.
func (l *Ledger) noteAccepted(index uint64, leaf *formats.Leaf, body []byte) error {
	recorder, err := events.ParseSubject(leaf.Subject)
	if err != nil {
		return fmt.Errorf("leaf %d: %w", index, err)
	}
	switch {
	case index == 0:
		l.epochs = append(l.epochs, epoch{number: 1, leaf: 0, resume: 1})
		if err := l.state.addEpoch(l.epochs[0]); err != nil {
			return err
		}
		return l.state.addRegistryLeaf(index)
	case recorder.IsRegistry():
		return l.state.addRegistryLeaf(index)
	case recorder.IsLedger():
		opened, ok, err := epochOpened(body)
		if err != nil || !ok {
			return err
		}
		e := epoch{number: uint64(opened.Epoch), leaf: index, resume: uint64(opened.ResumeSeq)}
		l.epochs = append(l.epochs, e)
		return l.state.addEpoch(e)
	}
	return nil
}

// epochOpened returns what an envelope of the ledger's own says of a new epoch,
// if it does.
func epochOpened(body []byte) (events.EpochOpened, bool, error) {
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return events.EpochOpened{}, false, err
	}
	for _, line := range envelope.Lines {
		e, err := events.ParseEvent(line)
		if err != nil {
			return events.EpochOpened{}, false, err
		}
		if e.Type == events.TypeEpochOpened {
			var data events.EpochOpened
			err := json.Unmarshal(e.Data, &data)
			return data, err == nil, err
		}
	}
	return events.EpochOpened{}, false, nil
}

// commit makes the database one with the first size leaves of the tree.
func (l *Ledger) commit(size uint64) error {
	if err := l.state.commit(size, l.at.epoch, l.at.seq, l.admit.TakeChangedHeads()); err != nil {
		return fmt.Errorf("commit the state database at size %d: %w", size, err)
	}
	return nil
}

// logOf returns the log that a genesis names.
func logOf(body []byte) (*formats.Log, error) {
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	event, err := events.ParseEvent(envelope.Lines[0])
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	var genesis events.Genesis
	if err := json.Unmarshal(event.Data, &genesis); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	return formats.NewLog(genesis.LogKey)
}
