package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events/schema"
)

// TestMessages shows what people get to read.
func TestMessages(t *testing.T) {
	set := current(t)
	for _, tt := range []struct {
		replace, with string
		want          string
	}{
		{`"party":"parent"`, `"party":"staff"`, `data.actor.party: "staff" is not one of operator, parent, landlord, vendor, customer, authority`},
		{`"operation":"kvm.console.attach",`, ``, `data.operation: missing`},
		{`"operation":"kvm.console.attach"`, `"operation":"` + strings.Repeat("é", 201) + `"`, `data.operation: longer than 200 characters`},
		{`"operation":"kvm.console.attach"`, `"operation":""`, `data.operation: empty`},
		{`"operation":"kvm.console.attach"`, `"operation":7`, `data.operation: is of type number, not string`},
		{`"mode":"remote"`, `"colour":1,"mode":"remote"`, `data.colour: not in the schema`},
		{`"mode":"remote"`, `"a.b\n":1,"mode":"remote"`, `data."a.b\n": not in the schema`},
		{`"mode":"remote"`, `"mode":["remote"]`, `data.mode: is of type array, not string`},
		{`"LDpCSddwcAWGSdvYItyveVdYb85CjPssqIuUdB7aiwc"`, `"LDp"`, `data.actor._sd[1]: "LDp" does not match ^[A-Za-z0-9_-]{43}$`},
		{`"from":{"country":"IN"}`, `"from":{"country":"my"}`, `data.from.country: "my" does not match ^([A-Z]{2}|\?\?)$`},
		{`"specversion":"1.0"`, `"specversion":"0.3"`, `specversion: "0.3" is not "1.0"`},
		{`"time":"2026-11-23T08:15:30.125Z"`, `"time":"2026-11-23T16:15:30+08:00"`, `time: "2026-11-23T16:15:30+08:00" is not a time in UTC, such as 2026-11-23T08:15:30Z`},
		{`"nonce":"5O1i8vFczy1zHD2bb9XaRQ",`, ``, `nonce: missing`},
		{`"session":"s-20261123-0042"`, `"session":"s-20261123-0042"x`, `data: not JSON at byte 242`},
	} {
		line := strings.Replace(typical, tt.replace, tt.with, 1)
		if line == typical {
			t.Fatalf("%s is not in the line", tt.replace)
		}
		if err := set.ValidateEvent("saksi.access.performed.v1", []byte(line)); err == nil || err.Error() != tt.want {
			t.Errorf("error: %v\nwant:  %s", err, tt.want)
		}
	}
}

func TestUnknownType(t *testing.T) {
	set := current(t)
	for _, typ := range []string{"", "event", "saksi.access.performed.v2"} {
		var e *schema.Error
		if set.Known(typ) || !errors.As(set.Validate(typ, []byte(`{}`)), &e) || !errors.As(set.ValidateEvent(typ, []byte(typical)), &e) {
			t.Errorf("%q is known", typ)
		}
	}
}

// TestNotJSON holds the validator to an answer, whatever it is given.
func TestNotJSON(t *testing.T) {
	set := current(t)
	texts := []string{"", " ", "{", "[", `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"ext":{"a":[`, `{"ext":{"a":tru`, `{"ext":{"a":-`, `{"ext":{"a":01}`,
		`{"ext":{"a":1.}`, `{"ext":{"a":1e}`, `{"session":"\`, `{"session":"\u`, `{"session":"\u12g4"`, `{"session":"\ud800"}`, `{"session":"\ud800\u0041"}`,
		`{"session":"` + "\x00" + `"}`, `{,}`, `{"ext":{"a":[1,]}}`, `{"ext":[}`, strings.Repeat("[", 1<<20), strings.Repeat(`{"ext":`, 1<<18),
		`{"ext":{"a":` + strings.Repeat("[", 1<<20)}
	for i := range typical {
		texts = append(texts, typical[:i])
	}
	for _, text := range texts {
		if set.Validate("saksi.access.performed.v1", []byte(text)) == nil || set.ValidateEvent("saksi.access.performed.v1", []byte(text)) == nil {
			t.Errorf("%.40q is valid", text)
		}
	}
}
