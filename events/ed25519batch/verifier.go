package ed25519batch

import (
	"crypto/ed25519"
	"runtime"
	"sync"
	"sync/atomic"

	"filippo.io/edwards25519/field"
)

const (
	// fewest is how many signatures gain by being checked together: what a batch costs
	// whatever its size is worth some 50 single checks.
	fewest = 96
	// most is how many make one batch. More gain nothing by it, and one bad signature has
	// all of them checked again.
	most = 4096
	// share is how many are worth a processor of their own.
	share = 128
)

// Signature is what is to be checked.
type Signature struct {
	Key          ed25519.PublicKey
	Message, Sig []byte
	// Sender is who answers for it if it is bad: whoever sent the message, which needn't be
	// who is said to have signed it.
	Sender string
}

// Verifier checks signatures. It remembers keys, and who sent bad signatures, both within
// bounds, and none of it changes a verdict. It is safe for concurrent use.
type Verifier struct {
	keys     keys
	suspects suspects
	d2       *field.Element
}

// New returns a Verifier that has seen nothing.
func New() *Verifier {
	return &Verifier{keys: newKeys(), suspects: newSuspects(), d2: twiceD()}
}

// Verify returns for each signature whether it is good, by the rules of
// [crypto/ed25519.Verify], and like it panics if a key does not have 32 bytes. It uses all
// processors if there is enough to do.
func (v *Verifier) Verify(all []Signature) []bool {
	good := make([]bool, len(all))
	for from := 0; len(all)-from >= fewest; {
		to := min(from+most, len(all))
		v.verifyTogether(all[from:to], good[from:to])
		from = to
	}
	var rest []int
	for i := range good {
		if !good[i] {
			rest = append(rest, i)
		}
	}
	inParts(len(rest), runtime.GOMAXPROCS(0), func(_, from, to int) {
		for _, i := range rest[from:to] {
			s := &all[i]
			good[i] = ed25519.Verify(s.Key, s.Message, s.Sig)
			v.suspects.saw(s.Sender, good[i])
		}
	})
	return good
}

// verifyTogether marks what is good beyond doubt. Of the rest it says nothing.
func (v *Verifier) verifyTogether(all []Signature, good []bool) {
	parts := make([]*equation, max(min(len(all)/share, runtime.GOMAXPROCS(0)), 1))
	taken := make([]bool, len(all))
	var n atomic.Int64
	inParts(len(all), len(parts), func(part, from, to int) {
		e := newEquation(to-from, v.d2)
		for i := from; i < to; i++ {
			s := &all[i]
			if v.suspects.has(s.Sender) {
				continue
			}
			if a := v.keys.point(s.Key, v.d2); a != nil {
				taken[i] = e.add(a, s)
			}
		}
		n.Add(int64(len(e.r)))
		e.sum()
		parts[part] = e
	})
	whole := parts[0]
	for _, part := range parts[1:] {
		whole.merge(part)
	}
	if n.Load() >= fewest && whole.holds() {
		copy(good, taken)
	}
}

// inParts does n things in so many parts at once, which are as large as each other.
func inParts(n, parts int, do func(part, from, to int)) {
	var others sync.WaitGroup
	for i := 1; i < parts; i++ {
		others.Go(func() { do(i, i*n/parts, (i+1)*n/parts) })
	}
	do(0, 0, n/parts)
	others.Wait()
}
