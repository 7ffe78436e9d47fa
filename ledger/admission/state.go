package admission

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/saksi-ledger/saksi/events"
)

// Store keeps the manifests that were accepted, of which there is no end. A State
// asks it only about envelopes that do not carry their recorder on, so it is
// written to far more often than read from.
type Store interface {
	// Accepted returns the leaf at which a manifest was accepted.
	Accepted(m Place) (leaf uint64, found bool, err error)
	// Accept remembers it.
	Accept(m Place, leaf uint64) error
}

// Place is where a manifest stands in its recorder's own numbering.
type Place struct {
	Recorder           events.Recorder
	Incarnation, First uint64
	Manifest           events.Digest
}

// State is what verdicts depend on. It is not safe for concurrent use.
type State struct {
	Registry *Registry

	rules atomic.Pointer[Rules]
	heads map[events.Recorder]*Head
	dirty map[events.Recorder]bool
	store Store
}

// Head is the furthest position of a recorder.
type Head struct {
	Incarnation, Last uint64
	Manifest          events.Digest
	Leaf              uint64
}

// Start reads a genesis: the body of leaf 0. The State that it returns has judged
// nothing yet, not even the genesis itself, whose signature is checked by the
// keys that it names when it is judged as leaf 0.
func Start(genesis []byte, store Store) (*State, *Rules, error) {
	envelope, err := events.ParseEnvelope(genesis)
	if err != nil {
		return nil, nil, fmt.Errorf("genesis: %w", err)
	}
	if len(envelope.Lines) != 1 {
		return nil, nil, fmt.Errorf("genesis: %d events: want one", len(envelope.Lines))
	}
	event, err := events.ParseEvent(envelope.Lines[0])
	if err != nil {
		return nil, nil, fmt.Errorf("genesis: %w", err)
	}
	registry, rules, err := newRegistry(event)
	if err != nil {
		return nil, nil, fmt.Errorf("genesis: %w", err)
	}
	if !envelope.Manifest.Recorder.IsRegistry() || envelope.Manifest.Recorder.Owner != registry.Genesis.Authorities[0].Authority {
		return nil, nil, errors.New("genesis: it is not signed by its first authority")
	}
	s := &State{
		Registry: registry, store: store,
		heads: map[events.Recorder]*Head{}, dirty: map[events.Recorder]bool{},
	}
	s.rules.Store(rules)
	for _, key := range registry.keys {
		rules.keys.Store(key.public.ID(), key.public)
	}
	return s, rules, nil
}

// Restore puts back recorders' heads as an earlier State knew them.
func (s *State) Restore(heads map[events.Recorder]*Head) { s.heads = heads }

// Recall takes in the body of a leaf that was accepted before, without judging
// it again: what [State.Judge] remembered when it did.
func (s *State) Recall(body []byte, leaf uint64) error {
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return fmt.Errorf("recall leaf %d: %w", leaf, err)
	}
	if envelope.Manifest.Recorder.IsRegistry() {
		if err := s.RecallRegistry(envelope, leaf); err != nil {
			return err
		}
	}
	return s.remember(envelope.Manifest, envelope.ManifestDigest(), leaf)
}

// RecallRegistry lets the registry events of a leaf that was accepted before take
// effect again, and nothing else.
func (s *State) RecallRegistry(envelope *events.Envelope, leaf uint64) error {
	parsed := make([]*events.Event, len(envelope.Lines))
	for i, line := range envelope.Lines {
		var err error
		if parsed[i], err = events.ParseEvent(line); err != nil {
			return fmt.Errorf("recall leaf %d: line %d: %w", leaf, i+2, err)
		}
	}
	if code, err := s.Registry.apply(speechOf(envelope, leaf), parsed); err != nil {
		return fmt.Errorf("recall leaf %d: %s: %w", leaf, code, err)
	}
	s.follow()
	return nil
}

// follow takes over what the registry has just learnt: keys, so that signatures by
// them are checked beforehand, the rule set that judges from the next leaf on, and where
// recorders go on from.
func (s *State) follow() {
	if rules := s.Registry.adopted; rules != nil {
		s.Registry.adopted = nil
		s.Registry.follow(rules)
		for _, k := range s.Registry.keys {
			rules.keys.Store(k.public.ID(), k.public)
		}
		s.rules.Store(rules)
	}
	for recorder, head := range s.Registry.continued {
		s.advance(recorder, head)
	}
	clear(s.Registry.continued)
	rules := s.rules.Load()
	for _, key := range s.Registry.newKeys {
		rules.keys.Store(key.ID(), key)
	}
	s.Registry.newKeys = nil
}

// Rules returns the rules in force from the next leaf on, to prepare messages with.
// Unlike the rest of the State it may be called while another goroutine judges.
func (s *State) Rules() *Rules { return s.rules.Load() }

// Head returns the furthest position of a recorder.
func (s *State) Head(r events.Recorder) (Head, bool) {
	if h := s.heads[r]; h != nil {
		return *h, true
	}
	return Head{}, false
}

// TakeChangedHeads returns the heads that have moved since it was last called.
func (s *State) TakeChangedHeads() map[events.Recorder]Head {
	changed := make(map[events.Recorder]Head, len(s.dirty))
	for r := range s.dirty {
		changed[r] = *s.heads[r]
	}
	clear(s.dirty)
	return changed
}

// accepted looks for an earlier acceptance. An envelope that goes on after its
// recorder's head can't have any, so the store is spared the question.
func (s *State) accepted(m *events.Manifest, digest events.Digest) (leaf uint64, found bool, err error) {
	h := s.heads[m.Recorder]
	if h == nil || m.Incarnation > h.Incarnation || (m.Incarnation == h.Incarnation && m.First > h.Last) {
		return 0, false, nil
	}
	return s.store.Accepted(Place{Recorder: m.Recorder, Incarnation: m.Incarnation, First: m.First, Manifest: digest})
}

func (s *State) remember(m *events.Manifest, digest events.Digest, leaf uint64) error {
	s.advance(m.Recorder, Head{Incarnation: m.Incarnation, Last: m.Last(), Manifest: digest, Leaf: leaf})
	return s.store.Accept(Place{Recorder: m.Recorder, Incarnation: m.Incarnation, First: m.First, Manifest: digest}, leaf)
}

// advance moves a recorder's head, if to is further.
func (s *State) advance(recorder events.Recorder, to Head) {
	h := s.heads[recorder]
	if h == nil {
		h = &Head{}
		s.heads[recorder] = h
	}
	if to.Incarnation > h.Incarnation || (to.Incarnation == h.Incarnation && to.Last > h.Last) {
		*h = to
		s.dirty[recorder] = true
	}
}
