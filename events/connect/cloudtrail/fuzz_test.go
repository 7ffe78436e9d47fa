package cloudtrail_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/events"
)

// FuzzDraft maps a record that anybody may have written. Either that is refused,
// or the event is one that admission takes, that reads and marshals to the same
// bytes, and whose disclosures all belong to it.
func FuzzDraft(f *testing.F) {
	raw, _ := collect(readFile(f, "testdata/log.json"), "log.json")
	for _, record := range raw {
		f.Add([]byte(record))
	}
	f.Add([]byte(`{"eventVersion":"1.08","eventTime":"0000-01-01T00:00:00,5+01:00","eventSource":"a","eventName":"\u2028<&>","userIdentity":{"principalId":"\ud83d\ude00"}}`))
	f.Add([]byte(`{"eventVersion":"1.08","eventTime":"9999-12-31T23:59:59.999999999Z","eventSource":"ssm","eventName":"StartSession","responseElements":{"sessionId":"\u0000"}}`))
	f.Add([]byte(`{"eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventSource":"kms","eventName":"X","resources":[{},{"type":"AWS::A::B"}],"userIdentity":{"sessionContext":[[1]]}}`))
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
