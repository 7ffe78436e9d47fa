package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/projections"
)

// links lead from a row to what proves it.
type links struct {
	Entry string `json:"entry"`
	Proof string `json:"proof"`
}

func linksOf(leaf uint64) links {
	entry := "/v1/entries/" + strconv.FormatUint(leaf, 10)
	return links{Entry: entry, Proof: entry + "/proof"}
}

// pageBody is a page as JSON.
type pageBody struct {
	View string            `json:"view"`
	Size uint64            `json:"size"`
	Root string            `json:"root"`
	Now  time.Time         `json:"now"`
	Rows []json.RawMessage `json:"rows"`
	Next string            `json:"next,omitempty"`
}

func marshalPage(format string, v viewInfo, page *projections.Page) ([]byte, error) {
	if format == formatCSV {
		return marshalCSV(page.Columns, page.Rows)
	}
	rows := make([]json.RawMessage, len(page.Rows))
	for i := range page.Rows {
		var err error
		if rows[i], err = marshalRow(&page.Rows[i]); err != nil {
			return nil, err
		}
	}
	if format == formatLines {
		return append(bytes.Join(rawBytes(rows), []byte("\n")), strings.Repeat("\n", min(1, len(rows)))...), nil
	}
	return marshal(pageBody{View: v.Name, Size: page.Size, Root: page.Root.String(), Now: page.Now.UTC(), Rows: rows, Next: page.Next})
}

func rawBytes(rows []json.RawMessage) [][]byte {
	out := make([][]byte, len(rows))
	for i := range rows {
		out[i] = rows[i]
	}
	return out
}

// marshal leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// marshalRow writes a row's columns, with its links after them.
func marshalRow(row *projections.Row) (json.RawMessage, error) {
	b, err := marshal(row)
	if err != nil {
		return nil, err
	}
	more, err := json.Marshal(struct {
		Links links `json:"links"`
	}{linksOf(row.From)})
	if err != nil {
		return nil, err
	}
	b[len(b)-1] = ','
	return append(b, more[1:]...), nil
}

// marshalCSV writes rows as RFC 4180 has it, with a line of names. Foreign text is harmless to spreadsheets and
// terminals ([safetext.Cell]).
func marshalCSV(columns []projections.Column, rows []projections.Row) ([]byte, error) {
	var b []byte
	write := func(record []string) { b = append(safetext.AppendRow(b, record...), "\r\n"...) }
	record := []string{"key", "from_leaf"}
	for _, c := range columns {
		record = append(record, c.Name)
	}
	write(record)
	for i := range rows {
		cells := rows[i].Cells()
		record = append(record[:0], rows[i].Key, strconv.FormatUint(rows[i].From, 10))
		for _, c := range columns {
			text, err := cell(c.Kind, cells[c.Name])
			if err != nil {
				return nil, fmt.Errorf("row %q, column %s: %w", rows[i].Key, c.Name, err)
			}
			record = append(record, text)
		}
		write(record)
	}
	return b, nil
}

// cell writes a value: times as RFC 3339, nothing where there is none; lists with a
// space between their elements.
func cell(kind projections.Kind, value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case time.Time:
		if v.IsZero() {
			return "", nil
		}
		return v.UTC().Format(time.RFC3339Nano), nil
	case events.Ref:
		if v == (events.Ref{}) {
			return "", nil
		}
		return v.String(), nil
	case events.Refs:
		texts := make([]string, len(v))
		for i := range v {
			texts[i] = v[i].String()
		}
		return strings.Join(texts, " "), nil
	}
	v := reflect.ValueOf(value)
	switch kind {
	case projections.KindText:
		return v.String(), nil
	case projections.KindTexts:
		texts := make([]string, v.Len())
		for i := range texts {
			texts[i] = v.Index(i).String()
		}
		return strings.Join(texts, " "), nil
	case projections.KindInteger, projections.KindNumber, projections.KindBool:
		return fmt.Sprint(value), nil
	}
	return "", fmt.Errorf("%T is of no kind that is known", value)
}

// etag is a strong validator of what is sent.
func etag(body []byte, more ...string) string {
	h := sha256.New()
	h.Write(body)
	for _, s := range more {
		fmt.Fprintf(h, "\x00%s", s)
	}
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}
