package api

import (
	"context"
	"errors"
	"math"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/http/token"
)

// Header is the age header of a message that is kept, and where that is.
type Header struct {
	Place   uint64
	Message events.Digest
	Header  []byte
}

// HeaderError says that a header is not what may be put on a message.
type HeaderError struct{ Err error }

func (e *HeaderError) Error() string { return e.Err.Error() }

func (e *HeaderError) Unwrap() error { return e.Err }

type headersInput struct {
	Recipient string `query:"recipient" required:"true" maxLength:"100" doc:"that the authority has put out of use"`
	Cursor    uint64 `query:"cursor" doc:"go on after the page that gave this as next"`
}

type headersOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         headersBody
}

type headersBody struct {
	Headers []ageHeader `json:"headers" nullable:"false"`
	Next    uint64      `json:"next,omitempty" doc:"cursor of the next page; absent: there is none. A page may be empty and have one"`
}

// ageHeader is a header, with what names the message that it is of.
type ageHeader struct {
	Place   uint64 `json:"place" doc:"where the message is kept"`
	Message string `json:"message" maxLength:"71" doc:"digest of the message"`
	Header  []byte `json:"header" maxLength:"16384" doc:"header of its age file"`
}

type rewrapInput struct {
	Body struct {
		Recipient string      `json:"recipient" maxLength:"100" doc:"that the authority has put out of use"`
		Headers   []ageHeader `json:"headers" maxItems:"200" nullable:"false" doc:"that wrap each message's key for the authority's recipient now"`
	}
}

type rewrapOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         rewrapBody
}

type rewrapBody struct {
	Done int `json:"done"`
}

func (a *api) registerHeaders() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-disclosure-headers", Method: http.MethodGet, Path: "/v1/disclosures/headers", Tags: []string{"ledger"}, Security: mandate(),
		Summary: "The headers of what is kept for an authority's former recipient",
		Description: "For an authority that has put another recipient on record: what each message holds stays here, unread. With what it wraps the key\n" +
			"in each header anew, send-disclosure-headers goes on.",
		Errors: []int{401, 403, 422, 500, 503}, RejectUnknownQueryParameters: true,
	}, a.headers)
	huma.Register(a.huma, huma.Operation{
		OperationID: "send-disclosure-headers", Method: http.MethodPost, Path: "/v1/disclosures/headers", Tags: []string{"ledger"}, Security: mandate(),
		Summary:     "Put other headers on what is kept for an authority's former recipient",
		Description: "Each must be as it was, but for what is for that recipient. What is there already, or not any more, is passed over.",
		Errors:      []int{401, 403, 422, 500, 503}, RejectUnknownQueryParameters: true,
	}, a.rewrap)
}

// moving returns an authority's recipient now, to whom what is for one of its former ones
// may be moved. One that another authority named before is not its own to move.
func (a *api) moving(g token.Grantee, recipient string) (string, error) {
	switch {
	case g.Role == token.Public:
		return "", problem(http.StatusUnauthorized, "disclosures are for authorities: want Authorization: Bearer TOKEN")
	case g.Role != token.Supervisor || a.Authorities == nil:
		return "", problem(http.StatusForbidden, "the role %s has no recipients", g.Role)
	case a.Disclosed == nil:
		return "", problem(http.StatusServiceUnavailable, "this server keeps no disclosures")
	}
	// Whoever named it first has its identity: others can only have read it there.
	owner, now, first := "", "", uint64(math.MaxUint64)
	for _, known := range a.Authorities() {
		if known.Name == g.Name {
			now = known.Recipient
		}
		for _, r := range append([]FormerRecipient{{known.Recipient, known.Leaf}}, known.Former...) {
			if r.Recipient == recipient && r.Leaf < first {
				owner, first = known.Name, r.Leaf
			}
		}
	}
	switch {
	case now == "" || owner != g.Name:
		return "", problem(http.StatusForbidden, "the recipient is not one of %s", g.Name)
	case now == recipient:
		return "", problem(http.StatusForbidden, "no leaf says that %s has put this recipient out of use: saksi authority recipient does", g.Name)
	}
	return now, nil
}

func (a *api) headers(ctx context.Context, in *headersInput) (*headersOutput, error) {
	if _, err := a.moving(granteeOf(ctx), in.Recipient); err != nil {
		return nil, err
	}
	page, next, err := a.Disclosed.Headers(ctx, in.Recipient, in.Cursor)
	if err != nil {
		return nil, a.failed(ctx, "read disclosures", err)
	}
	out := &headersOutput{CacheControl: "no-store", Body: headersBody{Headers: []ageHeader{}, Next: next}}
	for _, h := range page {
		out.Body.Headers = append(out.Body.Headers, ageHeader{h.Place, h.Message.String(), h.Header})
	}
	return out, nil
}

func (a *api) rewrap(ctx context.Context, in *rewrapInput) (*rewrapOutput, error) {
	now, err := a.moving(granteeOf(ctx), in.Body.Recipient)
	if err != nil {
		return nil, err
	}
	out := &rewrapOutput{CacheControl: "no-store"}
	for _, h := range in.Body.Headers {
		digest, err := events.ParseDigest(h.Message)
		if err == nil {
			err = a.Disclosed.Rewrap(ctx, in.Body.Recipient, now, Header{h.Place, digest, h.Header})
		} else {
			err = &HeaderError{err}
		}
		if wrong, ok := errors.AsType[*HeaderError](err); ok {
			return nil, problem(http.StatusUnprocessableEntity, "%d headers are in place; the next is none that may be: %v", out.Body.Done, wrong.Err)
		} else if err != nil {
			return nil, a.failed(ctx, "encrypt disclosures anew", err)
		}
		out.Body.Done++
	}
	return out, nil
}
