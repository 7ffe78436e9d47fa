package cloudtrail_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

// FuzzDraft maps a record that anybody may have written, see [connecttest.Fuzz].
func FuzzDraft(f *testing.F) {
	f.Add([]byte(`{"eventVersion":"1.08","eventTime":"0000-01-01T00:00:00,5+01:00","eventSource":"a","eventName":"\u2028<&>","userIdentity":{"principalId":"\ud83d\ude00"}}`))
	f.Add([]byte(`{"eventVersion":"1.08","eventTime":"9999-12-31T23:59:59.999999999Z","eventSource":"ssm","eventName":"StartSession","responseElements":{"sessionId":"\u0000"}}`))
	f.Add([]byte(`{"eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventSource":"kms","eventName":"X","resources":[{},{"type":"AWS::A::B"}],"userIdentity":{"sessionContext":[[1]]}}`))
	connecttest.Fuzz(f, suite)
}
