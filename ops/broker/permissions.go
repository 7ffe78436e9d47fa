package broker

import (
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/saksi-ledger/saksi/events"
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
//	eraser         $JS.API. on EVENTS alone: STREAM.INFO,      _INBOX_eraser.>
//	               STREAM.MSG.GET, STREAM.MSG.DELETE
//	intake         events.*.*.*                                _INBOX_intake.>
//	custodian      reencrypted.>                               _INBOX_custodian.>
//	               $JS.API. on DISCLOSURES alone:
//	               STREAM.CREATE, STREAM.INFO, STREAM.MSG.GET,
//	               STREAM.MSG.DELETE, CONSUMER.CREATE,
//	               CONSUMER.INFO, CONSUMER.MSG.NEXT,
//	               CONSUMER.DELETE
//	projections    feeds.>  leases.>  positions.>              _INBOX_projections.>
//	               $JS.API. on FEEDS alone: STREAM.CREATE,
//	               STREAM.INFO, STREAM.MSG.GET,
//	               CONSUMER.CREATE, .INFO, .LIST, .DELETE,
//	               .RESET; on LEASES and POSITIONS:
//	               STREAM.CREATE, .INFO, .MSG.GET
//	authority N    registry.N                                  rejections.registry.N
//	               receipts.registry.N.get  .head              checkpoints
//	                                                           _INBOX.>
//	operator O     events.O.*.*  disclosures.O.*.*.*           rejections.O
//	               receipts.O.get  .head                       checkpoints  anchors
//	                                                           _INBOX.>
//	reader R       of its own consumers R_<view> on FEEDS,     feeds.> within its mandate
//	               of the views in its mandate:
//	               $JS.feeds.API. CONSUMER.INFO,               checkpoints  anchors
//	               CONSUMER.MSG.NEXT, CONSUMER.RESET;          _INBOX.>
//	               acknowledgements; no view is in that of a
//	               reader who is bounded to customers
//	system         $SYS.REQ.CLAIMS.UPDATE                      _INBOX.>
//	               $SYS.REQ.ACCOUNT.PING.STATZ
//
// One way in remains. A user in LEDGER may name "events.…" as the reply subject
// of a request to JetStream, and the broker's own answer is then stored there.
// The ledger is the only such user, doesn't do it, and would only make itself a
// message that no operator signed, and that admission rejects. That is why
// projections have an account apart: theirs reaches no further than their feeds.
//
// The ledger may not change a stream (STREAM.UPDATE): a maximum age of a second
// is a purge by another name. Nor may it read directly (DIRECT.GET): see
// [EnsureEvents].
//
// The eraser takes single messages out of EVENTS that have their leaves, by order of
// the registry. It is a user apart, in LEDGER, so that what follows the stream can't:
// a node connects as it when there is something to erase.
//
// The intake publishes envelopes that came over HTTP, or in a file, for the recorders that
// they name: the node has checked by token, or the authority by hand, whose they are, and
// admission checks the signature like any other.
//
// The custodian keeps what opens digests, encrypted as it came, in DISCLOSURES: it gives
// it out to whom a reveal on record names, and deletes it by order of the registry.
// Nobody else reads that stream.
//
// A reader may not make consumers: one that pushes delivers where its maker
// says, and "feeds.…" would be taken for the ledger's. It gets durable ones that
// it pulls from, made for it ([EnsureReaders]), and filtered by its mandate. The
// mandate stands three times: in the filter of each consumer, in what the
// reader's account imports, and in the names of the consumers that it imports.
// What its user's permissions say is wider, because they have to fit into the
// one line with which a client connects.
//
// Acknowledgements are granted with their exact number of tokens. With ">" at the
// end, $JS.ACK.*.*.FEEDS.R_v.> would also be $JS.ACK.FEEDS.other_v.FEEDS.R_v.…,
// an acknowledgement of somebody else's message.
//
// Replies: the broker gives every request that crosses into another account a
// reply subject of its own, "_R_.<random>", valid for one answer, or for those of
// one pull. The ledger's right to publish there replaces "allow responses", which
// would let it publish wherever a requester points, even where it is otherwise
// denied.
//
// Inboxes: operators, readers and authorities use the plain _INBOX, which any
// NATS client does unasked; it is inside their own account, where nobody else is.
// In LEDGER and PROJECTIONS, which may get further roles, each role has a prefix
// of its own.

const (
	streamName  = "EVENTS"
	streamFeeds = "FEEDS"

	streamDisclosures = "DISCLOSURES"

	streamLeases    = "LEASES"
	streamPositions = "POSITIONS"

	subjectEvents      = "events.>" // of the stream
	subjectPublish     = "events.*.*.*"
	subjectRegistry    = "registry.>"
	subjectCheckpoints = "checkpoints"
	subjectAnchors     = "anchors"
	subjectRejections  = "rejections.>"
	subjectReceipts    = "receipts.>"
	subjectFeeds       = "feeds.>"
	subjectDisclosures = "disclosures.>"
	subjectReencrypted = "reencrypted.>"
	subjectLeases      = "leases.>"
	subjectPositions   = "positions.>"

	subjectClaimsUpdate = "$SYS.REQ.CLAIMS.UPDATE"
	// How many messages and bytes each account sent, and nothing of their content.
	subjectStatz = "$SYS.REQ.ACCOUNT.PING.STATZ"

	plainInbox             = "_INBOX.>"
	ledgerInboxPrefix      = "_INBOX_ledger"
	projectionsInboxPrefix = "_INBOX_projections"
	eraserInboxPrefix      = "_INBOX_eraser"
	intakeInboxPrefix      = "_INBOX_intake"
	custodianInboxPrefix   = "_INBOX_custodian"
)

const apiPrefix, feedsPrefix = "$JS.API.", "$JS." + events.FeedsDomain + ".API."

// Role is one of the users that [Init] makes.
type Role string

// The roles, each with a credentials file of its own; see permissions.go for
// what each may do.
const (
	// RoleLedger is the ledger node, in the account LEDGER.
	RoleLedger Role = "ledger"
	// RoleEraser deletes messages that were ordered erased, in the account LEDGER.
	RoleEraser Role = "eraser"
	// RoleIntake publishes envelopes that came another way, in the account LEDGER.
	RoleIntake Role = "intake"
	// RoleDisclosures keeps disclosures, in the account LEDGER.
	RoleDisclosures Role = "custodian"
	// RoleProjections publishes feeds and keeps readers' consumers, in the account
	// PROJECTIONS.
	RoleProjections Role = "projections"
	// RoleAuthority is the authority's command line, in an account of its own.
	RoleAuthority Role = "authority"
	// RoleSystem is used by [Authority.Push] and its like, and by [AskTraffic].
	RoleSystem Role = "system"
)

// connectTime is how long a connection may take to be made: the library's two seconds are
// too short for a busy machine.
const connectTime = 20 * time.Second

// ConnectOptions are the options with which a client connects as a role:
// the credentials file and the role's inbox prefix. A connection as one of the hub's
// roles without that prefix gets no answer to its requests.
func ConnectOptions(role Role, credsFile string) []nats.Option {
	o := []nats.Option{nats.UserCredentials(credsFile), nats.Name("saksi " + string(role)), nats.Timeout(connectTime)}
	switch role {
	case RoleLedger:
		o = append(o, nats.CustomInboxPrefix(ledgerInboxPrefix))
	case RoleEraser:
		o = append(o, nats.CustomInboxPrefix(eraserInboxPrefix))
	case RoleIntake:
		o = append(o, nats.CustomInboxPrefix(intakeInboxPrefix))
	case RoleDisclosures:
		o = append(o, nats.CustomInboxPrefix(custodianInboxPrefix))
	case RoleProjections:
		o = append(o, nats.CustomInboxPrefix(projectionsInboxPrefix))
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
	const api, stream = apiPrefix, "." + streamName
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

func eraserPermissions() jwt.Permissions {
	const api, stream = apiPrefix, "." + streamName
	return permissions(
		[]string{api + "STREAM.INFO" + stream, api + "STREAM.MSG.GET" + stream, api + "STREAM.MSG.DELETE" + stream},
		[]string{eraserInboxPrefix + ".>"},
	)
}

func intakePermissions() jwt.Permissions {
	return permissions([]string{subjectPublish}, []string{intakeInboxPrefix + ".>"})
}

func custodianPermissions() jwt.Permissions {
	const api, stream = apiPrefix, "." + streamDisclosures
	return permissions(
		[]string{
			subjectReencrypted,
			api + "STREAM.CREATE" + stream,
			api + "STREAM.INFO" + stream,
			api + "STREAM.MSG.GET" + stream,
			api + "STREAM.MSG.DELETE" + stream,
			api + "CONSUMER.CREATE" + stream + ".>",
			api + "CONSUMER.INFO" + stream + ".*",
			api + "CONSUMER.MSG.NEXT" + stream + ".*",
			api + "CONSUMER.DELETE" + stream + ".*",
		},
		[]string{custodianInboxPrefix + ".>"},
	)
}

func projectionsPermissions() jwt.Permissions {
	const api, feeds = apiPrefix, "." + streamFeeds
	pub := []string{
		subjectFeeds, subjectLeases, subjectPositions,
		api + "CONSUMER.CREATE" + feeds + ".>",
		api + "CONSUMER.INFO" + feeds + ".*",
		api + "CONSUMER.LIST" + feeds,
		api + "CONSUMER.DELETE" + feeds + ".*",
		api + "CONSUMER.RESET" + feeds + ".*",
	}
	pub = append(pub, api+"STREAM.MSG.DELETE"+feeds)
	for _, stream := range []string{streamFeeds, streamLeases, streamPositions} {
		pub = append(pub, api+"STREAM.CREATE."+stream, api+"STREAM.INFO."+stream, api+"STREAM.MSG.GET."+stream)
	}
	return permissions(pub, []string{projectionsInboxPrefix + ".>"})
}

func systemPermissions() jwt.Permissions {
	return permissions([]string{subjectClaimsUpdate, subjectStatz}, []string{plainInbox})
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
			"events." + operator + ".*.*",        // facility and recorder
			"disclosures." + operator + ".*.*.*", // and the pseudonym's token
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
		subjectPublish, subjectDisclosures, "receipts.*.get", "receipts.*.head",
		"registry.*", "receipts.registry.*.get", "receipts.registry.*.head",
	} {
		es.Add(&jwt.Export{Name: s, Subject: jwt.Subject(s), Type: jwt.Service, ResponseType: jwt.ResponseTypeSingleton})
	}
	for _, s := range []string{"rejections.*", "rejections.registry.*", subjectCheckpoints, subjectAnchors} {
		es.Add(&jwt.Export{Name: s, Subject: jwt.Subject(s), Type: jwt.Stream})
	}
	return es
}

// What a reader asks of a consumer, and how it acknowledges: in the form of now,
// and in the one that a server with the flag js_ack_fc_v2 gives out.
var (
	readerRequests = []string{"CONSUMER.INFO", "CONSUMER.MSG.NEXT", "CONSUMER.RESET"}
	ackForms       = []string{"$JS.ACK." + streamFeeds + ".%s.*.*.*.*.*", "$JS.ACK.*.*." + streamFeeds + ".%s.*.*.*.*.*"}
)

// ConsumerName is the name of a reader's durable consumer of a view.
func ConsumerName(reader, view string) string { return reader + "_" + view }

func readerPermissions() jwt.Permissions {
	var pub []string
	for _, request := range readerRequests {
		pub = append(pub, feedsPrefix+request+"."+streamFeeds+".*")
	}
	for _, form := range ackForms {
		pub = append(pub, fmt.Sprintf(form, "*"))
	}
	return permissions(pub, []string{plainInbox, subjectFeeds, subjectCheckpoints, subjectAnchors})
}

// readerImports are what reaches into and out of a reader's account.
func readerImports(reader string, views []string, m Mandate, ledger, projections string) jwt.Imports {
	var is jwt.Imports
	for _, s := range []string{subjectCheckpoints, subjectAnchors} {
		is.Add(&jwt.Import{Name: s, Account: ledger, Subject: jwt.Subject(s), Type: jwt.Stream})
	}
	for _, view := range views {
		if !m.covers(view) {
			continue
		}
		consumer := ConsumerName(reader, view)
		for _, request := range readerRequests {
			s := request + "." + streamFeeds + "." + consumer
			is.Add(&jwt.Import{
				Name: s, Account: projections, Subject: jwt.Subject(apiPrefix + s),
				LocalSubject: jwt.RenamingSubject(feedsPrefix + s), Type: jwt.Service,
			})
		}
		for _, form := range ackForms {
			s := fmt.Sprintf(form, consumer)
			is.Add(&jwt.Import{Name: s, Account: projections, Subject: jwt.Subject(s), Type: jwt.Service})
		}
	}
	live := m.Views
	if live == nil {
		live = []string{"*"}
	}
	for _, view := range live {
		for _, s := range m.subjects(view) {
			is.Add(&jwt.Import{Name: s, Account: projections, Subject: jwt.Subject(s), Type: jwt.Stream})
		}
	}
	return is
}

// projectionsExports cover what readerImports imports, of every reader. What
// isn't here can't be reached by any: no making of consumers, no reading by
// sequence, no lease.
func projectionsExports() jwt.Exports {
	var es jwt.Exports
	for _, request := range readerRequests {
		kind := jwt.ResponseType(jwt.ResponseTypeSingleton)
		if request == "CONSUMER.MSG.NEXT" {
			kind = jwt.ResponseTypeStream
		}
		s := apiPrefix + request + "." + streamFeeds + ".*"
		es.Add(&jwt.Export{Name: s, Subject: jwt.Subject(s), Type: jwt.Service, ResponseType: kind})
	}
	for _, form := range ackForms {
		s := fmt.Sprintf(form, "*")
		es.Add(&jwt.Export{Name: s, Subject: jwt.Subject(s), Type: jwt.Service, ResponseType: jwt.ResponseTypeSingleton})
	}
	es.Add(&jwt.Export{Name: "feeds", Subject: "feeds.*.*.*", Type: jwt.Stream})
	return es
}
