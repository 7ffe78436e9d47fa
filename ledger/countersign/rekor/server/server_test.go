package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server/posix"
)

// childMark has the test binary be the server.
const childMark = "SAKSI_TEST_REKOR"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		posix.Main(os.Args[1:], os.Stdin)
		return
	}
	os.Exit(m.Run())
}

func config(t *testing.T, dir string) server.Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return server.Config{
		Dir: dir, Origin: "rekor.example.my", Owner: "the authority", Executable: self,
		Env: []string{childMark + "=1"}, CheckpointInterval: 100 * time.Millisecond,
	}
}

func start(t *testing.T, dir string) *server.Server {
	t.Helper()
	s, err := server.StartServer(t.Context(), config(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// A child that is killed is started again, with the same key and tree.
func TestStartedAgain(t *testing.T) {
	s := start(t, t.TempDir())
	first := s.Process()
	trusted := s.Trusted()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if p := s.Process(); p != 0 && p != first && healthy(s.URL()) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it was not started again in 20 s")
		}
	}
	if s.Trusted() != trusted {
		t.Errorf("it is another Rekor now: %+v, before %+v", s.Trusted(), trusted)
	}
}

func healthy(url string) bool {
	response, err := http.Get(url + "/healthz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Nothing is left when it is stopped, and it is the same Rekor the next time.
func TestStop(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	process, url, trusted := s.Process(), s.URL(), s.Trusted()
	begin := time.Now()
	s.Stop()
	if took := time.Since(begin); took > 5*time.Minute {
		t.Errorf("it took %v to stop", took)
	}
	if err := syscall.Kill(process, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", process, err)
	}
	if healthy(url) {
		t.Errorf("%s still answers", url)
	}
	if again := start(t, dir); again.Trusted() != trusted {
		t.Error("it has another key after it was stopped")
	}
	info, err := os.Stat(filepath.Join(dir, "signer.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its key has mode %v", info.Mode())
	}
}

// A tree whose key is gone is not given another.
func TestKeyLost(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	// The tree has a checkpoint before there is an entry in it.
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "tree", "checkpoint")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it published no checkpoint in 10 s")
		}
	}
	s.Stop()
	if err := os.Remove(filepath.Join(dir, "signer.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.StartServer(t.Context(), config(t, dir)); err == nil || !strings.Contains(err.Error(), "its key is lost") {
		t.Errorf("started without its key: %v", err)
	}
}

// A program that is no server is given up, soon and with a word.
func TestNoServer(t *testing.T) {
	c := config(t, t.TempDir())
	c.Executable = "/bin/false"
	if _, err := server.StartServer(t.Context(), c); err == nil || !strings.Contains(err.Error(), "before it was healthy") {
		t.Errorf("started /bin/false: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := server.StartServer(ctx, config(t, t.TempDir())); !errors.Is(err, context.Canceled) {
		t.Errorf("started after its context ended: %v", err)
	}
}

func TestHandler(t *testing.T) {
	s := start(t, t.TempDir())
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	public := httptest.NewServer(h)
	defer public.Close()
	var body []byte
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(public.URL + "/checkpoint")
		if err != nil {
			t.Fatal(err)
		}
		body, _ = io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no checkpoint in 10 s: %s", body)
		}
	}
	trusted := s.Trusted()
	if _, err := trusted.OpenCheckpoint(body); err != nil {
		t.Error(err)
	}
	response, err := http.Post(public.URL+"/api/v2/log/entries", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode == http.StatusCreated {
		t.Error("the public half takes entries")
	}
}
