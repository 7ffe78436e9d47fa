package verify_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// fixedWitness is a witness with the key that its name gives, as torchwood has it.
func fixedWitness(t testing.TB, name string) (*torchwood.CosignatureSigner, *formats.Cosigner) {
	t.Helper()
	seed := sha256.Sum256([]byte("witness key of " + name))
	signer, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	cosigner, err := formats.NewCosigner(signer.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	return signer, cosigner
}

// cosignAt adds a cosignature of a time to a note, by the key that fixedWitness has.
func cosignAt(t testing.TB, signed []byte, name string, seconds uint64) []byte {
	t.Helper()
	seed := sha256.Sum256([]byte("witness key of " + name))
	private := ed25519.NewKeyFromSeed(seed[:])
	text := signed[:strings.Index(string(signed), "\n\n")+1]
	sig := ed25519.Sign(private, append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), text...))
	sum := sha256.Sum256(append([]byte(name+"\n\x04"), private.Public().(ed25519.PublicKey)...))
	raw := binary.BigEndian.AppendUint64(sum[:4:4], seconds)
	return fmt.Appendf(append([]byte{}, signed...), "— %s %s\n", name, base64.StdEncoding.EncodeToString(append(raw, sig...)))
}

func cosign(t testing.TB, signed []byte, by ...note.Signer) []byte {
	t.Helper()
	n, err := note.Open(signed, note.VerifierList())
	if unverified, ok := err.(*note.UnverifiedNoteError); ok {
		n = unverified.Note
	}
	again, err := note.Sign(&note.Note{Text: n.Text, UnverifiedSigs: n.UnverifiedSigs}, by...)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestCosignatures(t *testing.T) {
	signer, log := fixedLog(t, origin)
	plain := someTree(t, 7).receipt(t, signer, 3).Checkpoint
	one, witness1 := fixedWitness(t, "witness.example/1")
	two, witness2 := fixedWitness(t, "witness.example/2")
	_, witness3 := fixedWitness(t, "witness.example/3")
	all := []*formats.Cosigner{witness1, witness2, witness3}

	if found, err := formats.Cosignatures(plain, all); err != nil || len(found) != 0 {
		t.Errorf("a checkpoint of the log's alone: %v, %v", found, err)
	}
	began := time.Now().Add(-time.Second)
	signed := cosign(t, plain, two, one)
	if _, err := log.OpenCheckpoint(signed); err != nil {
		t.Errorf("the log's own signature, with others beside it: %v", err)
	}
	found, err := formats.Cosignatures(signed, all)
	if err != nil || len(found) != 2 || found[0].By != witness1 || found[1].By != witness2 {
		t.Fatalf("two cosignatures: %v, %v", found, err)
	}
	for _, s := range found {
		if s.Time.Before(began.Truncate(time.Second)) || s.Time.After(time.Now()) || s.Time.Location() != time.UTC {
			t.Errorf("%s cosigned at %s", s.By.Name(), s.Time)
		}
		if !strings.Contains(string(signed), "\n"+string(s.Line)) {
			t.Errorf("the note has no line %q", s.Line)
		}
	}
	if found, err := formats.Cosignatures(signed, all[2:]); err != nil || len(found) != 0 {
		t.Errorf("witnesses that did not sign: %v, %v", found, err)
	}
	// The log's key is no witness, whatever it signs.
	if found, err := formats.Cosignatures(cosign(t, plain, signer), all); err != nil || len(found) != 0 {
		t.Errorf("the log twice: %v, %v", found, err)
	}
}

func TestCosignaturesThatDoNotHold(t *testing.T) {
	signer, _ := fixedLog(t, origin)
	tree := someTree(t, 9)
	plain, other := tree.receipt(t, signer, 3).Checkpoint, someTree(t, 8).receipt(t, signer, 3).Checkpoint
	one, witness := fixedWitness(t, "witness.example/1")
	signed := cosign(t, plain, one)
	line := string(signed[len(plain):])
	if !strings.HasPrefix(line, "— witness.example/1 ") {
		t.Fatalf("the last line is %q", line)
	}
	sum := sha256.Sum256([]byte("x"))
	for name, text := range map[string]string{
		"another checkpoint's":    string(other) + line,
		"of another time":         string(plain) + changeBase64(t, line, func(b []byte) { b[11]++ }),
		"a flipped bit":           string(plain) + changeBase64(t, line, func(b []byte) { b[40] ^= 1 }),
		"too short":               string(plain) + "— witness.example/1 " + base64.StdEncoding.EncodeToString(append(keyID(witness), sum[:]...)) + "\n",
		"after the year 9999":     string(cosignAt(t, plain, "witness.example/1", 253402300800)),
		"at the end of the times": string(cosignAt(t, plain, "witness.example/1", 1<<63)),
	} {
		if found, err := formats.Cosignatures([]byte(text), []*formats.Cosigner{witness}); err == nil {
			t.Errorf("%s: believed, as of %v", name, found)
		}
	}
	latest := cosignAt(t, plain, "witness.example/1", 253402300799)
	if found, err := formats.Cosignatures(latest, []*formats.Cosigner{witness}); err != nil || len(found) != 1 || found[0].Time.Year() != 9999 {
		t.Errorf("the last second there is: %v, %v", found, err)
	}
}

func keyID(c *formats.Cosigner) []byte { return binary.BigEndian.AppendUint32(nil, c.KeyHash()) }

// changeBase64 changes what a signature line holds.
func changeBase64(t *testing.T, line string, change func([]byte)) string {
	t.Helper()
	at := strings.LastIndexByte(line, ' ') + 1
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line[at:]))
	if err != nil {
		t.Fatal(err)
	}
	change(raw)
	return line[:at] + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func TestCosignerKeys(t *testing.T) {
	_, log := fixedLog(t, origin)
	_, witness := fixedWitness(t, "witness.example/1")
	key := witness.Key()
	for name, bad := range map[string]string{
		"empty":             "",
		"a log's":           log.Key(),
		"another name":      strings.Replace(key, "example/1", "example/2", 1),
		"no id":             strings.Replace(key, "+", "", 1),
		"upper-case id":     upperID(key),
		"a space in it":     strings.Replace(key, ".", " ", 1),
		"cut short":         key[:len(key)-4],
		"more after it":     key + "AAAA",
		"a line feed":       key + "\n",
		"loose base64 bits": key[:len(key)-2] + "x=",
	} {
		if c, err := formats.NewCosigner(bad); err == nil && c.Key() != key {
			t.Errorf("%s: %q is taken", name, bad)
		}
	}
}

func upperID(key string) string {
	parts := strings.SplitN(key, "+", 3)
	return parts[0] + "+" + strings.ToUpper(parts[1]) + "x+" + parts[2]
}

// TestTreeTooLarge: the arithmetic of proofs does not end for a tree of more than
// 2^62 leaves, and nobody can have one.
func TestTreeTooLarge(t *testing.T) {
	signer, log := fixedLog(t, origin)
	r := someTree(t, 7).receipt(t, signer, 3)
	lines := strings.SplitN(string(r.Checkpoint), "\n", 3)
	text, _, _ := strings.Cut(lines[2], "\n")
	huge, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, uint64(1)<<62+1, text)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	r.Checkpoint = huge
	if _, _, err := log.VerifyReceipt(r); err == nil || !strings.Contains(err.Error(), "not believed") {
		t.Errorf("a tree of 2^62+1 leaves: %v", err)
	}
}
