package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Countersigned says what others, who are kept by name, signed over checkpoints of the tree:
// Rekors in anchors, timestamp authorities in tokens (RFC 3161).
type Countersigned struct {
	// Checked counts those that hold by the trust file, Independent those of them whose
	// signer it calls so. Unknown counts those by nobody whom it names: only the
	// checkpoint was checked.
	Checked     uint64 `json:"checked"`
	Independent uint64 `json:"independent"`
	Unknown     uint64 `json:"unknown"`
	// Revoked counts tokens by a certificate that was revoked, as the trust file's lists have
	// it: they say nothing, and are no fault of the ledger's.
	Revoked uint64 `json:"revoked,omitzero"`
	// Recorded counts the leaves that record one, Missing those of them whose entry or
	// token isn't there.
	Recorded uint64 `json:"recorded"`
	Missing  uint64 `json:"missing"`
	// Size is that of the largest checkpoint for which one holds.
	Size uint64 `json:"size"`
}

// count counts one that holds, by somebody of an owner.
func (o *Countersigned) count(size uint64, independent bool) {
	o.Checked++
	o.Size = max(o.Size, size)
	if independent {
		o.Independent++
	}
}

// Cosigned says what witnesses have cosigned.
type Cosigned struct {
	// Checkpoints counts those that are there or recorded in the tree, Signatures the
	// cosignatures on them by witnesses of the trust file's policy, or the genesis', which
	// hold.
	Checkpoints uint64 `json:"checkpoints"`
	Signatures  uint64 `json:"signatures"`
	// Quorum is the largest size that a quorum has cosigned, 0 if none has.
	Quorum uint64 `json:"quorum"`
}

const (
	maxOutside  = 1 << 20
	sizeDigits  = 20
	entrySuffix = ".json"
	tokenSuffix = ".tst"
	noteSuffix  = ".note"
)

// record takes what the ledger's own leaves say of anchors and cosignatures.
func (a *auditor) record(leaf *formats.Leaf, e *events.Envelope) {
	if leaf.Subject != events.LedgerRecorder.Subject() {
		return
	}
	for _, line := range e.Lines {
		event, err := events.ParseEvent(line)
		if err != nil {
			continue
		}
		index := a.index
		switch event.Type {
		case events.TypeAnchorRecorded:
			var said events.AnchorRecorded
			if err := json.Unmarshal(event.Data, &said); err == nil {
				a.report.Anchors.Recorded++
				a.anchored = append(a.anchored, said.Entry)
			}
		case events.TypeTimestampRecorded:
			var said events.TimestampRecorded
			if err := json.Unmarshal(event.Data, &said); err == nil {
				a.report.Timestamps.Recorded++
				a.timed = append(a.timed, said.Token)
			}
		case events.TypeCheckpointCosigned:
			var said events.CheckpointCosigned
			if err := json.Unmarshal(event.Data, &said); err == nil {
				a.checkRecorded(index, &said)
			}
		}
	}
}

// checkRecorded checks a leaf that records cosignatures: each holds, and is of a root
// that this tree had, which stands in the tree that was read so far.
func (a *auditor) checkRecorded(index uint64, said *events.CheckpointCosigned) {
	policy := a.witnesses()
	if policy == nil {
		return
	}
	found, err := formats.RecordedCosignatures(a.checkpoint.Origin, said, policy.Cosigners())
	if err != nil {
		a.fail("leaf %d records cosignatures that do not hold: %v", index, err)
		return
	}
	a.roots = append(a.roots, rootSaid{uint64(said.Size), said.Root, fmt.Sprintf("leaf %d, which records cosignatures,", index)})
	a.countCosigned(uint64(said.Size), found, policy)
}

func (a *auditor) countCosigned(size uint64, found []formats.Cosignature, policy *formats.Policy) {
	a.report.Cosigned.Checkpoints++
	a.report.Cosigned.Signatures += uint64(len(found))
	if policy.WantsQuorum() && policy.SatisfiedBy(found) {
		a.report.Cosigned.Quorum = max(a.report.Cosigned.Quorum, size)
	}
}

// rootSaid is a root that somebody says the tree had at a size.
type rootSaid struct {
	size uint64
	root string
	by   string
}

// checkOutside checks what Rekors and witnesses hold of the tree, whose leaves and tiles
// were checked before.
func (a *auditor) checkOutside(ctx context.Context) error {
	tree := tiles.NewHead(tiles.New(a.source))
	if err := tree.Covers(ctx, a.checkpoint); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for _, said := range a.roots {
		a.checkRoot(ctx, tree, said)
	}
	a.roots = nil
	if err := a.checkAnchors(ctx, tree); err != nil {
		return fmt.Errorf("audit: read the anchors: %w", err)
	}
	if err := a.checkTimestamps(ctx, tree); err != nil {
		return fmt.Errorf("audit: read the timestamps: %w", err)
	}
	if err := a.checkCosigned(ctx, tree); err != nil {
		return fmt.Errorf("audit: read what is cosigned: %w", err)
	}
	return nil
}

func (a *auditor) checkRoot(ctx context.Context, tree *tiles.Head, said rootSaid) bool {
	if len(a.report.Failures) >= MaxFailures {
		return false
	}
	root, err := tree.Root(ctx, said.size)
	switch {
	case err != nil:
		a.fail("%s is about a tree of %d leaves: %v", said.by, said.size, err)
	case root.String() != said.root:
		a.fail("%s has the root %s for %d leaves: it is not this tree's", said.by, said.root, said.size)
	default:
		return true
	}
	return false
}

// checkAnchors checks all anchors that lie there.
func (a *auditor) checkAnchors(ctx context.Context, tree *tiles.Head) error {
	check := func(s signed) (independent bool, err error) {
		anchor, err := a.trust.VerifyAnchor(a.trusted, s.by, s.note)
		if errors.Is(err, verify.ErrUnknownRekor) {
			return false, errUnknown
		}
		return err == nil && a.independent(anchor.Independent, anchor.Owner), err
	}
	return a.each(ctx, tree, kind{"anchors", entrySuffix, "the anchor of %d leaves in %s", a.anchored, &a.report.Anchors, check})
}

// checkTimestamps checks all tokens that lie there.
func (a *auditor) checkTimestamps(ctx context.Context, tree *tiles.Head) error {
	check := func(s signed) (independent bool, err error) {
		err = errUnknown
		// Which authority's it is, nothing but the certificates tells.
		for i := range a.trust.Timestamps {
			by := &a.trust.Timestamps[i]
			_, failure := by.VerifyToken(s.by, s.note)
			if failure == nil {
				return a.independent(by.Independent, by.Owner), nil
			}
			if revoked := (*verify.Revoked)(nil); errors.As(failure, &revoked) {
				err = revoked
			}
		}
		return false, err
	}
	return a.each(ctx, tree, kind{"timestamps", tokenSuffix, "the timestamp of %d leaves by %s", a.timed, &a.report.Timestamps, check})
}

// independent says whether somebody whom the trust file calls independent is so of the
// ledger that is audited.
func (a *auditor) independent(said bool, owner string) bool {
	return said && (a.trusted.Owner == "" || owner != a.trusted.Owner)
}

// errUnknown is returned where nobody whom the trust file names has signed.
var errUnknown = errors.New("the trust file does not name who made it")

// signed is what somebody signed over a checkpoint: an entry or a token, and the note.
type signed struct{ by, note []byte }

// kind is of what others sign over checkpoints.
type kind struct {
	dir, suffix string   // its files, in a directory for each who signed
	what        string   // one of a size, by a name
	recorded    []string // digests of those that leaves record
	report      *Countersigned
	check       func(signed) (independent bool, err error)
}

// each goes through what others signed over checkpoints, by who signed and then by size.
// The checkpoint is checked here, who signed it by the kind's check.
func (a *auditor) each(ctx context.Context, tree *tiles.Head, k kind) error {
	there := map[string]bool{}
	names, err := dirsIn(filepath.Join(a.dir, k.dir))
	if err != nil {
		return err
	}
	for _, name := range names {
		sizes, err := sizesIn(filepath.Join(a.dir, k.dir, name), k.suffix)
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
			base := filepath.Join(a.dir, k.dir, name, fmt.Sprintf("%0*d", sizeDigits, size))
			var s signed
			if s.by, err = readOutside(base + k.suffix); err != nil {
				return err
			}
			if s.note, err = readOutside(base + noteSuffix); errors.Is(err, fs.ErrNotExist) {
				continue // it is being written
			} else if err != nil {
				return err
			}
			there[events.DigestOf(s.by).String()] = true
			a.checkSigned(ctx, tree, fmt.Sprintf(k.what, size, name), s, k)
		}
	}
	for _, digest := range k.recorded {
		if !there[digest] {
			k.report.Missing++
		}
	}
	return nil
}

func (a *auditor) checkSigned(ctx context.Context, tree *tiles.Head, what string, s signed, k kind) {
	c, err := a.open(s.note)
	if err != nil {
		a.fail("%s: %v", what, err)
		return
	}
	if !a.checkRoot(ctx, tree, rootSaid{c.Size, c.Root.String(), what}) {
		return
	}
	independent, err := k.check(s)
	var revoked *verify.Revoked
	switch {
	case errors.Is(err, errUnknown):
		k.report.Unknown++
	case errors.As(err, &revoked):
		k.report.Revoked++
	case err != nil:
		a.fail("%s: %v", what, err)
	default:
		k.report.count(c.Size, independent)
	}
}

// checkCosigned checks the cosigned checkpoints that lie there.
func (a *auditor) checkCosigned(ctx context.Context, tree *tiles.Head) error {
	dir := filepath.Join(a.dir, "cosigned")
	policy := a.witnesses()
	for _, suffix := range []string{".quorum", ".some"} {
		sizes, err := sizesIn(dir, suffix)
		if err != nil {
			return err
		}
		for _, size := range sizes {
			if err := ctx.Err(); err != nil {
				return err
			}
			note, err := readOutside(filepath.Join(dir, fmt.Sprintf("%0*d%s", sizeDigits, size, suffix)))
			if errors.Is(err, fs.ErrNotExist) || size > a.checkpoint.Size {
				continue
			}
			if err != nil {
				return err
			}
			what := fmt.Sprintf("the cosigned checkpoint of %d leaves", size)
			c, err := a.open(note)
			if err != nil {
				a.fail("%s: %v", what, err)
				continue
			}
			if !a.checkRoot(ctx, tree, rootSaid{c.Size, c.Root.String(), what}) || policy == nil {
				continue
			}
			found, _, err := policy.Cosigned(note)
			if err != nil {
				a.fail("%s: %v", what, err)
				continue
			}
			a.countCosigned(c.Size, found, policy)
		}
	}
	return nil
}

// witnesses returns the policy by which cosignatures are believed: the trust file's, or
// if it has none the genesis'; nil if neither has one.
func (a *auditor) witnesses() *formats.Policy {
	if policy, err := a.trusted.Witnesses(); err == nil && policy != nil {
		return policy
	}
	if a.admit == nil || a.admit.Registry.WitnessPolicy() == "" {
		return nil
	}
	policy, err := formats.ParsePolicy([]byte(a.admit.Registry.WitnessPolicy()))
	if err != nil {
		return nil // whoever made the genesis wasn't let
	}
	return policy
}

func (a *auditor) open(note []byte) (*formats.Checkpoint, error) {
	log, err := a.trusted.Log()
	if err != nil {
		return nil, err
	}
	return log.OpenCheckpoint(note)
}

// dirsIn returns the names of directories in one that may not be there.
func dirsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// sizesIn returns the sizes that files of a directory are named by, ascending.
func sizesIn(dir, suffix string) ([]uint64, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var sizes []uint64
	for _, f := range files {
		digits, ok := strings.CutSuffix(f.Name(), suffix)
		if size, err := strconv.ParseUint(digits, 10, 63); ok && err == nil && len(digits) == sizeDigits {
			sizes = append(sizes, size)
		}
	}
	return sizes, nil
}

func readOutside(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxOutside {
		return nil, fmt.Errorf("%s has %d bytes: the most is %d", path, info.Size(), maxOutside)
	}
	return os.ReadFile(path)
}
