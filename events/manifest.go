package events

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/saksi-ledger/saksi/events/canonical"
)

// PayloadType is the DSSE payload type of a [Manifest].
const PayloadType = "application/vnd.saksi.manifest.v1+json"

const (
	// MaxEvents is the most events that one envelope can carry.
	MaxEvents = 1000
	// MaxSequence is the largest sequence number.
	MaxSequence = canonical.MaxNumber
)

// Manifest is what an operator signs: which events of which recorder, in which
// order, after what. It is written in one form only, keys in the order of the
// fields and no white space.
type Manifest struct {
	Recorder Recorder
	// Incarnation counts from 1. It rises when a recorder had to start over:
	// its state was lost, or its key was stolen.
	Incarnation uint64
	// First is the sequence number of the first event, counted from 1 without
	// gaps in each incarnation.
	First uint64
	// Previous is the digest of this recorder's previous manifest; zero on its
	// very first.
	Previous Digest
	// Events holds the digest of each event's line, without the line feed.
	Events []Digest
}

// Last returns the sequence number of the last event.
func (m *Manifest) Last() uint64 { return m.First + uint64(len(m.Events)) - 1 }

// Marshal returns the manifest's one written form.
func (m *Manifest) Marshal() []byte {
	b := make([]byte, 0, 200+len(m.Events)*(digestLen+3))
	b = append(b, `{"v":1,"recorder":"`...)
	b = append(b, m.Recorder.String()...)
	b = append(b, `","incarnation":`...)
	b = strconv.AppendUint(b, m.Incarnation, 10)
	b = append(b, `,"first":`...)
	b = strconv.AppendUint(b, m.First, 10)
	if !m.Previous.IsZero() {
		b = append(b, `,"previous":"`...)
		b = append(m.Previous.append(b), '"')
	}
	b = append(b, `,"events":[`...)
	for i, d := range m.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(d.append(b), '"')
	}
	return append(b, "]}"...)
}

// ParseManifest reads a manifest. It may hold more than [MaxEvents] digests:
// that limit is admission's to apply.
func ParseManifest(b []byte) (*Manifest, error) {
	r := canonical.NewReader(b)
	m := &Manifest{}
	r.Literal(`{"v":1,"recorder":"`)
	name := r.Quoted("the recorder's name", 3*maxName+2)
	r.Literal(`,"incarnation":`)
	m.Incarnation = r.Number("the incarnation")
	r.Literal(`,"first":`)
	m.First = r.Number("the first sequence number")
	if r.Skip(`,"previous":"`) {
		if m.Previous = readDigest(r, "the previous manifest's digest"); m.Previous.IsZero() {
			r.Fail("a digest that is not zero")
		}
	}
	r.Literal(`,"events":[`)
	if r.OK() {
		m.Events = make([]Digest, 0, r.Rest()/(digestLen+2))
	}
	for more := true; more && r.OK(); more = r.Skip(`,`) {
		r.Literal(`"`)
		m.Events = append(m.Events, readDigest(r, "an event's digest"))
	}
	r.Literal(`]}`)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}

	var err error
	switch m.Recorder, err = ParseRecorder(string(name)); {
	case err != nil:
		return nil, fmt.Errorf("manifest: %w", err)
	case m.Incarnation == 0:
		return nil, errors.New("manifest: incarnation is 0: incarnations count from 1")
	case m.First == 0:
		return nil, errors.New("manifest: first is 0: sequence numbers count from 1")
	case m.Last() > MaxSequence:
		return nil, fmt.Errorf("manifest: sequence number %d is above 2^53-1", m.Last())
	}
	return m, nil
}

func readDigest(r *canonical.Reader, what string) Digest {
	s := r.Quoted(what, digestLen)
	if !r.OK() {
		return Digest{}
	}
	d, err := parseDigest(s)
	if err != nil {
		r.Fail(what + ", sha256: and 64 lower-case hexadecimal digits, before here")
	}
	return d
}
