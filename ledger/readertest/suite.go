package readertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Run holds a reader to what [ledger.Reader] promises. open returns one of w's
// ledger, with a mandate for bodies.
func Run(t *testing.T, open func(t *testing.T, w *World) ledger.Reader) {
	for name, test := range map[string]func(*testing.T, func(*testing.T, *World) ledger.Reader){
		"sizes": testSizes, "older checkpoints": testOlder, "growth": testGrowth, "cancellation": testCancellation,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// walk reads all entries that checkpoint covers and compares them with what was
// written, and their tree's root with the checkpoint's.
func walk(ctx context.Context, r ledger.Reader, checkpoint *formats.Checkpoint, bodies [][]byte) error {
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = hashes[x]
		}
		return out, nil
	})
	for from := uint64(0); from < checkpoint.Size; {
		entries, err := r.Entries(ctx, checkpoint, from)
		if err != nil {
			return err
		}
		if len(entries) == 0 || len(entries) > 256 || from+uint64(len(entries)) > checkpoint.Size {
			return fmt.Errorf("%d entries from %d of %d", len(entries), from, checkpoint.Size)
		}
		for _, e := range entries {
			switch {
			case e.Index != from:
				return fmt.Errorf("entry %d came where %d was due", e.Index, from)
			case e.Leaf == nil || !bytes.Equal(e.Leaf.Marshal(), e.Raw):
				return fmt.Errorf("the leaf of entry %d is not what its bytes say", from)
			case e.Body == nil || !bytes.Equal(e.Body, bodies[from]):
				return fmt.Errorf("the body of entry %d is not what was written", from)
			}
			more, err := tlog.StoredHashes(int64(from), e.Raw, stored)
			if err != nil {
				return err
			}
			hashes = append(hashes, more...)
			from++
		}
	}
	root, err := tlog.TreeHash(int64(checkpoint.Size), stored)
	if err != nil {
		return err
	}
	if root != checkpoint.Root {
		return fmt.Errorf("the entries of the checkpoint of %d are not those of its root", checkpoint.Size)
	}
	return nil
}

func testSizes(t *testing.T, open func(t *testing.T, w *World) ledger.Reader) {
	w := New(t)
	r := open(t, w)
	for _, size := range []uint64{1, 2, 255, 256, 257, 300, 511, 512, 513, 1100} {
		w.Grow(size)
		checkpoint, err := r.Wait(t.Context(), size-1)
		if err != nil {
			t.Fatal(err)
		}
		if checkpoint.Size != size || checkpoint.Origin != Origin {
			t.Fatalf("the newest checkpoint is of %s and %d leaves: want %d", checkpoint.Origin, checkpoint.Size, size)
		}
		if again, err := r.Checkpoint(t.Context()); err != nil || again.Size != size || again.Root != checkpoint.Root {
			t.Fatalf("checkpoint of %d: %v %v", size, again, err)
		}
		if err := walk(t.Context(), r, checkpoint, w.Bodies); err != nil {
			t.Fatalf("of %d leaves: %v", size, err)
		}
		entries, err := r.Entries(t.Context(), checkpoint, size-1)
		if err != nil || len(entries) != 1 || entries[0].Index != size-1 {
			t.Fatalf("the last of %d leaves: %d entries, %v", size, len(entries), err)
		}
		for _, beyond := range []uint64{size, size + 1, size + 256, 1 << 40, 1<<64 - 1} {
			if entries, err := r.Entries(t.Context(), checkpoint, beyond); err == nil {
				t.Fatalf("entries from %d of %d leaves: %d came", beyond, size, len(entries))
			}
		}
		testTiles(t, r, w, size)
	}
	if _, err := r.ReadTile(t.Context(), 0, 99, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a tile that isn't there: %v", err)
	}
}

func testTiles(t *testing.T, r ledger.Reader, w *World, size uint64) {
	for index := uint64(0); index <= (size-1)/256; index++ {
		width := min(size-index*256, 256)
		tile, err := r.ReadTile(t.Context(), 0, index, uint8(width%256))
		if err != nil || len(tile) != int(width)*tlog.HashSize {
			t.Fatalf("tile %d of %d leaves: %d bytes, %v", index, size, len(tile), err)
		}
	}
}

// Entries under a checkpoint can be read when the ledger has long gone on, and its
// partial tiles are gone.
func testOlder(t *testing.T, open func(t *testing.T, w *World) ledger.Reader) {
	w := New(t)
	r := open(t, w)
	var older []*formats.Checkpoint
	for _, size := range []uint64{3, 200, 256, 290, 520} {
		w.Grow(size)
		checkpoint, err := r.Wait(t.Context(), size-1)
		if err != nil {
			t.Fatal(err)
		}
		older = append(older, checkpoint)
	}
	w.Grow(800)
	removePartial(t, w.Dir)
	for _, fresh := range []ledger.Reader{r, open(t, w)} {
		for _, checkpoint := range older {
			if err := walk(t.Context(), fresh, checkpoint, w.Bodies); err != nil {
				t.Errorf("of %d leaves: %v", checkpoint.Size, err)
			}
		}
	}
}

// removePartial removes the partial tiles whose full ones are there, as the tree
// does itself after a while.
func removePartial(t *testing.T, dir string) {
	removed := 0
	err := filepath.WalkDir(filepath.Join(dir, "tree", "tile"), func(path string, _ os.DirEntry, err error) error {
		full, partial := strings.CutSuffix(path, ".p")
		if os.IsNotExist(err) {
			return nil // the tree was faster
		}
		if err != nil || !partial {
			return err
		}
		if _, err := os.Stat(full); err != nil {
			return nil
		}
		removed++
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		return filepath.SkipDir
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d partial tiles removed", removed)
}

// Many read while the ledger grows; each sees every leaf once, in order.
func testGrowth(t *testing.T, open func(t *testing.T, w *World) ledger.Reader) {
	const final = 900
	w := New(t)
	r := open(t, w)
	var readers sync.WaitGroup
	seen := make([][]string, 4)
	for i := range seen {
		readers.Go(func() {
			for from := uint64(0); from < final; {
				checkpoint, err := r.Wait(t.Context(), from)
				if err != nil {
					t.Error(err)
					return
				}
				for from < checkpoint.Size {
					entries, err := r.Entries(t.Context(), checkpoint, from)
					if err != nil {
						t.Error(err)
						return
					}
					for _, e := range entries {
						if e.Index != from {
							t.Errorf("entry %d came where %d was due", e.Index, from)
						}
						seen[i] = append(seen[i], string(e.Body))
						from++
					}
				}
			}
		})
	}
	for size := uint64(50); size <= final; size += 50 {
		w.Grow(size)
	}
	readers.Wait()
	for i := range seen {
		if len(seen[i]) != final {
			t.Fatalf("reader %d saw %d leaves", i, len(seen[i]))
		}
		for n, body := range seen[i] {
			if body != string(w.Bodies[n]) {
				t.Fatalf("reader %d saw another body of leaf %d", i, n)
			}
		}
	}
}

func testCancellation(t *testing.T, open func(t *testing.T, w *World) ledger.Reader) {
	w := New(t)
	w.Grow(20)
	r := open(t, w)
	checkpoint, err := r.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() {
		_, err := r.Wait(ctx, checkpoint.Size)
		waited <- err
	}()
	select {
	case err := <-waited:
		t.Fatalf("it did not wait for more than %d leaves: %v", checkpoint.Size, err)
	case <-time.After(60 * time.Millisecond):
	}
	cancel()
	select {
	case err := <-waited:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a wait that was cancelled: %v", err)
		}
	case <-time.After(5 * time.Minute):
		t.Fatal("a wait goes on though its context has ended")
	}
	if _, err := r.Entries(ctx, checkpoint, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("entries, cancelled: %v", err)
	}
	if err := walk(t.Context(), r, checkpoint, w.Bodies); err != nil {
		t.Errorf("after a cancellation: %v", err)
	}
}
