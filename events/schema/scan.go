package schema

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// peek returns the next byte, or 0, which begins no token, at the end.
func (w *walker) peek() byte {
	if w.i < len(w.b) {
		return w.b[w.i]
	}
	return 0
}

func (w *walker) space() {
	for w.i < len(w.b) {
		switch w.b[w.i] {
		case ' ', '\t', '\r', '\n':
			w.i++
		default:
			return
		}
	}
}

// string reads a string from its opening quotation mark on and returns what is between the marks.
func (w *walker) string() (s []byte, escaped, ok bool) {
	b, start := w.b, w.i+1
	i := start
	for {
		i += plainPrefix(b[i:])
		if i >= len(b) {
			w.i = i
			return nil, false, false
		}
		switch c := b[i]; {
		case c == '"':
			w.i = i + 1
			return b[start:i], escaped, true
		case c == '\\':
			_, n := escape(b[i:])
			if n == 0 {
				w.i = i
				return nil, false, false
			}
			escaped = true
			i += n
		default:
			w.i = i
			return nil, false, false
		}
	}
}

// plainPrefix returns how many bytes stand before the first quotation mark, backslash or control character.
func plainPrefix(b []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quotes, slashes := x^(ones*'"'), x^(ones*'\\')
		// The lowest marked byte is marked rightly; borrows only falsify those above it.
		marked := ((x - ones*0x20) &^ x) | ((quotes - ones) &^ quotes) | ((slashes - ones) &^ slashes)
		if marked &= highs; marked != 0 {
			return i + bits.TrailingZeros64(marked)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < 0x20 {
			break
		}
	}
	return i
}

// escape decodes the escape sequence that b begins with and returns its length, 0 if it is none. Half a surrogate
// pair is none.
func escape(b []byte) (r rune, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, ok := hex4(b)
		if !ok || !utf16.IsSurrogate(r) {
			if !ok {
				return 0, 0
			}
			return r, 6
		}
		low, ok := hex4(b[6:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, 0
		}
		return r, 12
	}
	return 0, 0
}

// hex4 reads the four digits of a \u escape.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(v), err == nil
}

// unescape decodes what [walker.string] said is escaped.
func unescape(s []byte) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		r, n := escape(s[i:])
		out = utf8.AppendRune(out, r)
		i += max(n, 1)
	}
	return out
}

// number reads a number as JSON spells it.
func (w *walker) number() (s []byte, ok bool) {
	start := w.i
	if w.peek() == '-' {
		w.i++
	}
	if w.peek() == '0' {
		w.i++
	} else if !w.digits() {
		return nil, false
	}
	if w.peek() == '.' {
		w.i++
		if !w.digits() {
			return nil, false
		}
	}
	if c := w.peek(); c == 'e' || c == 'E' {
		w.i++
		if c := w.peek(); c == '+' || c == '-' {
			w.i++
		}
		if !w.digits() {
			return nil, false
		}
	}
	return w.b[start:w.i], true
}

func (w *walker) digits() bool {
	start := w.i
	for w.i < len(w.b) && w.b[w.i]-'0' <= 9 {
		w.i++
	}
	return w.i > start
}
