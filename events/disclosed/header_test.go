package disclosed_test

import (
	"bytes"
	"slices"
	"testing"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/events/disclosed"
)

// message is one about a person for some identities.
func message(t testing.TB, to ...*age.X25519Identity) (*disclosed.Message, int) {
	t.Helper()
	recorder, line, list := made(t)
	var recipients []string
	for _, identity := range to {
		recipients = append(recipients, identity.Recipient().String())
	}
	m, err := disclosed.Seal(recorder, line, list, recipients)
	if err != nil {
		t.Fatal(err)
	}
	return m, len(list)
}

func identities(t testing.TB, n int) (out []*age.X25519Identity) {
	t.Helper()
	for range n {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, identity)
	}
	return out
}

// With another header the next identity opens what the old one opened, the others go on,
// and what is opened is what was sealed.
func TestRewrap(t *testing.T) {
	who := identities(t, 4)
	for own := range 3 {
		m, n := message(t, who[:3]...)
		header, err := m.Header()
		if err != nil {
			t.Fatal(err)
		}
		again, err := disclosed.Rewrap(header, who[own], who[3])
		if err != nil {
			t.Fatal(err)
		}
		moved, err := m.WithHeader(again, who[own].Recipient().String(), who[3].Recipient().String())
		if err != nil {
			t.Fatal(err)
		}
		text, err := moved.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if moved, err = disclosed.Parse(text); err != nil {
			t.Fatal(err)
		}
		for i, identity := range who {
			list, err := moved.Open(identity)
			if (err == nil) != (i != own) || err == nil && len(list) != n {
				t.Errorf("stanza %d moved: identity %d opens %d, %v", own, i, len(list), err)
			}
		}
		if !slices.Contains(moved.Recipients, who[3].Recipient().String()) || slices.Contains(moved.Recipients, who[own].Recipient().String()) {
			t.Errorf("recipients %v", moved.Recipients)
		}
	}
}

// Nobody moves what isn't theirs.
func TestWithHeaderRefuses(t *testing.T) {
	who := identities(t, 4)
	m, _ := message(t, who[:2]...)
	other, _ := message(t, who[0])
	header, err := m.Header()
	if err != nil {
		t.Fatal(err)
	}
	again, err := disclosed.Rewrap(header, who[0], who[3])
	if err != nil {
		t.Fatal(err)
	}
	both, err := disclosed.Rewrap(again, who[1], who[2])
	if err != nil {
		t.Fatal(err)
	}
	shorter, err := other.Header()
	if err != nil {
		t.Fatal(err)
	}
	old, next := who[0].Recipient().String(), who[3].Recipient().String()
	for name, c := range map[string]struct {
		header     []byte
		from, next string
	}{
		"the same header": {header, old, next}, "both stanzas": {both, old, next}, "one stanza less": {shorter, old, next}, "no header": {[]byte("age"), old, next},
		"more after it": {append(bytes.Clone(again), "x\n"...), old, next}, "of nobody": {again, next, old}, "to nobody": {again, old, "nobody"}, "nothing": {nil, old, next},
	} {
		if _, err := m.WithHeader(c.header, c.from, c.next); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := disclosed.Rewrap(header, who[2], who[3]); err == nil {
		t.Error("a stranger wraps the key")
	}
	if _, err := disclosed.Rewrap(again, who[0], who[3]); err == nil {
		t.Error("the old identity wraps the key again")
	}
}

// A header that is taken is one that age takes with the same bytes after it.
func FuzzHeader(f *testing.F) {
	who := identities(f, 2)
	m, _ := message(f, who...)
	header, err := m.Header()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header)
	f.Add([]byte("age-encryption.org/v1\n-> X25519 a\n\n--- b\n"))
	f.Add([]byte("age-encryption.org/v1\n--- b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		moved, err := m.WithHeader(text, who[0].Recipient().String(), who[1].Recipient().String())
		if err != nil {
			return
		}
		got, err := moved.Header()
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%q is read as %q, %v", text, got, err)
		}
	})
}
