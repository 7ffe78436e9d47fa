package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/schemas"
)

// mutator makes events that are wrong in ways worth trying, and events that are right in unusual spellings.
type mutator struct {
	lines  [][]byte // valid
	values []any    // what stands anywhere in them
	names  []string // of properties
}

func newMutator(tb testing.TB) *mutator {
	m := &mutator{values: oddValues()}
	names := map[string]bool{"colour": true, "": true, "_SD": true}
	for _, ex := range schemas.Examples() {
		if ex.Valid {
			m.lines = append(m.lines, compact(tb, ex.Event))
			for _, p := range places(parse(ex.Event)) {
				m.values = append(m.values, p.get())
				if name, ok := p.at.(string); ok {
					names[name] = true
				}
			}
		}
	}
	m.names = slices.Sorted(maps.Keys(names))
	return m
}

func oddValues() []any {
	values := []any{nil, true, false, map[string]any{}, []any{}, []any{nil}}
	for _, s := range strings.Fields(`0 -0 0.0 -0.0 0e5 1 1.0 10e-1 1e0 1E+2 1.5 -1 2 3 59 60 59.999999999999999999 60.0 6e1 31536000 31536001
		100000 100000.0000000001 1e5 1e6 9007199254740991 9007199254740992 9007199254740991.5 90071992547409910e-1
		9223372036854775807 18446744073709551616 1e100 -1e100 1e-100 0.00001e5`) {
		values = append(values, json.Number(s))
	}
	for _, s := range strings.Fields(`MY my ?? ? ??? MYS 2026-02-28T23:59:59Z 2026-02-29T00:00:00Z 2024-02-29T00:00:00Z 1900-02-29T00:00:00Z
		2000-02-29T00:00:00Z 0000-02-29T00:00:00Z 2026-06-31T00:00:00Z 2026-12-31T23:59:60Z 2026-12-31T24:00:00Z 2026-13-01T00:00:00Z 2026-00-01T00:00:00Z
		2026-01-00T00:00:00Z 2026-01-01T00:60:00Z 2026-01-01t00:00:00z 2026-01-01T00:00:00+00:00 2026-01-01T00:00:00.Z 2026-01-01T00:00:00.1234567890Z
		2026-01-01T00:00:00.123456789Z 2026-01-01T00:00:00 +026-01-01T00:00:00Z forever P7Y P7W P P12345678901Y PT1H /ledger /registry/mcmc
		/registry/a/b /registry/ ledger /a/b/c /a/b/c/ a/b/c a/b *`) {
		values = append(values, s)
	}
	for _, n := range []int{0, 1, 2, 21, 22, 23, 40, 41, 43, 44, 56, 64, 65, 128, 129, 200, 201, 256, 257, 500, 501, 8192, 8193} {
		values = append(values, strings.Repeat("a", n), strings.Repeat("é", n))
		if n < 1000 {
			values = append(values, strings.Repeat("𝒮", n), strings.Repeat("\"", n))
		}
	}
	return append(values, "\x00", "\u2028", "A\n", "MY\n", "\ufffd")
}

// place is where a value stands.
type place struct {
	in any // map[string]any, []any or the *any of the root
	at any
}

func (p place) get() any {
	switch in := p.in.(type) {
	case map[string]any:
		return in[p.at.(string)]
	case []any:
		return in[p.at.(int)]
	}
	return *p.in.(*any)
}

func (p place) set(v any) {
	switch in := p.in.(type) {
	case map[string]any:
		in[p.at.(string)] = v
	case []any:
		in[p.at.(int)] = v
	default:
		*p.in.(*any) = v
	}
}

// places lists the places below and including a root, in a fixed order.
func places(root *any) []place {
	all := []place{{in: root}}
	for i := 0; i < len(all); i++ {
		switch v := all[i].get().(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				all = append(all, place{v, name})
			}
		case []any:
			for j := range v {
				all = append(all, place{v, j})
			}
		}
	}
	return all
}

func parse(doc []byte) *any {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(err)
	}
	return &v
}

// mutate returns a line with up to three things changed, spelled in one of the ways JSON allows.
func (m *mutator) mutate(t *rapid.T, line []byte) []byte {
	root := parse(line)
	for range rapid.SampledFrom([]int{0, 1, 1, 1, 2, 3}).Draw(t, "changes") {
		all := places(root)
		p := all[rapid.IntRange(1, max(1, len(all)-1)).Draw(t, "place")%len(all)]
		m.change(t, p)
	}
	s := speller{t: t, plain: rapid.Bool().Draw(t, "plain")}
	s.spell(*root)
	return s.out.Bytes()
}

func (m *mutator) change(t *rapid.T, p place) {
	switch v := p.get().(type) {
	case map[string]any:
		if rapid.Bool().Draw(t, "add") {
			v[rapid.SampledFrom(m.names).Draw(t, "name")] = m.value(t)
			return
		}
		if rapid.IntRange(0, 3).Draw(t, "crowd") == 0 {
			for i := range rapid.IntRange(28, 34).Draw(t, "properties") {
				v[fmt.Sprint("p", i)] = json.Number("1")
			}
			return
		}
	case []any:
		if len(v) > 0 && rapid.Bool().Draw(t, "grow") {
			n := rapid.SampledFrom([]int{0, 1, 2, 16, 17, 32, 33, 64, 65, 256, 257}).Draw(t, "items")
			grown := make([]any, n)
			for i := range grown {
				grown[i] = v[i%len(v)]
			}
			p.set(grown)
			return
		}
	case string:
		if rapid.Bool().Draw(t, "edit") {
			p.set(edit(t, v))
			return
		}
	}
	if in, ok := p.in.(map[string]any); ok && rapid.Bool().Draw(t, "delete") {
		delete(in, p.at.(string))
		return
	}
	p.set(m.value(t))
}

func (m *mutator) value(t *rapid.T) any {
	v := m.values[rapid.IntRange(0, len(m.values)-1).Draw(t, "value")]
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return *parse(b)
}

// edit changes one character.
func edit(t *rapid.T, s string) string {
	r := []rune(s)
	at := rapid.IntRange(0, len(r)).Draw(t, "at")
	c := rapid.SampledFrom([]rune("aZ09-_/.+=~* \n\x00\"\\é𝒮")).Draw(t, "rune")
	switch how := rapid.IntRange(0, 2).Draw(t, "how"); {
	case how == 0 || at == len(r):
		return string(slices.Insert(r, at, c))
	case how == 1:
		return string(slices.Delete(r, at, at+1))
	}
	r[at] = c
	return string(r)
}

// speller writes JSON with needless white space and escapes, and with properties in any order.
type speller struct {
	t     *rapid.T
	out   bytes.Buffer
	plain bool
}

func (s *speller) spell(v any) {
	switch v := v.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		if !s.plain {
			names = rapid.Permutation(names).Draw(s.t, "order")
		}
		s.out.WriteByte('{')
		for i, name := range names {
			if i > 0 {
				s.out.WriteByte(',')
			}
			s.space()
			s.spell(name)
			s.space()
			s.out.WriteByte(':')
			s.space()
			s.spell(v[name])
		}
		s.space()
		s.out.WriteByte('}')
	case []any:
		s.out.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				s.out.WriteByte(',')
			}
			s.space()
			s.spell(x)
		}
		s.space()
		s.out.WriteByte(']')
	case string:
		if !s.plain && len(v) < 64 && rapid.IntRange(0, 7).Draw(s.t, "escape") == 0 {
			s.escaped(v)
			return
		}
		s.marshal(v)
	default:
		s.marshal(v)
	}
}

func (s *speller) marshal(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	s.out.Write(b)
}

func (s *speller) escaped(v string) {
	s.out.WriteByte('"')
	for _, u := range utf16.Encode([]rune(v)) {
		fmt.Fprintf(&s.out, `\u%04x`, u)
	}
	s.out.WriteByte('"')
}

func (s *speller) space() {
	if !s.plain && rapid.IntRange(0, 15).Draw(s.t, "space") == 0 {
		s.out.WriteString(" \t\r")
	}
}
