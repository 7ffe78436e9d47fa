package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
)

// Anchors is where a ledger keeps what Rekors answered.
type Anchors interface {
	// List returns anchors of checkpoints smaller than before, or of all if it is 0,
	// the largest first, about limit of them. rekor, if not empty, names the only
	// Rekor to list.
	List(ctx context.Context, rekor string, before uint64, limit int) ([]ledgerhttp.Anchor, error)
	// Policy returns by which policy the ledger's node anchors; nil if that isn't known.
	Policy(ctx context.Context) (*ledgerhttp.AnchorPolicy, error)
	// Read returns an entry or a checkpoint by the path that List gave.
	Read(ctx context.Context, path string) ([]byte, error)
}

const (
	maxAnchorFile = 1 << 20
	maxAnchorList = 4 << 20
	anchorTimeout = 30 * time.Second
)

// anchorDirectory reads the anchors of a ledger on the same machine.
type anchorDirectory struct {
	dir     string
	anchors *ledgerhttp.Anchors
}

// OpenDirectory returns the anchors of the ledger in dir. Close releases it.
func OpenDirectory(dir string) (interface {
	Anchors
	io.Closer
}, error) {
	anchors, err := ledgerhttp.OpenAnchors(dir)
	if err != nil {
		return nil, err
	}
	return &anchorDirectory{dir, anchors}, nil
}

func (d *anchorDirectory) List(_ context.Context, rekor string, before uint64, limit int) ([]ledgerhttp.Anchor, error) {
	return d.anchors.List(rekor, before, limit)
}

func (d *anchorDirectory) Policy(context.Context) (*ledgerhttp.AnchorPolicy, error) {
	p, err := d.anchors.Policy()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return p, err
}

func (d *anchorDirectory) Read(_ context.Context, path string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(d.dir, filepath.FromSlash(strings.TrimPrefix(path, "/"))))
	if err != nil {
		return nil, fmt.Errorf("read an anchor: %w", err)
	}
	return b, nil
}

func (d *anchorDirectory) Close() error { return d.anchors.Close() }

// remoteAnchors asks a node. What it answers proves itself or is left out.
type remoteAnchors struct {
	base   *url.URL
	client *http.Client
}

// Remote returns the anchors of the ledger that is served at base. client is
// http.DefaultClient if nil.
func Remote(base string, client *http.Client) (Anchors, error) {
	remote, err := openRemote(base, client)
	if err != nil {
		return nil, err
	}
	return remote, nil
}

func openRemote(base string, client *http.Client) (*remoteAnchors, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("address of the ledger %q: want http or https, and a host", base)
	}
	if client == nil {
		client = http.DefaultClient
	}
	return &remoteAnchors{u, client}, nil
}

// anchorList is what a node answers when it is asked for anchors.
type anchorList struct {
	Anchors []ledgerhttp.Anchor      `json:"anchors"`
	Policy  *ledgerhttp.AnchorPolicy `json:"policy"` // nil from a node that doesn't say
}

func (r *remoteAnchors) List(ctx context.Context, rekor string, before uint64, limit int) ([]ledgerhttp.Anchor, error) {
	list, err := r.list(ctx, rekor, before, limit)
	if err != nil {
		return nil, err
	}
	return list.Anchors, nil
}

func (r *remoteAnchors) Policy(ctx context.Context) (*ledgerhttp.AnchorPolicy, error) {
	list, err := r.list(ctx, "", 0, 1)
	if err != nil {
		return nil, err
	}
	return list.Policy, nil
}

func (r *remoteAnchors) list(ctx context.Context, rekor string, before uint64, limit int) (*anchorList, error) {
	u := r.base.JoinPath("anchors", "/")
	query := url.Values{"before": {strconv.FormatUint(before, 10)}, "limit": {strconv.Itoa(limit)}}
	if rekor != "" {
		query.Set("rekor", rekor)
	}
	u.RawQuery = query.Encode()
	b, err := r.get(ctx, u, maxAnchorList)
	if err != nil {
		return nil, fmt.Errorf("list anchors: %w", err)
	}
	list := &anchorList{}
	if err := json.Unmarshal(b, list); err != nil {
		return nil, fmt.Errorf("list anchors: %s: %w", u, err)
	}
	return list, nil
}

func (r *remoteAnchors) Read(ctx context.Context, path string) ([]byte, error) {
	if !strings.HasPrefix(path, "/anchors/") {
		return nil, fmt.Errorf("read an anchor: %.100q is none", path)
	}
	b, err := r.get(ctx, r.base.JoinPath(path), maxAnchorFile)
	if err != nil {
		return nil, fmt.Errorf("read an anchor: %w", err)
	}
	return b, nil
}

func (r *remoteAnchors) get(ctx context.Context, u *url.URL, most int64) ([]byte, error) {
	b, _, err := r.getWithHeader(ctx, u, most)
	return b, err
}

func (r *remoteAnchors) getWithHeader(ctx context.Context, u *url.URL, most int64) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, anchorTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", u, err)
	case response.StatusCode != http.StatusOK:
		return nil, nil, &ledgerhttp.StatusError{URL: u.String(), Status: response.StatusCode}
	case int64(len(b)) > most:
		return nil, nil, errors.New(u.String() + ": it is longer than it can be")
	}
	return b, response.Header, nil
}
