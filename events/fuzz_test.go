package events_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/schemas"
)

// fixedSigner is a key that everybody may know.
func fixedSigner(t testing.TB, name string) *events.Signer {
	t.Helper()
	seed := events.DigestOf([]byte(name))
	s, err := events.NewSigner(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exampleLines are the schemas' examples of one type, a line each.
func exampleLines(t testing.TB, eventType string) (lines [][]byte) {
	t.Helper()
	for _, e := range schemas.Examples() {
		if e.Type == eventType && e.Valid {
			var b bytes.Buffer
			if err := json.Compact(&b, e.Event); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, b.Bytes())
		}
	}
	return lines
}

func sealed(t testing.TB, m events.Manifest, signers ...string) *events.Envelope {
	t.Helper()
	var err error
	if m.Recorder, err = events.ParseRecorder("garuda-cloud/kul-dc-2/control-plane"); err != nil {
		t.Fatal(err)
	}
	var keys []*events.Signer
	for _, name := range signers {
		keys = append(keys, fixedSigner(t, name))
	}
	e, err := events.Seal(&m, exampleLines(t, events.TypeAccessPerformed), keys...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// FuzzParseEnvelope holds that what is accepted has one written form: it is
// written again here from its parts, byte for byte.
func FuzzParseEnvelope(f *testing.F) {
	good := sealed(f, events.Manifest{Incarnation: 1, First: 18, Previous: events.DigestOf(nil)}, "a", "b")
	f.Add(good.Marshal())
	f.Add(sealed(f, events.Manifest{Incarnation: 1, First: 1}, "a").Marshal())
	f.Add(append(bytes.Clone(good.Line1()), '\n'))
	p256, err := events.Seal(&events.Manifest{Recorder: good.Manifest.Recorder, Incarnation: 1, First: 1}, good.Lines, p256Signer(f, "a"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p256.Marshal())
	f.Add([]byte("\n"))
	f.Add([]byte(`{"payloadType":"application/vnd.saksi.manifest.v1+json","payload":"","signatures":[]}` + "\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := events.ParseEnvelope(body)
		if err != nil {
			return
		}
		if again := e.Marshal(); !bytes.Equal(again, body) || e.Size() != len(body) {
			t.Errorf("%q\nis written again as\n%q", body, again)
		}
		var line1 strings.Builder
		fmt.Fprintf(&line1, `{"payloadType":"%s","payload":"%s","signatures":[`, events.PayloadType, base64.StdEncoding.EncodeToString(e.Manifest.Marshal()))
		for i, s := range e.Signatures {
			if i > 0 {
				line1.WriteByte(',')
			}
			fmt.Fprintf(&line1, `{"keyid":"%s","sig":"%s"}`, s.KeyID, base64.StdEncoding.EncodeToString(s.Sig))
		}
		line1.WriteString("]}")
		if line1.String() != string(e.Line1()) || !json.Valid(e.Line1()) {
			t.Errorf("line 1\n%q\nis written from its parts as\n%q", e.Line1(), line1.String())
		}
		if e.ManifestDigest() != events.DigestOf(e.Manifest.Marshal()) {
			t.Error("the manifest's digest is not of what it is written as")
		}
		if e.CheckDigests() == nil && len(e.Lines) != len(e.Manifest.Events) {
			t.Error("lines and digests differ in number, and nobody says so")
		}
	})
}

// FuzzParseManifest holds that a manifest has one written form, and that any JSON
// reader finds the same in it.
func FuzzParseManifest(f *testing.F) {
	f.Add(sealed(f, events.Manifest{Incarnation: 1, First: 1}, "a").Manifest.Marshal())
	f.Add(sealed(f, events.Manifest{Incarnation: 3, First: events.MaxSequence - 9, Previous: events.DigestOf(nil)}, "a").Manifest.Marshal())
	f.Add([]byte(`{"v":1,"recorder":"registry/mcmc","incarnation":1,"first":1,"events":["` + events.DigestOf(nil).String() + `"]}`))
	f.Add([]byte(`{"v":1,"recorder":"ledger","incarnation":9007199254740991,"first":1,"events":["` + events.DigestOf(nil).String() + `"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := events.ParseManifest(text)
		if err != nil {
			return
		}
		if again := m.Marshal(); !bytes.Equal(again, text) {
			t.Errorf("%q\nis written again as\n%q", text, again)
		}
		var plain struct {
			V           int
			Recorder    string
			Incarnation uint64
			First       uint64
			Previous    events.Digest
			Events      []events.Digest
		}
		if err := json.Unmarshal(text, &plain); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if plain.V != 1 || plain.Recorder != m.Recorder.String() || plain.Incarnation != m.Incarnation || plain.First != m.First ||
			plain.Previous != m.Previous || !reflect.DeepEqual(plain.Events, m.Events) {
			t.Errorf("%q is read as %+v, by encoding/json as %+v", text, m, plain)
		}
		if m.Last() < m.First || m.Last() > events.MaxSequence {
			t.Errorf("%q goes to %d", text, m.Last())
		}
	})
}

// FuzzParseEvent holds that an event means the same to any JSON reader, and that
// what is written from it comes back.
func FuzzParseEvent(f *testing.F) {
	for _, typ := range schemas.Types() {
		for _, line := range exampleLines(f, typ) {
			f.Add(line)
		}
	}
	for _, line := range []string{
		`{"id":"1","source":"/","type":"x"}`, `{"id":"1","source":"/","type":"x","id":"2"}`, `{"id":"1","source":"/","type":"x","ID":"2"}`,
		`{"id":"1","source":"/","type":"x","data":{"a":1,"\u0061":2}}`, "{\"id\":\"\xff\",\"source\":\"/\",\"type\":\"x\"}",
		`{"id":"\ud800","source":"/","type":"x"}`, `{"id":"\u2028<&>","source":"/","type":"x","data":{"a": [ 1e400 ] }}`, `{"id":"1","source":"/","type":"x","data":null}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := events.ParseEvent(line)
		if why := notStrict(line); why != "" && err == nil {
			t.Fatalf("%q is read, and has %s", line, why)
		}
		if err != nil {
			return
		}
		var plain map[string]json.RawMessage
		if err := json.Unmarshal(line, &plain); err != nil {
			t.Fatalf("%q is read, and encoding/json says %v", line, err)
		}
		for name, got := range map[string]string{"id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject, "time": e.Time, "nonce": e.Nonce} {
			var want string
			if raw, ok := plain[name]; ok {
				if err := json.Unmarshal(raw, &want); err != nil {
					t.Fatalf("%q: %s: %v", line, name, err)
				}
			}
			if got != want {
				t.Errorf("%q: %s is read as %q, by encoding/json as %q", line, name, got, want)
			}
		}
		if !bytes.Equal(bytes.TrimSpace(plain["data"]), e.Data) {
			t.Errorf("%q: data is read as %q, by encoding/json as %q", line, e.Data, plain["data"])
		}
		ours, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := events.ParseEvent(ours)
		if err != nil {
			t.Fatalf("%q\nis written as\n%q: %v", line, ours, err)
		}
		if again, err := back.Marshal(); err != nil || !bytes.Equal(again, ours) {
			t.Errorf("%q\nis written again as\n%q (%v)", ours, again, err)
		}
	})
}

// notStrict says what of RFC 7493 a text of JSON does not keep, by a reader that
// has nothing in common with the one that is tested. On what is no JSON it says
// nothing.
func notStrict(text []byte) string {
	if !utf8.Valid(text) {
		return "invalid UTF-8"
	}
	if !json.Valid(text) {
		return "no JSON"
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var names []map[string]bool // of each object around; nil for a list
	name := false               // the next string is a name
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return ""
		} else if err != nil {
			return ""
		}
		in := func() map[string]bool {
			if len(names) == 0 {
				return nil
			}
			return names[len(names)-1]
		}
		switch token {
		case json.Delim('{'):
			names, name = append(names, map[string]bool{}), true
			if len(names) > events.MaxDepth {
				return "too much depth"
			}
			continue
		case json.Delim('['):
			names, name = append(names, nil), false
			if len(names) > events.MaxDepth {
				return "too much depth"
			}
			continue
		case json.Delim('}'), json.Delim(']'):
			names = names[:len(names)-1]
		default:
			if s, ok := token.(string); ok && name {
				if in()[s] {
					return "a name twice"
				}
				in()[s] = true
				name = false
				continue
			}
		}
		name = in() != nil
	}
}

// FuzzParsePublicKey holds that a key has one written form, the same one whichever
// library writes it, and so one identifier.
func FuzzParsePublicKey(f *testing.F) {
	f.Add(someKey)
	f.Add(p256Signer(f, "a").PublicKey().String())
	f.Add("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := events.ParsePublicKey(text)
		if err != nil {
			return
		}
		der, err := x509.MarshalPKIXPublicKey(k.Crypto())
		if err != nil || base64.StdEncoding.EncodeToString(der) != text || k.String() != text {
			t.Errorf("%q is written again as %s: %v", text, k, err)
		}
		if sum := sha256.Sum256(der); string(k.ID()) != hex.EncodeToString(sum[:]) {
			t.Errorf("%q has the id %s", text, k.ID())
		}
		if again, err := events.NewPublicKey(k.Crypto()); err != nil || again.ID() != k.ID() || again.Algorithm() != k.Algorithm() {
			t.Errorf("%q: %v", text, err)
		}
	})
}
