package authority

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ledger/http/token"
)

const (
	// apiLife is how long a token for a few questions is good for.
	apiLife = 10 * time.Minute
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 64 << 20
	askTime   = 30 * time.Second
)

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

// problemError is a problem detail that the API answered with.
type problemError struct {
	Status int
	Detail string
}

func (e *problemError) Error() string { return e.Detail }

// ask gets an answer from the API.
func (r *Registrar) ask(ctx context.Context, path string, query url.Values, answer any) error {
	return r.askWith(ctx, http.MethodGet, path, query, nil, answer)
}

// askWith gets an answer to a question that is a JSON document, if it isn't nil.
func (r *Registrar) askWith(ctx context.Context, method, path string, query url.Values, question, answer any) error {
	fail := func(err error) error { return fmt.Errorf("ask the node for %s: %w", path, err) }
	base, err := r.baseURL()
	if err != nil {
		return err
	}
	bearer, err := r.token()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var body io.Reader
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return fail(err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, base+path+"?"+query.Encode(), body)
	if err != nil {
		return fail(err)
	}
	if question != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fail(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fail(err)
	case len(text) > maxAnswer:
		return fail(fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	case response.StatusCode != http.StatusOK:
		p := problemError{Status: response.StatusCode, Detail: response.Status}
		_ = json.Unmarshal(text, &p)
		return fail(&p)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fail(err)
	}
	return nil
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
