package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
)

// behindLeaves is how far views may be behind the checkpoint while they follow it.
const behindLeaves = 5000

// views looks at how far they have come.
func (e *examination) views(ctx context.Context) {
	const again = "saksi rebuild --home "
	store, err := viewstore.Open(ctx, e.home)
	if err != nil {
		e.add("views", Fail, err.Error(), "start the node, which makes them; where that doesn't help, "+again+e.dir)
		return
	}
	defer store.Close()
	position, err := store.Position(ctx)
	if err != nil {
		e.add("views", Fail, err.Error(), again+e.dir)
		return
	}
	still := e.answers && position.Size < e.size && !moves(ctx, store, position.Size)
	found := fmt.Sprintf("they have seen %d leaves", position.Size)
	switch {
	case position.Size > e.size:
		e.add("views", Fail, fmt.Sprintf("%s of a ledger of %d: it was put back", found, e.size), "find out who restored the ledger from a copy; then "+again+e.dir)
	case still:
		e.add("views", Fail, fmt.Sprintf("%s of %d, and stand still", found, e.size), "read what the node logs of its views; then "+again+e.dir)
	case e.size-position.Size > behindLeaves:
		e.add("views", Warn, fmt.Sprintf("%s, %d behind the checkpoint", found, e.size-position.Size), "look again in a minute; if it grows, read what the node logs")
	default:
		e.add("views", OK, found, "")
	}
}

// stillTime is how long views that are behind may stay where they are.
const stillTime = 3 * time.Second

// moves tells whether the views come further than size soon.
func moves(ctx context.Context, store *projections.Store, size uint64) bool {
	for end := time.Now().Add(stillTime); time.Now().Before(end); {
		position, err := store.Position(ctx)
		if err == nil && position.Size != size {
			return true
		}
		if retry.Sleep(ctx, 100*time.Millisecond) != nil {
			return false
		}
	}
	return false
}

const (
	// lagWatch and lagWrong are how long leaves may wait for an anchor.
	lagWatch = 5 * time.Minute
	lagWrong = time.Hour
)

// anchors looks at how far each Rekor has come. Where the policy wants only some of
// them and is satisfied, what is wrong with the others is to be watched.
func (e *examination) anchors() {
	dir := filepath.Join(e.home.LedgerDir(), rekor.DirName)
	all, err := rekor.ReadStatus(dir)
	if err != nil {
		e.add("anchors", Warn, err.Error(), "")
		return
	}
	if len(all) == 0 {
		e.add("anchors", Warn, "nothing was ever anchored", "start the node with a Rekor: its own, or others with --rekor")
		return
	}
	worst := Fail
	if by, err := rekor.ReadAnchoring(dir); err == nil && len(by.Rekors) > 1 {
		worst = e.anchoring(by)
	}
	for _, s := range all {
		name := "anchors in " + s.Rekor
		found := fmt.Sprintf("%d leaves are anchored", s.Size)
		lag := s.Lag(e.size)
		if lag.Leaves > 0 {
			found += fmt.Sprintf("; %d wait, for %s", lag.Leaves, lag.Since.Round(time.Second))
		}
		if s.Error != "" {
			found += "; last it failed: " + s.Error
		}
		switch {
		case lag.Since > lagWrong:
			e.add(name, worst, found, "anchoring catches up by itself when that Rekor answers: ask who runs it, or name another with --rekor")
		case lag.Since > lagWatch:
			e.add(name, Warn, found, "anchoring catches up by itself when that Rekor answers")
		default:
			e.add(name, OK, found, "")
		}
		e.shown(dir, s)
	}
}

// shown looks whether what a Rekor has shown is one tree.
func (e *examination) shown(dir string, s rekor.Status) {
	name := "what " + s.Rekor + " shows"
	if file := filepath.Join(dir, s.Rekor, rekor.ContradictedFile); exists(file) {
		e.add(name, Warn, "it has shown a tree that is not proven to continue the one before: "+file,
			"ask who runs it, and show them the file and the one beside it; believe no anchor there until they have said why")
		return
	}
	trust, err := e.home.Trust()
	if err != nil {
		return // other lines say so
	}
	for i := range trust.Rekors {
		if r := &trust.Rekors[i]; r.Origin == s.Origin {
			if _, err := rekor.ReadShards(dir, s.Rekor, r); err != nil {
				e.add(name, Warn, err.Error(), "what is kept is damaged, or the Rekor has another key: the next anchor lays it aside and begins anew")
			}
			return
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// anchoring looks at how far all Rekors together have come by the policy, and returns how
// bad it is that one of them doesn't.
func (e *examination) anchoring(by *rekor.Anchoring) State {
	found := fmt.Sprintf("%d leaves stand in %s of %d Rekors, as the policy wants", by.Size, by.Policy, len(by.Rekors))
	lag := by.Lag(e.size)
	if lag.Leaves > 0 {
		found += fmt.Sprintf("; %d wait, for %s", lag.Leaves, lag.Since.Round(time.Second))
	}
	switch {
	case lag.Since > lagWrong:
		e.add("anchors", Fail, found, "too few Rekors answer: see each of them below")
		return Fail
	case lag.Since > lagWatch:
		e.add("anchors", Warn, found, "anchoring catches up by itself when enough Rekors answer")
	default:
		e.add("anchors", OK, found, "")
	}
	return Warn
}
