package events

// Draft is an event that is not numbered or signed yet, with what belongs to it
// but stays out of it.
type Draft struct {
	Event *Event
	// Disclosures open the _sd digests in the event's data. They stay with the
	// operator.
	Disclosures []Disclosure
}
