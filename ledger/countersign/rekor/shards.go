package rekor

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/paths"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const (
	shardsDir   = "shards"
	shardSuffix = ".jsonl"
	// shardBytes is how long a shard's file becomes before it is begun anew. The one
	// before it stays, as long.
	shardBytes = 8 << 20
	shardAside = ".before" + shardSuffix
	maxStep    = 256 << 10
)

// Shard is one tree of a Rekor's, of which version 1 has several, as far as anchors have
// shown it: each of its checkpoints is proven to continue the one before.
type Shard struct {
	Origin string
	// Steps counts the checkpoints that are kept, each larger than the one before.
	Steps int
	// Newest is the largest.
	Newest *formats.Checkpoint
}

// step is a line of a shard's file: a checkpoint of the Rekor's, and the proof that it
// continues the one of the line before.
type step struct {
	Checkpoint string   `json:"checkpoint"`
	From       uint64   `json:"from,omitempty"`   // size of the one before; 0 in the first line
	Hashes     []string `json:"hashes,omitempty"` // RFC 6962, 2.1.2, base64
}

func (s *step) proof() (tlog.TreeProof, error) {
	var proof tlog.TreeProof
	for _, text := range s.Hashes {
		b, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(b) != tlog.HashSize {
			return nil, errors.New("a hash is not the base64 of 32 bytes")
		}
		proof = append(proof, tlog.Hash(b))
	}
	return proof, nil
}

func shardName(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:16])
}

// ReadShards reads what is kept of a Rekor's trees in dir, which is [DirName] in a
// ledger's directory, and checks all of it: every checkpoint is signed by the Rekor, and
// continues the one before it.
func ReadShards(dir, name string, trusted *verify.TrustedRekor) ([]Shard, error) {
	files, err := os.ReadDir(filepath.Join(dir, name, shardsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the Rekor %s: %w", name, err)
	}
	var shards []Shard
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), shardSuffix) || strings.HasSuffix(f.Name(), shardAside) || f.Name()[0] == '.' {
			continue
		}
		s, _, err := readShard(filepath.Join(dir, name, shardsDir, f.Name()), trusted)
		if err != nil {
			return nil, fmt.Errorf("the Rekor %s: %s: %w", name, f.Name(), err)
		}
		if s != nil {
			shards = append(shards, *s)
		}
	}
	slices.SortFunc(shards, func(a, b Shard) int { return strings.Compare(a.Origin, b.Origin) })
	return shards, nil
}

// readShard reads one, and how many bytes of its file are whole lines. It returns nil if
// there is none.
func readShard(path string, trusted *verify.TrustedRekor) (*Shard, int64, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, shardBytes+2*maxStep))
	if err != nil {
		return nil, 0, err
	}
	// A line that a crash cut short was followed by nothing.
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	s := &Shard{}
	for line := range bytes.Lines(b) {
		var next step
		if err := json.Unmarshal(line, &next); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", s.Steps+1, err)
		}
		c, err := trusted.OpenCheckpoint([]byte(next.Checkpoint))
		if err == nil {
			err = s.take(c, &next)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", s.Steps+1, err)
		}
	}
	if s.Steps == 0 {
		return nil, 0, nil
	}
	return s, int64(len(b)), nil
}

// take checks that a checkpoint continues what was kept before.
func (s *Shard) take(c *formats.Checkpoint, next *step) error {
	if s.Steps == 0 {
		if next.From != 0 || len(next.Hashes) > 0 {
			return errors.New("it is the first, and has a proof")
		}
		s.Origin, s.Newest, s.Steps = c.Origin, c, 1
		return nil
	}
	proof, err := next.proof()
	switch {
	case err != nil:
		return err
	case c.Origin != s.Origin || next.From != s.Newest.Size || c.Size <= s.Newest.Size:
		return fmt.Errorf("a tree of %d of %s does not follow one of %d of %s", c.Size, c.Origin, s.Newest.Size, s.Origin)
	}
	if s.Newest.Size > 0 {
		if err := tlog.CheckTree(proof, int64(c.Size), c.Root, int64(s.Newest.Size), s.Newest.Root); err != nil {
			return fmt.Errorf("it isn't proven that the tree of %d contains that of %d", c.Size, s.Newest.Size)
		}
	}
	s.Newest = c
	s.Steps++
	return nil
}

// openShard is a shard's file, and how many bytes of it are whole lines.
type openShard struct {
	*Shard
	whole int64
}

// keepStep makes it durable that newer continues older, which was the newest until now;
// nil if newer is the first.
func (l *worker) keepStep(older, newer *formats.Checkpoint, proof tlog.TreeProof) error {
	dir := filepath.Join(l.config.Dir, l.rekor.Name, shardsDir)
	path := filepath.Join(dir, shardName(newer.Origin)+shardSuffix)
	there := l.shards[newer.Origin]
	// After a failed write it isn't known what the file has.
	delete(l.shards, newer.Origin)
	if there == nil {
		s, whole, err := readShard(path, &l.rekor.Trusted)
		if err == nil && s != nil {
			there = &openShard{s, whole}
		}
	}
	var lines []byte
	fresh := there == nil || there.whole > shardBytes || older == nil || there.Newest.Size != older.Size || there.Newest.Root != older.Root
	if fresh {
		there = &openShard{Shard: &Shard{}}
	}
	if fresh && older != nil {
		first := &step{Checkpoint: string(older.Note)}
		if err := there.take(older, first); err != nil {
			return fmt.Errorf("keep the Rekor's checkpoints: %w", err)
		}
		lines = appendStep(lines, first)
	}
	next := &step{Checkpoint: string(newer.Note)}
	if older != nil {
		next.From = older.Size
		for _, h := range proof {
			next.Hashes = append(next.Hashes, base64.StdEncoding.EncodeToString(h[:]))
		}
	}
	if err := there.take(newer, next); err != nil {
		return fmt.Errorf("keep the Rekor's checkpoints: %w", err)
	}
	lines = appendStep(lines, next)
	err := durable.MkdirAll(dir, 0o755)
	if err == nil {
		err = writeSteps(path, lines, fresh, there.whole)
	}
	if err != nil {
		return fmt.Errorf("keep the Rekor's checkpoints: %w", err)
	}
	there.whole += int64(len(lines))
	l.shards[newer.Origin] = there
	return nil
}

func appendStep(b []byte, s *step) []byte {
	line, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and a number
	}
	return append(append(b, line...), '\n')
}

// writeSteps appends lines after the whole ones, or begins the file anew and lays the
// one before aside. It is durable when writeSteps returns.
func writeSteps(path string, lines []byte, fresh bool, whole int64) error {
	if fresh {
		aside := strings.TrimSuffix(path, shardSuffix) + shardAside
		if err := durable.Rename(path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return durable.WriteFile(path, lines, 0o644)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := f.Truncate(whole); err != nil {
		f.Close()
		return err
	}
	_, err = f.WriteAt(lines, whole)
	return errors.Join(err, f.Sync(), f.Close())
}

// recallShards takes up what the last process knew of the Rekor's trees. What doesn't
// hold is no ground to stand on, and is said.
func (l *worker) recallShards() {
	files, err := paths.List(filepath.Join(l.config.Dir, l.rekor.Name, shardsDir), "", shardSuffix)
	if err != nil {
		return
	}
	for _, path := range files {
		if strings.HasSuffix(path, shardAside) {
			continue
		}
		s, whole, err := readShard(path, &l.rekor.Trusted)
		if err != nil {
			l.log.Warn("what was kept of the Rekor's tree does not hold, and is laid aside with the next anchor", "file", path, "error", err)
			continue
		}
		if s == nil || filepath.Base(path) != shardName(s.Origin)+shardSuffix {
			continue
		}
		l.seen[s.Origin], l.shards[s.Origin] = s.Newest, &openShard{s, whole}
	}
}
