// Package token authenticates requests over HTTP, and says what the requester may see.
//
// A reader signs its requests with its own enrolled key: a JWT (RFC 7519) with EdDSA
// (RFC 8037) or ES256 (RFC 7518).
//
// A reader signs its requests with its own enrolled key: a JWT (RFC 7519) with EdDSA
// (RFC 8037) or ES256 (RFC 7518).
//
// A reader signs its requests with its own enrolled key: a JWT (RFC 7519) with EdDSA
// (RFC 8037) or ES256 (RFC 7518).
//
// A reader signs its requests with its own enrolled key: a JWT (RFC 7519) with EdDSA
// (RFC 8037) or ES256 (RFC 7518).
//
// A reader signs its requests with its own enrolled key: a JWT (RFC 7519) with EdDSA
// (RFC 8037) or ES256 (RFC 7518).
//
// A reader signs its requests with its own enrolled key: a JWT (RFC 7519) with EdDSA
// (RFC 8037) or ES256 (RFC 7518).
//
// Not here: secrets: a request carries a JWT that the reader signs with its own key.
// What a mandate covers is decided by the registry.
package token

import (
	"slices"

	"github.com/saksi-ledger/saksi/events"
)

// Role is as what somebody reads.
type Role string

// The roles. Public is whoever shows no token.
const (
	Supervisor Role = "supervisor"
	Analyst    Role = "analyst"
	Auditor    Role = "auditor"
	Operator   Role = "operator"
	// Customer reads what touched its own: rows, and the proofs that all can have.
	Customer Role = "customer"
	Public   Role = "public"
)

// Grantee is somebody who asks, as the register knows them.
type Grantee struct {
	Name string
	Role Role
	// Facilities and Operators bound what is seen of them; empty lists stand for
	// all. An operator sees its own only, whatever they say: see [Grantee.Scope].
	Facilities, Operators []string
	// Families bound what is seen to families of events; an empty list stands for all.
	Families []string
	// Customers bound what is seen to customers' aliases: see [Bounds].
	Customers []string
	// Within is what bounds whoever let the grantee in. All of it holds too.
	Within []Bounds
}

// Bounds are what one mandate leaves of what there is.
type Bounds struct {
	Facilities, Operators, Families []string // empty lists stand for all
	// Customers are aliases, each as OPERATOR/ALIAS. Nil stands for all; an empty
	// list for none. Where it isn't nil, what names no customer is out of bounds.
	Customers []string
}

// None tells whether the bounds leave nothing out.
func (b *Bounds) None() bool {
	return len(b.Facilities) == 0 && len(b.Operators) == 0 && len(b.Families) == 0 && b.Customers == nil
}

// Views tells whether the role reads views and feeds.
func (g Grantee) Views() bool {
	return g.Role == Supervisor || g.Role == Analyst || g.Role == Auditor || g.Role == Operator || g.Role == Customer
}

// Bodies tells whether the role reads what operators wrote, not its digests alone.
func (g Grantee) Bodies() bool {
	return g.Role == Supervisor || g.Role == Auditor || g.Role == Operator
}

// Scope returns what bounds g, all of which holds; nothing if nothing does.
func (g Grantee) Scope() []Bounds {
	own := Bounds{g.Facilities, g.Operators, g.Families, g.Customers}
	switch {
	case g.Role == Operator:
		own.Operators = []string{g.Name}
	case g.Role == Customer && own.Customers == nil:
		own.Customers = []string{}
	}
	return slices.DeleteFunc(append([]Bounds{own}, g.Within...), func(b Bounds) bool { return b.None() })
}

// Bounded tells whether there is anything that g's scope leaves out.
func (g Grantee) Bounded() bool { return len(g.Scope()) > 0 }

// HasFamily tells whether a family of events is within g's scope.
func (g Grantee) HasFamily(family string) bool {
	return !slices.ContainsFunc(g.Scope(), func(b Bounds) bool { return !in(b.Families, family) })
}

// ToCustomers tells whether g's scope is bounded to customers.
func (g Grantee) ToCustomers() bool {
	return slices.ContainsFunc(g.Scope(), func(b Bounds) bool { return b.Customers != nil })
}

// CoversSubject tells whether g's scope covers anything that may be published on a
// subject: of the registry and the ledger, everybody's does but operators', to whom what
// authorities say of each other's affairs is no concern; what was on no recorder's subject
// is only for those whose scope is not bounded.
func (g Grantee) CoversSubject(subject string) bool {
	scope := g.Scope()
	if len(scope) == 0 {
		return true
	}
	recorder, err := events.ParseSubject(subject)
	if err != nil {
		return false
	}
	if !recorder.IsOperator() {
		return g.Role != Operator
	}
	return !slices.ContainsFunc(scope, func(b Bounds) bool {
		return !in(b.Facilities, recorder.Facility) || !in(b.Operators, recorder.Owner)
	})
}

func in(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
