package connect

import (
	"bytes"
	"errors"
	"fmt"

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
	// Raw is the record: a JSON object in UTF-8 without duplicate names, at most
	// [MaxRecord] bytes, nested at most [MaxDepth] deep. It is as it stands in the
	// log, or in the string that holds it there. A row of CSV is an object of
	// strings, with the columns' names in their order: a row alone doesn't say
	// what it is about. Raw belongs to whoever got it.
	Raw []byte
	// File is the name it was read under. Line counts from 1, Offset from 0, both
	// in the decompressed content; several records that one line wraps have the
	// place of what wraps them.
	File   string
	Line   int
	Offset int64
}

// Format says how records stand in a system's logs. The zero Format is JSON, in
// all the forms that [Read] knows.
type Format struct {
	// CSV, if set, says that a file may be CSV too: one that begins with neither
	// a brace nor a bracket.
	CSV *CSV
	// Bare leaves objects as they are: no list and no record is looked for in
	// them.
	Bare bool
	// MaxRecord is the largest record, in bytes; 0 means [MaxRecord], which is also
	// the most.
	MaxRecord int
	// Apart reports each record that was left out by itself, and not those that
	// stand in a row as one place.
	Apart bool
}

// CSV says what a system's CSV is like (RFC 4180).
type CSV struct {
	// Comma is the byte between fields; 0 means a comma.
	Comma byte
	// Columns are the columns' names, where the first row is a record already.
	Columns []string
	// Skip is how many lines stand before the first row.
	Skip int
}

// DamageError is a place in a log that could not be read.
type DamageError struct {
	// File, Line and Offset say where it begins, as in [Record].
	File   string
	Line   int
	Offset int64
	// Count is how many records (lines, or elements of a list) were left out in a
	// row here. It is 0 if something is wrong with the file rather than with one
	// of its records.
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
	return fmt.Sprintf("%s is damaged at line %d, byte %d: %v%s", e.File, e.Line, e.Offset, e.Err, rest)
}

// Unwrap returns e.Err.
func (e *DamageError) Unwrap() error { return e.Err }

// CheckRecord sees that a record is one JSON value and neither larger than
// [MaxRecord] nor nested deeper than [MaxDepth]: what a connector must do that is
// given records by others than [Read].
func CheckRecord(record []byte) error {
	if len(record) > MaxRecord {
		return fmt.Errorf("%d bytes: the most is %d", len(record), MaxRecord)
	}
	var g grammar
	if _, how := g.feed(record); how == wrong || g.deepest > MaxDepth {
		return fmt.Errorf("not JSON, or nested more than %d deep", MaxDepth)
	}
	return nil
}

// Canonical returns a record in its canonical form (RFC 8785), in which white
// space and the order of members make no difference, or as it is if it has none.
func Canonical(record []byte) []byte {
	v := jsontext.Value(bytes.Clone(record))
	if err := v.Canonicalize(); err != nil {
		return record
	}
	return v
}

var (
	// ErrOther says that a record is not of the system that was asked to draft it.
	// What wraps it says by what that is seen.
	ErrOther = errors.New("another system's record")
	// ErrNoEvent says that a record is the system's own, and that there is nothing
	// to say about it. What wraps it says why.
	ErrNoEvent = errors.New("nothing to say")
	// ErrEmpty says that a file has nothing in it.
	ErrEmpty = errors.New("it is empty, and holds not even an empty list")
)
