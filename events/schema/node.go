package schema

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is what a node's value must be.
type kind uint8

const (
	kindAny kind = iota
	kindObject
	kindArray
	kindString
	kindInteger
	kindNumber
	kindBoolean
	kindNull
)

func (k kind) String() string {
	return [...]string{"value", "object", "array", "string", "integer", "number", "boolean", "null"}[k]
}

// node is a compiled schema: a kind, and the constraints of that kind.
type node struct {
	kind   kind
	object *object
	array  *array
	text   *text
	bounds *bounds
}

// What the schema true is compiled to, and what its values are read with.
var (
	anyValue  = &node{kind: kindAny}
	anyObject = &object{rest: anyValue, max: -1}
	anyArray  = &array{items: anyValue, max: -1}
)

// maxProperties is how many properties a schema may name: they are ticked off in one machine word.
const maxProperties = 64

type object struct {
	properties []property // in the order of the file, which is the order writers tend to keep
	required   uint64     // by index in properties
	rest       *node      // what other properties must be; nil: there may be none
	max        int        // how many properties there may be; negative: no limit
}

type property struct {
	name string
	node *node
}

// find returns the index of the named property, or -1. It looks first where the caller expects it.
func (o *object) find(name []byte, expect int) int {
	for i := expect; i < len(o.properties); i++ {
		if o.properties[i].name == string(name) {
			return i
		}
	}
	for i := range min(expect, len(o.properties)) {
		if o.properties[i].name == string(name) {
			return i
		}
	}
	return -1
}

type array struct {
	min, max int // negative max: no limit
	items    *node
}

// text constrains a string.
type text struct {
	min, max int      // in code points; negative max: no limit
	enum     []string // nil: any
	pattern  *pattern // nil: any
	utc      bool     // a time, as isUTC has it
}

func (t *text) check(s []byte) *Error {
	if t.enum != nil {
		return t.checkEnum(s)
	}
	// A code point is one to four bytes, so most strings need no counting.
	if t.max >= 0 && len(s) > t.max && utf8.RuneCount(s) > t.max {
		return fail("maxLength", "longer than "+strconv.Itoa(t.max)+" characters")
	}
	if len(s) < 4*t.min && utf8.RuneCount(s) < t.min {
		if len(s) == 0 {
			return fail("minLength", "empty")
		}
		return fail("minLength", "shorter than "+strconv.Itoa(t.min)+" characters")
	}
	if t.utc {
		if !isUTC(s) {
			return fail("format", quote(s)+" is not a time in UTC, such as 2026-11-23T08:15:30Z")
		}
		return nil
	}
	if t.pattern != nil && !t.pattern.match(s) {
		return fail("pattern", quote(s)+" does not match "+t.pattern.source)
	}
	return nil
}

func (t *text) checkEnum(s []byte) *Error {
	for _, e := range t.enum {
		if e == string(s) {
			return nil
		}
	}
	if len(t.enum) == 1 {
		return fail("const", quote(s)+" is not "+strconv.Quote(t.enum[0]))
	}
	return fail("enum", quote(s)+" is not one of "+strings.Join(t.enum, ", "))
}

// withData returns the schema of an event line whose data has a schema of its own.
func (n *node) withData(data *node) (*node, error) {
	i := n.object.find([]byte("data"), 0)
	if i < 0 {
		return nil, errors.New("has no property data")
	}
	// Replacing the schema must not lose a constraint.
	if d := n.object.properties[i].node; d.kind != kindObject || len(d.object.properties) > 0 ||
		d.object.rest != anyValue || d.object.max >= 0 {
		return nil, errors.New("says more of data than that it is an object")
	}
	o := *n.object
	o.properties = append([]property(nil), o.properties...)
	o.properties[i].node = data
	return &node{kind: kindObject, object: &o}, nil
}
