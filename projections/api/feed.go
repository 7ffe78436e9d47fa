package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

const (
	// feedBatch is how many changes are read from the store at a time.
	feedBatch = 200
	// heartbeat is how often a stream shows that it lives, and looks whether who
	// reads it still may.
	heartbeat = 15 * time.Second
	// slowest is how long a reader may leave what is sent to it untaken. Then it is
	// dropped, and can come back for the rest.
	slowest = 10 * time.Second
	// retryAfter is what a reader that was dropped is told to wait, in milliseconds.
	retryAfter = 2000
)

// feedInput asks for a view's changes.
type feedInput struct {
	LastEventID string `header:"Last-Event-ID" maxLength:"256" doc:"the id of the last event that was seen: view's version, a slash, number of the change; sealed where the mandate is bounded"`
	After       uint64 `query:"after" maximum:"9007199254740991" doc:"begin after this change, where there is no Last-Event-ID"`

	raw string
}

// Resolve keeps what huma has no field for.
func (in *feedInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.raw = u.RawQuery
	return nil
}

// begin returns the change after which a stream begins. Changes of a lower version
// were other ones: after those, all of this version come.
func (in *feedInput) begin(version int) (uint64, error) {
	if in.LastEventID == "" {
		return in.After, nil
	}
	before, after, _ := strings.Cut(in.LastEventID, "/")
	v, err := strconv.ParseUint(before, 10, 31)
	change, err2 := strconv.ParseUint(after, 10, 53)
	switch {
	case err != nil || err2 != nil:
		return 0, problem(http.StatusUnprocessableEntity, "Last-Event-ID %.80q is no event's id: want VERSION/CHANGE", in.LastEventID)
	case int(v) > version:
		return 0, problem(http.StatusUnprocessableEntity, "Last-Event-ID %s is of a later version of the view: here it is %d", in.LastEventID, version)
	case int(v) < version:
		return 0, nil
	}
	return change, nil
}

// open opens the mark of somebody whose mandate is bounded. A number would not do: by
// asking for one after the other it could be found out how many changes there are.
func (in *feedInput) open(s *seal, view string) error {
	if in.After > 0 {
		return problem(http.StatusUnprocessableEntity, "after= counts all changes, and the mandate is bounded: want Last-Event-ID")
	}
	if in.LastEventID == "" {
		return nil
	}
	mark, ok := s.show(feedUse+view, in.LastEventID)
	if !ok {
		return problem(http.StatusUnprocessableEntity, "Last-Event-ID %.80q is no id of an event of this feed, or one of before the server's secret changed: begin anew without", in.LastEventID)
	}
	in.LastEventID = mark
	return nil
}

// feedUse, and the view's name, is what ids of changes are sealed for.
const feedUse = "feed/"

func (a *api) registerFeeds() {
	for _, v := range a.views {
		params := slices.DeleteFunc(columnParameters(v.columns), func(p *huma.Param) bool { return p.Name == "key" })
		huma.Register(a.huma, huma.Operation{
			OperationID: "follow-" + v.Name, Method: http.MethodGet, Path: feedPath(v.Name), Tags: []string{"feeds"},
			Summary: "Changes of " + v.Name + ", as they happen",
			Description: "All changes from the beginning, or after Last-Event-ID, then further ones as they come: nothing lost, nothing twice. " +
				"Conditions are on the row as it is after the change.",
			Parameters: params, Responses: a.feedResponses(v), Security: mandate(),
			Errors: []int{401, 403, 414, 422, 500, 503},
		}, func(ctx context.Context, in *feedInput) (*huma.StreamResponse, error) { return a.feed(ctx, v, in) })
	}
}

func (a *api) feed(ctx context.Context, v viewInfo, in *feedInput) (*huma.StreamResponse, error) {
	grantee := granteeOf(ctx)
	scope, err := scopeOf(grantee, v)
	if err != nil {
		return nil, err
	}
	where, err := parseWhere(v.columns, in.raw)
	if err != nil {
		return nil, err
	}
	if err := a.Store.Check(v.Name, projections.Query{Where: where}); err != nil {
		if p, ok := queryProblem(err); ok {
			return nil, p
		}
		return nil, a.failed(ctx, "read the view", err)
	}
	if grantee.Bounded() {
		if err := in.open(a.seal, v.Name); err != nil {
			return nil, err
		}
	}
	after, err := in.begin(v.Version)
	if err != nil {
		return nil, err
	}
	if err := a.known(ctx, v, after); err != nil {
		return nil, err
	}
	leave, ok := a.streams.enter(grantee.Name)
	if !ok {
		err := problem(http.StatusServiceUnavailable, "there are as many streams as can be")
		return nil, huma.ErrorWithHeaders(err, http.Header{"Retry-After": {"10"}})
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer leave()
		request, w := humago.Unwrap(hctx)
		original, _ := ctx.Value(requestKey{}).(*http.Request)
		s := &stream{
			api: a, view: v, after: after, filter: newFilter(v, scope, where),
			grantee: grantee, request: original, w: w, control: http.NewResponseController(w),
		}
		s.run(request.Context())
	}}, nil
}

// known is a problem for those who have seen a change that isn't there: they would
// wait for later ones and miss those that come before.
func (a *api) known(ctx context.Context, v viewInfo, change uint64) error {
	if change == 0 {
		return nil
	}
	changes, err := a.Store.Changes(ctx, v.Name, change-1, 1)
	if err != nil {
		return a.failed(ctx, "read the view", err)
	}
	if len(changes) > 0 {
		return nil
	}
	position, err := a.Store.Position(ctx)
	if err != nil {
		return a.failed(ctx, "read how far the views have come", err)
	}
	if checkpoint, err := a.Ledger.Checkpoint(ctx); err == nil && position.Size < checkpoint.Size {
		err := problem(http.StatusServiceUnavailable, "the view is being made, and has not come to change %d yet", change)
		return huma.ErrorWithHeaders(err, http.Header{"Retry-After": {"10"}})
	}
	return problem(http.StatusUnprocessableEntity, "Last-Event-ID %d/%d is of a change that there hasn't been yet", v.Version, change)
}

// stream is one reader of a feed.
type stream struct {
	*api
	view    viewInfo
	after   uint64 // the last change that was looked at
	told    uint64 // the last change whose number the reader has
	filter  *filter
	grantee token.Grantee
	request *http.Request
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  bytes.Buffer
}

// run sends changes until the reader leaves, is too slow or may no longer read, or
// the store fails. Whatever was sent is whole up to the last empty line.
func (s *stream) run(ctx context.Context) {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if s.request.Method == http.MethodHead {
		return
	}
	s.control.SetReadDeadline(time.Time{})        // a server's ReadTimeout would end the request
	defer s.control.SetWriteDeadline(time.Time{}) // the connection may have further ones
	fmt.Fprintf(&s.buffer, "retry: %d\n\n", retryAfter)
	if s.flush() != nil {
		return
	}
	beat := time.NewTicker(s.beat)
	defer beat.Stop()
	for {
		// Taken before the store is asked: what comes in between wakes it.
		woken := s.streams.next()
		more, err := s.send(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.Log.Warn("a stream of changes was ended", "view", s.view.Name, "reader", s.grantee.Name, "error", err)
			}
			return
		}
		if more {
			select {
			case <-beat.C:
				if !s.stillMay() {
					return
				}
			case <-s.Done:
				return
			default:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.Done:
			return
		case <-woken:
		case <-beat.C:
			s.mark()
			if !s.stillMay() || s.flush() != nil {
				return
			}
		}
	}
}

// send sends the next changes, and says whether there may be more at once.
func (s *stream) send(ctx context.Context) (more bool, err error) {
	changes, err := s.Store.Changes(ctx, s.view.Name, s.after, feedBatch)
	if err != nil {
		return false, err
	}
	for i := range changes {
		c := &changes[i]
		row, ok, err := s.filter.match(ctx, s.Store, c)
		if err != nil {
			return false, err
		}
		s.after = c.Number
		if !ok {
			continue
		}
		if err := s.event(c, row); err != nil {
			return false, err
		}
		s.told = c.Number
	}
	if len(changes) == feedBatch && s.told < s.after && !s.grantee.Bounded() {
		s.mark() // or a reader that comes back would have us look at them all again
	}
	return len(changes) == feedBatch, s.flush()
}

// event writes an event: the CloudEvent that the feed's subscribers get.
func (s *stream) event(c *projections.Change, row json.RawMessage) error {
	mark, number := s.id(c.Number, false), c.Number
	if s.grantee.Bounded() {
		number = 0
	}
	data, err := marshal(feeds.Event{
		SpecVersion: "1.0", ID: s.view.Name + "/" + mark, Source: "/" + s.Keys.Origin() + "/views",
		Type: "saksi.feed." + s.view.Name + ".v1", Subject: c.Key, Time: c.Now.UTC(), ContentType: "application/json",
		Data: feeds.Data{Change: number, Leaf: c.Leaf, Size: c.Leaf + 1, Kind: c.Kind, Key: c.Key, Row: row},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(&s.buffer, "id: %s\ndata: %s\n\n", mark, data)
	return nil
}

// mark tells the reader how far it is without an event: a block with an id alone
// sets Last-Event-ID.
func (s *stream) mark() {
	fmt.Fprintf(&s.buffer, ":\nid: %s\n\n", s.id(s.after, true))
	s.told = s.after
}

// id is the id of a change: sealed for somebody whose mandate is bounded, and afresh
// where it would otherwise tell whether there were changes that weren't sent.
func (s *stream) id(change uint64, fresh bool) string {
	id := strconv.Itoa(s.view.Version) + "/" + strconv.FormatUint(change, 10)
	if !s.grantee.Bounded() {
		return id
	}
	return s.api.seal.hide(feedUse+s.view.Name, id, fresh)
}

// flush sends what was written, to a reader who takes it in time.
func (s *stream) flush() error {
	if s.buffer.Len() == 0 {
		return nil
	}
	defer s.buffer.Reset()
	s.control.SetWriteDeadline(time.Now().Add(s.slowest))
	if _, err := s.w.Write(s.buffer.Bytes()); err != nil {
		return fmt.Errorf("the reader doesn't take it: %w", err)
	}
	return s.control.Flush()
}

// stillMay tells whether the reader's token is still good, and for the same.
func (s *stream) stillMay() bool {
	grantee, err := s.Who.Authenticate(s.request)
	return err == nil && reflect.DeepEqual(grantee, s.grantee)
}

// filter is what changes a stream shows.
type filter struct {
	view  string
	scope scope
	// texts are conditions that are looked at here; the store looks at rest, one
	// change at a time.
	texts, rest []projections.Condition
}

func newFilter(v viewInfo, s scope, where []projections.Condition) *filter {
	f := &filter{view: v.Name, scope: s}
	for _, c := range where {
		text := slices.ContainsFunc(v.columns, func(column projections.Column) bool {
			return column.Name == c.Column && column.Kind == projections.KindText
		})
		if text && (c.Op == projections.Equal || c.Op == projections.NotEqual) {
			f.texts = append(f.texts, c)
		} else {
			f.rest = append(f.rest, c)
		}
	}
	return f
}

// match returns a change's row as JSON, and whether the stream shows it.
func (f *filter) match(ctx context.Context, store Store, c *projections.Change) (json.RawMessage, bool, error) {
	row, err := marshal(c.Row)
	if err != nil {
		return nil, false, err
	}
	var cells map[string]any
	if err := json.Unmarshal(row, &cells); err != nil {
		return nil, false, err
	}
	text := func(column string) string {
		s, _ := cells[column].(string)
		return s
	}
	if !f.scope.covers(text) {
		return nil, false, nil
	}
	for _, t := range f.texts {
		if (text(t.Column) == t.Value) != (t.Op == projections.Equal) {
			return nil, false, nil
		}
	}
	if len(f.rest) == 0 {
		return row, true, nil
	}
	q := projections.Query{
		Where: append([]projections.Condition{{Column: "key", Op: projections.Equal, Value: c.Key}}, f.rest...),
		AsOf:  c.Leaf + 1, Limit: 1,
	}
	if c.Kind == projections.Ended {
		q.AsOf = c.Leaf
	}
	page, err := store.Rows(ctx, f.view, q)
	return row, len(page.Rows) > 0, err
}
