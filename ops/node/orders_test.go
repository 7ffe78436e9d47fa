package node_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/operator"
)

// liar stands between an operator and the node, and changes answers.
type liar struct {
	*httptest.Server
	mu   sync.Mutex
	path string // below which answers are changed
	from string
	to   string
}

func (l *liar) lie(path, from, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.path, l.from, l.to = path, from, to
}

func newLiar(t *testing.T, node string) *liar {
	t.Helper()
	target, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.from == "" || !strings.HasPrefix(r.Request.URL.Path, l.path) {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			body = bytes.ReplaceAll(body, []byte(l.from), []byte(l.to))
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}
	l.Server = httptest.NewServer(proxy)
	t.Cleanup(l.Close)
	return l
}

// desk is an operator's, joined, with a recorder at lab-1, which asks the node at an address.
func (w *world) desk(address string) (*operator.Client, *home.Grant) {
	w.Helper()
	h, err := home.NewOperator(filepath.Join(w.TempDir(), "nimbus"), "nimbus-my")
	w.must(err)
	request, err := home.ReadRequest(h.RequestFile())
	w.must(err)
	grant, _, err := w.registrar.AddOperator(w.ctx, request, "MY")
	w.must(err)
	_, err = w.registrar.AddFacility(w.ctx, events.FacilityDeclared{Facility: "lab-1", Country: "MY"})
	w.must(err)
	_, err = w.registrar.AddRecorder(w.ctx, events.RecorderDeclared{Recorder: "nimbus-my/lab-1/bastion-1", Kind: events.RecorderBastion})
	w.must(err)
	grant.HTTP = address
	path := filepath.Join(w.TempDir(), "grant.json")
	w.must(home.WriteJSON(path, grant, 0o600))
	_, err = h.Join(path, "")
	w.must(err)
	d, err := operator.Open(w.ctx, h)
	w.must(err)
	w.Cleanup(func() { d.Close() })
	signers, err := h.Signers()
	w.must(err)
	d.Token = func() (string, error) { return token.Mint(signers[0], h.Name, w.home.Origin, time.Now(), time.Minute) }
	recorder, err := d.Recorder("lab-1/bastion-1")
	w.must(err)
	w.must(d.Prepare(w.ctx, recorder))
	return d, grant
}

// TestOrdersOfALyingNode: an operator answers what an authority has put on record, and
// nothing that only the node says.
func TestOrdersOfALyingNode(t *testing.T) {
	w := newWorld(t)
	node := newLiar(t, w.addresses.LocalURL())
	d, _ := w.desk(node.URL)
	recorder, err := d.Recorder("lab-1/bastion-1")
	w.must(err)

	const visit = `{"type":"saksi.access.zone.entered.v1","time":"2026-11-20T12:00:00Z","data":{"actor":{"id":"p-1","kind":"person","party":"vendor","employerCountry":"SG","officeCountry":"MY","physicalCountry":"MY"},"zone":"hall-2","door":"d-1","outcome":"success"}}` + "\n"
	visits := filepath.Join(t.TempDir(), "visits.jsonl")
	w.must(os.WriteFile(visits, []byte(strings.Repeat(visit, 3)), 0o600))
	done, err := d.Commit(w.ctx, operator.Commit{System: "events", Recorder: recorder, Paths: []string{visits}})
	w.must(err)
	_, err = d.Flush(w.ctx, client.FlushOptions{})
	w.must(err)
	receipt, found, err := d.Outbox.ReceiptOf(w.ctx, recorder, done.Batch.Batch)
	w.must(err)
	if !found {
		t.Fatal("the commitment has no receipt")
	}
	_, err = w.registrar.OrderProduction(w.ctx, events.ProductionOrdered{
		Order: "7/2026", Recorder: recorder.String(), Event: events.RefFields{Leaf: events.Integer(receipt.Proof.Index)}, Records: []events.Integer{0},
		Due: events.At(time.Now().Add(time.Hour).Truncate(time.Second)), Ground: "inquiry",
	})
	w.must(err)
	w.until("the order is seen", func() bool {
		orders, err := d.Orders(w.ctx, false)
		return err == nil && len(orders) == 1 && orders[0].Held
	})
	for name, lie := range map[string][3]string{
		"more records":          {"/v1/views/orders", `"records":["0"]`, `"records":["0","1"]`},
		"another authority":     {"/v1/views/orders", `"authority":"mcmc"`, `"authority":"pdp"`},
		"another number":        {"/v1/views/orders", `"number":"7/2026"`, `"number":"8/2026"`},
		"no order at all":       {"/v1/views/orders", `"ref":"`, `"ref":"1`},
		"the order rewritten":   {"/v1/orders/", `\"records\":[0]`, `\"records\":[1]`},
		"another line 1":        {"/v1/orders/", `"line1":"`, `"line1":" `},
		"proof of another leaf": {"/v1/entries/", "index ", "index 1"},
	} {
		node.lie(lie[0], lie[1], lie[2])
		orders, err := d.Orders(w.ctx, false)
		w.must(err)
		if produced, err := d.ProduceOrder(w.ctx, &orders[0], nil); err == nil || !strings.Contains(err.Error(), "not proven to be on record") {
			t.Errorf("%s: %+v, %v", name, produced, err)
		}
	}
	node.lie("", "", "")
	status, err := d.Outbox.Status(w.ctx)
	w.must(err)
	if status.Recorders[0].Pending.Events != 0 {
		t.Errorf("%d events wait to be published", status.Recorders[0].Pending.Events)
	}
	orders, err := d.Orders(w.ctx, false)
	w.must(err)
	if produced, err := d.ProduceOrder(w.ctx, &orders[0], nil); err != nil || produced.Produced != 1 || len(produced.Missing) != 0 {
		t.Errorf("the order on record: %+v, %v", produced, err)
	}
}
