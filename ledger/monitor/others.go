package monitor

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const (
	// anchorsAtOnce is how many new anchors are looked at in one look, the newest.
	anchorsAtOnce = 100
	// maxRekors bounds the names of Rekors that a server can have kept.
	maxRekors   = 64
	maxRekor    = 64
	maxCompared = 16 << 20
)

// anchors looks at the new anchors that are shown: each is of a checkpoint that must be
// of this tree, and an entry of the Rekor that it is said to stand in.
func (v *view) anchors(ctx context.Context) error {
	k := v.kept
	source, err := evidence.Remote(v.url, v.config.Client)
	if err != nil {
		return err
	}
	list, err := source.List(ctx, "", 0, anchorsAtOnce)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // who serves it, a mirror say, has none
	}
	if err != nil {
		v.say(Trouble, Unanchored, nil, "its anchors do not come: %v", err)
		return nil
	}
	if len(list) > 2*anchorsAtOnce {
		list = list[:2*anchorsAtOnce]
	}
	slices.SortStableFunc(list, func(a, b ledgerhttp.Anchor) int { return cmp.Compare(a.Size, b.Size) })
	stuck := map[string]bool{}
	changed := false
	for _, a := range list {
		_, known := k.Anchored[a.Rekor]
		if a.Size <= k.Anchored[a.Rekor] || stuck[a.Rekor] || len(a.Rekor) > maxRekor || !known && len(k.Anchored) >= maxRekors {
			continue
		}
		ok, err := v.anchor(ctx, source, a)
		if err != nil {
			return err
		}
		if !ok {
			stuck[a.Rekor] = true
			continue
		}
		k.Anchored[a.Rekor] = a.Size
		changed = true
	}
	if changed {
		return k.save()
	}
	return nil
}

// anchor looks at one, and reports whether there is nothing more to be seen of it.
func (v *view) anchor(ctx context.Context, source evidence.Anchors, a ledgerhttp.Anchor) (bool, error) {
	k := v.kept
	note, err := source.Read(ctx, a.Checkpoint)
	var entry []byte
	if err == nil {
		entry, err = source.Read(ctx, a.Entry)
	}
	if err != nil {
		v.say(Trouble, Unanchored, nil, "the anchor of %d leaves in %q does not come: %v", a.Size, a.Rekor, err)
		return false, nil
	}
	c, err := k.log.OpenCheckpoint(note)
	if err != nil {
		v.say(Trouble, Unanchored, nil, "what is said to be anchored in %q is not signed: %v", a.Rekor, err)
		return false, nil
	}
	where := fmt.Sprintf("%s, anchored in %q", v.url, a.Rekor)
	agrees, err := v.elsewhere(ctx, k, c, where, "an anchored checkpoint", v.reader)
	if err != nil || !agrees {
		return true, err // it is kept, or proven to be another's
	}
	return v.entry(c, a.Rekor, entry), nil
}

// entry checks a Rekor's entry by the trust file, and reports whether there is nothing
// more to be seen of it.
func (v *view) entry(c *formats.Checkpoint, name string, entry []byte) bool {
	trusted := v.kept.trusted
	anchor, err := v.config.Trust.VerifyAnchor(trusted, entry, c.Note)
	switch {
	case errors.Is(err, verify.ErrUnknownRekor):
		v.say(Info, Unanchored, c, "an anchor of %d leaves in %q was not checked: %v", c.Size, name, err)
		return true
	case err != nil: // it may have been damaged on its way
		v.say(Trouble, BadAnchor, c, "the anchor of %d leaves in %q: %v", c.Size, name, err)
		return false
	}
	v.believe(anchor, c.Size)
	whose, at := "which is not said to be independent", ""
	if anchor.Independent && (trusted.Owner == "" || anchor.Owner != trusted.Owner) {
		whose = "which is independent"
	}
	if !anchor.IntegratedTime.IsZero() {
		at = ", at " + anchor.IntegratedTime.UTC().Format(time.DateTime) + " by its word"
	}
	v.say(Info, Anchored, c, "%d leaves stand in the Rekor %s, %s, as entry %d%s", c.Size, anchor.Rekor, whose, anchor.Index, at)
	return true
}

// believe takes note that a checkpoint stands in a Rekor of the trust file.
func (v *view) believe(anchor *verify.Anchor, size uint64) {
	k := v.kept
	before := v.anchoredBy(k)
	for i := range v.config.Trust.Rekors {
		r := &v.config.Trust.Rekors[i]
		host, _, _ := strings.Cut(anchor.Rekor, " - ")
		if r.Origin == anchor.Rekor || r.Version == 1 && r.Origin == host {
			k.Believed[r.Origin] = max(k.Believed[r.Origin], size)
		}
	}
	switch now := v.anchoredBy(k); {
	case now >= k.Spoken:
		k.WaitsSince = time.Time{}
	case now > before && !k.WaitsSince.IsZero():
		k.WaitsSince = v.config.Now() // what waits now came since
	}
}

// policy is by which witnesses' cosignatures are believed: the monitor's own, or the trust
// file's; nil if there is neither.
func (v *view) policy() *formats.Policy {
	if v.config.Policy != nil {
		return v.config.Policy
	}
	policy, err := v.kept.trusted.Witnesses()
	if err != nil {
		return nil // ParseTrust lets none pass
	}
	return policy
}

// cosigned looks at what witnesses have cosigned, as it is shown.
func (v *view) cosigned(ctx context.Context) error {
	k := v.kept
	policy := v.policy()
	wants := policy != nil && policy.WantsQuorum()
	note, err := v.reader.CosignedNote(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		if wants {
			v.say(Trouble, Uncosigned, k.newest, "no checkpoint is shown that any witness has cosigned: want %s", policy.Quorum())
		}
		return nil
	}
	var c *formats.Checkpoint
	if err == nil {
		c, err = k.log.OpenCheckpoint(note)
	}
	if err != nil {
		v.say(Trouble, Uncosigned, nil, "cosigned checkpoints do not come: %v", err)
		return nil
	}
	agrees, err := v.elsewhere(ctx, k, c, v.url+", cosigned", "a cosigned checkpoint", v.reader)
	if err != nil || !agrees || policy == nil {
		return err
	}
	by, quorum, err := policy.Cosigned(note)
	switch {
	case err != nil:
		v.say(Trouble, Uncosigned, c, "the cosigned checkpoint of %d leaves: %v", c.Size, err)
		return nil
	case !quorum:
		v.say(Trouble, Uncosigned, c, "%d leaves are cosigned by %s: want %s", c.Size, names(by), policy.Quorum())
		return nil
	case c.Size <= k.Cosigned:
		if since := v.config.Now().Sub(k.Seen); k.newest.Size > c.Size && since > v.config.Stale {
			v.say(Trouble, Uncosigned, c, "%d leaves are cosigned, and %d were seen: the witnesses lag", c.Size, k.newest.Size)
		}
		return nil
	}
	k.Cosigned = c.Size
	v.say(Info, Cosigned, c, "%d leaves are cosigned by %s", c.Size, names(by))
	return k.save()
}

func names(by []formats.Cosignature) string {
	if len(by) == 0 {
		return "no witness of the policy"
	}
	var list []string
	for _, s := range by {
		list = append(list, fmt.Sprintf("%s at %s", s.By.Name(), s.Time.UTC().Format(time.DateTime)))
	}
	return strings.Join(list, ", ")
}

// compareFile compares what somebody else was shown: a receipt, a signed checkpoint,
// proof of a fork, what a witness has kept, or the checkpoints of another monitor.
func (m *Monitor) compareFile(path string) error {
	b, err := durable.ReadFile(path, maxCompared)
	if err != nil {
		return err
	}
	notes := NotesIn(b)
	if len(notes) == 0 {
		return fmt.Errorf("%s: it holds no signed checkpoint: want a receipt, a checkpoint, proof of a fork, or the file of another monitor", path)
	}
	agreed := map[string]int{}
	for _, note := range notes {
		trusted, c, err := m.config.Trust.OpenCheckpoint(note)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		k, err := m.tree(trusted.Origin)
		if err != nil {
			return err
		}
		agrees, err := m.elsewhere(context.Background(), k, c, path, "the checkpoint", nil)
		if err != nil {
			return err
		}
		if agrees {
			agreed[k.Origin]++
		}
	}
	for origin, n := range agreed {
		m.report(m.kept[origin], Sighting{Level: Info, Kind: Agrees, From: path, Text: fmt.Sprintf("%d of its checkpoints are of this tree", n)})
	}
	return nil
}

// NotesIn finds the signed notes in a file: a checkpoint alone, a witness's state or request,
// a receipt, a proof against a ledger, or what monitors keep. Nothing of them is checked.
func NotesIn(b []byte) [][]byte {
	if r, err := formats.ParseReceipt(b); err == nil {
		return oneNote(r.Checkpoint)
	}
	if f, err := verify.ParseFork(b); err == nil {
		return [][]byte{f.Older, f.Newer}
	}
	if o, err := verify.ParseOrder(b); err == nil {
		return oneNote(o.Checkpoint)
	}
	if r, err := witness.ParseRequest(b); err == nil {
		return oneNote(r.Checkpoint)
	}
	var notes [][]byte
	for len(b) > 0 {
		if line, rest, ok := bytes.Cut(b, []byte("\n")); ok && (len(line) == 0 || line[0] == '#') {
			b = rest
			continue
		}
		note, rest, ok := verify.CutNote(b)
		if !ok {
			return nil
		}
		notes, b = append(notes, note), rest
	}
	return notes
}

// oneNote is a note, and nothing else.
func oneNote(b []byte) [][]byte {
	note, rest, ok := verify.CutNote(b)
	if !ok || len(rest) > 0 {
		return nil
	}
	return [][]byte{note}
}
