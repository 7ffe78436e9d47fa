package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/mirror"
)

type mirrorInput struct {
	url, dir, trust, listen, home string
	every, timeout                time.Duration
	once                          bool
}

func mirrorCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "mirror", Roles: []string{auditor},
		Summary: "serve a copy of a ledger, and keep it up to date",
		Text: "Serves what is public of the copy in --dir: checkpoint, tiles, anchors and cosignatures, for monitors, auditors and whoever verifies a receipt. " +
			"Bodies stay with whoever had the mandate. With a URL, the copy is made there if need be, and kept up to date, by the trust file; it " +
			"never takes back what it has. Listens on loopback unless told otherwise: TLS is a reverse proxy's. Prints where it listens; Ctrl-C " +
			"stops it. Ends with status 3 if the ledger has signed two histories.",
		Examples: []string{
			"saksi mirror --dir copy --trust trust.json https://ledger.example.my",
			"saksi mirror --dir copy --listen 127.0.0.1:0",
			"saksi mirror --dir copy --trust trust.json --once https://ledger.example.my",
		},
	}, func(in *mirrorInput, f *cmdline.Flags) {
		f.Optional(&in.url, "URL")
		f.String(&in.dir, "dir", "the copy's `DIRECTORY`").File().Required()
		f.String(&in.trust, "trust", "with a URL: the trust `FILE`").File()
		in.listen = "127.0.0.1:7260"
		f.String(&in.listen, "listen", "listen on `HOST:PORT`; port 0 takes a free one").Env("mirror-listen")
		in.every = 30 * time.Second
		f.Duration(&in.every, "every", "with a URL: look for more every `TIME`")
		f.Bool(&in.once, "once", "with a URL: bring the copy up to date and end, without serving")
		f.OptionalHome(&in.home)
		attemptFlag(f, &in.timeout)
		f.Format()
	}, runMirror)
}

func runMirror(ctx context.Context, s *cmdline.Session, in *mirrorInput) (*cmdline.Result, error) {
	switch {
	case in.url == "" && in.once:
		return nil, cmdline.Usage("--once needs a URL")
	case in.url == "":
		return nil, in.serve(ctx, s, nil)
	case in.every <= 0:
		return nil, cmdline.Usage("--every must be above 0")
	case in.trust == "":
		return nil, s.Usage("needs --trust, with a URL")
	}
	trust, err := readTrust(in.trust)
	if err != nil {
		return nil, err
	}
	from := &served{url: in.url, dir: in.dir, home: in.home, timeout: in.timeout, trust: trust}
	fetched, err := from.copy(ctx, s, mirror.Options{})
	if err != nil {
		return nil, err
	}
	if in.once {
		return cmdline.Pairs(fetched,
			"copied", fmt.Sprintf("%s, %s, %s", cmdline.Counted(fetched.Leaves, "leaf", "leaves"), cmdline.Counted(fetched.Bodies, "body", "bodies"), cmdline.Counted(fetched.Anchors, "anchor", "anchors")),
			"were there", cmdline.Counted(fetched.Kept, "leaf", "leaves")), nil
	}
	return nil, in.serve(ctx, s, from)
}

// serve serves until the context ends or the ledger is found to have forked. With where
// the ledger is served the copy is kept up to date.
func (in *mirrorInput) serve(outer context.Context, s *cmdline.Session, from *served) error {
	handler, closer, err := mirror.Handler(in.dir)
	if err != nil {
		return hint.With(err, "saksi mirror URL and saksi audit URL make one")
	}
	defer closer.Close()
	listener, err := listen(in.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	log := slog.New(slog.NewTextHandler(s.Err, nil))
	if from != nil {
		go in.keepUp(ctx, s, from, log, cancel)
	}
	fmt.Fprintf(s.Out, "http  http://%s\n", listener.Addr())
	err = serveUntil(ctx, listener, handler, time.Minute, log)
	if err != nil {
		return err
	}
	if cause := context.Cause(ctx); outer.Err() == nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// keepUp brings the copy up to date every so often. What passes is logged; a fork ends
// the serving.
func (in *mirrorInput) keepUp(ctx context.Context, s *cmdline.Session, from *served, log *slog.Logger, end context.CancelCauseFunc) {
	tick := time.NewTicker(in.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, err := from.copy(ctx, s, mirror.Options{})
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
