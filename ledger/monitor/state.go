package monitor

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/paths"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const (
	stateFile      = "state.json"
	hashesFile     = "hashes"
	lockFile       = "lock"
	checkpointsDir = "checkpoints"
	forkPattern    = "fork-%020d-%020d-%%s.saksi-fork"
	orderPattern   = "order-%020d-%%s.saksi-order"

	maxState = 8 << 20
	// maxPending bounds the checkpoints of a tree that wait to be compared, maxProofs
	// the proofs that are written.
	maxPending = 64
	maxProofs  = 64
)

// state is what is kept of one tree. The file is replaced whole, after the hashes that
// it speaks of are durable.
type state struct {
	Origin string `json:"origin"`
	Key    string `json:"key"`
	// Checkpoint is the newest that is proven to continue all before it, as it was
	// signed, and Seen when it came.
	Checkpoint string    `json:"checkpoint"`
	Seen       time.Time `json:"seen"`
	// Read is how many of its leaves were read: their hashes are kept. Proven is the
	// newest checkpoint that Read covers, and Last the last leaf that was read.
	Read   uint64        `json:"read"`
	Proven string        `json:"proven,omitempty"`
	Last   string        `json:"last,omitempty"`
	Leaf   *formats.Leaf `json:"-"`
	// Anchored is the largest checkpoint that was looked at, by Rekor, and Cosigned the
	// largest with a quorum.
	Anchored map[string]uint64 `json:"anchored,omitempty"`
	Cosigned uint64            `json:"cosigned,omitempty"`
	// Believed is the largest checkpoint that holds in a Rekor of the trust file, by its
	// origin there. Spoken is the number of leaves up to the last that isn't the ledger's
	// own, and WaitsSince since when some of them have waited to be anchored.
	Believed   map[string]uint64 `json:"believed,omitempty"`
	Spoken     uint64            `json:"spoken,omitempty"`
	WaitsSince time.Time         `json:"waitsSince,omitzero"`
	// Pending are signed checkpoints that can't be compared yet.
	Pending []string `json:"pending,omitempty"`
	// Unproven are leaves out of order over which there was an alarm without proof.
	Unproven []outOfOrder `json:"unproven,omitempty"`
	// Alarms are what was found and can't be taken back.
	Alarms []Sighting `json:"alarms,omitempty"`
}

// kept is one tree that is watched. It belongs to one goroutine.
type kept struct {
	dir     string
	log     *formats.Log
	trusted *verify.TrustedLedger
	persist func(path string, b []byte) error

	state
	newest *formats.Checkpoint // of state.Checkpoint; nil before the first
	proven *formats.Checkpoint // of state.Proven; nil before the first
	hashes *hashes
}

// dirOf is where a tree's state lies.
func dirOf(dir, origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(dir, hex.EncodeToString(sum[:16]))
}

// openKept opens what is kept of a tree, or begins.
func openKept(dir string, trusted *verify.TrustedLedger) (*kept, error) {
	log, err := trusted.Log()
	if err != nil {
		return nil, err
	}
	k := &kept{dir: dirOf(dir, trusted.Origin), log: log, trusted: trusted, persist: func(path string, b []byte) error { return durable.WriteFile(path, b, 0o600) }}
	if err := durable.MkdirAll(filepath.Join(k.dir, checkpointsDir), 0o700); err != nil {
		return nil, fmt.Errorf("open the monitor's directory: %w", err)
	}
	b, err := durable.ReadFile(filepath.Join(k.dir, stateFile), maxState)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := k.begin(); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		if err := k.recall(b); err != nil {
			return nil, hinted{fmt.Errorf("%s: %w", filepath.Join(k.dir, stateFile), err), damagedHint}
		}
	}
	if k.Anchored == nil {
		k.Anchored = map[string]uint64{}
	}
	if k.Believed == nil {
		k.Believed = map[string]uint64{}
	}
	if k.hashes, err = openHashes(filepath.Join(k.dir, hashesFile), k.Read); err != nil {
		return nil, hinted{fmt.Errorf("what is kept of %s: %w", trusted.Origin, err), damagedHint}
	}
	if err := k.checkHashes(); err != nil {
		k.hashes.close()
		return nil, hinted{fmt.Errorf("what is kept of %s: %w", trusted.Origin, err), damagedHint}
	}
	return k, nil
}

// begin makes a tree's state, before anything else is kept of it: where there is something
// and no state, that was lost.
func (k *kept) begin() error {
	var left []string
	for _, dir := range []string{k.dir, filepath.Join(k.dir, checkpointsDir)} {
		found, err := paths.List(dir, "", "")
		if err != nil {
			return err
		}
		for _, path := range found {
			name := filepath.Base(path)
			if dir != k.dir || name == hashesFile || strings.Contains(name, ".saksi-") {
				left = append(left, path)
			}
		}
	}
	if len(left) > 0 {
		return hinted{fmt.Errorf("%s is missing, and %s is there", filepath.Join(k.dir, stateFile), left[0]), damagedHint}
	}
	k.state = state{Origin: k.trusted.Origin, Key: k.trusted.Key}
	b, err := json.MarshalIndent(k.state, "", "  ")
	if err == nil {
		err = durable.WriteFile(filepath.Join(k.dir, stateFile), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the monitor's state: %w", err)
	}
	return nil
}

const damagedHint = "what the monitor kept is damaged: keep the directory, its checkpoints are signed, and begin in another one"

// recall reads the state. Signatures are checked again: the file is no ground to
// believe the ledger on.
func (k *kept) recall(b []byte) error {
	if err := json.Unmarshal(b, &k.state); err != nil {
		return err
	}
	if k.Key != k.trusted.Key {
		return fmt.Errorf("it is about the key %.100s, and the trust file has %s", k.Key, k.trusted.Key)
	}
	var err error
	if k.Checkpoint != "" {
		if k.newest, err = k.log.OpenCheckpoint([]byte(k.Checkpoint)); err != nil {
			return err
		}
	}
	if k.Proven != "" {
		if k.proven, err = k.log.OpenCheckpoint([]byte(k.Proven)); err != nil {
			return err
		}
	}
	if k.Last != "" {
		if k.Leaf, err = formats.ParseLeaf([]byte(k.Last)); err != nil {
			return err
		}
	}
	if k.newest == nil && k.Read > 0 || k.newest != nil && k.Read > k.newest.Size || k.proven != nil && k.proven.Size > k.Read {
		return errors.New("its sizes can't be")
	}
	return nil
}

// checkHashes holds the kept hashes to what the log signed.
func (k *kept) checkHashes() error {
	if err := k.hashes.check(); err != nil || k.proven == nil {
		return err
	}
	root, err := k.hashes.root(k.proven.Size)
	if err == nil && root != k.proven.Root {
		err = fmt.Errorf("the hashes of %d leaves do not have the root that was signed", k.proven.Size)
	}
	return err
}

// save makes hashes and state durable, in this order.
func (k *kept) save() error {
	if err := k.hashes.sync(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(k.state, "", "  ")
	if err == nil {
		err = k.persist(filepath.Join(k.dir, stateFile), append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keep the monitor's state: %w", err)
	}
	return nil
}

// note appends a checkpoint to the day's file, for people: that one of what was seen
// and when. It is durable before the state is.
func (k *kept) note(c *formats.Checkpoint, from string, now time.Time) error {
	path := filepath.Join(k.dir, checkpointsDir, now.UTC().Format(time.DateOnly)+".notes")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep a checkpoint: %w", err)
	}
	_, err = fmt.Fprintf(f, "# %s %q\n%s\n", now.UTC().Format(time.RFC3339), from, c.Note)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep a checkpoint: %w", err)
	}
	return nil
}

// wait keeps a signed checkpoint that can't be compared yet. It reports whether it is
// a new one.
func (k *kept) wait(c *formats.Checkpoint) bool {
	for _, note := range k.Pending {
		if other, err := k.log.OpenCheckpoint([]byte(note)); err == nil && other.Size == c.Size && other.Root == c.Root {
			return false
		}
	}
	if len(k.Pending) >= maxPending {
		k.Pending = k.Pending[1:]
	}
	k.Pending = append(k.Pending, string(c.Note))
	return true
}

// keepProof writes proof against the ledger to a file whose name has a part of its digest,
// and returns its path.
func (k *kept) keepProof(pattern string, text []byte) (string, error) {
	sum := sha256.Sum256(text)
	path := filepath.Join(k.dir, fmt.Sprintf(pattern, hex.EncodeToString(sum[:4])))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if len(k.Alarms) >= maxProofs {
		return k.Alarms[0].Proof, nil
	}
	if err := k.persist(path, text); err != nil {
		return "", fmt.Errorf("keep proof against the ledger: %w", err)
	}
	return path, nil
}

// lockDir takes the lock on a monitor's directory, see [durable.TryLock].
func lockDir(dir string) (*durable.Held, error) {
	held, err := durable.TryLock(filepath.Join(dir, lockFile))
	switch {
	case errors.Is(err, durable.ErrLocked):
		return nil, fmt.Errorf("lock %s: another monitor uses it", dir)
	case err != nil:
		return nil, fmt.Errorf("open the monitor's directory %s: %w", dir, err)
	}
	return held, nil
}

// hinted is an error that says what to do.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint returns what to do about the error.
func (h hinted) Hint() string { return h.hint }
