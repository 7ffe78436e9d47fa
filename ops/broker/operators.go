package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Limits bound what one operator's account may take of the broker. A field that
// is zero keeps what the account has, or the default of a new one.
type Limits struct {
	// Connections open at the same time; 64 by default.
	Connections int
	// Subscriptions of each connection; 256 by default.
	Subscriptions int
	// Payload is the largest message in bytes, headers included; 512 KiB by
	// default: above an envelope's 256 KiB, so that one which is too large still
	// reaches the ledger and is refused on the record.
	Payload int
}

func (l Limits) or(d Limits) Limits {
	if l.Connections == 0 {
		l.Connections = d.Connections
	}
	if l.Subscriptions == 0 {
		l.Subscriptions = d.Subscriptions
	}
	if l.Payload == 0 {
		l.Payload = d.Payload
	}
	return l
}

func (l Limits) orDefault() Limits {
	return l.or(Limits{Connections: 64, Subscriptions: 256, Payload: 512 << 10})
}

func (l Limits) check() error {
	if l.Connections < 0 || l.Subscriptions < 0 || l.Payload < 0 {
		return fmt.Errorf("limits %+v: none may be negative", l)
	}
	return nil
}

func (l Limits) apply(c *jwt.AccountClaims) {
	c.Limits.Conn = int64(l.Connections)
	c.Limits.Subs = int64(l.Subscriptions)
	c.Limits.Payload = int64(l.Payload)
	c.Limits.LeafNodeConn = 0
	c.Limits.Exports = 0
	c.Limits.WildcardExports = false
	c.Limits.DisallowBearer = true
}

func limitsOf(c *jwt.AccountClaims) Limits {
	return Limits{Connections: int(c.Limits.Conn), Subscriptions: int(c.Limits.Subs), Payload: int(c.Limits.Payload)}
}

// Operator is a cloud operator that was admitted.
type Operator struct {
	Name      string
	Account   string // public key of its account
	Limits    Limits
	Suspended bool
}

// Admission is what an operator gets from the authority. Nothing in it is
// secret: UserJWT works only with the seed that the operator kept.
type Admission struct {
	Operator Operator
	// UserJWT goes to the operator, who puts it together with the seed of its
	// user key; see [Creds].
	UserJWT string
}

// Admit lets the holder of a user key in as operator. It makes the operator's
// account if it has none, sets those limits that aren't zero, and signs a user
// JWT for userPublicKey (an nkey, "U…"). It may be repeated: for the same
// operator, for another key of it, for other limits. A server learns of a new
// account or of new limits through [Authority.Push], or when it starts.
//
// The error is [ErrSuspended] if the operator is suspended.
func (a *Authority) Admit(operator, userPublicKey string, limits Limits) (*Admission, error) {
	ad, err := a.admit(operator, userPublicKey, limits)
	if err != nil {
		return nil, fmt.Errorf("broker: admit operator %q: %w", operator, err)
	}
	return ad, nil
}

func (a *Authority) admit(operator, userPublicKey string, limits Limits) (*Admission, error) {
	if err := checkName("operator", operator); err != nil {
		return nil, err
	}
	if err := limits.check(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(userPublicKey, "S") {
		return nil, errors.New("that is a seed, not a public key: it must not leave its owner; make another, and hand over what begins with U")
	}
	if !nkeys.IsValidPublicUserKey(userPublicKey) {
		return nil, fmt.Errorf("%q isn't the public nkey of a user (56 characters, the first is U)", userPublicKey)
	}
	unlock, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()

	account, err := readOrMakeAccountKey(a.accountFile(operator, ".nk"))
	if err != nil {
		return nil, err
	}
	id, err := account.PublicKey()
	if err != nil {
		return nil, err
	}
	c, err := a.account(operator)
	isNew := errors.Is(err, ErrUnknownOperator)
	switch {
	case isNew:
		c = jwt.NewAccountClaims(id)
		c.Name = operator
		limits = limits.orDefault()
	case err != nil:
		return nil, err
	case c.Subject != id:
		return nil, fmt.Errorf("%s and %s are of two accounts", a.accountFile(operator, ".nk"), a.accountFile(operator, ".jwt"))
	case isSuspended(c):
		return nil, fmt.Errorf("%w: readmit it first", ErrSuspended)
	default:
		limits = limits.or(limitsOf(c))
	}
	r := operatorReach(operator)
	if isNew || limits != limitsOf(c) {
		c.Imports = r.imports(a.hubID[hubLedger])
		limits.apply(c)
		if err := a.saveAccount(operator, c); err != nil {
			return nil, err
		}
	}
	user, err := encode(userClaims(operator, userPublicKey, r.permissions()), account)
	if err != nil {
		return nil, err
	}
	return &Admission{Operator: asOperator(operator, c), UserJWT: user}, nil
}

// Creds puts a user JWT and the seed of its key together into the text of a
// NATS credentials file. It is for the side that holds the seed, and refuses a
// seed of another key.
func Creds(userJWT string, seed []byte) ([]byte, error) {
	c, err := jwt.DecodeUserClaims(userJWT)
	if err != nil {
		return nil, fmt.Errorf("broker: make credentials: user JWT: %w", err)
	}
	seed = bytes.TrimSpace(seed)
	kp, err := nkeys.FromSeed(seed)
	if err != nil {
		return nil, fmt.Errorf("broker: make credentials: seed: %w", err)
	}
	defer kp.Wipe()
	id, err := kp.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("broker: make credentials: seed: %w", err)
	}
	if id != c.Subject {
		return nil, fmt.Errorf("broker: make credentials: the JWT is for user %s, the seed is of %s", c.Subject, id)
	}
	out, err := jwt.FormatUserConfig(userJWT, seed)
	if err != nil {
		return nil, fmt.Errorf("broker: make credentials: %w", err)
	}
	return out, nil
}

// Operators lists the operators that were admitted, by name.
func (a *Authority) Operators() ([]Operator, error) {
	names, err := filepath.Glob(filepath.Join(a.dir, dirAccounts, "*.jwt"))
	if err != nil {
		return nil, fmt.Errorf("broker: list operators in %s: %w", a.dir, err)
	}
	var operators []Operator
	for _, n := range names {
		name := strings.TrimSuffix(filepath.Base(n), ".jwt")
		if checkName("operator", name) != nil {
			continue // a temporary file
		}
		c, err := a.account(name)
		if err != nil {
			return nil, fmt.Errorf("broker: list operators: %w", err)
		}
		operators = append(operators, asOperator(name, c))
	}
	return operators, nil
}

func asOperator(name string, c *jwt.AccountClaims) Operator {
	return Operator{Name: name, Account: c.Subject, Limits: limitsOf(c), Suspended: isSuspended(c)}
}

// suspendedUntil revokes every user JWT issued before it. It is as late as
// fits RFC 3339, in which the server reports revocations.
var suspendedUntil = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func isSuspended(c *jwt.AccountClaims) bool {
	return c.Revocations.IsRevoked(jwt.All, suspendedUntil)
}

// setSuspended records whether operator is let in; its limits stay.
func (a *Authority) setSuspended(operator string, suspended bool) error {
	unlock, err := a.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := a.account(operator)
	if err != nil {
		return err
	}
	if isSuspended(c) == suspended {
		return nil
	}
	if suspended {
		c.RevokeAt(jwt.All, suspendedUntil)
	} else {
		c.ClearRevocation(jwt.All)
	}
	return a.saveAccount(operator, c)
}

func (a *Authority) accountFile(operator, ext string) string {
	return filepath.Join(a.dir, dirAccounts, operator+ext)
}

func (a *Authority) accountToken(operator string) (string, error) {
	if err := checkName("operator", operator); err != nil {
		return "", err
	}
	token, err := os.ReadFile(a.accountFile(operator, ".jwt"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("operator %q: %w", operator, ErrUnknownOperator)
	}
	return string(token), err
}

func (a *Authority) account(operator string) (*jwt.AccountClaims, error) {
	token, err := a.accountToken(operator)
	if err != nil {
		return nil, err
	}
	c, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.accountFile(operator, ".jwt"), err)
	}
	return c, nil
}

// saveAccount signs c, later than it was signed before by at least the second
// in which JWTs count: of two JWTs of an account servers keep the later, so one of
// the same second could bring a suspended operator back at their next restart.
func (a *Authority) saveAccount(operator string, c *jwt.AccountClaims) error {
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
	return writeFile(a.accountFile(operator, ".jwt"), []byte(token))
}

// lock excludes other changes of accounts, in this process and others.
func (a *Authority) lock() (unlock func(), err error) {
	a.mu.Lock()
	release, err := lockFile(filepath.Join(a.dir, fileLock), true)
	if err != nil {
		a.mu.Unlock()
		return nil, err
	}
	return func() { release(); a.mu.Unlock() }, nil
}
