package doctor

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp"
)

// timestamps looks at how far each authority has come. Where none was ever asked there
// is nothing to say.
func (e *examination) timestamps() {
	all, err := timestamp.ReadStatus(filepath.Join(e.home.LedgerDir(), timestamp.DirName))
	if err != nil {
		e.add("timestamps", Warn, err.Error(), "")
		return
	}
	for _, s := range all {
		name := "timestamps of " + s.Authority
		found := fmt.Sprintf("%d leaves have a timestamp", s.Size)
		if !s.Time.IsZero() {
			found += ", the last of " + s.Time.UTC().Format(time.RFC3339)
		}
		var waits time.Duration
		if !s.Waiting.IsZero() && e.size > s.Size {
			waits = max(0, time.Since(s.Waiting))
			found += fmt.Sprintf("; %d wait, for %s", e.size-s.Size, waits.Round(time.Second))
		}
		if s.Error != "" {
			found += fmt.Sprintf("; it failed %d times, last: %s", s.Failures, s.Error)
		}
		skew := s.Time.Sub(s.At)
		switch {
		case waits > s.Every+lagWrong:
			e.add(name, Fail, found, "timestamps catch up by themselves when that authority answers: ask who runs it, or name another with --timestamp-authority")
		case waits > s.Every+lagWatch || s.Error != "":
			e.add(name, Warn, found, "timestamps catch up by themselves when that authority answers")
		case !s.At.IsZero() && (skew > clockSkew || skew < -clockSkew):
			e.add(name, Warn, fmt.Sprintf("%s; its clock and this one are %s apart", found, skew.Round(time.Second)), "look at both clocks")
		default:
			e.add(name, OK, found, "")
		}
	}
}
