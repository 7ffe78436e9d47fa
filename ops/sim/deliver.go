package sim

import (
	"cmp"
	"encoding/hex"
	"iter"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// Step is what one recorder delivers at one time.
type Step struct {
	At       time.Time
	Recorder events.Recorder
	Drafts   []events.Draft
	// Attests, if set, is the period that the recorder swears to after Drafts.
	Attests *Period
	// Mischief is what whoever seals it does wrong on purpose; Instead is what it
	// says under the same numbers with [Contradict].
	Mischief Mischief
	Instead  []events.Draft
}

// Period is a stretch of time: From is within it, To isn't.
type Period struct{ From, To time.Time }

const (
	attestEach  = 4 * time.Hour  // how often recorders attest
	attestEvery = 12 * time.Hour // how often they must
	// settled is how long a recorder waits until what it hasn't got of a period
	// won't come: more than held, deliverMost and a cut line together.
	settled     = 3 * time.Hour
	held        = 90 * time.Minute
	cutFor      = 40 * time.Minute
	deliverMost = 15 * time.Minute
)

// record is an event on its way from a recorder to the ledger.
type record struct {
	recorder  events.Recorder
	at        time.Time // when it happened
	delivered time.Time
	draft     events.Draft
	mischief  *mischief
}

// habit is how a recorder tells the time, and when it delivers.
type habit struct {
	skew        time.Duration // its clock is ahead by
	each, phase time.Duration
}

// cut is when the line of a facility is down.
type cut struct {
	facility string
	from, to time.Time
}

// habitOf draws a recorder's habit. A bastion delivers at once, nearly; a badge
// system every quarter of an hour. One clock in six is wrong by minutes.
func (c *Country) habitOf(kind events.RecorderKind) habit {
	h := habit{each: 10 * time.Minute, skew: time.Duration(c.random.IntN(4000)-2000) * time.Millisecond}
	switch kind {
	case events.RecorderBastion:
		h.each = 3 * time.Minute
	case events.RecorderBadge:
		h.each = deliverMost
	}
	if c.random.IntN(6) == 0 {
		h.skew = time.Duration(c.random.IntN(360)-180) * time.Second
	}
	h.phase = time.Duration(c.random.Int64N(int64(h.each/time.Second))) * time.Second
	return h
}

// record makes a record that nobody says yet.
func (c *Country) record(r events.Recorder, at time.Time, said vocabulary.Said) *record {
	var id [12]byte
	c.bytes.Read(id[:])
	event, err := said.Event(r, vocabulary.Attributes{
		ID: hex.EncodeToString(id[:]), Time: at.Add(c.habits[r].skew).Truncate(time.Millisecond), Random: c.bytes,
	})
	if err != nil {
		panic(err) // the data is this package's own
	}
	return &record{recorder: r, at: at, delivered: c.delivery(r, at), draft: events.Draft{Event: event}}
}

// say has a recorder record something, and deliver it in time, or late. What would
// happen after the day, or when the recorder is silent, isn't said.
func (c *Country) say(r events.Recorder, at time.Time, said vocabulary.Said) *record {
	if silence, ok := c.silent(r); !at.Before(c.end) || ok && at.After(silence) {
		return nil
	}
	rec := c.record(r, at, said)
	// A bastion's outbox keeps its order: what is opened is delivered before it is
	// closed. Other systems' records come when they come.
	if r.Name != "bastion" && c.random.IntN(40) == 0 {
		rec.delivered = c.delivery(r, at.Add(time.Duration(c.random.Int64N(int64(held)))))
	}
	c.records = append(c.records, rec)
	return rec
}

// delivery is when a recorder next delivers, after a time: by the end of the day at
// the latest.
func (c *Country) delivery(r events.Recorder, after time.Time) time.Time {
	h := c.habits[r]
	first := c.config.Start.Add(h.phase - h.each)
	at := first.Add((max(0, after.Sub(first))/h.each + 1) * h.each)
	at = c.restored(r, at)
	if at.After(c.end) {
		return c.end
	}
	return at
}

// restored is a time, or if a recorder's line is cut then, when it no longer is.
func (c *Country) restored(r events.Recorder, at time.Time) time.Time {
	if r.Facility == c.cut.facility && !at.Before(c.cut.from) && at.Before(c.cut.to) {
		return c.cut.to.Add(c.habits[r].phase / 20)
	}
	return at
}

// Steps yields what recorders deliver, in the order of time.
func (c *Country) Steps() iter.Seq[Step] {
	steps := c.steps()
	return func(yield func(Step) bool) {
		for _, s := range steps {
			if !yield(*s) {
				return
			}
		}
	}
}

func (c *Country) steps() []*Step {
	type slot struct {
		recorder events.Recorder
		at       time.Time
	}
	var steps []*Step
	slots := map[slot]*Step{}
	step := func(r events.Recorder, at time.Time) *Step {
		k := slot{r, at}
		if slots[k] == nil {
			slots[k] = &Step{At: at, Recorder: r}
			steps = append(steps, slots[k])
		}
		return slots[k]
	}
	for _, r := range c.records {
		if m := r.mischief; m != nil {
			steps = append(steps, &Step{
				At: r.delivered, Recorder: r.recorder, Drafts: []events.Draft{r.draft}, Mischief: m.kind, Instead: m.instead,
			})
			continue
		}
		s := step(r.recorder, r.delivered)
		s.Drafts = append(s.Drafts, r.draft)
	}
	for _, d := range c.Recorders {
		r, _ := events.ParseRecorder(d.Recorder)
		from := c.config.Start
		for at := c.config.Start.Add(attestEach); !at.After(c.end); at = at.Add(attestEach) {
			if silence, ok := c.silent(r); ok && at.After(silence) {
				break
			}
			s := step(r, c.restored(r, at))
			s.Attests = &Period{From: from, To: at.Add(-settled)}
			if c.misattests(r, at) {
				s.Mischief = Misattest
			}
			from = at.Add(-settled)
		}
	}
	slices.SortStableFunc(steps, func(a, b *Step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Recorder.String(), b.Recorder.String()))
	})
	return steps
}
