package node_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/http/token"
)

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (w *world) call(method, path, bearer string, body []byte) answer {
	w.Helper()
	request, err := http.NewRequestWithContext(w.ctx, method, "http://"+w.addresses.HTTPListen+path, bytes.NewReader(body))
	w.must(err)
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := http.DefaultClient.Do(request)
	w.must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	w.must(err)
	return answer{response.StatusCode, response.Header, text}
}

// TestEnvelopesOverHTTP has an operator without any client of ours: what it posts is in
// the ledger like what comes over the broker, and nobody posts for another.
func TestEnvelopesOverHTTP(t *testing.T) {
	w := newWorld(t)
	const recorder, other = "nimbus-my/lab-1/bastion-1", "cirrus-my/lab-2/bastion-1"
	p := w.enrol("nimbus-my", "lab-1", events.RecorderDeclared{Recorder: recorder, Kind: events.RecorderBastion})
	q := w.enrol("cirrus-my", "lab-2", events.RecorderDeclared{Recorder: other, Kind: events.RecorderBastion})
	mint := func(name string, signer *events.Signer) string {
		t.Helper()
		text, err := token.Mint(signer, name, w.home.Origin, time.Now(), time.Hour)
		w.must(err)
		return text
	}
	mine, theirs := mint("nimbus-my", p.signer), mint("cirrus-my", q.signer)
	fateOf := func(a answer) (fate struct {
		State, Code, Proof string
		Leaf               *uint64
	}) {
		t.Helper()
		if a.status != http.StatusAccepted {
			t.Fatalf("sent: %d %s", a.status, a.body)
		}
		w.until("the fate of an envelope", func() bool {
			b := w.call(http.MethodGet, a.header.Get("Location"), mine, nil)
			w.must(json.Unmarshal(b.body, &fate))
			return b.status == http.StatusOK && fate.State != "pending"
		})
		return fate
	}

	c := newChain(w, recorder)
	body := c.seal(w, 3, p.signer).Marshal()
	sent := w.call(http.MethodPost, "/v1/envelopes", mine, body)
	fate := fateOf(sent)
	if fate.State != "accepted" {
		t.Fatalf("%+v", fate)
	}
	receipt, err := formats.ParseReceipt(w.call(http.MethodGet, fate.Proof, "", nil).body)
	w.must(err)
	leaf, _, err := w.log().VerifyReceipt(receipt)
	w.must(err)
	line1, _, _ := bytes.Cut(body, []byte("\n"))
	if receipt.Index != *fate.Leaf || leaf.Digest != events.DigestOf(line1) || leaf.Count != 3 {
		t.Errorf("the receipt is of %+v", leaf)
	}
	if again := fateOf(w.call(http.MethodPost, "/v1/envelopes", mine, body)); again.State != "accepted" || *again.Leaf != *fate.Leaf {
		t.Errorf("sent again: %+v", again)
	}
	// What is rejected has its leaf too.
	wrong := newChain(w, recorder)
	wrong.next = c.next
	if fate := fateOf(w.call(http.MethodPost, "/v1/envelopes", mine, wrong.seal(w, 1, newSigner(w)).Marshal())); fate.State != "rejected" || fate.Code != "unknown_key" || fate.Leaf == nil {
		t.Errorf("signed by a stranger: %+v", fate)
	}

	next := c.seal(w, 1, p.signer).Marshal()
	for name, test := range map[string]struct {
		bearer string
		body   []byte
		want   int
		says   string
	}{
		"without a token":          {"", next, http.StatusUnauthorized, "TOKEN"},
		"with a wrong one":         {mint("nimbus-my", q.signer), next, http.StatusUnauthorized, ""},
		"another operator's":       {theirs, next, http.StatusForbidden, "not one of cirrus-my"},
		"no envelope":              {mine, []byte("{}\n"), http.StatusUnprocessableEntity, "malformed"},
		"no envelope, no token":    {"", []byte("{}\n"), http.StatusUnauthorized, ""},
		"more than an envelope is": {mine, bytes.Repeat([]byte("x"), events.MaxEnvelope+1), http.StatusRequestEntityTooLarge, ""},
		"nothing":                  {mine, nil, http.StatusUnprocessableEntity, ""},
	} {
		a := w.call(http.MethodPost, "/v1/envelopes", test.bearer, test.body)
		if a.status != test.want && !(name == "nothing" && a.status == http.StatusBadRequest) || !strings.Contains(string(a.body), test.says) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := w.call(http.MethodGet, sent.header.Get("Location"), theirs, nil); a.status != http.StatusForbidden {
		t.Errorf("another operator asks for its fate: %d %s", a.status, a.body)
	}
	_, err = w.registrar.SuspendOperator(w.ctx, "nimbus-my", "test")
	w.must(err)
	if a := w.call(http.MethodPost, "/v1/envelopes", mine, next); a.status != http.StatusForbidden {
		t.Errorf("suspended: %d %s", a.status, a.body)
	}
	w.stop()
	if report := w.audit(); report.Rejected != 1 {
		t.Errorf("%d rejected", report.Rejected)
	}
}
