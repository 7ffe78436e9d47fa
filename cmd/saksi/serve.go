package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/saksi-ledger/saksi/ledger/hint"
)

// What commands have in common that serve HTTP.

// listen listens on an address that a flag --listen has.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, hint.With(fmt.Errorf("listen on %s: %w", address, err), "choose another address with --listen, such as 127.0.0.1:0 for a free port")
	}
	return listener, nil
}

// serveUntil serves until the context ends, and then lets requests end.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler, write time.Duration, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: write, IdleTimeout: 2 * time.Minute,
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
	err := server.Serve(listener)
	cancel()
	<-stopped
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
