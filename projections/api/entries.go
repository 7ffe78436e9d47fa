package api

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
)

// entryInput asks for a leaf.
type entryInput struct {
	Index uint64 `path:"index" maximum:"9007199254740991" doc:"the leaf's index, from 0"`
	Sent  bool   `query:"body" doc:"with what was sent, which needs a mandate"`
}

// entryBody is a leaf, and where it stands.
type entryBody struct {
	Index uint64 `json:"index"`
	Leaf  leaf   `json:"leaf"`
	// Raw is the leaf as it is hashed.
	Raw        string `json:"raw" doc:"the leaf's bytes, as they are hashed"`
	Hash       string `json:"hash" doc:"the leaf's hash (RFC 6962), base64"`
	Checkpoint string `json:"checkpoint" doc:"the newest checkpoint, which covers it: a signed note"`
	Sent       *sent  `json:"sent,omitempty" doc:"what was sent, if it was asked for"`
	Links      links  `json:"links"`
}

// leaf is a leaf's fields; which there are goes by the verdict.
type leaf struct {
	Epoch    uint64    `json:"epoch"`
	Seq      uint64    `json:"seq"`
	Subject  string    `json:"subject"`
	Received time.Time `json:"received"`
	Verdict  string    `json:"verdict" enum:"accepted,duplicate,rejected"`
	First    uint64    `json:"first,omitempty" doc:"the sequence number of its first event, if accepted"`
	Count    uint64    `json:"count,omitempty" doc:"how many events, if accepted"`
	Of       *uint64   `json:"of,omitempty" doc:"the leaf repeated, if a duplicate"`
	Code     string    `json:"code,omitempty" doc:"why, if rejected"`
	Digest   string    `json:"digest" doc:"SHA-256 of line 1, or of the whole message if it was rejected"`
}

// sent is a message.
type sent struct {
	Line1 string   `json:"line1,omitempty" doc:"the signed manifest, a DSSE envelope"`
	Lines []string `json:"lines,omitempty" nullable:"false" doc:"the events, a CloudEvent each, as they were signed; one that was erased is empty, as is one that the mandate doesn't cover, and so are those of a duplicate, which lie with the leaf that it repeats"`
	Body  []byte   `json:"body,omitempty" doc:"the whole message in base64, if it was rejected, and not erased"`
}

type entryOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Vary         string `header:"Vary" hidden:"true"`
	Body         entryBody
}

// textOutput is a document of a C2SP format.
type textOutput struct {
	ContentType  string `header:"Content-Type" hidden:"true"`
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         []byte
}

const plainText = "text/plain; charset=utf-8"

func textResponses(description string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: description,
		Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
}

func (a *api) registerEntries() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-checkpoint", Method: http.MethodGet, Path: "/v1/checkpoint", Tags: []string{"ledger"}, Security: public(),
		Summary: "The newest checkpoint", Responses: textResponses("A signed note (https://c2sp.org/tlog-checkpoint)"),
		Errors: []int{401, 403, 500}, RejectUnknownQueryParameters: true,
	}, a.checkpoint)
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-entry", Method: http.MethodGet, Path: "/v1/entries/{index}", Tags: []string{"ledger"}, Security: public(),
		Summary:     "A leaf",
		Description: "What became of one message. Bodies need a mandate: supervisors and auditors, within their scope.",
		Errors:      []int{401, 403, 404, 422, 500}, RejectUnknownQueryParameters: true,
	}, a.entry)
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-proof", Method: http.MethodGet, Path: "/v1/entries/{index}/proof", Tags: []string{"ledger"}, Security: public(),
		Summary:     "The proof that a leaf stands in the ledger",
		Description: "Against the newest checkpoint, or one of another size that was anchored. It is a receipt: saksi verify checks it offline.",
		Responses:   textResponses("A receipt (https://c2sp.org/tlog-proof)"),
		Errors:      []int{401, 403, 404, 422, 500}, RejectUnknownQueryParameters: true,
	}, a.proof)
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-anchors", Method: http.MethodGet, Path: "/v1/anchors", Tags: []string{"ledger"}, Security: public(),
		Summary: "Checkpoints that stand in a Rekor, the largest first",
		Errors:  []int{401, 403, 422, 500}, RejectUnknownQueryParameters: true,
	}, a.anchors)
}

func (a *api) checkpoint(ctx context.Context, _ *struct{}) (*textOutput, error) {
	c, err := a.Ledger.Checkpoint(ctx)
	if err != nil {
		return nil, a.failed(ctx, "read the checkpoint", err)
	}
	return &textOutput{ContentType: plainText, CacheControl: "no-cache", Body: c.Note}, nil
}

// find returns a leaf under the newest checkpoint.
func (a *api) find(ctx context.Context, index uint64) (*formats.Checkpoint, *ledger.Entry, error) {
	c, err := a.Ledger.Checkpoint(ctx)
	if err != nil {
		return nil, nil, a.failed(ctx, "read the checkpoint", err)
	}
	if index >= c.Size {
		return nil, nil, problem(http.StatusNotFound, "there is no leaf %d: the ledger has %d", index, c.Size)
	}
	entries, err := a.Ledger.Leaves(ctx, c, index)
	if err != nil {
		return nil, nil, a.failed(ctx, "read the tree", err)
	}
	return c, &entries[0], nil
}

func (a *api) entry(ctx context.Context, in *entryInput) (*entryOutput, error) {
	c, e, err := a.find(ctx, in.Index)
	if err != nil {
		return nil, err
	}
	l := e.Leaf
	hash := tlog.RecordHash(e.Raw)
	out := &entryOutput{CacheControl: "no-cache", Vary: "Authorization", Body: entryBody{
		Index: e.Index, Raw: string(e.Raw), Hash: hash.String(), Checkpoint: string(c.Note), Links: linksOf(e.Index),
		Leaf: leaf{
			Epoch: l.Epoch, Seq: l.Seq, Subject: l.Subject, Received: l.Received, Verdict: string(l.Verdict),
			First: l.First, Count: l.Count, Code: l.Code, Digest: l.Digest.String(),
		},
	}}
	if l.Verdict == formats.Duplicate {
		out.Body.Leaf.Of = &l.Of
	}
	if !in.Sent {
		return out, nil
	}
	grantee := granteeOf(ctx)
	if err := mayRead(grantee, l); err != nil {
		return nil, err
	}
	out.CacheControl = "private, no-store"
	if out.Body.Sent, err = a.sent(ctx, e, grantee); err != nil {
		return nil, a.failed(ctx, "read the body", err)
	}
	if out.Body.Sent == nil {
		return nil, problem(http.StatusForbidden, "the mandate covers nothing of what was sent")
	}
	return out, nil
}

func mayRead(g token.Grantee, l *formats.Leaf) error {
	switch {
	case g.Role == token.Public:
		return problem(http.StatusUnauthorized, "bodies need a mandate: want Authorization: Bearer TOKEN")
	case !g.Bodies():
		return problem(http.StatusForbidden, "the role %s has no mandate for bodies", g.Role)
	case !g.CoversSubject(l.Subject):
		return problem(http.StatusForbidden, "the mandate doesn't cover what was published there")
	}
	return nil
}

// sent returns what was sent, as far as the mandate covers it; nil if it covers nothing.
func (a *api) sent(ctx context.Context, e *ledger.Entry, g token.Grantee) (*sent, error) {
	body, err := a.Ledger.Body(ctx, e.Index)
	if err != nil {
		return nil, err
	}
	if err := ledger.CheckBody(e.Leaf, body); err != nil {
		return nil, err
	}
	byEvent := g.ByEvent(e.Leaf.Subject)
	if e.Leaf.Verdict == formats.Rejected && byEvent {
		return nil, nil
	}
	if e.Leaf.Verdict == formats.Rejected {
		return &sent{Body: body}, nil
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return nil, err
	}
	s := &sent{Line1: string(envelope.Line1())}
	shown, withheld := 0, 0
	for _, line := range envelope.Lines {
		if byEvent && !g.CoversLine(envelope.Manifest.Recorder, line) {
			line = nil
			withheld++
		} else if len(line) > 0 {
			shown++
		}
		s.Lines = append(s.Lines, string(line))
	}
	if withheld > 0 && shown == 0 {
		return nil, nil
	}
	return s, nil
}

type proofInput struct {
	Index uint64 `path:"index" maximum:"9007199254740991" doc:"the leaf's index, from 0"`
	Size  uint64 `query:"size" maximum:"9007199254740991" doc:"the size of the checkpoint; the newest if 0"`
}

func (a *api) proof(ctx context.Context, in *proofInput) (*textOutput, error) {
	newest, e, err := a.find(ctx, in.Index)
	if err != nil {
		return nil, err
	}
	c, err := a.checkpointOf(ctx, newest, in.Size)
	if err != nil {
		return nil, err
	}
	if in.Index >= c.Size {
		return nil, problem(http.StatusNotFound, "the checkpoint of %d leaves doesn't cover leaf %d", c.Size, in.Index)
	}
	proof, err := a.Ledger.Prove(ctx, c, in.Index)
	if err != nil {
		return nil, a.failed(ctx, "make the proof", err)
	}
	receipt := formats.Receipt{Index: in.Index, Leaf: e.Raw, Proof: proof, Checkpoint: c.Note}
	return &textOutput{ContentType: plainText, CacheControl: "no-cache", Body: receipt.Marshal()}, nil
}

// checkpointOf returns a signed checkpoint of a size: the newest, or one that was
// anchored. Others aren't kept.
func (a *api) checkpointOf(ctx context.Context, newest *formats.Checkpoint, size uint64) (*formats.Checkpoint, error) {
	if size == 0 || size == newest.Size {
		return newest, nil
	}
	none := problem(http.StatusNotFound, "no signed checkpoint of %d leaves is kept: the newest has %d, and /v1/anchors lists others", size, newest.Size)
	if a.Anchors == nil || size > newest.Size {
		return nil, none
	}
	note, err := a.Anchors.Checkpoint(size)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, none
	} else if err != nil {
		return nil, a.failed(ctx, "read the anchors", err)
	}
	c, err := a.Keys.OpenCheckpoint(note)
	if err == nil && c.Size != size {
		err = errors.New("it is of another size than its name")
	}
	if err != nil {
		return nil, a.failed(ctx, "read the anchored checkpoint", err)
	}
	return c, nil
}

type anchorsInput struct {
	Rekor  string `query:"rekor" maxLength:"64" doc:"the only Rekor to list"`
	Before uint64 `query:"before" maximum:"9007199254740991" doc:"only checkpoints smaller than this, if not 0"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type anchorsOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         anchorsBody
}

type anchorsBody struct {
	Anchors []ledgerhttp.Anchor `json:"anchors" nullable:"false" doc:"their entries are Sigstore TransparencyLogEntry JSON"`
}

func (a *api) anchors(ctx context.Context, in *anchorsInput) (*anchorsOutput, error) {
	out := &anchorsOutput{CacheControl: "no-cache", Body: anchorsBody{Anchors: []ledgerhttp.Anchor{}}}
	if a.Anchors == nil {
		return out, nil
	}
	list, err := a.Anchors.List(in.Rekor, in.Before, in.Limit)
	if err != nil {
		return nil, a.failed(ctx, "read the anchors", err)
	}
	out.Body.Anchors = append(out.Body.Anchors, list...)
	return out, nil
}
