package rekor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/countersign"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// record announces an anchor that is kept and writes it back to the ledger, unless in
// doubt its leaf turns out to be there.
func (l *worker) record(ctx context.Context, a *Stored) error {
	if err := l.announceAndRecord(ctx, a); err != nil {
		l.doubt = true // it may have failed only by its own account
		return err
	}
	l.doubt = false
	l.status.Change(func(s *Status) { s.Failures, s.Error, s.FailedAt = 0, "", time.Time{} })
	return nil
}

func (l *worker) announceAndRecord(ctx context.Context, a *Stored) error {
	anchor, err := l.rekor.Trusted.VerifyAnchor(a.Entry, a.Note, &l.config.AnchorKey.PublicKey)
	if err != nil {
		return err
	}
	checkpoint, err := l.config.Log.OpenCheckpoint(a.Note)
	if err != nil {
		return err
	}
	entry := events.DigestOf(a.Entry).String()
	if l.doubt {
		recorded, err := l.recorded(ctx, checkpoint.Size, entry)
		if err != nil {
			return fmt.Errorf("look for the leaf of an anchor: %w", err)
		}
		if recorded {
			return nil
		}
	}
	if err := l.announce(a); err != nil {
		return err
	}
	said := events.AnchorRecorded{
		Rekor: anchor.Rekor, Kind: anchor.Kind + " " + anchor.Version, LogID: base64.StdEncoding.EncodeToString(anchor.LogID),
		Index: events.Integer(anchor.Index), Size: events.Integer(checkpoint.Size), Root: checkpoint.Root.String(),
		Checkpoint: events.DigestOf(a.Note).String(), Entry: entry,
	}
	if !anchor.IntegratedTime.IsZero() {
		said.IntegratedTime = events.At(anchor.IntegratedTime)
	}
	if err := l.config.Record(ctx, said); err != nil {
		return fmt.Errorf("record an anchor: %w", err)
	}
	l.log.Info("anchored", "size", checkpoint.Size, "index", anchor.Index)
	return nil
}

func (l *worker) announce(a *Stored) error {
	if l.config.Announce == nil {
		return nil
	}
	b, err := json.Marshal(Announcement{Rekor: a.Rekor, Size: a.Size, Entry: a.Entry, Checkpoint: string(a.Note)})
	if err != nil {
		return fmt.Errorf("announce an anchor: %w", err)
	}
	l.config.Announce(b)
	return nil
}

// recorded looks among the ledger's own leaves from an index on for that of the entry
// with a digest: all leaves that the ledger had when it was called, if Size is known.
func (l *worker) recorded(ctx context.Context, from uint64, digest string) (bool, error) {
	checkpoint, err := l.config.Reader.Checkpoint(ctx)
	if err == nil && l.config.Size != nil {
		if size := l.config.Size(); size > checkpoint.Size {
			checkpoint, err = l.config.Reader.Wait(ctx, size-1)
		}
	}
	if err != nil {
		return false, err
	}
	for from < checkpoint.Size {
		entries, err := l.config.Reader.Entries(ctx, checkpoint, from)
		if err != nil {
			return false, err
		}
		for _, e := range entries {
			from = e.Index + 1
			if !countersign.Own(e.Leaf) || e.Leaf.Verdict != formats.Accepted {
				continue
			}
			if e.Body == nil {
				return false, errors.New("the reader gives no bodies")
			}
			found, err := records(e.Body, digest)
			if err != nil {
				return false, fmt.Errorf("leaf %d: %w", e.Index, err)
			}
			if found {
				return true, nil
			}
		}
	}
	return false, nil
}

// records says whether an envelope of the ledger's own records the entry with a digest.
func records(body []byte, digest string) (bool, error) {
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return false, err
	}
	for _, line := range envelope.Lines {
		event, err := events.ParseEvent(line)
		if err != nil {
			return false, err
		}
		if event.Type != events.TypeAnchorRecorded {
			continue
		}
		var anchor events.AnchorRecorded
		if err := json.Unmarshal(event.Data, &anchor); err != nil {
			return false, err
		}
		if anchor.Entry == digest {
			return true, nil
		}
	}
	return false, nil
}
