package ed25519batch

import (
	"crypto/ed25519"
	"runtime"
	"sync"

	"filippo.io/edwards25519/field"
)

const (
	// fewest is how many signatures gain by being checked together: what a batch costs
	// whatever its size is worth some 50 single checks.
	fewest = 96
	// enough is how many make a batch that is worth a processor of its own. Twice as many
	// take some 15 % less for each.
	enough = 512
	// most is how many make one batch. More gain nothing by it, and one bad signature has
	// all of them checked again.
	most = 4096
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
	if len(all) >= fewest {
		inParts(len(all), parts(len(all)), func(from, to int) { v.verifyTogether(all[from:to], good[from:to]) })
	}
	var rest []int
	for i := range good {
		if !good[i] {
			rest = append(rest, i)
		}
	}
	inParts(len(rest), runtime.GOMAXPROCS(0), func(from, to int) {
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
	e := newEquation(len(all), v.d2)
	var in []int
	for i := range all {
		s := &all[i]
		if v.suspects.has(s.Sender) {
			continue
		}
		if a := v.keys.point(s.Key, v.d2); a != nil && e.add(a, s) {
			in = append(in, i)
		}
	}
	if len(in) == 0 || !e.holds() {
		return
	}
	for _, i := range in {
		good[i] = true
	}
}

// parts returns how many batches n signatures make: one for each processor if that leaves
// enough for each, and more where they would be too large.
func parts(n int) int {
	return max(min(n/enough, runtime.GOMAXPROCS(0)), (n+most-1)/most, 1)
}

// inParts does n things in so many parts at once, which are as large as each other.
func inParts(n, parts int, do func(from, to int)) {
	parts = min(parts, n)
	var others sync.WaitGroup
	for i := 1; i < parts; i++ {
		others.Go(func() { do(i*n/parts, (i+1)*n/parts) })
	}
	if parts > 0 {
		do(0, n/parts)
	}
	others.Wait()
}
