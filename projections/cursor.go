package projections

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/projections/store"
)

// cursor says where the next page of a query begins, and of which query. It is no
// secret and grants nothing: whoever makes one up gets rows that another query of
// theirs would give.
type cursor struct {
	Query  string `json:"q"` // of which query
	AsOf   uint64 `json:"n"` // tree size of the first page
	Change uint64 `json:"c"` // of the last row
	Text   string `json:"t,omitempty"`
	// Integer and Number are the order column's, where it isn't text.
	Integer int64   `json:"i,omitempty"`
	Number  float64 `json:"f,omitempty"`
}

// maxCursor bounds a cursor, in bytes.
const maxCursor = 4096

// fingerprint is of what a cursor is bound to: view, its version, order and conditions.
func (q *Query) fingerprint(v *View) string {
	b, _ := json.Marshal(struct {
		View      string
		Version   int
		Where     []Condition
		Within    []Among
		AsOf      uint64
		Ascending bool
	}{v.Name, v.Version, q.Where, q.Within, q.AsOf, q.Ascending})
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func (c *cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads a cursor, in its one written form, and checks that it is of a
// query.
func parseCursor(s, fingerprint string) (*cursor, error) {
	bad := &QueryError{Problem: "the cursor is none of a page of this view"}
	if len(s) > maxCursor {
		return nil, bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, bad
	}
	c := new(cursor)
	if err := jsonv2.Unmarshal(b, c); err != nil || c.String() != s || c.AsOf > 1<<53 || c.Change > 1<<53 {
		return nil, bad
	}
	if c.Query != fingerprint {
		return nil, &QueryError{
			Problem: "the cursor is of another query",
			hint:    "ask with the view, conditions, as-of size and order that the page before was asked with",
		}
	}
	return c, nil
}

// place is where the page begins, in a table.
func (c *cursor) place(s *schema) *store.Place {
	p := &store.Place{Change: c.Change, Order: c.Text}
	if s.order >= 0 {
		switch s.columns[s.order].Kind.stored() {
		case store.Integer:
			p.Order = c.Integer
		case store.Real:
			p.Order = c.Number
		}
	}
	return p
}

// after makes the cursor follow a version.
func (c *cursor) after(s *schema, v *store.Version) {
	c.Change = v.Change
	if s.order < 0 {
		return
	}
	switch value := v.Values[s.order].(type) {
	case string:
		c.Text = value
	case int64:
		c.Integer = value
	case float64:
		c.Number = value
	}
}
