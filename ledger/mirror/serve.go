package mirror

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
)

// Handler serves the copy in dir, as far as the ledger itself is public: checkpoint,
// tiles, anchors, timestamps and what is cosigned. It has no bodies, whoever asks: they were given
// by a mandate, which covers no handing on. The copy may be added to meanwhile. Close
// releases the directory.
func Handler(dir string) (http.Handler, io.Closer, error) {
	if !Is(dir) {
		return nil, nil, fmt.Errorf("serve %s: %w", dir, ErrNoCopy)
	}
	tree, err := ledgerhttp.Handler(filepath.Join(dir, treeDir))
	if err != nil {
		return nil, nil, fmt.Errorf("serve %s: %w", dir, err)
	}
	anchors, err := ledgerhttp.OpenAnchors(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("serve %s: %w", dir, err)
	}
	times, err := ledgerhttp.OpenTimestamps(dir)
	if err != nil {
		anchors.Close()
		return nil, nil, fmt.Errorf("serve %s: %w", dir, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("/anchors/", anchors)
	mux.Handle("/timestamps/", times)
	mux.Handle("/cosigned", ledgerhttp.Cosigned(witness.OpenStore(filepath.Join(dir, cosignedDir))))
	return mux, closers{anchors, times}, nil
}

type closers []io.Closer

func (all closers) Close() error {
	var err error
	for _, c := range all {
		err = errors.Join(err, c.Close())
	}
	return err
}
