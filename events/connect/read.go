package connect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"regexp"

	"github.com/go-json-experiment/json/jsontext"
)

// Records reads a log file as [Read] does. A file that can't be opened yields one
// error that is not a *[DamageError]. The file is open while the loop runs.
func Records(file string, format Format) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := os.Open(file)
		if err != nil {
			yield(Record{}, fmt.Errorf("read log: %w", err))
			return
		}
		defer f.Close()
		Read(f, file, format)(yield)
	}
}

// Read reads records in the order in which they stand in r. Content is plain, or
// any number of gzip members or of zstd frames, with or without a byte order
// mark, and is one of
//
//	JSON Lines     each line one record, or several
//	objects        one after the other, printed over several lines
//	[…]            a list of records
//	CSV            rows of fields, where format has it
//
// An object may wrap records, unless format is Bare. These are taken out of it:
//
//	"Records", "records"            a list of records, wherever it stands in the object
//	"Events", "events", "logEvents" a list of objects, likewise
//	"detail"                        beside "detail-type": EventBridge
//	"CloudTrailEvent"               a record as a string: lookup-events
//	"event"                         a record as a string, alone or in "contents": Simple Log Service
//	"message", "@message"           a record as a string, beside a time or an id: CloudWatch
//	2026-03-02T08:15:30Z {…}        a line with a time before its record: CloudWatch's export
//
// A damaged place yields a *[DamageError], whose File is name, instead of a
// record:
//
//   - A line that isn't JSON is left out; the next line stands for itself. Of
//     objects that are printed over several lines, those up to the next line that
//     begins with a brace are.
//   - An element of a list that is well-formed JSON but not a record, or too
//     large, too deep, ambiguous (duplicate names) or not UTF-8, is left out.
//     Where the syntax of a list is broken, reading ends: behind a lost quotation
//     mark, what a stranger wrote into a string would be read as a record.
//   - At the end of a cut off file or compressed stream, what was whole stays read.
//   - Bytes after compressed data, a wrong checksum and a file without anything in
//     it are reported, too.
//
// Memory is bounded by a few [MaxRecord], and 32 MiB for zstd, whatever r holds.
// The sequence can be used once, as r can.
func Read(r io.Reader, name string, format Format) iter.Seq2[Record, error] {
	if format.MaxRecord <= 0 || format.MaxRecord > MaxRecord {
		format.MaxRecord = MaxRecord
	}
	return func(yield func(Record, error) bool) {
		(&reader{name: name, format: format, yield: yield}).run(r)
	}
}

// reader is one pass over one log.
type reader struct {
	*input
	name   string
	format Format
	yield  func(Record, error) bool

	outer, inner grammar // of an object at the top, and of an element of a list
	keep         []byte  // the value being read
	// left is the damage that is still growing: what follows may belong to it.
	left *DamageError
	// brackets says that a line may be a list: one was, before.
	brackets bool
}

// place is where something begins.
type place struct {
	line   int
	offset int64
}

func (r *reader) here() place { return place{r.line, r.offset} }

// errStopped says that whoever reads wants no more.
var errStopped = errors.New("stopped")

// broken is where the syntax is, or where reading failed.
type broken struct {
	at  place
	err error
	// final says that nothing can be read after it.
	final bool
}

func (b *broken) Error() string { return b.err.Error() }

// failed says what an error of reading means in the middle of a record or a
// list.
func failed(at place, err error) *broken {
	if err == io.EOF {
		err = fmt.Errorf("the file ends in the middle: %w", io.ErrUnexpectedEOF)
	}
	return &broken{at, err, true}
}

func (r *reader) run(from io.Reader) {
	var err error
	if r.input, err = newInput(from); err != nil {
		r.input = &input{line: 1}
		r.end(r.here(), err)
		return
	}
	defer r.close()
	if b, _ := r.r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		r.skip(3) // a byte order mark, as some editors leave it
		r.begun = r.offset
	}
	c, err := r.space()
	switch {
	case err == io.EOF:
		err = ErrEmpty
		fallthrough
	case err != nil:
		r.end(r.here(), err)
		return
	case c == '{' || c == '[':
		err = r.begin(c)
	case r.format.CSV != nil:
		err = r.rows()
	case likeCSV(r.firstLine()):
		err = &broken{r.here(), errors.New("it looks like CSV, and JSON is wanted"), true}
	default:
		err = r.lines()
	}
	var b *broken
	switch {
	case err == nil:
		r.flush()
	case errors.As(err, &b):
		r.end(b.at, b.err)
	}
}

// begin reads what begins with a brace or a bracket, to the end. By the first
// value it is told what the whole is made of: lines, if it stands on one.
func (r *reader) begin(c byte) error {
	first := true
	for {
		at := r.here()
		lists, err := 0, error(nil)
		if c == '[' {
			lists, err = 1, r.array(false)
		} else {
			lists, err = r.object(false)
		}
		b, wrong := err.(*broken)
		switch {
		case err == nil && r.line == at.line && first:
			r.brackets = lists > 0
			if err := r.restOfRecords(); err != nil {
				return err
			}
			return r.lines()
		case wrong && !b.final && lists == 0:
			// It may be one torn line of many, or one object of several.
			if c, err = r.nextBrace(at, b.err); err != nil || c == 0 {
				return err
			}
			continue
		case err != nil:
			return err
		}
		first = false
		c, err = r.space()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return &broken{r.here(), err, true}
		case c == '[' || c == '{':
		case lists > 0:
			return &broken{r.here(), errors.New("want the end, or another list of records"), true}
		default:
			if c, err = r.nextBrace(r.here(), r.misplaced()); err != nil || c == 0 {
				return err
			}
		}
	}
}

// nextBrace leaves out what stands from a place to the next line that begins with
// a brace, and returns that, or 0 at the end.
func (r *reader) nextBrace(at place, wrong error) (byte, error) {
	if err := r.leaveOut(at, wrong); err != nil {
		return 0, err
	}
	r.left.Count += r.line - at.line
	for {
		if err := r.restOfLine(); err != nil {
			return 0, r.unlessEnd(err)
		}
		b, err := r.next()
		switch {
		case err != nil:
			return 0, r.unlessEnd(err)
		case b[0] == '{':
			return '{', nil
		case b[0] != '\n' && b[0] != '\r':
			r.left.Count++
		}
	}
}

// unlessEnd returns an error of reading between two records.
func (r *reader) unlessEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return &broken{r.here(), err, true}
}

// lines reads the rest as JSON Lines.
func (r *reader) lines() error {
	for {
		c, err := r.space()
		if err != nil {
			return r.unlessEnd(err)
		}
		if err := r.lineOf(c); err != nil {
			return err
		}
	}
}

// stamp is what CloudWatch's export writes before each record.
var stamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)[ \t]+\{`)

// lineOf reads a line of records, which begins with c.
func (r *reader) lineOf(c byte) error {
	if c >= '0' && c <= '9' && !r.format.Bare {
		b, _ := r.r.Peek(64)
		if found := stamp.Find(b); found != nil {
			r.skip(len(found) - 1)
			c = '{'
		}
	}
	if c != '{' && (c != '[' || !r.brackets) {
		return r.restIsWrong(r.here(), r.misplaced())
	}
	if err := r.oneOnLine(c); err != nil {
		return r.torn(err)
	}
	return r.restOfRecords()
}

// restOfRecords reads further records on the line.
func (r *reader) restOfRecords() error {
	for {
		c, last, err := r.spaceInLine()
		switch {
		case err != nil:
			return &broken{r.here(), err, true}
		case last:
			return nil
		case c != '{' && (c != '[' || !r.brackets):
			return r.restIsWrong(r.here(), r.misplaced())
		}
		if err := r.oneOnLine(c); err != nil {
			return r.torn(err)
		}
	}
}

func (r *reader) oneOnLine(c byte) error {
	if c == '[' {
		return r.array(true)
	}
	_, err := r.object(true)
	return err
}

// torn leaves out the rest of a line, if more can be read after it.
func (r *reader) torn(err error) error {
	if b, ok := err.(*broken); ok && !b.final {
		return r.restIsWrong(b.at, b.err)
	}
	return err
}

func (r *reader) misplaced() error {
	return fmt.Errorf("byte %d of this line can't stand there: want JSON objects, each whole on its line", r.column())
}

func (r *reader) restIsWrong(at place, err error) error {
	if err := r.leaveOut(at, err); err != nil {
		return err
	}
	if err := r.restOfLine(); err != nil {
		return r.unlessEnd(err)
	}
	return nil
}

// object reads an object at the top: a record, or one with lists of records in
// it. It returns how many lists it began to read.
func (r *reader) object(oneLine bool) (lists int, err error) {
	at := r.here()
	r.outer.reset(oneLine)
	r.outer.lists = !r.format.Bare
	r.keep = r.keep[:0]
	size := int64(0)
	for {
		b, err := r.next()
		if err != nil {
			return lists, failed(at, err)
		}
		n, how := r.outer.feed(b)
		size += int64(n)
		r.take(b[:n])
		switch {
		case how == ended && lists > 0:
			return lists, nil
		case how == ended:
			return 0, r.record(at, size, r.outer.deepest)
		case how == wrong && lists > 0:
			return lists, &broken{r.here(), r.misplaced(), false}
		case how == wrong && (oneLine || r.line == at.line):
			return lists, &broken{at, r.misplaced(), false}
		case how == wrong:
			return lists, &broken{at, fmt.Errorf("broken JSON %d bytes into a record", size), false}
		case how == list:
			if !r.holdsRecords() {
				// A member of a record, whose name is that of a list by chance.
				r.outer.step('[')
				r.take([]byte{'['})
				size++
				continue
			}
			lists++
			if err := r.array(oneLine); err != nil {
				return lists, err
			}
			r.keep = r.keep[:0]
			r.outer.state = wantCommaOrEnd
		}
	}
}

// holdsRecords reports whether the array that begins here, a member of the
// outermost object, is a list of records. Under "Records" it always is.
func (r *reader) holdsRecords() bool {
	if len(r.outer.name) == len("Records") {
		return true
	}
	b, _ := r.r.Peek(4 << 10)
	rest := bytes.TrimLeft(b[1:], " \t\r\n")
	return len(rest) > 0 && rest[0] == '{'
}

// take consumes bytes into r.keep, as far as there is room.
func (r *reader) take(b []byte) {
	r.keep = append(r.keep, b[:min(len(b), max(0, r.format.MaxRecord-len(r.keep)))]...)
	r.skip(len(b))
}

// spaceWithin is space, or spaceInLine.
func (r *reader) spaceWithin(oneLine bool) (byte, error) {
	if !oneLine {
		return r.space()
	}
	c, last, err := r.spaceInLine()
	if last && err == nil {
		if _, err = r.next(); err == nil {
			c = '\n'
		}
	}
	return c, err
}

// array reads […].
func (r *reader) array(oneLine bool) error {
	r.skip(1)
	return r.elements(oneLine)
}

// elements reads elements until the closing bracket, and that too.
func (r *reader) elements(oneLine bool) error {
	for first := true; ; first = false {
		c, err := r.spaceWithin(oneLine)
		if err != nil {
			return failed(r.here(), err)
		}
		switch {
		case c == ']':
			r.skip(1)
			return nil
		case first:
		case c == ',':
			r.skip(1)
			if _, err := r.spaceWithin(oneLine); err != nil {
				return failed(r.here(), err)
			}
		default:
			return &broken{r.here(), errors.New("want , or ] after a record"), !oneLine}
		}
		at := r.here()
		size, how, err := r.element(oneLine)
		switch {
		case err != nil:
			return failed(at, err)
		case how == wrong && oneLine:
			return &broken{at, fmt.Errorf("broken JSON %d bytes into a record", size), false}
		case how == wrong:
			return &broken{at, fmt.Errorf("broken JSON %d bytes into a record", size), true}
		}
		if err := r.record(at, size, r.inner.deepest); err != nil {
			return err
		}
	}
}

// element consumes the next value, into r.keep.
func (r *reader) element(oneLine bool) (size int64, how progress, err error) {
	r.inner.reset(oneLine)
	r.keep = r.keep[:0]
	for {
		b, err := r.next()
		if err != nil {
			return size, more, err
		}
		n, how := r.inner.feed(b)
		size += int64(n)
		r.take(b[:n])
		if how != more {
			return size, how, nil
		}
	}
}

// record yields the value in r.keep, or what it wraps, or leaves it out if it
// can't be a record.
func (r *reader) record(at place, size int64, depth int) error {
	if err := r.check(size, depth); err != nil {
		return r.leaveOut(at, err)
	}
	wrapped := [][]byte{r.keep}
	if !r.format.Bare {
		var err error
		if wrapped, err = unwrap(r.keep, 0); err != nil {
			return r.leaveOut(at, err)
		}
	}
	for _, raw := range wrapped {
		if !r.flush() || !r.yield(Record{Raw: bytes.Clone(raw), File: r.name, Line: at.line, Offset: at.offset}, nil) {
			return errStopped
		}
	}
	return nil
}

// check looks at a value whose syntax is right.
func (r *reader) check(size int64, depth int) error {
	switch {
	case r.keep[0] != '{':
		return errors.New("want a record, which is a JSON object")
	case size > int64(r.format.MaxRecord):
		return fmt.Errorf("a record of %d bytes: the most is %d", size, r.format.MaxRecord)
	case depth > MaxDepth:
		return fmt.Errorf("a record nested %d deep: the most is %d", depth, MaxDepth)
	case !jsontext.Value(r.keep).IsValid():
		return errors.New("a record that is not UTF-8, or has the same name twice in one object")
	}
	return nil
}

// leaveOut notes that what begins at a place was not a record.
func (r *reader) leaveOut(at place, err error) error {
	if r.format.Apart && !r.flush() {
		return errStopped
	}
	if r.left == nil {
		r.left = &DamageError{File: r.name, Line: at.line, Offset: at.offset, Err: err}
	}
	r.left.Count++
	return nil
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

// end yields the damage at which reading stops.
func (r *reader) end(at place, err error) {
	if r.flush() {
		r.yield(Record{}, &DamageError{File: r.name, Line: at.line, Offset: at.offset, Ended: true, Err: err})
	}
}
