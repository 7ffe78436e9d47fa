package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

func TestParseRequest(t *testing.T) {
	for text, want := range map[string]evidence.Request{"12/3": {Leaf: 12, Event: 3}, "0/0": {}, "12": {Leaf: 12, Event: -1}} {
		if got, err := evidence.ParseRequest(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "12/", "/3", "012", "12/03", "-1", "12/3/4", "18446744073709551616"} {
		if got, err := evidence.ParseRequest(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// TestAnchoredInARekor: evidence from a ledger that is anchored in a real Rekor, from
// its directory and over HTTP.
func TestAnchoredInARekor(t *testing.T) {
	w := newWorld(t)
	first := w.say(bastion, sessionClosed, sessionClosed, sessionClosed)
	w.anchor()
	s := w.build(w.source(), evidence.Options{WaitAnchor: true}, fmt.Sprintf("%d/1", first))
	if len(s.Anchors) != 1 || !s.Anchors[0].Believed || s.Anchors[0].Independent || s.Anchors[0].Kind != "hashedrekord 0.0.2" || s.Ledger.Size != s.Anchors[0].Size {
		t.Errorf("%+v", s.Anchors)
	}
	if r := s.Records[0]; r.Leaf != first || len(r.Events) != 1 || r.Count != 3 || len(r.NotAfter) != 1 || len(r.NotBefore) != 0 {
		t.Errorf("%+v", r)
	}
	// What is said when the anchor was recorded is provably later than it.
	waitRecorded(w, first)
	second := w.say(bastion, sessionClosed)
	server := serve(t, w)
	remote := remoteSource(t, w, server, "auditor")
	for name, source := range map[string]evidence.Source{"directory": w.source(), "HTTP": remote} {
		s := w.build(source, evidence.Options{WaitAnchor: true}, fmt.Sprint(second), fmt.Sprintf("%d/2", first))
		if len(s.Records) != 2 || s.Records[0].Leaf != first || s.Records[1].Leaf != second {
			t.Fatalf("%s: %+v", name, s.Records)
		}
		if r := s.Records[1]; len(r.NotAfter) == 0 || len(r.NotBefore) != 1 || r.NotBefore[0].Recorded.Leaf >= second || r.NotBefore[0].Recorded.Leaf <= first {
			t.Errorf("%s: %+v", name, r)
		}
		if !strings.Contains(s.Text(), "no anchor here is in a Rekor that the trust file calls independent") {
			t.Errorf("%s: it does not say that no anchor is independent:\n%s", name, s.Text())
		}
	}

	_, err := evidence.Build(t.Context(), remoteSource(t, w, server, "other"), []evidence.Request{{Leaf: first}}, evidence.Options{})
	if !errors.Is(err, evidence.ErrNoBody) {
		t.Errorf("without a mandate for the facility: %v", err)
	}
}

// waitRecorded waits until the ledger has recorded an anchor after a leaf.
func waitRecorded(w *world, after uint64) {
	w.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		checkpoint := w.published()
		for index := after + 1; index < checkpoint.Size; index++ {
			if entries, err := w.reader.Leaves(w.Context(), checkpoint, index); err == nil && entries[0].Leaf.Subject == "ledger" {
				return
			}
		}
	}
	w.Fatal("no anchor was recorded in a minute")
}

// asNamed lets in whoever's name stands in the place of a token.
type asNamed struct{}

func (asNamed) Authenticate(r *http.Request) (token.Grantee, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer auditor":
		return token.Grantee{Name: "auditor", Role: token.Auditor}, nil
	case "Bearer other":
		return token.Grantee{Name: "other", Role: token.Auditor, Facilities: []string{"lab-2"}}, nil
	}
	return token.Grantee{}, token.ErrInvalid
}

// serve serves the ledger as a node does, and returns its address.
func serve(t *testing.T, w *world) string {
	t.Helper()
	tree, err := ledgerhttp.Handler(w.ledger.TreeDir())
	w.must(err)
	anchors, err := ledgerhttp.OpenAnchors(w.dir)
	w.must(err)
	t.Cleanup(func() { anchors.Close() })
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("/bodies", ledgerhttp.Bodies(w.reader, asNamed{}))
	mux.Handle("/anchors/", anchors)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func remoteSource(t *testing.T, w *world, base, name string) evidence.Source {
	t.Helper()
	reader, err := ledgerhttp.NewReader(base, w.log, ledgerhttp.ReaderOptions{
		Token: func(context.Context) (string, error) { return name, nil }, Poll: 20 * time.Millisecond,
	})
	w.must(err)
	anchors, err := evidence.Remote(base, nil)
	w.must(err)
	return evidence.Source{Reader: reader, Log: w.log, Anchors: anchors}
}

// TestWithoutAnchors: evidence says that it isn't anchored.
func TestWithoutAnchors(t *testing.T) {
	w := newWorld(t)
	leaf := w.say(bastion, sessionClosed)
	for name, source := range map[string]evidence.Source{"none kept": w.source(), "nowhere to look": {Reader: w.reader, Log: w.log}} {
		s := w.build(source, evidence.Options{}, fmt.Sprint(leaf))
		if len(s.Anchors) != 0 || !strings.Contains(s.Text(), "That the checkpoint is anchored anywhere.") {
			t.Errorf("%s:\n%s", name, s.Text())
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := evidence.Build(ctx, w.source(), []evidence.Request{{Leaf: leaf}}, evidence.Options{WaitAnchor: true}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for an anchor that does not come: %v", err)
	}
}

// TestRegistryAroundALeaf: a leaf takes with it what it rests on as it was then, and
// what happened to its key and its operator.
func TestRegistryAroundALeaf(t *testing.T) {
	w := newWorld(t)
	old, next := w.operator, newP256Signer(t)
	before := w.say(bastion, sessionClosed)
	redeclared := w.say(registry, said{events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-1", Country: "SG"}})
	suspended := w.say(registry, said{events.TypeOperatorSuspended, events.OperatorSuspended{Operator: "nimbus-my", Reason: "x"}})
	readmitted := w.say(registry, said{events.TypeOperatorReadmitted, events.OperatorReadmitted{Operator: "nimbus-my", Reason: "x"}})
	added := w.say(registry, said{events.TypeKeyAdded, events.KeyAdded{Operator: "nimbus-my", Key: next.PublicKey().String()}})
	w.say(registry, said{events.TypeOperatorAdmitted, events.OperatorAdmitted{Operator: "strato", Country: "MY"}})
	after := w.say(bastion, sessionClosed)
	w.operator = next
	byNext := w.say(bastion, sessionClosed)
	revoked := w.say(registry, said{events.TypeKeyRevoked, events.KeyRevoked{Operator: "nimbus-my", KeyID: string(old.PublicKey().ID()), Reason: "lost"}})

	get := func(leaf uint64) (*verify.StatedRecord, []uint64) {
		t.Helper()
		bundle, err := evidence.Build(t.Context(), w.source(), []evidence.Request{{Leaf: leaf}}, evidence.Options{})
		w.must(err)
		s, err := verify.VerifyBundle(bundle, w.trust)
		w.must(err)
		b, err := verify.ParseBundle(bundle)
		w.must(err)
		var leaves []uint64
		for _, l := range b.Leaves {
			leaves = append(leaves, l.Index)
		}
		return &s.Records[0], leaves
	}
	r, leaves := get(before)
	if want := []uint64{0, 1, 2, 3, before, revoked}; fmt.Sprint(leaves) != fmt.Sprint(want) || r.Facility.Country != "MY" {
		t.Errorf("the first takes leaves %d, want %d: %+v", leaves, want, r.Facility)
	}
	if k := r.Signers[0]; k.Revoked == nil || k.Revoked.Event.Leaf != revoked || k.Registered.Leaf != 1 {
		t.Errorf("%+v", k)
	}
	r, leaves = get(after)
	if want := []uint64{0, 1, 3, redeclared, suspended, readmitted, after, revoked}; fmt.Sprint(leaves) != fmt.Sprint(want) || r.Facility.Country != "SG" {
		t.Errorf("the second takes leaves %d, want %d: %+v", leaves, want, r.Facility)
	}
	r, leaves = get(byNext)
	if want := []uint64{0, 1, 3, redeclared, suspended, readmitted, added, byNext}; fmt.Sprint(leaves) != fmt.Sprint(want) {
		t.Errorf("the third takes leaves %d, want %d", leaves, want)
	}
	if k := r.Signers[0]; k.Revoked != nil || k.Registered.Leaf != added {
		t.Errorf("%+v", k)
	}
	if r, leaves = get(suspended); r.Recorder != "registry/mcmc" || len(leaves) != 2 {
		t.Errorf("a registry event takes leaves %d: %+v", leaves, r)
	}
}

func TestNoEvidence(t *testing.T) {
	w := newWorld(t)
	body := w.seal(bastion, sessionClosed)
	first := w.admit(bastion, body)
	again := w.admit(bastion, body)
	rejected := w.admit(bastion, []byte("no envelope\n"))
	for says, requests := range map[string][]evidence.Request{
		"nothing was asked for":            nil,
		"the ledger has":                   {{Leaf: 1000}},
		"the leaf has 1 events":            {{Leaf: first, Event: 1}},
		fmt.Sprint("ask for leaf ", first): {{Leaf: again}},
		"was rejected as malformed":        {{Leaf: first}, {Leaf: rejected, Event: -1}},
	} {
		_, err := evidence.Build(t.Context(), w.source(), requests, evidence.Options{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v: want one that says %q", requests, err, says)
		}
	}
	if _, err := evidence.Build(t.Context(), evidence.Source{Reader: w.reader, Log: w.log}, []evidence.Request{{Leaf: first}}, evidence.Options{WaitAnchor: true}); err == nil {
		t.Error("it waited for anchors where there are none")
	}
}
