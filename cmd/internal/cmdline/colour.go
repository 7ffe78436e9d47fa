package cmdline

import (
	"io"
	"os"
	"strings"
)

// Colours tells whether what is written to w may be coloured: on a terminal, unless
// NO_COLOR (no-color.org) has a value or the terminal is a dumb one.
func Colours(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// The colours, as SGR parameters: of what is well, wants a look, and is wrong.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	bold   = "1"
)

// colourOf maps the values of columns that tell a state. Other values stay as they
// are: an unknown state has no colour.
func colourOf(column, value string) string {
	switch value = strings.ToLower(value); column {
	case "state", "status", "verdict", "equal", "outcome", "correction":
		switch value {
		case "ok", "active", "accepted", "approved", "answered", "complete", "closed", "expired", "produced", "resolved", "success", "yes":
			return green
		case "warn", "open", "pending", "raised", "acknowledged", "in review", "in_review", "partly", "overlong", "corrected", "unknown", "withdrawn":
			return yellow
		case "fail", "failed", "failure", "denied", "no", "overdue", "rejected", "revoked", "suspended", "error":
			return red
		}
	case "severity":
		switch value {
		case "low", "info":
			return green
		case "medium":
			return yellow
		case "high", "critical":
			return red
		}
	case "overdue", "suspended", "held":
		if value == "yes" || value == "true" {
			return red
		}
	case "rejected", "gaps", "breaks", "contradictions", "denied":
		if value != "" && value != "0" {
			return red
		}
	case "":
		if value == "does not hold" {
			return red
		}
	}
	return ""
}

func paint(colour, text string) string {
	if colour == "" || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
