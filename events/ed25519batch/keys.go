package ed25519batch

import (
	"crypto/ed25519"
	"sync"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// maxKeys is how many keys are remembered, in some 300 bytes each. Beyond, any of them is
// forgotten, and costs a check of a point's order when it comes again: less than a single
// check of a signature.
const maxKeys = 4096

// keys remembers the points of keys.
type keys struct {
	mu     sync.RWMutex
	points map[[ed25519.PublicKeySize]byte]*edwards25519.Point // nil: not for batches
}

func newKeys() keys {
	return keys{points: map[[ed25519.PublicKeySize]byte]*edwards25519.Point{}}
}

// point returns the point that a key encodes, or nil if its signatures are not for
// batches: the key is not the one encoding of a point, or the point has a component of
// small order.
func (k *keys) point(key ed25519.PublicKey, d2 *field.Element) *edwards25519.Point {
	if len(key) != ed25519.PublicKeySize {
		return nil
	}
	name := [ed25519.PublicKeySize]byte(key)
	k.mu.RLock()
	p, known := k.points[name]
	k.mu.RUnlock()
	if known {
		return p
	}
	if x, y, ok := decode(key); ok {
		var q affine
		q.set(x, y, d2)
		var sum point
		sum.setIdentity()
		if sum.addAffine(&q); sum.isTorsionFree(d2) {
			p, _ = new(edwards25519.Point).SetBytes(key)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if first, known := k.points[name]; known {
		return first // one point for a key: an equation tells keys apart by it
	}
	for other := range k.points {
		if len(k.points) < maxKeys {
			break
		}
		delete(k.points, other)
	}
	k.points[name] = p
	return p
}
