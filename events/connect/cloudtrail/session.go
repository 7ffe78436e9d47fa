package cloudtrail

import "github.com/saksi-ledger/saksi/events"

// sessionID returns the session that an operation of Session Manager was about.
// It begins with the name of whoever opened it, so it never stands in an event:
// its pseudonym does.
func (n *native) sessionID() string {
	if n.service() != "ssm" {
		return ""
	}
	var said struct {
		ID string `json:"sessionId"`
	}
	if !lenient(n.Response, &said) || said.ID == "" {
		lenient(n.Request, &said)
	}
	return said.ID
}

// eventType says which event a record becomes.
func (n *native) eventType() string {
	if n.outcome() == events.OutcomeSuccess && n.sessionID() != "" {
		switch n.EventName {
		case "StartSession":
			return events.TypeSessionOpened
		case "TerminateSession":
			return events.TypeSessionClosed
		}
	}
	return events.TypeAccessPerformed
}
