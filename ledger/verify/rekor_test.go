package verify_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

// testRekor makes entries as a Rekor does, with a key that the test holds, so that
// it can sign what no honest one would. Entries of real Rekors are in
// TestSigstoreConformance and in the tests of ledger/evidence.
type testRekor struct {
	trusted verify.TrustedRekor
	key     crypto.Signer
	name    string // of its key on notes
	origin  string
	logID   []byte
	before  uint64 // entries in earlier shards
	tree
}

// fixedECDSA returns an ECDSA P-256 key that everybody may know.
func fixedECDSA(t testing.TB, name string) *ecdsa.PrivateKey {
	t.Helper()
	seed := sha256.Sum256([]byte("ECDSA key of " + name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func spki(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// newRekor makes a Rekor of a version, with a key of Ed25519 or ECDSA P-256, which
// holds some entries already.
func newRekor(t testing.TB, version int, host string, ed bool) *testRekor {
	t.Helper()
	r := &testRekor{name: host, origin: host}
	if ed {
		seed := sha256.Sum256([]byte("Rekor key of " + host))
		r.key = ed25519.NewKeyFromSeed(seed[:])
	} else {
		r.key = fixedECDSA(t, host)
	}
	der := spki(t, r.key.Public())
	id := sha256.Sum256(der)
	if version == 1 {
		r.origin, r.before = host+" - 77", 1000
	} else if ed {
		id = sha256.Sum256(append([]byte(host+"\n\x01"), r.key.Public().(ed25519.PublicKey)...))
	}
	r.logID = id[:]
	r.trusted = verify.TrustedRekor{Origin: r.origin, Key: base64.StdEncoding.EncodeToString(der), Version: version, Owner: "somebody else", Independent: true}
	for i := range 5 {
		r.add(t, fmt.Appendf(nil, "entry %d", i))
	}
	return r
}

// Name, KeyHash and Sign make a note.Signer of it.
func (r *testRekor) Name() string    { return r.name }
func (r *testRekor) KeyHash() uint32 { return binary.BigEndian.Uint32(r.logID) }
func (r *testRekor) Sign(message []byte) ([]byte, error) {
	if _, ok := r.key.(*ecdsa.PrivateKey); ok {
		digest := sha256.Sum256(message)
		return r.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	return r.key.Sign(rand.Reader, message, crypto.Hash(0))
}

// entry logs a body and returns the entry.
func (r *testRekor) entry(t testing.TB, version string, body []byte) *verify.LogEntry {
	t.Helper()
	index := len(r.leaves)
	r.add(t, body)
	e := &verify.LogEntry{LogIndex: uint64(index) + r.before, CanonicalizedBody: body}
	e.LogID.KeyID = r.logID
	e.KindVersion.Kind, e.KindVersion.Version = "hashedrekord", version
	proof, err := tlog.ProveRecord(int64(len(r.leaves)), int64(index), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range proof {
		e.InclusionProof.Hashes = append(e.InclusionProof.Hashes, h[:])
	}
	e.InclusionProof.LogIndex = uint64(index)
	r.cover(t, e, int64(len(r.leaves)))
	if r.trusted.Version == 1 {
		e.IntegratedTime = 1_800_000_000
		r.promise(t, e)
	}
	return e
}

// cover gives an entry a checkpoint of a size.
func (r *testRekor) cover(t testing.TB, e *verify.LogEntry, size int64) {
	t.Helper()
	root, err := tlog.TreeHash(size, r)
	if err != nil {
		t.Fatal(err)
	}
	e.InclusionProof.TreeSize, e.InclusionProof.RootHash = uint64(size), root[:]
	e.InclusionProof.Checkpoint.Envelope = string(sign(t, r, fmt.Sprintf("%s\n%d\n%s\n", r.origin, size, root)))
}

// promise signs an entry's time, as version 1 does.
func (r *testRekor) promise(t testing.TB, e *verify.LogEntry) {
	t.Helper()
	text, err := json.Marshal(map[string]any{ // whose keys are sorted, as in RFC 8785
		"body": e.CanonicalizedBody, "integratedTime": e.IntegratedTime, "logID": hex.EncodeToString(e.LogID.KeyID), "logIndex": e.LogIndex,
	})
	if err != nil {
		t.Fatal(err)
	}
	sig, err := r.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	e.InclusionPromise = &verify.InclusionPromise{SignedEntryTimestamp: sig}
}

// record is the body that a Rekor makes of a signature over text.
func (r *testRekor) record(t testing.TB, text []byte, key *ecdsa.PrivateKey) (version string, body []byte) {
	t.Helper()
	digest := sha256.Sum256(text)
	sig, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	der := spki(t, key.Public())
	if r.trusted.Version == 1 {
		return "0.0.1", fmt.Appendf(nil, `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"%x"}},"signature":{"content":"%s","publicKey":{"content":"%s"}}}}`,
			digest, base64.StdEncoding.EncodeToString(sig), base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	}
	return "0.0.2", fmt.Appendf(nil, `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"%s"},"signature":{"content":"%s","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"%s"}}}}}}`,
		base64.StdEncoding.EncodeToString(digest[:]), base64.StdEncoding.EncodeToString(sig), base64.StdEncoding.EncodeToString(der))
}

// anchor logs a signature over text.
func (r *testRekor) anchor(t testing.TB, text []byte, key *ecdsa.PrivateKey) *verify.LogEntry {
	version, body := r.record(t, text, key)
	return r.entry(t, version, body)
}

func allRekors(t testing.TB) []*testRekor {
	return []*testRekor{
		newRekor(t, 1, "rekor-1.example", false), newRekor(t, 1, "rekor-1e.example", true),
		newRekor(t, 2, "rekor-2.example", true), newRekor(t, 2, "rekor-2c.example", false),
	}
}

func TestAnchor(t *testing.T) {
	key, text := fixedECDSA(t, "anchor"), []byte("a checkpoint\n")
	for _, r := range allRekors(t) {
		e := r.anchor(t, text, key)
		a, err := r.trusted.VerifyAnchor(e.Marshal(), text, fixedECDSA(t, "another").Public().(*ecdsa.PublicKey), &key.PublicKey)
		if err != nil {
			t.Errorf("%s: %v", r.origin, err)
			continue
		}
		if a.Rekor != r.origin || a.Owner != "somebody else" || !a.Independent || a.Index != 5+r.before || a.Checkpoint.Size != 6 ||
			a.Checkpoint.Origin != r.origin || a.IntegratedTime.IsZero() != (r.trusted.Version == 2) {
			t.Errorf("%s: %+v", r.origin, a)
		}
		// As protobuf's JSON mapping reads it, and writes it, white space and all.
		var message v1.TransparencyLogEntry
		if err := protojson.Unmarshal(e.Marshal(), &message); err != nil {
			t.Fatal(err)
		}
		for _, options := range []protojson.MarshalOptions{{}, {Multiline: true}, {EmitUnpopulated: true}} {
			other, err := options.Marshal(&message)
			if err != nil {
				t.Fatal(err)
			}
			back, err := verify.ParseLogEntry(other)
			if err != nil || !bytes.Equal(back.Marshal(), e.Marshal()) {
				t.Errorf("%s\ncomes back from protobuf as\n%s, %v", e.Marshal(), other, err)
			}
		}
	}
}

// TestAnchorThatIsNone: what a Rekor, whoever anchors, or whoever keeps the entry
// could put there instead.
func TestAnchorThatIsNone(t *testing.T) {
	key, other, text := fixedECDSA(t, "anchor"), fixedECDSA(t, "another"), []byte("a checkpoint\n")
	for _, r := range allRekors(t) {
		version, body := r.record(t, text, key)
		sizeBefore := int64(len(r.leaves))
		for _, row := range []struct {
			name, says string
			only       int // version
			make       func() *verify.LogEntry
		}{
			{"signed by another key", "none of the ledger's anchor keys", 0, func() *verify.LogEntry { return r.anchor(t, text, other) }},
			{"over another text", "about other bytes", 0, func() *verify.LogEntry { return r.anchor(t, []byte("another"), key) }},
			{"a signature that does not hold", "signature over the checkpoint does not hold", 0, func() *verify.LogEntry {
				_, wrong := r.record(t, []byte("another"), key)
				from, to := signatureIn(t, wrong), signatureIn(t, body)
				return r.entry(t, version, replaced(t, body, to, from))
			}},
			{"another kind", "it is said to be of kind", 0, func() *verify.LogEntry { e := r.entry(t, version, body); e.KindVersion.Kind = "dsse"; return e }},
			{"a body of another kind", "of kind", 0, func() *verify.LogEntry {
				return r.entry(t, version, replaced(t, body, `"kind":"hashedrekord"`, `"kind":"rekord"`))
			}},
			{"a member more", "no hashedrekord", 0, func() *verify.LogEntry { return r.entry(t, version, replaced(t, body, `"kind"`, `"x":1,"kind"`)) }},
			{"a member twice", "no hashedrekord", 0, func() *verify.LogEntry {
				return r.entry(t, version, replaced(t, body, `"kind"`, `"kind":"hashedrekord","kind"`))
			}},
			{"another log's id", "another log", 0, func() *verify.LogEntry {
				e := r.entry(t, version, body)
				e.LogID.KeyID = bytes.Repeat([]byte{1}, 32)
				return e
			}},
			{"a log id cut short", "another log", 0, func() *verify.LogEntry { e := r.entry(t, version, body); e.LogID.KeyID = e.LogID.KeyID[:4]; return e }},
			{"another index", map[int]string{1: "over its time does not hold", 2: "its inclusion proof is for"}[r.trusted.Version], 0, func() *verify.LogEntry { e := r.entry(t, version, body); e.LogIndex++; return e }},
			{"another index in the tree", "does not lead to the root", 0, func() *verify.LogEntry { e := r.entry(t, version, body); e.InclusionProof.LogIndex--; return e }},
			{"an index beyond the tree", "is not in a tree", 0, func() *verify.LogEntry {
				e := r.entry(t, version, body)
				e.InclusionProof.LogIndex += 1 << 40
				return e
			}},
			{"an index below its own shard's", "over all shards", 1, func() *verify.LogEntry {
				e := r.entry(t, version, body)
				e.LogIndex = 0
				r.promise(t, e)
				return e
			}},
			{"another size in the proof", "its checkpoint of", 0, func() *verify.LogEntry { e := r.entry(t, version, body); e.InclusionProof.TreeSize++; return e }},
			{"another root in the proof", "another root", 0, func() *verify.LogEntry { e := r.entry(t, version, body); e.InclusionProof.RootHash[3] ^= 1; return e }},
			{"the checkpoint of a smaller tree", "is not in a tree", 0, func() *verify.LogEntry { e := r.entry(t, version, body); r.cover(t, e, sizeBefore); return e }},
			{"a hash changed", "does not lead to the root", 0, func() *verify.LogEntry {
				e := r.entry(t, version, body)
				e.InclusionProof.Hashes[0][31] ^= 0x80
				return e
			}},
			{"a hash missing", "does not lead to the root", 0, func() *verify.LogEntry {
				e := r.entry(t, version, body)
				e.InclusionProof.Hashes = e.InclusionProof.Hashes[1:]
				return e
			}},
			{"the body changed", "does not lead to the root", 0, func() *verify.LogEntry {
				e := r.entry(t, version, body)
				e.CanonicalizedBody = append([]byte(" "), body...)
				return e
			}},
			{"the checkpoint of another log", "origin", 0, func() *verify.LogEntry {
				e := r.entry(t, version, body)
				e.InclusionProof.Checkpoint.Envelope = string(sign(t, r, fmt.Sprintf("other.example\n%d\n%s\n", len(r.leaves), tlog.Hash(e.InclusionProof.RootHash))))
				return e
			}},
			{"a checkpoint that is not signed", "checkpoint", 0, func() *verify.LogEntry {
				e := r.entry(t, version, body)
				e.InclusionProof.Checkpoint.Envelope, _, _ = strings.Cut(e.InclusionProof.Checkpoint.Envelope, "\n\n")
				return e
			}},
			{"no promise", "no signed time", 1, func() *verify.LogEntry { e := r.entry(t, version, body); e.InclusionPromise = nil; return e }},
			{"another time", "over its time does not hold", 1, func() *verify.LogEntry { e := r.entry(t, version, body); e.IntegratedTime--; return e }},
			{"a time from version 2", "does not give", 2, func() *verify.LogEntry { e := r.entry(t, version, body); e.IntegratedTime = 1; return e }},
			{"a promise from version 2", "does not give", 2, func() *verify.LogEntry { e := r.entry(t, version, body); r.promise(t, e); return e }},
		} {
			if row.only != 0 && row.only != r.trusted.Version {
				continue
			}
			r.add(t, []byte("between "+row.name)) // or the same body would stand beside itself
			_, err := r.trusted.VerifyAnchor(row.make().Marshal(), text, &key.PublicKey)
			t.Run(r.origin+", "+row.name, func(t *testing.T) { expect(t, err, row.says) })
		}
	}
}

// TestCosignedAnchor: a checkpoint that witnesses have cosigned is as good as one
// that they haven't.
func TestCosignedAnchor(t *testing.T) {
	key, text := fixedECDSA(t, "anchor"), []byte("a checkpoint\n")
	witness, _ := fixedLog(t, "witness.example")
	for _, r := range allRekors(t) {
		e := r.anchor(t, text, key)
		_, err := note.Open([]byte(e.InclusionProof.Checkpoint.Envelope), note.VerifierList())
		var unverified *note.UnverifiedNoteError
		if !errors.As(err, &unverified) {
			t.Fatal(err)
		}
		n := unverified.Note
		cosigned, err := note.Sign(&note.Note{Text: n.Text, UnverifiedSigs: n.UnverifiedSigs}, witness)
		if err != nil {
			t.Fatal(err)
		}
		e.InclusionProof.Checkpoint.Envelope = string(cosigned)
		_, err = r.trusted.VerifyAnchor(e.Marshal(), text, &key.PublicKey)
		expect(t, err, "")
	}
}

func TestRekorKeys(t *testing.T) {
	r := newRekor(t, 2, "rekor-2.example", true)
	public := r.key.Public().(ed25519.PublicKey)
	vkey := fmt.Sprintf("%s+%08x+%s", r.origin, r.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{1}, public...)))
	key, text := fixedECDSA(t, "anchor"), []byte("a checkpoint\n")
	entry := r.anchor(t, text, key).Marshal()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ says, origin, key string }{
		{"", r.origin, vkey},
		{"", r.origin, r.trusted.Key},
		{"its key is one of", "other.example", vkey},
		{"another log by its id", "other.example", r.trusted.Key},
		{"another log by its id", r.origin, newRekor(t, 2, "rekor-3.example", true).trusted.Key},
		{"neither", r.origin, "x"},
		{"another curve", r.origin, base64.StdEncoding.EncodeToString(spki(t, p384.Public()))},
		{"can't be the name", "a b", r.trusted.Key},
		{"can't be the name", "", r.trusted.Key},
	} {
		trusted := verify.TrustedRekor{Origin: row.origin, Key: row.key, Version: 2}
		_, err := trusted.VerifyAnchor(entry, text, &key.PublicKey)
		expect(t, err, row.says)
	}
	for _, version := range []int{0, 3} {
		trusted := verify.TrustedRekor{Origin: r.origin, Key: r.trusted.Key, Version: version}
		_, err := trusted.VerifyAnchor(entry, text, &key.PublicKey)
		expect(t, err, "want 1 or 2")
	}
}

// FuzzLogEntry holds that an entry has one written form, however it came, and that
// nothing in it makes the verifier panic.
func FuzzLogEntry(f *testing.F) {
	key, text := fixedECDSA(f, "anchor"), []byte("a checkpoint\n")
	rekors := allRekors(f)
	for _, r := range rekors {
		f.Add(r.anchor(f, text, key).Marshal())
	}
	f.Add([]byte(`{"logIndex":"0","inclusionProof":{"rootHash":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `","hashes":null},"canonicalizedBody":"e30="}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := verify.ParseLogEntry(b)
		if err != nil {
			return
		}
		again, err := verify.ParseLogEntry(e.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), e.Marshal()) {
			t.Errorf("%s\nis written as\n%s, and read as %+v, %v", b, e.Marshal(), again, err)
		}
		for _, r := range rekors {
			if a, err := r.trusted.VerifyAnchor(b, text, &key.PublicKey); err == nil && !bytes.Contains(b, []byte(r.origin)) {
				t.Errorf("%s is believed to be an anchor in %s: %+v", b, r.origin, a)
			}
		}
	})
}

// signatureIn returns the base64 of the signature in a body.
func signatureIn(t *testing.T, body []byte) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(body), `"content":"`)
	sig, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 {
		t.Fatalf("no signature in %s", body)
	}
	return sig
}
