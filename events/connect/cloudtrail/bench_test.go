package cloudtrail_test

import (
	"crypto/rand"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

// BenchmarkDraft maps the records of testdata, one after the other.
func BenchmarkDraft(b *testing.B) {
	raw, _ := collect(readFile(b, "testdata/log.json"), "log.json")
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/cloudtrail")
	if err != nil {
		b.Fatal(err)
	}
	c, err := cloudtrail.New(connect.Options{
		Recorder: recorder, Party: events.PartyOperator, Pseudonym: connecttest.NewTable().Pseudonym, Random: rand.Reader,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := c.Draft([]byte(raw[i%len(raw)])); err != nil {
			b.Fatal(err)
		}
	}
}
