package connect

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxWraps is how many wrappers may stand around a record.
const maxWraps = 4

// wrapMarks are in every object that wraps records.
var wrapMarks = [][]byte{
	[]byte(`"detail-type"`), []byte(`"CloudTrailEvent"`), []byte(`"event"`), []byte(`essage"`),
	[]byte(`ecords"`), []byte(`vents"`),
}

// unwrap returns the records in a valid JSON object: the object itself, if it
// wraps none. What is returned may alias object.
func unwrap(object []byte, wraps int) ([][]byte, error) {
	self := [][]byte{object}
	marked := false
	for _, mark := range wrapMarks {
		marked = marked || bytes.Contains(object, mark)
	}
	if !marked {
		return self, nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, errors.New("a record that can't be read as an object")
	}
	inner, name, found := wrapped(members)
	switch {
	case !found:
		return self, nil
	case wraps == maxWraps:
		return nil, fmt.Errorf("a record in more than %d wrappers", maxWraps)
	}
	var all [][]byte
	for _, value := range inner {
		if value.Kind() == '"' {
			text, err := jsontext.AppendUnquote(nil, value)
			if err != nil {
				return nil, fmt.Errorf("the string %q can't be read", name)
			}
			value = bytes.TrimSpace(text)
		}
		switch {
		case !value.IsValid() || value.Kind() != '{':
			return nil, fmt.Errorf("what stands in %q is not one JSON object", name)
		case tooDeep(value):
			return nil, fmt.Errorf("a record nested more than %d deep in %q", MaxDepth, name)
		}
		records, err := unwrap(value, wraps+1)
		if err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

// wrapped returns what an object with these members wraps, and under which name.
func wrapped(members map[string]jsontext.Value) (inner []jsontext.Value, name string, found bool) {
	is := func(name string, kind jsontext.Kind) bool { return members[name].Kind() == kind }
	one := func(name string) ([]jsontext.Value, string, bool) { return []jsontext.Value{members[name]}, name, true }
	switch {
	case is("detail-type", '"') && is("detail", '{'):
		return one("detail")
	case is("CloudTrailEvent", '"'):
		return one("CloudTrailEvent")
	case is("contents", '{'):
		// Simple Log Service, as its consumers are given it.
		var contents map[string]jsontext.Value
		if json.Unmarshal(members["contents"], &contents) == nil && holdsObject(contents["event"]) {
			return []jsontext.Value{contents["event"]}, "event", true
		}
	case holdsObject(members["event"]) && serviceMembers(members):
		return one("event") // as it exports it
	}
	for _, name := range []string{"message", "@message"} {
		_, timed := members["timestamp"]
		_, named := members["id"]
		_, asked := members["@timestamp"]
		_, stream := members["logStreamName"]
		if (timed || named || asked || stream) && holdsObject(members[name]) {
			return one(name)
		}
	}
	for _, known := range listNames {
		list, name := members[string(known)], string(known)
		if list.Kind() != '[' || json.Unmarshal(list, &inner) != nil {
			continue
		}
		if len(name) == len("Records") || len(inner) > 0 && inner[0].Kind() == '{' {
			return inner, name, true
		}
	}
	return nil, "", false
}

// holdsObject reports whether a value is a string that begins like an object.
func holdsObject(value jsontext.Value) bool {
	if value.Kind() != '"' {
		return false
	}
	return strings.HasPrefix(strings.TrimLeft(string(value[1:]), " "), "{")
}

// serviceMembers reports whether Simple Log Service added members of its own,
// such as __topic__ and __time__.
func serviceMembers(members map[string]jsontext.Value) bool {
	for name := range members {
		if strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") {
			return true
		}
	}
	return false
}

// tooDeep reports whether a value is nested deeper than a record may be. A string
// can hold more of it than what the string stands in has.
func tooDeep(value []byte) bool {
	var g grammar
	g.feed(value)
	return g.deepest > MaxDepth
}
