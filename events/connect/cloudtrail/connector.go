package cloudtrail

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// System is the name of CloudTrail in ext.native.
const System = "aws.cloudtrail"

// eventVersion is how a record says by which version of CloudTrail's format it is
// written. Formats that borrowed the names of CloudTrail's members have others.
var eventVersion = regexp.MustCompile(`^1\.\d{1,4}$`)

// Connector makes events of records. It implements [connect.Connector].
//
// What it asks [connect.Options].Pseudonym for is
//
//	principal:<principalId>   a user, or a role and its session
//	identity-center:<userId>  a user of IAM Identity Center
//	arn:<arn>, user:<accountId>/<userName>, service:<invokedBy>, account:<accountId>
//	                          where the record has nothing better
//	unknown:                  where it has nothing at all
//	session:<session id>      a session of Session Manager
type Connector struct {
	connect.Options
}

// New returns a [Connector].
func New(o connect.Options) (connect.Connector, error) {
	o, err := o.Check()
	if err != nil {
		return nil, fmt.Errorf("CloudTrail connector: %w", err)
	}
	return &Connector{o}, nil
}

// System returns [System].
func (c *Connector) System() string { return System }

// digestDir is where CloudTrail puts the digests of its logs, beside the logs.
const digestDir = "CloudTrail-Digest"

// Files reports whether a file is called as logs are (.json, .jsonl, .ndjson,
// compressed or not) and is none of CloudTrail's own digest files.
func (c *Connector) Files(path string) bool {
	return connect.Named(path, ".json", ".jsonl", ".ndjson") && !slices.Contains(strings.Split(filepath.ToSlash(path), "/"), digestDir)
}

// Format returns JSON.
func (c *Connector) Format() connect.Format { return connect.Format{} }

// Draft makes one event of one record. Insights events say nothing, as they count
// accesses and are none.
func (c *Connector) Draft(record []byte) ([]events.Draft, error) {
	n, at, err := parse(record)
	if err != nil {
		return nil, fmt.Errorf("CloudTrail record: %w", err)
	}
	d := &draft{Connector: c, native: n, record: record, personal: connect.NewPersonal(c.Pseudonym, c.Random)}
	said, err := d.said()
	if err != nil {
		return nil, fmt.Errorf("CloudTrail record of %s: %w", at.Format(time.RFC3339), err)
	}
	event, err := said.Event(c.Recorder, vocabulary.Attributes{ID: eventID(n.EventID, record), Time: at, Random: c.Random})
	if err != nil {
		return nil, fmt.Errorf("CloudTrail record of %s: %w", at.Format(time.RFC3339), err)
	}
	return []events.Draft{{Event: event, Disclosures: d.personal.Disclosures(), Native: events.DigestOf(connect.Canonical(record))}}, nil
}

// draft is the making of one event.
type draft struct {
	*Connector
	native   *native
	record   []byte
	personal *connect.Personal
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
	var facts connect.Facts
	if _, whole := n.operation(); !whole {
		facts.Text("eventSource", n.EventSource)
		facts.Text("eventName", n.EventName)
	}
	if n.region() == "" {
		facts.Text("awsRegion", n.Region)
	}
	facts.Text("eventType", n.EventType)
	facts.Text("recipientAccountId", n.Recipient)
	facts.Text("errorCode", n.ErrorCode)
	facts.Text("errorMessage", n.ErrorMessage)
	facts.JSON("requestParameters", n.Request)
	facts.JSON("additionalEventData", n.Additional)
	facts.JSON("serviceEventDetails", n.ServiceDetails)
	return d.personal.SD(facts)
}

// ext binds the record: whoever is given the salts can see that this event was
// made from it and no other, and nobody else can.
func (d *draft) ext() (events.Ext, error) {
	var facts connect.Facts
	facts.Text("id", d.native.EventID)
	facts.Text("sharedId", d.native.SharedID)
	facts.Text("digest", events.DigestOf(d.record).String())
	sd, err := d.personal.SD(facts)
	return events.Ext{"native": events.Native{System: System, SD: sd}}, err
}

// pseudonym asks for a pseudonym, which must not hold what else the record calls
// somebody by.
func (d *draft) pseudonym(principal string) (string, error) {
	who := &d.native.Identity
	return d.personal.Pseudonym(principal, who.UserName, who.ARN, who.PrincipalID, who.AccountID, who.AccessKeyID)
}
