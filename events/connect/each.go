package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/saksi-ledger/saksi/events"
)

const (
	// MaxDamage is how many damaged places are named; the others are counted.
	MaxDamage = 100
	// maxForeign is after how many records of another system, and not one of its
	// own, a file is read no further.
	maxForeign = 10_000
	// progressEvery is after how many records progress is told.
	progressEvery = 1000
)

// Account says what became of the records of some logs. Records is the sum of
// Mapped, Silent, Others and Damaged; what followed where a file could be read no
// further isn't counted, as nobody knows how much it was.
type Account struct {
	Files   int      `json:"files"`
	Skipped []string `json:"skipped,omitempty"` // files that are no logs
	Records int      `json:"records"`
	Mapped  int      `json:"mapped"`  // records that became events
	Events  int      `json:"events"`  // that they became
	Silent  int      `json:"notices"` // records about which there is nothing to say
	Others  int      `json:"others"`  // records of other systems
	Damaged int      `json:"damaged"` // records that can't be read
	// Places is how many places are damaged or foreign; Damage names the first
	// [MaxDamage] of them.
	Places int      `json:"places"`
	Damage []string `json:"damage,omitempty"`
}

// Progress is how far reading has come, in bytes of files as they lie on disk.
type Progress struct {
	Bytes, TotalBytes int64
	Events            int
}

// Each calls use with each record of the logs in paths (see [Files]) and the
// drafts made of it, and says what became of all records. What can't be read is
// counted and left out. An error, use's own included, means that reading did not
// come to its end. progress may be nil.
func Each(ctx context.Context, c Connector, paths []string, progress func(Progress), use func(Record, []events.Draft) error) (Account, error) {
	e := &each{ctx: ctx, connector: c, progress: progress, use: use}
	files, skipped, err := Files(paths, c.Files)
	e.Skipped = skipped
	if err != nil {
		return e.Account, err
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			e.far.TotalBytes += info.Size()
		}
	}
	for _, file := range files {
		if err := e.file(file); err != nil {
			return e.Account, err
		}
	}
	return e.Account, nil
}

// each is one pass over some files.
type each struct {
	Account
	ctx       context.Context
	connector Connector
	progress  func(Progress)
	use       func(Record, []events.Draft) error
	far       Progress

	// Of the file that is read: damage that is still growing, the first record of
	// another system and why it is one, and how many there were of which kind.
	left           *DamageError
	foreign        *DamageError
	kind           string
	ofFile, others int
}

func (e *each) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	defer f.Close()
	e.Files++
	e.left, e.foreign, e.ofFile, e.others = nil, nil, 0, 0
	counted := &counter{r: f, n: &e.far.Bytes}
	for record, err := range Read(counted, name, e.connector.Format()) {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		if err := e.record(record, err); err != nil {
			return err
		}
		if e.others == maxForeign && e.others == e.ofFile {
			e.foreign.Ended = true
			break
		}
		if e.Records%progressEvery == 0 {
			e.tell()
		}
	}
	e.flush()
	if e.foreign != nil {
		e.damage(e.otherError())
	}
	e.tell()
	return nil
}

// record accounts for a record, or for damage that the reader has found.
func (e *each) record(record Record, err error) error {
	if err != nil {
		e.flush()
		if damage, ok := errors.AsType[*DamageError](err); ok {
			e.Records += damage.Count
			e.ofFile += damage.Count
			e.Damaged += damage.Count
		}
		e.damage(err)
		return nil
	}
	e.Records++
	e.ofFile++
	drafts, err := e.connector.Draft(record.Raw)
	switch {
	case errors.Is(err, ErrOther):
		e.Others++
		if e.others++; e.foreign == nil {
			e.foreign = &DamageError{File: record.File, Line: record.Line, Offset: record.Offset, Err: err}
			e.kind = looksLike(record.Raw)
		}
	case errors.Is(err, ErrNoEvent):
		e.Silent++
	case err != nil:
		e.Damaged++
		if e.left == nil || e.left.Err.Error() != err.Error() {
			e.flush()
			e.left = &DamageError{File: record.File, Line: record.Line, Offset: record.Offset, Err: err}
		}
		e.left.Count++
		return nil
	default:
		e.Mapped++
		e.Events += len(drafts)
		if err := e.use(record, drafts); err != nil {
			return err
		}
	}
	e.flush()
	return nil
}

// flush names the damage that has ended.
func (e *each) flush() {
	if e.left != nil {
		e.damage(e.left)
		e.left = nil
	}
}

func (e *each) damage(err error) {
	if e.Places++; len(e.Damage) < MaxDamage {
		e.Damage = append(e.Damage, err.Error())
	}
}

// otherError says of a file that records of another system are in it.
func (e *each) otherError() error {
	what := fmt.Sprintf("%d of its %d records are", e.others, e.ofFile)
	switch {
	case e.foreign.Ended:
		what = fmt.Sprintf("its first %d records are", e.others)
	case e.others == e.ofFile && e.others == 1:
		what = "its record is"
	case e.others == e.ofFile:
		what = fmt.Sprintf("its %d records are", e.others)
	case e.others == 1:
		what = fmt.Sprintf("1 of its %d records is", e.ofFile)
	}
	text := fmt.Sprintf("%s is refused: %s not of %s", e.foreign.File, what, e.connector.System())
	if e.others < e.ofFile {
		text = fmt.Sprintf("%s is refused in part: %s not of %s", e.foreign.File, what, e.connector.System())
	}
	why := e.foreign.Err.Error()
	if _, after, ok := strings.Cut(why, ErrOther.Error()+": "); ok {
		why = after
	}
	text += fmt.Sprintf(" (line %d: %s", e.foreign.Line, why)
	if e.kind != "" {
		text += "; it looks like " + article(e.kind)
	}
	text += ")"
	if e.foreign.Ended {
		text += "; nothing was read from there on"
	}
	return errors.New(text)
}

func (e *each) tell() {
	if e.progress != nil {
		e.far.Events = e.Events
		e.progress(e.far)
	}
}

// counter counts what is read of a file.
type counter struct {
	r io.Reader
	n *int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	return n, err
}
