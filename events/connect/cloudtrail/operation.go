package cloudtrail

import (
	"strings"

	"github.com/saksi-ledger/saksi/events"
)

// service returns the part of eventSource that names the service, such as iam,
// or "" if it is no such name: then it could be anything, an address too.
func (n *native) service() string {
	s := strings.TrimSuffix(n.EventSource, ".cn")
	s = strings.TrimSuffix(s, ".amazonaws.com")
	if !isWord(s, 64, ".-") {
		return ""
	}
	return s
}

// operation returns service:name, and whether that is all of it. A name that
// doesn't look like one of AWS' is not repeated in the clear.
func (n *native) operation() (string, bool) {
	service, whole := n.service(), true
	if service == "" {
		service, whole = events.Unstated, false
	}
	name := n.EventName
	if !isWord(name, 128, "._-") {
		name, whole = events.Unstated, false
	}
	return service + ":" + name, whole
}

// isWord reports whether s is a letter and then letters, digits and the bytes in
// other, at most most of them. An IP address, an account's number, an ARN and
// an e-mail address are none.
func isWord(s string, most int, other string) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && strings.IndexByte(other, c) < 0) {
			return false
		}
	}
	return true
}

// controlServices are those in which any change is a change of who may do what,
// or of what is recorded about it.
var controlServices = map[string]bool{
	"access-analyzer": true, "account": true, "cloudtrail": true, "config": true, "controltower": true,
	"guardduty": true, "iam": true, "identitystore": true, "organizations": true, "ram": true, "rolesanywhere": true,
	"securityhub": true, "sso": true, "sso-directory": true, "sts": true,
}

// controlWords are in the names of changes to who may do what, in any service.
var controlWords = []string{
	"AccountAccess", "Acl", "BucketPolicy", "FlowLogs", "Grant", "ImageAttribute", "KeyPolicy", "LoginProfile", "Permission",
	"PublicAccessBlock", "RepositoryPolicy", "ResourcePolicy", "SecurityGroupEgress", "SecurityGroupIngress",
	"SerialConsoleAccess", "SnapshotAttribute",
}

var (
	readVerbs   = []string{"BatchGet", "Describe", "Get", "Head", "List", "Lookup", "Query", "Scan", "Search", "Select"}
	deleteVerbs = []string{"BatchDelete", "Delete", "Destroy", "Purge", "ScheduleKeyDeletion", "Terminate"}
	writeVerbs  = []string{
		"Add", "Allocate", "Associate", "Attach", "BatchWrite", "Cancel", "Copy", "Create", "Deregister", "Detach",
		"Disable", "Disassociate", "Enable", "Execute", "Import", "Invoke", "Modify", "Move", "Publish", "Put", "Reboot",
		"Register", "Release", "Remove", "Replace", "Reset", "Restore", "Resume", "Run", "Send", "Set", "Start", "Stop",
		"Tag", "Transfer", "Untag", "Update", "Upload", "Write",
	}
)

// access classifies an operation. The log's readOnly goes before any name, and
// where there is neither, nothing is said.
func (n *native) access() events.Access {
	service, name := n.service(), n.EventName
	changes := n.ReadOnly != nil && !*n.ReadOnly
	switch {
	case n.ReadOnly != nil && *n.ReadOnly:
		return events.AccessRead
	case n.EventType == consoleSignIn:
		return events.AccessUnstated // a change of nothing, though readOnly is false
	case n.ReadOnly == nil && beginsWith(name, readVerbs):
		return events.AccessRead
	case !changes && !beginsWith(name, deleteVerbs) && !beginsWith(name, writeVerbs):
		return events.AccessUnstated
	case controlServices[service] || containsAny(name, controlWords):
		return events.AccessAdmin
	case beginsWith(name, deleteVerbs), strings.HasSuffix(name, "Delete"):
		return events.AccessDelete // the latter as in EndSecretVersionDelete
	}
	return events.AccessWrite
}

// beginsWith reports whether name begins with one of the verbs, as a word:
// "Get" begins GetObject, but not Getaway.
func beginsWith(name string, verbs []string) bool {
	for _, verb := range verbs {
		rest, ok := strings.CutPrefix(name, verb)
		if ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') {
			return true
		}
	}
	return false
}

func containsAny(s string, words []string) bool {
	for _, word := range words {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}

// deniedCodes begin the error codes that mean: you may not.
var deniedCodes = []string{"AccessDenied", "AuthorizationError", "Forbidden", "NotAuthorized", "Unauthorized"}

// outcome says how it came out. An API call without an error succeeded; a
// sign-in says so itself.
func (n *native) outcome() events.Outcome {
	code := strings.TrimPrefix(strings.TrimPrefix(n.ErrorCode, "Client."), "Server.")
	for _, denied := range deniedCodes {
		if strings.HasPrefix(code, denied) {
			return events.OutcomeDenied
		}
	}
	if n.ErrorCode != "" || n.ErrorMessage != "" {
		return events.OutcomeFailure
	}
	if n.EventType != consoleSignIn {
		return events.OutcomeSuccess
	}
	var said map[string]any
	lenient(n.Response, &said)
	switch said[n.EventName] {
	case "Success":
		return events.OutcomeSuccess
	case "Failure":
		return events.OutcomeFailure
	}
	return events.OutcomeUnstated
}

const (
	consoleSignIn = "AwsConsoleSignIn"
	consoleAction = "AwsConsoleAction"
	apiCall       = "AwsApiCall"
	serviceEvent  = "AwsServiceEvent"
)

// mode says how access was had. What a service records of its own accord is not
// an API call.
func (n *native) mode() events.Mode {
	switch {
	case n.EventType == consoleSignIn, n.EventType == consoleAction,
		n.ConsoleSessions == "true", n.ConsoleSessions == true:
		return events.ModeConsole
	case n.EventType == apiCall:
		return events.ModeAPI
	}
	return events.ModeUnstated
}

// reason is almost never in the log.
func (n *native) reason() events.Reason {
	if n.EventType == serviceEvent {
		return events.Reason{Code: events.ReasonAutomatedOperation}
	}
	return events.Reason{Code: events.ReasonUnstated}
}
