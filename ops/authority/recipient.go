package authority

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/disclosures"
)

// Rotated is what came of rotating a recipient.
type Rotated struct {
	Recipient   string                  `json:"recipient"`
	Leaf        uint64                  `json:"leaf"` // that says so; 0: it was on record already
	Reencrypted disclosures.Reencrypted `json:"reencrypted"`
}

// RotateRecipient makes another identity to read with, puts it on record, and has all that
// is kept for the old one encrypted anew: of the authority that runs the ledger at its
// node, of one with a seat by the headers that the node hands out. It may be repeated
// after an interruption. What can't be opened is named, and holds nothing up: anybody can
// send what says to be for this authority and is for nobody.
func (r *Registrar) RotateRecipient(ctx context.Context, reason string) (*Rotated, error) {
	fail := func(err error) (*Rotated, error) {
		return nil, fmt.Errorf("rotate the recipient of %s: %w", r.name, err)
	}
	next, old, err := r.successor()
	if err != nil {
		return fail(err)
	}
	out := &Rotated{Recipient: next.Recipient().String()}
	now, err := r.recipient(ctx)
	if err != nil {
		return fail(err)
	}
	if now != out.Recipient {
		rotated := events.RecipientRotated{Authority: r.name, Recipient: out.Recipient, Previous: now, Reason: reason}
		if out.Leaf, err = r.say(ctx, vocabulary.RecipientRotated.Of(rotated)); err != nil {
			return fail(err)
		}
	}
	var done *disclosures.Reencrypted
	switch {
	case old == nil:
		done = &disclosures.Reencrypted{}
	case r.home != nil:
		done, err = r.reencrypt(ctx, old, next)
	default:
		done, err = r.rewrap(ctx, old, next)
	}
	if err != nil {
		return fail(err)
	}
	out.Reencrypted = *done
	if r.home != nil {
		return out, r.home.PromoteIdentity()
	}
	return out, r.member.PromoteIdentity()
}

// successor returns the next identity and the one to read with, nil if there is none.
func (r *Registrar) successor() (next, old *age.X25519Identity, err error) {
	if r.home != nil {
		next, err = r.home.NextIdentity()
	} else {
		next, err = r.member.NextIdentity()
	}
	if err != nil {
		return nil, nil, err
	}
	if r.home != nil {
		old, err = r.home.ReadingIdentity()
	} else {
		old, err = r.member.ReadingIdentity()
	}
	if errors.Is(err, os.ErrNotExist) {
		return next, nil, nil
	}
	return next, old, err
}

// recipient returns what the registry has; empty if none.
func (r *Registrar) recipient(ctx context.Context) (string, error) {
	if r.home != nil {
		registry, err := writer.ReadRegistry(r.home.LedgerDir())
		if err != nil {
			return "", err
		}
		all := registry.Authorities()
		return all[slices.IndexFunc(all, func(a admission.Authority) bool { return a.Name == r.name })].Recipient, nil
	}
	var answer struct {
		Authorities []struct {
			Authority string `json:"authority"`
			Recipient string `json:"recipient"`
		} `json:"authorities"`
	}
	if err := r.ask(ctx, "/v1/authorities", nil, &answer); err != nil {
		return "", err
	}
	for _, a := range answer.Authorities {
		if a.Authority == r.name {
			return a.Recipient, nil
		}
	}
	return "", fmt.Errorf("the ledger has no authority %s", r.name)
}

func (r *Registrar) reencrypt(ctx context.Context, old, next *age.X25519Identity) (*disclosures.Reencrypted, error) {
	c, nc, err := r.custody(ctx)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	return c.Reencrypt(ctx, old, next.Recipient().String())
}

// aHeader is a header of a message as the API has it.
type aHeader struct {
	Place   uint64 `json:"place"`
	Message string `json:"message"`
	Header  []byte `json:"header"`
}

// rewrapped is how many headers are sent at once.
const rewrapped = 200

// rewrap encrypts what is kept anew by its headers: what they are the headers of never
// leaves the node, so that nothing is read.
func (r *Registrar) rewrap(ctx context.Context, old, next *age.X25519Identity) (*disclosures.Reencrypted, error) {
	out := &disclosures.Reencrypted{}
	query := url.Values{"recipient": {old.Recipient().String()}}
	for {
		var page struct {
			Headers []aHeader `json:"headers"`
			Next    uint64    `json:"next"`
		}
		if err := r.ask(ctx, "/v1/disclosures/headers", query, &page); err != nil {
			return nil, err
		}
		var again []aHeader
		for _, h := range page.Headers {
			header, err := disclosed.Rewrap(h.Header, old, next)
			if err != nil {
				out.Fail(fmt.Sprintf("message %s: %v", h.Message, err))
				continue
			}
			h.Header = header
			again = append(again, h)
		}
		for some := range slices.Chunk(again, rewrapped) {
			question := map[string]any{"recipient": old.Recipient().String(), "headers": some}
			var answer struct {
				Done int `json:"done"`
			}
			if err := r.askWith(ctx, http.MethodPost, "/v1/disclosures/headers", nil, question, &answer); err != nil {
				return nil, err
			}
			out.Done += answer.Done
		}
		if page.Next == 0 {
			return out, nil
		}
		query.Set("cursor", strconv.FormatUint(page.Next, 10))
	}
}
