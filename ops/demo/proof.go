package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/home"
)

// proofTime bounds the wait for an anchor.
const proofTime = 2 * time.Minute

// tokenLife is how long the desk's tokens are good, and the one that is shown.
const tokenLife = time.Hour

// prove fetches evidence of the finding as the supervision desk, waits until it is
// anchored, and verifies it with nothing but a trust file.
func (d *demo) prove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	f := d.proving
	d.say("%s: evidence of %s, the finding that nobody can explain away, fetched by the supervision desk:", f.Rule, f.Recorder)
	source, err := d.source()
	if err != nil {
		return err
	}
	var requests []evidence.Request
	for _, ref := range f.Evidence {
		requests = append(requests, evidence.Request{Leaf: ref.Leaf, Event: ref.Event})
	}
	bundle, err := evidence.Build(ctx, source, requests, evidence.Options{WaitAnchor: true})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(d.path("evidence.saksi"), bundle, 0o600); err != nil {
		return err
	}
	trust, err := d.home.Trust()
	if err != nil {
		return err
	}
	if err := home.WriteJSON(d.path("trust.json"), trust, 0o644); err != nil {
		return err
	}
	d.step("evidence", "%d events in %s, %.1f KiB, anchored in a Rekor", len(requests), d.path("evidence.saksi"), float64(len(bundle))/1024)
	began := time.Now()
	statement, err := verify.VerifyBundle(bundle, trust)
	if err != nil {
		return fmt.Errorf("the evidence does not hold: %w", err)
	}
	d.step("verified", "offline, in %.1f ms:\n", float64(time.Since(began).Microseconds())/1000)
	d.say("%s", statement.Text())
	changed := append([]byte(nil), bundle...)
	changed[len(changed)/2] ^= 1
	if _, err := verify.VerifyBundle(changed, trust); err != nil {
		d.say("The same with one bit changed: %v", err)
		return nil
	}
	return errors.New("evidence with a bit changed was not refused")
}

// source is the ledger as the desk reads it over HTTP, with tokens that it signs.
func (d *demo) source() (evidence.Source, error) {
	grant, err := d.desk.Grant()
	if err != nil {
		return evidence.Source{}, err
	}
	log, err := grant.Ledger.Log()
	if err != nil {
		return evidence.Source{}, err
	}
	reader, err := ledgerhttp.NewReader(grant.HTTP, log, ledgerhttp.ReaderOptions{Token: d.token})
	if err != nil {
		return evidence.Source{}, err
	}
	anchors, err := evidence.Remote(grant.HTTP, nil)
	if err != nil {
		return evidence.Source{}, err
	}
	cosigned, err := evidence.RemoteCosigned(grant.HTTP, nil)
	return evidence.Source{Reader: reader, Log: log, Anchors: anchors, Cosigned: cosigned}, err
}

func (d *demo) token(context.Context) (string, error) {
	signer, err := d.desk.Signer()
	if err != nil {
		return "", err
	}
	return token.Mint(signer, d.desk.Name, d.home.Origin, time.Now(), tokenLife)
}

// invite says where to look further.
func (d *demo) invite(ctx context.Context) error {
	text, err := d.token(ctx)
	if err != nil {
		return err
	}
	if d.Exit {
		return nil
	}
	d.say(`
It all goes on running. In another terminal:
  saksi view   --home %[1]s findings
  saksi view   --home %[1]s --where from.country=IN --where operator=nimbus-my touches
  saksi watch  --home %[2]s findings
  saksi verify --trust %[3]s %[4]s
  saksi doctor --home %[1]s
  curl -H "Authorization: Bearer $TOKEN" '%[5]s/v1/views/touches?limit=3'
  TOKEN=%[6]s
The API is described at %[5]s/v1/docs. Ctrl-C ends it and leaves nothing behind.`,
		d.path("regulator"), d.path("desk"), d.path("trust.json"), d.path("evidence.saksi"), d.addresses.HTTP, text)
	return nil
}
