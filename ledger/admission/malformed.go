package admission

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// malformed: the message is not an envelope, or one of its lines is not an event
// in strict JSON. It runs first, and gives the others what they look at.
func malformed(r *Rules, c *Candidate) error {
	envelope, err := events.ParseEnvelope(c.Body)
	if err != nil {
		return err
	}
	parsed := make([]*events.Event, len(envelope.Lines))
	for i, line := range envelope.Lines {
		if c.Remains && len(line) == 0 {
			continue
		}
		if parsed[i], err = events.ParseEvent(line); err != nil {
			return fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	c.Envelope, c.Events = envelope, parsed
	c.manifest = envelope.ManifestDigest()
	return nil
}
