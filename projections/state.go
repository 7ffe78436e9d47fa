package projections

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/saksi-ledger/saksi/projections/store"
)

// State is what a view must remember and doesn't show: current values by key, kept
// as JSON. S must come back from JSON as it was.
type State[S any] struct{ s *schema }

// NewState returns a state.
func NewState[S any](name string) *State[S] { return &State[S]{&schema{name: name}} }

func (t *State[S]) schema() *schema { return t.s }

// Get returns the value of a key, the caller's own, and whether there is one.
func (t *State[S]) Get(tx *Tx, key string) (*S, bool, error) {
	values, err := tx.state(t.s)
	if err != nil {
		return nil, false, err
	}
	v, err := values.find(tx.ctx, key)
	if err != nil || v.json == nil {
		return nil, false, err
	}
	s := new(S)
	if err := json.Unmarshal(v.json, s); err != nil {
		return nil, false, fmt.Errorf("state %s: value %q: %w", t.s.name, key, err)
	}
	return s, true, nil
}

// Put sets the value of a key.
func (t *State[S]) Put(tx *Tx, key string, value *S) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("state %s: value %q: %w", t.s.name, key, err)
	}
	return t.set(tx, key, b)
}

// Delete forgets the value of a key.
func (t *State[S]) Delete(tx *Tx, key string) error { return t.set(tx, key, nil) }

func (t *State[S]) set(tx *Tx, key string, b []byte) error {
	values, err := tx.state(t.s)
	if err != nil {
		return err
	}
	v, err := values.find(tx.ctx, key)
	if err == nil && !bytes.Equal(v.json, b) {
		v.json = b
		values.changed(key, v)
	}
	return err
}

// values is a state as one engine's view writes it.
type values struct {
	name  string
	place int // in the layout
	db    reading
	most  int // keys in cache from batch to batch

	cache    map[string]*value
	complete bool // whoever isn't in cache has no value
	batch    uint64
	dirty    []store.Value // keys alone; the values are in cache
}

type value struct {
	json  []byte // nil: there is none
	dirty bool
	used  uint64
}

func (s *values) find(ctx context.Context, key string) (*value, error) {
	v := s.cache[key]
	if v == nil {
		v = &value{}
		if !s.complete {
			var err error
			if v.json, err = s.db.State(ctx, s.place, key); err != nil {
				return nil, fmt.Errorf("state %s: value %q: %w", s.name, key, err)
			}
		}
		s.cache[key] = v
	}
	v.used = s.batch
	return v, nil
}

func (s *values) changed(key string, v *value) {
	if !v.dirty {
		v.dirty = true
		s.dirty = append(s.dirty, store.Value{Key: key})
	}
}

// write returns what a commit must write.
func (s *values) write() []store.Value {
	for i := range s.dirty {
		s.dirty[i].JSON = s.cache[s.dirty[i].Key].json
	}
	return s.dirty
}

// committed forgets what was written, and what was not looked at lately if there is
// too much.
func (s *values) committed() {
	for _, d := range s.dirty {
		s.cache[d.Key].dirty = false
	}
	s.dirty = s.dirty[:0]
	if len(s.cache) > s.most {
		s.complete = false
		for key, v := range s.cache {
			if v.used != s.batch || len(s.cache) > 2*s.most {
				delete(s.cache, key)
			}
			if len(s.cache) <= s.most*3/4 {
				break
			}
		}
	}
	s.batch++
}
