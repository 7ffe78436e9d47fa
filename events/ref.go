package events

import (
	"cmp"
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

// Compare orders refs by leaf, then by place. It returns -1, 0 or +1.
func (r Ref) Compare(other Ref) int {
	return cmp.Or(cmp.Compare(r.Leaf, other.Leaf), cmp.Compare(r.Event, other.Event))
}

// Fields returns the ref as events' data has it.
func (r Ref) Fields() RefFields { return RefFields{Leaf: Integer(r.Leaf), Event: Integer(r.Event)} }

// RefFields is a [Ref] as the schemas of events' data have it: an object.
type RefFields struct {
	Leaf  Integer `json:"leaf"`
	Event Integer `json:"event"`
}

// Ref returns the ref that the fields hold.
func (f RefFields) Ref() Ref { return Ref{Leaf: uint64(f.Leaf), Event: int(f.Event)} }

// LedgerRef names an event of one ledger among others: event 3 of leaf 12 of the ledger with
// the origin ledger.example.my/2026 is "ledger.example.my/2026#12/3". It is the form of a
// reference wherever it leaves its ledger.
type LedgerRef struct {
	Origin string
	Ref    Ref
}

// String returns the reference as it is written.
func (r LedgerRef) String() string { return r.Origin + "#" + r.Ref.String() }

// ParseLedgerRef reads a reference in its one written form. The origin is not empty and
// may hold "#" itself: the last one ends it.
func ParseLedgerRef(s string) (LedgerRef, error) {
	i := strings.LastIndexByte(s, '#')
	if i <= 0 {
		return LedgerRef{}, fmt.Errorf("%.80q names no event of a ledger: want ORIGIN#LEAF/EVENT, as in ledger.example.my/2026#12/3", s)
	}
	ref, err := ParseRef(s[i+1:])
	if err != nil {
		return LedgerRef{}, err
	}
	return LedgerRef{s[:i], ref}, nil
}

// MarshalText writes the reference.
func (r LedgerRef) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a reference.
func (r *LedgerRef) UnmarshalText(b []byte) (err error) {
	*r, err = ParseLedgerRef(string(b))
	return err
}

// Refs is a list of events, as evidence. It is JSON as an array of strings, empty
// where there are none.
type Refs []Ref

// MarshalJSON writes the list.
func (r Refs) MarshalJSON() ([]byte, error) { return r.AppendJSON(make([]byte, 0, 2+12*len(r))), nil }

func (r Refs) AppendJSON(b []byte) []byte {
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
