// Package authority has what an authority does from its own machine: make a ledger, and
// put acts in its registry.
//
// Registry events go the way that operators' events go: signed, through an outbox and
// the stream, into the tree, with a receipt.
//
// Not here: the running of a node, which is in ops/node, and the judgement of acts,
// which is in ledger/admission.
package authority

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/schemas"
)

// Plan is what a new ledger shall be.
type Plan struct {
	// Origin names the tree in its checkpoints, such as
	// ledger.example.my/saksi/2026.
	Origin string
	// Jurisdiction is the country, ISO 3166-1 alpha-2.
	Jurisdiction string
	// Name is the first authority's.
	Name string
	// Key is of the key that signs what it says.
	Key home.KeySpec
	// WitnessPolicy names the witnesses that are to cosign, and their quorum
	// (https://c2sp.org/tlog-policy); empty if there are none.
	WitnessPolicy string
	// Predecessor is the last signed checkpoint of the tree whose place this one takes;
	// empty if there is none.
	Predecessor string
	// Retention is how long bodies are kept; DefaultRetention if zero.
	Retention events.Retention
}

// checkPredecessor refuses what is no signed checkpoint of another tree. Whose signature it
// has, trust files say.
func checkPredecessor(plan Plan) error {
	if plan.Predecessor == "" {
		return nil
	}
	_, rest, ok := verify.CutNote([]byte(plan.Predecessor))
	if !ok || len(rest) > 0 {
		return errors.New("predecessor: it is not a signed checkpoint: want the tree's last, as it was served at /checkpoint")
	}
	last, err := formats.ParseCheckpoint([]byte(plan.Predecessor))
	switch {
	case err != nil:
		return fmt.Errorf("predecessor: %w", err)
	case last.Origin == plan.Origin:
		return fmt.Errorf("predecessor: it is of %s itself: a new tree has an origin and a key of its own", plan.Origin)
	}
	return nil
}

// DefaultRetention keeps what was said seven years or longer, rejected messages
// and disclosures one.
var DefaultRetention = events.Retention{Access: "P7Y", Facility: "P10Y", Attestation: "P10Y", Registry: "forever", Rejected: "P1Y", Disclosures: "P1Y"}

// Init makes an authority's home in an empty directory: keys, the broker's
// accounts, and a ledger with its genesis as leaf 0. It needs no network.
func Init(ctx context.Context, dir string, plan Plan) (*home.Authority, error) {
	if !events.ValidName(plan.Name) {
		return nil, fmt.Errorf("authority %q: want a-z, 0-9 and -, at most 40, not beginning with -", plan.Name)
	}
	if plan.Retention == (events.Retention{}) {
		plan.Retention = DefaultRetention
	}
	if plan.WitnessPolicy != "" {
		policy, err := formats.ParsePolicy([]byte(plan.WitnessPolicy))
		if err != nil {
			return nil, err
		}
		if len(policy.Logs) > 0 {
			return nil, errors.New("witness policy: it names logs, and the key of this one is not made yet: leave its log lines out")
		}
	}
	if err := checkPredecessor(plan); err != nil {
		return nil, err
	}
	h, err := home.NewAuthority(dir, plan.Name, plan.Origin, plan.Jurisdiction, plan.Key)
	if err != nil {
		return nil, err
	}
	if err := broker.Init(h.BrokerDir(), plan.Name); err != nil {
		return nil, err
	}
	signer, err := h.Signer()
	if err != nil {
		return nil, err
	}
	eventKey, err := h.EventKey()
	if err != nil {
		return nil, err
	}
	identity, err := h.ReadingIdentity()
	if err != nil {
		return nil, err
	}
	recovery, err := h.RecoveryKey()
	if err != nil {
		return nil, err
	}
	logKey, err := h.LogKey()
	if err != nil {
		return nil, err
	}
	logPublic, err := h.LogVerifierKey()
	if err != nil {
		return nil, err
	}
	recorder := events.RegistryRecorder(plan.Name)
	event, err := vocabulary.Genesis.Of(events.Genesis{
		Origin: plan.Origin, Jurisdiction: plan.Jurisdiction,
		Authorities: []events.GenesisMandate{{
			Authority: plan.Name, Key: signer.PublicKey().String(), RecoveryKey: recovery.PublicKey().String(),
			Recipient: identity.Recipient().String(),
			Mandate:   events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}},
		}},
		LedgerKey: eventKey.PublicKey().String(), LogKey: logPublic,
		Ruleset:       events.DigestOf(schemas.CurrentRuleset()).String(),
		Retention:     plan.Retention,
		WitnessPolicy: plan.WitnessPolicy, Predecessor: plan.Predecessor,
	}).Event(recorder, vocabulary.Attributes{})
	if err != nil {
		return nil, err
	}
	// The outbox keeps the very envelope that becomes leaf 0, and so will find that the
	// ledger has it.
	genesis, err := sealed(ctx, h.OutboxFile(), logPublic, events.Draft{Event: event}, signer)
	if err != nil {
		return nil, err
	}
	if err := writer.Create(ctx, writer.Config{Dir: h.LedgerDir(), LogKey: logKey, EventKey: eventKey}, genesis); err != nil {
		return nil, err
	}
	hash, err := genesisHash(h, logPublic)
	if err != nil {
		return nil, err
	}
	return h, h.Finish(hash)
}

// sealed adds the genesis to a new outbox, and returns the envelope that is kept there.
func sealed(ctx context.Context, path, logKey string, genesis events.Draft, signer *events.Signer) (_ []byte, err error) {
	log, err := formats.NewLog(logKey)
	if err != nil {
		return nil, err
	}
	recorder, err := events.ParseRecorder(strings.TrimPrefix(genesis.Event.Source, "/"))
	if err != nil {
		return nil, err
	}
	outbox, err := client.Open(ctx, path, client.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, outbox.Close()) }()
	if _, err := outbox.Add(ctx, recorder, []events.Draft{genesis}, signer); err != nil {
		return nil, err
	}
	var parcel bytes.Buffer
	if _, _, err := outbox.Export(ctx, log, recorder.Party(), &parcel); err != nil {
		return nil, err
	}
	var head client.ParcelHead
	var envelope client.Parcelled
	lines := json.NewDecoder(&parcel)
	if err := errors.Join(lines.Decode(&head), lines.Decode(&envelope)); err != nil {
		return nil, fmt.Errorf("read the sealed genesis: %w", err)
	}
	return envelope.Body, nil
}

// genesisHash returns the hash of leaf 0: the root of the tree while that is its
// only leaf.
func genesisHash(h *home.Authority, key string) (tlog.Hash, error) {
	note, err := os.ReadFile(filepath.Join(h.LedgerDir(), "tree", "checkpoint"))
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("read the first checkpoint: %w", err)
	}
	log, err := formats.NewLog(key)
	if err != nil {
		return tlog.Hash{}, err
	}
	checkpoint, err := log.OpenCheckpoint(note)
	if err != nil {
		return tlog.Hash{}, err
	}
	if checkpoint.Size != 1 {
		return tlog.Hash{}, fmt.Errorf("the first checkpoint has %d leaves: want 1", checkpoint.Size)
	}
	return checkpoint.Root, nil
}

// Registrar publishes an authority's registry events. Close it after use.
type Registrar struct {
	name   string
	outbox *client.Outbox
	client *client.Client
	signer *events.Signer // nil: the key is lost
	// Of the authority that runs the ledger; nil for one that has a seat in it.
	home      *home.Authority
	broker    *broker.Authority
	addresses home.Addresses
	member    *home.MemberAuthority
}

// OpenRegistrar opens an authority's home for publishing to its running node.
func OpenRegistrar(ctx context.Context, h *home.Authority) (_ *Registrar, err error) {
	r := &Registrar{name: h.Name, home: h}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if r.addresses, err = h.Addresses(); errors.Is(err, os.ErrNotExist) {
		return nil, hinted{errors.New("the node of this home has never run"), "start it with saksi up, and try again"}
	} else if err != nil {
		return nil, err
	}
	if r.broker, err = broker.Open(h.BrokerDir()); err != nil {
		return nil, err
	}
	if r.signer, err = h.Signer(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	trust, err := h.Trust()
	if err != nil {
		return nil, err
	}
	log, err := trust.Ledgers[0].Log()
	if err != nil {
		return nil, err
	}
	if r.outbox, err = client.Open(ctx, h.OutboxFile(), client.Options{}); err != nil {
		return nil, err
	}
	r.client, err = client.Dial(ctx, client.Config{
		NATSURL: r.addresses.LocalNATS, CredsFile: r.broker.CredsFile(broker.RoleAuthority),
		HTTP: r.addresses.LocalURL(), Log: log, Party: r.recorder().Party(), Name: "saksi authority",
		NATSOptions: broker.ConnectOptions(broker.RoleAuthority, r.broker.CredsFile(broker.RoleAuthority)),
	})
	return r, err
}

// OpenMember opens the home of a member authority for publishing to the ledger
// that it has joined.
func OpenMember(ctx context.Context, h *home.MemberAuthority) (_ *Registrar, err error) {
	r := &Registrar{name: h.Name, member: h}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	grant, err := h.Grant()
	if err != nil {
		return nil, err
	}
	if r.signer, err = h.Signer(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	log, err := grant.Ledger.Log()
	if err != nil {
		return nil, err
	}
	if r.outbox, err = client.Open(ctx, h.OutboxFile(), client.Options{}); err != nil {
		return nil, err
	}
	r.client, err = client.Dial(ctx, client.Config{
		NATSURL: grant.NATS, CredsFile: h.CredsFile(), HTTP: grant.HTTP, Log: log, Party: r.recorder().Party(), Name: "saksi authority",
		NATSOptions: broker.ConnectOptions(broker.RoleAuthority, h.CredsFile()),
	})
	return r, err
}

// ErrMember is wrapped where only the authority that runs the ledger can do something.
var ErrMember = errors.New("it has a seat in this ledger and doesn't run it")

// runs refuses what only the authority that runs the ledger can do: its broker's
// accounts are its own.
func (r *Registrar) runs(what string) error {
	if r.home == nil {
		return hinted{fmt.Errorf("%s can't %s: %w", r.name, what, ErrMember), "the authority that runs the ledger does that"}
	}
	return nil
}

func (r *Registrar) recorder() events.Recorder { return events.RegistryRecorder(r.name) }

// Close closes outbox and connection.
func (r *Registrar) Close() error {
	var err error
	if r.client != nil {
		err = r.client.Close()
	}
	if r.outbox != nil {
		err = errors.Join(err, r.outbox.Close())
	}
	return err
}

// say publishes one registry event and waits until it is in the ledger for good.
// It returns its leaf.
func (r *Registrar) say(ctx context.Context, said vocabulary.Said) (uint64, error) {
	event, err := said.Event(r.recorder(), vocabulary.Attributes{})
	if err != nil {
		return 0, err
	}
	return r.sayEvent(ctx, event, r.signer)
}

func (r *Registrar) sayEvent(ctx context.Context, event *events.Event, signer *events.Signer) (uint64, error) {
	if signer == nil {
		return 0, lost(r.name)
	}
	if err := r.client.Prepare(ctx, r.outbox, r.recorder()); err != nil {
		return 0, unreachable(err)
	}
	if _, err := r.outbox.Add(ctx, r.recorder(), []events.Draft{{Event: event}}, signer); err != nil {
		return 0, err
	}
	if _, err := r.client.Flush(ctx, r.outbox, client.FlushOptions{}); err != nil {
		return 0, unreachable(err)
	}
	receipt, ok, err := r.outbox.ReceiptOf(ctx, r.recorder(), event.ID)
	switch {
	case err != nil:
		return 0, err
	case ok && receipt.Code != "":
		return 0, r.rejected(ctx, receipt)
	case !ok:
		return 0, fmt.Errorf("the ledger has no answer yet about the %s", event.Type)
	}
	return receipt.Proof.Index, nil
}

// rejected makes an error of a rejection, and forgets the event: an authority's
// command says it again when what was missing is there.
func (r *Registrar) rejected(ctx context.Context, receipt client.Receipt) error {
	reason := receipt.Code
	status, err := r.outbox.Status(ctx)
	if err != nil {
		return err
	}
	for _, recorder := range status.Recorders {
		for _, rejected := range recorder.Rejected {
			if rejected.Manifest == receipt.Manifest && rejected.Reason != "" {
				reason = rejected.Code + ": " + rejected.Reason
			}
		}
	}
	if _, err := r.outbox.Forget(ctx, receipt.Manifest); err != nil {
		return err
	}
	err = fmt.Errorf("the ledger has rejected it, on the record as leaf %d: %s", receipt.Proof.Index, reason)
	if r.rotating() {
		return hinted{err, "a rotation of this authority's key was cut short: saksi authority rotate, with the same --reason, finishes it"}
	}
	return err
}

// rotating reports whether a rotation of the key has begun, and not ended.
func (r *Registrar) rotating() bool {
	if r.home != nil {
		return r.home.Rotating()
	}
	return r.member.Rotating()
}

func lost(name string) error {
	return hinted{fmt.Errorf("the signing key of %s is not in its home", name), "put it back, or take the voice back with the recovery key: saksi authority rotate --recovery FILE --replaces KEYID"}
}

func unreachable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return hinted{fmt.Errorf("the node did not answer: %w", err), "is it running? start it with saksi up"}
	}
	return err
}

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }
