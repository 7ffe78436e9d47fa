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
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Anchors says what Rekors hold of the tree.
type Anchors struct {
	// Checked counts those that hold by the trust file, Independent those of them whose
	// Rekor it calls so.
	Checked     uint64 `json:"checked"`
	Independent uint64 `json:"independent"`
	// Unknown counts those in Rekors that the trust file doesn't name: only the
	// checkpoint was checked.
	Unknown uint64 `json:"unknown"`
	// Recorded counts the leaves that record an anchor, Missing those of them whose
	// entry isn't there.
	Recorded uint64 `json:"recorded"`
	Missing  uint64 `json:"missing"`
	// Size is that of the largest checkpoint that holds in a Rekor.
	Size uint64 `json:"size"`
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
	noteSuffix  = ".note"
)

// record takes what the ledger's own leaves say of anchors and cosignatures.
func (a *auditor) record(leaf *verify.Leaf, e *events.Envelope) {
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
	found, err := verify.RecordedCosignatures(a.checkpoint.Origin, said, policy.Cosigners())
	if err != nil {
		a.fail("leaf %d records cosignatures that do not hold: %v", index, err)
		return
	}
	a.roots = append(a.roots, rootSaid{uint64(said.Size), said.Root, fmt.Sprintf("leaf %d, which records cosignatures,", index)})
	a.countCosigned(uint64(said.Size), found, policy)
}

func (a *auditor) countCosigned(size uint64, found []verify.Cosignature, policy *verify.Policy) {
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
	entries, err := a.checkAnchors(ctx, tree)
	if err != nil {
		return fmt.Errorf("audit: read the anchors: %w", err)
	}
	for _, digest := range a.anchored {
		if !entries[digest] {
			a.report.Anchors.Missing++
		}
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

// checkAnchors checks all anchors that lie there, and returns the digests of their
// entries.
func (a *auditor) checkAnchors(ctx context.Context, tree *tiles.Head) (map[string]bool, error) {
	entries := map[string]bool{}
	err := a.each(ctx, "anchors", entrySuffix, func(rekor string, size uint64, base string) error {
		return a.checkAnchor(ctx, tree, rekor, size, base, entries)
	})
	return entries, err
}

func (a *auditor) checkAnchor(ctx context.Context, tree *tiles.Head, rekor string, size uint64, base string, entries map[string]bool) error {
	entry, err := readOutside(base + entrySuffix)
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
	entries[events.DigestOf(entry).String()] = true
	what := fmt.Sprintf("the anchor of %d leaves in %s", size, rekor)
	c, err := a.open(note)
	if err != nil {
		a.fail("%s: %v", what, err)
		return nil
	}
	if !a.checkRoot(ctx, tree, rootSaid{c.Size, c.Root.String(), what}) {
		return nil
	}
	anchor, err := a.trust.VerifyAnchor(a.trusted, entry, note)
	switch {
	case errors.Is(err, verify.ErrUnknownRekor):
		a.report.Anchors.Unknown++
	case err != nil:
		a.fail("%s: %v", what, err)
	default:
		a.report.Anchors.Checked++
		a.report.Anchors.Size = max(a.report.Anchors.Size, c.Size)
		if anchor.Independent && (a.trusted.Owner == "" || anchor.Owner != a.trusted.Owner) {
			a.report.Anchors.Independent++
		}
	}
	return nil
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

func (a *auditor) open(note []byte) (*verify.Checkpoint, error) {
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
