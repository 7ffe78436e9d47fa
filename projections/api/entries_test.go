package api

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

func TestEntries(t *testing.T) {
	w := newWorld(t, 60)
	seen := map[formats.Verdict]bool{}
	for index := range uint64(60) {
		path := fmt.Sprint("/v1/entries/", index)
		a := w.get("auditor", path+"?body=true")
		var e entryBody
		if err := json.Unmarshal(a.body, &e); err != nil || a.status != 200 {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		l, err := formats.ParseLeaf([]byte(e.Raw))
		w.must(err)
		seen[l.Verdict] = true
		if e.Index != index || e.Leaf.Verdict != string(l.Verdict) || e.Leaf.Digest != l.Digest.String() || (e.Leaf.Of != nil) != (l.Verdict == formats.Duplicate) ||
			!e.Leaf.Received.Equal(l.Received) || e.Leaf.Subject != l.Subject {
			t.Errorf("%s: %+v of %s", path, e.Leaf, e.Raw)
		}
		if c, err := w.Log.OpenCheckpoint([]byte(e.Checkpoint)); err != nil || c.Size != 60 {
			t.Errorf("%s: checkpoint %v", path, err)
		}
		if e.Sent == nil {
			t.Fatalf("%s: no body", path)
		}
		body := string(e.Sent.Body)
		if l.Verdict != formats.Rejected {
			body = strings.Join(append([]string{e.Sent.Line1}, e.Sent.Lines...), "\n") + "\n"
		}
		if body != string(w.Bodies[index]) {
			t.Errorf("%s: what was sent is not what was written", path)
		}
		public := w.get("", path)
		if public.status != 200 || strings.Contains(string(public.body), `"sent"`) {
			t.Errorf("%s for anybody: %d %s", path, public.status, public.body)
		}

		proof := w.get("", e.Links.Proof)
		receipt, err := formats.ParseReceipt(proof.body)
		if err != nil {
			t.Fatalf("%s: %d %s", e.Links.Proof, proof.status, proof.body)
		}
		if leaf, c, err := w.Log.VerifyReceipt(receipt); err != nil || c.Size != 60 || receipt.Index != index || leaf.Digest != l.Digest {
			t.Errorf("%s: %v", e.Links.Proof, err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("the ledger has only %v", seen)
	}
}

// Proofs against a checkpoint that was anchored hold when the ledger has gone on.
func TestProofOfSize(t *testing.T) {
	w := newWorld(t, 33)
	anchored := w.get("", "/v1/checkpoint")
	if c, err := w.Log.OpenCheckpoint(anchored.body); err != nil || c.Size != 33 || !strings.HasPrefix(anchored.header.Get("Content-Type"), "text/plain") {
		t.Fatalf("%v %s", err, anchored.body)
	}
	dir := filepath.Join(w.Dir, "anchors", "local")
	w.must(os.MkdirAll(dir, 0o700))
	put := func(size int, note []byte) {
		w.must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%020d.note", size)), note, 0o600))
		w.must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%020d.json", size)), []byte("{}"), 0o600))
	}
	put(33, anchored.body)
	put(34, anchored.body) // named wrongly
	put(35, []byte("nonsense"))
	w.grow(300)
	for _, index := range []int{0, 20, 32} {
		a := w.get("", fmt.Sprintf("/v1/entries/%d/proof?size=33", index))
		receipt, err := formats.ParseReceipt(a.body)
		if err != nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if _, c, err := w.Log.VerifyReceipt(receipt); err != nil || c.Size != 33 {
			t.Errorf("leaf %d: %v", index, err)
		}
	}
	for path, want := range map[string]int{
		"/v1/entries/33/proof?size=33": 404, "/v1/entries/3/proof?size=32": 404, "/v1/entries/3/proof?size=301": 404,
		"/v1/entries/3/proof?size=300": 200, "/v1/entries/300/proof": 404, "/v1/entries/300": 404,
		"/v1/entries/3/proof?size=34": 500, "/v1/entries/3/proof?size=35": 500,
	} {
		if a := w.get("", path); a.status != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	a := w.get("", "/v1/anchors?limit=2")
	var list anchorsBody
	w.must(json.Unmarshal(a.body, &list))
	if len(list.Anchors) != 2 || list.Anchors[0].Size != 35 || list.Anchors[0].Rekor != "local" {
		t.Errorf("%s", a.body)
	}
}

// A body that isn't what its leaf says is not shown.
func TestChangedBody(t *testing.T) {
	w := newWorld(t, 10)
	l := w.Bodies[8]
	envelope, err := events.ParseEnvelope(l)
	w.must(err)
	at := strings.Index(string(read(t, w)), string(envelope.Lines[0]))
	b := read(t, w)
	b[at+30] ^= 1
	w.must(os.WriteFile(segment(t, w), b, 0o600))
	if a := w.get("auditor", "/v1/entries/8?body=true"); a.status != 500 || strings.Contains(string(a.body), w.Dir) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.get("auditor", "/v1/entries/8"); a.status != 200 {
		t.Errorf("without its body: %d %s", a.status, a.body)
	}
}

func segment(t *testing.T, w *world) string {
	names, err := filepath.Glob(filepath.Join(w.Dir, "bodies", "*.bodies"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%v %v", names, err)
	}
	return names[0]
}

func read(t *testing.T, w *world) []byte {
	b, err := os.ReadFile(segment(t, w))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
