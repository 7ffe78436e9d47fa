package admission

// digestMismatch: the events are not those, in number or in bytes, whose digests
// were signed.
func digestMismatch(r *Rules, c *Candidate) error {
	return c.Envelope.CheckDigests()
}
