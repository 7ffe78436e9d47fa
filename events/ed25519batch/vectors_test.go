package ed25519batch

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// cctv are the Ed25519 vectors of C2SP's Community Cryptography Test Vectors
// (https://github.com/C2SP/CCTV/tree/main/ed25519), about which verifiers differ: keys and
// R of small order, of mixed order, not canonical, and what holds with the cofactor alone.
// They are kept beside the repository.
var cctv = filepath.Join("..", "..", "..", "shared", "data", "cctv-ed25519", "ed25519vectors.json")

func vectors(t testing.TB) []Signature {
	t.Helper()
	text, err := os.ReadFile(cctv)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("the vectors of CCTV are not at %s", cctv)
	}
	if err != nil {
		t.Fatal(err)
	}
	var read []struct{ Key, Sig, Msg string }
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if len(read) < 900 {
		t.Fatalf("%d vectors: these are not the vectors", len(read))
	}
	all := make([]Signature, len(read))
	for i, v := range read {
		key, err := hex.DecodeString(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := hex.DecodeString(v.Sig)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = Signature{Key: key, Message: []byte(v.Msg), Sig: sig}
	}
	return all
}

// TestVectorsAmongGood checks each vector, twice over, in a batch of good signatures. Of
// those that don't come into an equation it takes a part.
func TestVectorsAmongGood(t *testing.T) {
	all := vectors(t)
	good := signed(t, fewest, 3, 40)
	for i := range all {
		if i%oneVectorIn() != 0 && !alone(t, New(), &all[i]) {
			continue
		}
		batch := append(append([]Signature{}, good[:i%fewest]...), all[i], all[i])
		agree(t, New(), append(batch, good[i%fewest:]...))
	}
}

// TestVectorsTogether checks all vectors in one batch, in many orders, with and without
// good signatures among them, by a Verifier that remembers.
func TestVectorsTogether(t *testing.T) {
	all := append(vectors(t), signed(t, 200, 20, 40)...)
	random := rand.New(rand.NewPCG(1, 2))
	v := New()
	for range rounds() {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if good := agree(t, v, all); good < 200 {
			t.Errorf("%d are good", good)
		}
		agree(t, v, all[:fewest+random.IntN(500)])
		agree(t, New(), all)
	}
}

// TestVectorsAsEquations leaves each vector alone in an equation, where it comes into one:
// it holds if and only if the signature is good.
func TestVectorsAsEquations(t *testing.T) {
	all := vectors(t)
	v := New()
	in := 0
	for i := range all {
		if alone(t, v, &all[i]) {
			in++
		}
	}
	if in == 0 || in == len(all) {
		t.Errorf("%d of %d came into an equation", in, len(all))
	}
	t.Logf("%d of %d came into an equation", in, len(all))
}
