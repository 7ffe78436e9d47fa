package writer

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/events"
)

// holding returns the files below a directory that have a text.
func holding(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			files = append(files, filepath.Base(path))
		}
		return err
	}))
	return files
}

// Why a message was rejected may repeat what it says: it is erased with the body, from the
// database and its log, while the ledger runs.
func TestReasonIsErased(t *testing.T) {
	w := newWorld(t)
	l := w.open()
	const word = "unspeakableword"
	said := w.message(w.recorder.Recorder, w.seal(&w.recorder, w.operator, "saksi.access."+word+".v1", map[string]any{}))
	rejections, err := l.Admit(t.Context(), l.Prepare([]Received{said}))
	must(t, err)
	if len(rejections) != 1 {
		t.Fatalf("%d rejections", len(rejections))
	}
	index := l.Size() - 1
	w.admit(l, w.said(3)...)
	where := func() events.RejectedPlace {
		t.Helper()
		answer, err := l.state.where(t.Context(), "nimbus-my", events.GetRequest{V: 1, Recorder: w.recorder.Recorder.String(), Incarnation: 1, From: 1, Bodies: []events.Digest{events.DigestOf(said.Body)}})
		must(t, err)
		if len(answer.Rejected) != 1 {
			t.Fatalf("%d rejected", len(answer.Rejected))
		}
		return answer.Rejected[0]
	}
	if !bytes.Contains([]byte(where().Reason), []byte(word)) {
		t.Fatalf("the reason is %q: it repeats nothing that would have to be erased", where().Reason)
	}
	w.admit(l, w.message(w.registry.Recorder, w.seal(&w.registry, w.authority, events.TypeBodyErased,
		events.BodyErased{Recorder: w.recorder.Recorder.String(), Leaf: events.Integer(index), Ground: "court-order"})))
	done, err := l.Erase(t.Context(), nil)
	if err != nil || len(done) != 1 {
		t.Fatalf("%d erased, %v", len(done), err)
	}
	if left := holding(t, w.config.Dir, word); len(left) > 0 {
		t.Errorf("it is still in %v", left)
	}
	if p := where(); p.Leaf != index || p.Code == "" || p.Reason != "" {
		t.Errorf("the rejection is told as %+v", p)
	}
	must(t, l.Close(t.Context()))
	must(t, w.open().Close(t.Context()))
	if left := holding(t, w.config.Dir, word); len(left) > 0 {
		t.Errorf("after a start it is in %v", left)
	}
}
