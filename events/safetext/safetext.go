// Package safetext makes text that somebody else wrote harmless to print.
//
// Event data, names, reasons, subjects, file names and the answers of remote servers are foreign text. Printed as it
// is, such text can send escape sequences to a terminal, reorder a line by bidirectional controls, hide runes, look
// like a line of the program, or become a formula in a spreadsheet. Each output has one function:
//
//   - [Line] for a cell of a table, an error or any other line on a terminal or in a text file,
//   - [Quote] and [Word] for foreign text within a sentence of the program,
//   - [Wrap] and [Block] for text that is longer than a line,
//   - [Isolate] for HTML, where a template escapes the result,
//   - [AppendRow] and [Cell] for CSV; [ParseCell] gives back the exact text.
//
// JSON for a program needs none of them: an encoder writes the exact text. [JSON] is for JSON on a terminal.
//
// The package is pure: it has no I/O, and it knows nothing of events or of languages.
//
// Letters of scripts that run from right to left are kept, because names are written in them. A terminal that
// reorders lines may therefore show what stands beside such a name in another order; HTML isolates the name.
//
// Not here: I/O, events and languages. An encoder writes JSON for programs, and needs
// nothing of this package.
package safetext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Most is the number of runes of foreign text that [Quote] and [Word] show.
const Most = 120

const (
	// replacement stands for a rune that is not printed.
	replacement = '·'
	ellipsis    = "…"
	// mostMarks is the number of combining marks that may follow a letter. More of them run over other lines.
	mostMarks = 4
)

// blankRunes are shown as nothing, or as a blank, although Unicode counts them as letters, marks or symbols.
var blankRunes = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, {Lo: 0x1d159, Hi: 0x1d159, Stride: 1}},
}

// Printable reports whether a rune may be printed: a letter, mark, number, punctuation, symbol or U+0020, which is not
// a control, format, bidirectional, zero-width, default-ignorable, private, unassigned or noncharacter code point,
// and no separator of lines or paragraphs.
func Printable(r rune) bool {
	return unicode.IsPrint(r) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, blankRunes)
}

// Line returns s as a single line without a rune that is not [Printable]. Each such rune, and each byte that is not
// UTF-8, becomes a middle dot. A run of blanks becomes one blank, so that s can't push text to the start of a
// terminal's next line. Different texts can look alike: use [Quote] where that matters.
func Line(s string) string { return line(s, -1) }

// Clip is [Line] of at most most runes, with an ellipsis where text was left out.
func Clip(s string, most int) string { return line(s, max(0, most)) }

func line(s string, most int) string {
	if plainLine(s) && (most < 0 || len(s) <= most) {
		return s
	}
	var b strings.Builder
	count, marks, blank := 0, mostMarks, false // a mark at the start would combine with what stands before s
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		isMark := unicode.In(r, unicode.Mn, unicode.Me)
		if r == ' ' && blank {
			i += n
			continue
		}
		if most >= 0 && count == most {
			b.WriteString(ellipsis)
			break
		}
		switch {
		case isMark && marks >= mostMarks, !Printable(r), r == utf8.RuneError && n == 1:
			r = replacement
		case isMark:
			marks++
		default:
			marks = 0
		}
		blank = r == ' '
		b.WriteRune(r)
		i += n
		count++
	}
	return b.String()
}

// plainLine reports whether s is ASCII that [Line] does not change.
func plainLine(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && i > 0 && s[i-1] == ' ' {
			return false
		}
	}
	return true
}

// Quote returns s in double quotes, as [QuoteMost] does with [Most] runes.
func Quote(s string) string { return QuoteMost(s, Most) }

// QuoteMost returns s in double quotes. What is not [Printable], the quote, the backslash and each blank after a
// blank are written as escape sequences of Go, so that two different texts never look alike and [strconv.Unquote]
// returns s. Of a longer text it quotes the first most runes, and says after the closing quote how many bytes the
// whole text has.
func QuoteMost(s string, most int) string {
	var b strings.Builder
	b.WriteByte('"')
	marks, blank := mostMarks, false
	for i, count := 0, 0; i < len(s); count++ {
		if count == most {
			fmt.Fprintf(&b, `"%s (%d bytes)`, ellipsis, len(s))
			return b.String()
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		isMark := unicode.In(r, unicode.Mn, unicode.Me)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
			marks = mostMarks // a mark after an escape sequence would combine with its last character
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
			marks = mostMarks
		case !Printable(r), isMark && marks >= mostMarks, r == ' ' && blank:
			b.WriteString(escaped(r))
			marks = mostMarks
		default:
			b.WriteRune(r)
			if isMark {
				marks++
			} else {
				marks = 0
			}
		}
		blank = r == ' '
		i += n
	}
	b.WriteByte('"')
	return b.String()
}

// escaped returns the escape sequence of Go for a rune.
func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// Word returns s as it is if it is one word of 1 to [Most] ASCII letters, digits and -_.:+, and quotes it otherwise.
// Identifiers, event types and digests stay as people know them.
func Word(s string) string {
	if s == "" || len(s) > Most {
		return Quote(s)
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-_.:+", c) < 0 {
			return Quote(s)
		}
	}
	return s
}

// The runes around text whose direction is its own: FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE.
const (
	isolate = "\u2068"
	pop     = "\u2069"
)

// Isolate returns s as [Line] does, for a template that escapes it into HTML. Text that is not ASCII stands between
// U+2068 and U+2069, so that its direction can't change the order of what stands around it. Those two are the only
// runes in the result that are not [Printable], and each U+2068 has its U+2069: pairs of them that s has already are
// kept, so that a sentence of isolated words may be isolated too. [Unisolate] takes them out.
func Isolate(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] < utf8.RuneSelf
	}
	if plain {
		return Line(s)
	}
	return isolate + pairs(s) + pop
}

// pairs makes a line of s, and keeps the isolates in it that are closed.
func pairs(s string) string {
	before, rest, found := strings.Cut(s, isolate)
	if !found {
		return Line(s)
	}
	depth, end := 1, -1
	for i, r := range rest {
		switch string(r) {
		case isolate:
			depth++
		case pop:
			depth--
		}
		if depth == 0 {
			end = i
			break
		}
	}
	if end < 0 {
		return Line(s)
	}
	return Line(before) + isolate + pairs(rest[:end]) + pop + pairs(rest[end+len(pop):])
}

// Unisolate returns what [Isolate] returned as a [Line], for a text file.
func Unisolate(s string) string {
	return Line(strings.NewReplacer(isolate, "", pop, "").Replace(s))
}

// Width returns the number of columns that s takes on a terminal, once [Line] has made it harmless.
func Width(s string) int {
	if plainLine(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r >= ' ' && r <= '~':
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Wrap breaks s, which must be a [Line], into lines of at most columns columns, at blanks where there are any. Each
// line after the first begins with hang, which counts as columns of it. No line begins with text of s but the first,
// so that s can't imitate a line of the program. A columns of zero leaves s as it is.
func Wrap(s string, columns int, hang string) string {
	if columns <= 0 || Width(s) <= columns {
		return s
	}
	var b strings.Builder
	room := columns
	for s != "" {
		end := fit(s, room)
		if end < len(s) {
			if at := strings.LastIndexByte(s[:end], ' '); s[end] == ' ' {
				// The line ends where a word does.
			} else if at > 0 && strings.TrimSpace(s[:at]) != "" {
				end = at
			}
		}
		b.WriteString(strings.TrimRight(s[:end], " "))
		if s = strings.TrimLeft(s[end:], " "); s != "" {
			b.WriteString("\n" + hang)
		}
		room = max(1, columns-Width(hang))
	}
	return b.String()
}

// fit returns how many bytes of s fit into room columns: at least one rune.
func fit(s string, room int) int {
	used := 0
	for i, r := range s {
		if w := runeWidth(r); i > 0 && used+w > room {
			return i
		} else {
			used += w
		}
	}
	return len(s)
}

// blockColumns is the length of the lines of a [Block], the margin included.
const blockColumns = 76

// Block returns s, at most most runes of it, on lines of their own, each with margin before it. The lines are short
// enough that a terminal of 80 columns doesn't break them itself.
func Block(s string, most int, margin string) string {
	lines := Wrap(Clip(s, most), max(1, blockColumns-Width(margin)), "")
	return margin + strings.ReplaceAll(lines, "\n", "\n"+margin)
}

// JSON returns JSON that means the same as b, which must be whole JSON values, and has no rune that is not [Printable]
// but the blanks between its elements: within strings such runes become escape sequences.
func JSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n' || r == '\r' || r == '\t' || Printable(r) && (r != utf8.RuneError || n > 1):
			out = append(out, b[:n]...)
		case r == utf8.RuneError:
			out = utf8.AppendRune(out, r) // as readers of JSON take a byte that is not UTF-8
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[n:]
	}
	return out
}

// csvSpecial are the runes at which a spreadsheet takes a cell for a formula, in their ASCII, full-width and small
// forms.
const csvSpecial = "=+-@\t\r\n＝＋－＠﹢﹣﹦﹫−"

// Cell returns s as the text of a CSV cell that a spreadsheet does not take for a formula, and that does not steer a
// terminal. A text that begins, after blanks, with one of = + - @ (in whatever width), a tab or an end of line, that
// begins with an apostrophe, or that has a rune which is not [Printable], is written as an apostrophe and then the
// text with those runes and backslashes as escape sequences of Go. So is a text with a semicolon or a bar before such
// a sign, since in many countries those end a cell; they become escape sequences too. Whole numbers and decimals stay
// numbers.
// [ParseCell] reverses it.
func Cell(s string) string {
	if !needsApostrophe(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('\'')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\\':
			b.WriteString(`\\`)
		case !Printable(r), (r == ';' || r == '|') && startsFormula(s[i+n:]):
			b.WriteString(escaped(r))
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// startsFormula reports whether a spreadsheet could take s for a formula, where it begins a cell.
func startsFormula(s string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, ` "`))
	return strings.ContainsRune(csvSpecial, r)
}

func needsApostrophe(s string) bool {
	if s == "" || isNumber(s) {
		return false
	}
	if s[0] == '\'' || startsFormula(s) {
		return true
	}
	for i, r := range s {
		if !Printable(r) || (r == ';' || r == '|') && startsFormula(s[i+1:]) {
			return true
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return true
			}
		}
	}
	return false
}

// isNumber reports whether s is one number as JSON writes it.
func isNumber(s string) bool {
	digits := func(s string) (rest string, ok bool) {
		rest = strings.TrimLeft(s, "0123456789")
		return rest, len(rest) < len(s)
	}
	rest, ok := digits(strings.TrimPrefix(s, "-"))
	if ok && strings.HasPrefix(rest, ".") {
		rest, ok = digits(rest[1:])
	}
	if ok && rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		rest, ok = digits(rest)
	}
	return ok && rest == ""
}

// ParseCell returns the text of which [Cell] made a cell.
func ParseCell(cell string) (string, error) {
	rest, marked := strings.CutPrefix(cell, "'")
	if !marked {
		return cell, nil
	}
	var b strings.Builder
	for rest != "" {
		if rest[0] != '\\' {
			next := strings.IndexByte(rest, '\\')
			if next < 0 {
				next = len(rest)
			}
			b.WriteString(rest[:next])
			rest = rest[next:]
			continue
		}
		r, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
		if err != nil {
			return "", fmt.Errorf("read the CSV cell %s: a backslash begins no escape sequence", Quote(cell))
		}
		if r < utf8.RuneSelf || !multibyte {
			b.WriteByte(byte(r))
		} else {
			b.WriteRune(r)
		}
		rest = tail
	}
	return b.String(), nil
}

// AppendRow appends cells to b as one row of CSV (RFC 4180), without the end of the line. Each cell is made harmless
// by [Cell]. What a spreadsheet could take for the end of a cell, in whatever country's settings, stands in quotes.
func AppendRow(b []byte, cells ...string) []byte {
	for i, cell := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		cell = Cell(cell)
		if cell == "" && len(cells) == 1 || strings.ContainsAny(cell, `",;|`) || strings.Trim(cell, " ") != cell {
			b = append(b, '"')
			b = append(b, strings.ReplaceAll(cell, `"`, `""`)...)
			b = append(b, '"')
		} else {
			b = append(b, cell...)
		}
	}
	return b
}
