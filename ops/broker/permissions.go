package broker

import (
	"slices"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
)

// Who may do what. Everything that isn't in this table is refused by the broker.
//
//	role           publish                                     subscribe
//	─────────────  ──────────────────────────────────────────  ─────────────────────────────
//	ledger         rejections.>  checkpoints  anchors          receipts.>
//	               _R_.> (replies to requests of others)       _INBOX_ledger.>
//	               $JS.API. on EVENTS alone: STREAM.CREATE,
//	               STREAM.INFO, STREAM.MSG.GET,
//	               CONSUMER.CREATE, CONSUMER.INFO,
//	               CONSUMER.MSG.NEXT, CONSUMER.DELETE
//	authority N    registry.N                                  rejections.registry.N
//	               receipts.registry.N.get  .head              checkpoints
//	                                                           _INBOX.>
//	operator O     events.O.>                                  rejections.O
//	               receipts.O.get  .head                       checkpoints  anchors
//	                                                           _INBOX.>
//	system         $SYS.REQ.CLAIMS.UPDATE                      _INBOX.>
//
// One way in remains. A user in LEDGER may name "events.…" as the reply subject
// of a request to JetStream, and the broker's own answer is then stored there.
// The ledger is the only such user, doesn't do it, and would only make itself a
// message that no operator signed, and that admission rejects.
//
// The ledger may not change a stream (STREAM.UPDATE): a maximum age of a second
// is a purge by another name. Nor may it read directly (DIRECT.GET): see
// [EnsureEvents].
//
// Replies: the broker gives every request that crosses into LEDGER a reply
// subject of its own, "_R_.<random>", valid for one answer. The ledger's right
// to publish there replaces "allow responses", which would let it publish
// wherever a requester points, even where it is otherwise denied.
//
// Inboxes: operators and authorities use the plain _INBOX, which any NATS client
// does unasked; it is inside their own account, where nobody else is. In LEDGER,
// which may get further roles, the ledger has a prefix of its own.

const (
	streamName = "EVENTS"

	subjectEvents      = "events.>"
	subjectRegistry    = "registry.>"
	subjectCheckpoints = "checkpoints"
	subjectAnchors     = "anchors"
	subjectRejections  = "rejections.>"
	subjectReceipts    = "receipts.>"

	subjectClaimsUpdate = "$SYS.REQ.CLAIMS.UPDATE"

	plainInbox        = "_INBOX.>"
	ledgerInboxPrefix = "_INBOX_ledger"
)

// Role is one of the users that [Init] makes.
type Role string

// The roles, each with a credentials file of its own; see permissions.go for
// what each may do.
const (
	// RoleLedger is the ledger node, the only user in the account LEDGER.
	RoleLedger Role = "ledger"
	// RoleAuthority is the authority's command line, in an account of its own.
	RoleAuthority Role = "authority"
	// RoleSystem is used by [Authority.Push] and its like, and by nothing else.
	RoleSystem Role = "system"
)

// ConnectOptions are the options with which a client connects as a role:
// the credentials file and the role's inbox prefix. A connection as
// [RoleLedger] without that prefix gets no answer to its requests.
func ConnectOptions(role Role, credsFile string) []nats.Option {
	o := []nats.Option{nats.UserCredentials(credsFile), nats.Name("saksi " + string(role))}
	if role == RoleLedger {
		o = append(o, nats.CustomInboxPrefix(ledgerInboxPrefix))
	}
	return o
}

func permissions(pub, sub []string) jwt.Permissions {
	return jwt.Permissions{
		Pub: jwt.Permission{Allow: slices.Clone(pub)},
		Sub: jwt.Permission{Allow: slices.Clone(sub)},
	}
}

func ledgerPermissions() jwt.Permissions {
	const api, stream = "$JS.API.", "." + streamName
	return permissions(
		[]string{
			api + "STREAM.CREATE" + stream,
			api + "STREAM.INFO" + stream,
			api + "STREAM.MSG.GET" + stream,
			api + "CONSUMER.CREATE" + stream + ".>",
			api + "CONSUMER.INFO" + stream + ".*",
			api + "CONSUMER.MSG.NEXT" + stream + ".*",
			api + "CONSUMER.DELETE" + stream + ".*",
			subjectRejections, subjectCheckpoints, subjectAnchors,
			"_R_.>",
		},
		[]string{subjectReceipts, ledgerInboxPrefix + ".>"},
	)
}

func systemPermissions() jwt.Permissions {
	return permissions([]string{subjectClaimsUpdate}, []string{plainInbox})
}

// reach is what an account other than LEDGER may exchange with it. Its users'
// permissions are these subjects and an inbox.
type reach struct {
	services []string // it publishes or requests; LEDGER receives and answers
	streams  []string // LEDGER publishes; it receives
}

func operatorReach(operator string) reach {
	return reach{
		services: []string{
			"events." + operator + ".>",
			"receipts." + operator + ".get",
			"receipts." + operator + ".head",
		},
		streams: []string{"rejections." + operator, subjectCheckpoints, subjectAnchors},
	}
}

func authorityReach(authority string) reach {
	return reach{
		services: []string{
			"registry." + authority,
			"receipts.registry." + authority + ".get",
			"receipts.registry." + authority + ".head",
		},
		streams: []string{"rejections.registry." + authority, subjectCheckpoints},
	}
}

func (r reach) permissions() jwt.Permissions {
	return permissions(r.services, append([]string{plainInbox}, r.streams...))
}

func (r reach) imports(ledgerAccount string) jwt.Imports {
	var is jwt.Imports
	for _, s := range r.services {
		is.Add(&jwt.Import{Name: s, Account: ledgerAccount, Subject: jwt.Subject(s), Type: jwt.Service})
	}
	for _, s := range r.streams {
		is.Add(&jwt.Import{Name: s, Account: ledgerAccount, Subject: jwt.Subject(s), Type: jwt.Stream})
	}
	return is
}

// ledgerExports cover what reach imports, of every operator and authority.
func ledgerExports() jwt.Exports {
	var es jwt.Exports
	for _, s := range []string{
		subjectEvents, "receipts.*.get", "receipts.*.head",
		"registry.*", "receipts.registry.*.get", "receipts.registry.*.head",
	} {
		es.Add(&jwt.Export{Name: s, Subject: jwt.Subject(s), Type: jwt.Service, ResponseType: jwt.ResponseTypeSingleton})
	}
	for _, s := range []string{"rejections.*", "rejections.registry.*", subjectCheckpoints, subjectAnchors} {
		es.Add(&jwt.Export{Name: s, Subject: jwt.Subject(s), Type: jwt.Stream})
	}
	return es
}
