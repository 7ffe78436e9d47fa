package cloudtrail_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
)

// BenchmarkDraft maps the records of testdata, one after the other.
func BenchmarkDraft(b *testing.B) {
	raw, _ := collect(readFile(b, "testdata/log.json"), "log.json")
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/cloudtrail")
	if err != nil {
		b.Fatal(err)
	}
	c, err := cloudtrail.New(cloudtrail.Options{
		Recorder: recorder, Party: events.PartyOperator, Pseudonym: newTable().pseudonym, Random: rand.Reader,
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

// BenchmarkRead reads a log of 10,000 records, in bytes of decompressed content.
func BenchmarkRead(b *testing.B) {
	raw, _ := collect(readFile(b, "testdata/log.json"), "log.json")
	var log strings.Builder
	for i := range 10_000 {
		log.WriteString(strings.ReplaceAll(raw[i%len(raw)], "\n", ""))
		log.WriteByte('\n')
	}
	lines := log.String()
	array := "[" + strings.ReplaceAll(strings.TrimSpace(lines), "\n", ",") + "]"
	for _, form := range []struct{ name, content string }{
		{"lines", lines}, {"array", array}, {"gzip", zip(array)},
	} {
		b.Run(form.name, func(b *testing.B) {
			b.SetBytes(int64(len(lines)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range cloudtrail.Read(strings.NewReader(form.content), "log") {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != 10_000 {
					b.Fatal(n)
				}
			}
		})
	}
}
