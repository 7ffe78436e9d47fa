package evidence

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"

	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Cosigned is where a ledger keeps the checkpoints that witnesses have cosigned. Errors
// wrap [fs.ErrNotExist] where there is none such.
type Cosigned interface {
	// Newest returns the largest that a quorum has cosigned, or else that anybody has,
	// and which of the two it is said to be.
	Newest(ctx context.Context) (note []byte, quorum bool, err error)
	// Covering returns the smallest such with more than leaf leaves.
	Covering(ctx context.Context, leaf uint64) (note []byte, quorum bool, err error)
}

type cosignedDirectory struct{ store *witness.Store }

// CosignedDirectory returns the cosigned checkpoints of the ledger in dir.
func CosignedDirectory(dir string) Cosigned {
	return cosignedDirectory{witness.OpenStore(filepath.Join(dir, witness.DirName))}
}

func (d cosignedDirectory) Newest(context.Context) ([]byte, bool, error) { return d.store.Newest() }

func (d cosignedDirectory) Covering(_ context.Context, leaf uint64) ([]byte, bool, error) {
	return d.store.Covering(leaf)
}

// remoteCosigned asks a node. What it answers is verified like all else.
type remoteCosigned struct{ remote *remoteAnchors }

// RemoteCosigned returns the cosigned checkpoints of the ledger that is served at base.
// client is http.DefaultClient if nil.
func RemoteCosigned(base string, client *http.Client) (Cosigned, error) {
	remote, err := openRemote(base, client)
	if err != nil {
		return nil, err
	}
	return remoteCosigned{remote}, nil
}

func (r remoteCosigned) Newest(ctx context.Context) ([]byte, bool, error) { return r.get(ctx, nil) }

func (r remoteCosigned) Covering(ctx context.Context, leaf uint64) ([]byte, bool, error) {
	return r.get(ctx, url.Values{"covers": {strconv.FormatUint(leaf, 10)}})
}

func (r remoteCosigned) get(ctx context.Context, query url.Values) ([]byte, bool, error) {
	u := r.remote.base.JoinPath("cosigned")
	u.RawQuery = query.Encode()
	b, header, err := r.remote.getWithHeader(ctx, u, maxAnchorFile)
	var status *ledgerhttp.StatusError
	if errors.As(err, &status) && status.Status == http.StatusNotFound {
		return nil, false, errors.Join(err, fs.ErrNotExist)
	}
	if err != nil {
		return nil, false, err
	}
	return b, header.Get("Saksi-Quorum") == "true", nil
}

// takeCosigned takes the newest cosigned checkpoint, which says most of the tree, and
// for the leaves those that bound them most closely from above.
func (b *builder) takeCosigned(ctx context.Context, subjects []uint64) error {
	if b.source.Cosigned == nil {
		return nil
	}
	note, _, err := b.source.Cosigned.Newest(ctx)
	if err := b.addCosigned(ctx, note, err); err != nil {
		return err
	}
	covering := remember(func(leaf uint64) ([]byte, error) {
		note, _, err := b.source.Cosigned.Covering(ctx, leaf)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return note, err
	})
	some, err := apart(subjects, mostBounds, func(leaf uint64) (uint64, error) {
		note, err := covering(leaf)
		if err != nil || note == nil {
			return 0, err
		}
		checkpoint, err := b.source.Log.OpenCheckpoint(note)
		if err != nil {
			return leaf + 1, nil // it is somebody's mistake
		}
		return checkpoint.Size, nil
	})
	if err != nil {
		return err
	}
	for _, leaf := range some {
		if note, err := covering(leaf); err != nil {
			return err
		} else if note != nil {
			if err := b.addCosigned(ctx, note, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// cosignedCovers tells whether a checkpoint that a quorum has cosigned covers a leaf.
func (b *builder) cosignedCovers(ctx context.Context, leaf uint64) (bool, error) {
	_, quorum, err := b.source.Cosigned.Covering(ctx, leaf)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return quorum, err
}

// addCosigned adds a checkpoint to the bundle, once. One that isn't this log's, or is
// of more leaves than the reader shows, is left out: it is somebody's mistake, and no
// reason to give no evidence.
func (b *builder) addCosigned(ctx context.Context, note []byte, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	checkpoint, err := b.source.Log.OpenCheckpoint(note)
	if err != nil || checkpoint.Size <= b.first() {
		return nil
	}
	if checkpoint.Size > b.newest.Size { // the ledger has grown meanwhile
		if b.newest, err = b.source.Reader.Checkpoint(ctx); err != nil || checkpoint.Size > b.newest.Size {
			return err
		}
	}
	for _, known := range b.cosigned {
		if bytes.Equal(known.Note, note) {
			return nil
		}
	}
	if len(b.cosigned) < verify.MaxCosigned {
		b.cosigned = append(b.cosigned, checkpoint)
	}
	return nil
}

// first returns the first leaf that was asked for.
func (b *builder) first() uint64 { return b.subjects()[0] }
