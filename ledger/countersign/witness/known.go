package witness

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Ask offers a checkpoint to all witnesses of a policy at once, and returns what those
// know that have seen more of the tree, or another one. Those that are away by the timeout, or
// answer what they should not, know nothing. What a witness answers it does not prove.
func Ask(ctx context.Context, policy *formats.Policy, log *formats.Log, checkpoint *formats.Checkpoint, base *http.Client, timeout time.Duration) ([]ledger.Known, error) {
	plain, err := countersign.Plain(log, checkpoint)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answers := make([]*ledger.Known, len(policy.Witnesses))
	var asking sync.WaitGroup
	for i, w := range policy.Witnesses {
		client, err := newClient(w, base)
		if err != nil {
			continue // it has no address that can be asked
		}
		asking.Go(func() { answers[i] = client.knows(ctx, w.Name, checkpoint.Size, plain) })
	}
	asking.Wait()
	var known []ledger.Known
	for _, k := range answers {
		if k != nil {
			known = append(known, *k)
		}
	}
	return known, nil
}

// knows returns what the witness says that it has seen beyond the checkpoint; nil if that
// is nothing. It is asked as if for the first time: whoever has seen anything answers with
// the size of that.
func (c *client) knows(ctx context.Context, name string, size uint64, plain []byte) *ledger.Known {
	k := &ledger.Known{By: "the witness " + name}
	seen, conflict := c.conflict(ctx, 0, plain)
	switch {
	case !conflict || seen < size:
		return nil
	case seen > size:
		k.Size = seen
		return k
	}
	if _, conflict := c.conflict(ctx, size, plain); !conflict {
		return nil
	}
	k.Size, k.Other = size, true
	return k
}

// conflict offers a checkpoint as one that continues a tree of old leaves, and reports
// whether the witness has seen another size than that, or another root.
func (c *client) conflict(ctx context.Context, old uint64, plain []byte) (size uint64, conflict bool) {
	r := Request{Old: old, Checkpoint: plain}
	status, body, err := c.post(ctx, r.Marshal())
	if err != nil || status != http.StatusConflict {
		return 0, false
	}
	if size, err = parseSize(body); err != nil {
		size = old
	}
	return size, true
}
