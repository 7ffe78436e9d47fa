package broker

import (
	"bytes"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Limits bound what one operator's or reader's account may take of the broker. A
// field that is zero keeps what the account has, or the default of a new one;
// those below are an operator's.
//
// How fast an account may publish is no limit that a broker has: see ops/limiter.
type Limits struct {
	// Connections open at the same time; 64 by default: an agent at each of some
	// dozens of facilities, and a person's command line beside them.
	Connections int
	// Subscriptions of each connection; 64 by default. An outbox needs three, and
	// what the broker sends to a client that doesn't read is kept for each
	// connection, not for each subscription.
	Subscriptions int
	// Payload is the largest message in bytes, headers included; 512 KiB by
	// default: above an envelope's 256 KiB, so that one which is too large still
	// reaches the ledger and is refused on the record. Many of them are bounded by
	// their bytes, not by this.
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
	return l.or(Limits{Connections: 64, Subscriptions: 64, Payload: 512 << 10})
}

func (l Limits) check() error {
	if l.Connections < 0 || l.Subscriptions < 0 || l.Payload < 0 {
		return fmt.Errorf("limits %+v: none may be negative", l)
	}
	return nil
}

// apply sets limits; who is held stays so.
func (l Limits) apply(c *jwt.AccountClaims) {
	h, held := heldOf("", c)
	if held {
		release(c)
	}
	c.Limits.Conn = int64(l.Connections)
	if held {
		hold(c, h)
	}
	c.Limits.Subs = int64(l.Subscriptions)
	c.Limits.Payload = int64(l.Payload)
	c.Limits.LeafNodeConn = 0
	c.Limits.Exports = 0
	c.Limits.WildcardExports = false
	c.Limits.DisallowBearer = true
}

func limitsOf(c *jwt.AccountClaims) Limits {
	conns := c.Limits.Conn
	if n, held := heldTag(c, tagHeldConns); held {
		conns = n
	}
	return Limits{Connections: int(conns), Subscriptions: int(c.Limits.Subs), Payload: int(c.Limits.Payload)}
}

// Operator is a cloud operator that was admitted.
type Operator struct {
	Name      string
	Account   string // public key of its account
	Limits    Limits
	Suspended bool
	HeldUntil time.Time // zero if it isn't held
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
	r := operatorReach(operator)
	c, user, err := a.admitMember(operatorMember(operator), userPublicKey, limits, Limits.orDefault, func(c *jwt.AccountClaims) {
		c.Imports = r.imports(a.hubID[hubLedger])
	}, r.permissions())
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
	members, err := a.members(operatorMember)
	if err != nil {
		return nil, err
	}
	var operators []Operator
	for _, m := range members {
		c, err := a.account(m)
		if err != nil {
			return nil, fmt.Errorf("broker: list operators: %w", err)
		}
		operators = append(operators, asOperator(m.name, c))
	}
	return operators, nil
}

func asOperator(name string, c *jwt.AccountClaims) Operator {
	h, _ := heldOf(name, c)
	return Operator{Name: name, Account: c.Subject, Limits: limitsOf(c), Suspended: isSuspended(c), HeldUntil: h.Until}
}
