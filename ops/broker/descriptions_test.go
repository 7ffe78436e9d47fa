package broker_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ops/broker"
)

// description returns the file of a stream in a world's store.
func (w *world) description(stream, name string) string {
	w.t.Helper()
	found := ""
	if err := filepath.WalkDir(w.store, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, filepath.Join("streams", stream, name)) {
			found = path
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	if found == "" {
		w.t.Fatalf("stream %s has no %s", stream, name)
	}
	return found
}

// What a power cut leaves of a stream that was made moments before has an empty checksum. It
// is set aside, and made again.
func TestUnfinishedStream(t *testing.T) {
	w := newWorld(t)
	server := w.start()
	w.events()
	server.Close()
	if err := os.Truncate(w.description("EVENTS", "meta.sum"), 0); err != nil {
		t.Fatal(err)
	}
	w.start()
	info, err := w.events().Info(testContext(t))
	if err != nil || info.State.Msgs != 0 {
		t.Errorf("the stream that was made again: %+v, %v", info, err)
	}
	if aside, err := filepath.Glob(filepath.Join(w.store, "unfinished", "*", "EVENTS", "meta.inf")); err != nil || len(aside) != 1 {
		t.Errorf("set aside are %v, %v", aside, err)
	}
}

// A stream whose description was damaged later is nobody's to throw away: the server does
// not start, and says which it is and what to do.
func TestDamagedStream(t *testing.T) {
	w := newWorld(t)
	server := w.start()
	w.events()
	server.Close()
	damaged := w.description("EVENTS", "meta.sum")
	if err := os.WriteFile(damaged, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := broker.Config{Dir: w.dir, StoreDir: w.store, Listen: ":0", Logger: quiet()}
	_, err := broker.Start(testContext(t), config)
	if err == nil || !strings.Contains(err.Error(), "stream EVENTS can't be recovered") || !strings.Contains(err.Error(), "move it away to begin with an empty stream") {
		t.Fatalf("a damaged stream: %v", err)
	}
	if err := os.Rename(filepath.Dir(damaged), filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.events()
}
