package witness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Witness cosigns checkpoints of the logs that it was told of. It is safe for
// concurrent use.
type Witness struct {
	dir     string
	signer  *torchwood.CosignatureSigner
	self    *formats.Cosigner
	log     *slog.Logger
	lock    *durable.Held
	persist func(path string, b []byte, mode os.FileMode) error

	mu   sync.Mutex
	logs map[string]*cosignedLog // by origin
}

// Add tells the witness in dir of a log, whether it runs or not. A log that it knows
// already keeps its state and its key.
func Add(dir string, origin Origin) error {
	if err := origin.check(); err != nil {
		return err
	}
	at := dirOf(dir, origin.Origin)
	if b, err := durable.ReadFile(filepath.Join(at, logFile), maxFile); err == nil {
		var known Origin
		if json.Unmarshal(b, &known) == nil && known == origin {
			return fmt.Errorf("%s is cosigned already", origin.Origin)
		}
		return fmt.Errorf("%s is known with another key: a log's key never changes", origin.Origin)
	}
	b, err := json.MarshalIndent(origin, "", "  ")
	if err == nil {
		err = durable.MkdirAll(at, 0o700)
	}
	if err != nil {
		return fmt.Errorf("add a log: %w", err)
	}
	// With log.json, written last, the log is known. A state that is there without it
	// was left by an earlier attempt.
	for _, step := range []func() error{
		func() error { return durable.WriteFile(filepath.Join(at, stateFile), []byte(emptyState), 0o600) },
		func() error { return durable.WriteFile(filepath.Join(at, logFile), append(b, '\n'), 0o600) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("add a log: %w", err)
		}
	}
	return nil
}

// Cosigned is a log as a witness has it.
type Cosigned struct {
	Origin
	// Size and Root are of the last checkpoint that was cosigned; 0 and absent if none
	// was.
	Size uint64     `json:"size"`
	Root *tlog.Hash `json:"root,omitempty"`
	// Evidence counts checkpoints that were refused because they contradict, or may.
	Evidence int `json:"evidence"`
}

// List returns the logs of the witness in dir, by origin.
func List(dir string, cosigner *formats.Cosigner) ([]Cosigned, error) {
	logs, err := openLogs(dir, cosigner, durable.WriteFile)
	if err != nil {
		return nil, err
	}
	list := []Cosigned{}
	for _, l := range logs {
		c := Cosigned{Origin: l.Origin, Size: l.size()}
		if l.latest != nil {
			c.Root = &l.latest.Root
		}
		entries, err := os.ReadDir(filepath.Join(l.dir, evidenceDir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".request") {
				c.Evidence++
			}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Cosigned) int { return strings.Compare(a.Origin.Origin, b.Origin.Origin) })
	return list, nil
}

// Open opens the witness in dir, of which one process at a time can be open.
func Open(dir string, signer *torchwood.CosignatureSigner, log *slog.Logger) (*Witness, error) {
	self, err := formats.NewCosigner(signer.Verifier().String())
	if err != nil {
		return nil, err
	}
	w := &Witness{dir: dir, signer: signer, self: self, log: log, persist: durable.WriteFile}
	if w.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if w.logs, err = openLogs(dir, self, w.write); err != nil {
		w.lock.Close()
		return nil, err
	}
	return w, nil
}

func (w *Witness) write(path string, b []byte, mode os.FileMode) error {
	return w.persist(path, b, mode)
}

// Close lets another process open the witness.
func (w *Witness) Close() error { return w.lock.Close() }

// Key returns the witness's verifier key.
func (w *Witness) Key() string { return w.self.Key() }

func openLogs(dir string, self *formats.Cosigner, persist func(string, []byte, os.FileMode) error) (map[string]*cosignedLog, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open witness: %w", err)
	}
	logs := map[string]*cosignedLog{}
	for _, e := range entries {
		at := filepath.Join(dir, e.Name())
		if !e.IsDir() {
			continue
		}
		l, err := openLog(at, self, persist)
		if errors.Is(err, fs.ErrNotExist) { // its addition was not finished
			continue
		}
		if err == nil && dirOf(dir, l.Origin.Origin) != at {
			err = fmt.Errorf("%s is not where the state of %s lies", at, l.Origin.Origin)
		}
		if err != nil {
			return nil, fmt.Errorf("open witness: %w", err)
		}
		logs[l.Origin.Origin] = l
	}
	return logs, nil
}

// lockDir takes the lock on a witness' directory, see [durable.TryLock].
func lockDir(dir string) (*durable.Held, error) {
	held, err := durable.TryLock(filepath.Join(dir, lockFile))
	switch {
	case errors.Is(err, durable.ErrLocked):
		return nil, fmt.Errorf("lock witness %s: another process has it: does it run already?", dir)
	case err != nil:
		return nil, fmt.Errorf("open witness %s: %w", dir, err)
	}
	return held, nil
}

// find returns a log, also one that was added meanwhile, or nil.
func (w *Witness) find(origin string) (*cosignedLog, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.logs[origin]; l != nil {
		return l, nil
	}
	l, err := openLog(dirOf(w.dir, origin), w.self, w.write)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w.logs[origin] = l
	return l, nil
}

// all returns the logs by origin.
func (w *Witness) all() []*cosignedLog {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*cosignedLog
	for _, l := range w.logs {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b *cosignedLog) int { return strings.Compare(a.Origin.Origin, b.Origin.Origin) })
	return list
}

// What a witness refuses, as https://c2sp.org/tlog-witness tells them apart.
var (
	errMalformed = errors.New("the request is malformed")
	errUnknown   = errors.New("this witness does not cosign that log")
	errSignature = errors.New("the checkpoint is not signed by the log's key")
	errProof     = errors.New("the consistency proof does not hold")
	// errForked is refused as a conflict, and is the log's own doing.
	errForked = errors.New("the log has signed another root of that size before")
)

// errConflict says that the client's old size is not the last cosigned one.
type errConflict struct{ size uint64 }

func (e errConflict) Error() string { return fmt.Sprintf("%d leaves were last cosigned", e.size) }

// AddCheckpoint cosigns the checkpoint in a request, if it continues the last one that
// was cosigned of its log, and returns the cosignature's line. Of one log there is one
// request at a time; what is cosigned is durable before it is returned.
func (w *Witness) AddCheckpoint(body []byte) ([]byte, error) {
	r, err := ParseRequest(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	origin, _, _ := strings.Cut(string(r.Checkpoint), "\n")
	if len(origin) > maxOriginLen {
		return nil, errUnknown
	}
	l, err := w.find(origin)
	switch {
	case err != nil:
		return nil, err
	case l == nil:
		return nil, errUnknown
	}
	checkpoint, err := openCheckpoint(r.Checkpoint, origin, l.verifier)
	var unsigned *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unsigned), errors.As(err, &invalid):
		return nil, fmt.Errorf("%w: %w", errSignature, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	case r.Old > checkpoint.Size:
		return nil, fmt.Errorf("%w: the old size is above the checkpoint's", errMalformed)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.cosign(l, r, checkpoint, body)
}

// cosign goes on with the log's lock.
func (w *Witness) cosign(l *cosignedLog, r *Request, checkpoint *formats.Checkpoint, body []byte) ([]byte, error) {
	if l.doubt {
		if err := l.read(w.self); err != nil {
			return nil, err
		}
	}
	if err := w.compare(l, r, checkpoint); err != nil {
		if errors.Is(err, errForked) || errors.Is(err, errProof) {
			w.keepEvidence(l, checkpoint, body, err)
		}
		return nil, err
	}
	cosigned, line, err := w.sign(l, checkpoint)
	if err != nil {
		return nil, err
	}
	if l.latest != nil && !l.doubt && l.latest.Size == checkpoint.Size {
		return line, nil // the same tree again, at another time
	}
	l.doubt = true
	if err := l.persist(filepath.Join(l.dir, stateFile), cosigned, 0o600); err != nil {
		return nil, fmt.Errorf("keep what is cosigned of %s: %w", l.Origin.Origin, err)
	}
	checkpoint.Note = cosigned
	l.latest, l.doubt = checkpoint, false
	return line, nil
}

// compare holds a checkpoint to the last one that was cosigned.
func (w *Witness) compare(l *cosignedLog, r *Request, checkpoint *formats.Checkpoint) error {
	if r.Old != l.size() {
		if r.Old > l.size() {
			w.log.Warn("a client says that more was cosigned than is remembered here: if that is so, this witness was restored from an old copy and must end",
				"log", l.Origin.Origin, "remembered", l.size(), "client", r.Old)
		}
		// Where the client is mistaken about what was cosigned, two roots of one size are
		// a fork all the same.
		if l.latest != nil && l.latest.Size == checkpoint.Size && l.latest.Root != checkpoint.Root {
			return fmt.Errorf("%w: %w", errForked, errConflict{l.size()})
		}
		return errConflict{l.size()}
	}
	switch {
	case r.Old == 0 && len(r.Proof) > 0:
		return fmt.Errorf("%w: from no leaves there is none", errProof)
	case checkpoint.Size == 0:
		if empty, _ := tlog.TreeHash(0, nil); checkpoint.Root != empty {
			return fmt.Errorf("%w: the root is not that of no leaves", errProof)
		}
	case r.Old == 0:
	case r.Old == checkpoint.Size:
		if checkpoint.Root != l.latest.Root {
			return errForked // no size: the client has that right, and could only ask again
		}
		if len(r.Proof) > 0 {
			return fmt.Errorf("%w: of a tree with itself there is none", errProof)
		}
	default:
		if err := tlog.CheckTree(r.Proof, int64(checkpoint.Size), checkpoint.Root, int64(l.latest.Size), l.latest.Root); err != nil {
			return fmt.Errorf("%w: from %d leaves to %d", errProof, l.latest.Size, checkpoint.Size)
		}
	}
	return nil
}

// sign returns the checkpoint with the log's signature and ours, and no others, and
// the line of ours.
func (w *Witness) sign(l *cosignedLog, checkpoint *formats.Checkpoint) (cosigned, line []byte, err error) {
	n, err := note.Open(checkpoint.Note, note.VerifierList(l.verifier))
	if err != nil {
		return nil, nil, err
	}
	n.UnverifiedSigs = nil
	alone, err := note.Sign(n)
	if err != nil {
		return nil, nil, err
	}
	if cosigned, err = note.Sign(n, w.signer); err != nil {
		return nil, nil, fmt.Errorf("cosign: %w", err)
	}
	line, ok := bytes.CutPrefix(cosigned, alone)
	if !ok {
		return nil, nil, errors.New("cosign: the signed note is another")
	}
	return cosigned, line, nil
}

// keepEvidence keeps a request that was refused for its tree.
func (w *Witness) keepEvidence(l *cosignedLog, checkpoint *formats.Checkpoint, body []byte, why error) {
	kept, err := l.keepEvidence(body)
	w.log.Error("a checkpoint was refused that its log has signed", "log", l.Origin.Origin, "size", checkpoint.Size,
		"cosigned", l.size(), "why", why, "kept", kept && err == nil, "error", err)
}
