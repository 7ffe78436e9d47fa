package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/jwt/v2"
)

// AuthorityAdmission is what a member authority in the ledger gets from the
// one that runs it. Nothing in it is secret.
type AuthorityAdmission struct {
	// UserJWT is to be put together with the seed of the user key; see [Creds].
	UserJWT string
}

// AdmitAuthority lets the holder of a user key in as an authority with an account of
// its own, which reaches what the table in permissions.go gives an authority: its
// registry subject, its receipts and rejections. It may be repeated. A server learns
// of it through [Authority.PushAuthority], or when it starts.
func (a *Authority) AdmitAuthority(name, userPublicKey string, limits Limits) (*AuthorityAdmission, error) {
	fail := func(err error) (*AuthorityAdmission, error) {
		return nil, fmt.Errorf("broker: admit authority %q: %w", name, err)
	}
	if err := checkName("authority", name); err != nil {
		return fail(err)
	}
	if name == a.name {
		return fail(fmt.Errorf("%s runs this broker, and has its account", name))
	}
	if err := limits.check(); err != nil {
		return fail(err)
	}
	r := authorityReach(name)
	_, user, err := a.admitMember(authorityMember(name), userPublicKey, limits, Limits.orDefault, func(c *jwt.AccountClaims) {
		c.Imports = r.imports(a.hubID[hubLedger])
	}, r.permissions())
	if err != nil {
		return fail(err)
	}
	return &AuthorityAdmission{UserJWT: user}, nil
}

// PushAuthority is [Authority.Push] of an authority's account.
func (a *Authority) PushAuthority(ctx context.Context, url, name string) error {
	return a.pushMember(ctx, url, authorityMember(name))
}
