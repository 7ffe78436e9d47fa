package authority

import "github.com/saksi-ledger/saksi/ops/home"

// newGrant is what all grants of a home have in common; addresses are its node's.
func newGrant(h *home.Authority, addresses home.Addresses) (*home.Grant, error) {
	trust, err := h.Trust()
	if err != nil {
		return nil, err
	}
	voice, err := h.AuthorityKeys()
	if err != nil {
		return nil, err
	}
	return &home.Grant{V: 1, Authority: h.Name, NATS: addresses.NATS, HTTP: addresses.HTTP, Ledger: trust.Ledgers[0], Voice: voice}, nil
}

// grantTo answers a request: user is what the broker lets its connection in by.
func grantTo(h *home.Authority, addresses home.Addresses, request *home.Request, user string) (*home.Grant, error) {
	g, err := newGrant(h, addresses)
	if err != nil {
		return nil, err
	}
	g.Role, g.Name, g.Connection, g.User = request.Role, request.Name, request.Connection, user
	return g, nil
}
