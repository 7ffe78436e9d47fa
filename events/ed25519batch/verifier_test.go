package ed25519batch

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"filippo.io/edwards25519"
	"pgregory.net/rapid"
)

// alone puts one signature into an equation, and fails the test unless that then says what
// the standard library says. It reports whether the signature came into it.
func alone(t testing.TB, v *Verifier, s *Signature) bool {
	t.Helper()
	e := newEquation(1, v.d2)
	a := v.keys.point(s.Key, v.d2)
	if a == nil || !e.add(a, s) {
		return false
	}
	e.sum()
	if got, want := e.holds(), ed25519.Verify(s.Key, s.Message, s.Sig); got != want {
		t.Errorf("the equation says %v and the standard library %v (key %x, signature %x)", got, want, s.Key, s.Sig)
	}
	return true
}

// crafted are signatures by somebody who knows the key and what they do, by what they
// tried. Those of one name go into a batch together.
func crafted(t testing.TB) map[string][]Signature {
	small := smallOrder(t)
	identity := small[0]
	honest := newForger(identity)
	message := func(i int) []byte { return fmt.Appendf(nil, "message %d", i) }
	all := map[string][]Signature{}
	add := func(name string, s ...Signature) { all[name] = append(all[name], s...) }
	for i := range 8 {
		add(fmt.Sprintf("R with %d of 8", i), honest.sign(message(i), small[i]))
		add(fmt.Sprintf("twice R with %d of 8", i), honest.sign(message(i), small[i]), honest.sign(message(i+8), small[i]))
		add(fmt.Sprintf("R with %d of 8, and with the opposite", i), honest.sign(message(i), small[i]), honest.sign(message(i+8), small[(8-i)%8]))
		other := newForger(small[i])
		for k := range 8 { // some of these are good: k·A has no component of small order where 8 divides k
			add(fmt.Sprintf("A with %d of 8", i), other.sign(message(k), identity))
			add(fmt.Sprintf("A with %d of 8 and R with any", i), other.sign(message(k), small[k]))
		}
		add("every R with another", honest.sign(message(i), small[i]))
	}
	for i := range 64 {
		add("64 times R of order 2", honest.sign(message(i), small[4]))
		add("64 times R of order 8", honest.sign(message(i), small[1]))
	}

	good := honest.sign(message(0), identity)
	add("S and L", plusOrder(good))
	add("good", good)
	one, err := edwards25519.NewScalar().SetCanonicalBytes(append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	less := edwards25519.NewScalar().Negate(one)
	add("S and 1", nudged(good, one))
	add("S and 1, S and -1", nudged(good, one), nudged(honest.sign(message(1), identity), less))
	add("the same S and 1, and -1", nudged(good, one), nudged(good, less))
	swapped := honest.sign(message(1), identity)
	a, b := good, swapped
	a.Sig, b.Sig = slices.Concat(good.Sig[:32], swapped.Sig[32:]), slices.Concat(swapped.Sig[:32], good.Sig[32:])
	add("S of each other", a, b)

	// The identity as R, and as A, in all ways of writing it, one of which is canonical.
	zero := edwards25519.NewScalar()
	nobody := &forger{secret: zero}
	for name, b := range identities() {
		add("R is the identity "+name, honest.signWith(message(2), b, zero))
		nobody.key = b
		add("A is the identity "+name, nobody.sign(message(3), identity))
		add("A and R are the identity "+name, nobody.signWith(message(4), b, zero))
	}
	// The point of order 2 is (0, -1).
	minus := append(append([]byte{0xec}, slices.Repeat([]byte{0xff}, 30)...), 0x7f)
	negative := append(slices.Clone(minus[:31]), 0xff)
	for name, b := range map[string][]byte{"": minus, ", its x called negative": negative} {
		add("R is of order 2"+name, honest.signWith(message(5), b, zero))
		nobody.key = b
		for i := range 4 {
			add("A is of order 2"+name, nobody.sign(message(6+i), identity))
		}
	}
	short := good
	short.Sig = good.Sig[:63]
	long := good
	long.Sig = append(slices.Clone(good.Sig), 0)
	add("63 and 65 bytes", short, long, Signature{Key: honest.key, Message: message(0)})
	nowhere := good
	nowhere.Sig = slices.Clone(good.Sig)
	for nowhere.Sig[1] = 0; ; nowhere.Sig[1]++ {
		if _, err := new(edwards25519.Point).SetBytes(nowhere.Sig[:32]); err != nil {
			break
		}
	}
	add("R is nowhere", nowhere)
	return all
}

// identities are the ways of writing (0, 1): y is 1 or p+1, and the sign of x is or isn't
// set.
func identities() map[string][]byte {
	above := append(append([]byte{0xee}, slices.Repeat([]byte{0xff}, 30)...), 0x7f)
	one := append([]byte{1}, make([]byte, 31)...)
	return map[string][]byte{
		"": one, "above p": above,
		"called negative": append(slices.Clone(one[:31]), 0x80), "above p, called negative": append(slices.Clone(above[:31]), 0xff),
	}
}

// TestCrafted puts each attempt alone into an equation, and together with good signatures,
// by its maker and by others, into a batch, in more than one order.
func TestCrafted(t *testing.T) {
	others := signed(t, 2*fewest, 5, 40)
	attempts := crafted(t)
	total, in, n := 0, 0, 0
	for name, attempt := range attempts {
		if n++; n%oneAttemptIn() != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			v := New()
			for i := range attempt {
				total++
				if alone(t, v, &attempt[i]) {
					in++
				}
			}
			agree(t, v, append(slices.Clone(attempt), others...))
			agree(t, New(), append(slices.Clone(others), attempt...))
			agree(t, New(), slices.Concat(others[:fewest], attempt, others[fewest:], attempt))
		})
	}
	var all []Signature
	for _, attempt := range attempts {
		all = append(all, attempt...)
	}
	agree(t, New(), all)
	if in < total/4 {
		t.Errorf("%d of %d came into an equation", in, total)
	}
}

// TestEachSumShowsSmallOrder: of one R with a component of order 2, and of two such that
// cancel each other, half of the sums have one too. The tests of the sums' order are
// thereby as good as they are said to be; and the second check alone would be taken in
// every second time.
func TestEachSumShowsSmallOrder(t *testing.T) {
	small := smallOrder(t)
	f := newForger(small[0])
	v := New()
	good := signed(t, 20, 1, 40)
	for name, bad := range map[string][]Signature{
		"one of order 2":       {f.sign(nil, small[4])},
		"two of order 2":       {f.sign([]byte("1"), small[4]), f.sign([]byte("2"), small[4])},
		"order 8, and against": {f.sign([]byte("1"), small[1]), f.sign([]byte("2"), small[7])},
		"none":                 nil,
	} {
		shown := 0
		e := newEquation(0, v.d2)
		for _, s := range slices.Concat(bad, good) {
			if !e.add(v.keys.point(s.Key, v.d2), &s) {
				t.Fatalf("%s: it doesn't come into an equation", name)
			}
		}
		e.sum()
		for _, sum := range e.sums {
			if !sum.isTorsionFree(v.d2) {
				shown++
			}
		}
		// Half of 128 is missed by 40 less than once in 10¹⁰ times.
		if low, high := 24, 104; bad == nil && shown != 0 || bad != nil && (shown < low || shown > high) {
			t.Errorf("%s: %d of the sums show it", name, shown)
		}
	}
}

// TestMixtures draws batches of all that there is, and has one Verifier check them all, so
// that what it remembers is mixed too.
func TestMixtures(t *testing.T) {
	pool := signed(t, 100, 10, 40)
	for _, attempt := range crafted(t) {
		pool = append(pool, attempt...)
	}
	v := New()
	rapid.Check(t, func(t *rapid.T) {
		good := rapid.SliceOfN(rapid.IntRange(0, 99), fewest, 2*fewest).Draw(t, "good")
		others := rapid.SliceOfN(rapid.IntRange(0, len(pool)-1), 0, 4).Draw(t, "others")
		var batch []Signature
		for _, i := range good {
			batch = append(batch, pool[i])
		}
		for _, i := range others {
			s := pool[i]
			switch rapid.IntRange(0, 8).Draw(t, "change") {
			case 0:
				s.Message = append(slices.Clone(s.Message), 0)
			case 1:
				s.Key = pool[rapid.IntRange(0, len(pool)-1).Draw(t, "key")].Key
			case 2:
				s.Sig = slices.Clone(s.Sig)
				if len(s.Sig) > 0 {
					s.Sig[rapid.IntRange(0, len(s.Sig)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				}
			}
			s.Sender = fmt.Sprint("sender ", i%3)
			batch = slices.Insert(batch, rapid.IntRange(0, len(batch)).Draw(t, "where"), s)
		}
		for i, got := range v.Verify(batch) {
			if want := ed25519.Verify(batch[i].Key, batch[i].Message, batch[i].Sig); got != want {
				t.Fatalf("signature %d: %v: want %v (key %x, signature %x)", i, got, want, batch[i].Key, batch[i].Sig)
			}
		}
	})
}

// TestSizes goes over the sizes at which it is done otherwise.
func TestSizes(t *testing.T) {
	all := signed(t, most+fewest, 7, 40)
	v := New()
	for _, n := range []int{0, 1, 2, fewest - 1, fewest, 2*share - 1, 2 * share, 5*share + 1, most, most + 1, most + fewest} {
		if good := agree(t, v, all[:n]); good != n {
			t.Errorf("%d of %d are good", good, n)
		}
	}
	bad := slices.Clone(all[:2*share+1])
	bad[share] = nudged(bad[share], randomScalar())
	if good := agree(t, New(), bad); good != len(bad)-1 {
		t.Errorf("%d of %d are good", good, len(bad))
	}
}

// TestOneSenderDoesNotSpoilTheBatchesOfOthers: after its first bad signature what it sends
// is checked alone, until it has sent enough good ones; and a bad signature said to be by
// somebody else's key is held against who sent it.
func TestOneSenderDoesNotSpoilTheBatchesOfOthers(t *testing.T) {
	v := New()
	all := signed(t, 2*fewest, 1, 40)
	bad := nudged(all[0], randomScalar())
	bad.Sender = "mallory"
	spoilt := append(slices.Clone(all), bad)
	together := func(all []Signature) int {
		good := make([]bool, len(all))
		v.verifyTogether(all, good)
		return count(good)
	}
	if n := together(spoilt); n != 0 {
		t.Fatalf("%d were found good together with a bad one", n)
	}
	agree(t, v, spoilt)
	if n := together(spoilt); n != len(all) {
		t.Errorf("%d of %d were found good together", n, len(all))
	}
	byMallory := slices.Clone(all)
	for i := range byMallory {
		byMallory[i].Sender = "mallory"
	}
	if n := together(byMallory); n != 0 {
		t.Errorf("%d of a suspect's were checked together", n)
	}
	for range probation {
		v.suspects.saw("mallory", true)
	}
	if n := together(byMallory); n != len(all) {
		t.Errorf("%d of %d were checked together after probation", n, len(all))
	}
}

// TestBounds: what is remembered has an end, and what is forgotten changes nothing.
func TestBounds(t *testing.T) {
	v := New()
	for i := range 2 * maxSuspects {
		v.suspects.saw(fmt.Sprint(i), false)
	}
	if n := len(v.suspects.left); n != maxSuspects {
		t.Errorf("%d senders are remembered", n)
	}
	last := fmt.Sprint(2*maxSuspects - 1)
	if v.suspects.saw(last, false); !v.suspects.has(last) || len(v.suspects.left) != maxSuspects {
		t.Error("who sent a bad one last isn't remembered")
	}
	all := signed(t, fewest, fewest, 40)
	if good := agree(t, v, all); good != fewest {
		t.Errorf("%d are good", good)
	}
	for i := range maxKeys {
		v.keys.points[[32]byte{byte(i), byte(i >> 8), 1}] = nil
	}
	if good := agree(t, v, all); good != fewest {
		t.Errorf("%d are good", good)
	}
	agree(t, v, signed(t, fewest, fewest, 40))
	if n := len(v.keys.points); n > maxKeys+fewest {
		t.Errorf("%d keys are remembered", n)
	}
}

// TestConcurrent has several goroutines share one Verifier.
func TestConcurrent(t *testing.T) {
	v := New()
	all := signed(t, 2*fewest, 10, 40)
	all[7] = nudged(all[7], randomScalar())
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for range 4 {
				mine := slices.Clone(all)
				random.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
				if good := agree(t, v, mine); good != len(all)-1 {
					t.Errorf("%d are good", good)
				}
			}
		})
	}
	group.Wait()
}

func count(good []bool) (n int) {
	for _, g := range good {
		if g {
			n++
		}
	}
	return n
}
