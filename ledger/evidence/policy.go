package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

// NotAnchored is what is missing of the anchors that were waited for.
type NotAnchored struct {
	// Leaf is the last one that was asked for: what covers it covers all.
	Leaf   uint64
	Policy verify.AnchorPolicy
	// In and Missing are the Rekors in which it stands, and does not: their names, or
	// their origins where a trust file says which they are.
	In, Missing []string
	// Refused says of those of them whose anchors do not hold by the trust file why.
	Refused map[string]error
	// Err is why it was not waited for longer.
	Err error
}

func (e *NotAnchored) Error() string {
	where := fmt.Sprintf("%s, and not in %s", strings.Join(e.In, ", "), strings.Join(e.Missing, ", "))
	if len(e.In) == 0 {
		where = "none of " + strings.Join(e.Missing, ", ")
	}
	text := fmt.Sprintf("leaf %d stands in %s: the policy wants %s of %d Rekors", e.Leaf, where, e.Policy, len(e.In)+len(e.Missing))
	if len(e.In)+len(e.Missing) == 0 { // nothing was ever anchored
		text = fmt.Sprintf("leaf %d stands in no Rekor", e.Leaf)
	}
	for _, name := range e.Missing {
		if err := e.Refused[name]; err != nil {
			text += fmt.Sprintf("; %s: %v", name, err)
		}
	}
	if errors.Is(e.Err, context.DeadlineExceeded) {
		return text + "; the time to wait for it is over"
	}
	return fmt.Sprintf("%s: %v", text, e.Err)
}

func (e *NotAnchored) Unwrap() error { return e.Err }

// wantedAnchors is in how many of which Rekors leaves must stand.
type wantedAnchors struct {
	policy verify.AnchorPolicy
	rekors []string // nil: those in which anything was anchored
	// trust and ledger, if there, say by what an anchor counts.
	trust  *verify.Trust
	ledger *verify.TrustedLedger
}

// wanted returns what the options and the ledger's node want.
func (b *builder) wanted(ctx context.Context) (*wantedAnchors, error) {
	w := &wantedAnchors{trust: b.options.Trust}
	kept, err := b.source.Anchors.Policy(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case b.options.AnchorPolicy != nil:
		w.policy = *b.options.AnchorPolicy
	case kept != nil:
		w.policy, err = verify.ParseAnchorPolicy(kept.Policy)
	default:
		w.policy, err = verify.ParseAnchorPolicy("any")
	}
	if err != nil {
		return nil, err
	}
	switch {
	case w.trust != nil:
		var ok bool
		if w.ledger, ok = w.trust.Ledger(b.source.Log.Origin()); !ok {
			return nil, fmt.Errorf("the trust file names no ledger %s", b.source.Log.Origin())
		}
		w.rekors = []string{}
		for _, r := range w.trust.Rekors {
			if !slices.Contains(w.rekors, r.Origin) {
				w.rekors = append(w.rekors, r.Origin)
			}
		}
		if len(w.rekors) == 0 {
			return nil, errors.New("the trust file names no Rekor in which anything could be anchored")
		}
	case kept != nil && len(kept.Rekors) > 0:
		w.rekors = kept.Rekors
	}
	if w.rekors != nil {
		if _, err := w.policy.Of(len(w.rekors)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// missing compares what covers all leaves with what is wanted; nil if it suffices.
func (w *wantedAnchors) missing(last uint64, covering map[string]*anchored) *NotAnchored {
	found := map[string]bool{}
	e := &NotAnchored{Leaf: last, Policy: w.policy, Refused: map[string]error{}}
	for name, a := range covering {
		if w.trust == nil {
			found[name] = true
			continue
		}
		anchor, err := w.trust.VerifyAnchor(w.ledger, a.entry, a.checkpoint.Note)
		if err != nil {
			for _, origin := range w.trust.RekorOrigins(a.entry) {
				e.Refused[origin] = err
			}
			continue
		}
		found[anchor.Trusted.Origin] = true
	}
	rekors := w.rekors
	if rekors == nil {
		for name := range covering {
			rekors = append(rekors, name)
		}
		slices.Sort(rekors)
	}
	for _, name := range rekors {
		if found[name] {
			e.In = append(e.In, name)
		} else {
			e.Missing = append(e.Missing, name)
		}
	}
	if want, err := w.policy.Of(len(rekors)); err == nil && want > 0 && len(e.In) >= want {
		return nil
	}
	return e
}

// waitAnchored waits until the anchors that cover all leaves satisfy the policy.
func (b *builder) waitAnchored(ctx context.Context, leaves []uint64) error {
	wanted, err := b.wanted(ctx)
	if err != nil {
		return err
	}
	var missing *NotAnchored
	for {
		covering, err := b.cover(ctx, leaves)
		if err != nil {
			return missing.orEnded(ctx, err)
		}
		missing = wanted.missing(leaves[len(leaves)-1], covering)
		if missing == nil {
			return nil
		}
		b.tellMissing(missing)
		if err := pause(ctx); err != nil {
			return missing.orEnded(ctx, err)
		}
		newest, err := b.source.Reader.Checkpoint(ctx)
		if err != nil {
			return missing.orEnded(ctx, err)
		}
		b.newest = newest
	}
}

// orEnded returns what is missing, as it was known last, if the time to wait has ended, and
// err otherwise: the end of the time may fall into any reading.
func (e *NotAnchored) orEnded(ctx context.Context, err error) error {
	if e == nil || ctx.Err() == nil {
		return err
	}
	e.Err = ctx.Err()
	return e
}

// tellMissing tells whoever waits what for.
func (b *builder) tellMissing(e *NotAnchored) {
	if b.options.Progress == nil {
		return
	}
	want, err := e.Policy.Of(len(e.In) + len(e.Missing))
	if err != nil || want == 0 {
		want = 1
	}
	what := "anchored"
	if len(e.Missing) > 0 {
		what = "anchored; waiting for " + strings.Join(e.Missing, ", ")
	}
	b.options.Progress(what, len(e.In), want)
}
