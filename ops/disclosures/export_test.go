package disclosures

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// ErrFault is what a write that was made to fail returns.
var ErrFault = errors.New("injected fault")

// FailNth makes the nth write of a kind, publish or remove, fail from now on, after it
// took effect or before.
func (c *Store) FailNth(kind string, n int, persisted bool) {
	publish, remove := c.publish, c.remove
	fails := func() bool { n--; return n == 0 }
	switch kind {
	case "publish":
		c.publish = func(ctx context.Context, m *nats.Msg) error {
			if !fails() {
				return publish(ctx, m)
			}
			if persisted {
				return errors.Join(publish(ctx, m), ErrFault)
			}
			return ErrFault
		}
	case "remove":
		c.remove = func(ctx context.Context, sequence uint64) error {
			if !fails() {
				return remove(ctx, sequence)
			}
			if persisted {
				return errors.Join(remove(ctx, sequence), ErrFault)
			}
			return ErrFault
		}
	}
}

// All returns all that is kept.
func (c *Store) All(ctx context.Context) (all []Stored, err error) {
	err = c.each(ctx, []string{"disclosures.>", "reencrypted.>"}, 0, func(m *Stored) (bool, error) {
		all = append(all, *m)
		return true, nil
	})
	return all, err
}

// While calls do at the first message of those that are there, and goes on to the end.
func (c *Store) While(ctx context.Context, do func()) (n int, err error) {
	err = c.each(ctx, []string{"disclosures.>"}, 0, func(*Stored) (bool, error) {
		if n++; n == 1 {
			do()
		}
		return true, nil
	})
	return n, err
}

// Remove deletes the message at a place in the stream.
func (c *Store) Remove(ctx context.Context, m *Stored) error { return c.delete(ctx, m) }
