package cloudtrail

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events/connect"
)

// native is a CloudTrail record, as far as it is mapped. Members that AWS
// leaves to its services stay as they are. See
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type native struct {
	Version     string   `json:"eventVersion"`
	EventID     string   `json:"eventID"`
	SharedID    string   `json:"sharedEventID"`
	EventTime   string   `json:"eventTime"`
	EventSource string   `json:"eventSource"`
	EventName   string   `json:"eventName"`
	EventType   string   `json:"eventType"`
	Category    string   `json:"eventCategory"`
	Region      string   `json:"awsRegion"`
	ReadOnly    *bool    `json:"readOnly"`
	Identity    identity `json:"userIdentity"`

	IP              string `json:"sourceIPAddress"`
	UserAgent       string `json:"userAgent"`
	VPCEndpoint     string `json:"vpcEndpointId"`
	VPCEndpointOf   string `json:"vpcEndpointAccountId"`
	ErrorCode       string `json:"errorCode"`
	ErrorMessage    string `json:"errorMessage"`
	Recipient       string `json:"recipientAccountId"`
	ConsoleSessions any    `json:"sessionCredentialFromConsole"` // "true", and a boolean in the documentation

	Resources      []resource     `json:"resources"`
	Request        jsontext.Value `json:"requestParameters"`
	Response       jsontext.Value `json:"responseElements"`
	Additional     jsontext.Value `json:"additionalEventData"`
	ServiceDetails jsontext.Value `json:"serviceEventDetails"`
}

// identity is the userIdentity element.
type identity struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	AccessKeyID string `json:"accessKeyId"`
	UserName    string `json:"userName"`
	InvokedBy   string `json:"invokedBy"`
	Provider    string `json:"identityProvider"`
	Credential  string `json:"credentialId"`
	OnBehalfOf  struct {
		UserID string `json:"userId"`
		Store  string `json:"identityStoreArn"`
	} `json:"onBehalfOf"`
	Session jsontext.Value `json:"sessionContext"`
}

// resource is one of the resources that AWS names.
type resource struct {
	ARN       string `json:"ARN,omitempty"`
	Prefix    string `json:"ARNPrefix,omitempty"`
	AccountID string `json:"accountId,omitempty"`
	Type      string `json:"type,omitempty"`
}

// parse reads a record strictly. Its results alias record.
func parse(record []byte) (*native, time.Time, error) {
	if err := connect.CheckRecord(record); err != nil {
		return nil, time.Time{}, err
	}
	n := new(native)
	if err := json.Unmarshal(record, n); err != nil {
		// By its version alone it is told whose record it is, whatever is wrong
		// with the rest.
		var head struct {
			Version jsontext.Value `json:"eventVersion"`
		}
		if json.Unmarshal(record, &head) == nil {
			n.Version = ""
			lenient(head.Version, &n.Version)
			if err := n.own(); err != nil {
				return nil, time.Time{}, err
			}
		}
		return nil, time.Time{}, formError(err)
	}
	if err := n.own(); err != nil {
		return nil, time.Time{}, err
	}
	if n.EventType == "AwsCloudTrailInsight" || n.Category == "Insight" {
		return nil, time.Time{}, fmt.Errorf("%w: an Insights event counts accesses and is none", connect.ErrNoEvent)
	}
	if n.EventSource == "" || n.EventName == "" {
		return nil, time.Time{}, errors.New("no eventSource or no eventName: it is not a CloudTrail record")
	}
	at, err := time.Parse(time.RFC3339, n.EventTime)
	if err != nil {
		return nil, time.Time{}, errors.New("eventTime is not an RFC 3339 time")
	}
	if at = at.UTC(); at.Year() < 1 || at.Year() > 9999 {
		return nil, time.Time{}, errors.New("eventTime is not in the years 1 to 9999")
	}
	return n, at, nil
}

// own sees that the record is CloudTrail's.
func (n *native) own() error {
	switch {
	case n.Version == "":
		return fmt.Errorf("%w: there is no eventVersion", connect.ErrOther)
	case !eventVersion.MatchString(n.Version):
		return fmt.Errorf("%w: eventVersion is not 1 and a minor version", connect.ErrOther)
	}
	return nil
}

// formError says what is wrong with a record without repeating a value, which
// the reader's own words may do.
func formError(err error) error {
	var form *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &form):
		return fmt.Errorf("%q is not of the type that CloudTrail gives it", form.JSONPointer)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON in UTF-8 without duplicate names, at byte %d", syntax.ByteOffset)
	}
	return errors.New("not JSON in CloudTrail's form")
}

// lenient reads a member that AWS leaves to its services into v, and reports
// whether it could.
func lenient(value jsontext.Value, v any) bool {
	return len(value) > 0 && json.Unmarshal(value, v) == nil
}
