package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Timestamps is where a ledger keeps what timestamp authorities signed.
type Timestamps interface {
	// List returns those over checkpoints smaller than before, or all if it is 0, the
	// largest first, about limit of them. authority, if not empty, is the only one to list.
	List(ctx context.Context, authority string, before uint64, limit int) ([]ledgerhttp.Timestamp, error)
	// Read returns a token or a checkpoint by the path that List gave.
	Read(ctx context.Context, path string) ([]byte, error)
}

// timestampDirectory reads the timestamps of a ledger on the same machine.
type timestampDirectory struct {
	dir  string
	list *ledgerhttp.Timestamps
}

// OpenTimestamps returns the timestamps of the ledger in dir.
func OpenTimestamps(dir string) (interface {
	Timestamps
	Close() error
}, error) {
	list, err := ledgerhttp.OpenTimestamps(dir)
	if err != nil {
		return nil, err
	}
	return &timestampDirectory{dir, list}, nil
}

func (d *timestampDirectory) List(_ context.Context, authority string, before uint64, limit int) ([]ledgerhttp.Timestamp, error) {
	return d.list.List(authority, before, limit)
}

func (d *timestampDirectory) Read(_ context.Context, path string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(d.dir, filepath.FromSlash(strings.TrimPrefix(path, "/"))))
	if err != nil {
		return nil, fmt.Errorf("read a timestamp: %w", err)
	}
	return b, nil
}

func (d *timestampDirectory) Close() error { return d.list.Close() }

// remoteTimestamps asks a node. What it answers is verified like all else.
type remoteTimestamps struct{ remote *remoteAnchors }

// RemoteTimestamps returns the timestamps of the ledger that is served at base. client
// is http.DefaultClient if nil.
func RemoteTimestamps(base string, client *http.Client) (Timestamps, error) {
	remote, err := openRemote(base, client)
	if err != nil {
		return nil, err
	}
	return remoteTimestamps{remote}, nil
}

func (r remoteTimestamps) List(ctx context.Context, authority string, before uint64, limit int) ([]ledgerhttp.Timestamp, error) {
	u := r.remote.base.JoinPath("timestamps", "/")
	query := url.Values{"before": {strconv.FormatUint(before, 10)}, "limit": {strconv.Itoa(limit)}}
	if authority != "" {
		query.Set("authority", authority)
	}
	u.RawQuery = query.Encode()
	b, err := r.remote.get(ctx, u, maxAnchorList)
	var status *ledgerhttp.StatusError
	if errors.As(err, &status) && status.Status == http.StatusNotFound {
		return nil, nil // a node from before there were any
	}
	if err != nil {
		return nil, fmt.Errorf("list timestamps: %w", err)
	}
	var list struct {
		Timestamps []ledgerhttp.Timestamp `json:"timestamps"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("list timestamps: %s: %w", u, err)
	}
	return list.Timestamps, nil
}

func (r remoteTimestamps) Read(ctx context.Context, path string) ([]byte, error) {
	if !strings.HasPrefix(path, "/timestamps/") {
		return nil, fmt.Errorf("read a timestamp: %.100q is none", path)
	}
	b, err := r.remote.get(ctx, r.remote.base.JoinPath(path), maxAnchorFile)
	if err != nil {
		return nil, fmt.Errorf("read a timestamp: %w", err)
	}
	return b, nil
}

// stamped is a checkpoint of the ledger and the token that is said to be over it.
type stamped struct {
	checkpoint *formats.Checkpoint
	token      []byte
}

// takeTimestamps takes, for the leaves, the timestamps of each authority that bound them
// most closely from above.
func (b *builder) takeTimestamps(ctx context.Context, subjects []uint64) error {
	if b.source.Timestamps == nil {
		return nil
	}
	list, err := b.source.Timestamps.List(ctx, "", 0, listRekors)
	if err != nil {
		return err
	}
	for _, t := range list {
		if !slices.Contains(b.authorities, t.Authority) {
			b.authorities = append(b.authorities, t.Authority)
		}
	}
	closest := remember(func(leaf uint64) ([]ledgerhttp.Timestamp, error) {
		var found []ledgerhttp.Timestamp
		for _, authority := range b.authorities {
			t, err := b.coveringTimestamp(ctx, authority, leaf)
			if err != nil {
				return nil, err
			}
			if t != nil {
				found = append(found, *t)
			}
		}
		return found, nil
	})
	some, err := apart(subjects, mostBounds/max(1, len(b.authorities)), func(leaf uint64) (uint64, error) {
		list, err := closest(leaf)
		return smallest(list, func(t ledgerhttp.Timestamp) uint64 { return t.Size }), err
	})
	if err != nil {
		return err
	}
	for _, leaf := range slices.Backward(some) { // the last one covers all
		list, err := closest(leaf)
		if err != nil {
			return err
		}
		for i := range list {
			t, err := b.openTimestamp(ctx, &list[i])
			if err != nil {
				return err
			}
			if t != nil && t.checkpoint.Size > leaf {
				b.takeTimestamp(t)
			}
		}
	}
	return nil
}

// coveringTimestamp is [covering] for a timestamp authority.
func (b *builder) coveringTimestamp(ctx context.Context, authority string, leaf uint64) (*ledgerhttp.Timestamp, error) {
	return covering(b.newest.Size, leaf, func(before uint64) ([]ledgerhttp.Timestamp, error) {
		list, err := b.source.Timestamps.List(ctx, authority, before, 1)
		if err == nil && len(list) > 0 && list[0].Authority != authority {
			list = nil
		}
		return list, err
	}, func(t ledgerhttp.Timestamp) uint64 { return t.Size })
}

// stampedCovers tells whether a timestamp covers a leaf.
func (b *builder) stampedCovers(ctx context.Context, leaf uint64) (bool, error) {
	list, err := b.source.Timestamps.List(ctx, "", 0, 1)
	return err == nil && len(list) > 0 && list[0].Size > leaf, err
}

// openTimestamp reads a timestamp. One that can't be one is nil: it is somebody's
// mistake, and no reason to give no evidence.
func (b *builder) openTimestamp(ctx context.Context, listed *ledgerhttp.Timestamp) (*stamped, error) {
	note, err := b.source.Timestamps.Read(ctx, listed.Checkpoint)
	if err != nil {
		return nil, err
	}
	token, err := b.source.Timestamps.Read(ctx, listed.Token)
	if err != nil {
		return nil, err
	}
	checkpoint, err := b.source.Log.OpenCheckpoint(note)
	if err != nil || checkpoint.Size > b.newest.Size || checkpoint.Size == 0 || len(token) > verify.MaxToken {
		return nil, nil
	}
	return &stamped{checkpoint, token}, nil
}

// takeTimestamp adds a timestamp to the bundle, once, and reports whether it has its
// place there.
func (b *builder) takeTimestamp(t *stamped) bool {
	for _, known := range b.timestamps {
		if bytes.Equal(known.token, t.token) && known.checkpoint.Size == t.checkpoint.Size {
			return true
		}
	}
	if len(b.timestamps) == verify.MaxTimestamps {
		return false
	}
	b.timestamps = append(b.timestamps, t)
	return true
}

// recordedTimestamp takes the timestamp that the ledger recorded in an event, if it is
// kept for an authority that isn't done, and reports whether it is: then it is done.
func (b *builder) recordedTimestamp(ctx context.Context, r *events.TimestampRecorded, done map[string]bool) (bool, error) {
	list, err := b.source.Timestamps.List(ctx, "", uint64(r.Size)+1, 1)
	if err != nil {
		return false, err
	}
	for i := range list {
		if list[i].Size != uint64(r.Size) || done[list[i].Authority] {
			continue
		}
		t, err := b.openTimestamp(ctx, &list[i])
		if err != nil {
			return false, err
		}
		if t != nil && events.DigestOf(t.token).String() == r.Token && events.DigestOf(t.checkpoint.Note).String() == r.Checkpoint && b.takeTimestamp(t) {
			done[list[i].Authority] = true
			return true, nil
		}
	}
	return false, nil
}
