package cloudtrail

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// native is a CloudTrail record, as far as it is mapped. Members that AWS
// leaves to its services stay as they are. See
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type native struct {
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

// ErrInsight says that a record is a CloudTrail Insights event: a statistic
// about accesses, which are recorded in their own right, and not an access.
var ErrInsight = errors.New("an Insights event, which counts accesses and is none")

// parse reads a record strictly. Its results alias record.
func parse(record []byte) (*native, time.Time, error) {
	if len(record) > MaxRecord {
		return nil, time.Time{}, fmt.Errorf("%d bytes: the most is %d", len(record), MaxRecord)
	}
	if err := checkDepth(record); err != nil {
		return nil, time.Time{}, err
	}
	n := new(native)
	if err := json.Unmarshal(record, n); err != nil {
		return nil, time.Time{}, formError(err)
	}
	if n.EventType == "AwsCloudTrailInsight" || n.Category == "Insight" {
		return nil, time.Time{}, ErrInsight
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

// checkDepth sees that record is one JSON value and not nested too deep for
// those that read it after us.
func checkDepth(record []byte) error {
	var g grammar
	if _, how := g.feed(record); how == wrong || g.deepest > MaxDepth {
		return fmt.Errorf("not JSON, or nested more than %d deep", MaxDepth)
	}
	return nil
}
