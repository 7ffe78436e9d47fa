// Package cloudtrail maps AWS CloudTrail records to events.
//
// A [Connector] maps one record to one event with its disclosures. Finding logs
// and taking them apart is package connect's; signing, numbering, publishing and
// the table of pseudonyms are the caller's. Nothing here knows other logs, opens
// a file or a connection, or asks AWS, and nothing is guessed: what CloudTrail
// doesn't say is "unstated" or "??".
//
// Not here: signing, numbering, publishing, the table of pseudonyms, other native logs,
// network connections and writing of files.
//
// # Which event
//
//	ssm StartSession that succeeded      saksi.access.session.opened.v1
//	ssm TerminateSession that succeeded  saksi.access.session.closed.v1
//	Insights events                      none: connect.ErrNoEvent
//	everything else                      saksi.access.performed.v1
//
// # In the clear
//
//	id                from eventID alone: importing twice gives the same
//	time              eventTime
//	operation         eventSource without .amazonaws.com, ":", eventName
//	access            readOnly true: read; else by service and verb: admin (who may do what, and what is
//	                  recorded), delete, write; unstated for sign-ins and where the log doesn't say
//	outcome           errorCode AccessDenied…, Unauthorized… and the like: denied; another, or an
//	                  errorMessage: failure; none: success; a sign-in: what its responseElements say
//	mode              AwsConsoleSignIn, AwsConsoleAction, sessionCredentialFromConsole: console;
//	                  other AwsApiCall: api; a session of Session Manager: remote; else unstated
//	reason.code       AwsServiceEvent: automated_operation; else unstated
//	resource.kind     resources[0].type, or the service
//	region            awsRegion
//	session           the pseudonym of Session Manager's session id, which begins with a person's name
//	from.country      ??
//	from.network      vpc-endpoint where there is one, aws where a service called; else absent
//	actor.id          the pseudonym of principalId, or the next best
//	actor.kind        IAMUser, Root, IdentityCenterUser, SAMLUser: person; AWSService, service-linked
//	                  roles and whatever only has invokedBy: service; every other role: unstated
//	actor.party       as configured: whose account it is, also where AWS or another account acts in it
//	actor, the rest   unstated, ??
//	ended             unstated: the log doesn't tell who cut a session from who left it
//
// AWS' own vocabulary (operations, kinds of resources, regions) is repeated only
// where it looks like that, so that no IP or e-mail address, account number or ARN
// comes in that way. That an IAMUser is a person is AWS' word for it: programs have
// been given users of their own, and the log doesn't tell them apart.
//
// # As salted digests only
//
//	actor._sd       type name arn principalId accountId accessKeyId invokedBy identityProvider
//	                credentialId onBehalfOf identityStoreArn sessionContext
//	from._sd        ip, or host for a service of AWS; userAgent vpcEndpointId vpcEndpointAccountId
//	resource._sd    arn arnPrefix accountId type others
//	_sd             eventType recipientAccountId errorCode errorMessage requestParameters
//	                additionalEventData serviceEventDetails; eventSource eventName awsRegion where they
//	                don't look like AWS'
//	ext.native._sd  id (eventID) sharedId (sharedEventID) digest (SHA-256 of the record's bytes as read)
//
// A value of more than 64 KiB is replaced by its digest, named after it with
// "Digest". The rest stays with the record, which the digest binds: request
// ids, TLS details, and responseElements, which hold session tokens.
package cloudtrail
