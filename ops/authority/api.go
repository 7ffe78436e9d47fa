package authority

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/projections/api/apiclient"
)

// apiLife is how long a token for a few questions is valid.
const apiLife = 10 * time.Minute

// origin returns the ledger's name.
func (r *Registrar) origin() (string, error) {
	if r.home != nil {
		return r.home.Origin, nil
	}
	grant, err := r.member.Grant()
	if err != nil {
		return "", err
	}
	return grant.Ledger.Origin, nil
}

func (r *Registrar) baseURL() (string, error) {
	if r.home != nil {
		return r.addresses.LocalURL(), nil
	}
	grant, err := r.member.Grant()
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(grant.HTTP, "/"), nil
}

// token makes a bearer token for the API, signed by the authority's own key.
func (r *Registrar) token() (string, error) {
	origin, err := r.origin()
	if err != nil {
		return "", err
	}
	return token.Mint(r.signer, r.name, origin, time.Now(), apiLife)
}

// ask gets an answer from the API.
func (r *Registrar) ask(ctx context.Context, path string, query url.Values, answer any) error {
	return r.askWith(ctx, http.MethodGet, path, query, nil, answer)
}

// askWith gets an answer to a question that is a JSON document, if it isn't nil.
func (r *Registrar) askWith(ctx context.Context, method, path string, query url.Values, question, answer any) error {
	base, err := r.baseURL()
	if err != nil {
		return err
	}
	c := apiclient.Client{Base: base, Token: r.token}
	return c.SendJSON(ctx, method, path, query, question, answer)
}

// rows gets all rows of a view that satisfy conditions, decoded into T.
func rows[T any](ctx context.Context, r *Registrar, view string, where url.Values) ([]T, error) {
	var all []T
	query := url.Values{"limit": {"1000"}}
	for column, values := range where {
		query[column] = values
	}
	for {
		var page struct {
			Rows []T    `json:"rows"`
			Next string `json:"next"`
		}
		if err := r.ask(ctx, "/v1/views/"+view, query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Rows...)
		if page.Next == "" {
			return all, nil
		}
		query.Set("cursor", page.Next)
	}
}
