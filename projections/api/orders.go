package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/http/token"
)

type orderInput struct {
	Index uint64 `path:"index" doc:"leaf of the order"`
	Event int    `path:"event" minimum:"0" maximum:"1000" doc:"its place in the envelope, from 0"`
}

type orderOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         orderBody
}

type orderBody struct {
	Line1 string `json:"line1" doc:"line 1 of the leaf's envelope: its digest is in the leaf"`
	Line  string `json:"line" doc:"the order: its digest is in line 1"`
}

func (a *api) registerOrders() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-order", Method: http.MethodGet, Path: "/v1/orders/{index}/{event}", Tags: []string{"ledger"}, Security: mandate(),
		Summary: "An authority's order to produce, as it stands in the ledger",
		Description: "For the operator whom it is to, and for whose mandate covers it. Held against the proof of its leaf, nobody's word has to be taken\n" +
			"for it: what is ordered is on record.",
		Errors: []int{401, 403, 404, 422, 500}, RejectUnknownQueryParameters: true,
	}, a.order)
}

func (a *api) order(ctx context.Context, in *orderInput) (*orderOutput, error) {
	g := granteeOf(ctx)
	if g.Role == token.Public {
		return nil, problem(http.StatusUnauthorized, "orders need a mandate: want Authorization: Bearer TOKEN")
	}
	_, e, err := a.find(ctx, in.Index)
	if err != nil {
		return nil, err
	}
	none := problem(http.StatusNotFound, "event %d/%d is no order", in.Index, in.Event)
	if recorder, err := events.ParseSubject(e.Leaf.Subject); err != nil || !recorder.IsRegistry() || e.Leaf.Verdict != formats.Accepted {
		return nil, none
	}
	body, err := a.Ledger.Body(ctx, in.Index)
	if err != nil {
		return nil, a.failed(ctx, "read the order", err)
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil || in.Event >= len(envelope.Lines) {
		return nil, none
	}
	line := envelope.Lines[in.Event]
	event, err := events.ParseEvent(line)
	if err != nil || event.Type != events.TypeProductionOrdered {
		return nil, none
	}
	var data events.ProductionOrdered
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return nil, none
	}
	to, err := events.ParseRecorder(data.Recorder)
	switch {
	case err != nil:
		return nil, none
	case g.Role == token.Operator && to.Owner != g.Name,
		g.Role != token.Operator && (mayRead(g, e.Leaf) != nil || !g.CoversLine(envelope.Manifest.Recorder, line)):
		return nil, problem(http.StatusForbidden, "the mandate doesn't cover this order")
	}
	return &orderOutput{CacheControl: "private, no-store", Body: orderBody{string(envelope.Line1()), string(line)}}, nil
}
