package monitor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

// hashes is a tree's hashes on disk, in the order of [tlog.StoredHashIndex]: some 64
// bytes a leaf. One goroutine appends. It is a [tlog.HashReader] of what is flushed.
type hashes struct {
	file  *os.File
	size  uint64 // leaves that are in the file
	write *bufio.Writer
	tail  []tlog.Hash // written and not yet flushed, from index on
	index int64
}

// openHashes opens the file and cuts it to the first size leaves, which it must have.
func openHashes(path string, size uint64) (*hashes, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	h := &hashes{file: f, size: size, index: tlog.StoredHashCount(int64(size))}
	info, err := f.Stat()
	if err == nil && info.Size() < h.index*tlog.HashSize {
		err = fmt.Errorf("%s has %d bytes: the hashes of %d leaves have %d", path, info.Size(), size, h.index*tlog.HashSize)
	}
	if err == nil {
		err = f.Truncate(h.index * tlog.HashSize)
	}
	if err == nil {
		_, err = f.Seek(h.index*tlog.HashSize, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	h.write = bufio.NewWriterSize(f, 256<<10)
	return h, nil
}

// ReadHashes implements [tlog.HashReader].
func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= h.index {
			if index-h.index >= int64(len(h.tail)) {
				return nil, fmt.Errorf("hash %d is not kept", index)
			}
			found[i] = h.tail[index-h.index]
			continue
		}
		if _, err := h.file.ReadAt(found[i][:], index*tlog.HashSize); err != nil {
			return nil, fmt.Errorf("read a kept hash: %w", err)
		}
	}
	return found, nil
}

// add appends a leaf. It is durable after sync.
func (h *hashes) add(leaf []byte) error {
	more, err := tlog.StoredHashesForRecordHash(int64(h.size), tlog.RecordHash(leaf), h)
	if err != nil {
		return err
	}
	for i := range more {
		if _, err := h.write.Write(more[i][:]); err != nil {
			return fmt.Errorf("keep hashes: %w", err)
		}
	}
	h.tail = append(h.tail, more...)
	h.size++
	return nil
}

// sync makes what was added durable.
func (h *hashes) sync() error {
	if err := errors.Join(h.write.Flush(), h.file.Sync()); err != nil {
		return fmt.Errorf("keep hashes: %w", err)
	}
	h.index += int64(len(h.tail))
	h.tail = h.tail[:0]
	return nil
}

// root returns that of the first n leaves, of those that are kept.
func (h *hashes) root(n uint64) (tlog.Hash, error) {
	if n > h.size {
		return tlog.Hash{}, fmt.Errorf("root of %d leaves: %d are kept", n, h.size)
	}
	return tlog.TreeHash(int64(n), h)
}

// check reads all that is kept, and holds each hash that is made of others to them: with
// the root of the last it follows that none is another than was kept.
func (h *hashes) check() error {
	kept := bufio.NewReaderSize(io.NewSectionReader(h.file, 0, h.index*tlog.HashSize), 256<<10)
	var whole []tlog.Hash // of the subtrees that end here, the largest first
	for leaf := uint64(0); leaf < h.size; leaf++ {
		for level := 0; ; level++ {
			var hash tlog.Hash
			if _, err := io.ReadFull(kept, hash[:]); err != nil {
				return fmt.Errorf("read the kept hashes: %w", err)
			}
			if level > 0 {
				left, right := whole[len(whole)-2], whole[len(whole)-1]
				if hash != tlog.NodeHash(left, right) {
					return fmt.Errorf("the kept hashes of leaf %d and those before it do not belong together", leaf)
				}
				whole = whole[:len(whole)-2]
			}
			whole = append(whole, hash)
			if leaf>>level&1 == 0 {
				break
			}
		}
	}
	return nil
}

func (h *hashes) close() error { return h.file.Close() }
