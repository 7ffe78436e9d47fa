// Package countersign has what Rekor, timestamp authorities and witnesses have in
// common: when to ask them about a checkpoint, what to show them, and when to ask again.
//
// Not here: their protocols, which are in the packages below, and what an answer proves,
// which is in ledger/verify.
package countersign

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Own says whether a leaf is the ledger's own: the clock, anchors, epochs. Nobody is
// asked for their word on these alone, or recording it would ask for the next.
func Own(leaf *formats.Leaf) bool { return leaf.Subject == events.LedgerRecorder.Subject() }

// Pending returns as soon as the published ledger has a leaf at *looked or later that is
// none of its own, and says when that was received. It moves *looked past the ledger's
// own.
func Pending(ctx context.Context, r ledger.Reader, looked *uint64) (since time.Time, _ error) {
	for {
		checkpoint, err := r.Wait(ctx, *looked)
		if err != nil {
			return since, err
		}
		for *looked < checkpoint.Size {
			entries, err := r.Entries(ctx, checkpoint, *looked)
			if err != nil {
				return since, err
			}
			for _, e := range entries {
				if !Own(e.Leaf) {
					return e.Leaf.Received, nil
				}
				*looked = e.Index + 1
			}
		}
	}
}

// Plain returns a checkpoint's note with the log's own signature and no others:
// cosignatures come later, and what is signed must be one sequence of bytes.
func Plain(log *formats.Log, checkpoint *formats.Checkpoint) ([]byte, error) {
	verifier, err := note.NewVerifier(log.Key())
	if err != nil {
		return nil, err
	}
	n, err := note.Open(checkpoint.Note, note.VerifierList(verifier))
	if err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", log.Origin(), err)
	}
	s := n.Sigs[0]
	raw, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(raw) < 5 || binary.BigEndian.Uint32(raw) != s.Hash {
		return nil, fmt.Errorf("checkpoint of %s: its signature is not as a signed note has it", log.Origin())
	}
	return []byte(n.Text + "\n— " + s.Name + " " + s.Base64 + "\n"), nil
}

// Run runs the ways to all parties, each on its own, until ctx ends, and returns its
// error; before that only the first that one of them returns.
func Run(ctx context.Context, ways ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, way := range ways {
		group.Go(func() error { return way(ctx) })
	}
	group.Go(func() error { // with nobody to ask too
		<-ctx.Done()
		return ctx.Err()
	})
	return group.Wait()
}
