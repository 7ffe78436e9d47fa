package admission

import "fmt"

// tooLarge: the envelope has more bytes, or more events, than the rule set
// allows.
func tooLarge(r *Rules, c *Candidate) error {
	if len(c.Body) > r.limits.Envelope {
		return fmt.Errorf("the envelope has %d bytes: the most is %d", len(c.Body), r.limits.Envelope)
	}
	if n := max(len(c.Events), len(c.Envelope.Manifest.Events)); n > r.limits.Events {
		return fmt.Errorf("the envelope has %d events: the most is %d", n, r.limits.Events)
	}
	return nil
}
