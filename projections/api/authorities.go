package api

import (
	"bytes"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/saksi-ledger/saksi/events"
)

// Authority is an authority as the registry has it, and where it says to whom what is for
// its eyes is encrypted.
type Authority struct {
	Name      string
	Mandate   events.Mandate
	Recipient string            // of age; empty: none
	Leaf      uint64            // that names the recipient
	Former    []FormerRecipient // the recipients before it
}

// FormerRecipient is a recipient that an authority has put out of use, and the leaf that
// named it.
type FormerRecipient struct {
	Recipient string
	Leaf      uint64
}

type authoritiesOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         authoritiesBody
}

type authoritiesBody struct {
	Authorities []authority `json:"authorities" nullable:"false"`
}

type authority struct {
	Authority  string   `json:"authority"`
	Facilities []string `json:"facilities" nullable:"false" doc:"of its mandate; * is all"`
	Families   []string `json:"families" nullable:"false" doc:"of its mandate; * is all"`
	Recipient  string   `json:"recipient,omitempty" doc:"age recipient of what is for its eyes"`
	// What proves the recipient, with the leaf's proof.
	Leaf  uint64 `json:"leaf" doc:"that names the recipient"`
	Line1 string `json:"line1,omitempty" doc:"line 1 of that leaf's envelope: its digest is in the leaf"`
	Line  string `json:"line,omitempty" doc:"the event that names the recipient: its digest is in line 1"`
}

func (a *api) registerAuthorities() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-authorities", Method: http.MethodGet, Path: "/v1/authorities", Tags: []string{"ledger"}, Security: public(),
		Summary:     "The authorities, their mandates, and to whom what is for their eyes is encrypted",
		Description: "Each recipient comes with the event that names it: held against the proof of its leaf, nobody's word has to be taken for it.",
		Errors:      []int{401, 403, 500}, RejectUnknownQueryParameters: true,
	}, a.authorities)
}

func (a *api) authorities(ctx context.Context, _ *struct{}) (*authoritiesOutput, error) {
	out := &authoritiesOutput{CacheControl: "no-cache", Body: authoritiesBody{Authorities: []authority{}}}
	if a.Authorities == nil {
		return out, nil
	}
	for _, known := range a.Authorities() {
		one := authority{Authority: known.Name, Facilities: known.Mandate.Facilities, Families: known.Mandate.Families, Recipient: known.Recipient, Leaf: known.Leaf}
		if known.Recipient != "" {
			body, err := a.Ledger.Body(ctx, known.Leaf)
			if err != nil {
				return nil, a.failed(ctx, "read the registry", err)
			}
			envelope, err := events.ParseEnvelope(body)
			if err != nil {
				return nil, a.failed(ctx, "read the registry", err)
			}
			one.Line1 = string(envelope.Line1())
			for _, line := range envelope.Lines {
				if bytes.Contains(line, []byte(known.Recipient)) {
					one.Line = string(line)
				}
			}
		}
		out.Body.Authorities = append(out.Body.Authorities, one)
	}
	return out, nil
}
