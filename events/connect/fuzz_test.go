package connect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events/connect"
)

// FuzzRecords reads a file that anybody may have written. What is yielded is
// always a record; records written as a log again, in each of its forms, are
// read as the same records, without damage.
func FuzzRecords(f *testing.F) {
	// Short, or the fuzzer spends its time on making them shorter.
	log := `{"Records": [
  {"eventID": "00000000-0000-4000-8000-000000000001", "readOnly": false, "resources": [{"ARN": "arn:aws:s3:::a"}]},
  {"eventTime": "2026-03-02T08:15:30Z", "userIdentity": null, "n": -1.5e3}]}`
	f.Add(log)
	f.Add(zip(log))
	f.Add(zip(log)[:90])
	f.Add(zip(`[]`) + "x")
	f.Add(log[:len(log)/2] + "\x00" + log[len(log)/2:])
	f.Add("{\"a\":1}\nx\n{\"b\":[1e5,-0.1,true,null,\"\\u00e4\"]}\n[]")
	f.Add(`[{"a":1},2,{"a":1,"a":2},{"b":"` + "\xff" + `"},{}]`)
	f.Add(strings.Repeat("[", 200))
	f.Fuzz(func(t *testing.T, content string) {
		raw, damage := collect(content, "log")
		for i, err := range damage {
			var place *connect.DamageError
			if !errors.As(err, &place) || place.Line < 1 || place.Offset < 0 || place.Ended == (place.Count > 0) || place.Ended && i < len(damage)-1 {
				t.Fatalf("damage %#v", err)
			}
		}
		if len(raw) == 0 && len(damage) == 0 {
			// Only a list can hold nothing and be whole.
			if !strings.Contains(content, "[") && !strings.HasPrefix(content, "\x1f\x8b") {
				t.Fatal("nothing was read, and nothing was wrong")
			}
			return
		}
		for _, record := range raw {
			v := jsontext.Value(record)
			if !v.IsValid() || v.Kind() != '{' || !utf8.ValidString(record) || strings.TrimSpace(record) != record {
				t.Fatalf("not a record: %q", record)
			}
		}
		forms := map[string]string{
			"wrapper":  `{"Records":[` + strings.Join(raw, ",") + `]}`,
			"array":    "[\n" + strings.Join(raw, " ,\n") + "\n]",
			"wrappers": `{"Records":[` + strings.Join(raw, `]}{"Records":[`) + `]}`,
		}
		if len(raw) > 0 && !slices.ContainsFunc(raw, func(s string) bool { return strings.Contains(s, "\n") }) {
			// A log whose first record looks like a wrapper is one.
			if again, _ := collect(raw[0], "log"); slices.Equal(again, raw[:1]) {
				forms["lines"] = strings.Join(raw, "\n")
			}
		}
		for name, form := range forms {
			if again, damage := collect(form, name); !slices.Equal(again, raw) || len(damage) > 0 {
				t.Fatalf("as %s: read %q, want %q; damage %v", name, again, raw, damage)
			}
		}
	})
}
