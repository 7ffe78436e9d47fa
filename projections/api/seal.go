package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// A page's cursor and the id of a change tell how many changes a view has had. Those
// whose mandate is bounded would learn from them how much there is beyond it. They get
// them sealed: only the server that wrote one can read it.
type seal struct {
	aead cipher.AEAD
	mac  []byte
}

// newSeal makes a seal of a secret of 32 bytes. Without one, what it seals can't be
// read after the process ends.
func newSeal(secret []byte) (*seal, error) {
	if secret == nil {
		secret = make([]byte, 32)
		rand.Read(secret)
	}
	if len(secret) != 32 {
		return nil, fmt.Errorf("the secret that marks are sealed with has %d bytes: want 32", len(secret))
	}
	derive := func(use string) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte("saksi api marks v1 " + use))
		return h.Sum(nil)
	}
	block, err := aes.NewCipher(derive("encrypt"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &seal{aead: aead, mac: derive("nonce")}, err
}

// Lengths are filled up, for they would tell how many digits there are.
const (
	sealedMark   = 64
	sealedCursor = 256
)

// hide seals a text for one use. The same text makes the same mark, so that an event
// has one id however often it is sent; unless it is to be told from any other.
func (s *seal) hide(use, text string, fresh bool) string {
	if fresh {
		var salt [8]byte
		rand.Read(salt[:])
		text += "\x00" + hex.EncodeToString(salt[:])
	}
	block := sealedMark
	if use == cursorUse {
		block = sealedCursor
	}
	text += strings.Repeat("\x00", block-len(text)%block)
	h := hmac.New(sha256.New, s.mac)
	fmt.Fprintf(h, "%s\x00%s", use, text)
	nonce := h.Sum(nil)[:s.aead.NonceSize()]
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, []byte(text), []byte(use)))
}

// show opens what hide sealed for the same use.
func (s *seal) show(use, mark string) (string, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(mark)
	if err != nil || len(b) < s.aead.NonceSize() {
		return "", false
	}
	text, err := s.aead.Open(nil, b[:s.aead.NonceSize()], b[s.aead.NonceSize():], []byte(use))
	if err != nil {
		return "", false
	}
	before, _, _ := strings.Cut(string(text), "\x00")
	return before, true
}
