package rekor

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	rekorclient "github.com/sigstore/rekor/pkg/client"
	"github.com/sigstore/rekor/pkg/generated/client"
	"github.com/sigstore/rekor/pkg/generated/client/entries"
	tlogapi "github.com/sigstore/rekor/pkg/generated/client/tlog"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/tle"
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1" // registers the kind, which tle must know
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// clientV1 reaches a Rekor of version 1 (https://github.com/sigstore/rekor).
type clientV1 struct {
	rekor *client.Rekor
	http  *http.Client
}

// NewClientV1 returns a client of the Rekor v1 at base.
func NewClientV1(base string) (Client, error) {
	if _, err := parseBase(base); err != nil {
		return nil, err
	}
	// Retrying is the anchorer's, and so is its patience.
	r, err := rekorclient.GetRekorClient(base, rekorclient.WithRetryCount(0))
	if err != nil {
		return nil, fmt.Errorf("Rekor %s: %w", base, err)
	}
	h := newHTTPClient()
	h.Transport = jsonTransport{h.Transport}
	return &clientV1{r, h}, nil
}

// Submit implements [Client].
func (c *clientV1) Submit(ctx context.Context, digest [sha256.Size]byte, key *ecdsa.PrivateKey) ([]byte, error) {
	s, err := sign(digest, key, nil)
	if err != nil {
		return nil, err
	}
	log, err := c.create(ctx, proposed(digest, s))
	if conflict := (*entries.CreateLogEntryConflict)(nil); errors.As(err, &conflict) {
		log, err = c.existing(ctx, conflict.Location.String())
	}
	if err != nil {
		return nil, within(ctx, shortened(err))
	}
	return entryJSON(log)
}

func proposed(digest [sha256.Size]byte, s *signature) *models.Hashedrekord {
	version, algorithm, value := "0.0.1", models.HashedrekordV001SchemaDataHashAlgorithmSha256, hex.EncodeToString(digest[:])
	return &models.Hashedrekord{APIVersion: &version, Spec: models.HashedrekordV001Schema{
		Data: &models.HashedrekordV001SchemaData{Hash: &models.HashedrekordV001SchemaDataHash{Algorithm: &algorithm, Value: &value}},
		Signature: &models.HashedrekordV001SchemaSignature{
			Content: s.der,
			PublicKey: &models.HashedrekordV001SchemaSignaturePublicKey{
				Content: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: s.key}),
			},
		},
	}}
}

func (c *clientV1) create(ctx context.Context, entry models.ProposedEntry) (models.LogEntry, error) {
	created, err := c.rekor.Entries.CreateLogEntryContext(ctx,
		entries.NewCreateLogEntryParams().WithProposedEntry(entry).WithHTTPClient(c.http))
	if err != nil {
		return nil, err
	}
	return created.Payload, nil
}

// existing reads the entry at the location that a 409 Conflict names, on this Rekor
// and no other, whatever host stands there.
func (c *clientV1) existing(ctx context.Context, location string) (models.LogEntry, error) {
	id := path.Base(location)
	if b, err := hex.DecodeString(id); err != nil || len(b) != 32 && len(b) != 40 {
		return nil, fmt.Errorf("the Rekor has this entry already, at %.100q, which names none", location)
	}
	got, err := c.rekor.Entries.GetLogEntryByUUIDContext(ctx,
		entries.NewGetLogEntryByUUIDParams().WithEntryUUID(id).WithHTTPClient(c.http))
	if err != nil {
		return nil, fmt.Errorf("read the entry that the Rekor has already: %w", err)
	}
	for named := range got.Payload {
		if leafOf(named) != leafOf(id) {
			return nil, fmt.Errorf("asked for the entry %s, which it is said to have already, the Rekor answered with %.80q", id, named)
		}
	}
	return got.Payload, nil
}

// leafOf is an entry's id without that of its tree, which may stand before it.
func leafOf(id string) string { return strings.ToLower(id[max(0, len(id)-2*sha256.Size):]) }

// checkID checks the id by which an entry is named, as Rekor's pkg/sharding has it: that
// of its tree, 8 bytes, which may be left out, and the hash of its leaf. Nothing that is
// kept rests on it, but by it people ask for the entry.
func checkID(id string, entry *models.LogEntryAnon) error {
	text, _ := entry.Body.(string)
	body, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(body) == 0 {
		return errors.New("the Rekor answered with an entry that has no body")
	}
	leaf := tlog.RecordHash(body)
	tree, ok := strings.CutSuffix(strings.ToLower(id), hex.EncodeToString(leaf[:]))
	if !ok {
		return fmt.Errorf("the entry's id, %.80q, is not that of its body", id)
	}
	origin, _, _ := strings.Cut(*entry.Verification.InclusionProof.Checkpoint, "\n")
	_, of, named := strings.Cut(origin, " - ")
	if number, err := strconv.ParseUint(tree, 16, 64); tree != "" && (err != nil || named && strconv.FormatUint(number, 10) != of) {
		return fmt.Errorf("the entry's id, %.80q, names another tree than its checkpoint, %.80q", id, origin)
	}
	return nil
}

// entryJSON makes the one form of entry of both versions. The converter relies on
// every pointer, so they are looked at first.
func entryJSON(log models.LogEntry) ([]byte, error) {
	if len(log) != 1 {
		return nil, fmt.Errorf("the Rekor answered with %d entries: want 1", len(log))
	}
	for id, e := range log {
		v := e.Verification
		if e.LogID == nil || e.LogIndex == nil || e.IntegratedTime == nil || v == nil || v.InclusionProof == nil {
			return nil, errors.New("the Rekor answered with an entry that has no index, time or proof")
		}
		p := v.InclusionProof
		if p.Checkpoint == nil || p.LogIndex == nil || p.RootHash == nil || p.TreeSize == nil {
			return nil, errors.New("the Rekor answered with half an inclusion proof")
		}
		if *e.LogIndex < 0 || *e.IntegratedTime < 0 || *p.LogIndex < 0 || *p.TreeSize < 0 {
			return nil, errors.New("the Rekor answered with a negative number")
		}
		if err := checkID(id, &e); err != nil {
			return nil, err
		}
		entry, err := tle.GenerateTransparencyLogEntry(e)
		if err != nil {
			return nil, fmt.Errorf("the Rekor's entry: %w", shortened(err))
		}
		return tle.MarshalTLEToJSON(entry)
	}
	return nil, nil // not reached
}

// Consistency implements [Client].
func (c *clientV1) Consistency(ctx context.Context, older, newer *formats.Checkpoint) (tlog.TreeProof, error) {
	first := int64(older.Size)
	params := tlogapi.NewGetLogProofParams().WithFirstSize(&first).WithLastSize(int64(newer.Size)).WithHTTPClient(c.http)
	if _, tree, ok := strings.Cut(newer.Origin, " - "); ok {
		params = params.WithTreeID(&tree)
	}
	got, err := c.rekor.Tlog.GetLogProofContext(ctx, params)
	if err != nil {
		return nil, within(ctx, shortened(err))
	}
	if got.Payload == nil || len(got.Payload.Hashes) > maxProof {
		return nil, errors.New("the Rekor answered with no proof")
	}
	proof := make(tlog.TreeProof, len(got.Payload.Hashes))
	for i, text := range got.Payload.Hashes {
		h, err := hex.DecodeString(text)
		if err != nil || len(h) != tlog.HashSize {
			return nil, fmt.Errorf("hash %d of the proof is not the hexadecimal of %d bytes", i+1, tlog.HashSize)
		}
		proof[i] = tlog.Hash(h)
	}
	return proof, nil
}

// maxProof bounds a proof of consistency: two paths in a tree of 2^63.
const maxProof = 128

// shortened bounds what an error repeats of an answer: the generated client repeats
// all of it.
func shortened(err error) error {
	if err == nil || len(err.Error()) <= 2*maxSaid {
		return err
	}
	return shortError{err}
}

type shortError struct{ error }

func (e shortError) Error() string { return e.error.Error()[:2*maxSaid] + "…" }
func (e shortError) Unwrap() error { return e.error }
