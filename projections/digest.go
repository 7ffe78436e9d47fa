package projections

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/store"
)

// Digest returns the SHA-256 of a view's rows as of a tree size. It is over UTF-8
// text of lines that end with a line feed: one for each of the view's tables, then
// one for each of its rows in the order of their keys' bytes.
//
//	["touches",1,40,"touches"]            view, version, tree size, table
//	["12/0",12,"lab-1",["12/0"],…]        key, from_leaf, columns in their order
//
// They are JSON without white space, as encoding/json writes it without escaping
// HTML: times as strings with nine decimals, empty if there is none; booleans as 0
// and 1; lists as arrays. States have no part in it: they have no past.
func (s *Store) Digest(ctx context.Context, view string, size uint64) (d events.Digest, err error) {
	v, _, err := s.view(view)
	if err != nil {
		return d, err
	}
	err = s.reader.Read(ctx, func(snapshot store.Snapshot) error {
		if size > snapshot.Position().Size {
			return &QueryError{Problem: fmt.Sprintf("as of %d leaves: the views have seen %d", size, snapshot.Position().Size)}
		}
		d, err = digest(ctx, snapshot, s.catalog, v, size)
		return err
	})
	if err != nil {
		return events.Digest{}, whileReading(view, err)
	}
	return d, nil
}

func digest(ctx context.Context, snapshot store.Snapshot, c *catalog, v *View, size uint64) (d events.Digest, err error) {
	sum := sha256.New()
	out := bufio.NewWriterSize(sum, 1<<16)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, t := range v.Tables {
		sch := t.schema()
		if sch.isState() {
			continue
		}
		place := c.tables[sch]
		if err := lines.Encode([]any{v.Name, v.Version, size, c.layout.Tables[place].Name}); err != nil {
			return d, err
		}
		if err := digestRows(ctx, snapshot, sch, place, size, lines); err != nil {
			return d, err
		}
	}
	return sumOf(out, sum)
}

func digestRows(ctx context.Context, snapshot store.Snapshot, sch *schema, place int, size uint64, lines *json.Encoder) error {
	key, first := "", true
	line := make([]any, 0, len(sch.columns)+2)
	return snapshot.ByKey(ctx, place, size, func(v store.Version) error {
		if !first && v.Key == key {
			return fmt.Errorf("key %q has two rows as of %d leaves: it was appended twice", key, size)
		}
		key, first = v.Key, false
		line = append(line[:0], v.Key, v.From)
		for i, c := range sch.columns {
			value := v.Values[i]
			if c.Kind == KindRefs || c.Kind == KindTexts {
				list, ok := value.(string)
				if !ok {
					return errors.New("a list is not stored as text")
				}
				value = json.RawMessage(list)
			}
			line = append(line, value)
		}
		return lines.Encode(line)
	})
}

func sumOf(out *bufio.Writer, sum hash.Hash) (d events.Digest, err error) {
	if err := out.Flush(); err != nil && !errors.Is(err, io.EOF) {
		return d, err
	}
	copy(d[:], sum.Sum(nil))
	return d, nil
}
