package cloudtrail

import (
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
)

// actor maps userIdentity. Of itself a log says nothing about who employs
// somebody and where they are, so that stays unknown.
func (d *draft) actor() (events.Actor, error) {
	who := &d.native.Identity
	id, err := d.pseudonym(who.principal())
	if err != nil {
		return events.Actor{}, err
	}
	var facts connect.Facts
	facts.Text("type", who.Type)
	facts.Text("name", who.UserName)
	facts.Text("arn", who.ARN)
	facts.Text("principalId", who.PrincipalID)
	facts.Text("accountId", who.AccountID)
	facts.Text("accessKeyId", who.AccessKeyID)
	facts.Text("invokedBy", who.InvokedBy)
	facts.Text("identityProvider", who.Provider)
	facts.Text("credentialId", who.Credential)
	facts.Text("onBehalfOf", who.OnBehalfOf.UserID)
	facts.Text("identityStoreArn", who.OnBehalfOf.Store)
	facts.JSON("sessionContext", who.Session)
	sd, err := d.personal.SD(facts)
	return events.Actor{
		ID:              id,
		Kind:            who.kind(d.native.EventType),
		Party:           d.Party,
		Employer:        events.Unstated,
		EmployerCountry: events.UnknownCountry,
		Employment:      events.EmploymentUnstated,
		OfficeCountry:   events.UnknownCountry,
		PhysicalCountry: events.UnknownCountry,
		SD:              sd,
	}, err
}

// principal returns what stands for this identity and no other in the account's
// whole log, and how to tell the kinds of it apart. principalId comes first: it
// is the only thing that a renamed user keeps and that a new user of the same
// name doesn't get.
func (i *identity) principal() string {
	switch {
	case i.Type == "IdentityCenterUser" && i.OnBehalfOf.UserID != "":
		return "identity-center:" + i.OnBehalfOf.UserID
	case i.PrincipalID != "":
		return "principal:" + i.PrincipalID
	case i.ARN != "":
		return "arn:" + i.ARN
	case i.UserName != "":
		return "user:" + i.AccountID + "/" + i.UserName
	case i.InvokedBy != "":
		return "service:" + i.InvokedBy
	case i.AccountID != "":
		return "account:" + i.AccountID
	}
	return "unknown:"
}

// kind says what the log says. Of most roles it doesn't tell whether a person
// or a program took them on.
func (i *identity) kind(eventType string) events.ActorKind {
	switch i.Type {
	case "IAMUser", "Root", "IdentityCenterUser", "SAMLUser":
		return events.KindPerson
	case "AWSService":
		return events.KindService
	case "AssumedRole", "Role":
		if i.serviceLinked() {
			return events.KindService
		}
	case "AWSAccount", "":
		if i.InvokedBy != "" || eventType == "AwsServiceEvent" {
			return events.KindService
		}
	}
	return events.KindUnstated
}

// serviceLinked reports whether the role is one that only a service of AWS can
// take on: https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html.
func (i *identity) serviceLinked() bool {
	var session struct {
		Issuer struct {
			ARN string `json:"arn"`
		} `json:"sessionIssuer"`
	}
	return i.Session != nil && lenient(i.Session, &session) &&
		strings.HasPrefix(session.Issuer.ARN, "arn:") && strings.Contains(session.Issuer.ARN, ":role/aws-service-role/")
}
