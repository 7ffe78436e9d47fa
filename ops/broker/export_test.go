package broker

import "time"

// WithDurableEvery has descriptions made durable after that time instead of
// [durableEvery].
func (c Config) WithDurableEvery(d time.Duration) Config {
	c.durableEvery = d
	return c
}
