package ed25519batch

import (
	"crypto/ed25519"
	"testing"
)

// FuzzVerify: an equation with nothing but one signature in it holds if and only if the
// standard library takes the signature, and so does a batch of good ones with it.
func FuzzVerify(f *testing.F) {
	for _, s := range signed(f, 3, 2, 40) {
		f.Add([]byte(s.Key), s.Message, s.Sig)
	}
	for _, attempt := range crafted(f) {
		f.Add([]byte(attempt[0].Key), attempt[0].Message, attempt[0].Sig)
	}
	v := New()
	others := signed(f, fewest, 3, 40)
	f.Fuzz(func(t *testing.T, key, message, sig []byte) {
		if len(key) != ed25519.PublicKeySize {
			return
		}
		s := Signature{Key: key, Message: message, Sig: sig, Sender: "fuzz"}
		if !alone(t, v, &s) {
			return
		}
		agree(t, New(), append([]Signature{s}, others...))
	})
}
