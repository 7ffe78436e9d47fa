package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/projections"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// remoteRows asks a node for rows of views, in the name of whose home it is.
type remoteRows struct {
	party party
	http  string
	known map[string][]projections.Column
	names []string
}

func openRemoteRows(dir string) (*remoteRows, error) {
	h, err := openParty(dir)
	if err != nil {
		return nil, err
	}
	grant, err := h.Grant()
	if err != nil {
		return nil, err
	}
	return &remoteRows{party: h, http: grant.HTTP}, nil
}

// Close implements [io.Closer].
func (r *remoteRows) Close() error { return nil }

func (r *remoteRows) columns(ctx context.Context, view string) ([]projections.Column, error) {
	if r.known == nil {
		var list struct {
			Views []struct {
				Name    string               `json:"name"`
				Columns []projections.Column `json:"columns"`
			} `json:"views"`
		}
		if err := r.ask(ctx, "/v1/views", &list); err != nil {
			return nil, err
		}
		r.known = map[string][]projections.Column{}
		for _, v := range list.Views {
			r.known[v.Name] = v.Columns
			r.names = append(r.names, v.Name)
		}
	}
	if r.known[view] == nil {
		do := "there are " + strings.Join(r.names, ", ")
		if near := hint.DidYouMean(view, r.names); near != "" {
			do = near + " " + do
		}
		return nil, hint.With(cmdline.Usage("there is no view %q within the mandate", view), do)
	}
	return r.known[view], nil
}

// remotePage is a page as the API answers with it.
type remotePage struct {
	Rows    []map[string]any     `json:"rows"`
	Columns []projections.Column `json:"columns"`
	Next    string               `json:"next,omitempty"`
	Size    uint64               `json:"size"`
	Now     time.Time            `json:"now"`
	Root    string               `json:"root"`
}

func (r *remoteRows) page(ctx context.Context, view string, q projections.Query) (*viewPage, error) {
	columns, err := r.columns(ctx, view)
	if err != nil {
		return nil, err
	}
	values := url.Values{"limit": {strconv.Itoa(q.Limit)}, "order": {"desc"}}
	if q.Ascending {
		values.Set("order", "asc")
	}
	if q.AsOf > 0 {
		values.Set("as_of", strconv.FormatUint(q.AsOf, 10))
	}
	if q.Cursor != "" {
		values.Set("cursor", q.Cursor)
	}
	for _, w := range q.Where {
		values.Add("where", w.String())
	}
	var p remotePage
	if err := r.ask(ctx, "/v1/views/"+url.PathEscape(view)+"?"+values.Encode(), &p); err != nil {
		return nil, err
	}
	p.Columns = columns
	kinds := map[string]projections.Kind{}
	for _, c := range columns {
		kinds[c.Name] = c.Kind
	}
	page := &viewPage{document: p, next: p.Next, size: p.Size, now: p.Now}
	for _, row := range p.Rows {
		cells := make(map[string]any, len(row))
		for name, value := range row {
			cells[name] = typed(kinds[name], value)
		}
		page.rows = append(page.rows, cells)
		name, _ := row["facilityName"].(string)
		page.names = append(page.names, name)
	}
	return page, nil
}

// ask gets a document of the API's. What the API says is wrong with the question has
// the status of wrong usage.
func (r *remoteRows) ask(ctx context.Context, path string, into any) error {
	token, err := mint(r.party, time.Minute)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.http+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return hint.With(err, "is the ledger's node running, and reached from here?")
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return problemOf(response, body)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// problemOf reads the problem that an API answers with (RFC 9457), with what is wrong
// with each parameter.
func problemOf(response *http.Response, body []byte) error {
	var p struct {
		Detail string `json:"detail"`
		Errors []struct {
			Message  string `json:"message"`
			Location string `json:"location"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		p.Detail = "the node answered " + response.Status
	}
	for _, e := range p.Errors {
		where := strings.TrimPrefix(e.Location, "query.")
		p.Detail += fmt.Sprintf("; %s: %s", where, e.Message)
	}
	switch response.StatusCode {
	case http.StatusUnprocessableEntity:
		return cmdline.Usage("%s", p.Detail)
	case http.StatusUnauthorized, http.StatusForbidden:
		return hint.With(errors.New(p.Detail), "ask the authority what the mandate is")
	}
	return errors.New(p.Detail)
}

// typed makes of a value as JSON has it one as the store does.
func typed(kind projections.Kind, v any) any {
	switch v := v.(type) {
	case string:
		switch kind {
		case projections.KindTime:
			if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
				return t
			}
		case projections.KindRef:
			if ref, err := events.ParseRef(v); err == nil {
				return ref
			}
		}
		return v
	case []any:
		texts := make([]string, len(v))
		refs := make(events.Refs, 0, len(v))
		for i, e := range v {
			texts[i] = fmt.Sprint(e)
			if ref, err := events.ParseRef(texts[i]); err == nil {
				refs = append(refs, ref)
			}
		}
		if kind == projections.KindRefs && len(refs) == len(texts) {
			return refs
		}
		return texts
	}
	return v
}
