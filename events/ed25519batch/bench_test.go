package ed25519batch

import (
	"crypto/ed25519"
	"fmt"
	"testing"
)

// What one check costs alone and in batches of several sizes, all by one key, and each by
// a key of its own that is known.
func BenchmarkVerify(b *testing.B) {
	const size = 400 // of what an envelope with one event signs
	each := func(b *testing.B, n int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/signature")
	}
	b.Run("alone", func(b *testing.B) {
		s := signed(b, 1, 1, size)[0]
		for b.Loop() {
			if !ed25519.Verify(s.Key, s.Message, s.Sig) {
				b.Fatal("a good signature was refused")
			}
		}
		each(b, 1)
	})
	for _, n := range []int{96, 128, 256, 512, 1024, 2048, 4096} {
		for _, keys := range []int{1, n} {
			name := fmt.Sprintf("n=%d/keys=1", n)
			if keys > 1 {
				name = fmt.Sprintf("n=%d/keys=n", n)
			}
			b.Run(name, func(b *testing.B) {
				all := signed(b, n, keys, size)
				v := New()
				good := make([]bool, n)
				b.ReportAllocs()
				for b.Loop() {
					clear(good)
					v.verifyTogether(all, good)
					if !good[0] {
						b.Fatal("good signatures were refused")
					}
				}
				each(b, n)
			})
		}
	}
}
