package doctor

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
)

const (
	// quorumWatch and quorumWrong are how long leaves may wait for a quorum. The
	// second is when everybody sees it as a finding.
	quorumWatch = 5 * time.Minute
	quorumWrong = 15 * time.Minute
	// clockSkew is how far a witness's clock may be from ours.
	clockSkew = 5 * time.Minute
)

// witnesses looks at how far each has come. Where there is no policy there is nothing
// to say.
func (e *examination) witnesses() {
	status, err := witness.ReadStatus(filepath.Join(e.home.LedgerDir(), witness.DirName))
	if err != nil {
		e.add("witnesses", Warn, err.Error(), "")
		return
	}
	if status == nil {
		return
	}
	found := fmt.Sprintf("%d leaves are cosigned by the quorum, %s", status.Size, status.Quorum)
	var waits time.Duration
	if !status.Waiting.IsZero() && e.size > status.Size {
		waits = max(0, time.Since(status.Waiting))
		found += fmt.Sprintf("; %d wait, for %s", e.size-status.Size, waits.Round(time.Second))
	}
	switch {
	case waits > quorumWrong:
		e.add("witnesses", Fail, found, "ask those who run the witnesses below; the ledger goes on meanwhile, and everybody sees that it does without them")
	case waits > quorumWatch:
		e.add("witnesses", Warn, found, "cosigning catches up by itself when the witnesses answer")
	default:
		e.add("witnesses", OK, found, "")
	}
	for _, w := range status.Witnesses {
		e.witness(w)
	}
}

func (e *examination) witness(w witness.WitnessStatus) {
	name := "witness " + w.Name
	found := fmt.Sprintf("it has cosigned %d leaves", w.Size)
	if !w.Time.IsZero() {
		found += ", the last time at " + w.Time.UTC().Format(time.RFC3339)
	}
	if w.Error != "" {
		found += fmt.Sprintf("; it failed %d times, last: %s", w.Failures, w.Error)
	}
	skew := w.Time.Sub(w.At)
	switch {
	case w.Contradicts:
		e.add(name, Fail, found, "stop, and find out which tree is right: was the ledger restored from a copy, or is its log key used elsewhere? Audit it, and compare with the checkpoint that the witness shows")
	case w.URL == "":
		e.add(name, OK, "the policy has no address of it: it is not asked", "")
	case w.Error != "":
		e.add(name, Warn, found, "ask who runs it")
	case !w.At.IsZero() && (skew > clockSkew || skew < -clockSkew):
		e.add(name, Warn, fmt.Sprintf("%s; its clock and this one are %s apart", found, skew.Round(time.Second)), "look at both clocks")
	default:
		e.add(name, OK, found, "")
	}
}
