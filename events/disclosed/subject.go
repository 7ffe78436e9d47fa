package disclosed

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/saksi-ledger/saksi/events"
)

// subjectPrefix begins the subjects of what operators disclose.
const subjectPrefix = "disclosures."

// HeaderEvent is the NATS header in which a message says where its event is, as
// LEAF/PLACE: who keeps it can tell by that whether it is on the subject of the event's
// own pseudonym, and so will be found.
const HeaderEvent = "Saksi-Event"

// nobody stands for the pseudonym of an event that names none.
const nobody = "00000000000000000000000000000000"

// Subject is where the disclosures of a recorder's event about an actor are published.
// All of one pseudonym have one last token, so that they are found, and erased, without
// being opened.
func Subject(recorder events.Recorder, actor string) string {
	return subjectPrefix + strings.ReplaceAll(recorder.String(), "/", ".") + "." + Token(actor)
}

// SubjectsAt is Subject of every recorder of an operator at a facility, or at all of them
// if that is *, as a filter.
func SubjectsAt(operator, facility, actor string) string {
	return subjectPrefix + operator + "." + facility + ".*." + Token(actor)
}

// Reencrypted is the subject of the same, encrypted anew by who keeps it.
func Reencrypted(subject string) string {
	return "reencrypted." + strings.TrimPrefix(subject, subjectPrefix)
}

// Token stands for a pseudonym in a subject: the first 16 bytes of its SHA-256.
func Token(actor string) string {
	if actor == "" {
		return nobody
	}
	sum := sha256.Sum256([]byte(actor))
	return hex.EncodeToString(sum[:16])
}
