package formats

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	maxPolicy = 64 << 10
	// maxPolicyLines bounds logs, witnesses and groups of a policy, of each.
	maxPolicyLines = 64
	noQuorum       = "none"
)

// Policy says which witnesses there are, and which of them must have cosigned a
// checkpoint for it to count (https://c2sp.org/tlog-policy).
type Policy struct {
	// Logs are verifier keys. There may be none.
	Logs []string
	// Witnesses are in the order of the policy.
	Witnesses []PolicyWitness

	quorum *quorum // nil: none is wanted
}

// PolicyWitness is a witness of a policy.
type PolicyWitness struct {
	Name string // within the policy
	Key  *Cosigner
	URL  string // its submission prefix, or empty
}

// quorum is a witness, or a group of which so many must have cosigned.
type quorum struct {
	name    string
	witness *Cosigner
	most    int // of members
	members []*quorum
}

// ParsePolicy reads a policy, as strictly as the specification has it. Witnesses' keys
// are Ed25519 cosigners' (0x04) only.
func ParsePolicy(text []byte) (*Policy, error) {
	p := &policyParser{policy: &Policy{}, names: map[string]*quorum{}, keys: map[string]bool{}, used: map[string]bool{}}
	if err := p.parse(text); err != nil {
		return nil, fmt.Errorf("witness policy: %w", err)
	}
	return p.policy, nil
}

type policyParser struct {
	policy *Policy
	names  map[string]*quorum
	keys   map[string]bool // of logs and of witnesses, without their names
	used   map[string]bool // names that are members of a group
	groups int
	done   bool
}

func (p *policyParser) parse(text []byte) error {
	if len(text) > maxPolicy {
		return fmt.Errorf("%d bytes: the most is %d", len(text), maxPolicy)
	}
	for number := 1; len(text) > 0; number++ {
		line, rest, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			return fmt.Errorf("line %d has no end", number)
		}
		text = rest
		for _, c := range line {
			if c < ' ' && c != '\t' || c == 0x7f {
				return fmt.Errorf("line %d: a control character", number)
			}
		}
		items := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' || r == '\t' })
		if len(items) == 0 || items[0][0] == '#' {
			continue
		}
		if err := p.line(items); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if !p.done {
		return errors.New("it has no quorum line")
	}
	return nil
}

func (p *policyParser) line(items []string) error {
	switch items[0] {
	case "log":
		return p.log(items[1:])
	case "witness":
		return p.witness(items[1:])
	case "group":
		return p.group(items[1:])
	case "quorum":
		return p.quorum(items[1:])
	}
	return fmt.Errorf("%.40q: want log, witness, group or quorum", items[0])
}

func (p *policyParser) log(items []string) error {
	if len(items) < 1 || len(items) > 2 {
		return errors.New("want log KEY [URL]")
	}
	if _, err := note.NewVerifier(items[0]); err != nil {
		return fmt.Errorf("log key %.200q: %w", items[0], err)
	}
	if len(p.policy.Logs) == maxPolicyLines {
		return fmt.Errorf("more than %d logs", maxPolicyLines)
	}
	p.policy.Logs = append(p.policy.Logs, items[0])
	_, rest, _ := strings.Cut(items[0], "+")
	_, key, _ := strings.Cut(rest, "+")
	return p.once(key)
}

func (p *policyParser) witness(items []string) error {
	if len(items) < 2 || len(items) > 3 {
		return errors.New("want witness NAME KEY [URL]")
	}
	key, err := NewCosigner(items[1])
	if err != nil {
		return err
	}
	if len(p.policy.Witnesses) == maxPolicyLines {
		return fmt.Errorf("more than %d witnesses", maxPolicyLines)
	}
	w := PolicyWitness{Name: items[0], Key: key}
	if len(items) == 3 {
		w.URL = items[2]
	}
	if err := p.define(&quorum{name: items[0], witness: key}); err != nil {
		return err
	}
	p.policy.Witnesses = append(p.policy.Witnesses, w)
	return p.once(string(key.key))
}

func (p *policyParser) group(items []string) error {
	if len(items) < 3 {
		return errors.New("want group NAME all|any|NUMBER NAME…")
	}
	if p.groups++; p.groups > maxPolicyLines {
		return fmt.Errorf("more than %d groups", maxPolicyLines)
	}
	g := &quorum{name: items[0]}
	for _, name := range items[2:] {
		member := p.names[name]
		switch {
		case member == nil:
			return fmt.Errorf("%.200q is not defined before", name)
		case p.used[name]:
			return fmt.Errorf("%.200q is a member of a group already", name)
		}
		p.used[name] = true
		g.members = append(g.members, member)
	}
	switch items[1] {
	case "all":
		g.most = len(g.members)
	case "any":
		g.most = 1
	default:
		n, err := strconv.Atoi(items[1])
		if err != nil || strconv.Itoa(n) != items[1] || n < 1 || n > len(g.members) {
			return fmt.Errorf("%.40q of %d members: want all, any, or a number up to theirs", items[1], len(g.members))
		}
		g.most = n
	}
	return p.define(g)
}

func (p *policyParser) quorum(items []string) error {
	switch {
	case len(items) != 1:
		return errors.New("want quorum NAME")
	case p.done:
		return errors.New("a second quorum line")
	}
	p.done = true
	if items[0] == noQuorum {
		return nil
	}
	if p.policy.quorum = p.names[items[0]]; p.policy.quorum == nil {
		return fmt.Errorf("%.200q is not defined before", items[0])
	}
	return nil
}

func (p *policyParser) define(q *quorum) error {
	switch {
	case q.name == noQuorum:
		return fmt.Errorf("%s can't be a name", noQuorum)
	case p.names[q.name] != nil:
		return fmt.Errorf("%.200q is defined twice", q.name)
	}
	p.names[q.name] = q
	return nil
}

// once refuses a key that is there already, under whatever name.
func (p *policyParser) once(key string) error {
	if p.keys[key] {
		return errors.New("its key is another's already")
	}
	p.keys[key] = true
	return nil
}

// WantsQuorum tells whether any witness must have cosigned.
func (p *Policy) WantsQuorum() bool { return p.quorum != nil }

// Quorum says in words who must have cosigned: "2 of (a, b, c)".
func (p *Policy) Quorum() string {
	if p.quorum == nil {
		return noQuorum
	}
	return p.quorum.String()
}

func (q *quorum) String() string {
	if q.witness != nil {
		return q.name
	}
	names := make([]string, len(q.members))
	for i, m := range q.members {
		names[i] = m.String()
	}
	return fmt.Sprintf("%d of (%s)", q.most, strings.Join(names, ", "))
}

// Satisfied tells whether the quorum is reached by those that by tells of.
func (p *Policy) Satisfied(by func(*Cosigner) bool) bool {
	return p.quorum == nil || p.quorum.satisfied(by)
}

func (q *quorum) satisfied(by func(*Cosigner) bool) bool {
	if q.witness != nil {
		return by(q.witness)
	}
	n := 0
	for _, m := range q.members {
		if m.satisfied(by) {
			n++
		}
	}
	return n >= q.most
}

// Cosigners returns the witnesses' keys, in the policy's order.
func (p *Policy) Cosigners() []*Cosigner {
	keys := make([]*Cosigner, len(p.Witnesses))
	for i, w := range p.Witnesses {
		keys[i] = w.Key
	}
	return keys
}

// Cosigned returns the cosignatures of the policy's witnesses on a checkpoint, and
// whether they are a quorum.
func (p *Policy) Cosigned(signed []byte) ([]Cosignature, bool, error) {
	found, err := Cosignatures(signed, p.Cosigners())
	if err != nil {
		return nil, false, err
	}
	return found, p.SatisfiedBy(found), nil
}

// SatisfiedBy tells whether cosignatures are a quorum.
func (p *Policy) SatisfiedBy(cosignatures []Cosignature) bool {
	return p.Satisfied(func(c *Cosigner) bool {
		for _, s := range cosignatures {
			if s.By.vkey == c.vkey {
				return true
			}
		}
		return false
	})
}
