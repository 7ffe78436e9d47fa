package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 30 * time.Second
	// goodRun is how long a child must have run for its death to be a new one.
	goodRun = time.Minute
	// stopWithin is how long a child may take to end in order.
	stopWithin = 10 * time.Second
	// firstTries is how often a child is started before the server is given up: a
	// free port can be taken by another before the child listens on it.
	firstTries = 5
	maxLog     = 8 << 20 // bytes; the one before is kept too
)

// supervise runs children until ctx ends, and says when the first is healthy, or that
// none becomes so.
func (s *Server) supervise(ctx context.Context, first func(error)) {
	defer close(s.done)
	// The kernel ends the child when the thread that started it ends.
	runtime.LockOSThread()
	ports, backoff, tries := [2]int{}, firstBackoff, 0
	for ctx.Err() == nil {
		if ports[0] == 0 {
			var err error
			if ports, err = freePorts(); err != nil {
				first(err)
				return
			}
		}
		started := time.Now()
		healthy, err := s.runChild(ctx, ports, func() { first(nil) })
		if ctx.Err() != nil {
			return
		}
		tries++
		switch {
		case healthy:
			tries = firstTries
		case tries == firstTries:
			first(fmt.Errorf("it ended before it was healthy: %w", err))
		}
		if !healthy {
			ports = [2]int{} // perhaps another has them
		}
		if time.Since(started) > goodRun {
			backoff = firstBackoff
		}
		s.config.Log.Warn("the Rekor's server ended and is started again", "error", err, "after", backoff)
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// runChild runs one child to its end. It reports whether it was healthy.
func (s *Server) runChild(ctx context.Context, ports [2]int, onHealthy func()) (healthy bool, _ error) {
	log, err := openLog(filepath.Join(s.config.Dir, logFile))
	if err != nil {
		return false, err
	}
	defer log.Close()
	const loopback = "127.0.0.1"
	args := append(append([]string{}, s.config.Args...), "serve",
		"--hostname", s.config.Origin,
		"--storage-dir", filepath.Join(s.config.Dir, treeDir),
		"--signer-filepath", filepath.Join(s.config.Dir, keyFile),
		"--checkpoint-interval", s.config.CheckpointInterval.String(),
		"--batch-max-age", min(s.config.CheckpointInterval, 250*time.Millisecond).String(),
		// Metrics go where HTTP does; nobody reads them, so their port may be any.
		"--http-address", loopback, "--http-port", strconv.Itoa(ports[0]), "--http-metrics-port", "0",
		"--grpc-address", loopback, "--grpc-port", strconv.Itoa(ports[1]),
		"--log-level", "warn")
	cmd := exec.Command(s.config.Executable, args...)
	cmd.Env = append(os.Environ(), s.config.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	// The child ends when this pipe does: so it does where the kernel doesn't see to it.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	s.setProcess(cmd.Process.Pid)
	defer s.setProcess(0)
	ended := make(chan struct{})
	watched := make(chan bool, 1)
	go func() { watched <- s.watch(ctx, ports[0], stdin, cmd.Process, ended, onHealthy) }()
	err = cmd.Wait() // on the thread that started it
	close(ended)
	healthy = <-watched
	if err == nil {
		err = errors.New("it ended of its own accord")
	}
	return healthy, err
}

// watch waits until the child is healthy, and ends it when ctx does.
func (s *Server) watch(ctx context.Context, port int, stdin io.Closer, process *os.Process, ended <-chan struct{}, onHealthy func()) (healthy bool) {
	url := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	ticks := look.C
	for {
		select {
		case <-ended:
			return healthy
		case <-ctx.Done():
			stdin.Close()
			select {
			case <-ended:
			case <-time.After(stopWithin):
				s.config.Log.Warn("the Rekor's server did not end in order and is killed")
				process.Kill()
				<-ended
			}
			return healthy
		case <-ticks:
			if !isHealthy(ctx, url) {
				continue
			}
			if err := s.reached(url); err != nil {
				s.config.Log.Error("the Rekor's server can't be reached", "error", err)
				continue
			}
			healthy, ticks = true, nil
			onHealthy()
		}
	}
}

func isHealthy(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// freePorts returns ports of loopback on which nobody listens, as yet: the server
// can't be given listeners, nor port 0.
func freePorts() (ports [2]int, _ error) {
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := durable.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func (s *Server) setProcess(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = pid
}
