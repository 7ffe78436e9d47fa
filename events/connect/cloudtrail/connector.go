package cloudtrail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// System is the name of CloudTrail in ext.native.
const System = "aws.cloudtrail"

// maxPseudonym is the longest pseudonym that the schemas take.
const maxPseudonym = 128

// minTelling is the length in bytes from which a name that occurs in a
// pseudonym can't be there by chance.
const minTelling = 8

// Options are what a log doesn't say about itself.
type Options struct {
	// Recorder is under whose name the events are published: an operator's.
	Recorder events.Recorder
	// Party is whose account the log is of. There is no default: whoever imports
	// a customer's account must say so.
	Party events.Party
	// Pseudonym returns the pseudonym of a native principal: random, the same
	// each time, at most 128 bytes of printable UTF-8. What it is asked for is
	//
	//	principal:<principalId>   a user, or a role and its session
	//	identity-center:<userId>  a user of IAM Identity Center
	//	arn:<arn>, user:<accountId>/<userName>, service:<invokedBy>, account:<accountId>
	//	                          where the record has nothing better
	//	unknown:                  where it has nothing at all
	//	session:<session id>      a session of Session Manager
	//
	// Its own errors come back from [Connector.Draft], wrapped.
	Pseudonym func(principal string) (string, error)
	// Random is where nonces and salts come from. If nil, it is
	// crypto/rand.Reader; anything else is for tests.
	Random io.Reader
}

// Connector makes events of records. It keeps no state, and is as safe for
// concurrent use as Options.Pseudonym and Options.Random are.
type Connector struct {
	Options
}

// New returns a Connector.
func New(o Options) (*Connector, error) {
	switch {
	case !o.Recorder.IsOperator():
		return nil, fmt.Errorf("CloudTrail connector: recorder %q: want an operator's, <operator>/<facility>/<recorder>", o.Recorder)
	case o.Pseudonym == nil:
		return nil, errors.New("CloudTrail connector: no Pseudonym: principals must not stand in events by name")
	}
	switch o.Party {
	case events.PartyOperator, events.PartyParent, events.PartyLandlord, events.PartyVendor, events.PartyCustomer, events.PartyAuthority:
	default:
		return nil, fmt.Errorf("CloudTrail connector: party %q: say whose account this is: operator, parent, landlord, vendor, customer or authority", o.Party)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return &Connector{o}, nil
}

// Draft makes one event of one record, a JSON object of at most [MaxRecord]
// bytes. The draft's disclosures hold what the event only has as digests; the
// event's id depends on the record alone. It fails where record is not a
// CloudTrail record ([ErrInsight] where it is no access); its errors repeat names
// of members, never what stands in them.
func (c *Connector) Draft(record []byte) (*events.Draft, error) {
	n, at, err := parse(record)
	if err != nil {
		return nil, fmt.Errorf("CloudTrail record: %w", err)
	}
	d := &draft{Connector: c, native: n, record: record}
	said, err := d.said()
	if err != nil {
		return nil, fmt.Errorf("CloudTrail record of %s: %w", at.Format(time.RFC3339), err)
	}
	event, err := said.Event(c.Recorder, vocabulary.Attributes{ID: eventID(n.EventID, record), Time: at, Random: c.Random})
	if err != nil {
		return nil, fmt.Errorf("CloudTrail record of %s: %w", at.Format(time.RFC3339), err)
	}
	return &events.Draft{Event: event, Disclosures: d.disclosures, Native: events.DigestOf(canonical(record))}, nil
}

// draft is the making of one event.
type draft struct {
	*Connector
	native      *native
	record      []byte
	disclosures []events.Disclosure
}

func (d *draft) said() (said vocabulary.Said, err error) {
	n := d.native
	actor, err := d.actor()
	if err != nil {
		return said, err
	}
	from, err := d.from()
	if err != nil {
		return said, err
	}
	var session string
	if id := n.sessionID(); id != "" {
		if session, err = d.pseudonym("session:" + id); err != nil {
			return said, err
		}
	}
	ext, err := d.ext()
	if err != nil {
		return said, err
	}
	sd, err := d.details()
	if err != nil {
		return said, err
	}
	switch n.eventType() {
	case events.TypeSessionOpened:
		return vocabulary.SessionOpened.Of(events.SessionOpened{
			Session: session, Actor: actor, Mode: events.ModeRemote, From: from, Reason: n.reason(), Ext: ext, SD: sd,
		}), nil
	case events.TypeSessionClosed:
		return vocabulary.SessionClosed.Of(events.SessionClosed{
			Session: session, Actor: actor, Ended: events.EndedUnstated, Mode: events.ModeRemote, From: &from, Ext: ext, SD: sd,
		}), nil
	}
	resource, err := d.resource()
	if err != nil {
		return said, err
	}
	operation, _ := n.operation()
	return vocabulary.AccessPerformed.Of(events.AccessPerformed{
		Session: session, Actor: actor, Operation: operation, Resource: resource, Access: n.access(), Outcome: n.outcome(),
		Reason: n.reason(), Mode: n.mode(), From: from, Region: n.region(), Ext: ext, SD: sd,
	}), nil
}

// details are what a record says about no one object of the event. Response
// elements are left with the record: they carry session tokens and other
// credentials.
func (d *draft) details() ([]string, error) {
	n := d.native
	var facts facts
	if _, whole := n.operation(); !whole {
		facts.text("eventSource", n.EventSource)
		facts.text("eventName", n.EventName)
	}
	if n.region() == "" {
		facts.text("awsRegion", n.Region)
	}
	facts.text("eventType", n.EventType)
	facts.text("recipientAccountId", n.Recipient)
	facts.text("errorCode", n.ErrorCode)
	facts.text("errorMessage", n.ErrorMessage)
	facts.json("requestParameters", n.Request)
	facts.json("additionalEventData", n.Additional)
	facts.json("serviceEventDetails", n.ServiceDetails)
	return d.seal(facts)
}

// ext binds the record: whoever is given the salts can see that this event was
// made from it and no other, and nobody else can.
func (d *draft) ext() (events.Ext, error) {
	var facts facts
	facts.text("id", d.native.EventID)
	facts.text("sharedId", d.native.SharedID)
	facts.text("digest", events.DigestOf(d.record).String())
	sd, err := d.seal(facts)
	return events.Ext{"native": events.Native{System: System, SD: sd}}, err
}

// pseudonym asks for a pseudonym and looks at it: it goes into the event.
func (d *draft) pseudonym(principal string) (string, error) {
	p, err := d.Pseudonym(principal)
	kind, name, _ := strings.Cut(principal, ":")
	switch {
	case err != nil:
		return "", fmt.Errorf("pseudonym of a %s: %w", kind, err)
	case p == "" || len(p) > maxPseudonym || !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl):
		return "", fmt.Errorf("pseudonym of a %s: want 1 to %d bytes of printable UTF-8", kind, maxPseudonym)
	}
	who := &d.native.Identity
	for _, known := range []string{principal, name, who.UserName, who.ARN, who.PrincipalID, who.AccountID, who.AccessKeyID} {
		if p == known || len(known) >= minTelling && strings.Contains(p, known) {
			return "", fmt.Errorf("pseudonym of a %s: it holds a name that it should stand for; pseudonyms are random", kind)
		}
	}
	return p, nil
}
