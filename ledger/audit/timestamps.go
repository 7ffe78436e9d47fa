package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// Timestamps says for what of the tree timestamp authorities have signed times.
type Timestamps struct {
	// Checked counts those that hold by the trust file, Independent those of them whose
	// authority it calls so.
	Checked     uint64 `json:"checked"`
	Independent uint64 `json:"independent"`
	// Unknown counts those that lead to no authority of the trust file: only the
	// checkpoint was checked.
	Unknown uint64 `json:"unknown"`
	// Recorded counts the leaves that record a timestamp, Missing those of them whose token
	// isn't there.
	Recorded uint64 `json:"recorded"`
	Missing  uint64 `json:"missing"`
	// Size is that of the largest checkpoint for which a token holds.
	Size uint64 `json:"size"`
}

const tokenSuffix = ".tst"

// checkTimestamps checks all timestamps that lie there, and counts those that leaves
// record and that don't.
func (a *auditor) checkTimestamps(ctx context.Context, tree *tiles.Head) error {
	there := map[string]bool{}
	dir := filepath.Join(a.dir, "timestamps")
	authorities, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, authority := range authorities {
		if !authority.IsDir() {
			continue
		}
		sizes, err := sizesIn(filepath.Join(dir, authority.Name()), tokenSuffix)
		if err != nil {
			return err
		}
		for _, size := range sizes {
			if err := ctx.Err(); err != nil {
				return err
			}
			if size > a.checkpoint.Size || len(a.report.Failures) >= MaxFailures {
				continue // it came after the checkpoint
			}
			base := filepath.Join(dir, authority.Name(), fmt.Sprintf("%0*d", sizeDigits, size))
			if err := a.checkTimestamp(ctx, tree, authority.Name(), size, base, there); err != nil {
				return err
			}
		}
	}
	for _, r := range a.stamped {
		if !there[r.entry] {
			a.report.Timestamps.Missing++
		}
	}
	return nil
}

func (a *auditor) checkTimestamp(ctx context.Context, tree *tiles.Head, authority string, size uint64, base string, there map[string]bool) error {
	token, err := readOutside(base + tokenSuffix)
	if err != nil {
		return err
	}
	note, err := readOutside(base + noteSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is being written
	}
	if err != nil {
		return err
	}
	there[events.DigestOf(token).String()] = true
	what := fmt.Sprintf("the timestamp of %d leaves by %s", size, authority)
	c, err := a.open(note)
	if err != nil {
		a.fail("%s: %v", what, err)
		return nil
	}
	if !a.checkRoot(ctx, tree, rootSaid{c.Size, c.Root.String(), what}) {
		return nil
	}
	for i := range a.trust.Timestamps {
		trusted := &a.trust.Timestamps[i]
		if _, err := trusted.VerifyToken(token, note); err != nil {
			if trusted.Name == authority {
				a.fail("%s: %v", what, err)
				return nil
			}
			continue
		}
		a.report.Timestamps.Checked++
		a.report.Timestamps.Size = max(a.report.Timestamps.Size, c.Size)
		if trusted.Independent && (a.trusted.Owner == "" || trusted.Owner != a.trusted.Owner) {
			a.report.Timestamps.Independent++
		}
		return nil
	}
	a.report.Timestamps.Unknown++
	return nil
}
