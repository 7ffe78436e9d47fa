package client

import (
	"context"
	"slices"
	"testing"
	"time"
)

// BenchmarkFlush reports what it takes to bring envelopes of one event from the
// outbox to their receipts, against the small test ledger.
func BenchmarkFlush(b *testing.B) {
	w := newWorld(b)
	o, c := w.outbox(Options{MaxEvents: 1}), w.client()
	list := drafts(b, w.recorder, "a", 0, b.N)
	start := time.Now()
	for some := range slices.Chunk(list, 5000) {
		if _, err := o.Add(testContext(b), w.recorder, some, w.signer); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(b.N), "add-ns/op")
	list = nil
	b.ResetTimer()
	r, err := c.Flush(context.Background(), o, FlushOptions{})
	b.StopTimer()
	if err != nil || r.Envelopes != b.N {
		b.Fatalf("flush %+v, %v", r, err)
	}
	b.ReportMetric(float64(r.Envelopes)/r.Elapsed.Seconds(), "receipts/s")
	b.ReportMetric(float64(w.ledger.gets.Load()), "GETs")
}

// BenchmarkLatency reports the time from Add to the stored receipt, one envelope
// at a time, where a checkpoint is published every 100 ms.
func BenchmarkLatency(b *testing.B) {
	w := newWorld(b)
	o, c := w.outbox(Options{MaxEvents: 1}), w.client()
	got := make(chan int, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = c.Run(ctx, o, FlushOptions{Progress: func(p Progress) { got <- p.Envelopes }})
	}()
	var took []time.Duration
	for i := range b.N {
		start := time.Now()
		w.add(o, w.recorder, "a", i, 1)
		for n := range got {
			if n == i+1 {
				break
			}
		}
		took = append(took, time.Since(start))
		time.Sleep(time.Duration(i*37%100) * time.Millisecond) // not in step with the checkpoints
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
}

// BenchmarkAdd reports what an event costs until it is durable, in calls of
// 5,000 and envelopes of 128.
func BenchmarkAdd(b *testing.B) {
	w := offline(b)
	o := w.outbox(Options{})
	list := drafts(b, w.recorder, "a", 0, b.N)
	for b.ResetTimer(); len(list) > 0; {
		n := min(5000, len(list))
		if _, err := o.Add(testContext(b), w.recorder, list[:n], w.signer); err != nil {
			b.Fatal(err)
		}
		list = list[n:]
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
