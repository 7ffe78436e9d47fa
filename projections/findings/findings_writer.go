package findings

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// findingsWriter is what rules write findings into, at one leaf.
type findingsWriter struct {
	tx      *projections.Tx
	table   *projections.Table[Finding]
	tracker *sequence.Tracker
}

// raise opens a finding, or brings up to date what an open one says. Evidence is
// added to what there is.
func (b *findingsWriter) raise(f Finding) error {
	before, found, err := b.table.Get(b.tx, f.ID)
	if err != nil {
		return err
	}
	f.State, f.Raised = Open, b.tx.Now()
	if found {
		f.Raised, f.Since = before.Raised, before.Since
		f.By, f.Outcome, f.Note, f.Response = before.By, before.Outcome, before.Note, before.Response
		if before.State == Acknowledged {
			f.State = Acknowledged
		}
		f.Evidence = addEvidence(before.Evidence, f.Evidence...)
	} else {
		f.Evidence = addEvidence(nil, f.Evidence...)
	}
	return b.table.Put(b.tx, f.ID, &f)
}

// resolve closes a finding that there may be.
func (b *findingsWriter) resolve(id, summary string, evidence ...events.Ref) error {
	f, found, err := b.table.Get(b.tx, id)
	if err != nil || !found || f.State == Resolved {
		return err
	}
	closed := *f
	closed.State, closed.Resolved, closed.Summary = Resolved, b.tx.Now(), summary
	closed.Evidence = addEvidence(f.Evidence, evidence...)
	return b.table.Put(b.tx, id, &closed)
}

// about begins a finding about a recorder.
func about(rule string, severity Severity, recorder events.Recorder, id string) Finding {
	return Finding{
		ID: rule + "/" + recorder.String() + "/" + id, Rule: rule, Severity: severity,
		Facility: recorder.Facility, Operator: recorder.Owner, Recorder: recorder.String(),
	}
}

// firstEvidence and lastEvidence are how much is kept of much evidence.
const firstEvidence, lastEvidence = 8, 8

// addEvidence returns the first and the last references of all, in their order.
func addEvidence(before events.Refs, more ...events.Ref) events.Refs {
	all := append(slices.Clone(before), more...)
	slices.SortFunc(all, func(a, b events.Ref) int {
		return cmp.Or(cmp.Compare(a.Leaf, b.Leaf), cmp.Compare(a.Event, b.Event))
	})
	all = slices.Compact(all)
	if n := len(all); n > firstEvidence+lastEvidence {
		all = append(all[:firstEvidence], all[n-lastEvidence:]...)
	}
	return all
}

// numbers words a stretch of numbers.
func numbers(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("number %d", from)
	}
	return fmt.Sprintf("numbers %d to %d", from, to)
}

// stretch writes a stretch of numbers as a finding's subject.
func stretch(from, to uint64) string {
	if from == to {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d-%d", from, to)
}

// many words a count.
func many(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// be returns the verb for a count.
func be(n uint64, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// span words a duration to the two units that matter. One of more than a time.Duration
// holds is as long as that: who is told of 292 years needs no more of it.
func span(d time.Duration) string {
	if d == math.MaxInt64 {
		return "more than 292 years"
	}
	d = d.Round(time.Second)
	units := []struct {
		of   time.Duration
		name string
	}{{365 * 24 * time.Hour, "year"}, {24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	for i, u := range units {
		if d < u.of {
			continue
		}
		s := many(uint64(d/u.of), u.name)
		if i+1 < len(units) {
			if rest := d % u.of / units[i+1].of; rest > 0 {
				s += " " + many(uint64(rest), units[i+1].name)
			}
		}
		return s
	}
	return "0 seconds"
}

// each words how often.
func each(d time.Duration) string {
	s := span(d)
	if unit, ok := strings.CutPrefix(s, "1 "); ok && !strings.Contains(unit, " ") {
		return unit
	}
	return s
}

// moment words a time.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// short words a digest.
func short(d events.Digest) string {
	if d.IsZero() {
		return "none"
	}
	return strings.TrimPrefix(d.String(), "sha256:")[:12]
}
