package ed25519batch

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"sync"
	"testing"

	"filippo.io/edwards25519"

	"github.com/saksi-ledger/saksi/events/slowtest"
)

// signed returns n good signatures over different messages, by so many keys in turn.
func signed(t testing.TB, n, keys, size int) []Signature {
	t.Helper()
	private := make([]ed25519.PrivateKey, keys)
	for i := range private {
		var err error
		if _, private[i], err = ed25519.GenerateKey(rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	all := make([]Signature, n)
	for i := range all {
		key := private[i%keys]
		message := make([]byte, max(size, 8))
		binary.LittleEndian.PutUint64(message, uint64(i))
		all[i] = Signature{Key: key.Public().(ed25519.PublicKey), Message: message, Sig: ed25519.Sign(key, message), Sender: "somebody"}
	}
	return all
}

// forger signs as RFC 8032 says, and otherwise where it is told so: it knows its secret
// scalar, and chooses everything else.
type forger struct {
	secret *edwards25519.Scalar
	key    []byte // as it says it is
}

func newForger(torsion *edwards25519.Point) *forger {
	f := &forger{secret: randomScalar()}
	a := new(edwards25519.Point).ScalarBaseMult(f.secret)
	f.key = a.Add(a, torsion).Bytes()
	return f
}

// sign makes S so that S·B − k·A is R but for what is put on top of R and A, which is of a
// small order.
func (f *forger) sign(message []byte, torsion *edwards25519.Point) Signature {
	r := randomScalar()
	p := new(edwards25519.Point).ScalarBaseMult(r)
	return f.signWith(message, p.Add(p, torsion).Bytes(), r)
}

// signWith signs with an R that is given as it is written.
func (f *forger) signWith(message, encoded []byte, r *edwards25519.Scalar) Signature {
	h := sha512.New()
	h.Write(encoded)
	h.Write(f.key)
	h.Write(message)
	k, err := edwards25519.NewScalar().SetUniformBytes(h.Sum(nil))
	if err != nil {
		panic(err)
	}
	s := edwards25519.NewScalar().MultiplyAdd(k, f.secret, r)
	return Signature{Key: f.key, Message: message, Sig: append(append([]byte{}, encoded...), s.Bytes()...), Sender: "forger"}
}

// smallOrder returns the eight points of small order, each the sum of the one before it
// and the first but one, which has order 8.
func smallOrder(t testing.TB) []*edwards25519.Point {
	t.Helper()
	lessOne, err := edwards25519.NewScalar().SetCanonicalBytes(orderLess(1))
	if err != nil {
		t.Fatal(err)
	}
	for y := byte(2); ; y++ {
		p, err := new(edwards25519.Point).SetBytes(append([]byte{y}, make([]byte, 31)...))
		if err != nil {
			continue
		}
		first := new(edwards25519.Point).ScalarMult(lessOne, p)
		first.Add(first, p) // [L]p
		if four := times(4, first); four.Equal(edwards25519.NewIdentityPoint()) == 1 {
			continue
		}
		all := make([]*edwards25519.Point, 8)
		for i := range all {
			all[i] = times(i, first)
		}
		return all
	}
}

func times(n int, p *edwards25519.Point) *edwards25519.Point {
	sum := edwards25519.NewIdentityPoint()
	for range n {
		sum.Add(sum, p)
	}
	return sum
}

// orderLess returns L − n as 32 bytes, for a small n; without canonical form for 0.
func orderLess(n byte) []byte {
	l := []byte{
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	}
	l[0] -= n
	return l
}

func randomScalar() *edwards25519.Scalar {
	var wide [64]byte
	rand.Read(wide[:])
	s, err := edwards25519.NewScalar().SetUniformBytes(wide[:])
	if err != nil {
		panic(err)
	}
	return s
}

// plusOrder returns a signature with L added to its S: the same number modulo L, and not
// canonical.
func plusOrder(s Signature) Signature {
	sig := append([]byte{}, s.Sig...)
	carry := 0
	for i, b := range orderLess(0) {
		carry += int(sig[32+i]) + int(b)
		sig[32+i] = byte(carry)
		carry >>= 8
	}
	s.Sig = sig
	return s
}

// nudged returns a signature whose S is larger by n: bad, and by a multiple of B alone.
func nudged(s Signature, n *edwards25519.Scalar) Signature {
	scalar, err := edwards25519.NewScalar().SetCanonicalBytes(s.Sig[32:])
	if err != nil {
		panic(err)
	}
	s.Sig = append(append([]byte{}, s.Sig[:32]...), scalar.Add(scalar, n).Bytes()...)
	return s
}

// What the tests with many signatures try: of the vectors that don't come into an equation
// one in so many, of the attempts one in so many, and in how many orders.
func oneVectorIn() int  { return slowtest.Pick(61, 7, 97) }
func oneAttemptIn() int { return slowtest.Pick(3, 1, 7) }
func rounds() int       { return slowtest.Pick(1, 5, 1) }

// verdicts are the standard library's, by key, signature and message: tests ask for the
// same ones again and again.
var verdicts sync.Map

func byStandardLibrary(s *Signature) bool {
	id := [3]string{string(s.Key), string(s.Sig), string(s.Message)}
	if known, ok := verdicts.Load(id); ok {
		return known.(bool)
	}
	good := ed25519.Verify(s.Key, s.Message, s.Sig)
	verdicts.Store(id, good)
	return good
}

// agree fails the test unless v says of each what the standard library says.
func agree(t testing.TB, v *Verifier, all []Signature) (good int) {
	t.Helper()
	for i, got := range v.Verify(all) {
		want := byStandardLibrary(&all[i])
		if got != want {
			t.Errorf("signature %d of %d: %v: the standard library says %v (key %x, signature %x)", i, len(all), got, want, all[i].Key, all[i].Sig)
		}
		if want {
			good++
		}
	}
	return good
}
