package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Timestamps says for what timestamp authorities have signed times (RFC 3161).
type Timestamps struct {
	// Checked counts the tokens that hold by the trust file, Independent those of them
	// whose authority it calls so. Unknown counts those by nobody whom it names: only the
	// checkpoint was checked.
	Checked     uint64 `json:"checked"`
	Independent uint64 `json:"independent"`
	Unknown     uint64 `json:"unknown"`
	// Recorded counts the leaves that record a token, Missing those of them whose token
	// isn't there.
	Recorded uint64 `json:"recorded"`
	Missing  uint64 `json:"missing"`
	// Size is that of the largest checkpoint that has a token which holds.
	Size uint64 `json:"size"`
}

const tokenSuffix = ".tst"

// checkTimestamps checks all tokens that lie there.
func (a *auditor) checkTimestamps(ctx context.Context, tree *tiles.Head) error {
	tokens := map[string]bool{}
	err := a.each(ctx, "timestamps", tokenSuffix, func(authority string, size uint64, base string) error {
		return a.checkTime(ctx, tree, authority, size, base, tokens)
	})
	if err != nil {
		return err
	}
	for _, digest := range a.timed {
		if !tokens[digest] {
			a.report.Timestamps.Missing++
		}
	}
	return nil
}

func (a *auditor) checkTime(ctx context.Context, tree *tiles.Head, authority string, size uint64, base string, tokens map[string]bool) error {
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
	tokens[events.DigestOf(token).String()] = true
	what := fmt.Sprintf("the timestamp of %d leaves by %s", size, authority)
	c, err := a.open(note)
	if err != nil {
		a.fail("%s: %v", what, err)
		return nil
	}
	if !a.checkRoot(ctx, tree, rootSaid{c.Size, c.Root.String(), what}) {
		return nil
	}
	t := &a.report.Timestamps
	// Which authority's it is, nothing but the certificates tells.
	for i := range a.trust.Timestamps {
		by := &a.trust.Timestamps[i]
		if _, err := by.VerifyToken(token, note); err != nil {
			continue
		}
		t.Checked++
		t.Size = max(t.Size, c.Size)
		if by.Independent && (a.trusted.Owner == "" || by.Owner != a.trusted.Owner) {
			t.Independent++
		}
		return nil
	}
	t.Unknown++
	return nil
}

// each goes through what others signed over checkpoints, by who signed and then by size:
// the files of a directory that end in suffix.
func (a *auditor) each(ctx context.Context, dir, suffix string, check func(name string, size uint64, base string) error) error {
	names, err := dirsIn(filepath.Join(a.dir, dir))
	if err != nil {
		return err
	}
	for _, name := range names {
		sizes, err := sizesIn(filepath.Join(a.dir, dir, name), suffix)
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
			if err := check(name, size, filepath.Join(a.dir, dir, name, fmt.Sprintf("%0*d", sizeDigits, size))); err != nil {
				return err
			}
		}
	}
	return nil
}

// witnesses returns the policy by which cosignatures are believed: the trust file's, or
// if it has none the genesis'; nil if neither has one.
func (a *auditor) witnesses() *verify.Policy {
	if policy, err := a.trusted.Witnesses(); err == nil && policy != nil {
		return policy
	}
	if a.admit == nil || a.admit.Registry.WitnessPolicy() == "" {
		return nil
	}
	policy, err := verify.ParsePolicy([]byte(a.admit.Registry.WitnessPolicy()))
	if err != nil {
		return nil // whoever made the genesis wasn't let
	}
	return policy
}
