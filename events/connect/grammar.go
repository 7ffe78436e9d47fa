package connect

import (
	"bytes"
	"slices"
)

// grammar follows the bytes of one JSON value (RFC 8259) and knows where it
// ends, without keeping it. The readers in the standard library either hold a
// whole value or a whole token in memory; a damaged or hostile log can make
// both as large as the file.
//
// What it leaves to others: whether strings are UTF-8, and whether names occur
// twice. Neither moves a boundary.
//
// The zero grammar is ready for a value. A grammar belongs to one goroutine.
type grammar struct {
	// oneLine makes a line feed an error wherever it stands.
	oneLine bool
	// lists makes feed stop before a list of records: an array that is a member
	// of the outermost object, under one of the names in listNames.
	lists bool
	// name is the name of the member of the outermost object that was read last,
	// as far as it could be one in listNames.
	name []byte

	state state
	// word is what is still missing of true, false or null; hex how many digits
	// of \u0000.
	word string
	hex  int
	// inKey says that the string being read is a member's name.
	inKey bool
	// depth counts open brackets, deepest is its maximum, objects has a bit for
	// each: set for an object.
	depth, deepest int
	objects        []uint64
}

type state uint8

const (
	wantValue state = iota
	wantElement
	wantName
	wantNameOrEnd
	wantColon
	wantCommaOrEnd
	inString
	inEscape
	inHex
	inWord
	inMinus
	inZero
	inInteger
	inPoint
	inFraction
	inExponent
	inExponentSign
	inExponentDigits
)

// maxOpen bounds the memory of a grammar to 128 KiB: no value of at most
// [MaxRecord] bytes can be nested deeper.
const maxOpen = MaxRecord

// progress says how far feed came.
type progress uint8

const (
	more  progress = iota // all bytes belong to the value, which is not at its end
	ended                 // the value is at its end
	wrong                 // the next byte can't stand there
	list                  // the next byte opens a list of records
)

// listNames are the names under which lists of records stand in an object
// around them: those of CloudTrail and S3, of the Event Hub, of
// "aws cloudtrail lookup-events", of "aws logs" and of its subscriptions.
var listNames = [][]byte{[]byte("Records"), []byte("records"), []byte("Events"), []byte("events"), []byte("logEvents")}

// maxListName is more than the length of each of listNames.
const maxListName = 16

func isListName(name []byte) bool {
	return slices.ContainsFunc(listNames, func(known []byte) bool { return bytes.Equal(known, name) })
}

// reset makes g ready for another value.
func (g *grammar) reset(oneLine bool) {
	*g = grammar{oneLine: oneLine, objects: g.objects[:0], name: g.name[:0]}
}

// feed takes bytes from b as far as they belong to the value, and returns how
// many it took. A number at the outermost level ends before the first byte that
// is not its own.
func (g *grammar) feed(b []byte) (int, progress) {
	for i := 0; i < len(b); i++ {
		if g.state == inString {
			// Most bytes of a log are in strings.
			from := i
			for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
				i++
			}
			if g.inKey && g.lists && g.depth == 1 {
				g.name = append(g.name, b[from:min(i, from+maxListName-len(g.name))]...)
			}
			if i == len(b) {
				break
			}
		}
		c := b[i]
		if g.inNumber() && !g.digit(c) {
			if !g.numberMayEnd() {
				return i, wrong
			}
			if g.state = wantCommaOrEnd; g.depth == 0 {
				return i, ended
			}
		} else if g.inNumber() {
			continue
		}
		if c == '[' && g.lists && g.state == wantValue && g.depth == 1 && isListName(g.name) {
			return i, list
		}
		if c == '\n' && g.oneLine || !g.step(c) {
			return i, wrong
		}
		if g.depth == 0 && g.state == wantCommaOrEnd {
			return i + 1, ended
		}
	}
	return len(b), more
}

// step takes one byte that is not part of a number that goes on.
func (g *grammar) step(c byte) bool {
	switch g.state {
	case inString:
		switch {
		case c == '"' && g.inKey:
			g.state = wantColon
		case c == '"':
			g.state = wantCommaOrEnd
		case c == '\\':
			g.state = inEscape
			if g.inKey && g.depth == 1 && len(g.name) < maxListName {
				g.name = append(g.name, c) // which no name of a list has
			}
		default:
			return false // a control character
		}
		return true
	case inEscape:
		switch c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			g.state = inString
		case 'u':
			g.state, g.hex = inHex, 4
		default:
			return false
		}
		return true
	case inHex:
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
		if g.hex--; g.hex == 0 {
			g.state = inString
		}
		return true
	case inWord:
		if c != g.word[0] {
			return false
		}
		if g.word = g.word[1:]; g.word == "" {
			g.state = wantCommaOrEnd
		}
		return true
	}
	if isSpace(c) {
		return true
	}
	switch g.state {
	case wantValue:
		return g.open(c)
	case wantElement:
		if c == ']' {
			g.pop()
			return true
		}
		return g.open(c)
	case wantNameOrEnd:
		if c == '}' {
			g.pop()
			return true
		}
		fallthrough
	case wantName:
		g.state, g.inKey = inString, true
		if g.depth == 1 {
			g.name = g.name[:0]
		}
		return c == '"'
	case wantColon:
		g.state = wantValue
		return c == ':'
	default: // wantCommaOrEnd, inside of something
		object := g.inObject()
		switch {
		case c == ',' && object:
			g.state = wantName
		case c == ',':
			g.state = wantValue
		case c == '}' && object, c == ']' && !object:
			g.pop()
		default:
			return false
		}
		return true
	}
}

// open takes the first byte of a value.
func (g *grammar) open(c byte) bool {
	switch {
	case c == '{':
		g.state = wantNameOrEnd
		return g.push(true)
	case c == '[':
		g.state = wantElement
		return g.push(false)
	case c == '"':
		g.state, g.inKey = inString, false
	case c == 't':
		g.state, g.word = inWord, "rue"
	case c == 'f':
		g.state, g.word = inWord, "alse"
	case c == 'n':
		g.state, g.word = inWord, "ull"
	case c == '-':
		g.state = inMinus
	case c == '0':
		g.state = inZero
	case c >= '1' && c <= '9':
		g.state = inInteger
	default:
		return false
	}
	return true
}

func (g *grammar) push(object bool) bool {
	if g.depth == maxOpen {
		return false
	}
	i, bit := g.depth/64, uint64(1)<<(g.depth%64)
	if i == len(g.objects) {
		g.objects = append(g.objects, 0)
	}
	g.objects[i] &^= bit
	if object {
		g.objects[i] |= bit
	}
	g.depth++
	g.deepest = max(g.deepest, g.depth)
	return true
}

func (g *grammar) pop() {
	g.depth--
	g.state = wantCommaOrEnd
}

func (g *grammar) inObject() bool {
	i := g.depth - 1
	return g.objects[i/64]&(1<<(i%64)) != 0
}

func (g *grammar) inNumber() bool { return g.state >= inMinus }

func (g *grammar) numberMayEnd() bool {
	switch g.state {
	case inZero, inInteger, inFraction, inExponentDigits:
		return true
	}
	return false
}

// digit takes c if it goes on with the number.
func (g *grammar) digit(c byte) bool {
	isDigit := c >= '0' && c <= '9'
	switch g.state {
	case inMinus:
		switch {
		case c == '0':
			g.state = inZero
		case isDigit:
			g.state = inInteger
		default:
			return false
		}
		return true
	case inPoint:
		if isDigit {
			g.state = inFraction
		}
		return isDigit
	case inExponent:
		if c == '+' || c == '-' {
			g.state = inExponentSign
			return true
		}
		fallthrough
	case inExponentSign:
		if isDigit {
			g.state = inExponentDigits
		}
		return isDigit
	case inExponentDigits:
		return isDigit
	}
	switch {
	case c == '.' && g.state != inFraction:
		g.state = inPoint
	case c|0x20 == 'e':
		g.state = inExponent
	default:
		return isDigit && g.state != inZero
	}
	return true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
