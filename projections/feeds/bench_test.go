package feeds_test

import (
	"testing"
)

// A view's changes of some 350 bytes, published to a broker in this process.
func BenchmarkPublish(b *testing.B) {
	w := started(b)
	h := newHistory(uint64(b.N) + 1)
	b.ResetTimer()
	w.publishTo(h, nil)
	b.ReportMetric(float64(len(wanted(uint64(b.N)+1)))/b.Elapsed().Seconds(), "msgs/s")
}
