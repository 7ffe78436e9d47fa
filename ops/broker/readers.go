package broker

import (
	"fmt"
	"slices"

	"github.com/nats-io/jwt/v2"
)

// Mandate bounds what a reader sees of feeds: rows of these facilities and of
// these operators; of all, where a list is empty. A row without a facility, or
// without an operator, is seen by those readers only who see all of them.
type Mandate struct {
	Facilities, Operators []string
	// Views are those whose feeds it covers: all if nil, none if empty.
	Views []string
}

// covers tells whether the mandate covers a view's feed.
func (m Mandate) covers(view string) bool { return m.Views == nil || slices.Contains(m.Views, view) }

// maxSubjects bounds how many subjects a mandate makes: each is an import in the
// reader's account and a filter in each of its consumers.
const maxSubjects = 256

func (m Mandate) check() error {
	for kind, names := range map[string][]string{"facility": m.Facilities, "operator": m.Operators, "view": m.Views} {
		for i, name := range names {
			if err := checkName(kind, name); err != nil {
				return err
			}
			if slices.Contains(names[:i], name) {
				return fmt.Errorf("%s %s stands in the mandate twice", kind, name)
			}
		}
	}
	n := max(len(m.Facilities), 1) * max(len(m.Operators), 1)
	if n > maxSubjects {
		return fmt.Errorf("the mandate makes %d pairs of facility and operator: at most %d; restrict it by one of them", n, maxSubjects)
	}
	if n *= len(m.Views); n > maxSubjects {
		return fmt.Errorf("the mandate makes %d triples of view, facility and operator: at most %d; restrict it by one of facility and operator", n, maxSubjects)
	}
	return nil
}

// subjects are those of one view's feed that the mandate covers.
func (m Mandate) subjects(view string) []string {
	var subjects []string
	for _, facility := range orAny(m.Facilities) {
		for _, operator := range orAny(m.Operators) {
			subjects = append(subjects, "feeds."+view+"."+facility+"."+operator)
		}
	}
	return subjects
}

func orAny(names []string) []string {
	if len(names) == 0 {
		return []string{"*"}
	}
	return names
}

// readerLimits: a reader sends requests and acknowledgements, and no more.
func readerLimits(l Limits) Limits {
	return l.or(Limits{Connections: 8, Subscriptions: 128, Payload: 16 << 10})
}

// ReaderAdmission is what a reader gets from the authority. Nothing in it is
// secret.
type ReaderAdmission struct {
	Reader  string
	Account string // public key of its account
	// UserJWT goes to the reader, who puts it together with the seed of its user
	// key; see [Creds].
	UserJWT string
}

// AdmitReader lets the holder of a user key in as reader of the feeds of these
// views, within its mandate. Each reader has an account of its own, like an
// operator: so it can't see what another asks or gets, and uses the plain inbox
// that any client uses. It may be repeated: for another mandate, or for more
// views. A server learns of it through [Authority.PushReader], or when it starts;
// the consumers are made by [EnsureReaders].
//
// The error is [ErrSuspended] if the reader is suspended.
func (a *Authority) AdmitReader(reader, userPublicKey string, views []string, mandate Mandate, limits Limits) (*ReaderAdmission, error) {
	ad, err := a.admitReader(reader, userPublicKey, views, mandate, limits)
	if err != nil {
		return nil, fmt.Errorf("broker: admit reader %q: %w", reader, err)
	}
	return ad, nil
}

func (a *Authority) admitReader(reader, userPublicKey string, views []string, mandate Mandate, limits Limits) (*ReaderAdmission, error) {
	if err := checkName("reader", reader); err != nil {
		return nil, err
	}
	for _, view := range views {
		if err := checkName("view", view); err != nil {
			return nil, err
		}
	}
	if err := mandate.check(); err != nil {
		return nil, err
	}
	if err := limits.check(); err != nil {
		return nil, err
	}
	c, user, err := a.admitMember(readerMember(reader), userPublicKey, limits, readerLimits, func(c *jwt.AccountClaims) {
		c.Imports = readerImports(reader, views, mandate, a.hubID[hubLedger], a.hubID[hubProjections])
	}, readerPermissions())
	if err != nil {
		return nil, err
	}
	return &ReaderAdmission{Reader: reader, Account: c.Subject, UserJWT: user}, nil
}
