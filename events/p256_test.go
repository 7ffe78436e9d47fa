package events_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"math/big"
	"os"
	"slices"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"

	"github.com/saksi-ledger/saksi/events"
)

// p256Key is a key that everybody may know.
func p256Key(t testing.TB, name string) *ecdsa.PrivateKey {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func p256Signer(t testing.TB, name string) *events.Signer {
	t.Helper()
	s, err := events.NewSigner(p256Key(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// spki is a SubjectPublicKeyInfo as anybody might write it.
type spki struct {
	Algorithm struct {
		Algorithm  asn1.ObjectIdentifier
		Parameters asn1.RawValue
	}
	Point asn1.BitString
}

// TestP256KeyHasOneWrittenForm holds keys to the form whose digest is their id.
func TestP256KeyHasOneWrittenForm(t *testing.T) {
	key := p256Key(t, "p-256")
	signer := p256Signer(t, "p-256")
	public := signer.PublicKey()
	again, err := events.ParsePublicKey(public.String())
	if err != nil || again.ID() != public.ID() || again.Algorithm() != events.ECDSAP256 || len(public.String()) != 124 ||
		!key.PublicKey.Equal(again.Crypto()) {
		t.Fatalf("%s comes back as %s: %v", public, again, err)
	}

	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*spki)) string {
		var s spki
		if _, err := asn1.Unmarshal(der, &s); err != nil {
			t.Fatal(err)
		}
		change(&s)
		out, err := asn1.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(out)
	}
	compressed := append([]byte{2 + point[64]&1}, point[1:33]...)
	hybrid := append([]byte{6 + point[64]&1}, point[1:]...)
	off := bytes.Clone(point)
	off[64] ^= 1
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"compressed point":         changed(func(s *spki) { s.Point = asn1.BitString{Bytes: compressed, BitLength: 8 * len(compressed)} }),
		"hybrid point":             changed(func(s *spki) { s.Point = asn1.BitString{Bytes: hybrid, BitLength: 8 * len(hybrid)} }),
		"a point off the curve":    changed(func(s *spki) { s.Point = asn1.BitString{Bytes: off, BitLength: 8 * len(off)} }),
		"the point at infinity":    changed(func(s *spki) { s.Point = asn1.BitString{Bytes: []byte{0}, BitLength: 8} }),
		"no curve":                 changed(func(s *spki) { s.Algorithm.Parameters = asn1.NullRawValue }),
		"id-ecDH as the algorithm": changed(func(s *spki) { s.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 3, 132, 1, 12} }),
		"P-384":                    base64.StdEncoding.EncodeToString(other),
		"bytes after it":           base64.StdEncoding.EncodeToString(append(bytes.Clone(der), 0)),
		"a long form of a length":  base64.StdEncoding.EncodeToString(append([]byte{0x30, 0x81}, der[1:]...)),
		"the bare point":           base64.StdEncoding.EncodeToString(point),
		"a line break in base64":   public.String()[:64] + "\n" + public.String()[64:],
	} {
		if k, err := events.ParsePublicKey(text); err == nil {
			t.Errorf("%s: read as %s", name, k)
		}
	}
	if changed(func(*spki) {}) != public.String() {
		t.Error("this test does not write keys as they are")
	}
}

// ecdsaSig is RFC 3279's ECDSA-Sig-Value.
type ecdsaSig struct{ R, S *big.Int }

// twin returns the other signature that follows from one, without the key: (r, n-s).
func twin(t testing.TB, sig []byte) []byte {
	t.Helper()
	var v ecdsaSig
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		t.Fatal(err)
	}
	v.S.Sub(elliptic.P256().Params().N, v.S)
	out, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestP256Signatures(t *testing.T) {
	signer, key := p256Signer(t, "p-256"), p256Key(t, "p-256")
	public, message := signer.PublicKey(), []byte("message")
	sig, err := signer.Sign(rand.Reader, message)
	if err != nil || !public.Verify(message, sig) || public.Verify([]byte("massage"), sig) {
		t.Fatalf("%x: %v", sig, err)
	}
	if other := twin(t, sig); bytes.Equal(other, sig) || !public.Verify(message, other) {
		t.Error("its twin is not a signature, as the standard library has it")
	}
	if p256Signer(t, "another").PublicKey().Verify(message, sig) {
		t.Error("another key takes it for its own")
	}

	digest := sha256.Sum256(message)
	for name, bad := range badP256(t, key, sig, message, digest[:]) {
		if public.Verify(message, bad) {
			t.Errorf("%s is taken for a signature", name)
		}
	}
}

// badP256 are things that are not signatures of the message.
func badP256(t testing.TB, key *ecdsa.PrivateKey, sig, message, digest []byte) map[string][]byte {
	t.Helper()
	var v ecdsaSig
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		t.Fatal(err)
	}
	der := func(r, s *big.Int) []byte {
		out, err := asn1.Marshal(ecdsaSig{r, s})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	n := elliptic.P256().Params().N
	flat := append(v.R.FillBytes(make([]byte, 32)), v.S.FillBytes(make([]byte, 32))...)
	overMessage, err := ecdsa.SignASN1(rand.Reader, key, message)
	if err != nil {
		t.Fatal(err)
	}
	twice := sha256.Sum256(digest)
	overTwice, err := ecdsa.SignASN1(rand.Reader, key, twice[:])
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"nothing": nil, "r and s without DER": flat, "a byte after it": append(bytes.Clone(sig), 0), "cut short": sig[:len(sig)-1],
		"a long form of its length": append([]byte{0x30, 0x81}, sig[1:]...), "r and s swapped": der(v.S, v.R),
		"s above n": der(v.R, new(big.Int).Add(v.S, n)), "r above n": der(new(big.Int).Add(v.R, n), v.S), "s negative": der(v.R, new(big.Int).Neg(v.S)),
		"r zero": der(new(big.Int), v.S), "s zero": der(v.R, new(big.Int)), "both zero": der(new(big.Int), new(big.Int)), "n and n": der(n, n),
		"over the message itself": overMessage, "over the digest's digest": overTwice,
	}
}

// elsewhere is a key that is held elsewhere.
type elsewhere struct {
	crypto.Signer
	public crypto.PublicKey
	sign   func(digest []byte) ([]byte, error)
}

func (e elsewhere) Public() crypto.PublicKey { return e.public }

func (e elsewhere) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return e.sign(digest)
}

// TestSignerHeldElsewhere: what a key that is held elsewhere returns is verified
// before it is used.
func TestSignerHeldElsewhere(t *testing.T) {
	key, away := p256Key(t, "p-256"), errors.New("it is away")
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]elsewhere{
		"away":       {public: &key.PublicKey, sign: func([]byte) ([]byte, error) { return nil, away }},
		"flat":       {public: &key.PublicKey, sign: func([]byte) ([]byte, error) { return make([]byte, 64), nil }},
		"another's":  {public: &key.PublicKey, sign: func(d []byte) ([]byte, error) { return p256Key(t, "another").Sign(rand.Reader, d, crypto.SHA256) }},
		"prehashed":  {public: ed.Public(), sign: func(m []byte) ([]byte, error) { d := sha256.Sum256(m); return ed25519.Sign(ed, d[:]), nil }},
		"of Ed25519": {public: &key.PublicKey, sign: func(m []byte) ([]byte, error) { return ed25519.Sign(ed, m), nil }},
	} {
		signer, err := events.NewSigner(s)
		if err != nil {
			t.Fatal(err)
		}
		if sig, err := signer.Sign(rand.Reader, []byte("message")); err == nil || name == "away" && !errors.Is(err, away) {
			t.Errorf("%s: %x, %v", name, sig, err)
		}
	}
	for name, public := range map[string]crypto.PublicKey{"none": nil, "a pointer to Ed25519": &ed, "an ECDH key": func() any { k, _ := key.ECDH(); return k.PublicKey() }()} {
		if _, err := events.NewSigner(elsewhere{public: public}); err == nil {
			t.Errorf("a key of %s signs", name)
		}
	}
}

// makeP256Vectors makes envelopes signed by a P-256 key, and their damaged twins.
func makeP256Vectors(t *testing.T) {
	key, signer := p256Key(t, "vectors p-256 1"), p256Signer(t, "vectors p-256 1")
	k := &vectorMaker{t: t, keys: map[events.KeyID]events.PublicKey{}, signer: signer}
	k.all.About = "Envelopes signed with ECDSA P-256, and what a reader that has these keys must conclude, as in envelopes.json. " +
		"Made once with keys whose private numbers are SHA-256(\"vectors p-256 1\") and SHA-256(\"vectors p-256 2\"), and with the Ed25519 key of seed SHA-256(\"vectors 1\")."
	for _, s := range []*events.Signer{signer, p256Signer(t, "vectors p-256 2"), fixedSigner(t, "vectors 1")} {
		k.keys[s.PublicKey().ID()] = s.PublicKey()
		k.all.Keys = append(k.all.Keys, s.PublicKey().String())
	}
	k.lines = [][]byte{
		[]byte(`{"specversion":"1.0","id":"a-1","source":"/nimbus-my/lab-1/bastion-1","type":"saksi.access.performed.v1","time":"2026-11-23T08:15:30Z","nonce":"AAAAAAAAAAAAAAAAAAAAAA","data":{}}`),
		[]byte(`{"specversion":"1.0","id":"a-2","source":"/nimbus-my/lab-1/bastion-1","type":"saksi.access.performed.v1","time":"2026-11-23T08:15:31Z","nonce":"BBBBBBBBBBBBBBBBBBBBBA","data":{}}`),
	}
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(signers ...*events.Signer) *events.Envelope {
		e, err := events.Seal(&events.Manifest{Recorder: recorder, Incarnation: 1, First: 1}, k.lines, signers...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := sealed(signer)
	k.good, k.payload = e.Marshal(), e.Manifest.Marshal()
	sig, message := e.Signatures[0].Sig, e.SignedBytes()
	again, err := signer.Sign(rand.Reader, message)
	if err != nil {
		t.Fatal(err)
	}
	k.add("accepted", "one P-256 signature", "", k.good)
	k.add("accepted", "the twin of that signature, (r, n-s)", "both are signatures of this manifest; the digest of line 1 differs, that of the manifest does not", k.wire(k.payload, k.named(twin(t, sig))))
	k.add("accepted", "signed a second time", "ECDSA gives another signature each time", k.wire(k.payload, k.named(again)))
	k.add("accepted", "two P-256 keys", "", sealed(signer, p256Signer(t, "vectors p-256 2")).Marshal())
	k.add("accepted", "P-256 and Ed25519", "", sealed(signer, fixedSigner(t, "vectors 1")).Marshal())
	k.add("unknown_key", "a P-256 key that is not among the keys", "", sealed(p256Signer(t, "vectors p-256 3")).Marshal())
	k.add("malformed", "a signature and its twin, by one key", "a key signs once", k.wire(k.payload, k.named(sig), k.named(twin(t, sig))))

	digest := sha256.Sum256(message)
	bad := badP256(t, key, sig, message, digest[:])
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		k.add("bad_signature", name, "a signature is the DER of ECDSA-Sig-Value over the SHA-256 of DSSE's pre-authentication encoding", k.wire(k.payload, k.named(bad[name])))
	}
	bare, err := signer.Sign(rand.Reader, k.payload)
	if err != nil {
		t.Fatal(err)
	}
	k.add("bad_signature", "over the bare manifest", "the signature is over DSSE's pre-authentication encoding", k.wire(k.payload, k.named(bare)))
	sha512Sum := sha512.Sum512(message)
	bySHA512, err := ecdsa.SignASN1(rand.Reader, key, sha512Sum[:])
	if err != nil {
		t.Fatal(err)
	}
	k.add("bad_signature", "over the SHA-512", "", k.wire(k.payload, k.named(bySHA512)))
	k.signer = p256Signer(t, "vectors p-256 2")
	k.add("bad_signature", "another key's signature", "", k.wire(k.payload, k.named(sig)))
	k.signer = fixedSigner(t, "vectors 1")
	k.add("bad_signature", "in the name of an Ed25519 key", "", k.wire(k.payload, k.named(sig)))
	k.write(p256VectorsFile)
}

// TestP256EnvelopesByDSSE has an independent DSSE implementation, with its own ECDSA
// verifier, come to the vectors' conclusions about signatures.
func TestP256EnvelopesByDSSE(t *testing.T) {
	text, err := os.ReadFile(p256VectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var all envelopeVectors
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	var verifiers []dsse.Verifier
	for _, k := range all.Keys {
		key, err := events.ParsePublicKey(k)
		if err != nil {
			t.Fatal(err)
		}
		pub, ok := key.Crypto().(*ecdsa.PublicKey)
		if !ok {
			continue
		}
		v, err := signerverifier.NewECDSASignerVerifierFromSSLibKey(&signerverifier.SSLibKey{
			KeyIDHashAlgorithms: []string{"sha256"}, KeyType: signerverifier.ECDSAKeyType, Scheme: signerverifier.ECDSAKeyScheme,
			KeyID: string(key.ID()), KeyVal: signerverifier.KeyVal{Public: pemOf(t, pub)},
		})
		if err != nil {
			t.Fatal(err)
		}
		verifiers = append(verifiers, v)
	}
	asked := 0
	for _, v := range all.Vectors {
		if v.Conclusion == "malformed" {
			continue
		}
		e, err := events.ParseEnvelope(v.Body)
		if err != nil {
			t.Fatal(err)
		}
		// Theirs wants one good signature of several, and skips keys it hasn't.
		if len(e.Signatures) != 1 && v.Conclusion != "accepted" {
			continue
		}
		verifier, err := dsse.NewEnvelopeVerifier(verifiers...)
		if err != nil {
			t.Fatal(err)
		}
		var envelope dsse.Envelope
		if err := json.Unmarshal(e.Line1(), &envelope); err != nil {
			t.Fatal(err)
		}
		keys, payload, err := verifier.VerifyAndDecode(t.Context(), &envelope)
		if (err == nil && len(keys) > 0) != (v.Conclusion == "accepted") {
			t.Errorf("%s: %d keys, %v: want %s", v.Name, len(keys), err, v.Conclusion)
		}
		if err == nil && !bytes.Equal(payload, e.Manifest.Marshal()) {
			t.Errorf("%s: the payload is read as %q", v.Name, payload)
		}
		asked++
	}
	if asked < 15 {
		t.Errorf("%d vectors were asked about", asked)
	}
}

func pemOf(t *testing.T, pub crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
