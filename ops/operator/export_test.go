package operator

import (
	"context"
	"errors"
	"os"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// ErrFault is what a write that was made to fail returns.
var ErrFault = errors.New("injected fault")

// FailCommit makes one of the writes of [Client.Commit] fail from now on: the records, the
// batch or the outbox, after it took effect or before.
func (d *Client) FailCommit(write string, persisted bool) {
	did := func(err error) error {
		if err == nil {
			err = ErrFault
		}
		return err
	}
	switch write {
	case "records":
		real := d.batches.place
		d.batches.place = func(from, to string) error {
			if persisted {
				return did(real(from, to))
			}
			return ErrFault
		}
	case "batch":
		real := d.batches.write
		d.batches.write = func(path string, v any, mode os.FileMode) error {
			if persisted {
				return did(real(path, v, mode))
			}
			return ErrFault
		}
	case "outbox":
		d.faulty = func(ctx context.Context, recorder events.Recorder, drafts []events.Draft) (client.Added, error) {
			if persisted {
				added, err := d.Outbox.Add(ctx, recorder, drafts, d.signers...)
				return added, did(err)
			}
			return client.Added{}, ErrFault
		}
	default:
		panic(write)
	}
}

// OpenBatch holds a batch's records to what was committed to, and returns them.
func (d *Client) OpenBatch(name string, count int) ([]events.Disclosure, error) {
	all, err := d.batches.all()
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.Batch != name {
			continue
		}
		wanted := map[uint64]bool{}
		for i := range count {
			wanted[uint64(i)] = true
		}
		_, records, err := d.batches.open(b, wanted)
		var out []events.Disclosure
		for i := range count {
			out = append(out, records[uint64(i)])
		}
		return out, err
	}
	return nil, errNotHeld
}
