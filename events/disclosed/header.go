package disclosed

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/age"
)

// The header of an age file (age-encryption.org/v1) holds its file key, wrapped for each recipient in a stanza, and an
// HMAC over them by that key. So an authority encrypts what is kept for it anew to its next identity by the headers
// alone: what they are the headers of stays where it is kept, and unread.

const (
	ageVersion = "age-encryption.org/v1\n"
	ageStanza  = "-> "
	ageMAC     = "---"
	// MaxHeader bounds a header, in bytes: of a message's recipients at most, with room for what others add.
	MaxHeader = 16 << 10
)

// header is an age header, whose stanzas are as they were written.
type header struct {
	stanzas [][]byte
	mac     []byte // the last line
}

// parseHeader reads a header that has nothing after it.
func parseHeader(text []byte) (*header, error) {
	bad := errors.New("not the header of an age file")
	rest, ok := bytes.CutPrefix(text, []byte(ageVersion))
	if !ok || len(text) > MaxHeader || !bytes.HasSuffix(rest, []byte("\n")) {
		return nil, bad
	}
	h := &header{}
	for line := range bytes.Lines(rest) {
		last := len(h.stanzas) - 1
		switch {
		case h.mac != nil:
			return nil, bad
		case bytes.HasPrefix(line, []byte(ageStanza)):
			h.stanzas = append(h.stanzas, bytes.Clone(line))
		case bytes.HasPrefix(line, []byte(ageMAC+" ")):
			h.mac = line
		case last < 0:
			return nil, bad
		default:
			h.stanzas[last] = append(h.stanzas[last], line...)
		}
	}
	if h.mac == nil || len(h.stanzas) == 0 {
		return nil, bad
	}
	return h, nil
}

// signed is what the MAC is over, bytes its written form.
func (h *header) signed() []byte {
	return slices.Concat([]byte(ageVersion), bytes.Join(h.stanzas, nil), []byte(ageMAC))
}

func (h *header) bytes() []byte {
	return slices.Concat([]byte(ageVersion), bytes.Join(h.stanzas, nil), h.mac)
}

// stanza reads the one at a place.
func (h *header) stanza(i int) (*age.Stanza, error) {
	first, body, _ := strings.Cut(string(h.stanzas[i]), "\n")
	words := strings.Split(strings.TrimPrefix(first, ageStanza), " ")
	raw, err := base64.RawStdEncoding.Strict().DecodeString(strings.ReplaceAll(body, "\n", ""))
	return &age.Stanza{Type: words[0], Args: words[1:], Body: raw}, err
}

// writeStanza returns a stanza as it stands in a header: its body in lines of 64 characters, the last of which is shorter.
func writeStanza(s *age.Stanza) []byte {
	var out bytes.Buffer
	out.WriteString(ageStanza + strings.Join(append([]string{s.Type}, s.Args...), " ") + "\n")
	body := base64.RawStdEncoding.EncodeToString(s.Body)
	for ; len(body) >= 64; body = body[64:] {
		out.WriteString(body[:64] + "\n")
	}
	out.WriteString(body + "\n")
	return out.Bytes()
}

// Header returns the header of what a message holds.
func (m *Message) Header() ([]byte, error) {
	text, err := age.ExtractHeader(bytes.NewReader(m.Ciphertext))
	if err == nil {
		_, err = parseHeader(text)
	}
	if err != nil {
		return nil, fmt.Errorf("header of disclosures of %.200s of %s: %w", m.ID, m.Recorder, err)
	}
	return text, nil
}

// Rewrap returns a header that wraps the same file key for the identity next in the place of old, and for all others as
// it was.
func Rewrap(text []byte, old, next *age.X25519Identity) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("wrap the key of disclosures anew: %w", err) }
	h, err := parseHeader(text)
	if err != nil {
		return fail(err)
	}
	key, err := age.DecryptHeader(text, old)
	if err != nil {
		return fail(err)
	}
	own := -1
	for i := range h.stanzas {
		s, err := h.stanza(i)
		if err != nil {
			return fail(err)
		}
		if _, err := old.Unwrap([]*age.Stanza{s}); err == nil {
			own = i
		}
	}
	wrapped, err := next.Recipient().Wrap(key)
	if err != nil {
		return fail(err)
	}
	if own < 0 || len(wrapped) != 1 {
		return fail(errors.New("it has no one stanza for the old identity"))
	}
	h.stanzas[own] = writeStanza(wrapped[0])
	macKey, err := hkdf.Key(sha256.New, key, nil, "header", sha256.Size)
	if err != nil {
		return fail(err)
	}
	mac := hmac.New(sha256.New, macKey)
	mac.Write(h.signed())
	h.mac = []byte(ageMAC + " " + base64.RawStdEncoding.EncodeToString(mac.Sum(nil)) + "\n")
	if _, err := age.DecryptHeader(h.bytes(), next); err != nil {
		return fail(err)
	}
	return h.bytes(), nil
}

// WithHeader returns the message with another header, which wraps its key for next in the place of the recipient from.
// The two may differ in one stanza and the MAC, so that nobody takes from others what is for them by the stanzas; that
// the MAC is right only a recipient can tell.
func (m *Message) WithHeader(text []byte, from, next string) (*Message, error) {
	fail := func(err error) (*Message, error) {
		return nil, fmt.Errorf("another header for disclosures of %.200s of %s: %w", m.ID, m.Recorder, err)
	}
	before, err := m.Header()
	if err != nil {
		return fail(err)
	}
	was, err := parseHeader(before)
	if err != nil {
		return fail(err)
	}
	is, err := parseHeader(text)
	if err != nil {
		return fail(err)
	}
	if _, err := age.ParseX25519Recipient(next); err != nil {
		return fail(err)
	}
	differ := 0
	for i := range min(len(was.stanzas), len(is.stanzas)) {
		if !bytes.Equal(was.stanzas[i], is.stanzas[i]) {
			differ++
		}
	}
	at := slices.Index(m.Recipients, from)
	if at < 0 || len(is.stanzas) != len(was.stanzas) || differ != 1 {
		return fail(errors.New("it is to differ in the one stanza that is for the old recipient"))
	}
	again := *m
	again.Recipients = slices.Clone(m.Recipients)
	again.Recipients[at] = next
	again.Ciphertext = slices.Concat(text, m.Ciphertext[len(before):])
	if got, err := again.Header(); err != nil || !bytes.Equal(got, text) {
		return fail(errors.New("it is not in its one written form"))
	}
	return &again, nil
}
