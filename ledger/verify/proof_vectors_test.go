package verify_test

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

// proofVectors are files that hold, and twins of them that don't, for readers in any language;
// and for `saksi verify`, by hand. They stand in a directory of testdata, as vectors.json
// says.
type proofVectors struct {
	About   string        `json:"about"`
	Trust   string        `json:"trust"`
	Vectors []proofVector `json:"vectors"`
}

type proofVector struct {
	File string `json:"file"`
	// Trust is the trust file, where it is another than that of all.
	Trust string `json:"trust,omitempty"`
	// Says is the sentence that names what doesn't hold; empty if all does.
	Says string `json:"says,omitempty"`
	// Proven are the sentences that one which holds proves.
	Proven []string `json:"proven,omitempty"`
}

// prover verifies a file, and returns the sentences that it proves.
type prover func(b []byte, trust *verify.Trust) ([]string, error)

func proven(said []verify.Sentence) []string {
	var all []string
	for _, sentence := range said {
		if sentence.Kind == verify.Proven {
			all = append(all, sentence.Text)
		}
	}
	return all
}

// checkVectors holds a directory's files, at least so many, to what a reader must conclude.
func checkVectors(t *testing.T, dir string, fewest int, prove prover) {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var all proofVectors
	if err := json.Unmarshal(read("vectors.json"), &all); err != nil || len(all.Vectors) < fewest {
		t.Fatalf("%d vectors, %v", len(all.Vectors), err)
	}
	for _, v := range all.Vectors {
		trust, err := verify.ParseTrust(read(cmp.Or(v.Trust, all.Trust)))
		if err != nil {
			t.Fatal(err)
		}
		said, err := prove(read(v.File), trust)
		switch {
		case v.Says != "" && (err == nil || err.Error() != v.Says):
			t.Errorf("%s: %v: want %s", v.File, err, v.Says)
		case v.Says == "" && err != nil:
			t.Errorf("%s: %v", v.File, err)
		case v.Says == "" && !slices.Equal(v.Proven, said):
			t.Errorf("%s proves\n%s", v.File, strings.Join(said, "\n"))
		}
	}
}

// vectorWriter makes a directory of vectors anew.
type vectorWriter struct {
	t         *testing.T
	dir       string
	suffix    string
	prove     prover
	trust     *verify.Trust
	trustFile string // where it is another than that of all
	out       proofVectors
}

func writeVectors(t *testing.T, dir, suffix, about string, trust *verify.Trust, prove prover) *vectorWriter {
	t.Helper()
	w := &vectorWriter{
		t: t, dir: filepath.Join("testdata", dir), suffix: suffix, prove: prove, trust: trust,
		out: proofVectors{About: about + " Wordings are this program's own.", Trust: "trust.json"},
	}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.json(w.out.Trust, trust)
	return w
}

// believe has what is added from now on verified by another trust file.
func (w *vectorWriter) believe(trust *verify.Trust, file string) {
	w.t.Helper()
	w.trust, w.trustFile = trust, file
	w.json(file, trust)
}

// add adds a file, and what is said of it now.
func (w *vectorWriter) add(name string, b []byte) {
	w.t.Helper()
	v := proofVector{File: strings.NewReplacer(" ", "-", "'", "").Replace(name) + w.suffix, Trust: w.trustFile}
	said, err := w.prove(b, w.trust)
	if v.Proven = said; err != nil {
		v.Says, v.Proven = err.Error(), nil
	}
	w.write(v.File, b)
	w.out.Vectors = append(w.out.Vectors, v)
}

func (w *vectorWriter) end() {
	w.t.Helper()
	w.json("vectors.json", w.out)
}

func (w *vectorWriter) json(name string, v any) {
	w.t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(name, append(b, '\n'))
}

func (w *vectorWriter) write(name string, b []byte) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), b, 0o644); err != nil {
		w.t.Fatal(err)
	}
}
