package writer

import (
	"errors"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// The ledger's own events stand in the tree with the sequence before them, and
// change nothing about where the stream goes on, across a restart either.
func TestOwnEvents(t *testing.T) {
	w := newWorld(t)
	noon := time.Date(2026, 11, 23, 12, 0, 0, 5, time.UTC)
	w.config.Now = func() time.Time { return noon }
	l := w.open()
	before := l.Size()
	must(t, l.AppendClock(t.Context()))
	w.admit(l, w.said(1)...)
	must(t, l.RecordAnchor(t.Context(), anchorOf(int64(before))))
	must(t, l.Close(t.Context()))

	l = w.open()
	must(t, l.AppendClock(t.Context()))
	must(t, l.Close(t.Context()))
	archive, err := archive.OpenArchive(w.config.Dir, before+4)
	must(t, err)
	defer archive.Close()
	leaves, err := archive.Entries(t.Context(), before)
	must(t, err)
	if len(leaves) != 4 {
		t.Fatalf("%d leaves were added: want 4", len(leaves))
	}
	for i, want := range []struct{ seq, first uint64 }{{w.seq - 1, 1}, {w.seq, 1}, {w.seq, 2}, {w.seq, 3}} {
		leaf, err := formats.ParseLeaf(leaves[i])
		must(t, err)
		if leaf.Verdict != formats.Accepted || leaf.Seq != want.seq || leaf.First != want.first {
			t.Errorf("leaf %d: %s", before+uint64(i), leaves[i])
		}
		if own := leaf.Subject == "ledger"; own != (i != 1) || own && !leaf.Received.Equal(noon) {
			t.Errorf("leaf %d: %s", before+uint64(i), leaves[i])
		}
	}
}

// An anchor that the schema refuses is an error, not the end of the ledger.
func TestOwnEventRefused(t *testing.T) {
	w := newWorld(t)
	l := w.open()
	defer l.Close(t.Context())
	bad := anchorOf(1)
	bad.Checkpoint = "none"
	before := l.Size()
	if err := l.RecordAnchor(t.Context(), bad); err == nil || errors.Is(err, ledger.ErrFatal) {
		t.Errorf("a bad anchor: %v", err)
	}
	if l.Size() != before {
		t.Error("a bad anchor was added")
	}
	must(t, l.RecordAnchor(t.Context(), anchorOf(1)))
	w.admit(l, w.said(1)...)
}

func anchorOf(size int64) events.AnchorRecorded {
	digest := events.DigestOf([]byte("a note")).String()
	return events.AnchorRecorded{
		Rekor: "rekor.example.my", Kind: "hashedrekord 0.0.2", LogID: "wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=", Index: 7,
		Size: events.Integer(size), Root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", Checkpoint: digest, Entry: digest,
	}
}
