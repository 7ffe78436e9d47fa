package admission

import "fmt"

// inconsistent: an event satisfies its schema and contradicts itself. It must come after schema.
func inconsistent(r *Rules, c *Candidate) error {
	for i, e := range c.Events {
		if e == nil { // erased
			continue
		}
		if err := r.consistency.Judge(e); err != nil {
			return fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return nil
}
