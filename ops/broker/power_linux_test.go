package broker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/durable/powercut"
	"github.com/saksi-ledger/saksi/ops/broker"
)

// The power is cut moments after streams were made and have taken their first messages,
// with this much of them durable. The messages are there if they were durable, whatever was
// torn beside them.
func TestPowerCutAfterCreation(t *testing.T) {
	for _, c := range []struct {
		durable []string // patterns of files, and of directories
		torn    bool     // the descriptions are
	}{
		{nil, false}, // nothing is left of the streams at all
		{[]string{"msgs/*.blk"}, true},
		{[]string{"msgs/*.blk", "meta.inf"}, true},
		{[]string{"msgs/*.blk", "meta.sum"}, true},
		{[]string{"msgs/*.blk", "obs/*/meta.inf"}, true},
		{[]string{"meta.inf", "meta.sum", "msgs/*.blk"}, false},
	} {
		t.Run(fmt.Sprint(c.durable), func(t *testing.T) {
			disk := powercut.NewDisk(t)
			w := newWorld(t)
			w.store = filepath.Join(disk.Dir, "store")
			server, err := broker.Start(testContext(t), broker.Config{
				Dir: w.dir, StoreDir: w.store, Listen: ":0", Logger: quiet(), SyncInterval: time.Hour,
			}.WithDurableEvery(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			w.url = server.URL()
			w.ensureAll()
			w.ensure(broker.Reader{Name: "r"})
			for _, stream := range storedStreams {
				js := w.js(stream.hub)
				for _, m := range stream.messages {
					if _, err := js.Publish(testContext(t), m, []byte(m)); err != nil {
						t.Fatal(err)
					}
				}
			}
			err = eachDir(w, func(dir string) error {
				for _, pattern := range c.durable {
					paths, err := filepath.Glob(filepath.Join(dir, pattern))
					if err != nil || len(paths) == 0 && !strings.HasPrefix(pattern, "obs/") {
						return fmt.Errorf("%s: no such file in %s", pattern, dir)
					}
					for _, path := range paths {
						if err := durable.SyncDir(path); err != nil { // a file is synced like a directory
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			disk.Cut()
			server.Close()
			disk.On()

			torn := 0
			_ = eachDir(w, func(dir string) error {
				for _, name := range []string{"meta.inf", "meta.sum"} {
					if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Size() == 0 {
						torn++
					}
				}
				return nil
			})
			if c.torn != (torn > 0) {
				t.Errorf("%d files of descriptions are torn: this test doesn't try what it should", torn)
			}
			_, log, err := w.startMended()
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			w.ensureAll()
			w.ensure(broker.Reader{Name: "r"})
			for name, stream := range storedStreams {
				want := stream.messages
				if c.durable == nil {
					want = nil
				}
				if got := w.stored(name); !slices.Equal(got, want) {
					t.Errorf("%s has %q, want %q\n%s", name, got, want, log)
				}
			}
		})
	}
}
