package client

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// TestTwinThatCameFirst: somebody who can publish as the operator sends an envelope's
// twin, signed as well but with another line 1, before the outbox sends its own. The
// outbox takes no receipt for what it did not send, says so, and keeps its own.
func TestTwinThatCameFirst(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, recorder: mustRecorder(t, "nimbus-my/lab-1/bastion-1")}
	if w.signer, err = events.NewSigner(key); err != nil {
		t.Fatal(err)
	}
	w.broker = startBroker(t)
	w.ledger = startLedger(t, w.broker, w.signer.PublicKey())
	o, c := w.outbox(Options{}), w.client()

	// What has no twin has its receipt.
	w.add(o, w.recorder, "a", 0, 3)
	if r := w.flush(c, o); r.Envelopes != 1 {
		t.Fatalf("flush %+v", r)
	}

	w.add(o, w.recorder, "b", 0, 2)
	var body []byte
	if err := o.db.QueryRow("SELECT body FROM body").Scan(&body); err != nil {
		t.Fatal(err)
	}
	e, err := events.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	sig := e.Signatures[0].Sig
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		t.Fatal(err)
	}
	v.S.Sub(elliptic.P256().Params().N, v.S)
	other, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	twin := bytes.Replace(body, []byte(base64.StdEncoding.EncodeToString(sig)), []byte(base64.StdEncoding.EncodeToString(other)), 1)
	if _, err := w.ledger.nc.Request(w.recorder.Subject(), twin, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	r, err := c.Flush(testContext(t), o, FlushOptions{})
	var h interface{ Hint() string }
	if err == nil || !errors.As(err, &h) || h.Hint() == "" || r.Envelopes != 0 {
		t.Fatalf("flush %+v, %v", r, err)
	}
	t.Logf("%v; hint: %s", err, h.Hint())
	if s := status(t, o).Recorders[0]; s.Pending.Envelopes != 1 || s.Receipts.Envelopes != 1 || s.RejectedCount != 0 {
		t.Fatalf("status %+v", s)
	}
}
