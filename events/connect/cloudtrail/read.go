package cloudtrail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxRecord is the largest record that is read, in bytes. CloudTrail itself
	// stays below a quarter of it, or one megabyte where records are enriched.
	MaxRecord = 1 << 20
	// MaxDepth is how deep a record may be nested.
	MaxDepth = 100
)

// Record is one native record.
type Record struct {
	// Raw is the record as it stands in the log: a JSON object in UTF-8 without
	// duplicate names, at most [MaxRecord] bytes, nested at most [MaxDepth]
	// deep. It belongs to whoever got it.
	Raw []byte
	// File is the name it was read under. Line counts from 1, Offset from 0, both
	// in the decompressed content.
	File   string
	Line   int
	Offset int64
}

// DamageError is a place in a log that could not be read.
type DamageError struct {
	// File, Line and Offset say where it begins, as in [Record].
	File   string
	Line   int
	Offset int64
	// Count is how many lines, or elements of a list, were left out in a row
	// here. It is 0 if something is wrong with the file rather than with one of
	// its records.
	Count int
	// Ended says that reading stopped here and that more may have followed.
	Ended bool
	// Err is what is wrong with the first of them.
	Err error
}

// Error says what is wrong, where, and what was left out.
func (e *DamageError) Error() string {
	rest := ""
	switch {
	case e.Ended:
		rest = "; nothing was read from there on"
	case e.Count > 1:
		rest = fmt.Sprintf("; left out, with %d more after it", e.Count-1)
	case e.Count == 1:
		rest = "; left out"
	}
	return fmt.Sprintf("CloudTrail log %s is damaged at line %d, byte %d: %v%s", e.File, e.Line, e.Offset, e.Err, rest)
}

// Unwrap returns e.Err.
func (e *DamageError) Unwrap() error { return e.Err }

// Records reads a log file, plain or gzip, as [Read] does. A file that can't be
// opened yields one error that is not a *[DamageError]. The file is open while
// the loop runs.
func Records(file string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := os.Open(file)
		if err != nil {
			yield(Record{}, fmt.Errorf("read CloudTrail log: %w", err))
			return
		}
		defer f.Close()
		Read(f, file)(yield)
	}
}

// Read reads records in the order in which they stand in r. Content is, plain
// or as one gzip member, one or more of
//
//	{"Records":[…]}   as CloudTrail delivers it
//	[…]               a bare list of records
//
// or JSON Lines: each line one record.
//
// A damaged place yields a *[DamageError], whose File is name, instead of a
// record:
//
//   - A line that isn't one record is left out; the next line stands for itself.
//   - In a list, an element that is well-formed JSON but not a record, or too
//     large, too deep, ambiguous (duplicate names) or not UTF-8, is left out.
//     Where the syntax itself is broken, reading ends: behind a lost quotation
//     mark, what a stranger wrote into a string would be read as a record.
//   - At the end of a cut off file or gzip stream, what was whole stays read.
//   - Bytes after the first gzip member, a wrong checksum and a file without
//     anything in it are reported, too.
//
// Memory is bounded by about two [MaxRecord], whatever r holds. The sequence can be
// used once, as r can.
func Read(r io.Reader, name string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		(&reader{name: name, yield: yield}).run(r)
	}
}

// reader is one pass over one log.
type reader struct {
	*input
	name  string
	yield func(Record, error) bool

	grammar grammar
	keep    []byte
	// left is the damage that is still growing: what follows may belong to it.
	left *DamageError
}

// place is where something begins.
type place struct {
	line   int
	offset int64
}

func (r *reader) here() place { return place{r.line, r.offset} }

func (r *reader) run(from io.Reader) {
	var err error
	if r.input, err = newInput(from); err != nil {
		r.input = &input{line: 1}
		r.end(r.here(), err)
		return
	}
	if b, _ := r.r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		r.skip(3) // a byte order mark, as some editors leave it
	}
	c, err := r.space()
	if err == io.EOF {
		err = errors.New("it is empty, and holds not even an empty list")
	}
	if err != nil {
		r.end(r.here(), err)
		return
	}
	// What comes first says what a log is made of. In JSON Lines, a line that
	// happens to begin with a bracket is a damaged line and no list.
	thing := r.lineRecord
	if _, ok := r.wrapper(); ok || c == '[' {
		thing = r.wholeList
	}
	for thing() {
		switch _, err := r.space(); err {
		case nil:
		case io.EOF:
			r.flush()
			return
		default:
			r.end(r.here(), err)
			return
		}
	}
}

// wholeList reads {"Records":[…]} or […]. Like all that read something, it
// reports whether to go on.
func (r *reader) wholeList() bool {
	if b, _ := r.r.Peek(1); b[0] == '[' {
		r.skip(1)
		return r.list()
	}
	n, ok := r.wrapper()
	if !ok {
		return r.end(r.here(), errors.New("want the end, or another list of records"))
	}
	r.skip(n)
	if !r.list() {
		return false
	}
	c, err := r.space()
	if err == nil && c != '}' {
		err = errors.New("want } after the list of records")
	}
	if err != nil {
		return r.end(r.here(), cutOff(err))
	}
	r.skip(1)
	return true
}

// lineRecord reads a line, which must be one record.
func (r *reader) lineRecord() bool {
	at := r.here()
	size, how, err := r.element(true)
	if err != nil {
		return r.end(at, cutOff(err))
	}
	column := size
	if how == ended {
		n, last, err := r.spaceInLine()
		if last || err != nil {
			// A record that is whole counts even if nothing can be read after it.
			return r.record(at, size) && (err == nil || r.end(r.here(), err))
		}
		column += n
	}
	r.leaveOut(at, fmt.Errorf("byte %d of this line can't stand there: want one record on one line", column+1))
	if err := r.restOfLine(); err != nil && err != io.EOF {
		return r.end(r.here(), err)
	}
	return true
}

// list reads elements until the closing bracket, and that too.
func (r *reader) list() bool {
	for first := true; ; first = false {
		c, err := r.space()
		if err != nil {
			return r.end(r.here(), cutOff(err))
		}
		switch {
		case c == ']':
			r.skip(1)
			return true
		case first:
		case c == ',':
			r.skip(1)
			if _, err := r.space(); err != nil {
				return r.end(r.here(), cutOff(err))
			}
		default:
			return r.end(r.here(), errors.New("want , or ] after a record"))
		}
		at := r.here()
		size, how, err := r.element(false)
		switch {
		case err != nil:
			return r.end(at, cutOff(err))
		case how == wrong:
			return r.end(at, fmt.Errorf("broken JSON %d bytes into a record", size))
		case !r.record(at, size):
			return false
		}
	}
}

// element consumes the next value, into r.keep.
func (r *reader) element(oneLine bool) (size int64, how progress, err error) {
	r.grammar.reset(oneLine)
	r.keep, size, how, err = r.value(&r.grammar, r.keep)
	return size, how, err
}

// record yields the value in r.keep, or leaves it out if it can't be a record.
func (r *reader) record(at place, size int64) bool {
	if err := r.check(size); err != nil {
		r.leaveOut(at, err)
		return true
	}
	return r.flush() && r.yield(Record{Raw: bytes.Clone(r.keep), File: r.name, Line: at.line, Offset: at.offset}, nil)
}

// check looks at a value whose syntax is right.
func (r *reader) check(size int64) error {
	switch {
	case r.keep[0] != '{':
		return errors.New("want a record, which is a JSON object")
	case size > MaxRecord:
		return fmt.Errorf("a record of %d bytes: the most is %d", size, MaxRecord)
	case r.grammar.deepest > MaxDepth:
		return fmt.Errorf("a record nested %d deep: the most is %d", r.grammar.deepest, MaxDepth)
	case !jsontext.Value(r.keep).IsValid():
		return errors.New("a record that is not UTF-8, or has the same name twice in one object")
	}
	return nil
}

// leaveOut notes that what begins at a place was not a record.
func (r *reader) leaveOut(at place, err error) {
	if r.left == nil {
		r.left = &DamageError{File: r.name, Line: at.line, Offset: at.offset, Err: err}
	}
	r.left.Count++
}

// flush yields the damage that has ended, and reports whether to go on.
func (r *reader) flush() bool {
	if r.left == nil {
		return true
	}
	err := r.left
	r.left = nil
	return r.yield(Record{}, err)
}

// end yields the damage at which reading stops. It returns false, for its
// callers to return.
func (r *reader) end(at place, err error) bool {
	if r.flush() {
		r.yield(Record{}, &DamageError{File: r.name, Line: at.line, Offset: at.offset, Ended: true, Err: err})
	}
	return false
}

// cutOff says what the end of a file means in the middle of a record or a list.
func cutOff(err error) error {
	if err == io.EOF {
		return fmt.Errorf("the file ends in the middle: %w", io.ErrUnexpectedEOF)
	}
	return err
}
