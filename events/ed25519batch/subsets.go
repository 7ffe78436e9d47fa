package ed25519batch

import (
	"math/bits"

	"filippo.io/edwards25519/field"
)

// coefficientBits is how many bits a random coefficient has.
const coefficientBits = 128

// coefficient is a random number of 128 bits, the lower half first.
type coefficient [2]uint64

// bits returns width bits from bit low on.
func (z coefficient) bits(low, width int) uint64 {
	v := z[low/64] >> (low % 64)
	if low < 64 && low+width > 64 {
		v |= z[1] << (64 - low)
	}
	return v & (1<<width - 1)
}

// subsetSums returns for each bit of the coefficients the sum of the points whose
// coefficient has it.
//
// It takes some bits at a time: each point is added to the bucket that its bits number,
// and then the buckets are folded in half, bit by bit: those whose number has the bit give
// its sum, and are added to those without.
func subsetSums(points []affine, z []coefficient, d2 *field.Element) *[coefficientBits]point {
	sums := new([coefficientBits]point)
	width := min(max(bits.Len(uint(len(points)))-4, 4), 8) // by measurement
	all := make([]point, 1<<width)
	for low := 0; low < coefficientBits; low += width {
		width := min(width, coefficientBits-low)
		buckets := all[:1<<width]
		for i := range buckets {
			buckets[i].setIdentity()
		}
		for i := range points {
			if b := z[i].bits(low, width); b != 0 {
				buckets[b].addAffine(&points[i])
			}
		}
		for bit := width - 1; bit >= 0; bit-- {
			without, with := buckets[:1<<bit], buckets[1<<bit:2<<bit]
			sum := &sums[low+bit]
			*sum = with[0]
			for i := 1; i < len(with); i++ {
				sum.add(&with[i], d2)
				without[i].add(&with[i], d2)
			}
		}
	}
	return sums
}
