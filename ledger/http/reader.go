package http

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

const (
	// maxCheckpoint, maxTile and maxBundle are the longest that is taken, in bytes.
	maxCheckpoint = 64 << 10
	maxTile       = tiles.Width * tlog.HashSize
	maxBundle     = tiles.Width * (2 + 16<<10)
	// maxBody is more than any broker lets through.
	maxBody = 64 << 20

	defaultTimeout = 30 * time.Second
	defaultPoll    = 200 * time.Millisecond
)

// ReaderOptions are for [NewReader]. The zero value reads what is public.
type ReaderOptions struct {
	// Token returns a bearer token for bodies, as token.Mint makes it. Without it
	// entries come without bodies.
	Token func(ctx context.Context) (string, error)
	// Client is http.DefaultClient if nil.
	Client *http.Client
	// Timeout bounds one attempt of a request; 30 s if 0. There are up to five.
	Timeout time.Duration
	// Poll is how often Wait asks for the checkpoint; 200 ms if 0.
	Poll time.Duration
}

// Reader is a [ledger.Reader] of a ledger that is served elsewhere. It believes
// nothing that doesn't lead to a checkpoint which the log has signed, and no
// checkpoint that takes back what one before it said.
type Reader struct {
	log   *formats.Log
	fetch fetcher
	poll  time.Duration
	head  *tiles.Head

	asking chan struct{} // holds a token while nobody asks for the checkpoint
	note   string        // of the newest; who has the token may look
}

var _ ledger.Reader = (*Reader)(nil)

// NewReader returns a reader of the ledger served at base, whose checkpoints log has
// signed. It asks nothing yet.
func NewReader(base string, log *formats.Log, options ReaderOptions) (*Reader, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("address of the ledger: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("address of the ledger %q: want http or https, and a host", base)
	}
	r := &Reader{log: log, poll: options.Poll, fetch: fetcher{base: u, client: options.Client, timeout: options.Timeout, token: options.Token}}
	if r.fetch.client == nil {
		r.fetch.client = http.DefaultClient
	}
	if r.fetch.timeout <= 0 {
		r.fetch.timeout = defaultTimeout
	}
	if r.poll <= 0 {
		r.poll = defaultPoll
	}
	r.head = tiles.NewHead(tiles.New(r))
	r.asking = make(chan struct{}, 1)
	r.asking <- struct{}{}
	return r, nil
}

// Checkpoint implements [ledger.Reader]. An error wraps [tiles.ErrForked] or
// [tiles.ErrWentBack] where the log takes back what it said.
func (r *Reader) Checkpoint(ctx context.Context) (*formats.Checkpoint, error) {
	// One at a time: of two that were fetched at once, the older could come last, and
	// seem to go back.
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.asking:
		defer func() { r.asking <- struct{}{} }()
	}
	note, err := r.fetch.get(ctx, "checkpoint", "", maxCheckpoint, false)
	if err != nil {
		return nil, fmt.Errorf("fetch the checkpoint: %w", err)
	}
	if newest := r.head.Newest(); newest != nil && r.note == string(note) {
		return newest, nil
	}
	checkpoint, err := r.log.OpenCheckpoint(note)
	if err != nil {
		return nil, fmt.Errorf("from %s: %w", r.fetch.base, err)
	}
	if checkpoint, err = r.head.Advance(ctx, checkpoint); err != nil {
		return nil, fmt.Errorf("from %s: %w", r.fetch.base, err)
	}
	r.note = string(note)
	return checkpoint, nil
}

// Note fetches the checkpoint as it is served. It isn't verified, and is no newest that
// others are held to: it is for those who keep what they were shown.
func (r *Reader) Note(ctx context.Context) ([]byte, error) {
	return r.fetch.get(ctx, "checkpoint", "", maxCheckpoint, false)
}

// CosignedNote fetches the newest cosigned checkpoint that is served, as [Cosigned] has
// it. It isn't verified. The error is [fs.ErrNotExist] if there is none.
func (r *Reader) CosignedNote(ctx context.Context) ([]byte, error) {
	return r.fetch.get(ctx, "cosigned", "", maxCheckpoint, false)
}

// Wait implements [ledger.Reader]. A server that is away is waited for.
func (r *Reader) Wait(ctx context.Context, size uint64) (*formats.Checkpoint, error) {
	for {
		checkpoint, err := r.Checkpoint(ctx)
		var later passing
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && !errors.As(err, &later):
			return nil, err
		case err == nil && checkpoint.Size > size:
			return checkpoint, nil
		}
		if retry.Sleep(ctx, r.poll) != nil {
			return nil, ctx.Err()
		}
	}
}

// Entries implements [ledger.Reader].
func (r *Reader) Entries(ctx context.Context, checkpoint *formats.Checkpoint, from uint64) ([]ledger.Entry, error) {
	entries, err := r.Leaves(ctx, checkpoint, from)
	if err != nil || r.fetch.token == nil {
		return entries, err
	}
	bodies, err := r.bodies(ctx, from, len(entries))
	var refused *StatusError
	if errors.As(err, &refused) && refused.Status == http.StatusForbidden && !refused.suspended() {
		return entries, nil
	} else if err != nil {
		return nil, err
	}
	entries = entries[:len(bodies)]
	for i := range entries {
		e := &entries[i]
		if e.Body = bodies[i]; e.Body == nil {
			continue
		}
		if err := ledger.CheckBody(e.Leaf, e.Body); err != nil {
			return nil, fmt.Errorf("body of leaf %d, from %s: %w", e.Index, r.fetch.base, err)
		}
	}
	return entries, nil
}

// Leaves is [Reader.Entries] without bodies.
func (r *Reader) Leaves(ctx context.Context, checkpoint *formats.Checkpoint, from uint64) ([]ledger.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if from >= checkpoint.Size {
		return nil, fmt.Errorf("leaf %d: the checkpoint has %d", from, checkpoint.Size)
	}
	bundle := from / tiles.Width
	first := bundle * tiles.Width
	width := min(checkpoint.Size-first, tiles.Width)
	data, err := r.partialOrFull(ctx, tlog.Tile{H: tiles.Height, L: -1, N: int64(bundle), W: int(width)}, maxBundle)
	if err != nil {
		return nil, fmt.Errorf("fetch leaves from %d: %w", from, err)
	}
	var raw [][]byte
	for i := range width {
		var entry []byte
		if entry, data, err = torchwood.ReadTileEntry(data); err != nil {
			return nil, fmt.Errorf("leaf %d, from %s: %w", first+i, r.fetch.base, err)
		}
		if first+i >= from {
			raw = append(raw, entry)
		}
	}
	if err := r.head.Leaves(ctx, checkpoint, from, raw); err != nil {
		return nil, fmt.Errorf("from %s: %w", r.fetch.base, err)
	}
	entries := make([]ledger.Entry, len(raw))
	for i := range raw {
		entries[i] = ledger.Entry{Index: from + uint64(i), Raw: raw[i]}
		if entries[i].Leaf, err = formats.ParseLeaf(raw[i]); err != nil {
			return nil, fmt.Errorf("leaf %d, from %s: %w", from+uint64(i), r.fetch.base, err)
		}
	}
	return entries, nil
}

// CheckLeaves checks leaves that came from elsewhere, from index from on, under a
// checkpoint.
func (r *Reader) CheckLeaves(ctx context.Context, checkpoint *formats.Checkpoint, from uint64, leaves [][]byte) error {
	return r.head.Leaves(ctx, checkpoint, from, leaves)
}

// Base returns the address that is read, and Client what reads it.
func (r *Reader) Base() string { return r.fetch.base.String() }

// Client returns what requests are made with.
func (r *Reader) Client() *http.Client { return r.fetch.client }

// Body returns the body of a leaf, as it is sent: [ledger.CheckBody] says whether it is
// the leaf's. One that the mandate doesn't cover is an error.
func (r *Reader) Body(ctx context.Context, leaf uint64) ([]byte, error) {
	if r.fetch.token == nil {
		return nil, fmt.Errorf("body of leaf %d: there is no token to ask for it with", leaf)
	}
	bodies, err := r.bodies(ctx, leaf, 1)
	if err != nil {
		return nil, err
	}
	if bodies[0] == nil {
		return nil, fmt.Errorf("body of leaf %d: the mandate doesn't cover it", leaf)
	}
	return bodies[0], nil
}

// Prove returns the inclusion proof of a leaf under a checkpoint.
func (r *Reader) Prove(ctx context.Context, checkpoint *formats.Checkpoint, index uint64) (tlog.RecordProof, error) {
	return r.head.Prove(ctx, checkpoint, index)
}

// Root returns the root of the tree of the first size leaves, below the newest
// checkpoint.
func (r *Reader) Root(ctx context.Context, size uint64) (tlog.Hash, error) {
	if newest := r.head.Newest(); newest == nil || newest.Size < size {
		if _, err := r.Checkpoint(ctx); err != nil {
			return tlog.Hash{}, err
		}
	}
	return r.head.Root(ctx, size)
}

// ReadTile implements [ledger.Reader].
func (r *Reader) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	width := int(p)
	if p == 0 {
		width = tiles.Width
	}
	if level > 63 || index > 1<<62 {
		return nil, fmt.Errorf("tile %d of level %d: %w", index, level, fs.ErrNotExist)
	}
	b, err := r.partialOrFull(ctx, tlog.Tile{H: tiles.Height, L: int(level), N: int64(index), W: width}, maxTile)
	if err != nil {
		return nil, fmt.Errorf("fetch a tile: %w", err)
	}
	if n := width * tlog.HashSize; len(b) < n {
		return nil, fmt.Errorf("tile %d of level %d, from %s: %d bytes: want %d", index, level, r.fetch.base, len(b), n)
	} else {
		return b[:n], nil
	}
}

// partialOrFull fetches a tile, or the full one that has taken its place.
func (r *Reader) partialOrFull(ctx context.Context, tile tlog.Tile, most int64) ([]byte, error) {
	b, err := r.fetch.get(ctx, torchwood.TilePath(tile), "", most, false)
	if tile.W < tiles.Width && errors.Is(err, fs.ErrNotExist) {
		tile.W = tiles.Width
		b, err = r.fetch.get(ctx, torchwood.TilePath(tile), "", most, false)
	}
	return b, err
}

// bodies fetches up to count bodies, one at least. One that the mandate doesn't
// cover is nil.
func (r *Reader) bodies(ctx context.Context, from uint64, count int) ([][]byte, error) {
	const framing = 4 * maxCount
	b, err := r.fetch.get(ctx, "bodies", fmt.Sprintf("from=%d&count=%d", from, count), maxBody+maxBytes+framing, true)
	if err != nil {
		return nil, fmt.Errorf("fetch bodies from %d: %w", from, err)
	}
	bodies, err := parseFrames(b, count)
	if err != nil {
		return nil, fmt.Errorf("bodies from %d, from %s: %w", from, r.fetch.base, err)
	}
	return bodies, nil
}

// parseFrames reads bodies as [Bodies] writes them: at least one and at most count.
// One that is withheld is nil, one that is empty is not. They alias b.
func parseFrames(b []byte, count int) ([][]byte, error) {
	bodies := make([][]byte, 0, min(count, maxCount))
	for len(b) > 0 {
		if len(bodies) == count {
			return nil, fmt.Errorf("more came than the %d asked for", count)
		}
		if len(b) < 4 {
			return nil, errors.New("they end within a length")
		}
		n := binary.BigEndian.Uint32(b)
		b = b[4:]
		switch {
		case n == withheld:
			bodies = append(bodies, nil)
			continue
		case uint64(n) > uint64(len(b)):
			return nil, fmt.Errorf("body %d is cut short", len(bodies))
		}
		bodies = append(bodies, b[:n:n])
		b = b[n:]
	}
	if len(bodies) == 0 {
		return nil, errors.New("none came")
	}
	return bodies, nil
}
