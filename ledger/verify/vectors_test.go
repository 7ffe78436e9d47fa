package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

var update = flag.Bool("update", false, "make the vectors in testdata anew; they are fixed, and others rely on them")

var (
	leavesFile   = filepath.Join("testdata", "vectors", "leaves.json")
	receiptsFile = filepath.Join("testdata", "vectors", "receipts.json")
)

// vectors are for readers in any language.
type vectors struct {
	About string `json:"about"`
	// Key is the log's verifier key, for receipts.
	Key     string   `json:"key,omitempty"`
	Vectors []vector `json:"vectors"`
}

type vector struct {
	Name string `json:"name"`
	// Conclusion is accepted, malformed, or for a receipt that can be read:
	// bad_checkpoint or bad_proof.
	Conclusion string `json:"conclusion"`
	Why        string `json:"why,omitempty"`
	Text       []byte `json:"text"` // base64
	// Hash is a leaf's hash in the tree (RFC 6962), base64.
	Hash    *tlog.Hash      `json:"hash,omitempty"`
	Verdict formats.Verdict `json:"verdict,omitempty"`
	Index   uint64          `json:"index,omitempty"`
	Size    uint64          `json:"size,omitempty"`
}

func (v *vectors) add(conclusion, name, why string, text []byte) {
	v.Vectors = append(v.Vectors, vector{Name: name, Conclusion: conclusion, Why: why, Text: text})
}

func (v *vectors) write(t *testing.T, path string) {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readVectors(t *testing.T, path string) *vectors {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := &vectors{}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLeafVectors(t *testing.T) {
	if *update {
		makeLeafVectors(t)
	}
	for _, v := range readVectors(t, leavesFile).Vectors {
		leaf, err := formats.ParseLeaf(v.Text)
		switch {
		case (err == nil) != (v.Conclusion == "accepted"):
			t.Errorf("%s: %v: want %s", v.Name, err, v.Conclusion)
		case err == nil && (leaf.Verdict != v.Verdict || tlog.RecordHash(v.Text) != *v.Hash):
			t.Errorf("%s: it is read as %+v", v.Name, leaf)
		}
	}
}

// replaced returns text after a change, which must be one.
func replaced(t *testing.T, text []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(text, []byte(from)) {
		t.Fatalf("nothing there to replace: %s", from)
	}
	return bytes.Replace(text, []byte(from), []byte(to), 1)
}

func makeLeafVectors(t *testing.T) {
	all := &vectors{About: "Leaves: what is one, and what is not. A leaf has one written form. Text and hash (RFC 6962) are base64."}
	leaves := someLeaves()
	for i, name := range []string{"accepted", "duplicate", "rejected", "the ledger's own event", "a subject with bytes that must be escaped", "the largest numbers"} {
		hash := tlog.RecordHash(leaves[i].Marshal())
		all.Vectors = append(all.Vectors, vector{Name: name, Conclusion: "accepted", Text: leaves[i].Marshal(), Hash: &hash, Verdict: leaves[i].Verdict})
	}
	good := leaves[0].Marshal()
	for _, row := range []struct{ name, why, from, to string }{
		{"white space", "one written form", `,"seq"`, `, "seq"`},
		{"version 2", "", `"v":1`, `"v":2`},
		{"epoch 0", "epochs count from 1", `"epoch":1`, `"epoch":0`},
		{"epoch 01", "numbers have no zero before", `"epoch":1`, `"epoch":01`},
		{"seq 2^53", "numbers go to 2^53-1", `"seq":123`, `"seq":9007199254740992`},
		{"seq negative", "", `"seq":123`, `"seq":-1`},
		{"eight decimals", "a time has nine", `.123456789Z`, `.12345678Z`},
		{"no decimals", "a time has nine", `.123456789Z`, `Z`},
		{"another zone", "a time is UTC, written Z", `.123456789Z`, `.123456789+00:00`},
		{"a day that there is not", "", `2026-11-23`, `2026-11-31`},
		{"verdict unknown", "", `"accepted"`, `"refused"`},
		{"first 0", "sequence numbers count from 1", `"first":18`, `"first":0`},
		{"count 0", "", `"count":2`, `"count":0`},
		{"count 1,001", "an envelope has 1,000 events at most", `"count":2`, `"count":1001`},
		{"beyond 2^53-1", "the last would be 2^53", `"first":18`, `"first":9007199254740991`},
		{"an accepted leaf with a code", "keys belong to the verdict", `"count":2`, `"count":2,"code":"x"`},
		{"keys in another order", "one written form", `"first":18,"count":2`, `"count":2,"first":18`},
		{"escaped without need", "one written form", `lab-1`, `l%61b-1`},
		{"an escape in lower case", "escapes are in upper case", `lab-1`, `lab%ff`},
		{"an escape cut short", "", `bastion-1"`, `bastion%F"`},
		{"a JSON escape", "there are none", `lab-1`, `l\u0061b-1`},
		{"digest in upper case", "", `"digest":"sha256:`, `"digest":"SHA256:`},
		{"something after", "", `"}`, `"} `},
	} {
		all.add("malformed", row.name, row.why, replaced(t, good, row.from, row.to))
	}
	all.add("malformed", "empty", "", nil)
	all.add("malformed", "a line feed after", "", append(bytes.Clone(good), '\n'))
	all.write(t, leavesFile)
}

func TestReceiptVectors(t *testing.T) {
	if *update {
		makeReceiptVectors(t)
	}
	all := readVectors(t, receiptsFile)
	log, err := formats.NewLog(all.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all.Vectors {
		got := "accepted"
		r, err := formats.ParseReceipt(v.Text)
		var checkpoint *formats.Checkpoint
		if err != nil {
			got = "malformed"
		} else if _, err := formats.ParseLeaf(r.Leaf); err != nil {
			got = "malformed"
		} else if checkpoint, err = log.OpenCheckpoint(r.Checkpoint); err != nil {
			got = "bad_checkpoint"
		} else if _, _, err := log.VerifyReceipt(r); err != nil {
			got = "bad_proof"
		}
		if got != v.Conclusion {
			t.Errorf("%s: %s: want %s", v.Name, got, v.Conclusion)
		} else if got == "accepted" && (r.Index != v.Index || checkpoint.Size != v.Size) {
			t.Errorf("%s: leaf %d of %d", v.Name, r.Index, checkpoint.Size)
		}
		if got != "accepted" && err == nil {
			if _, _, err := log.VerifyReceipt(r); err == nil {
				t.Errorf("%s: VerifyReceipt believes it", v.Name)
			}
		}
	}
}

func makeReceiptVectors(t *testing.T) {
	signer, log := fixedLog(t, origin)
	all := &vectors{
		About: "Receipts (https://c2sp.org/tlog-proof, the extra data is the leaf), and what a reader that trusts this key must conclude. Text is base64. " +
			"Conclusions are in the order malformed, bad_checkpoint, bad_proof: the first that is so.",
		Key: log.Key(),
	}
	for _, n := range []struct{ index, size int }{{0, 1}, {0, 2}, {1, 2}, {4, 7}, {6, 7}, {255, 256}, {256, 257}, {150, 300}} {
		r := someTree(t, n.size).receipt(t, signer, n.index)
		all.Vectors = append(all.Vectors, vector{Name: "good", Conclusion: "accepted", Text: r.Marshal(), Index: r.Index, Size: uint64(n.size)})
	}
	s := someTree(t, 7)
	good := s.receipt(t, signer, 4)
	text := good.Marshal()
	damage := func(conclusion, name, why string, change func(r *formats.Receipt)) {
		r := *good
		r.Proof = append(tlog.RecordProof{}, good.Proof...)
		change(&r)
		all.add(conclusion, name, why, r.Marshal())
	}
	damage("bad_proof", "a bit of a hash flipped", "", func(r *formats.Receipt) { r.Proof[0][0] ^= 1 })
	damage("bad_proof", "a hash missing", "", func(r *formats.Receipt) { r.Proof = r.Proof[1:] })
	damage("bad_proof", "a hash too many", "", func(r *formats.Receipt) { r.Proof = append(r.Proof, tlog.Hash{}) })
	damage("bad_proof", "hashes in another order", "", func(r *formats.Receipt) { r.Proof[0], r.Proof[1] = r.Proof[1], r.Proof[0] })
	damage("bad_proof", "another index", "", func(r *formats.Receipt) { r.Index = 5 })
	damage("bad_proof", "an index beyond the tree", "", func(r *formats.Receipt) { r.Index = 7 })
	damage("bad_proof", "another leaf of the same tree", "", func(r *formats.Receipt) { r.Leaf = s.leaves[3] })
	damage("bad_proof", "the checkpoint of a larger tree", "it is the log's, and the proof is for another size", func(r *formats.Receipt) { r.Checkpoint = someTree(t, 8).receipt(t, signer, 4).Checkpoint })
	damage("bad_checkpoint", "no checkpoint", "", func(r *formats.Receipt) { r.Checkpoint = nil })
	damage("bad_checkpoint", "another size under the same signature", "", func(r *formats.Receipt) { r.Checkpoint = replaced(t, r.Checkpoint, "\n7\n", "\n8\n") })
	damage("bad_checkpoint", "another log", "", func(r *formats.Receipt) {
		other, _ := fixedLog(t, "other.example/log")
		r.Checkpoint = s.receipt(t, other, 4).Checkpoint
	})
	damage("bad_checkpoint", "the log's signature over another origin", "", func(r *formats.Receipt) {
		body, _, _ := bytes.Cut(good.Checkpoint, []byte("\n\n"))
		r.Checkpoint = sign(t, signer, string(replaced(t, body, origin, "other.example/log"))+"\n")
	})
	damage("bad_checkpoint", "a size with a zero before", "", func(r *formats.Receipt) {
		body, _, _ := bytes.Cut(good.Checkpoint, []byte("\n\n"))
		r.Checkpoint = sign(t, signer, string(replaced(t, body, "\n7\n", "\n07\n"))+"\n")
	})
	damage("malformed", "a leaf that is none", "", func(r *formats.Receipt) { r.Leaf = []byte("{}") })
	all.add("malformed", "empty", "", nil)
	all.add("malformed", "another header", "", replaced(t, text, "tlog-proof@v1", "tlog-proof@v2"))
	all.add("malformed", "CRLF", "", bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")))
	all.add("malformed", "no leaf", "the extra line must be there", replaced(t, text, "extra "+base64.StdEncoding.EncodeToString(good.Leaf)+"\n", ""))
	all.add("malformed", "index with a zero before", "", replaced(t, text, "index 4", "index 04"))
	all.add("malformed", "index negative", "", replaced(t, text, "index 4", "index -4"))
	all.add("malformed", "a hash cut short", "", replaced(t, text, "index 4\n", "index 4\nAAAA\n"))
	all.write(t, receiptsFile)
}

func sign(t testing.TB, signer note.Signer, text string) []byte {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
