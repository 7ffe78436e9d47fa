package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// compile compiles a schema file.
func compile(file []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(file))
	d.UseNumber()
	v, err := decode(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value in the file")
	}
	root, ok := v.(members)
	if !ok {
		return nil, errors.New("not an object")
	}
	c := &compiler{done: map[string]*node{}}
	if c.defs, ok = root.get("$defs").(members); !ok && root.get("$defs") != nil {
		return nil, errors.New("$defs is not an object")
	}
	if dialect := root.get("$schema"); dialect != "https://json-schema.org/draft/2020-12/schema" {
		return nil, fmt.Errorf("$schema is %v", dialect)
	}
	// Compiled whether referred to or not, so that nothing in the file goes unread.
	for _, def := range c.defs {
		if _, err := c.ref("#/$defs/" + def.name); err != nil {
			return nil, err
		}
	}
	n := new(node)
	return n, c.schema(n, slices.DeleteFunc(slices.Clone(root), func(m member) bool {
		return m.name == "$schema" || m.name == "$id" || m.name == "$defs"
	}))
}

// members is a JSON object in the order of its file.
type members []member

type member struct {
	name  string
	value any
}

func (m members) get(name string) any {
	for _, x := range m {
		if x.name == name {
			return x.value
		}
	}
	return nil
}

func decode(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		m := members{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := decode(d)
			if err != nil {
				return nil, err
			}
			m = append(m, member{name.(string), value})
		}
		_, err = d.Token()
		return m, err
	case json.Delim('['):
		a := []any{}
		for d.More() {
			value, err := decode(d)
			if err != nil {
				return nil, err
			}
			a = append(a, value)
		}
		_, err = d.Token()
		return a, err
	}
	return t, nil
}

type compiler struct {
	defs members
	done map[string]*node // by name in defs; there before its schema is compiled, since that may refer to itself
}

func (c *compiler) ref(ref string) (*node, error) {
	name, ok := strings.CutPrefix(ref, "#/$defs/")
	if n := c.done[name]; ok && n != nil {
		return n, nil
	}
	def, isSchema := c.defs.get(name).(members)
	if !ok || !isSchema {
		return nil, fmt.Errorf("$ref %q leads nowhere", ref)
	}
	n := new(node)
	c.done[name] = n
	if err := c.schema(n, def); err != nil {
		return nil, fmt.Errorf("$defs/%s: %w", name, err)
	}
	return n, nil
}

// sub compiles what stands where a schema may.
func (c *compiler) sub(v any) (*node, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return anyValue, nil
		}
	case members:
		k := newKeywords(v)
		if ref, ok := k.take("$ref").(string); ok {
			n, err := c.ref(ref)
			return n, errors.Join(err, k.done())
		}
		n := new(node)
		return n, c.schema(n, v)
	}
	return nil, fmt.Errorf("schema %v is not supported", v)
}

// schema compiles the keywords of one schema into n.
func (c *compiler) schema(n *node, m members) error {
	k := newKeywords(m)
	switch t := k.take("type"); t {
	case "object":
		n.kind = kindObject
		c.object(n, k)
	case "array":
		n.kind = kindArray
		n.array = &array{min: k.integer("minItems", 0), max: k.integer("maxItems", -1), items: c.subOrAny(k, "items")}
	case "string":
		n.kind = kindString
		c.text(n, k)
	case "integer", "number":
		n.kind = kindNumber
		if t == "integer" {
			n.kind = kindInteger
		}
		n.bounds = &bounds{integer: t == "integer", min: k.bound("minimum"), max: k.bound("maximum")}
	case "boolean":
		n.kind = kindBoolean
	case "null":
		n.kind = kindNull
	default:
		return fmt.Errorf("type %v is not supported", t)
	}
	return k.done()
}

func (c *compiler) subOrAny(k *keywords, keyword string) *node {
	v := k.take(keyword)
	if v == nil {
		return anyValue
	}
	n, err := c.sub(v)
	if err != nil {
		k.fail(fmt.Errorf("%s: %w", keyword, err))
	}
	return n
}

func (c *compiler) object(n *node, k *keywords) {
	o := &object{max: k.integer("maxProperties", -1)}
	n.object = o
	v := k.take("properties")
	properties, ok := v.(members)
	if !ok && v != nil {
		k.fail(errors.New("properties is not an object"))
	}
	if len(properties) > maxProperties {
		k.fail(fmt.Errorf("more than %d properties", maxProperties))
		return
	}
	for _, p := range properties {
		sub, err := c.sub(p.value)
		if err != nil {
			k.fail(fmt.Errorf("%s: %w", p.name, err))
		}
		o.properties = append(o.properties, property{p.name, sub})
	}
	for _, name := range k.strings("required") {
		i := o.find([]byte(name), 0)
		if i < 0 {
			k.fail(fmt.Errorf("required %q is not among the properties", name))
			return
		}
		o.required |= 1 << i
	}
	if k.get("additionalProperties") == false {
		k.take("additionalProperties")
	} else {
		o.rest = c.subOrAny(k, "additionalProperties")
	}
}

func (c *compiler) text(n *node, k *keywords) {
	t := &text{min: k.integer("minLength", 0), max: k.integer("maxLength", -1), enum: k.strings("enum")}
	n.text = t
	if v := k.take("const"); v != nil {
		s, ok := v.(string)
		if !ok || t.enum != nil {
			k.fail(fmt.Errorf("const %v is not supported", v))
		}
		t.enum = []string{s}
	}
	if v := k.take("pattern"); v != nil {
		p, ok := v.(string)
		if !ok {
			k.fail(fmt.Errorf("pattern %v is no string", v))
		}
		var err error
		if t.pattern, err = compilePattern(p); err != nil {
			k.fail(err)
		}
	}
	if format := k.take("format"); format != nil {
		if t.utc = format == "date-time" && t.pattern != nil && t.pattern.source == utcPattern; !t.utc {
			k.fail(fmt.Errorf("format %v is not supported; date-time is, with the pattern %s", format, utcPattern))
		}
	}
	if t.enum != nil && (t.min > 0 || t.max >= 0 || t.pattern != nil) {
		k.fail(errors.New("a fixed set of strings with further constraints is not supported"))
	}
}
