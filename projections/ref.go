package projections

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Ref names an event by its leaf and its place in the envelope, from 0: event 3 of
// leaf 12 is "12/3". It is JSON as that string.
type Ref struct {
	Leaf  uint64
	Event int
}

// String returns the ref as it is written.
func (r Ref) String() string { return string(r.append(make([]byte, 0, 24))) }

func (r Ref) append(b []byte) []byte {
	b = strconv.AppendUint(b, r.Leaf, 10)
	b = append(b, '/')
	return strconv.AppendInt(b, int64(r.Event), 10)
}

// ParseRef reads a ref in its one written form.
func ParseRef(s string) (Ref, error) {
	leaf, event, ok := strings.Cut(s, "/")
	if ok {
		l, err := strconv.ParseUint(leaf, 10, 63)
		e, err2 := strconv.ParseUint(event, 10, 31)
		if r := (Ref{l, int(e)}); err == nil && err2 == nil && r.String() == s {
			return r, nil
		}
	}
	return Ref{}, fmt.Errorf("%.40q names no event: want LEAF/EVENT, as in 12/3", s)
}

// MarshalText writes the ref.
func (r Ref) MarshalText() ([]byte, error) { return r.append(nil), nil }

// UnmarshalText reads a ref.
func (r *Ref) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRef(string(b))
	return err
}

// Refs is a list of events, as evidence. It is JSON as an array of strings, empty
// where there are none.
type Refs []Ref

// MarshalJSON writes the list.
func (r Refs) MarshalJSON() ([]byte, error) { return r.appendJSON(make([]byte, 0, 2+12*len(r))), nil }

func (r Refs) appendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, ref := range r {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(ref.append(b), '"')
	}
	return append(b, ']')
}

// UnmarshalJSON reads a list.
func (r *Refs) UnmarshalJSON(b []byte) error {
	var list []Ref
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*r = list
	return nil
}
