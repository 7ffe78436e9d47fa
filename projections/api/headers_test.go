package api

import (
	"errors"
	"net/http"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/saksi-ledger/saksi/ledger/http/token"
)

// TestMoving: an authority moves what is for a recipient that it has put out of use, and
// nobody moves what was ever another's, whatever is claimed in the registry.
func TestMoving(t *testing.T) {
	a := &api{Config: Config{Disclosed: noDisclosures{}, Authorities: func() []Authority {
		return []Authority{
			{Name: "mcmc", Recipient: "m2", Leaf: 9, Former: []FormerRecipient{{"m1", 0}}},
			{Name: "pdp", Recipient: "p3", Leaf: 8, Former: []FormerRecipient{{"p1", 3}, {"p2", 7}}},
			// It has claimed another's former and present recipients for its own, and gone back to one.
			{Name: "liar", Recipient: "l1", Leaf: 14, Former: []FormerRecipient{{"l1", 4}, {"m1", 10}, {"p3", 11}, {"p1", 12}, {"l2", 13}}},
		}
	}}}
	seat := func(name string) token.Grantee { return token.Grantee{Name: name, Role: token.Supervisor} }
	for _, c := range []struct {
		who       token.Grantee
		recipient string
		next      string
		status    int
	}{
		{seat("pdp"), "p1", "p3", 0}, {seat("pdp"), "p2", "p3", 0}, {seat("liar"), "l2", "l1", 0}, {seat("mcmc"), "m1", "m2", 0},
		{seat("pdp"), "p3", "", 403}, {seat("pdp"), "m1", "", 403}, {seat("pdp"), "m2", "", 403}, {seat("pdp"), "x", "", 403},
		{seat("liar"), "m1", "", 403}, {seat("liar"), "p3", "", 403}, {seat("liar"), "l1", "", 403}, {seat("liar"), "p1", "", 403},
		{seat("desk"), "p1", "", 403}, {token.Grantee{Name: "pdp", Role: token.Auditor}, "p1", "", 403},
		{token.Grantee{Name: "pdp", Role: token.Operator}, "p1", "", 403}, {token.Grantee{Role: token.Public}, "p1", "", http.StatusUnauthorized},
	} {
		next, err := a.moving(c.who, c.recipient)
		status := 0
		if p, ok := errors.AsType[huma.StatusError](err); ok {
			status = p.GetStatus()
		}
		if next != c.next || status != c.status || (err == nil) != (status == 0) {
			t.Errorf("%s %s moves %s: to %q, %v: want %q, %d", c.who.Role, c.who.Name, c.recipient, next, err, c.next, c.status)
		}
	}
}

// noDisclosures is that some are kept, and is asked for none.
type noDisclosures struct{ Disclosures }
