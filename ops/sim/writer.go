package sim

import (
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// eventsEach is how many events an envelope of the simulation holds at most.
const eventsEach = 64

// Message is an envelope on its way to the stream.
type Message struct {
	Recorder events.Recorder
	Subject  string
	Body     []byte
}

// Writer numbers, chains and signs what recorders deliver, as outboxes do, or as
// they wouldn't, where a step has a mischief. It is for one goroutine.
type Writer struct {
	signers map[string]*events.Signer
	heads   map[events.Recorder]*head
}

type head struct {
	last     uint64
	attested uint64
	manifest events.Digest
}

// NewWriter returns a writer with a signer for each operator, by name.
func NewWriter(signers map[string]*events.Signer) *Writer {
	return &Writer{signers: signers, heads: map[events.Recorder]*head{}}
}

// Seal makes the envelopes of a step.
func (w *Writer) Seal(s Step) ([]Message, error) {
	h := w.heads[s.Recorder]
	if h == nil {
		h = &head{}
		w.heads[s.Recorder] = h
	}
	var out []Message
	for from := 0; from < len(s.Drafts); from += eventsEach {
		before := *h
		if s.Mischief == BreakChain {
			before.manifest = events.DigestOf([]byte("a manifest that nobody has sent"))
		}
		m, after, err := w.seal(s.Recorder, before, s.Drafts[from:min(from+eventsEach, len(s.Drafts))])
		if err != nil {
			return nil, err
		}
		*h = after
		if s.Mischief != Withhold {
			out = append(out, m)
		}
		if s.Mischief == Contradict {
			m, _, err := w.seal(s.Recorder, before, s.Instead)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
		}
	}
	if s.Attests != nil {
		m, after, err := w.seal(s.Recorder, *h, []events.Draft{attestation(s, *h)})
		if err != nil {
			return nil, err
		}
		after.attested = h.last
		*h = after
		out = append(out, m)
	}
	return out, nil
}

func (w *Writer) seal(r events.Recorder, h head, drafts []events.Draft) (Message, head, error) {
	lines := make([][]byte, len(drafts))
	for i, d := range drafts {
		line, err := d.Event.Marshal()
		if err != nil {
			return Message{}, h, fmt.Errorf("write an event of %s: %w", r, err)
		}
		lines[i] = line
	}
	signer := w.signers[r.Owner]
	if signer == nil {
		return Message{}, h, fmt.Errorf("seal an envelope of %s: there is no signer of %s", r, r.Owner)
	}
	envelope, err := events.Seal(&events.Manifest{Recorder: r, Incarnation: 1, First: h.last + 1, Previous: h.manifest}, lines, signer)
	if err != nil {
		return Message{}, h, fmt.Errorf("seal an envelope of %s: %w", r, err)
	}
	h.last, h.manifest = h.last+uint64(len(lines)), envelope.ManifestDigest()
	return Message{Recorder: r, Subject: r.Subject(), Body: envelope.Marshal()}, h, nil
}

// attestation swears to what there was since the last one, that itself included.
func attestation(s Step, h head) events.Draft {
	p := events.PeriodAttested{
		Recorder: s.Recorder.String(), Incarnation: 1, From: events.At(s.Attests.From), To: events.At(s.Attests.To),
	}
	if h.last > h.attested {
		p.First, p.Last = events.Integer(h.attested+1), events.Integer(h.last)
		p.Count, p.Manifest = p.Last-p.First+1, h.manifest.String()
	}
	if s.Mischief == Misattest {
		p.First, p.Last, p.Count, p.Manifest = 0, 0, 0, ""
	}
	seed := []byte(fmt.Sprint(s.Recorder, s.At.Format(time.RFC3339)))
	event, err := vocabulary.AttestationPeriod.Of(p.Statement()).Event(s.Recorder, vocabulary.Attributes{
		ID: fmt.Sprintf("attestation-%d", s.At.Unix()), Time: s.At, Random: repeat(seed),
	})
	if err != nil {
		panic(err) // the data is this package's own
	}
	return events.Draft{Event: event}
}

// repeat reads as the digest of a seed, over and over.
type repeat []byte

func (r repeat) Read(b []byte) (int, error) {
	digest := events.DigestOf(r)
	for i := range b {
		b[i] = digest[i%len(digest)]
	}
	return len(b), nil
}
