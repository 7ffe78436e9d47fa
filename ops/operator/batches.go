package operator

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/committed"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/paths"
	"github.com/saksi-ledger/saksi/ops/home"
)

// batches are the committed batches that an operator's home keeps, two files of mode 0600
// each: the salted records, a line each, and what was committed to, which is written
// after them. A batch without the second is not finished, and was never committed to.
// Whoever has the outbox open, which is under a lock, has the batches.
type batches struct {
	dir string
	// place is [durable.Rename], and write [home.WriteJSON]; tests make them fail, both
	// ways.
	place func(from, to string) error
	write func(path string, v any, mode os.FileMode) error
}

func newBatches(dir string) *batches {
	return &batches{dir: dir, place: durable.Rename, write: home.WriteJSON}
}

// Batch is what was committed to.
type Batch struct {
	V        int                 `json:"v"`
	Recorder string              `json:"recorder"` // operator/facility/recorder
	Batch    string              `json:"batch"`
	Root     string              `json:"root"`
	Count    int64               `json:"count"`
	Totals   []events.ClassTotal `json:"totals"`
	Window   events.Window       `json:"window"`
	System   string              `json:"system,omitempty"`

	key string // of its files
}

const (
	recordsSuffix, batchSuffix = ".records", ".json"
	unfinishedPrefix           = ".unfinished-"
	// maxBatchFile bounds what is read of a batch's document, in bytes.
	maxBatchFile = 64 << 10
)

// keyOf names a batch's files after what was read: the same logs are the same batch.
func keyOf(source events.Digest) string { return hex.EncodeToString(source[:16]) }

// begin returns a new file for a batch's records. What earlier attempts left is removed.
func (b *batches) begin() (*os.File, error) {
	if err := durable.MkdirAll(b.dir, 0o700); err != nil {
		return nil, err
	}
	left, err := paths.List(b.dir, unfinishedPrefix, "")
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	return os.CreateTemp(b.dir, unfinishedPrefix+"*")
}

// keep makes a batch durable: its records, which are in a file of begin, and then what is
// committed to.
func (b *batches) keep(batch *Batch, records *os.File) error {
	if err := errors.Join(records.Sync(), records.Close()); err != nil {
		return err
	}
	if err := b.place(records.Name(), filepath.Join(b.dir, batch.key+recordsSuffix)); err != nil {
		return err
	}
	return b.write(filepath.Join(b.dir, batch.key+batchSuffix), batch, 0o600)
}

// find returns a batch by the key of its files; nil if it isn't there.
func (b *batches) find(key string) (*Batch, error) {
	f, err := os.Open(filepath.Join(b.dir, key+batchSuffix))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBatchFile+1))
	if err != nil {
		return nil, err
	}
	batch := &Batch{key: key}
	if len(text) > maxBatchFile {
		err = errors.New("it is too long")
	} else if err = json.Unmarshal(text, batch); err == nil && (batch.V != 1 || batch.Batch == "" || batch.Count < 1) {
		err = errors.New("it is no batch of version 1")
	}
	if err != nil {
		return nil, fmt.Errorf("read the batch %s: %w", f.Name(), err)
	}
	return batch, nil
}

// All returns the batches that the home keeps.
func (b *batches) all() ([]*Batch, error) {
	entries, err := os.ReadDir(b.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var out []*Batch
	for _, entry := range entries {
		key, ok := strings.CutSuffix(entry.Name(), batchSuffix)
		if !ok || strings.HasPrefix(key, ".") {
			continue
		}
		batch, err := b.find(key)
		if err != nil {
			return nil, err
		}
		out = append(out, batch)
	}
	return out, nil
}

// errNotHeld means that the home doesn't have what was committed to.
var errNotHeld = errors.New("this home does not keep the batch")

// open reads a batch's records, holds all of them to the root that was committed to, and
// returns the tree and those that are asked for by index.
func (b *batches) open(batch *Batch, wanted map[uint64]bool) (*committed.Tree, map[uint64]events.Disclosure, error) {
	fail := func(err error) (*committed.Tree, map[uint64]events.Disclosure, error) {
		return nil, nil, fmt.Errorf("batch %s: %w", batch.Batch, err)
	}
	f, err := os.Open(filepath.Join(b.dir, batch.key+recordsSuffix))
	if errors.Is(err, os.ErrNotExist) {
		return fail(errNotHeld)
	} else if err != nil {
		return fail(err)
	}
	defer f.Close()
	tree, found := &committed.Tree{}, map[uint64]events.Disclosure{}
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 0, 64<<10), committed.MaxRecord+2)
	for lines.Scan() {
		record := events.Disclosure(bytes.Clone(lines.Bytes()))
		if index := uint64(tree.Count()); wanted[index] {
			found[index] = record
		}
		if err := tree.Append(committed.Leaf(record)); err != nil {
			return fail(err)
		}
	}
	if err := lines.Err(); err != nil {
		return fail(err)
	}
	root, err := tree.Root()
	if err != nil {
		return fail(err)
	}
	if root.String() != batch.Root || tree.Count() != batch.Count {
		return fail(fmt.Errorf("its records in %s are not those that were committed to: their root is %s", f.Name(), root))
	}
	return tree, found, nil
}
