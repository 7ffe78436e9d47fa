package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"filippo.io/torchwood"
	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/node"
)

func witnessCommand() *cli.Command {
	return &cli.Command{
		Name:     "witness",
		Usage:    "cosign other people's ledgers (C2SP tlog-witness)",
		Category: "auditor",
		Description: "A witness says of each checkpoint that it continues all that it has seen of that ledger before. It remembers\n" +
			"what it cosigned in its home, which must be on one machine, and never be restored from a copy.",
		Subcommands: []*cli.Command{
			{
				Name:      "init",
				Usage:     "make a witness: its key, which never leaves",
				ArgsUsage: "NAME",
				Flags:     []cli.Flag{homeFlag(), formatFlag(), jsonFlag()},
				Action:    witnessInit,
			},
			{
				Name:      "add",
				Usage:     "cosign a ledger, by its verifier key; a witness that runs takes it up at once",
				ArgsUsage: "LOGKEY",
				Flags: []cli.Flag{homeFlag(),
					stringFlag("origin", "the `NAME` in the checkpoints, where it is another than the key's"), formatFlag(), jsonFlag()},
				Action: witnessAdd,
			},
			{
				Name:   "list",
				Usage:  "what is cosigned, and how far",
				Flags:  []cli.Flag{homeFlag(), formatFlag(), jsonFlag()},
				Action: witnessList,
			},
			{
				Name:  "serve",
				Usage: "run the witness",
				Description: "Listens on loopback unless told otherwise: TLS is a reverse proxy's. Prints where it listens and its key when it\n" +
					"takes requests; Ctrl-C stops it.",
				Flags: []cli.Flag{homeFlag(),
					&cli.StringFlag{Name: "listen", Usage: "`HOST:PORT`; port 0 takes a free one", Value: "127.0.0.1:7259", EnvVars: env("witness-listen")}},
				Action: witnessServe,
			},
		},
	}
}

// openWitness returns a home, and what signs in it.
func openWitness(c *cli.Context) (*home.Witness, *torchwood.CosignatureSigner, error) {
	if err := required(c, "home"); err != nil {
		return nil, nil, err
	}
	h, err := home.OpenWitness(homeOf(c))
	if err != nil {
		return nil, nil, err
	}
	key, err := h.Key()
	if err != nil {
		return nil, nil, err
	}
	signer, err := torchwood.NewCosignatureSigner(h.Name, key)
	if err != nil {
		return nil, nil, fmt.Errorf("witness %s: %w", h.Name, err)
	}
	return h, signer, nil
}

func witnessInit(c *cli.Context) error {
	args, err := arguments(c, "NAME")
	if err != nil {
		return err
	}
	if err := required(c, "home"); err != nil {
		return err
	}
	if _, err := home.NewWitness(homeOf(c), args[0]); err != nil {
		return err
	}
	_, signer, err := openWitness(c)
	if err != nil {
		return err
	}
	key := signer.Verifier().String()
	return result{
		document: map[string]string{"name": args[0], "key": key},
		rows:     [][]any{{"witness", args[0]}, {"key", key}},
		note: "The key goes into ledgers' witness policies and auditors' trust files. Name the ledgers with saksi witness add, and run it with\n" +
			"saksi witness serve. Never restore " + homeOf(c) + " from a copy: make a new witness instead.",
	}.print(c)
}

func witnessAdd(c *cli.Context) error {
	args, err := arguments(c, "LOGKEY")
	if err != nil {
		return err
	}
	h, _, err := openWitness(c)
	if err != nil {
		return err
	}
	origin := c.String("origin")
	if origin == "" {
		origin, _, _ = strings.Cut(args[0], "+")
	}
	if err := witness.Add(h.LogsDir(), witness.Origin{Origin: origin, Key: args[0]}); err != nil {
		return err
	}
	return result{
		document: map[string]string{"origin": origin, "key": args[0]},
		rows:     [][]any{{"cosigns", origin}},
	}.print(c)
}

func witnessList(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	h, signer, err := openWitness(c)
	if err != nil {
		return err
	}
	self, err := formats.NewCosigner(signer.Verifier().String())
	if err != nil {
		return err
	}
	logs, err := witness.List(h.LogsDir(), self)
	if err != nil {
		return err
	}
	out := result{
		document: map[string]any{"name": h.Name, "key": self.Key(), "url": h.URL(), "logs": logs},
		columns:  []string{"log", "size", "refused", "key"}, spare: []string{"key"},
		note: "witness " + self.Key(),
	}
	for _, l := range logs {
		out.rows = append(out.rows, []any{l.Origin.Origin, l.Size, l.Evidence, l.Key})
	}
	return out.print(c)
}

func witnessServe(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	h, signer, err := openWitness(c)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(c.App.ErrWriter, nil))
	w, err := witness.Open(h.LogsDir(), signer, log)
	if err != nil {
		return err
	}
	defer w.Close()
	listener, err := net.Listen("tcp", node.ListenAddress(c.String("listen")))
	if err != nil {
		return hinted{fmt.Errorf("listen on %s: %w", c.String("listen"), err), "choose another address with --listen, such as 127.0.0.1:0 for a free port"}
	}
	defer listener.Close()
	url := "http://" + listener.Addr().String()
	if err := h.SetURL(url); err != nil {
		return err
	}
	server := &http.Server{
		Handler: w, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		<-c.Context.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(c.Context), 5*time.Second)
		defer cancel()
		if server.Shutdown(stopping) != nil {
			server.Close()
		}
	}()
	fmt.Fprintf(c.App.Writer, "witness  %s\nhttp     %s\n", w.Key(), url)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
