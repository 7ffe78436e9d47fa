package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// keywords hands out the keywords of a schema once each. What is left over in the end was not understood.
type keywords struct {
	left members
	errs []error
}

func newKeywords(m members) *keywords { return &keywords{left: slices.Clone(m)} }

func (k *keywords) fail(err error) { k.errs = append(k.errs, err) }

func (k *keywords) get(name string) any { return k.left.get(name) }

// take returns the value of a keyword, nil where it is absent.
func (k *keywords) take(name string) any {
	v := k.left.get(name)
	k.left = slices.DeleteFunc(k.left, func(m member) bool { return m.name == name })
	return v
}

// done returns what went wrong, which includes every keyword not taken that could change a verdict.
func (k *keywords) done() error {
	for _, m := range k.left {
		switch m.name {
		case "title", "description", "$comment", "examples":
		default:
			k.fail(fmt.Errorf("keyword %s is not supported here", m.name))
		}
	}
	return errors.Join(k.errs...)
}

func (k *keywords) integer(name string, absent int) int {
	v := k.take(name)
	if v == nil {
		return absent
	}
	s, _ := v.(json.Number)
	i, err := strconv.Atoi(string(s))
	if err != nil || i < 0 {
		k.fail(fmt.Errorf("%s %v is not supported", name, v))
	}
	return i
}

func (k *keywords) bound(name string) *bound {
	v := k.take(name)
	if v == nil {
		return nil
	}
	s, ok := v.(json.Number)
	if !ok {
		k.fail(fmt.Errorf("%s %v is no number", name, v))
		return nil
	}
	return &bound{decimal: parseDecimal([]byte(s)), source: string(s)}
}

func (k *keywords) strings(name string) []string {
	v := k.take(name)
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		k.fail(fmt.Errorf("%s %v is not supported", name, v))
	}
	var out []string
	for _, x := range list {
		s, ok := x.(string)
		if !ok {
			k.fail(fmt.Errorf("%s: %v is no string", name, x))
		}
		out = append(out, s)
	}
	return out
}
