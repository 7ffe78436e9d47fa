// Package token says who asks over HTTP, and what they may see. A reader signs its
// requests with its own enrolled key (a JWT, RFC 7519, with EdDSA, RFC 8037, or ES256, RFC 7518), so no
// secret ever travels or lies at the server.
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
	Public     Role = "public"
)

// Grantee is somebody who asks, as the register knows them.
type Grantee struct {
	Name string
	Role Role
	// Facilities and Operators bound what is seen of them; empty lists stand for
	// all. An operator sees its own only, whatever they say: see [Grantee.Scope].
	Facilities, Operators []string
}

// Views tells whether the role reads views and feeds.
func (g Grantee) Views() bool {
	return g.Role == Supervisor || g.Role == Analyst || g.Role == Auditor || g.Role == Operator
}

// Bodies tells whether the role reads what operators wrote, not its digests alone.
func (g Grantee) Bodies() bool {
	return g.Role == Supervisor || g.Role == Auditor || g.Role == Operator
}

// Scope returns the facilities and operators that g is bound to; empty lists stand
// for all.
func (g Grantee) Scope() (facilities, operators []string) {
	if g.Role == Operator {
		return g.Facilities, []string{g.Name}
	}
	return g.Facilities, g.Operators
}

// Bounded tells whether there is anything that g's scope leaves out.
func (g Grantee) Bounded() bool {
	facilities, operators := g.Scope()
	return len(facilities) > 0 || len(operators) > 0
}

// CoversSubject tells whether g's scope covers what was published on a subject: of
// the registry and the ledger, everybody's does but operators', to whom what
// authorities say of each other's affairs is no concern; what was on no recorder's subject
// is only for those whose scope is not bounded.
func (g Grantee) CoversSubject(subject string) bool {
	if !g.Bounded() {
		return true
	}
	recorder, err := events.ParseSubject(subject)
	if err != nil {
		return false
	}
	if !recorder.IsOperator() {
		return g.Role != Operator
	}
	facilities, operators := g.Scope()
	return in(facilities, recorder.Facility) && in(operators, recorder.Owner)
}

func in(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
