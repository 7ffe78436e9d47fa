package audit

import (
	"encoding/json"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// withhold takes a leaf whose verdict can't be recomputed for want of its body, or of
// the genesis.
func (a *auditor) withhold(index uint64, leaf *formats.Leaf, body []byte) {
	reason := BodyWithheld
	if body == nil {
		a.report.Withheld++
		a.withheld[index/64] |= 1 << (index % 64)
	}
	if a.admit == nil {
		reason = GenesisWithheld
	}
	a.report.NotRecomputed[reason]++
	if leaf.Verdict == formats.Accepted && strings.HasPrefix(leaf.Subject, "registry.") {
		a.blind = true
	}
	if leaf.Verdict == formats.Duplicate && leaf.Of >= index {
		a.fail("leaf %d is said to repeat leaf %d, which doesn't come before it", index, leaf.Of)
	}
	a.follow(index, leaf, body)
	a.count(leaf, nil)
}

func (a *auditor) isWithheld(leaf uint64) bool { return a.withheld[leaf/64]&(1<<(leaf%64)) != 0 }

// Chains says how recorders' own numbering goes on, as far as bodies are there.
type Chains struct {
	Recorders int `json:"recorders"`
	// Gaps counts numbers that were passed over, Repeated envelopes with numbers that
	// were used already, Broken those that don't name the one before them, and
	// Incarnations how often a recorder started over.
	Gaps         uint64 `json:"gaps"`
	Repeated     uint64 `json:"repeated"`
	Broken       uint64 `json:"broken"`
	Incarnations uint64 `json:"incarnations"`
}

// chain is the furthest that a recorder came.
type chain struct {
	incarnation, last uint64
	manifest          events.Digest
	before            bool // only of the tree before this one is anything known
}

// continued takes in where a recorder stood in the tree before this one: it goes on from
// there.
func (a *auditor) continued(e *events.Envelope) {
	for _, line := range e.Lines {
		event, err := events.ParseEvent(line)
		if err != nil {
			continue
		}
		switch event.Type {
		case events.TypePredecessorAdopted:
			var said events.PredecessorAdopted
			if err := json.Unmarshal(event.Data, &said); err == nil {
				a.report.Predecessor = &Predecessor{Origin: said.Origin, Size: uint64(said.Size)}
			}
		case events.TypeRecorderContinued:
			var said events.RecorderContinued
			if err := json.Unmarshal(event.Data, &said); err != nil {
				continue
			}
			recorder, err := events.ParseRecorder(said.Recorder)
			manifest, wrong := events.ParseDigest(said.Manifest)
			if err == nil && wrong == nil && a.chains[recorder] == nil {
				a.chains[recorder] = &chain{incarnation: uint64(said.Incarnation), last: uint64(said.Last), manifest: manifest, before: true}
			}
		}
		if p := a.report.Predecessor; p != nil && strings.HasPrefix(event.Subject, p.Origin+"#") {
			p.Acts++
		}
	}
}

// chain counts how an accepted envelope carries on its recorder's numbering.
func (a *auditor) chain(e *events.Envelope) {
	m, r := e.Manifest, &a.report.Chains
	if m.Recorder.IsRegistry() {
		a.continued(e)
	}
	c := a.chains[m.Recorder]
	if c != nil && c.before {
		c.before = false
		r.Recorders++
	}
	switch {
	case c == nil:
		c = &chain{incarnation: m.Incarnation}
		a.chains[m.Recorder] = c
		r.Recorders++
		if m.First > 1 {
			r.Gaps++
		}
	case m.Incarnation > c.incarnation:
		r.Incarnations++
		c.incarnation, c.last = m.Incarnation, 0
	case m.Incarnation < c.incarnation || m.First <= c.last:
		r.Repeated++
		return
	default:
		if m.First > c.last+1 {
			r.Gaps++
		}
		if m.Previous != c.manifest {
			r.Broken++
		}
	}
	c.last, c.manifest = m.Last(), e.ManifestDigest()
}
