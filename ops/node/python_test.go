package node_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// TestAnotherLanguage publishes with docs/publish.py, which shares nothing with
// this program but the wire format, twice: the second goes on after the first.
func TestAnotherLanguage(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	if err := exec.CommandContext(t.Context(), python, "-c", "import cryptography").Run(); err != nil {
		t.Skip("python3 lacks the package cryptography")
	}
	w := newWorld(t)
	p := w.enrol("nimbus-my", "lab-1", events.RecorderDeclared{Recorder: bastionName, Kind: events.RecorderBastion})
	dir := filepath.Dir(filepath.Dir(p.home.OutboxFile()))
	c := newChain(w, bastionName)
	var file bytes.Buffer
	for range 3 {
		line, err := json.Marshal(map[string]any{"type": events.TypeAccessPerformed, "subject": "höst <1> & ☃", "data": json.RawMessage(newEvent(w, c.recorder).Data)})
		w.must(err)
		file.Write(append(line, '\n'))
	}
	path := filepath.Join(dir, "events.jsonl")
	w.must(os.WriteFile(path, file.Bytes(), 0o600))
	for _, first := range []uint64{1, 4} {
		script := exec.CommandContext(w.ctx, python, filepath.Join("..", "..", "docs", "publish.py"), filepath.Dir(p.home.OutboxFile()), "lab-1/bastion-1", path)
		var complaints bytes.Buffer
		script.Stderr = &complaints
		out, err := script.Output()
		if err != nil {
			t.Fatalf("publish.py: %v\n%s", err, complaints.Bytes())
		}
		var ack struct {
			Stream string
			Seq    uint64
		}
		if err := json.Unmarshal(out, &ack); err != nil || ack.Stream != "EVENTS" {
			t.Fatalf("publish.py says %s: %v", out, err)
		}
		leaf := w.leafOf(ack.Seq)
		if leaf.Verdict != formats.Accepted || leaf.First != first || leaf.Count != 3 {
			t.Errorf("it became %s", leaf.Marshal())
		}
	}
	w.audit()
}
