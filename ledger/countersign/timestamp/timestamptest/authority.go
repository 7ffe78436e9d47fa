// Package timestamptest runs Sigstore's timestamp authority for tests.
//
// Not here: anything that is linked into a program.
package timestamptest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	// startTime is long: another test may be using the one port for minutes.
	startTime = 5 * time.Minute
	retry     = 200 * time.Millisecond
)

// Program returns where Sigstore's timestamp-server is, which .ci/run builds, or why it
// isn't there.
func Program() (string, error) {
	dir := os.Getenv("SAKSI_TOOLS")
	if dir == "" {
		return "", fmt.Errorf("timestamp-server is not here: SAKSI_TOOLS names no directory of other people's programs (.ci/run builds them)")
	}
	path := filepath.Join(dir, "timestamp-server")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("timestamp-server is not here: %w (.ci/run builds it)", err)
	}
	return path, nil
}

// Start runs an authority, with a key of its own, until the test ends. It returns the
// URL that takes requests, and the authority's certificates in PEM. The test is skipped
// where the program is not.
func Start(t testing.TB) (url string, chain []byte) {
	t.Helper()
	program, err := Program()
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	// It serves its metrics on one fixed port, so that a second one ends at once: it is
	// tried again until the first is gone.
	for {
		url, chain, err := start(ctx, t, program)
		if err == nil {
			return url, chain
		}
		select {
		case <-ctx.Done():
			t.Fatalf("timestamp-server did not start: %v", err)
		case <-time.After(retry):
		}
	}
}

func start(ctx context.Context, t testing.TB, program string) (url string, chain []byte, _ error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return "", nil, err
	}
	if err := listener.Close(); err != nil {
		return "", nil, err
	}
	command := exec.Command(program, "serve", "--host", "127.0.0.1", "--port", port, "--disable-ntp-monitoring")
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	url = "http://127.0.0.1:" + port + "/api/v1/timestamp"
	for {
		if chain, err = get(ctx, url+"/certchain"); err == nil {
			break
		}
		select {
		case err := <-ended:
			return "", nil, fmt.Errorf("it ended: %w", err)
		case <-ctx.Done():
			command.Process.Kill()
			<-ended
			return "", nil, err
		case <-time.After(retry):
		}
	}
	// It may have answered just before it ended for want of that port.
	select {
	case err := <-ended:
		return "", nil, fmt.Errorf("it ended: %w", err)
	case <-time.After(retry):
	}
	t.Cleanup(func() {
		command.Process.Kill()
		<-ended
	})
	return url, chain, nil
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}
