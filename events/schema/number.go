package schema

import (
	"bytes"
	"cmp"
)

// bounds constrains a number. Numbers are compared as the decimals they are written as, so nothing is rounded and no
// exponent is too large.
type bounds struct {
	integer  bool
	min, max *bound
}

type bound struct {
	decimal decimal
	source  string
}

func (b *bounds) check(s []byte) *Error {
	d := parseDecimal(s)
	if b.integer && !d.isInteger() {
		return fail("type", clip(s)+" is not an integer")
	}
	if b.min != nil && d.compare(b.min.decimal) < 0 {
		return fail("minimum", clip(s)+" is less than "+b.min.source)
	}
	if b.max != nil && d.compare(b.max.decimal) > 0 {
		return fail("maximum", clip(s)+" is more than "+b.max.source)
	}
	return nil
}

// decimal is ±0.digits × 10^exp, where digits neither begin nor end with a zero. Zero has no digits.
type decimal struct {
	negative bool
	digits   []byte
	exp      int64
}

// maxExp is where exponents saturate. No two numbers with larger ones are ever compared: a schema has none, and
// those of an event are at most as far from it as the event is long.
const maxExp = 1 << 50

// parseDecimal reads a number that is spelled as JSON has it.
func parseDecimal(s []byte) decimal {
	var d decimal
	if s[0] == '-' {
		d.negative = true
		s = s[1:]
	}
	mantissa := s
	if i := bytes.IndexAny(s, "eE"); i >= 0 {
		mantissa = s[:i]
		d.exp = parseExp(s[i+1:])
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	d.exp += int64(len(whole))
	if d.digits = whole; len(fraction) > 0 {
		d.digits = append(append(make([]byte, 0, len(mantissa)), whole...), fraction...)
	}
	significant := bytes.TrimLeft(d.digits, "0")
	d.exp -= int64(len(d.digits) - len(significant))
	if d.digits = bytes.TrimRight(significant, "0"); len(d.digits) == 0 {
		return decimal{}
	}
	return d
}

func parseExp(s []byte) int64 {
	sign := int64(1)
	switch s[0] {
	case '-':
		sign = -1
		s = s[1:]
	case '+':
		s = s[1:]
	}
	var e int64
	for _, c := range s {
		if e = e*10 + int64(c-'0'); e >= maxExp {
			return sign * maxExp
		}
	}
	return sign * e
}

func (d decimal) isInteger() bool { return d.exp >= int64(len(d.digits)) }

func (d decimal) compare(e decimal) int {
	if d.sign() != e.sign() {
		return cmp.Compare(d.sign(), e.sign())
	}
	magnitude := cmp.Compare(d.exp, e.exp)
	if magnitude == 0 {
		// Both begin with the digit of the same power, so this is their order as numbers.
		magnitude = bytes.Compare(d.digits, e.digits)
	}
	return magnitude * d.sign()
}

func (d decimal) sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}
