package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ops/home"
)

// openEvidenceSource opens the ledger of an authority's home where it lies, or that of
// a reader's over HTTP.
func openEvidenceSource(dir string) (evidence.Source, io.Closer, error) {
	authority, err := home.OpenAuthority(dir)
	if err == nil {
		return localSource(authority)
	}
	reader, readerErr := openWatcher(dir)
	switch {
	case errors.Is(err, home.ErrNoHome):
		return evidence.Source{}, nil, err
	case readerErr != nil:
		return evidence.Source{}, nil, readerErr
	}
	source, err := remoteSource(reader)
	return source, io.NopCloser(nil), err
}

// closers closes each of them.
type closers []io.Closer

func (list closers) Close() error {
	var errs []error
	for _, c := range list {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

func localSource(h *home.Authority) (evidence.Source, io.Closer, error) {
	key, err := h.LogVerifierKey()
	if err != nil {
		return evidence.Source{}, nil, err
	}
	log, err := formats.NewLog(key)
	if err != nil {
		return evidence.Source{}, nil, err
	}
	directory, err := archive.OpenDirectory(h.LedgerDir(), log)
	if err != nil {
		return evidence.Source{}, nil, err
	}
	anchors, err := evidence.OpenDirectory(h.LedgerDir())
	if err != nil {
		directory.Close()
		return evidence.Source{}, nil, err
	}
	timestamps, err := evidence.OpenTimestamps(h.LedgerDir())
	if err != nil {
		closers{directory, anchors}.Close()
		return evidence.Source{}, nil, err
	}
	return evidence.Source{
		Reader: directory, Log: log, Anchors: anchors, Cosigned: evidence.CosignedDirectory(h.LedgerDir()), Timestamps: timestamps,
	}, closers{directory, anchors, timestamps}, nil
}

func remoteSource(h watcher) (evidence.Source, error) {
	grant, err := h.Grant()
	if err != nil {
		return evidence.Source{}, err
	}
	signer, err := h.Signer()
	if err != nil {
		return evidence.Source{}, err
	}
	log, err := grant.Ledger.Log()
	if err != nil {
		return evidence.Source{}, err
	}
	reader, err := ledgerhttp.NewReader(grant.HTTP, log, ledgerhttp.ReaderOptions{
		Token: func(context.Context) (string, error) {
			return token.Mint(signer, grant.Name, log.Origin(), time.Now(), tokenLife)
		},
	})
	if err != nil {
		return evidence.Source{}, err
	}
	anchors, err := evidence.Remote(grant.HTTP, nil)
	if err != nil {
		return evidence.Source{}, err
	}
	cosigned, err := evidence.RemoteCosigned(grant.HTTP, nil)
	if err != nil {
		return evidence.Source{}, err
	}
	timestamps, err := evidence.RemoteTimestamps(grant.HTTP, nil)
	if err != nil {
		return evidence.Source{}, err
	}
	return evidence.Source{Reader: reader, Log: log, Anchors: anchors, Cosigned: cosigned, Timestamps: timestamps}, nil
}
