package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/schemas"
)

func TestCompileRefuses(t *testing.T) {
	for _, tt := range []struct{ schema, want string }{
		{`{}`, `type <nil> is not supported`},
		{`{"type":["string","null"]}`, `type [string null] is not supported`},
		{`{"type":"object","patternProperties":{}}`, `keyword patternProperties is not supported here`},
		{`{"type":"object","properties":[]}`, `properties is not an object`},
		{`{"type":"object","properties":{"a":false}}`, `a: schema false is not supported`},
		{`{"type":"object","properties":{"a":{"type":"string","oneOf":[]}}}`, `a: keyword oneOf is not supported here`},
		{`{"type":"object","required":["a"]}`, `required "a" is not among the properties`},
		{`{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}}}`, `$ref "#/$defs/b" leads nowhere`},
		{`{"type":"object","properties":{"a":{"$ref":"other.json"}}}`, `$ref "other.json" leads nowhere`},
		{`{"type":"object","properties":{"a":{"$ref":"#/$defs/b","maxLength":1}},"$defs":{"b":{"type":"string"}}}`, `keyword maxLength is not supported here`},
		{`{"type":"object","$defs":{"unused":{"type":"string","not":{}}}}`, `$defs/unused: keyword not is not supported here`},
		{`{"type":"object","$defs":[]}`, `$defs is not an object`},
		{`{"type":"string","minimum":1}`, `keyword minimum is not supported here`},
		{`{"type":"string","maxLength":1.5}`, `maxLength 1.5 is not supported`},
		{`{"type":"string","pattern":1}`, `pattern 1 is no string`},
		{`{"type":"string","pattern":"("}`, `missing closing )`},
		{`{"type":"string","pattern":"é"}`, `is not ASCII`},
		{`{"type":"string","format":"date-time"}`, `format date-time is not supported`},
		{`{"type":"string","format":"email"}`, `format email is not supported`},
		{`{"type":"string","enum":["a",1]}`, `enum: 1 is no string`},
		{`{"type":"string","enum":[]}`, `enum [] is not supported`},
		{`{"type":"string","const":1}`, `const 1 is not supported`},
		{`{"type":"string","enum":["a"],"maxLength":1}`, `further constraints`},
		{`{"type":"integer","enum":[1]}`, `keyword enum is not supported here`},
		{`{"type":"integer","minimum":"1"}`, `minimum 1 is no number`},
		{`{"type":"array","items":{"type":"text"}}`, `items: type text is not supported`},
		{`{"type":"array","uniqueItems":true}`, `keyword uniqueItems is not supported here`},
		{`[]`, `not an object`},
		{`{"type":"string"} {}`, `more than one value`},
		{manyProperties(), `more than 64 properties`},
	} {
		file := strings.Replace(tt.schema, `{"type"`, `{"$schema":"https://json-schema.org/draft/2020-12/schema","type"`, 1)
		if tt.schema == `{}` {
			file = `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`
		}
		if _, err := compile([]byte(file)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\nerror: %v\nwant:  %s", tt.schema, err, tt.want)
		}
	}
	if _, err := compile([]byte(`{"type":"string"}`)); err == nil {
		t.Error("a schema of no dialect compiles")
	}
}

func manyProperties() string {
	var all []string
	for i := range maxProperties + 1 {
		all = append(all, fmt.Sprintf(`"p%d":true`, i))
	}
	return `{"type":"object","properties":{` + strings.Join(all, ",") + `}}`
}

func TestCompileRecursive(t *testing.T) {
	n, err := compile([]byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":{"$ref":"#/$defs/tree"},
		"$defs":{"tree":{"type":"array","items":{"$ref":"#/$defs/tree"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := walk(n, []byte(`{"a":[[],[[[]]]]}`)); err != nil {
		t.Error(err)
	}
	if err := walk(n, []byte(`{"a":[[],[[1]]]}`)); err == nil || err.Path != "a[1][0][0]" {
		t.Error(err)
	}
}

func TestRulesetRefused(t *testing.T) {
	for _, ruleset := range []string{``, `{}`, `{"schemas":{"event":"sha256:00"}}`,
		`{"schemas":{"saksi.registry.genesis.v1":"` + schemas.Digest(mustEvent(t, "saksi.registry.genesis.v1")) + `"}}`} {
		if _, err := Compile([]byte(ruleset)); err == nil {
			t.Errorf("%s compiles", ruleset)
		}
	}
}

func mustEvent(t *testing.T, eventType string) []byte {
	file, ok := schemas.Event(eventType)
	if !ok {
		t.Fatalf("%s has no schema", eventType)
	}
	return file
}
