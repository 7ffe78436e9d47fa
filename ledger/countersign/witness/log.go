package witness

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
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

const (
	logFile      = "log.json"
	stateFile    = "state"
	evidenceDir  = "evidence"
	lockFile     = "lock"
	maxEvidence  = 64 // pairs of files, of each log
	emptyState   = "nothing cosigned yet\n"
	maxOriginLen = 1 << 10
)

// Origin names a log whose checkpoints are cosigned.
type Origin struct {
	Origin string `json:"origin"`
	// Key is the log's verifier key (https://c2sp.org/signed-note). Its name needn't be
	// the origin.
	Key string `json:"key"`
}

// check refuses what no log can have.
func (o Origin) check() error {
	if o.Origin == "" || len(o.Origin) > maxOriginLen || strings.ContainsAny(o.Origin, "\n\r") {
		return fmt.Errorf("origin %.100q: want one line", o.Origin)
	}
	if _, err := note.NewVerifier(o.Key); err != nil {
		return fmt.Errorf("log key %.200q: %w", o.Key, err)
	}
	return nil
}

// dirOf is where the state of a log lies.
func dirOf(dir, origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(dir, hex.EncodeToString(sum[:]))
}

// cosignedLog is one log: what was last cosigned of it. The file "state" is the truth,
// a signed note with the log's signature and ours.
type cosignedLog struct {
	Origin
	dir      string
	verifier note.Verifier
	persist  func(path string, b []byte, mode os.FileMode) error

	mu     sync.Mutex
	latest *formats.Checkpoint // nil: none was cosigned
	// doubt says that the file may be another than latest, or not durable: a write
	// failed. It is read again, and written again before anything is cosigned.
	doubt bool
}

// openLog reads the state of a log. That it isn't there is an error: a witness that
// has forgotten what it cosigned must not go on.
func openLog(dir string, cosigner *formats.Cosigner, persist func(string, []byte, os.FileMode) error) (*cosignedLog, error) {
	b, err := durable.ReadFile(filepath.Join(dir, logFile), maxFile)
	if err != nil {
		return nil, err
	}
	l := &cosignedLog{dir: dir, persist: persist}
	if err := json.Unmarshal(b, &l.Origin); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, logFile), err)
	}
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, logFile), err)
	}
	if l.verifier, err = note.NewVerifier(l.Key); err != nil {
		return nil, err
	}
	if err := l.read(cosigner); err != nil {
		return nil, err
	}
	return l, nil
}

// read takes what was last cosigned from the file. Nothing but what this log and this
// witness signed is believed.
func (l *cosignedLog) read(cosigner *formats.Cosigner) error {
	path := filepath.Join(l.dir, stateFile)
	b, err := durable.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return hinted{fmt.Errorf("%s: what was cosigned of %s is lost", path, l.Origin.Origin), lostHint}
	}
	if err != nil {
		return err
	}
	if string(b) == emptyState {
		l.latest = nil
		return nil
	}
	checkpoint, err := openCheckpoint(b, l.Origin.Origin, l.verifier)
	if err != nil {
		return hinted{fmt.Errorf("%s: %w", path, err), lostHint}
	}
	if own, err := formats.Cosignatures(b, []*formats.Cosigner{cosigner}); err != nil || len(own) != 1 {
		return hinted{fmt.Errorf("%s: it is not cosigned by %s", path, cosigner.Name()), lostHint}
	}
	l.latest = checkpoint
	return nil
}

const lostHint = "don't make it anew or restore it from a copy: a witness that forgets can cosign two histories. Make a new witness, with a new key, and tell the logs"

// size returns that of the last cosigned tree.
func (l *cosignedLog) size() uint64 {
	if l.latest == nil {
		return 0
	}
	return l.latest.Size
}

// openCheckpoint checks a log's signature on a checkpoint. The key's name needn't be
// the origin.
func openCheckpoint(signed []byte, origin string, verifier note.Verifier) (*formats.Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return nil, err
	}
	checkpoint, err := formats.ParseCheckpoint([]byte(n.Text))
	if err != nil {
		return nil, err
	}
	// What follows the root, the specification calls lines that are not empty.
	if c, err := torchwood.ParseCheckpoint(n.Text); err != nil || c.String() != n.Text {
		return nil, errors.New("the checkpoint has empty lines after its root")
	}
	if checkpoint.Origin != origin {
		return nil, fmt.Errorf("the checkpoint has the origin %.100q: want %q", checkpoint.Origin, origin)
	}
	checkpoint.Note = signed
	return checkpoint, nil
}

// keepEvidence keeps a checkpoint that contradicts what was cosigned, or may: the
// request as it came, and what it contradicts. It reports whether there was room.
func (l *cosignedLog) keepEvidence(body []byte) (bool, error) {
	dir := filepath.Join(l.dir, evidenceDir)
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	sum := sha256.Sum256(body)
	name := filepath.Join(dir, hex.EncodeToString(sum[:16]))
	if _, err := os.Stat(name + ".request"); err == nil {
		return true, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	if len(entries) >= 2*maxEvidence {
		return false, nil
	}
	if l.latest != nil {
		if err := durable.WriteFile(name+".cosigned", l.latest.Note, 0o600); err != nil {
			return false, err
		}
	}
	return true, durable.WriteFile(name+".request", body, 0o600)
}

// hinted is an error that says what to do.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint returns what to do about the error.
func (h hinted) Hint() string { return h.hint }
