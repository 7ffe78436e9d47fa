package ed25519batch

import (
	"crypto/rand"
	"testing"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// TestPoints holds additions, doublings and the test of the order to the library's, for
// all pairs of points with and without a component of small order: equal and opposite
// ones, and the identity, are among them.
func TestPoints(t *testing.T) {
	d2, torsion := twiceD(), smallOrder(t)
	var points []*edwards25519.Point
	for _, small := range torsion {
		p := new(edwards25519.Point).ScalarBaseMult(randomScalar())
		points = append(points, small, p.Add(p, small), new(edwards25519.Point).Negate(p))
	}
	points = append(points, edwards25519.NewGeneratorPoint())
	lessOne, err := edwards25519.NewScalar().SetCanonicalBytes(orderLess(1))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range points {
		for n := 1; n < 6; n++ {
			q := ours(p)
			q.double(n)
			equals(t, q, times(1<<n, p))
		}
		last := new(edwards25519.Point).ScalarMult(lessOne, p)
		want := last.Add(last, p).Equal(edwards25519.NewIdentityPoint()) == 1
		if got := ours(p).isTorsionFree(d2); got != want {
			t.Errorf("point %d is torsion free: %v: want %v", i, got, want)
		}
		for _, q := range points {
			sum := new(edwards25519.Point).Add(p, q)
			full := ours(p)
			full.add(ours(q), d2)
			equals(t, full, sum)
			var a affine
			x, y, ok := decode(q.Bytes())
			if !ok {
				t.Fatalf("%x does not decode", q.Bytes())
			}
			a.set(x, y, d2)
			mixed := ours(p)
			mixed.addAffine(&a)
			equals(t, mixed, sum)
		}
	}
}

// TestSubsetSums adds points up the slow way too, for each width that is used.
func TestSubsetSums(t *testing.T) {
	d2, torsion := twiceD(), smallOrder(t)
	for _, n := range []int{1, 2, 100, 300, 600, 1100, 2100} {
		points, z := make([]affine, n), make([]coefficient, n)
		plain := make([]*edwards25519.Point, n)
		p := new(edwards25519.Point).ScalarBaseMult(randomScalar())
		var random [16]byte
		for i := range points {
			p = new(edwards25519.Point).Add(p, p)
			plain[i] = p.Add(p, torsion[i%8])
			x, y, _ := decode(plain[i].Bytes())
			points[i].set(x, y, d2)
			rand.Read(random[:])
			for k, b := range random {
				z[i][k/8] = z[i][k/8]<<8 | uint64(b)
			}
		}
		sums := subsetSums(points, z, d2)
		for bit := range sums {
			want := edwards25519.NewIdentityPoint()
			for i := range plain {
				if z[i][bit/64]>>(bit%64)&1 == 1 {
					want.Add(want, plain[i])
				}
			}
			equals(t, &sums[bit], want)
		}
	}
}

// TestDecode: what decodes is what the library decodes and encodes to the same bytes.
func TestDecode(t *testing.T) {
	encodings := [][]byte{{}, make([]byte, 31), make([]byte, 33)}
	for _, sign := range []byte{0, 0x80} {
		for first := range 256 {
			for _, rest := range []byte{0, 0xff} { // small ones, and those beside and above p
				b := make([]byte, 32)
				for i := range b {
					b[i] = rest
				}
				b[0], b[31] = byte(first), rest&0x7f|sign
				encodings = append(encodings, b)
			}
		}
	}
	canonical := 0
	for _, b := range encodings {
		p, err := new(edwards25519.Point).SetBytes(b)
		want := err == nil && string(p.Bytes()) == string(b)
		_, _, got := decode(b)
		if got != want {
			t.Errorf("%x: %v: want %v", b, got, want)
		}
		if want {
			canonical++
		}
	}
	if canonical < 100 || canonical > len(encodings)-100 {
		t.Errorf("%d of %d decode: these are not the cases", canonical, len(encodings))
	}
}

func TestCoefficientBits(t *testing.T) {
	z := coefficient{0x0123456789abcdef, 0xfedcba9876543210}
	for width := 1; width <= 8; width++ {
		for low := 0; low+width <= coefficientBits; low++ {
			want := uint64(0)
			for i := range width {
				want |= z[(low+i)/64] >> ((low + i) % 64) & 1 << i
			}
			if got := z.bits(low, width); got != want {
				t.Errorf("%d bits from %d: %x: want %x", width, low, got, want)
			}
		}
	}
}

func ours(p *edwards25519.Point) *point {
	x, y, z, t := p.ExtendedCoordinates()
	return &point{*x, *y, *z, *t}
}

// equals fails the test unless p is on the curve, its T is right, and it is q.
func equals(t *testing.T, p *point, q *edwards25519.Point) {
	t.Helper()
	same, err := new(edwards25519.Point).SetExtendedCoordinates(
		new(field.Element).Set(&p.x), new(field.Element).Set(&p.y), new(field.Element).Set(&p.z), new(field.Element).Set(&p.t))
	if err != nil {
		t.Fatal(err)
	}
	if same.Equal(q) != 1 {
		t.Fatalf("%x: want %x", same.Bytes(), q.Bytes())
	}
}
