package rekor

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	api "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

const (
	entriesV2 = "api/v2/log/entries"
	tilesV2   = "api/v2/"
)

// TileFetcher reads a tile of a Rekor v2's tree, at most p wide or 256 if p is 0.
type TileFetcher func(ctx context.Context, level, index uint64, p uint8) ([]byte, error)

// clientV2 reaches a Rekor of version 2 (https://github.com/sigstore/rekor-tiles). It
// isn't that project's pkg/client/write, which neither tells a duplicate from other
// failures nor bounds what an error repeats.
type clientV2 struct {
	entries string
	http    *http.Client
	tiles   TileFetcher
}

// NewClientV2 returns a client of the Rekor v2 at base. tiles reads its tree; if nil,
// that is done below base, where Sigstore's own instances serve it.
func NewClientV2(base string, tiles TileFetcher) (Client, error) {
	u, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	c := &clientV2{entries: u.JoinPath(entriesV2).String(), http: newHTTPClient(), tiles: tiles}
	if tiles == nil {
		if c.tiles, err = httpTiles(u.JoinPath(tilesV2), c.http); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// httpTiles reads tiles below a URL.
func httpTiles(base *url.URL, h *http.Client) (TileFetcher, error) {
	fetcher, err := client.NewHTTPFetcher(base, h)
	if err != nil {
		return nil, fmt.Errorf("tiles at %s: %w", base, err)
	}
	return fetcher.ReadTile, nil
}

func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("address of a Rekor: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("address of a Rekor, %q: want http(s)://HOST[:PORT][/PATH]", base)
	}
	return u, nil
}

var errDuplicate = errors.New("the Rekor has this entry already")

// Submit implements [Client]. The Rekor answers when a checkpoint covers the entry,
// after some seconds. It gives no proof of an entry that it has already: one with
// another signature is as good.
func (c *clientV2) Submit(ctx context.Context, digest [sha256.Size]byte, key *ecdsa.PrivateKey) ([]byte, error) {
	entry, err := c.submit(ctx, digest, key, nil)
	if errors.Is(err, errDuplicate) {
		entry, err = c.submit(ctx, digest, key, rand.Reader)
	}
	return entry, within(ctx, err)
}

func (c *clientV2) submit(ctx context.Context, digest [sha256.Size]byte, key *ecdsa.PrivateKey, random io.Reader) ([]byte, error) {
	s, err := sign(digest, key, random)
	if err != nil {
		return nil, err
	}
	body, err := protojson.Marshal(&api.CreateEntryRequest{Spec: &api.CreateEntryRequest_HashedRekordRequestV002{
		HashedRekordRequestV002: &api.HashedRekordRequestV002{
			Digest: digest[:],
			Signature: &api.Signature{Content: s.der, Verifier: &api.Verifier{
				Verifier:   &api.Verifier_PublicKey{PublicKey: &api.PublicKey{RawBytes: s.key}},
				KeyDetails: common.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
			}},
		},
	}})
	if err != nil {
		return nil, fmt.Errorf("write the entry: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.entries, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("POST %s: %w", c.entries, err)
	case response.StatusCode == http.StatusConflict:
		return nil, errDuplicate
	case response.StatusCode != http.StatusCreated:
		return nil, fmt.Errorf("POST %s: %s: %s", c.entries, response.Status, said(answer))
	}
	return answer, nil
}

// Consistency implements [Client], from tiles.
func (c *clientV2) Consistency(ctx context.Context, older, newer *formats.Checkpoint) (tlog.TreeProof, error) {
	builder, err := client.NewProofBuilder(ctx, newer.Size, c.wholeTile)
	if err != nil {
		return nil, within(ctx, err)
	}
	hashes, err := builder.ConsistencyProof(ctx, older.Size, newer.Size)
	if err != nil {
		return nil, within(ctx, err)
	}
	proof := make(tlog.TreeProof, len(hashes))
	for i, h := range hashes {
		if len(h) != tlog.HashSize {
			return nil, fmt.Errorf("hash %d of the proof has %d bytes", i+1, len(h))
		}
		proof[i] = tlog.Hash(h)
	}
	return proof, nil
}

const tileWidth = 256

// wholeTile reads a tile that has at least the hashes asked for, on which the builder
// of proofs relies.
func (c *clientV2) wholeTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	tile, err := c.tiles(ctx, level, index, p)
	if err != nil {
		return nil, err
	}
	want := int(p)
	if want == 0 {
		want = tileWidth
	}
	if len(tile) < want*tlog.HashSize || len(tile) > tileWidth*tlog.HashSize || len(tile)%tlog.HashSize != 0 {
		return nil, fmt.Errorf("tile %d/%d has %d bytes: want %d hashes", level, index, len(tile), want)
	}
	return tile, nil
}
