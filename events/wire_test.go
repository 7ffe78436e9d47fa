package events_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// TestDisclosureOfTheStandard uses the example of RFC 9901, sections 4.2.1 and
// 4.2.3. Its white space and ö are the RFC's own: a digest is over the text as
// it was sent.
func TestDisclosureOfTheStandard(t *testing.T) {
	const text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
	d := events.Disclosure(text)
	name, value, err := d.Open()
	if err != nil || name != "family_name" || value != "Möbius" {
		t.Errorf("%q, %v, %v", name, value, err)
	}
	if got := d.Digest(); got != "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0" {
		t.Errorf("its digest is %s", got)
	}
}

func TestDisclosures(t *testing.T) {
	a, err := events.NewDisclosure("name", "Ali <ali@example.my> & Co", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := events.NewDisclosure("name", "Ali <ali@example.my> & Co", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if a == b || a.Digest() == b.Digest() {
		t.Error("two disclosures of the same are the same: they can be guessed")
	}
	if name, value, err := a.Open(); err != nil || name != "name" || value != "Ali <ali@example.my> & Co" {
		t.Errorf("%q, %v, %v", name, value, err)
	}
	for n := range 10 {
		sd, err := events.SD(slices.Repeat([]events.Disclosure{a}, n), rand.Reader)
		if err != nil || len(sd)%4 != 0 || len(sd) < n || (n == 0) != (sd == nil) || !slices.IsSorted(sd) {
			t.Errorf("%d disclosures become %d digests: %v", n, len(sd), err)
		}
	}
	if _, err := events.NewDisclosure("x", func() {}, rand.Reader); err == nil {
		t.Error("a function is disclosed")
	}
	if _, err := events.NewDisclosure("x", 1, strings.NewReader("short")); err == nil {
		t.Error("a salt is made of too little randomness")
	}
	for _, bad := range []events.Disclosure{"", "*", "WyJhIl0", "WzEsMiwzXQ", "e30", "bnVsbA", "WyJhIiwi\nYiIsMV0", "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0="} {
		if name, value, err := bad.Open(); err == nil {
			t.Errorf("%q opens as %q, %v", bad, name, value)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "0": true, "a-": true, "nimbus-my": true, strings.Repeat("a", 40): true,
		"": false, "-a": false, strings.Repeat("a", 41): false, "A": false, "a.b": false, "a/b": false, "a_b": false, "ü": false, "a b": false, "a\n": false, "*": false, ">": false,
	} {
		if got := events.ValidName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	for _, row := range []struct{ name, subject, party string }{
		{"nimbus-my/lab-1/bastion-1", "events.nimbus-my.lab-1.bastion-1", "nimbus-my"},
		{"registry/mcmc", "registry.mcmc", "registry.mcmc"},
		{"ledger", "ledger", ""},
		{"registry/mcmc/x", "events.registry.mcmc.x", "registry"},
	} {
		r, err := events.ParseRecorder(row.name)
		if err != nil {
			t.Fatal(err)
		}
		if r.String() != row.name || r.Source() != "/"+row.name || r.Subject() != row.subject || r.Party() != row.party {
			t.Errorf("%s: %q, %q, %q, %q", row.name, r, r.Source(), r.Subject(), r.Party())
		}
		if back, err := events.ParseSubject(row.subject); err != nil || back != r {
			t.Errorf("%s comes back as %s: %v", row.subject, back, err)
		}
	}
	for _, subject := range []string{
		"", "events", "events.", "events.a", "events.a.b", "events.a.b.c.d", "events..b.c", "events.A.b.c", "events.ledger", "events.registry.mcmc",
		"registry", "registry.", "registry.a.b", "a.b.c.d", "ledger.x", "events.a.b.*", "events.a.>",
	} {
		if r, err := events.ParseSubject(subject); err == nil {
			t.Errorf("%q is read as %s", subject, r)
		}
	}
}

func TestDigests(t *testing.T) {
	const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	d, err := events.ParseDigest(empty)
	if err != nil || d != events.DigestOf(nil) || d.String() != empty || d.IsZero() {
		t.Errorf("%s, %v", d, err)
	}
	for _, bad := range []string{"", "sha256:", strings.ToUpper(empty), empty[7:], empty + "0", empty[:70], "sha512" + empty[6:], " " + empty, empty[:70] + "g", empty[:70] + "F"} {
		if d, err := events.ParseDigest(bad); err == nil {
			t.Errorf("%q is read as %s", bad, d)
		}
		if err := json.Unmarshal([]byte(`"`+bad+`"`), &d); err == nil {
			t.Errorf("%q is read as %s in JSON", bad, d)
		}
	}
	if d != events.DigestOf(nil) {
		t.Error("a digest that can't be read changes what was there")
	}
}

func TestKeys(t *testing.T) {
	k, err := events.ParsePublicKey(someKey)
	if err != nil || k.String() != someKey || k.ID() != someKeyID || k.IsZero() || k.Algorithm() != events.Ed25519 {
		t.Fatalf("%s, id %s, %v", k, k.ID(), err)
	}
	if none := (events.PublicKey{}); none.Verify(nil, nil) || none.Algorithm() != "" || none.Crypto() != nil {
		t.Error("no key is something")
	}
	for name, bad := range map[string]string{
		"nothing": "", "no base64": "***", "white space": someKey + "\n", "no padding": someKey[:59], "cut short": someKey[:56],
		"more after": someKey[:59] + "AAAA=", "bare key": "J+pRM+o0gj2Ou8ag6RMrumo4WFuIguHrMDx5COA2h4U=",
	} {
		if k, err := events.ParsePublicKey(bad); err == nil {
			t.Errorf("%s: read as %s", name, k)
		}
	}
	signer := fixedSigner(t, "k")
	sig, err := signer.Sign(rand.Reader, []byte("message"))
	if err != nil || !signer.PublicKey().Verify([]byte("message"), sig) || signer.PublicKey().Verify([]byte("massage"), sig) || k.Verify([]byte("message"), sig) {
		t.Errorf("%x, %v", sig, err)
	}
}

func TestSealRefusesWhatCannotBeRead(t *testing.T) {
	r, _ := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	key := fixedSigner(t, "k")
	line := []byte(`{}`)
	for name, seal := range map[string]func() (*events.Envelope, error){
		"no events": func() (*events.Envelope, error) {
			return events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: 1}, nil, key)
		},
		"1,001 events": func() (*events.Envelope, error) {
			return events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: 1}, slices.Repeat([][]byte{line}, 1001), key)
		},
		"no signer": func() (*events.Envelope, error) {
			return events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: 1}, [][]byte{line})
		},
		"nine signers": func() (*events.Envelope, error) {
			return events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: 1}, [][]byte{line}, slices.Repeat([]*events.Signer{key}, 9)...)
		},
		"a line feed": func() (*events.Envelope, error) {
			return events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: 1}, [][]byte{[]byte("{\n}")}, key)
		},
		"too many bytes": func() (*events.Envelope, error) {
			return events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: 1}, [][]byte{bytes.Repeat([]byte("x"), events.MaxEnvelope)}, key)
		},
	} {
		if e, err := seal(); err == nil {
			t.Errorf("%s: sealed as %d bytes", name, e.Size())
		}
	}
	whole, err := events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: 1}, slices.Repeat([][]byte{line}, 1000), key)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := events.ParseEnvelope(whole.Marshal()); err != nil || back.CheckDigests() != nil || back.Manifest.Last() != 1000 {
		t.Errorf("%v", err)
	}
}

// TestEventsComeBack writes events with what JSON has trouble with.
func TestEventsComeBack(t *testing.T) {
	r, _ := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	at := time.Date(2026, 11, 23, 16, 15, 30, 120_000_000, time.FixedZone("MYT", 8*3600))
	for _, data := range []any{
		map[string]any{}, map[string]any{"text": "<a href='x'>&amp;\u2028\x00\"\\"}, json.RawMessage(`{"n":1e2, "m" : [ ]}`), map[string]any{"ö": 1 << 53},
	} {
		e, err := events.NewEvent(r, "saksi.access.performed.v1", "id <1>", at, data, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		e.Subject = "host <0113> & more"
		line, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := events.ParseEvent(line)
		if err != nil || back.ID != e.ID || back.Subject != e.Subject || back.Time != "2026-11-23T08:15:30.12Z" || back.Nonce != e.Nonce || len(back.Nonce) != 22 {
			t.Errorf("%s\ncomes back as %+v, %v", line, back, err)
		}
		if again, err := back.Marshal(); err != nil || !bytes.Equal(again, line) {
			t.Errorf("%s\nis written again as\n%s", line, again)
		}
		if bytes.ContainsAny(line, "\n\r") || bytes.Contains(line, []byte(`\u003c`)) {
			t.Errorf("%s", line)
		}
	}
}
