package writer

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
)

func perLeaf(b *testing.B, leaves int) {
	b.ReportMetric(float64(b.N*leaves)/b.Elapsed().Seconds(), "leaves/s")
}

// A full chunk of bodies, fsync included.
func BenchmarkBodiesAppend(b *testing.B) {
	for _, size := range []int{1300, 8000} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			bodies, err := archive.OpenBodies(b.TempDir(), 0, false)
			must(b, err)
			defer bodies.Close()
			chunk := make([][]byte, MaxChunk)
			for i := range chunk {
				chunk[i] = make([]byte, size)
				rand.Read(chunk[i])
			}
			b.SetBytes(int64(MaxChunk * size))
			b.ReportAllocs()
			for b.Loop() {
				must(b, bodies.Append(chunk))
			}
			perLeaf(b, MaxChunk)
		})
	}
}

// What one full chunk changes in the database: an acceptance for each leaf, and
// the heads of eight recorders.
func BenchmarkStateCommit(b *testing.B) {
	s, err := openState(b.TempDir() + "/state.db")
	must(b, err)
	defer s.close()
	var recorders []events.Recorder
	for i := range 8 {
		r, err := events.ParseRecorder(fmt.Sprintf("nimbus-my/lab-1/bastion-%d", i+1))
		must(b, err)
		recorders = append(recorders, r)
	}
	size := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		heads := map[events.Recorder]admission.Head{}
		for i := range MaxChunk {
			p := admission.Place{Recorder: recorders[i%len(recorders)], Incarnation: 1, First: size + 1}
			rand.Read(p.Manifest[:])
			must(b, s.Accept(p, size))
			size++
			heads[p.Recorder] = admission.Head{Incarnation: 1, Last: size, Manifest: p.Manifest, Leaf: size - 1}
		}
		must(b, s.commit(size, 1, size, heads))
	}
	perLeaf(b, MaxChunk)
}

// A full chunk from judging to the committed database; what Prepare does is not
// in it.
func BenchmarkAdmit(b *testing.B) {
	w := newWorld(b)
	l := w.open()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		chunk := l.Prepare(w.said(MaxChunk))
		b.StartTimer()
		rejections, err := l.Admit(b.Context(), chunk)
		must(b, err)
		if len(rejections) > 0 {
			b.Fatalf("rejected: %+v", rejections[0])
		}
	}
	perLeaf(b, MaxChunk)
}
