package schema

import (
	"math/bits"
	"strconv"
)

// maxDepth bounds recursion over what a caller should not have passed; events are nested half as deep at most.
const maxDepth = 64

// walker goes once over a JSON text with a schema in hand. It checks the grammar as far as it reads, because that
// costs nothing, but neither encoding nor duplicate names.
type walker struct {
	b     []byte
	i     int // of the next unread byte
	depth int
}

func walk(n *node, b []byte) *Error {
	w := walker{b: b}
	w.space()
	if err := w.value(n); err != nil {
		return err
	}
	w.space()
	if w.i != len(w.b) {
		return w.malformed()
	}
	return nil
}

// value reads a value from its first byte on.
func (w *walker) value(n *node) *Error {
	switch c := w.peek(); c {
	case '"':
		s, escaped, ok := w.string()
		switch {
		case !ok:
			return w.malformed()
		case n.kind == kindAny:
			return nil
		case n.kind != kindString:
			return wrongType(n, kindString)
		case escaped:
			s = unescape(s)
		}
		return n.text.check(s)
	case '{':
		switch n.kind {
		case kindObject:
			return w.object(n.object)
		case kindAny:
			return w.object(anyObject)
		}
		return wrongType(n, kindObject)
	case '[':
		switch n.kind {
		case kindArray:
			return w.array(n.array)
		case kindAny:
			return w.array(anyArray)
		}
		return wrongType(n, kindArray)
	case 't':
		return w.literal(n, "true", kindBoolean)
	case 'f':
		return w.literal(n, "false", kindBoolean)
	case 'n':
		return w.literal(n, "null", kindNull)
	default:
		s, ok := w.number()
		switch {
		case !ok:
			return w.malformed()
		case n.kind == kindAny:
			return nil
		case n.kind != kindInteger && n.kind != kindNumber:
			return wrongType(n, kindNumber)
		}
		return n.bounds.check(s)
	}
}

func (w *walker) object(o *object) *Error {
	if w.depth++; w.depth > maxDepth {
		return tooDeep()
	}
	var seen uint64
	count, expect := 0, 0
	w.i++
	w.space()
	if w.peek() == '}' {
		return w.endObject(o, seen, count)
	}
	for {
		if w.peek() != '"' {
			return w.malformed()
		}
		name, escaped, ok := w.string()
		if !ok {
			return w.malformed()
		}
		if escaped {
			name = unescape(name)
		}
		w.space()
		if w.peek() != ':' {
			return w.malformed()
		}
		w.i++
		w.space()
		member := o.rest
		if i := o.find(name, expect); i >= 0 {
			member = o.properties[i].node
			seen |= 1 << i
			expect = i + 1
		}
		if member == nil {
			return fail("additionalProperties", "not in the schema").within(pathName(name))
		}
		if err := w.value(member); err != nil {
			return err.within(pathName(name))
		}
		count++
		w.space()
		switch w.peek() {
		case ',':
			w.i++
			w.space()
		case '}':
			return w.endObject(o, seen, count)
		default:
			return w.malformed()
		}
	}
}

// endObject reads the closing brace and judges the object as a whole.
func (w *walker) endObject(o *object, seen uint64, count int) *Error {
	w.i++
	w.depth--
	if missing := o.required &^ seen; missing != 0 {
		return fail("required", "missing").within(o.properties[bits.TrailingZeros64(missing)].name)
	}
	if o.max >= 0 && count > o.max {
		return fail("maxProperties", "more than "+strconv.Itoa(o.max)+" properties")
	}
	return nil
}

func (w *walker) array(a *array) *Error {
	if w.depth++; w.depth > maxDepth {
		return tooDeep()
	}
	count := 0
	w.i++
	w.space()
	if w.peek() == ']' {
		return w.endArray(a, count)
	}
	for {
		if err := w.value(a.items); err != nil {
			return err.at(count)
		}
		count++
		w.space()
		switch w.peek() {
		case ',':
			w.i++
			w.space()
		case ']':
			return w.endArray(a, count)
		default:
			return w.malformed()
		}
	}
}

// endArray reads the closing bracket and judges the array as a whole.
func (w *walker) endArray(a *array, count int) *Error {
	w.i++
	w.depth--
	if count < a.min {
		if count == 0 {
			return fail("minItems", "empty")
		}
		return fail("minItems", "fewer than "+strconv.Itoa(a.min)+" items")
	}
	if a.max >= 0 && count > a.max {
		return fail("maxItems", "more than "+strconv.Itoa(a.max)+" items")
	}
	return nil
}

func (w *walker) literal(n *node, word string, k kind) *Error {
	if len(w.b)-w.i < len(word) || string(w.b[w.i:w.i+len(word)]) != word {
		return w.malformed()
	}
	w.i += len(word)
	if n.kind != k && n.kind != kindAny {
		return wrongType(n, k)
	}
	return nil
}

func wrongType(n *node, is kind) *Error {
	return fail("type", "is of type "+is.String()+", not "+n.kind.String())
}

func tooDeep() *Error { return fail("", "nested too deep") }

func (w *walker) malformed() *Error {
	return fail("", "not JSON at byte "+strconv.Itoa(w.i))
}
