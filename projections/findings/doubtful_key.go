package findings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

const (
	// signedPage is how many envelopes of a key are remembered in one value.
	signedPage = 32
	// maxSignedPages is how many of them are gone through at a revocation. Of a key
	// that signed more in the doubtful time, the finding says how much at least.
	maxSignedPages = 4096
)

// doubtfulKey: a key was revoked with a time from which it is held to have been in
// wrong hands, and signed something that was received between that time and the
// revocation. Admission accepted that, and rightly, since keys come and go by leaf
// order; whether the operator said it, the operator must tell. One finding for each
// recorder and key. Nothing resolves it.
type doubtfulKey struct {
	heads   *projections.State[signedHead]
	pages   *projections.State[[]signed]
	revoked *projections.State[doubt]
}

// signedHead is how much a key signed.
type signedHead struct {
	Pages  uint64    `json:"p"`
	Latest time.Time `json:"t"` // received, of all up to now
}

// signed is an envelope that a key signed. Latest is the latest Received of it and all
// before it: the broker's clock may step back.
type signed struct {
	Recorder string    `json:"r"`
	Leaf     uint64    `json:"l"`
	Events   int       `json:"n"`
	Received time.Time `json:"t"`
	Latest   time.Time `json:"m"`
}

// doubt is what is said of a revoked key.
type doubt struct {
	From  time.Time  `json:"f"` // zero: nothing
	Until time.Time  `json:"u"` // received, of the leaf that revoked it first
	Ref   events.Ref `json:"r"`
}

func newDoubtfulKey() doubtfulKey {
	return doubtfulKey{
		projections.NewState[signedHead]("findings-signed"),
		projections.NewState[[]signed]("findings-signed-pages"),
		projections.NewState[doubt]("findings-revoked"),
	}
}

func (doubtfulKey) name() string { return "doubtful-key" }
func (r doubtfulKey) states() []projections.Schema {
	return []projections.Schema{r.heads, r.pages, r.revoked}
}
func (doubtfulKey) due(*findingsWriter, string) error { return nil }

func (r doubtfulKey) leaf(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	if s != nil {
		for _, id := range f.Signers {
			if err := r.remember(b, id, f); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range f.Events {
		e := &f.Events[i]
		if d, ok := e.Data.(*events.KeyRevoked); ok && e.Recorder.IsRegistry() {
			if err := r.revoke(b, d, e.Ref, f.Leaf.Received); err != nil {
				return err
			}
		}
	}
	return nil
}

func page(id events.KeyID, n uint64) string { return fmt.Sprintf("%s/%d", id, n) }

func (r doubtfulKey) remember(b *findingsWriter, id events.KeyID, f *projections.Fact) error {
	head, found, err := r.heads.Get(b.tx, string(id))
	if err != nil {
		return err
	}
	if !found {
		head = &signedHead{Pages: 1}
	}
	last, found, err := r.pages.Get(b.tx, page(id, head.Pages))
	if err != nil {
		return err
	}
	if !found {
		last = new([]signed)
	}
	if len(*last) == signedPage {
		head.Pages++
		last = new([]signed)
	}
	if f.Leaf.Received.After(head.Latest) {
		head.Latest = f.Leaf.Received
	}
	*last = append(*last, signed{f.Manifest.Recorder.String(), f.Index, int(f.Leaf.Count), f.Leaf.Received, head.Latest})
	if err := r.pages.Put(b.tx, page(id, head.Pages), last); err != nil {
		return err
	}
	return r.heads.Put(b.tx, string(id), head)
}

// revoke takes in a revocation. A later one of the same key can only move the
// doubtful time's beginning back.
func (r doubtfulKey) revoke(b *findingsWriter, d *events.KeyRevoked, ref events.Ref, received time.Time) error {
	known, found, err := r.revoked.Get(b.tx, d.KeyID)
	if err != nil {
		return err
	}
	if !found {
		known = &doubt{Until: received, Ref: ref}
	}
	if d.From.IsZero() || (!known.From.IsZero() && !d.From.Before(known.From)) {
		if found {
			return nil
		}
		return r.revoked.Put(b.tx, d.KeyID, known)
	}
	known.From = d.From.Time
	if err := r.revoked.Put(b.tx, d.KeyID, known); err != nil {
		return err
	}
	return r.search(b, events.KeyID(d.KeyID), known, ref)
}

// suspect is what a key signed for one recorder in the doubtful time.
type suspect struct {
	envelopes, events int
	first, last       time.Time
	refs              events.Refs
}

func (r doubtfulKey) search(b *findingsWriter, id events.KeyID, d *doubt, ref events.Ref) error {
	head, found, err := r.heads.Get(b.tx, string(id))
	if err != nil || !found {
		return err
	}
	suspects := map[string]*suspect{}
	whole := true
	for n, walked := head.Pages, 0; n > 0; n, walked = n-1, walked+1 {
		if walked == maxSignedPages {
			whole = false
			break
		}
		p, found, err := r.pages.Get(b.tx, page(id, n))
		if err != nil {
			return err
		}
		if !found || (*p)[len(*p)-1].Latest.Before(d.From) {
			break
		}
		for _, e := range slices.Backward(*p) {
			if !e.Received.Before(d.From) {
				add(suspects, e)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(suspects)) {
		if err := r.say(b, name, id, d, suspects[name], whole, ref); err != nil {
			return err
		}
	}
	return nil
}

func add(suspects map[string]*suspect, e signed) {
	s := suspects[e.Recorder]
	if s == nil {
		s = &suspect{first: e.Received, last: e.Received}
		suspects[e.Recorder] = s
	}
	s.envelopes++
	s.events += e.Events
	if e.Received.Before(s.first) {
		s.first = e.Received
	}
	if e.Received.After(s.last) {
		s.last = e.Received
	}
	s.refs = addEvidence(s.refs, events.Ref{Leaf: e.Leaf})
}

func (r doubtfulKey) say(b *findingsWriter, name string, id events.KeyID, d *doubt, s *suspect, whole bool, ref events.Ref) error {
	recorder, err := events.ParseRecorder(name)
	if err != nil {
		return err
	}
	short := fmt.Sprintf("%.12s", id)
	finding := about(r.name(), High, recorder, string(id))
	finding.Subject = "key " + short
	least := ""
	if !whole {
		least = "at least "
	}
	finding.Summary = fmt.Sprintf("%s%s in %s from %s, received %s to %s, %s signed with key %s, which is held to have been in wrong hands from %s until it was revoked at %s.",
		least, many(uint64(s.events), "event"), many(uint64(s.envelopes), "envelope"), recorder, moment(s.first), moment(s.last),
		be(uint64(s.events), "was", "were"), short, moment(d.From), moment(d.Until))
	finding.Summary = strings.ToUpper(finding.Summary[:1]) + finding.Summary[1:]
	finding.Since = s.first
	finding.Evidence = append(s.refs, d.Ref, ref)
	return b.raise(finding)
}
