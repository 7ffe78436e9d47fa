package mirror

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// Refresh asks again for the bodies of leaves that the copy has, and keeps what came of
// those of which less is left at the ledger: what it has erased is erased here too. It
// returns how many.
func (c *Copy) Refresh(ctx context.Context, reader *ledgerhttp.Reader, leaves []uint64) (int, error) {
	erased := 0
	for _, leaf := range leaves {
		came, err := reader.Body(ctx, leaf)
		if err != nil {
			return erased, err
		}
		changed, err := c.replace(ctx, leaf, came)
		if err != nil {
			return erased, fmt.Errorf("erase the body of leaf %d from the copy: %w", leaf, err)
		}
		if changed {
			erased++
		}
	}
	return erased, nil
}

// replace puts a body in the place of a longer one, if it is the leaf's.
func (c *Copy) replace(ctx context.Context, leaf uint64, body []byte) (bool, error) {
	entries, err := c.Entries(ctx, leaf)
	if err != nil {
		return false, err
	}
	said, err := formats.ParseLeaf(entries[0])
	if err == nil {
		err = ledger.CheckBody(said, body)
	}
	if err != nil {
		return false, err
	}
	index := leaf / tiles.Width
	w := bundleWidth(index, c.at.Size)
	path := c.bodiesPath(index, w)
	text, err := readFile(path, maxBodies)
	if err != nil {
		return false, err
	}
	bodies, err := parseBodies(text, w)
	if err != nil {
		return false, err
	}
	if at := int(leaf % tiles.Width); len(body) < len(bodies[at]) {
		bodies[at] = body
	} else {
		return false, nil
	}
	var b []byte
	for _, body := range bodies {
		b = appendBody(b, body)
	}
	if err := writeFile(path, b); err != nil {
		return false, err
	}
	return true, durable.SyncDir(filepath.Dir(path))
}
