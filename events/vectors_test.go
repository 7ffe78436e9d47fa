package events_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
)

var update = flag.Bool("update", false, "make the vectors in testdata anew; they are fixed, and others rely on them")

var vectorsFile = filepath.Join("testdata", "vectors", "envelopes.json")

// p256VectorsFile holds the vectors with ECDSA P-256 keys, apart from those that
// were there before.
var p256VectorsFile = filepath.Join("testdata", "vectors", "envelopes-p256.json")

// envelopeVectors is for readers of envelopes in any language. A reader with the
// keys, and nothing else, must come to the conclusion of each vector.
type envelopeVectors struct {
	About   string           `json:"about"`
	Keys    []string         `json:"keys"` // DER SubjectPublicKeyInfo, base64
	Vectors []envelopeVector `json:"vectors"`
}

type envelopeVector struct {
	Name string `json:"name"`
	// Conclusion is accepted, malformed, unknown_key, bad_signature or
	// digest_mismatch: the first of these that is so, in admission's order.
	Conclusion string `json:"conclusion"`
	Why        string `json:"why,omitempty"`
	Body       []byte `json:"body"` // base64
	// What is read from an envelope that is not malformed.
	Recorder    string        `json:"recorder,omitempty"`
	Incarnation uint64        `json:"incarnation,omitempty"`
	First       uint64        `json:"first,omitempty"`
	Events      int           `json:"events,omitempty"`
	Manifest    events.Digest `json:"manifest,omitzero"`
	Line1       events.Digest `json:"line1,omitzero"`
	SignedBytes []byte        `json:"signedBytes,omitempty"` // DSSE's PAE, base64
}

// conclude is a reader of envelopes, by this package.
func conclude(body []byte, keys map[events.KeyID]events.PublicKey) (string, *events.Envelope) {
	e, err := events.ParseEnvelope(body)
	if err != nil {
		return "malformed", nil
	}
	for _, line := range e.Lines {
		if _, err := events.ParseEvent(line); err != nil {
			return "malformed", nil
		}
	}
	for _, s := range e.Signatures {
		if _, ok := keys[s.KeyID]; !ok {
			return "unknown_key", e
		}
	}
	for _, s := range e.Signatures {
		if !keys[s.KeyID].Verify(e.SignedBytes(), s.Sig) {
			return "bad_signature", e
		}
	}
	if e.CheckDigests() != nil {
		return "digest_mismatch", e
	}
	return "accepted", e
}

func TestEnvelopeVectors(t *testing.T) {
	if *update {
		makeEnvelopeVectors(t)
		makeP256Vectors(t)
	}
	for file, least := range map[string]int{vectorsFile: 40, p256VectorsFile: 20} {
		checkEnvelopeVectors(t, file, least)
	}
}

func checkEnvelopeVectors(t *testing.T, file string, least int) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all envelopeVectors
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	keys := map[events.KeyID]events.PublicKey{}
	for _, k := range all.Keys {
		key, err := events.ParsePublicKey(k)
		if err != nil {
			t.Fatal(err)
		}
		keys[key.ID()] = key
	}
	if len(all.Vectors) < least {
		t.Errorf("%d vectors", len(all.Vectors))
	}
	for _, v := range all.Vectors {
		got, e := conclude(v.Body, keys)
		if got != v.Conclusion {
			t.Errorf("%s: %s: want %s", v.Name, got, v.Conclusion)
		}
		if e == nil {
			continue
		}
		if m := e.Manifest; m.Recorder.String() != v.Recorder || m.Incarnation != v.Incarnation || m.First != v.First || len(m.Events) != v.Events ||
			e.ManifestDigest() != v.Manifest || events.DigestOf(e.Line1()) != v.Line1 || !bytes.Equal(e.SignedBytes(), v.SignedBytes) {
			t.Errorf("%s: it is read as %+v", v.Name, m)
		}
	}
}

// vectorMaker damages a good envelope.
type vectorMaker struct {
	t       *testing.T
	all     envelopeVectors
	keys    map[events.KeyID]events.PublicKey
	signer  *events.Signer
	good    []byte
	payload []byte
	lines   [][]byte
}

func makeEnvelopeVectors(t *testing.T) {
	k := &vectorMaker{t: t, keys: map[events.KeyID]events.PublicKey{}, signer: fixedSigner(t, "vectors 1")}
	k.all.About = "Envelopes, and what a reader that has these keys must conclude. Made once with keys whose seeds are SHA-256(\"vectors 1\") and SHA-256(\"vectors 2\"). " +
		"Conclusions are in the order malformed, unknown_key, bad_signature, digest_mismatch: the first that is so. Limits of size, registry and schemas play no part."
	for _, name := range []string{"vectors 1", "vectors 2"} {
		key := fixedSigner(t, name).PublicKey()
		k.keys[key.ID()] = key
		k.all.Keys = append(k.all.Keys, key.String())
	}
	k.lines = [][]byte{
		[]byte(`{"specversion":"1.0","id":"a-1","source":"/nimbus-my/lab-1/bastion-1","type":"saksi.access.performed.v1","time":"2026-11-23T08:15:30Z","nonce":"AAAAAAAAAAAAAAAAAAAAAA","data":{"operation":"kvm <attach> & \u00f6"}}`),
		[]byte(`{"specversion":"1.0", "id":"a-2","source":"/nimbus-my/lab-1/bastion-1","type":"saksi.access.performed.v1","time":"2026-11-23T08:15:31Z","nonce":"BBBBBBBBBBBBBBBBBBBBBA","data":{}}`),
	}
	e := k.seal(events.Manifest{Incarnation: 1, First: 18, Previous: events.DigestOf([]byte("previous"))}, k.lines, "vectors 1")
	k.good, k.payload = e.Marshal(), e.Manifest.Marshal()
	k.addGood()
	k.addDamagedText()
	k.addDamagedManifests()
	k.addDamagedSignatures()

	k.write(vectorsFile)
}

func (k *vectorMaker) write(file string) {
	text, err := json.MarshalIndent(k.all, "", "  ")
	if err != nil {
		k.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		k.t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		k.t.Fatal(err)
	}
}

func (k *vectorMaker) seal(m events.Manifest, lines [][]byte, signers ...string) *events.Envelope {
	m.Recorder, _ = events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	var keys []*events.Signer
	for _, name := range signers {
		keys = append(keys, fixedSigner(k.t, name))
	}
	e, err := events.Seal(&m, lines, keys...)
	if err != nil {
		k.t.Fatal(err)
	}
	return e
}

func (k *vectorMaker) add(conclusion, name, why string, body []byte) {
	v := envelopeVector{Name: name, Conclusion: conclusion, Why: why, Body: body}
	if e, err := events.ParseEnvelope(body); err == nil && conclusion != "malformed" {
		m := e.Manifest
		v.Recorder, v.Incarnation, v.First, v.Events = m.Recorder.String(), m.Incarnation, m.First, len(m.Events)
		v.Manifest, v.Line1, v.SignedBytes = e.ManifestDigest(), events.DigestOf(e.Line1()), e.SignedBytes()
	}
	k.all.Vectors = append(k.all.Vectors, v)
}

func (k *vectorMaker) addGood() {
	k.add("accepted", "two events", "", k.good)
	k.add("accepted", "the very first, without previous", "", k.seal(events.Manifest{Incarnation: 1, First: 1}, k.lines, "vectors 1").Marshal())
	k.add("accepted", "two signatures", "", k.seal(events.Manifest{Incarnation: 1, First: 1}, k.lines, "vectors 1", "vectors 2").Marshal())
	k.add("accepted", "the largest numbers", "", k.seal(events.Manifest{Incarnation: events.MaxSequence, First: events.MaxSequence - 1}, k.lines, "vectors 1").Marshal())
	k.add("unknown_key", "a key that is not among the keys", "", k.seal(events.Manifest{Incarnation: 1, First: 1}, k.lines, "vectors 3").Marshal())
	k.add("unknown_key", "one of two keys is not among the keys", "all signatures count", k.seal(events.Manifest{Incarnation: 1, First: 1}, k.lines, "vectors 1", "vectors 3").Marshal())
}

// replaced returns the good envelope after a change to its text.
func (k *vectorMaker) replaced(from, to string) []byte {
	if !bytes.Contains(k.good, []byte(from)) {
		k.t.Fatalf("nothing there to replace: %s", from)
	}
	return bytes.Replace(k.good, []byte(from), []byte(to), 1)
}

func (k *vectorMaker) addDamagedText() {
	k.add("malformed", "empty", "", nil)
	k.add("malformed", "no last line feed", "every line ends with one", bytes.TrimSuffix(k.good, []byte("\n")))
	k.add("malformed", "CRLF", "lines end with a line feed alone", bytes.ReplaceAll(k.good, []byte("\n"), []byte("\r\n")))
	k.add("malformed", "an empty line at the end", "an empty line is no event", append(bytes.Clone(k.good), '\n'))
	k.add("malformed", "byte order mark", "", append([]byte("\ufeff"), k.good...))
	k.add("malformed", "white space in line 1", "line 1 has one written form", k.replaced(`"payload":`, `"payload": `))
	k.add("malformed", "a key more in line 1", "line 1 has one written form", k.replaced(`{"payloadType"`, `{"x":1,"payloadType"`))
	k.add("malformed", "another payload type", "", k.replaced("manifest.v1", "manifest.v2"))
	k.add("malformed", "base64 with a line break escaped", "line 1 has no escapes", k.replaced(`"payload":"`, `"payload":"\n`))
	k.add("malformed", "base64url", "base64 is the standard one", k.replaced(`"sig":"`, `"sig":"_-`))
	k.add("malformed", "a name twice in an event", "strict JSON", k.replaced(`"specversion":"1.0",`, `"specversion":"1.0","specversion":"1.0",`))
	k.add("malformed", "invalid UTF-8 in an event", "strict JSON", k.replaced("kvm", "\xff"))
	k.add("malformed", "half a surrogate pair in an event", "strict JSON", k.replaced("kvm", `\ud800`))
	k.add("malformed", "33 deep in an event", "at most 32", k.replaced(`"data":{}`, `"data":{"a":`+strings.Repeat("[", 31)+strings.Repeat("]", 31)+`}`))
	k.add("digest_mismatch", "32 deep in an event", "32 is allowed; the event is not the one signed", k.replaced(`"data":{}`, `"data":{"a":`+strings.Repeat("[", 30)+strings.Repeat("]", 30)+`}`))
	k.add("digest_mismatch", "white space taken out of an event", "the digest is over bytes", k.replaced(`"1.0", "id"`, `"1.0","id"`))
	k.add("digest_mismatch", "an escape written out in an event", "the digest is over bytes", k.replaced(`\u00f6`, `ö`))
	k.add("digest_mismatch", "an event missing", "", k.good[:bytes.LastIndexByte(k.good[:len(k.good)-1], '\n')+1])
	k.add("digest_mismatch", "an event too many", "", append(append(bytes.Clone(k.good), k.lines[0]...), '\n'))
	line1, _, _ := bytes.Cut(k.good, []byte("\n"))
	k.add("digest_mismatch", "events swapped", "", bytes.Join([][]byte{line1, k.lines[1], k.lines[0], nil}, []byte("\n")))
}

// wire writes an envelope around any payload.
func (k *vectorMaker) wire(payload []byte, signatures ...string) []byte {
	line1 := `{"payloadType":"` + events.PayloadType + `","payload":"` + base64.StdEncoding.EncodeToString(payload) + `","signatures":[` + strings.Join(signatures, ",") + `]}`
	return bytes.Join([][]byte{[]byte(line1), k.lines[0], k.lines[1], nil}, []byte("\n"))
}

func (k *vectorMaker) signature(message []byte) string {
	sig, err := k.signer.Sign(nil, message)
	if err != nil {
		k.t.Fatal(err)
	}
	return k.named(sig)
}

func (k *vectorMaker) named(sig []byte) string {
	return `{"keyid":"` + string(k.signer.PublicKey().ID()) + `","sig":"` + base64.StdEncoding.EncodeToString(sig) + `"}`
}

func (k *vectorMaker) addDamagedManifests() {
	for _, row := range []struct{ name, why, from, to string }{
		{"white space in the manifest", "a manifest has one written form", `,"incarnation"`, `, "incarnation"`},
		{"manifest of version 2", "", `"v":1`, `"v":2`},
		{"incarnation 0", "they count from 1", `"incarnation":1`, `"incarnation":0`},
		{"first 0", "sequence numbers count from 1", `"first":18`, `"first":0`},
		{"first 2^53-1 with two events", "the last would be 2^53", `"first":18`, `"first":9007199254740991`},
		{"first with a zero before", "", `"first":18`, `"first":018`},
		{"first as 18.0", "", `"first":18`, `"first":18.0`},
		{"previous all zero", "a first manifest has no previous at all", events.DigestOf([]byte("previous")).String(), events.Digest{}.String()},
		{"digest in upper case", "", `"events":["sha256:`, `"events":["SHA256:`},
		{"recorder of four parts", "", "bastion-1", "bastion-1/x"},
		{"recorder in upper case", "", "bastion-1", "Bastion-1"},
		{"a key more in the manifest", "a manifest has one written form", `{"v":1`, `{"v":1,"x":0`},
	} {
		payload := bytes.Replace(k.payload, []byte(row.from), []byte(row.to), 1)
		if bytes.Equal(payload, k.payload) {
			k.t.Fatalf("nothing there to replace: %s", row.from)
		}
		message := append([]byte("DSSEv1 38 "+events.PayloadType+" "), payload...)
		k.add("malformed", row.name, row.why, k.wire(payload, k.signature(message)))
	}
	k.add("malformed", "no events in the manifest", "an envelope has one event at least", k.wire([]byte(`{"v":1,"recorder":"nimbus-my/lab-1/bastion-1","incarnation":1,"first":1,"events":[]}`)))
}

func (k *vectorMaker) addDamagedSignatures() {
	e, err := events.ParseEnvelope(k.good)
	if err != nil {
		k.t.Fatal(err)
	}
	flipped := bytes.Clone(e.Signatures[0].Sig)
	flipped[0] ^= 1
	k.add("bad_signature", "a bit flipped in R", "", k.wire(k.payload, k.named(flipped)))
	k.add("bad_signature", "63 bytes", "", k.wire(k.payload, k.named(e.Signatures[0].Sig[:63])))
	k.add("bad_signature", "empty signature", "", k.wire(k.payload, k.named(nil)))
	k.add("bad_signature", "all zeros", "", k.wire(k.payload, k.named(make([]byte, ed25519.SignatureSize))))
	k.add("bad_signature", "over the bare manifest", "the signature is over DSSE's pre-authentication encoding", k.wire(k.payload, k.signature(k.payload)))
	k.add("bad_signature", "over another manifest", "", k.wire(bytes.Replace(k.payload, []byte(`"first":18`), []byte(`"first":19`), 1), k.signature(e.SignedBytes())))
	k.add("malformed", "the same key twice", "a key signs once", k.wire(k.payload, k.signature(e.SignedBytes()), k.signature(e.SignedBytes())))
	k.add("accepted", "no signatures", "how many are needed is admission's to say", k.wire(k.payload))
}
