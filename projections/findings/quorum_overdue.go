package findings

import (
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// QuorumWait is how long a leaf may wait until the quorum of witnesses that the
// registry names has cosigned a checkpoint that covers it.
const QuorumWait = 15 * time.Minute

// quorumOverdue: leaves wait for longer than they may to be cosigned. What was cosigned
// the ledger records as a leaf, with the cosignatures, which are checked here: its word
// alone ends nothing. The ledger's own leaves wait for nobody. One finding stands for
// the whole time without a quorum, and is resolved when there is one.
type quorumOverdue struct {
	waits *projections.State[wait]
}

// wait is the one state that there is.
type wait struct {
	Origin string `json:"o"`
	// Policy is what demands a quorum, as Named says it; empty where nothing does.
	Policy string     `json:"p"`
	Named  events.Ref `json:"g"`
	// First is the first leaf that waits, since Since, and Last the last; zero where
	// none does.
	First uint64     `json:"f"`
	Since time.Time  `json:"s"`
	Last  uint64     `json:"l"`
	By    events.Ref `json:"b,omitzero"` // what was recorded last
	Open  string     `json:"d,omitempty"`
}

func newQuorumOverdue() quorumOverdue {
	return quorumOverdue{projections.NewState[wait]("findings-quorum")}
}

func (quorumOverdue) name() string                   { return "quorum-overdue" }
func (r quorumOverdue) states() []projections.Schema { return []projections.Schema{r.waits} }

const theQuorum = "quorum"

func (r quorumOverdue) leaf(b *findingsWriter, f *projections.Fact, _ *sequence.Step) error {
	if f.Index == 0 {
		return r.begin(b, f)
	}
	w, found, err := r.waits.Get(b.tx, theQuorum)
	if err != nil || !found {
		return err
	}
	for i := range f.Events {
		if a, ok := f.Events[i].Data.(*events.WitnessesAdopted); ok {
			if err := r.adopted(b, w, a.Policy, f.Events[i].Ref); err != nil {
				return err
			}
		}
	}
	if w.Policy == "" {
		return nil
	}
	if f.Leaf.Subject != events.LedgerRecorder.Subject() {
		return r.arrived(b, w, f.Index)
	}
	for i := range f.Events {
		if c, ok := f.Events[i].Data.(*events.CheckpointCosigned); ok {
			if err := r.cosigned(b, w, c, f.Events[i].Ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin takes the policy from the genesis.
func (r quorumOverdue) begin(b *findingsWriter, f *projections.Fact) error {
	for i := range f.Events {
		g, ok := f.Events[i].Data.(*events.Genesis)
		if !ok {
			continue
		}
		w := &wait{Origin: g.Origin, Policy: demanding(g.WitnessPolicy), Named: f.Events[i].Ref}
		if w.Policy == "" {
			return r.waits.Put(b.tx, theQuorum, w)
		}
		return r.arrived(b, w, 0)
	}
	return nil
}

// demanding returns a policy that demands a quorum, and nothing for any other: what no
// witness can satisfy is no promise, and without one nothing is late.
func demanding(text string) string {
	if text == "" {
		return ""
	}
	if policy, err := formats.ParsePolicy([]byte(text)); err != nil || !policy.WantsQuorum() {
		return ""
	}
	return text
}

// adopted has another policy hold from here on. What waits goes on waiting, if there is
// anybody to wait for.
func (r quorumOverdue) adopted(b *findingsWriter, w *wait, text string, by events.Ref) error {
	w.Policy, w.Named = demanding(text), by
	if w.Policy != "" {
		return r.waits.Put(b.tx, theQuorum, w)
	}
	if w.Open != "" {
		if err := b.resolve(w.Open, "The quorum of witnesses was missing; since "+moment(b.tx.Now())+" none is demanded.", by); err != nil {
			return err
		}
	}
	if !w.Since.IsZero() {
		if err := b.tx.Cancel(r.name() + "/" + theQuorum); err != nil {
			return err
		}
	}
	w.Open, w.Since, w.First, w.Last = "", time.Time{}, 0, 0
	return r.waits.Put(b.tx, theQuorum, w)
}

// arrived has a leaf wait.
func (r quorumOverdue) arrived(b *findingsWriter, w *wait, leaf uint64) error {
	w.Last = leaf
	if w.Since.IsZero() {
		w.First, w.Since = leaf, b.tx.Now()
		if err := b.tx.At(w.Since.Add(QuorumWait), r.name()+"/"+theQuorum); err != nil {
			return err
		}
	}
	return r.waits.Put(b.tx, theQuorum, w)
}

// cosigned ends the wait of the leaves below a size, if the cosignatures hold.
func (r quorumOverdue) cosigned(b *findingsWriter, w *wait, c *events.CheckpointCosigned, by events.Ref) error {
	policy, err := formats.ParsePolicy([]byte(w.Policy))
	if err != nil {
		return err
	}
	signed, err := formats.RecordedCosignatures(w.Origin, c, policy.Cosigners())
	if err != nil || !policy.SatisfiedBy(signed) || w.Since.IsZero() || uint64(c.Size) <= w.First || uint64(c.Size) > by.Leaf {
		return nil
	}
	w.By = by
	if uint64(c.Size) > w.Last {
		w.Since = time.Time{}
		if err := b.tx.Cancel(r.name() + "/" + theQuorum); err != nil {
			return err
		}
	} else {
		// The others came while the witnesses were being asked.
		w.First, w.Since = uint64(c.Size), b.tx.Now()
		if err := b.tx.At(w.Since.Add(QuorumWait), r.name()+"/"+theQuorum); err != nil {
			return err
		}
	}
	if w.Open != "" {
		summary := fmt.Sprintf("The quorum of witnesses, %s, was missing; since %s a checkpoint of %d leaves is cosigned.", policy.Quorum(), moment(b.tx.Now()), int64(c.Size))
		if err := b.resolve(w.Open, summary, by); err != nil {
			return err
		}
		w.Open = ""
	}
	return r.waits.Put(b.tx, theQuorum, w)
}

func (r quorumOverdue) due(b *findingsWriter, _ string) error {
	w, found, err := r.waits.Get(b.tx, theQuorum)
	if err != nil || !found || w.Since.IsZero() || w.Open != "" {
		return err
	}
	policy, err := formats.ParsePolicy([]byte(w.Policy))
	if err != nil {
		return err
	}
	finding := Finding{
		ID: fmt.Sprintf("%s/%d", r.name(), w.First), Rule: r.name(), Severity: High,
		Subject: fmt.Sprintf("leaf %d", w.First), Since: w.Since,
		Summary: fmt.Sprintf("Leaf %d has waited since %s for the quorum of witnesses, %s: whoever runs the ledger could show others another tree.", w.First, moment(w.Since), policy.Quorum()),
		// One says who must cosign; what came last says who did.
		Evidence: events.Refs{w.Named, {Leaf: w.First}},
	}
	if w.By != (events.Ref{}) {
		finding.Evidence = append(finding.Evidence, w.By)
	}
	w.Open = finding.ID
	if err := r.waits.Put(b.tx, theQuorum, w); err != nil {
		return err
	}
	return b.raise(finding)
}
