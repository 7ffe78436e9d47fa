package events

import (
	"fmt"
	"strings"
)

// maxName is the longest name of an operator, facility, recorder or authority,
// in bytes.
const maxName = 40

// ValidName reports whether s can name an operator, a facility, a recorder or
// an authority: [a-z0-9][a-z0-9-]{0,39}.
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > maxName || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Recorder names one source of record: the unit in which sequence, chain and
// attestation are counted. There are three kinds:
//
//	nimbus-my/lab-1/bastion-1    an operator's recorder at a facility
//	registry/mcmc                an authority's registry
//	ledger                       the ledger's own events
//
// The zero Recorder is not valid. Recorders are comparable.
type Recorder struct {
	// Owner is the operator or the authority; empty for the ledger.
	Owner string
	// Facility and Name are set for an operator's recorder only.
	Facility, Name string

	kind recorderKind
}

type recorderKind uint8

const (
	kindNone recorderKind = iota
	kindOperator
	kindRegistry
	kindLedger
)

// LedgerRecorder is the recorder of the ledger's own events.
var LedgerRecorder = Recorder{kind: kindLedger}

// RegistryRecorder returns the recorder in which an authority's registry
// events are numbered.
func RegistryRecorder(authority string) Recorder {
	return Recorder{Owner: authority, kind: kindRegistry}
}

// ParseRecorder reads a recorder as manifests name it.
func ParseRecorder(s string) (Recorder, error) {
	return parseRecorder(s, '/', s)
}

// ParseSubject reads the recorder from a NATS subject on which an envelope
// travels: events.<operator>.<facility>.<recorder>, registry.<authority>, or
// ledger, which is no subject of the stream but stands in the leaves of the
// ledger's own events.
func ParseSubject(subject string) (Recorder, error) {
	if rest, ok := strings.CutPrefix(subject, "events."); ok {
		r, err := parseRecorder(rest, '.', subject)
		if err == nil && r.kind != kindOperator {
			return Recorder{}, fmt.Errorf("subject %q: want events.<operator>.<facility>.<recorder>", clip(subject))
		}
		return r, err
	}
	r, err := parseRecorder(subject, '.', subject)
	if err == nil && r.kind == kindOperator {
		return Recorder{}, fmt.Errorf("subject %q: an operator's begins with events", clip(subject))
	}
	return r, err
}

func parseRecorder(s string, sep byte, whole string) (Recorder, error) {
	if s == "ledger" {
		return LedgerRecorder, nil
	}
	first, rest, _ := strings.Cut(s, string(sep))
	second, third, three := strings.Cut(rest, string(sep))
	switch {
	case three && ValidName(first) && ValidName(second) && ValidName(third):
		return Recorder{Owner: first, Facility: second, Name: third, kind: kindOperator}, nil
	case !three && first == "registry" && ValidName(second):
		return RegistryRecorder(second), nil
	}
	return Recorder{}, fmt.Errorf("recorder %q: want <operator>/<facility>/<recorder>, each of a-z, 0-9 and -, at most %d long", clip(whole), maxName)
}

// IsOperator reports whether r is an operator's recorder at a facility.
func (r Recorder) IsOperator() bool { return r.kind == kindOperator }

// IsRegistry reports whether r is an authority's registry.
func (r Recorder) IsRegistry() bool { return r.kind == kindRegistry }

// IsLedger reports whether r is the ledger itself.
func (r Recorder) IsLedger() bool { return r.kind == kindLedger }

// String returns the name as it stands in a manifest.
func (r Recorder) String() string {
	switch r.kind {
	case kindOperator:
		return r.Owner + "/" + r.Facility + "/" + r.Name
	case kindRegistry:
		return "registry/" + r.Owner
	case kindLedger:
		return "ledger"
	}
	return ""
}

// Source returns the CloudEvents source of this recorder's events.
func (r Recorder) Source() string { return "/" + r.String() }

// Subject returns the NATS subject on which this recorder's envelopes travel.
func (r Recorder) Subject() string {
	switch r.kind {
	case kindOperator:
		return "events." + r.Owner + "." + r.Facility + "." + r.Name
	case kindRegistry:
		return "registry." + r.Owner
	case kindLedger:
		return "ledger"
	}
	return ""
}

// Party returns the name under which this recorder's owner asks for receipts
// and is told of rejections: the operator's own, or registry.<authority>.
func (r Recorder) Party() string {
	if r.kind == kindRegistry {
		return "registry." + r.Owner
	}
	return r.Owner
}

// clip bounds what an error quotes of foreign input.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
