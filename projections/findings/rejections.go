package findings

import (
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

const (
	// rejectedMany is from how many messages on that were rejected, or said before,
	// within a run, it is a finding; from rejectedFlood on it is a grave one.
	rejectedMany  = 100
	rejectedFlood = 4096
	// rejectedRun is how long a run lasts. The next begins a finding of its own.
	rejectedRun = 24 * time.Hour
)

// rejections: an operator sent many messages that were worth nothing: rejected, or
// said before. Whoever signed them, it was the operator's connection: the broker
// vouches for that. Its row changes when their number has doubled, not at each leaf:
// it would be the flood's echo. What was sent stays so: it is not resolved.
type rejections struct {
	runs *projections.State[rejectedMessages]
}

// rejectedMessages is the run that an operator is in.
type rejectedMessages struct {
	Began             time.Time
	Leaf              uint64 // of the first, which names the finding
	Rejected, Repeats uint64
	Shown             uint64            // how many the finding says
	Codes             map[string]uint64 // as many as the rule set has
}

func newRejections() rejections {
	return rejections{projections.NewState[rejectedMessages]("findings-rejections")}
}

func (rejections) name() string                      { return "rejections" }
func (r rejections) states() []projections.Schema    { return []projections.Schema{r.runs} }
func (rejections) due(*findingsWriter, string) error { return nil }

func (r rejections) leaf(b *findingsWriter, f *projections.Fact, _ *sequence.Step) error {
	if f.Leaf.Verdict == formats.Accepted {
		return nil
	}
	rest, ok := strings.CutPrefix(f.Leaf.Subject, "events.")
	operator, _, _ := strings.Cut(rest, ".")
	if !ok || !events.ValidName(operator) {
		return nil
	}
	run, found, err := r.runs.Get(b.tx, operator)
	if err != nil {
		return err
	}
	if !found || f.Now.Sub(run.Began) > rejectedRun {
		run = &rejectedMessages{Began: f.Now, Leaf: b.tx.Leaf()}
	}
	if run.Codes == nil {
		run.Codes = map[string]uint64{}
	}
	if f.Leaf.Verdict == formats.Rejected {
		run.Rejected++
		run.Codes[f.Leaf.Code]++
	} else {
		run.Repeats++
	}
	if all := run.Rejected + run.Repeats; all >= rejectedMany && all >= 2*run.Shown {
		run.Shown = all
		if err := b.raise(run.finding(operator, b.tx.Leaf())); err != nil {
			return err
		}
	}
	return r.runs.Put(b.tx, operator, run)
}

func (run *rejectedMessages) finding(operator string, leaf uint64) Finding {
	severity := Medium
	if run.Shown >= rejectedFlood {
		severity = High
	}
	most := ""
	for code, n := range run.Codes {
		if n > run.Codes[most] || n == run.Codes[most] && code < most {
			most = code
		}
	}
	summary := fmt.Sprintf("at least %[2]s that %[1]s sent within a day of %[3]s had no effect: %[4]d rejected", operator, many(run.Shown, "message"), moment(run.Began), run.Rejected)
	if most != "" {
		summary += fmt.Sprintf(", most of them as %s", most)
	}
	return Finding{
		ID: fmt.Sprintf("rejections/%s/%d", operator, run.Leaf), Rule: "rejections", Severity: severity, Operator: operator,
		Subject: operator, Summary: fmt.Sprintf("%s; %d repeated earlier ones.", summary, run.Repeats), Since: run.Began,
		Evidence: events.Refs{{Leaf: run.Leaf}, {Leaf: leaf}},
	}
}
