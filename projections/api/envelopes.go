package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/http/token"
)

// Intake takes envelopes that come over HTTP.
type Intake interface {
	// Take brings an envelope to the ledger. A [BusyError] says that it may be tried again.
	Take(ctx context.Context, recorder events.Recorder, body []byte) error
	// Where says where envelopes of a recorder stand.
	Where(ctx context.Context, recorder events.Recorder, q events.GetRequest) (*events.GetResponse, error)
}

// BusyError says that nothing was taken, and when to try again.
type BusyError struct {
	Reason string
	After  time.Duration
	Err    error // for the log; may be nil
}

func (e *BusyError) Error() string { return e.Reason }

func (e *BusyError) Unwrap() error { return e.Err }

type envelopeInput struct {
	RawBody []byte `contentType:"application/jsonl"`
}

type envelopeOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Location     string `header:"Location" doc:"where its fate is told"`
	Body         taken
}

type taken struct {
	Recorder    string `json:"recorder"`
	Incarnation uint64 `json:"incarnation"`
	First       uint64 `json:"first" doc:"the sequence number of its first event"`
	Count       int    `json:"count" doc:"how many events"`
	Body        string `json:"body" doc:"SHA-256 of the whole body"`
	Manifest    string `json:"manifest" doc:"SHA-256 of the signed manifest"`
}

type fateInput struct {
	Recorder    string `query:"recorder" required:"true" maxLength:"122" doc:"operator/facility/recorder"`
	Incarnation uint64 `query:"incarnation" required:"true" minimum:"1" maximum:"9007199254740991"`
	First       uint64 `query:"first" required:"true" minimum:"1" maximum:"9007199254740991" doc:"the sequence number of its first event"`
	Manifest    string `query:"manifest" required:"true" doc:"SHA-256 of the signed manifest"`
	Sent        string `query:"body" required:"true" doc:"SHA-256 of the whole body"`
}

type fateOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         fate
}

type fate struct {
	State  string  `json:"state" enum:"accepted,rejected,pending" doc:"what became of it; pending: no checkpoint covers it yet, or it was lost: send it again after a while"`
	Leaf   *uint64 `json:"leaf,omitempty" doc:"the leaf, if it has one"`
	Code   string  `json:"code,omitempty" doc:"why it was rejected"`
	Reason string  `json:"reason,omitempty" doc:"why, for people; kept for a while only"`
	Proof  string  `json:"proof,omitempty" doc:"path of the receipt, a C2SP tlog-proof: what counts"`
}

func (a *api) registerEnvelopes() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "send-envelope", Method: http.MethodPost, Path: "/v1/envelopes", Tags: []string{"operators"}, Security: mandate(),
		Summary: "Send an envelope, as over the broker", DefaultStatus: http.StatusAccepted,
		Description: "The body is one envelope, JSON Lines of at most 256 KiB, of a recorder of the operator whose token it is. 202 says that the\n" +
			"broker has it, no more: only a receipt says that it is kept. What isn't an envelope, or is of somebody else, is refused here and\n" +
			"gets no leaf; all else does, be it rejected. Sending the same again does no harm.",
		MaxBodyBytes: events.MaxEnvelope, Errors: []int{401, 403, 413, 422, 429, 500, 503}, RejectUnknownQueryParameters: true,
	}, a.takeEnvelope)
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-envelope", Method: http.MethodGet, Path: "/v1/envelopes", Tags: []string{"operators"}, Security: mandate(),
		Summary: "What became of an envelope", Description: "For the operator whose it is. The answer proves nothing: the proof that it points to does.",
		Errors: []int{401, 403, 422, 500, 503}, RejectUnknownQueryParameters: true,
	}, a.fateOf)
}

// ownRecorder refuses what isn't an operator's own.
func (a *api) ownRecorder(ctx context.Context, recorder events.Recorder) error {
	g := granteeOf(ctx)
	switch {
	case g.Role == token.Public:
		return problem(http.StatusUnauthorized, "envelopes are for operators: want Authorization: Bearer TOKEN, signed by a key of the operator's")
	case g.Role != token.Operator:
		return problem(http.StatusForbidden, "the role %s sends no envelopes", g.Role)
	case a.Intake == nil:
		return problem(http.StatusServiceUnavailable, "this server takes no envelopes")
	case !recorder.IsOperator() || recorder.Owner != g.Name:
		return problem(http.StatusForbidden, "recorder %s is not one of %s", recorder, g.Name)
	}
	return nil
}

func (a *api) takeEnvelope(ctx context.Context, in *envelopeInput) (*envelopeOutput, error) {
	envelope, err := events.ParseEnvelope(in.RawBody)
	if err != nil {
		if err := a.ownRecorder(ctx, events.Recorder{}); granteeOf(ctx).Role != token.Operator {
			return nil, err
		}
		return nil, problem(http.StatusUnprocessableEntity, "malformed: %v", err)
	}
	m := envelope.Manifest
	if err := a.ownRecorder(ctx, m.Recorder); err != nil {
		return nil, err
	}
	if err := a.Intake.Take(ctx, m.Recorder, in.RawBody); err != nil {
		return nil, a.busy(ctx, "take an envelope", err)
	}
	out := &envelopeOutput{CacheControl: "no-store", Body: taken{
		Recorder: m.Recorder.String(), Incarnation: m.Incarnation, First: m.First, Count: len(m.Events),
		Body: events.DigestOf(in.RawBody).String(), Manifest: envelope.ManifestDigest().String(),
	}}
	out.Location = fmt.Sprintf("/v1/envelopes?recorder=%s&incarnation=%d&first=%d&manifest=%s&body=%s",
		out.Body.Recorder, out.Body.Incarnation, out.Body.First, out.Body.Manifest, out.Body.Body)
	return out, nil
}

// busy tells when to try again.
func (a *api) busy(ctx context.Context, doing string, err error) error {
	var busy *BusyError
	if !errors.As(err, &busy) {
		return a.failed(ctx, doing, err)
	}
	if busy.Err != nil {
		a.Log.Warn("a request could not be taken", "doing", doing, "error", busy.Err)
	}
	status := http.StatusServiceUnavailable
	if busy.Err == nil {
		status = http.StatusTooManyRequests
	}
	after := strconv.Itoa(int(max(1, math.Ceil(busy.After.Seconds()))))
	return huma.ErrorWithHeaders(problem(status, "%s: try again in %s s", busy.Reason, after), http.Header{"Retry-After": {after}})
}

func (a *api) fateOf(ctx context.Context, in *fateInput) (*fateOutput, error) {
	recorder, err := events.ParseRecorder(in.Recorder)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "recorder: %v", err)
	}
	if err := a.ownRecorder(ctx, recorder); err != nil {
		return nil, err
	}
	manifest, err := events.ParseDigest(in.Manifest)
	body, err2 := events.ParseDigest(in.Sent)
	if err := errors.Join(err, err2); err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "%v", err)
	}
	where, err := a.Intake.Where(ctx, recorder, events.GetRequest{V: 1, Recorder: in.Recorder, Incarnation: in.Incarnation, From: in.First, Bodies: []events.Digest{body}})
	if err != nil {
		return nil, a.failed(ctx, "look for an envelope", err)
	}
	checkpoint, err := a.Ledger.Checkpoint(ctx)
	if err != nil {
		return nil, a.failed(ctx, "read the checkpoint", err)
	}
	out := &fateOutput{CacheControl: "no-store", Body: fate{State: "pending"}}
	for i := range where.Accepted {
		if p := &where.Accepted[i]; p.First == in.First && p.Manifest == manifest && p.Leaf < checkpoint.Size {
			out.Body = fate{State: "accepted", Leaf: &p.Leaf, Proof: fmt.Sprintf("/v1/entries/%d/proof", p.Leaf)}
			return out, nil
		}
	}
	for i := range where.Rejected {
		p := &where.Rejected[i]
		if p.Leaf >= checkpoint.Size {
			continue
		}
		out.Body = fate{State: "rejected", Leaf: &p.Leaf, Code: p.Code, Reason: p.Reason, Proof: fmt.Sprintf("/v1/entries/%d/proof", p.Leaf)}
	}
	return out, nil
}
