package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

func mirrorCommand() *cli.Command {
	return &cli.Command{
		Name:      "mirror",
		Usage:     "serve a copy of a ledger on, and keep it up to date",
		Category:  "auditor",
		ArgsUsage: "[URL]",
		Description: "Serves what is public of the copy in --dir: checkpoint, tiles, anchors and cosignatures, for monitors, auditors and\n" +
			"whoever verifies a receipt. Bodies stay with whoever had the mandate. With a URL, the copy is made there if need be, and kept\n" +
			"up to date, by the trust file; it never takes back what it has. Listens on loopback unless told otherwise: TLS is a reverse\n" +
			"proxy's. Prints where it listens; Ctrl-C stops it. Ends with status 3 if the ledger has signed two histories.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "the copy's `DIRECTORY`", EnvVars: env("dir"), TakesFile: true},
			stringFlag("trust", "with a URL: the trust `FILE`"),
			&cli.StringFlag{Name: "listen", Usage: "`HOST:PORT`; port 0 takes a free one", Value: "127.0.0.1:7260", EnvVars: env("mirror-listen")},
			&cli.DurationFlag{Name: "every", Usage: "with a URL: look for more every `TIME`", Value: 30 * time.Second, EnvVars: env("every")},
			&cli.BoolFlag{Name: "once", Usage: "with a URL: bring the copy up to date and end, without serving", EnvVars: env("once")},
			homeFlag(), attemptFlag(), formatFlag(), jsonFlag(),
		},
		Action: runMirror,
	}
}

func runMirror(c *cli.Context) error {
	if err := flagsBefore(c, " at most one URL"); err != nil {
		return err
	}
	if err := required(c, "dir"); err != nil {
		return err
	}
	switch {
	case c.NArg() > 1:
		return usage("%s takes at most one URL", c.Command.HelpName)
	case c.NArg() == 0 && c.Bool("once"):
		return usage("--once needs a URL")
	case c.NArg() == 0:
		return serveCopy(c, nil)
	case c.Duration("every") <= 0:
		return usage("--every must be above 0")
	}
	trust, err := readTrust(c)
	if err != nil {
		return err
	}
	fetched, err := copyLedger(c, trust, c.Args().First(), mirror.Options{})
	if err != nil {
		return err
	}
	if c.Bool("once") {
		return result{document: fetched, rows: [][]any{
			{"copied", fmt.Sprintf("%s, %s, %s", counted(fetched.Leaves, "leaf", "leaves"), counted(fetched.Bodies, "body", "bodies"), counted(fetched.Anchors, "anchor", "anchors"))}, {"were there", counted(fetched.Kept, "leaf", "leaves")},
		}}.print(c)
	}
	return serveCopy(c, trust)
}

// serveCopy serves until the context ends or the ledger is found to have forked. With a
// trust file the copy is kept up to date.
func serveCopy(c *cli.Context, trust *verify.Trust) error {
	handler, closer, err := mirror.Handler(c.String("dir"))
	if err != nil {
		return hinted{err, "saksi mirror URL and saksi audit URL make one"}
	}
	defer closer.Close()
	listener, err := net.Listen("tcp", c.String("listen"))
	if err != nil {
		return hinted{fmt.Errorf("listen on %s: %w", c.String("listen"), err), "choose another address with --listen, such as 127.0.0.1:0 for a free port"}
	}
	defer listener.Close()
	ctx, cancel := context.WithCancelCause(c.Context)
	defer cancel(nil)
	log := slog.New(slog.NewTextHandler(c.App.ErrWriter, nil))
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		stopping, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		if server.Shutdown(stopping) != nil {
			server.Close()
		}
	}()
	if trust != nil {
		go keepUp(ctx, c, trust, log, cancel)
	}
	fmt.Fprintf(c.App.Writer, "http  http://%s\n", listener.Addr())
	err = server.Serve(listener)
	cancel(nil)
	<-stopped
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	if cause := context.Cause(ctx); c.Context.Err() == nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// keepUp brings the copy up to date every so often. What passes is logged; a fork ends
// the serving.
func keepUp(ctx context.Context, c *cli.Context, trust *verify.Trust, log *slog.Logger, end context.CancelCauseFunc) {
	tick := time.NewTicker(c.Duration("every"))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, err := copyLedger(c, trust, c.Args().First(), mirror.Options{})
		var fork *mirror.ForkError
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &fork):
			end(err)
			return
		case err != nil:
			log.Warn("the copy is not brought up to date", "error", err)
		}
	}
}
