package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/paths"
)

// member is somebody with an account of their own: a cloud operator, a reader, or an
// member authority.
// They have namesakes without having anything in common.
type member struct {
	kind, name string
	dir        string
	unknown    error // that there is no such member
}

func operatorMember(name string) member {
	return member{kind: "operator", name: name, dir: dirAccounts, unknown: ErrUnknownOperator}
}

func authorityMember(name string) member {
	return member{kind: "authority", name: name, dir: dirAuthorities, unknown: ErrUnknownAuthority}
}

func readerMember(name string) member {
	return member{kind: "reader", name: name, dir: dirReaders, unknown: ErrUnknownReader}
}

// admitMember makes m's account if it has none, sets what it may reach and those
// limits that aren't zero, and signs a user JWT for userPublicKey. The account is
// signed anew only where that changes it.
func (a *Authority) admitMember(m member, userPublicKey string, limits Limits, defaults func(Limits) Limits, reach func(*jwt.AccountClaims), p jwt.Permissions) (*jwt.AccountClaims, string, error) {
	if strings.HasPrefix(userPublicKey, "S") {
		return nil, "", errors.New("that is a seed, not a public key: it must not leave its owner; make another, and hand over what begins with U")
	}
	if !nkeys.IsValidPublicUserKey(userPublicKey) {
		return nil, "", fmt.Errorf("%q isn't the public nkey of a user (56 characters, the first is U)", userPublicKey)
	}
	unlock, err := a.lock()
	if err != nil {
		return nil, "", err
	}
	defer unlock()

	// A directory that was made before there were readers has no place for them.
	if err := durable.MkdirAll(filepath.Join(a.dir, m.dir), 0o700); err != nil {
		return nil, "", err
	}
	account, err := readOrMakeAccountKey(a.accountFile(m, ".nk"))
	if err != nil {
		return nil, "", err
	}
	id, err := account.PublicKey()
	if err != nil {
		return nil, "", err
	}
	c, err := a.account(m)
	isNew := errors.Is(err, m.unknown)
	switch {
	case isNew:
		c = jwt.NewAccountClaims(id)
		c.Name = m.name
		limits = defaults(limits)
	case err != nil:
		return nil, "", err
	case c.Subject != id:
		return nil, "", fmt.Errorf("%s and %s are of two accounts", a.accountFile(m, ".nk"), a.accountFile(m, ".jwt"))
	case isSuspended(c):
		return nil, "", fmt.Errorf("%w: readmit it first", ErrSuspended)
	default:
		limits = limits.or(limitsOf(c))
	}
	before := c.Imports
	reach(c)
	if isNew || limits != limitsOf(c) || !sameImports(before, c.Imports) {
		limits.apply(c)
		if err := a.saveAccount(m, c); err != nil {
			return nil, "", err
		}
	}
	user, err := encode(userClaims(m.name, userPublicKey, p), account)
	return c, user, err
}

// sameImports compares regardless of order: claims are sorted when signed.
func sameImports(a, b jwt.Imports) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	sort.Sort(a)
	sort.Sort(b)
	return slices.EqualFunc(a, b, func(x, y *jwt.Import) bool {
		return x.Account == y.Account && x.Subject == y.Subject && x.LocalSubject == y.LocalSubject && x.Type == y.Type
	})
}

// suspendedUntil revokes every user JWT issued before it. It is as late as
// fits RFC 3339, in which the server reports revocations.
var suspendedUntil = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func isSuspended(c *jwt.AccountClaims) bool {
	return c.Revocations.IsRevoked(jwt.All, suspendedUntil)
}

// setSuspended records whether m is let in; its limits stay. Whoever is readmitted is
// held no more.
func (a *Authority) setSuspended(m member, suspended bool) error {
	unlock, err := a.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := a.account(m)
	if err != nil {
		return err
	}
	if isSuspended(c) == suspended && (suspended || !release(c)) {
		return nil
	}
	if suspended {
		c.RevokeAt(jwt.All, suspendedUntil)
	} else {
		release(c)
		c.ClearRevocation(jwt.All)
	}
	return a.saveAccount(m, c)
}

func (a *Authority) accountFile(m member, ext string) string {
	return filepath.Join(a.dir, m.dir, m.name+ext)
}

func (a *Authority) accountToken(m member) (string, error) {
	if err := checkName(m.kind, m.name); err != nil {
		return "", err
	}
	token, err := os.ReadFile(a.accountFile(m, ".jwt"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s %q: %w", m.kind, m.name, m.unknown)
	}
	return string(token), err
}

// members are those of one kind that have an account, by name.
func (a *Authority) members(of func(name string) member) ([]member, error) {
	kind := of("")
	files, err := paths.List(filepath.Join(a.dir, kind.dir), "", ".jwt")
	if err != nil {
		return nil, fmt.Errorf("broker: list %ss in %s: %w", kind.kind, a.dir, err)
	}
	var ms []member
	for _, f := range files {
		m := of(strings.TrimSuffix(filepath.Base(f), ".jwt"))
		if checkName(m.kind, m.name) != nil {
			continue // a temporary file
		}
		ms = append(ms, m)
	}
	return ms, nil
}

func (a *Authority) account(m member) (*jwt.AccountClaims, error) {
	token, err := a.accountToken(m)
	if err != nil {
		return nil, err
	}
	c, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.accountFile(m, ".jwt"), err)
	}
	return c, nil
}

// saveAccount signs c, later than it was signed before by at least the second
// in which JWTs count: of two JWTs of an account servers keep the later, so one of
// the same second could bring somebody suspended back at their next restart.
func (a *Authority) saveAccount(m member, c *jwt.AccountClaims) error {
	wait := time.Until(time.Unix(c.IssuedAt+1, 0))
	if wait > time.Second {
		return fmt.Errorf("the account was signed at %s, later than now: set the clock right", time.Unix(c.IssuedAt, 0).UTC().Format(time.RFC3339))
	}
	time.Sleep(wait)
	key, err := readKey(filepath.Join(a.dir, dirKeys, "operator.nk"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: only the machine with the authority's keys can sign accounts", err)
	} else if err != nil {
		return err
	}
	defer key.Wipe()
	token, err := encode(c, key)
	if err != nil {
		return err
	}
	return writeFile(a.accountFile(m, ".jwt"), []byte(token))
}

// lock excludes other changes of accounts, in this process and others.
func (a *Authority) lock() (unlock func(), err error) {
	a.mu.Lock()
	held, err := durable.Lock(filepath.Join(a.dir, fileLock))
	if err != nil {
		a.mu.Unlock()
		return nil, err
	}
	return func() { held.Close(); a.mu.Unlock() }, nil
}
