package evidence_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// gated is a Rekor that is away until it is back.
type gated struct {
	rekor.Client
	back atomic.Bool
}

func (g *gated) Submit(ctx context.Context, digest [32]byte, key *ecdsa.PrivateKey) ([]byte, error) {
	if !g.back.Load() {
		return nil, errors.New("it is away")
	}
	return g.Client.Submit(ctx, digest, key)
}

// TestWaitsForPolicy anchors in three real Rekors, one of which is away at first: who waits
// for anchors waits for as many as the policy wants, and is told what is missing.
func TestWaitsForPolicy(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.startRekor("a.example.my", "a"), w.startRekor("b.example.my", "b"), w.startRekor("c.example.my", "c")
	away := &gated{Client: c.Client}
	c.Client = away
	w.anchorIn(verify.AnchorPolicy{}, a, b, c) // all of them
	leaf := w.say(bastion, sessionClosed)
	remote := remoteSource(t, w, serve(t, w), "auditor")

	policy := func(text string) *verify.AnchorPolicy {
		p, err := verify.ParseAnchorPolicy(text)
		w.must(err)
		return &p
	}
	trusting := func(rekors ...verify.TrustedRekor) *verify.Trust {
		trust := *w.trust
		trust.Rekors = rekors
		return &trust
	}
	trustingAll := trusting(a.Trusted, b.Trusted, c.Trusted)
	another := b.Trusted // of the same name, with another key
	another.Key = w.startRekor("b.example.my", "x").Trusted.Key
	// attempt waits, until it is told something that begins with enough if that is set, and
	// returns in how many Rekors it stands by the trust file of all.
	attempt := func(source evidence.Source, enough string, options evidence.Options) (int, *evidence.NotAnchored, error) {
		t.Helper()
		options.WaitAnchor = true
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		options.Progress = func(what string, done, total int) {
			if enough != "" && strings.HasPrefix(fmt.Sprintf("%s %d of %d", what, done, total), enough) {
				cancel()
			}
		}
		bundle, err := evidence.Build(ctx, source, []evidence.Request{{Leaf: leaf}}, options)
		var missing *evidence.NotAnchored
		if errors.As(err, &missing) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v: not for the end of its time", err)
			}
			return 0, missing, err
		}
		if err != nil {
			return 0, nil, err
		}
		statement, err := verify.VerifyBundle(bundle, trustingAll)
		w.must(err)
		stands := map[string]bool{}
		for _, s := range statement.Anchors {
			if s.Believed && s.Size > leaf {
				stands[s.Rekor] = true
			}
		}
		return len(stands), nil, nil
	}
	for _, source := range []struct {
		name string
		evidence.Source
	}{{"directory", w.source()}, {"HTTP", remote}} {
		// What is enough with two of three.
		for name, options := range map[string]evidence.Options{
			"any": {AnchorPolicy: policy("any")}, "two": {AnchorPolicy: policy("2")},
			"all of two in a trust file": {Trust: trusting(a.Trusted, b.Trusted)},
			"two in a trust file":        {Trust: trustingAll, AnchorPolicy: policy("2")},
		} {
			n, missing, err := attempt(source.Source, "", options)
			if err != nil || name != "any" && n < 2 || n < 1 {
				t.Errorf("%s, %s: in %d, %+v, %v", source.name, name, n, missing, err)
			}
		}
		// What isn't, and what it says is missing.
		for name, test := range map[string]struct {
			options     evidence.Options
			in, missing []string
			says        string
		}{
			"the node's":          {evidence.Options{}, []string{"a", "b"}, []string{"c"}, fmt.Sprintf("leaf %d stands in a, b, and not in c: the policy wants all of 3 Rekors", leaf)},
			"three":               {evidence.Options{AnchorPolicy: policy("3")}, []string{"a", "b"}, []string{"c"}, "the policy wants 3 of 3 Rekors"},
			"all of a trust file": {evidence.Options{Trust: trustingAll}, []string{"a.example.my", "b.example.my"}, []string{"c.example.my"}, "and not in c.example.my: the policy wants all of 3"},
			"a trust file with another key": {evidence.Options{Trust: trusting(a.Trusted, another), AnchorPolicy: policy("2")}, []string{"a.example.my"}, []string{"b.example.my"},
				"; b.example.my: the trust file names no such Rekor"},
		} {
			told := fmt.Sprintf("anchored; waiting for %s %d of", strings.Join(test.missing, ", "), len(test.in))
			_, missing, err := attempt(source.Source, told, test.options)
			if missing == nil || !slices.Equal(missing.In, test.in) || !slices.Equal(missing.Missing, test.missing) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s, %s: %+v, %v", source.name, name, missing, err)
			}
		}
		// What can't ever be.
		for says, options := range map[string]evidence.Options{
			"it wants 4 Rekors, and there are 3": {AnchorPolicy: policy("4")},
			"it wants 3 Rekors, and there are 2": {AnchorPolicy: policy("3"), Trust: trusting(a.Trusted, b.Trusted)},
			"names no Rekor":                     {Trust: trusting()},
			"names no ledger":                    {Trust: &verify.Trust{V: 1}},
		} {
			if _, missing, err := attempt(source.Source, "", options); missing != nil || err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v: want one that says %q", source.name, err, says)
			}
		}
	}
	// When it is back, all of them have it.
	away.back.Store(true)
	w.say(bastion, sessionClosed)
	for name, source := range map[string]evidence.Source{"directory": w.source(), "HTTP": remote} {
		if n, missing, err := attempt(source, "", evidence.Options{}); err != nil || n != 3 {
			t.Errorf("%s: in %d, %+v, %v", name, n, missing, err)
		}
		if n, missing, err := attempt(source, "", evidence.Options{Trust: trustingAll}); err != nil || n != 3 {
			t.Errorf("%s: by the trust file in %d, %+v, %v", name, n, missing, err)
		}
	}
}
