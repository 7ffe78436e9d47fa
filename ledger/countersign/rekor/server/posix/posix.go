// Package posix is the POSIX server of rekor-tiles as the only task of a process.
//
// It is apart from package server because of all that it links in.
//
// Not here: anything that a node needs: this package links what no other package should.
package posix

import (
	"io"
	"os"
	"syscall"
	"time"

	"github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix/app"
)

// stopWithin is how long the server may take to end in order.
const stopWithin = 8 * time.Second

// Main runs the server with arguments as rekor-server-posix has them, "serve" first,
// until it gets SIGTERM or its parent is gone: until parent, a pipe, ends. It takes
// the whole process over, os.Args included, and ends it if the server can't go on.
func Main(args []string, parent io.Reader) {
	go func() {
		io.Copy(io.Discard, parent)
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(syscall.SIGTERM)
		}
		if err == nil {
			time.Sleep(stopWithin)
		}
		os.Exit(1)
	}()
	os.Args = append([]string{"rekor-server"}, args...)
	app.Execute()
}
