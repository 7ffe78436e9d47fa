package admission

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/ed25519batch"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/schemas"
)

// Rules are one rule set: the checks in their order, the limits, and the schemas,
// all fixed by one digest. Rules are safe for concurrent use.
type Rules struct {
	digest  events.Digest
	checks  []check
	limits  limits
	schemas *schema.Set
	// consistency is what an event must not contradict itself in.
	consistency *vocabulary.Consistency
	// algorithms are those that a registered key may have.
	algorithms []events.Algorithm
	keys       sync.Map // events.KeyID to events.PublicKey: keys seen in the registry
	verifier   *ed25519batch.Verifier
}

// limits are the figures of a rule set.
type limits struct {
	Envelope int `json:"envelope"` // bytes
	Events   int `json:"events"`   // in one envelope
	Depth    int `json:"depth"`    // of nesting in an event's JSON
}

// check is one reason to reject a message. Either function may be nil. before
// looks at the message alone; after at what is known of the past too.
type check struct {
	code   string
	before func(*Rules, *Candidate) error
	after  func(*State, *Candidate) error
}

// allChecks are the checks that this program knows, by code. A rule set says
// which of them run, and in which order.
func allChecks() map[string]check {
	known := map[string]check{}
	for _, c := range []check{
		{code: "malformed", before: malformed},
		{code: "too_large", before: tooLarge},
		{code: "unknown_operator", after: unknownOperator},
		{code: "suspended_operator", after: suspendedOperator},
		{code: "unknown_facility", after: unknownFacility},
		{code: "unknown_recorder", after: unknownRecorder},
		{code: "wrong_subject", after: wrongSubject},
		{code: "unknown_key", after: unknownKey},
		{code: "key_not_valid", after: keyNotValid},
		{code: "bad_signature", before: findKeys, after: badSignature},
		{code: "missing_signature", after: missingSignature},
		{code: "digest_mismatch", before: digestMismatch},
		{code: "unknown_type", before: unknownType, after: typeNotSaidHere},
		{code: "schema", before: violatesSchema},
		{code: "inconsistent", before: inconsistent},
		{code: codeOutsideMandate}, // judged where registry events take effect
	} {
		known[c.code] = c
	}
	return known
}

// Load returns the rules of a digest, as the registry names it. A program keeps
// every rule set that it must still be able to replay; for one that it doesn't
// know the error says so.
func Load(digest events.Digest) (*Rules, error) {
	text, ok := schemas.Ruleset(digest.String())
	if !ok {
		return nil, fmt.Errorf("admission rule set %s is not known to this program: a newer one is needed", digest)
	}
	var set struct {
		V      int      `json:"v"`
		Checks []string `json:"checks"`
		Limits limits   `json:"limits"`
		// Keys are the algorithms of keys; rule sets of before there was a choice
		// don't say, and mean Ed25519.
		Keys []events.Algorithm `json:"keys"`
		// Consistency names rules; rule sets of before there were any have none.
		Consistency []string `json:"consistency"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("admission rule set %s: %w", digest, err)
	}
	compiled, _, err := schema.Of(digest.String())
	if err != nil {
		return nil, fmt.Errorf("admission rule set %s: %w", digest, err)
	}
	consistency, err := vocabulary.NewConsistency(set.Consistency)
	if err != nil {
		return nil, fmt.Errorf("admission rule set %s: %w", digest, err)
	}
	if set.Keys == nil {
		set.Keys = []events.Algorithm{events.Ed25519}
	}
	for _, a := range set.Keys {
		if a != events.Ed25519 && a != events.ECDSAP256 {
			return nil, fmt.Errorf("admission rule set %s: this program knows no keys of %q", digest, a)
		}
	}
	r := &Rules{digest: digest, limits: set.Limits, schemas: compiled, consistency: consistency, algorithms: set.Keys, verifier: ed25519batch.New()}
	known := allChecks()
	for _, code := range set.Checks {
		c, ok := known[code]
		if !ok {
			return nil, fmt.Errorf("admission rule set %s: this program has no check %q", digest, code)
		}
		r.checks = append(r.checks, c)
	}
	return r, nil
}

// has reports whether the rule set has a check.
func (r *Rules) has(code string) bool {
	return slices.ContainsFunc(r.checks, func(c check) bool { return c.code == code })
}

// Digest returns the rule set's digest.
func (r *Rules) Digest() events.Digest { return r.digest }

// Message is what came from the stream.
type Message struct {
	Subject string
	Body    []byte
	// Remains says that Body is what remains after an erasure: the empty lines in it
	// are passed over. It is for judging again what was judged whole.
	Remains bool
}

// Candidate is a message on its way to a verdict.
type Candidate struct {
	Message
	// Envelope is nil if the message is malformed.
	Envelope *events.Envelope
	// Events are the parsed lines; nil if the message is malformed. One that was erased
	// is nil.
	Events []*events.Event

	rules      *Rules // that prepared it
	manifest   events.Digest
	signatures []signature
	failed     []error // by check: what its first step found
}

// Failed returns why the message must be rejected whatever came before it, or nil.
func (c *Candidate) Failed() error {
	for _, err := range c.failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// Prepare does for each message what depends on it alone, on all processors,
// checks the signatures of all of them together, and returns the candidates in the order of the messages. The candidates keep the
// messages' bodies and must not outlive them.
func (r *Rules) Prepare(messages []Message) []*Candidate {
	candidates := make([]*Candidate, len(messages))
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(messages) {
				return
			}
			candidates[i] = r.prepare(messages[i])
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(messages)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	r.verifySignatures(candidates)
	return candidates
}

func (r *Rules) prepare(m Message) *Candidate {
	c := &Candidate{Message: m, rules: r, failed: make([]error, len(r.checks))}
	for i, check := range r.checks {
		if check.before == nil {
			continue
		}
		if c.failed[i] = check.before(r, c); c.failed[i] != nil && c.Envelope == nil {
			return c
		}
	}
	return c
}
