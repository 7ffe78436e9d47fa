package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// remotePage is a page as the API answers with it.
type remotePage struct {
	Rows    []map[string]any     `json:"rows"`
	Columns []projections.Column `json:"columns"`
	Next    string               `json:"next,omitempty"`
	Size    uint64               `json:"size"`
	Now     time.Time            `json:"now"`
	Root    string               `json:"root"`
}

// viewElsewhere asks the node for rows of a view, in the name of whose home it is.
func viewElsewhere(c *cli.Context, view string, q projections.Query) error {
	h, err := joining(homeOf(c))
	if err != nil {
		return err
	}
	grant, err := h.Grant()
	if err != nil {
		return err
	}
	text, err := mint(h, time.Minute)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context, time.Minute)
	defer cancel()
	var list struct {
		Views []struct {
			Name    string               `json:"name"`
			Columns []projections.Column `json:"columns"`
		} `json:"views"`
	}
	if err := ask(ctx, grant.HTTP+"/v1/views", text, &list); err != nil {
		return err
	}
	var names []string
	var page remotePage
	for _, v := range list.Views {
		if names = append(names, v.Name); v.Name == view {
			page.Columns = v.Columns
		}
	}
	if page.Columns == nil {
		return hinted{usage("there is no view %q within the mandate", view), "there are " + strings.Join(names, ", ")}
	}
	if c.String("columns") == "?" {
		return columnsResult(page.Columns).print(c)
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
	columns := page.Columns
	if err := ask(ctx, grant.HTTP+"/v1/views/"+view+"?"+values.Encode(), text, &page); err != nil {
		return err
	}
	page.Columns = columns
	out, err := remoteResult(view, page, c.String("columns"), formatOf(c) == "csv")
	if err != nil {
		return err
	}
	return out.print(c)
}

// remotePager is [pager] for a home whose node is elsewhere.
func remotePager(c *cli.Context) (page func(view string, q projections.Query) ([]events.Ref, string, error), _ io.Closer, _ error) {
	h, err := joining(homeOf(c))
	if err != nil {
		return nil, nil, err
	}
	grant, err := h.Grant()
	if err != nil {
		return nil, nil, err
	}
	return func(view string, q projections.Query) ([]events.Ref, string, error) {
		text, err := mint(h, time.Minute)
		if err != nil {
			return nil, "", err
		}
		ctx, cancel := context.WithTimeout(c.Context, time.Minute)
		defer cancel()
		values := url.Values{"limit": {strconv.Itoa(q.Limit)}, "order": {"asc"}}
		if q.AsOf > 0 {
			values.Set("as_of", strconv.FormatUint(q.AsOf, 10))
		}
		if q.Cursor != "" {
			values.Set("cursor", q.Cursor)
		}
		for _, w := range q.Where {
			values.Add("where", w.String())
		}
		var p struct {
			Rows []struct {
				Ref      string   `json:"ref"`
				Evidence []string `json:"evidence"`
			} `json:"rows"`
			Next string `json:"next"`
		}
		if err := ask(ctx, grant.HTTP+"/v1/views/"+url.PathEscape(view)+"?"+values.Encode(), text, &p); err != nil {
			return nil, "", err
		}
		var refs []events.Ref
		for _, row := range p.Rows {
			names := row.Evidence
			if row.Ref != "" {
				names = []string{row.Ref}
			}
			for _, name := range names {
				ref, err := events.ParseRef(name)
				if err != nil {
					return nil, "", fmt.Errorf("the node's answer: %w", err)
				}
				refs = append(refs, ref)
			}
		}
		return refs, p.Next, nil
	}, io.NopCloser(nil), nil
}

// ask gets a document of the API's. What the API says is wrong with the question has
// the status of wrong usage.
func ask(ctx context.Context, address, token string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return hinted{err, "is the ledger's node running, and reached from here?"}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		var p struct {
			Detail string `json:"detail"`
		}
		if json.Unmarshal(body, &p) != nil || p.Detail == "" {
			p.Detail = "the node answered " + response.Status
		}
		switch response.StatusCode {
		case http.StatusUnprocessableEntity:
			return usage("%s", p.Detail)
		case http.StatusUnauthorized, http.StatusForbidden:
			return hinted{fmt.Errorf("%s", p.Detail), "ask the authority what the mandate is"}
		}
		return fmt.Errorf("%s", p.Detail)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	return decoder.Decode(into)
}

func remoteResult(view string, page remotePage, chosen string, all bool) (result, error) {
	kinds := map[string]projections.Kind{}
	var names []string
	for _, column := range page.Columns {
		kinds[column.Name] = column.Kind
		if all {
			names = append(names, column.Name)
		}
	}
	switch {
	case chosen != "":
		names = strings.Split(chosen, ",")
		for _, name := range names {
			if kinds[name] == "" {
				return result{}, hinted{usage("%s has no column %q", view, name), "--columns '?' lists them"}
			}
		}
	case !all:
		names = slices.DeleteFunc(slices.Clone(brief(view)), func(name string) bool { return kinds[name] == "" })
	}
	out := result{document: page, columns: names}
	if chosen == "" {
		out.spare = spare(view)
	}
	for _, row := range page.Rows {
		line := make([]any, len(names))
		for i, name := range names {
			line[i] = viewCell(typed(kinds[name], row[name]), all)
			if facility, ok := row["facilityName"].(string); name == "facility" && !all && chosen == "" && ok && facility != "" {
				line[i] = facilityCell(fmt.Sprint(line[i]), facility)
			}
		}
		out.rows = append(out.rows, line)
	}
	out.note = fmt.Sprintf("%d rows, as of tree size %d (%s)", len(page.Rows), page.Size, page.Now.Format(time.RFC3339))
	if page.Next != "" {
		out.note += "; the next page: --cursor " + page.Next
	}
	return out, nil
}

// typed makes of a value as JSON has it one as the store does.
func typed(kind projections.Kind, v any) any {
	switch v := v.(type) {
	case string:
		if kind != projections.KindTime {
			return v
		}
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return v
		}
		return t
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
