package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/hint"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// What commands have in common that read a ledger over HTTP.

// fetchConnections is how many are kept open to a ledger that is copied.
const fetchConnections = 16

const newTrustHint = "if that ledger replaces one that the trust file names, have its authority give you a trust file for it (saksi trust), and compare the key; an operator moves with saksi join"

// served is a ledger that is served at a URL, and where a copy of it is kept.
type served struct {
	url, dir string
	home     string // of the reader in whose name it is read; may be empty
	timeout  time.Duration
	trust    *verify.Trust
}

// open opens the ledger, whichever of the trust file it is, with the mandate of the
// reader if there is one.
func (v *served) open(ctx context.Context) (*ledgerhttp.Reader, *verify.TrustedLedger, string, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = fetchConnections
	o := ledgerhttp.ReaderOptions{Client: &http.Client{Transport: transport}, Timeout: v.timeout}
	as := ""
	if v.home != "" {
		h, err := openWatcher(v.home)
		if err != nil {
			return nil, nil, "", err
		}
		grant, err := h.Grant()
		if err != nil {
			return nil, nil, "", err
		}
		as = grant.Name
		o.Token = func(context.Context) (string, error) { return mint(h, tokenLife) }
	}
	first, err := ledgerhttp.NewReader(v.url, nil, o)
	if err != nil {
		return nil, nil, "", cmdline.WithStatus(cmdline.WrongUsage, err)
	}
	note, err := first.Note(ctx)
	if err != nil {
		return nil, nil, "", fmt.Errorf("fetch the checkpoint: %w", err)
	}
	trusted, _, err := v.trust.OpenCheckpoint(note)
	if errors.Is(err, verify.ErrUnknownLedger) {
		return nil, nil, "", hint.With(fmt.Errorf("what is served at %s: %w", v.url, err), newTrustHint)
	}
	if err != nil {
		return nil, nil, "", cmdline.WithStatus(cmdline.DoesNotHold, fmt.Errorf("what is served at %s: %w", v.url, err))
	}
	log, err := trusted.Log()
	if err != nil {
		return nil, nil, "", err
	}
	reader, err := ledgerhttp.NewReader(v.url, log, o)
	return reader, trusted, as, err
}

// copy brings the copy up to what is served.
func (v *served) copy(ctx context.Context, s *cmdline.Session, o mirror.Options) (*mirror.Fetched, error) {
	reader, trusted, as, err := v.open(ctx)
	if err != nil {
		return nil, err
	}
	log, err := trusted.Log()
	if err != nil {
		return nil, err
	}
	kept, err := mirror.Create(v.dir, log, as)
	if err != nil {
		return nil, err
	}
	defer kept.Close()
	b := cmdline.NewBar(s.Err, "copying leaves", 0, false)
	o.As, o.Progress = as, func(done, total uint64) { b.Set(int64(done), int64(total)) }
	fetched, err := kept.Fetch(ctx, reader, o)
	b.Done()
	var fork *mirror.ForkError
	switch {
	case errors.As(err, &fork):
		return nil, cmdline.WithStatus(cmdline.DoesNotHold, err)
	case errors.Is(err, mirror.ErrOlder):
		return nil, hint.With(err, "the address may show an old view: saksi monitor tells, and saksi audit "+v.dir+" audits the copy as it is")
	case err != nil:
		return nil, hint.With(err, "what came is kept: the same command goes on from there")
	}
	return fetched, nil
}

// erase follows orders to erase that stand in the tree: what the ledger has
// erased goes from the copy too.
func (v *served) erase(ctx context.Context, report *audit.Report) error {
	reader, trusted, as, err := v.open(ctx)
	if err != nil {
		return err
	}
	log, err := trusted.Log()
	if err != nil {
		return err
	}
	kept, err := mirror.Create(v.dir, log, as)
	if err != nil {
		return err
	}
	defer kept.Close()
	report.Forgotten, err = kept.Refresh(ctx, reader, report.Overdue)
	return err
}
