package writer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
)

// FuzzAnswer: whatever is asked over receipts.> gets one answer of version 1, in bounds, and
// about nobody but the party of the subject.
func FuzzAnswer(f *testing.F) {
	w := newWorld(f)
	l := w.open()
	w.admit(l, w.said(3)...)
	get, err := json.Marshal(events.GetRequest{V: 1, Recorder: w.recorder.Recorder.String(), Incarnation: 1, From: 1})
	must(f, err)
	for _, seed := range []struct{ subject, data string }{
		{"receipts.nimbus-my.get", string(get)}, {"receipts.nimbus-my.head", `{"v":1}`}, {"receipts.registry.mcmc.head", `{"v":1}`},
		{"receipts.stratus-my.get", string(get)}, {"receipts.nimbus-my.get", `{"v":1,"from":9007199254740992}`},
		{"receipts.nimbus-my.get", `{"v":1,"bodies":["sha256:00"]}`}, {"receipts.*.get", string(get)}, {"receipts..get", ""}, {"receipts.get", "{}"},
	} {
		f.Add(seed.subject, []byte(seed.data))
	}
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		answer := l.answer(t.Context(), &nats.Msg{Subject: subject, Data: data})
		if len(answer) > 1<<20 {
			t.Errorf("%q to %q is answered with %d bytes", data, subject, len(answer))
		}
		var said struct {
			V     int    `json:"v"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal(answer, &said); err != nil || said.V != 1 {
			t.Fatalf("%q to %q: the answer is none: %q", data, subject, answer)
		}
		if !strings.HasPrefix(subject, "receipts.nimbus-my.") && bytes.Contains(answer, []byte("bastion-1")) {
			t.Errorf("%q to %q tells of nimbus-my: %s", data, subject, answer)
		}
	})
}
