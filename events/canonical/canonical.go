// Package canonical reads texts that have exactly one written form, such as a manifest,
// line 1 of an envelope, or a leaf.
//
// What it accepts can be written again byte for byte, so a signature or a hash over such
// a text leaves nothing open.
//
// Not here: the meaning of what is read, and anything but bytes in memory.
package canonical

import (
	"fmt"
	"strconv"
)

// MaxNumber is the largest integer that [Reader.Number] reads: 2^53-1, the
// largest that every JSON implementation keeps exactly.
const MaxNumber = 1<<53 - 1

// Reader reads a text from its start to its end. It stops at the first error,
// so that a parser can be written without a check after every step; [Reader.End]
// returns that error. A Reader never allocates more than its text's length.
type Reader struct {
	text []byte
	at   int
	err  error
}

// NewReader returns a Reader of text, which it does not change or keep beyond
// its own life.
func NewReader(text []byte) *Reader { return &Reader{text: text} }

// OK reports whether nothing has failed so far.
func (r *Reader) OK() bool { return r.err == nil }

// Rest returns how many bytes are left.
func (r *Reader) Rest() int { return len(r.text) - r.at }

// Fail records that want was expected here, unless something failed before.
func (r *Reader) Fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: want %s", r.at, want)
	}
}

// Literal consumes s.
func (r *Reader) Literal(s string) {
	if !r.Skip(s) {
		r.Fail(s)
	}
}

// Skip consumes s if it is next, and reports whether it was.
func (r *Reader) Skip(s string) bool {
	if r.err != nil || len(r.text)-r.at < len(s) || string(r.text[r.at:r.at+len(s)]) != s {
		return false
	}
	r.at += len(s)
	return true
}

// Quoted consumes the rest of a string of at most most bytes and its closing
// quote, and returns the string. It must be printable ASCII without escapes.
// The result aliases the text.
func (r *Reader) Quoted(what string, most int) []byte {
	if r.err != nil {
		return nil
	}
	for i := r.at; i < len(r.text) && i-r.at <= most; i++ {
		switch b := r.text[i]; {
		case b == '"':
			s := r.text[r.at:i]
			r.at = i + 1
			return s
		case b == '\\' || b < 0x20 || b > 0x7e:
			r.Fail(what + " in plain ASCII, without escapes")
			return nil
		}
	}
	r.Fail(fmt.Sprintf("%s, at most %d bytes and a closing quote", what, most))
	return nil
}

// Number consumes a decimal integer from 0 to [MaxNumber], without sign or
// leading zeros.
func (r *Reader) Number(what string) uint64 {
	if r.err != nil {
		return 0
	}
	i := r.at
	for i < len(r.text) && i-r.at < 20 && r.text[i] >= '0' && r.text[i] <= '9' {
		i++
	}
	digits := string(r.text[r.at:i])
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > MaxNumber || (len(digits) > 1 && digits[0] == '0') {
		r.Fail(what + ", an integer from 0 to 2^53-1")
		return 0
	}
	r.at = i
	return n
}

// End checks that nothing is left, and returns the first error.
func (r *Reader) End() error {
	if r.err == nil && r.at != len(r.text) {
		r.Fail("the end")
	}
	return r.err
}
