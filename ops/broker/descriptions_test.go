package broker_test

import (
	"os"
	"path/filepath"
	"testing"
)

// A stream that was made moments before a power cut, and holds nothing yet, is mended like
// any other.
func TestUnfinishedStream(t *testing.T) {
	w := newWorld(t)
	server := w.start()
	w.events()
	server.Close()
	if err := os.Truncate(filepath.Join(w.streamDir("EVENTS"), "meta.sum"), 0); err != nil {
		t.Fatal(err)
	}
	w.start()
	info, err := w.events().Info(testContext(t))
	if err != nil || info.State.Msgs != 0 {
		t.Errorf("the stream that was mended: %+v, %v", info, err)
	}
	if names, err := os.ReadDir(w.store); err != nil || len(names) != 3 {
		t.Errorf("the store has %v, %v: want accounts, jetstream, lock", names, err)
	}
}
