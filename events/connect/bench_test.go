package connect_test

import (
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events/connect"
)

// BenchmarkRead reads a log of 10,000 records, in bytes of decompressed content.
func BenchmarkRead(b *testing.B) {
	raw, _ := collect(readFile(b, "cloudtrail/testdata/log.json"), "log.json")
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
				for _, err := range connect.Read(strings.NewReader(form.content), "log", connect.Format{}) {
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
