package writer

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/quiet"
)

const (
	// MaxChunk is the most leaves that are added at once. It is Tessera's batch
	// size too, so that a chunk is one batch and can't fail in parts.
	MaxChunk = 1024
	// batchAge is how long Tessera waits for a chunk that is smaller. It is long
	// against the time that adding a chunk takes, for the same reason.
	batchAge = 20 * time.Millisecond
	// checkpointInterval is how often a checkpoint is published at most.
	checkpointInterval = 100 * time.Millisecond
)

// tree is a Tessera tree on a POSIX file system. One goroutine appends.
type tree struct {
	size     uint64
	append   tessera.AddFn
	reader   tessera.LogReader
	shutdown func(context.Context) error
}

// openTree opens the tree in dir, or makes it. The context is the tree's life:
// when it ends without close, whatever was not durable is dropped, as in a crash.
func openTree(ctx context.Context, dir string, signer note.Signer, log *slog.Logger) (*tree, error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	quiet.Tessera()
	driver, err := posix.New(ctx, posix.Config{Path: dir, HTTPClient: http.DefaultClient})
	if err != nil {
		return nil, fmt.Errorf("open tree in %s: %w", dir, err)
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(MaxChunk, batchAge).
		WithCheckpointInterval(checkpointInterval).
		WithCheckpointRepublishInterval(0).
		WithGarbageCollectionInterval(time.Second)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return nil, fmt.Errorf("open tree in %s: %w", dir, err)
	}
	size, err := reader.IntegratedSize(ctx)
	if err != nil {
		return nil, fmt.Errorf("open tree in %s: %w", dir, err)
	}
	return &tree{size: size, append: appender.Add, reader: reader, shutdown: shutdown}, nil
}

// add appends leaves, at most MaxChunk of them, and returns when all are durable
// at the indexes after the tree's size. After an error it is not known which are:
// the tree must be opened again.
func (t *tree) add(ctx context.Context, leaves [][]byte) error {
	if len(leaves) > MaxChunk {
		return fmt.Errorf("append %d leaves: the most is %d", len(leaves), MaxChunk)
	}
	futures := make([]tessera.IndexFuture, len(leaves))
	for i, leaf := range leaves {
		futures[i] = t.append(ctx, tessera.NewEntry(leaf))
	}
	for i, future := range futures {
		want := t.size + uint64(i)
		switch got, err := future(); {
		case err != nil:
			return fmt.Errorf("append leaf %d: %w", want, err)
		case got.Index != want:
			return fmt.Errorf("append leaf %d: the tree put it at %d", want, got.Index)
		}
	}
	t.size += uint64(len(leaves))
	return nil
}

// close publishes a last checkpoint and releases the tree.
func (t *tree) close(ctx context.Context) error {
	if t.size == 0 { // Tessera would wait for a first leaf
		return nil
	}
	return t.shutdown(ctx)
}
