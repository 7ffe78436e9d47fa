package events_test

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/events"
)

func TestCheckNumbers(t *testing.T) {
	for _, text := range []string{
		`0`, `-0`, `0.0`, `0e999999`, `1`, `1.0`, `10e-1`, `1e3`, `100e-2`, `-12.5`, `0.1`, `1e300`, `1E+300`, `5e-324`, `1.7976931348623157e308`,
		`9007199254740991`, `-9007199254740991`, `3.141592653589793`, `{"a":[1,{"b":-2.5e10}],"c":"1e400","d":"\"9007199254740993"}`, `"1e400"`, `true`,
	} {
		if err := events.CheckNumbers([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		`1e400`, `-1e400`, `1e1000000`, `1e99999999999999999999`, `1e-400`, `1e-99999999999999999999`, `9007199254740992`, `9007199254740993`, `-9007199254740993`,
		`100000000000000000000`, `0.10000000000000001`, `3.14159265358979323846`, `9007199254740993.0`, `1.7976931348623159e308`, `{"a":[1,{"b":1e400}]}`, `{"1":"\\","b":1e400}`,
	} {
		if err := events.CheckNumbers([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// TestCheckNumbersReadAlike compares with readers of two other kinds: what is taken has the same value as a rational
// number that is rounded to a double and written as briefly as possible, and as an arbitrary precision decimal.
func TestCheckNumbersReadAlike(t *testing.T) {
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`)
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		text := number.Draw(t, "number")
		if rapid.Bool().Draw(t, "of a double") {
			text = strconv.FormatFloat(rapid.Float64().Draw(t, "double"), 'g', -1, 64)
			if strings.ContainsAny(text, "IN") {
				return
			}
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s is no number", text)
		}
		f, _ := exact.Float64()
		b, err := json.Marshal(f)
		alike := false
		if err == nil {
			again, _ := new(big.Rat).SetString(string(b))
			alike = again.Cmp(exact) == 0
		}
		if !strings.ContainsAny(text, ".eE") && exact.Num().CmpAbs(big.NewInt(1<<53-1)) > 0 {
			alike = false
		}
		if got := events.CheckNumbers([]byte(text)); (got == nil) != alike {
			t.Fatalf("%s: %v, by exact arithmetic read alike: %t", text, got, alike)
		}
		if alike {
			taken++
		}
	})
	if taken == 0 {
		t.Error("no number was taken")
	}
}
