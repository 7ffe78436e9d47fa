package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/projections"
)

// viewList is what there is to look at.
type viewList struct {
	Views []viewSummary `json:"views" nullable:"false"`
	// Size and Now are how far the views have come.
	Size uint64    `json:"size" doc:"leaves that the views have seen"`
	Tree uint64    `json:"tree" doc:"leaves that the newest checkpoint covers: where that is more, and stays so, the views stand still"`
	Now  time.Time `json:"now" doc:"the time received of the last of them, at the latest: the views' only clock"`
}

type viewSummary struct {
	Name    string               `json:"name"`
	Title   string               `json:"title" doc:"what it answers"`
	Version int                  `json:"version" doc:"rises when the same leaves would give other rows"`
	Columns []projections.Column `json:"columns" nullable:"false"`
	Rows    string               `json:"rows" doc:"path of its rows"`
	Feed    string               `json:"feed" doc:"path of its changes, as server-sent events"`
}

func viewPath(name string) string { return "/v1/views/" + name }

func feedPath(name string) string { return "/v1/feeds/" + name + "/events" }

type viewListOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         viewList
}

func (a *api) registerViews() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-views", Method: http.MethodGet, Path: "/v1/views", Tags: []string{"views"},
		Summary: "What views there are, and their columns", Security: mandate(), Errors: []int{401, 403, 500},
		RejectUnknownQueryParameters: true,
	}, a.listViews)
	for _, v := range a.views {
		op := huma.Operation{
			OperationID: "list-" + v.Name, Method: http.MethodGet, Path: viewPath(v.Name), Tags: []string{"views"},
			Summary:     v.Title,
			Description: "Rows of the view as of a tree size. Every column is a parameter, for equal; where= takes any condition. All are within the mandate.",
			Parameters:  columnParameters(v.columns),
			Responses:   a.pageResponses(v),
			Security:    mandate(),
			Errors:      []int{401, 403, 414, 422, 500, 503},
		}
		huma.Register(a.huma, op, func(ctx context.Context, in *listInput) (*listOutput, error) { return a.list(ctx, v, in) })
	}
}

func (a *api) listViews(ctx context.Context, _ *struct{}) (*viewListOutput, error) {
	if err := mayView(granteeOf(ctx)); err != nil {
		return nil, err
	}
	position, err := a.Store.Position(ctx)
	if err != nil {
		return nil, a.failed(ctx, "read how far the views have come", err)
	}
	checkpoint, err := a.Ledger.Checkpoint(ctx)
	if err != nil {
		return nil, a.failed(ctx, "read the checkpoint", err)
	}
	out := &viewListOutput{CacheControl: "private, no-cache", Body: viewList{Size: position.Size, Tree: checkpoint.Size, Now: position.Now, Views: []viewSummary{}}}
	for _, v := range a.views {
		if !v.visible(granteeOf(ctx)) {
			continue
		}
		out.Body.Views = append(out.Body.Views, viewSummary{
			Name: v.Name, Title: v.Title, Version: v.Version, Columns: v.shown, Rows: viewPath(v.Name), Feed: feedPath(v.Name),
		})
	}
	return out, nil
}

// queryTime bounds the reading of a page.
const queryTime = 20 * time.Second

// listOutput is a page in any of the formats.
type listOutput struct {
	Status       int
	ContentType  string `header:"Content-Type" hidden:"true"`
	CacheControl string `header:"Cache-Control" hidden:"true"`
	Vary         string `header:"Vary" hidden:"true"`
	ETag         string `header:"ETag" doc:"of this page, in this format"`
	Link         string `header:"Link" doc:"rel=next: the next page (RFC 8288)"`
	Size         string `header:"Saksi-Size" doc:"the tree size that the rows are of"`
	Root         string `header:"Saksi-Root" doc:"the root of that tree"`
	Now          string `header:"Saksi-Now" doc:"the views' time at that size"`
	Body         []byte
}

func (a *api) list(ctx context.Context, v viewInfo, in *listInput) (*listOutput, error) {
	grantee := granteeOf(ctx)
	scope, err := scopeOf(grantee, v)
	if err != nil {
		return nil, err
	}
	q, err := in.query(v.columns)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	page, err := a.rows(ctx, grantee, v, q, scope)
	if p, ok := queryProblem(err); ok {
		return nil, p
	} else if err != nil {
		return nil, a.failed(ctx, "read the view", err)
	}
	if page.Root == (tlog.Hash{}) {
		if page.Root, err = a.Ledger.Root(ctx, page.Size); err != nil {
			return nil, a.failed(ctx, "read the tree", err)
		}
	}
	out := &listOutput{
		Status: http.StatusOK, CacheControl: "private, no-cache", Vary: "Accept, Authorization",
		Size: strconv.FormatUint(page.Size, 10), Root: page.Root.String(), Now: page.Now.UTC().Format(time.RFC3339Nano),
	}
	format := in.format()
	out.ContentType = mediaTypes[format]
	if out.Body, err = marshalPage(format, v, &page); err != nil {
		return nil, a.failed(ctx, "write the rows", err)
	}
	if page.Next != "" {
		out.Link = fmt.Sprintf("<%s>; rel=\"next\"", in.next(page.Next))
	}
	out.ETag = etag(out.Body, out.Link, out.Size, out.Root)
	if matches(in.ETag, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

// rows answers a query within a scope.
func (a *api) rows(ctx context.Context, g token.Grantee, v viewInfo, q projections.Query, s scope) (projections.Page, error) {
	q.Within = s
	if !g.Bounded() {
		return a.Store.Rows(ctx, v.Name, q)
	}
	if q.Cursor != "" {
		cursor, ok := a.seal.show(cursorUse, q.Cursor)
		if !ok {
			cursor = "-" // which is none
		}
		q.Cursor = cursor
	}
	page, err := a.Store.Rows(ctx, v.Name, q)
	if page.Next != "" {
		page.Next = a.seal.hide(cursorUse, page.Next, false)
	}
	return page, err
}

// cursorUse is what cursors are sealed for.
const cursorUse = "cursor"

// matches tells whether If-None-Match holds an ETag (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}
