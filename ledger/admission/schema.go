package admission

import "fmt"

// violatesSchema: an event does not satisfy the schema of its type.
func violatesSchema(r *Rules, c *Candidate) error {
	for i, e := range c.Events {
		if e == nil { // erased
			continue
		}
		if !r.schemas.Known(e.Type) {
			return nil
		}
		if err := r.schemas.ValidateEvent(e.Type, c.Envelope.Lines[i]); err != nil {
			return fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return nil
}
