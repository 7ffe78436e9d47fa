package rekor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server/posix"
)

// childMark has the test binary be rekor-tiles' server.
const childMark = "SAKSI_TEST_REKOR"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		posix.Main(os.Args[1:], os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// startServer runs a real Rekor v2 for one test.
func startServer(t *testing.T, dir string) *server.Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.StartServer(t.Context(), server.Config{
		Dir: dir, Origin: "rekor.example.my", Owner: "the authority", Executable: self,
		Env: []string{childMark + "=1"}, CheckpointInterval: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
