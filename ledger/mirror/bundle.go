package mirror

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/torchwood"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

const (
	// maxBundle and maxBodies bound what is read of a bundle, in bytes.
	maxBundle = tiles.Width * (2 + 16<<10)
	maxBodies = tiles.Width * (4 + 1<<20)
	// withheld stands in the place of the length of a body that the mandate doesn't
	// cover.
	withheld = 1<<32 - 1
)

// parseBundle reads an entry bundle that has at least n entries, and returns those.
func parseBundle(b []byte, n int) ([][]byte, error) {
	entries := make([][]byte, n)
	var err error
	for i := range entries {
		if entries[i], b, err = torchwood.ReadTileEntry(b); err != nil {
			return nil, fmt.Errorf("entry %d of its bundle: %w", i, err)
		}
	}
	return entries, nil
}

// marshalBundle writes an entry bundle.
func marshalBundle(entries [][]byte) []byte {
	var b []byte
	for _, e := range entries {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
	}
	return b
}

// parseBodies reads exactly n bodies. One that was withheld is nil, one that is empty
// is not. They alias b.
func parseBodies(b []byte, n int) ([][]byte, error) {
	bodies := make([][]byte, n)
	for i := range bodies {
		if len(b) < 4 {
			return nil, fmt.Errorf("body %d of its bundle is missing", i)
		}
		length := binary.BigEndian.Uint32(b)
		b = b[4:]
		if length == withheld {
			continue
		}
		if uint64(length) > uint64(len(b)) {
			return nil, fmt.Errorf("body %d of its bundle is cut short", i)
		}
		bodies[i], b = b[:length:length], b[length:]
	}
	if len(b) > 0 {
		return nil, errors.New("something follows the bodies of a bundle")
	}
	return bodies, nil
}

// appendBody writes one body, nil for one that is withheld.
func appendBody(b, body []byte) []byte {
	if body == nil {
		return binary.BigEndian.AppendUint32(b, withheld)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s has more than %d bytes", path, most)
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, err
	}
	return b, nil
}

// writeFile writes a file whole or not at all, in a directory that it makes. Contents are
// durable then; names once [durable.SyncDir] was called for each directory.
func writeFile(path string, b []byte) error {
	err := durable.WriteData(path, b, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = durable.WriteData(path, b, 0o644)
		}
	}
	return err
}
