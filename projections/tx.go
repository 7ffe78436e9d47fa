package projections

import (
	"context"
	"fmt"
	"time"
)

// Tx is one view's hold on its tables, states and timers while it is shown a leaf.
// It must not be kept or used from another goroutine.
type Tx struct {
	ctx    context.Context
	now    time.Time
	leaf   uint64
	tables map[*schema]*rows
	states map[*schema]*values
	timers *timers
	firing *timer // while Due is called
}

// Now is the latest time received of the leaves up to this one.
func (tx *Tx) Now() time.Time { return tx.now }

// Leaf is the index of the leaf being shown.
func (tx *Tx) Leaf() uint64 { return tx.leaf }

// At sets the view's timer of this key, or moves it. One that is due already fires
// before the next leaf; set by [View.Due], before this one, if it is later than the
// one that fired. A time after the year 9999 is never: it cancels. Each takes some
// 200 bytes of memory until it fires.
func (tx *Tx) At(due time.Time, key string) error {
	due = due.UTC().Round(0)
	switch {
	case due.Year() > 9999:
		tx.timers.cancel(key)
	case due.Before(earliest()):
		tx.timers.set(key, earliest(), tx.firing)
	default:
		tx.timers.set(key, due, tx.firing)
	}
	return nil
}

// earliest is the first time that can be told from none.
func earliest() time.Time { return time.Time{}.Add(1) }

// Cancel removes the view's timer of this key, if there is one.
func (tx *Tx) Cancel(key string) error {
	tx.timers.cancel(key)
	return nil
}

func (tx *Tx) table(s *schema) (*rows, error) {
	if r := tx.tables[s]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("table %s is not among the view's Tables", s.name)
}

func (tx *Tx) state(s *schema) (*values, error) {
	if v := tx.states[s]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("state %s is not among the view's Tables", s.name)
}
