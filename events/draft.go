package events

// Draft is an event that is not numbered or signed yet, with what belongs to it
// but stays out of it.
type Draft struct {
	Event *Event
	// Disclosures open the _sd digests in the event's data. They stay with the
	// operator.
	Disclosures []Disclosure
	// Recipients are the age recipients (age1…) to whom the disclosures are encrypted
	// and sent once the ledger has the event; none: they are held.
	Recipients []string
	// Native is the digest of the native record that the event was made of, in a
	// form in which white space makes no difference; zero where there is none. It
	// stays with the operator, and tells whether a record with a known id says
	// something else now.
	Native Digest
}
