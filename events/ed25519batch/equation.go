package ed25519batch

import (
	crand "crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// orderTests is how many subset sums are multiplied by L: the probability that R of a
// small order go unseen is a half to this power.
const orderTests = 64

// keysAtOnce is how many keys are multiplied together: the tables of more are not at hand
// in a processor's cache.
const keysAtOnce = 64

// equation is a batch, or a part of one, being made: what [equation.add] takes in is added
// up by [equation.sum], and then it holds or doesn't.
type equation struct {
	d2     *field.Element
	random *rand.ChaCha8
	hash   hash.Hash

	r    []affine
	z    []coefficient
	sums *[coefficientBits]point                      // T, of r by z
	s    edwards25519.Scalar                          // Σ z·S
	k    map[*edwards25519.Point]*edwards25519.Scalar // Σ z·k by key
}

func newEquation(n int, d2 *field.Element) *equation {
	var seed [32]byte
	crand.Read(seed[:])
	return &equation{
		d2: d2, random: rand.NewChaCha8(seed), hash: sha512.New(),
		r: make([]affine, 0, n), z: make([]coefficient, 0, n),
		k: map[*edwards25519.Point]*edwards25519.Scalar{},
	}
}

// add takes a signature in, or reports that it is not for a batch: its S or R is not the
// one encoding of a scalar or a point. a is the point that the key encodes.
func (e *equation) add(a *edwards25519.Point, s *Signature) bool {
	if len(s.Sig) != 64 {
		return false
	}
	var bigS edwards25519.Scalar
	if _, err := bigS.SetCanonicalBytes(s.Sig[32:]); err != nil {
		return false
	}
	x, y, ok := decode(s.Sig[:32])
	if !ok {
		return false
	}
	e.r = append(e.r, affine{})
	e.r[len(e.r)-1].set(x, y, e.d2)
	z := coefficient{e.random.Uint64(), e.random.Uint64()}
	e.z = append(e.z, z)

	var digest [64]byte
	e.hash.Reset()
	e.hash.Write(s.Sig[:32])
	e.hash.Write(s.Key)
	e.hash.Write(s.Message)
	var k, factor edwards25519.Scalar
	if _, err := k.SetUniformBytes(e.hash.Sum(digest[:0])); err != nil {
		panic(err) // it has 64 bytes
	}
	var wide [32]byte
	binary.LittleEndian.PutUint64(wide[:], z[0])
	binary.LittleEndian.PutUint64(wide[8:], z[1])
	if _, err := factor.SetCanonicalBytes(wide[:]); err != nil {
		panic(err) // it is smaller than L
	}
	e.s.MultiplyAdd(&factor, &bigS, &e.s)
	sum := e.k[a]
	if sum == nil {
		sum = edwards25519.NewScalar()
		e.k[a] = sum
	}
	sum.MultiplyAdd(&factor, &k, sum)
	return true
}

// decode returns the coordinates of a point (RFC 8032, 5.1.3), unless b is not what the
// point is encoded as (5.1.2).
func decode(b []byte) (x, y *field.Element, ok bool) {
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		return nil, nil, false
	}
	x, y, z, _ := p.ExtendedCoordinates()
	if z.Equal(new(field.Element).One()) != 1 {
		return nil, nil, false
	}
	again := y.Bytes()
	again[31] |= byte(x.IsNegative() << 7)
	return x, y, string(again) == string(b)
}

// sum adds up the points that were taken in. Nothing is added afterwards.
func (e *equation) sum() { e.sums = subsetSums(e.r, e.z, e.d2) }

// merge takes in another part, which has been summed as this one has.
func (e *equation) merge(other *equation) {
	for i := range e.sums {
		e.sums[i].add(&other.sums[i], e.d2)
	}
	e.s.Add(&e.s, &other.s)
	for a, k := range other.k {
		if sum := e.k[a]; sum != nil {
			sum.Add(sum, k)
		} else {
			e.k[a] = k
		}
	}
}

// holds reports whether all signatures in it are good. It uses all processors.
func (e *equation) holds() bool {
	var smallOrder atomic.Bool
	inParts(orderTests, runtime.GOMAXPROCS(0), func(_, from, to int) {
		for i := from; i < to && !smallOrder.Load(); i++ {
			if !e.sums[i].isTorsionFree(e.d2) {
				smallOrder.Store(true)
			}
		}
	})
	return !smallOrder.Load() && e.balances()
}

// balances reports whether (Σ z·S)·B = Σ (Σ z·k)·A + Σ 2ᵐ·Tₘ.
func (e *equation) balances() bool {
	total := e.sums[coefficientBits-1]
	for i := coefficientBits - 2; i >= 0; i-- {
		total.double(1)
		total.add(&e.sums[i], e.d2)
	}
	right, err := new(edwards25519.Point).SetExtendedCoordinates(&total.x, &total.y, &total.z, &total.t)
	if err != nil {
		return false // it is on the curve
	}
	var keys []*edwards25519.Point
	var scalars []*edwards25519.Scalar
	for key, k := range e.k {
		keys, scalars = append(keys, key), append(scalars, k)
	}
	for len(keys) > 0 {
		n := min(keysAtOnce, len(keys))
		right.Add(right, new(edwards25519.Point).VarTimeMultiScalarMult(scalars[:n], keys[:n]))
		keys, scalars = keys[n:], scalars[n:]
	}
	return new(edwards25519.Point).ScalarBaseMult(&e.s).Equal(right) == 1
}
