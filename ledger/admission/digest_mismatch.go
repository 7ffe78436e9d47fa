package admission

// digestMismatch: the events are not those, in number or in bytes, whose digests
// were signed.
func digestMismatch(r *Rules, c *Candidate) error {
	if c.Remains {
		return c.Envelope.CheckRemaining()
	}
	return c.Envelope.CheckDigests()
}
