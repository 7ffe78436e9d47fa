package monitor

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// outOfOrder is a leaf that breaks the order of the stream, and the one before it, to the
// byte: what is needed to prove it when the hashes are there.
type outOfOrder struct {
	Index  uint64 `json:"index"`
	Before string `json:"before,omitempty"`
	Leaf   string `json:"leaf"`
}

// foundDisorder raises the alarm over a leaf under the newest checkpoint, with proof if the
// tiles come that it takes. If not, the proof follows when all leaves were read.
func (v *view) foundDisorder(ctx context.Context, out outOfOrder, broken string) error {
	k := v.kept
	s := Sighting{Kind: Order, From: v.url, Size: k.newest.Size, Root: &k.newest.Root, Leaf: &out.Index, Text: broken}
	if len(k.Alarms) < maxProofs { // of more nothing is kept
		var err error
		if !v.withheld { // a server that doesn't give them is asked once in a look
			s.Proof, err = k.proveOrder(k.newest, out, tiles.New(v.reader).Tree(ctx, k.newest.Tree()), v.config.Trust)
		}
		if v.withheld || err != nil {
			v.withheld = true
			k.Unproven = append(k.Unproven, out)
		}
	}
	return v.alarm(k, s)
}

// proveOrders proves, by the hashes that are kept, what could not be proven before.
func (v *view) proveOrders() error {
	k := v.kept
	for _, out := range k.Unproven {
		path, err := k.proveOrder(k.proven, out, k.hashes, v.config.Trust)
		if err != nil {
			return err
		}
		for i := range k.Alarms {
			if a := &k.Alarms[i]; a.Kind == Order && a.Leaf != nil && *a.Leaf == out.Index && a.Proof == "" {
				a.Proof, a.Size, a.Root = path, k.proven.Size, &k.proven.Root
				v.config.Report(*a)
			}
		}
	}
	k.Unproven = nil
	return nil
}

// proveOrder writes the proof of a broken order under a checkpoint, and returns its path.
func (k *kept) proveOrder(c *formats.Checkpoint, out outOfOrder, hashes tlog.HashReader, trust *verify.Trust) (string, error) {
	var before []byte
	if out.Index > 0 {
		before = []byte(out.Before)
	}
	order, err := verify.ProveOrder(c, out.Index, before, []byte(out.Leaf), hashes)
	if err != nil {
		return "", err
	}
	text := order.Marshal()
	if _, err := verify.VerifyOrder(text, trust); err != nil {
		return "", fmt.Errorf("a proof that was made does not hold: %w", err)
	}
	return k.keepProof(fmt.Sprintf(orderPattern, out.Index), text)
}
