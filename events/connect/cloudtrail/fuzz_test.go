package cloudtrail_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
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
			var place *cloudtrail.DamageError
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

// FuzzDraft maps a record that anybody may have written. Either that is refused,
// or the event is one that admission takes, that reads and marshals to the same
// bytes, and whose disclosures all belong to it.
func FuzzDraft(f *testing.F) {
	raw, _ := collect(readFile(f, "testdata/log.json"), "log.json")
	for _, record := range raw {
		f.Add([]byte(record))
	}
	f.Add([]byte(`{"eventTime":"0000-01-01T00:00:00,5+01:00","eventSource":"a","eventName":"\u2028<&>","userIdentity":{"principalId":"\ud83d\ude00"}}`))
	f.Add([]byte(`{"eventTime":"9999-12-31T23:59:59.999999999Z","eventSource":"ssm","eventName":"StartSession","responseElements":{"sessionId":"\u0000"}}`))
	f.Add([]byte(`{"eventTime":"2026-03-02T08:15:30Z","eventSource":"kms","eventName":"X","resources":[{},{"type":"AWS::A::B"}],"userIdentity":{"sessionContext":[[1]]}}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		before := string(record)
		d, err := newConnector(t, 1, newTable()).Draft(record)
		if string(record) != before {
			t.Fatal("the record was changed")
		}
		if err != nil {
			return
		}
		b := line(t, d)
		parsed, err := events.ParseEvent(b)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if again, err := parsed.Marshal(); err != nil || string(again) != string(b) {
			t.Fatalf("marshals to something else (%v):\n%s\n%s", err, b, again)
		}
		opened(t, d)
		again, err := newConnector(t, 2, newTable()).Draft(record)
		if err != nil || again.Event.ID != d.Event.ID || again.Event.Nonce == d.Event.Nonce {
			t.Fatalf("a second time: %v, %s and %s", err, again.Event.ID, d.Event.ID)
		}
	})
}
