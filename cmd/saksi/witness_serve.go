package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ops/node"
)

type witnessServeInput struct{ home, listen string }

func witnessServe() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "witness serve", Roles: []string{auditor},
		Summary: "run the witness",
		Text: "Listens on loopback unless told otherwise: TLS is a reverse proxy's. Prints where it listens and its key when it takes requests; Ctrl-C stops " +
			"it.",
		Examples: []string{"saksi witness serve --home witness", "saksi witness serve --home witness --listen 127.0.0.1:0"},
	}, func(in *witnessServeInput, f *cmdline.Flags) {
		in.listen = "127.0.0.1:7259"
		f.String(&in.listen, "listen", "listen on `HOST:PORT`; port 0 takes a free one").Env("witness-listen")
		f.Home(&in.home)
	}, runWitnessServe)
}

func runWitnessServe(ctx context.Context, s *cmdline.Session, in *witnessServeInput) (*cmdline.Result, error) {
	h, signer, err := openWitness(in.home)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(s.Err, nil))
	w, err := witness.Open(h.LogsDir(), signer, log)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	listener, err := listen(node.ListenAddress(in.listen))
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	url := "http://" + listener.Addr().String()
	if err := h.SetURL(url); err != nil {
		return nil, err
	}
	fmt.Fprintf(s.Out, "witness  %s\nhttp     %s\n", w.Key(), url)
	return nil, serveUntil(ctx, listener, w, 30*time.Second, log)
}
