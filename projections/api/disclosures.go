package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/projections"
)

// Disclosures is what operators have sent of a pseudonym, encrypted.
type Disclosures interface {
	// Page returns messages about an operator's pseudonym, see [disclosed.Parse], from the
	// place that the page before gave as next, which is 0 at the beginning and the end.
	Page(ctx context.Context, operator, actor string, from uint64) (messages [][]byte, next uint64, err error)
	// Headers returns the age headers of messages for a recipient, in pages likewise.
	Headers(ctx context.Context, recipient string, from uint64) (page []Header, next uint64, err error)
	// Rewrap puts another header on a message for a recipient, which wraps its key for
	// another. A [HeaderError] says that it is none that may be put there.
	Rewrap(ctx context.Context, recipient, next string, header Header) error
}

type disclosuresInput struct {
	Operator string `query:"operator" required:"true" maxLength:"40" doc:"whose pseudonym it is"`
	Actor    string `query:"actor" maxLength:"128" doc:"the pseudonym; empty: of events that name none, as those do that say what was produced on order"`
	Cursor   uint64 `query:"cursor" doc:"go on after the page that gave this as next"`
}

type disclosuresOutput struct {
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Body         disclosuresBody
}

type disclosuresBody struct {
	Disclosures []disclosure `json:"disclosures" nullable:"false"`
	Next        uint64       `json:"next,omitempty" doc:"cursor of the next page; absent: there is none. A page may be empty and have one"`
}

// disclosure is a message as the operator sent it, but for its form as JSON.
type disclosure struct {
	Recorder   string   `json:"recorder" doc:"operator/facility/recorder"`
	ID         string   `json:"id" doc:"the event's"`
	Event      string   `json:"event" doc:"digest of the event's line"`
	Recipients []string `json:"recipients" nullable:"false" doc:"age recipients"`
	Ciphertext []byte   `json:"ciphertext" doc:"an age file: a JSON array of RFC 9901 disclosures"`
}

func (a *api) registerDisclosures() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-disclosures", Method: http.MethodGet, Path: "/v1/disclosures", Tags: []string{"ledger"}, Security: mandate(),
		Summary: "What operators have disclosed of a pseudonym, encrypted to authorities",
		Description: "For an authority that has put on record, by saksi.registry.disclosure.revealed.v1, that it reads it: of the events that it\n" +
			"named there. What comes is encrypted, and proves nothing until it is opened and held to the events' digests.",
		Errors: []int{401, 403, 422, 500, 503}, RejectUnknownQueryParameters: true,
	}, a.disclosures)
	a.registerHeaders()
}

func (a *api) disclosures(ctx context.Context, in *disclosuresInput) (*disclosuresOutput, error) {
	g := granteeOf(ctx)
	switch {
	case g.Role == token.Public:
		return nil, problem(http.StatusUnauthorized, "disclosures are for authorities: want Authorization: Bearer TOKEN")
	case g.Role != token.Supervisor:
		return nil, problem(http.StatusForbidden, "the role %s is given no disclosures", g.Role)
	case a.Disclosed == nil:
		return nil, problem(http.StatusServiceUnavailable, "this server keeps no disclosures")
	}
	revealed, err := a.revealed(ctx, g, in.Operator, in.Actor)
	if err != nil {
		return nil, err
	}
	if len(revealed) == 0 {
		return nil, problem(http.StatusForbidden, "no leaf says that %s reads disclosures of this pseudonym: saksi person reveal puts that on record first", g.Name)
	}
	messages, next, err := a.Disclosed.Page(ctx, in.Operator, in.Actor, in.Cursor)
	if err != nil {
		return nil, a.failed(ctx, "read disclosures", err)
	}
	out := &disclosuresOutput{CacheControl: "no-store", Body: disclosuresBody{Disclosures: []disclosure{}, Next: next}}
	for _, text := range messages {
		m, err := disclosed.Parse(text)
		if err != nil || !slices.Contains(revealed, m.Event.String()) {
			continue
		}
		out.Body.Disclosures = append(out.Body.Disclosures, disclosure{m.Recorder, m.ID, m.Event.String(), m.Recipients, m.Ciphertext})
	}
	return out, nil
}

// revealed returns the digests of the events whose disclosures an authority has said, on
// record, that it reads, as far as its mandate covers them now.
func (a *api) revealed(ctx context.Context, g token.Grantee, operator, actor string) ([]string, error) {
	q := projections.Query{Limit: 1000, Where: []projections.Condition{
		{Column: "authority", Op: projections.Equal, Value: g.Name}, {Column: "operator", Op: projections.Equal, Value: operator},
		{Column: "actor.id", Op: projections.Equal, Value: actor}, {Column: "what", Op: projections.Equal, Value: string(events.RevealedDisclosure)},
	}}
	var digests []string
	for {
		page, err := a.Store.Rows(ctx, "reveals", q)
		if err != nil {
			return nil, a.failed(ctx, "read what was revealed", err)
		}
		for _, row := range page.Rows {
			cells := row.Cells()
			refs, _ := cells["events"].(events.Refs)
			name, _ := cells["recorder"].(string)
			recorder, err := events.ParseRecorder(name)
			if err != nil || !g.CoversSubject(recorder.Subject()) || !g.HasFamily(events.FamilyAccess) || g.ToCustomers() {
				continue
			}
			for _, ref := range refs {
				digest, err := a.digestOf(ctx, recorder, ref)
				if err != nil {
					return nil, a.failed(ctx, "read an event that was revealed", err)
				}
				digests = append(digests, digest)
			}
		}
		if page.Next == "" {
			return digests, nil
		}
		q.Cursor = page.Next
	}
}

// digestOf returns the digest of an event that a recorder said, whether it is still there or
// was erased. Admission held the recorder against the mandate, and can't tell whether
// the event is its.
func (a *api) digestOf(ctx context.Context, recorder events.Recorder, ref events.Ref) (string, error) {
	body, err := a.Ledger.Body(ctx, ref.Leaf)
	if err != nil {
		return "", err
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil || ref.Event >= len(envelope.Manifest.Events) || envelope.Manifest.Recorder != recorder {
		return "", nil // a rejected message, or a place that isn't there, or another's event: nothing is disclosed of it
	}
	return envelope.Manifest.Events[ref.Event].String(), nil
}
