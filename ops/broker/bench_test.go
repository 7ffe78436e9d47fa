package broker_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// Messages of 1.2 kB, about an envelope with one event, published asynchronously
// by an operator into the stream of another account, each acknowledged.
func BenchmarkPublishAcrossAccounts(b *testing.B) {
	benchmarkPublish(b, "a")
}

// The same by a user in the stream's own account: the price of the import.
func BenchmarkPublishInsideLedger(b *testing.B) {
	benchmarkPublish(b, "hub")
}

func benchmarkPublish(b *testing.B, who string) {
	w := started(b)
	js, err := jetstream.New(w.connect(who), jetstream.WithPublishAsyncMaxPending(4000))
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 1200)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := js.PublishAsync("events.a.lab-1.bastion-1", body); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}
