package events

import (
	"bytes"
	"fmt"
	"strconv"
)

// mostExact is the largest integer of which every smaller one is a double too (RFC 7493, section 2.2).
const mostExact = 1<<53 - 1

// CheckNumbers returns an error that quotes the first number of a JSON text that not every JSON reader reads alike. A
// number is read alike if it is the shortest decimal of an IEEE 754 double, however it is spelled (1, 1.0 and 10e-1
// are the same), and, written as an integer, is at most 2^53 - 1 away from zero. So 1e400, 9007199254740993 and
// 0.10000000000000001 are refused: one reader takes them, another rounds them or gives up (RFC 7493, section 2.2; RFC
// 8259, section 6). The text must be JSON.
func CheckNumbers(text []byte) error {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			i++
		case c == '-' || '0' <= c && c <= '9':
			end := i + 1
			for end < len(text) && bytes.IndexByte([]byte("+-.eE0123456789"), text[end]) >= 0 {
				end++
			}
			if !readAlike(text[i:end]) {
				return fmt.Errorf("number %s is not read alike by every JSON reader: write it as a string, or with fewer digits", clip(string(text[i:end])))
			}
			i = end
		default:
			i++
		}
	}
	return nil
}

func readAlike(number []byte) bool {
	const sure = 15 // digits that any double holds
	integer := !bytes.ContainsAny(number, ".eE")
	if integer && len(number) <= sure {
		return true
	}
	f, err := strconv.ParseFloat(string(number), 64)
	switch {
	case err != nil:
		return false
	case integer:
		return -mostExact <= f && f <= mostExact
	}
	digits, exponent := decimalOf(number)
	shortest, at := decimalOf(strconv.AppendFloat(nil, f, 'e', -1, 64))
	return bytes.Equal(digits, shortest) && (exponent == at || len(digits) == 0)
}

// decimalOf returns the digits of a number without leading and trailing zeros, and the exponent of ten by which 0.DIGITS
// is to be multiplied. The exponent as it is written must fit in an int.
func decimalOf(number []byte) (digits []byte, exponent int) {
	mantissa, rest := bytes.TrimPrefix(number, []byte("-")), []byte(nil)
	if at := bytes.IndexAny(mantissa, "eE"); at >= 0 {
		mantissa, rest = mantissa[:at], mantissa[at+1:]
		exponent, _ = strconv.Atoi(string(rest))
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	digits = append(append(digits, whole...), fraction...)
	exponent += len(whole)
	for len(digits) > 0 && digits[0] == '0' {
		digits, exponent = digits[1:], exponent-1
	}
	return bytes.TrimRight(digits, "0"), exponent
}
