package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/home"
)

const (
	// evidenceWait is longer than the time from one anchor to the next.
	evidenceWait = 3 * time.Minute
	// tokenLife bounds what a token that was overheard is good for.
	tokenLife = 10 * time.Minute
)

func evidenceCommand() *cli.Command {
	return &cli.Command{
		Name:      "evidence",
		Usage:     "put what proves chosen events into one file",
		Category:  "auditor",
		ArgsUsage: "LEAF/EVENT…",
		Description: "12/3 is event 3 of leaf 12, as views name it; 12 is all events of leaf 12. HOME is an authority's, or that of a\n" +
			"reader whose mandate covers bodies. The file shows the chosen events without their neighbours, and what was\n" +
			"registered by then of whoever said them. saksi verify reads it.",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`", TakesFile: true},
			&cli.BoolFlag{Name: "wait-anchor", Usage: "wait until a Rekor's entry covers the leaves", EnvVars: env("wait-anchor")},
			&cli.BoolFlag{Name: "wait-cosigned", Usage: "wait until a checkpoint that a quorum of the ledger's witnesses has cosigned covers the leaves", EnvVars: env("wait-cosigned")},
			&cli.BoolFlag{Name: "wait-timestamp", Usage: "wait until a timestamp covers the leaves", EnvVars: env("wait-timestamp")},
			timeoutFlag(evidenceWait), formatFlag(), jsonFlag()},
		Action: makeEvidence,
	}
}

func makeEvidence(c *cli.Context) error {
	const want = " one LEAF/EVENT or more"
	if err := flagsBefore(c, want); err != nil {
		return err
	}
	if err := required(c, "home", "output"); err != nil {
		return err
	}
	if c.NArg() == 0 {
		return usage("%s takes%s", c.Command.HelpName, want)
	}
	var requests []evidence.Request
	for _, text := range c.Args().Slice() {
		r, err := evidence.ParseRequest(text)
		if err != nil {
			return statusError{exitUsage, err}
		}
		requests = append(requests, r)
	}
	source, closer, err := openEvidenceSource(homeOf(c))
	if err != nil {
		return err
	}
	defer closer.Close()
	ctx, cancel := withTimeout(c)
	defer cancel()
	text, err := evidence.Build(ctx, source, requests, evidence.Options{
		WaitAnchor: c.Bool("wait-anchor"), WaitCosigned: c.Bool("wait-cosigned"), WaitTimestamp: c.Bool("wait-timestamp"),
	})
	switch {
	case errors.Is(err, context.DeadlineExceeded) && c.Bool("wait-timestamp"):
		return hinted{err, "saksi doctor says how far timestamps are; without --wait-timestamp the evidence says between what it stands, or give --timeout more"}
	case errors.Is(err, context.DeadlineExceeded) && c.Bool("wait-cosigned"):
		return hinted{err, "saksi doctor says how far witnesses are; without --wait-cosigned the evidence says which have not seen the tree, or give --timeout more"}
	case errors.Is(err, context.DeadlineExceeded) && c.Bool("wait-anchor"):
		return hinted{err, "saksi doctor says how far anchors lag; without --wait-anchor the evidence says that it has none, or give --timeout more"}
	case errors.Is(err, evidence.ErrNoBody):
		return hinted{err, "the authority gives mandates for bodies: saksi reader add --role auditor or supervisor"}
	case err != nil:
		return err
	}
	if err := os.WriteFile(c.String("output"), text, 0o644); err != nil {
		return err
	}
	bundle, err := verify.ParseBundle(text)
	if err != nil {
		return err
	}
	return evidenceResult(c.String("output"), len(text), bundle).print(c)
}

func evidenceResult(file string, bytes int, b *verify.Bundle) result {
	var refs []string
	for _, r := range b.About {
		refs = append(refs, r.String())
	}
	note := "saksi verify --trust TRUST " + file + " says what it proves."
	if len(b.Anchors) == 0 {
		note = "No anchor covers it, and it says so: --wait-anchor waits for one.\n" + note
	}
	return result{
		document: map[string]any{"evidence": file, "bytes": bytes, "events": refs, "leaves": len(b.Leaves), "anchors": len(b.Anchors), "cosigned": len(b.Cosigned), "timestamps": len(b.Timestamps)},
		rows: [][]any{
			{"evidence", fmt.Sprintf("%s, %d bytes", file, bytes)}, {"events", strings.Join(refs, " ")},
			{"leaves", len(b.Leaves)}, {"anchors", len(b.Anchors)}, {"cosigned", len(b.Cosigned)}, {"timestamps", len(b.Timestamps)},
		},
		note: note,
	}
}

// openEvidenceSource opens the ledger of an authority's home where it lies, or that of
// a reader's over HTTP.
func openEvidenceSource(dir string) (evidence.Source, io.Closer, error) {
	authority, err := home.OpenAuthority(dir)
	if err == nil {
		return localSource(authority)
	}
	reader, readerErr := watching(dir)
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
	log, err := verify.NewLog(key)
	if err != nil {
		return evidence.Source{}, nil, err
	}
	directory, err := ledger.OpenDirectory(h.LedgerDir(), log)
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
