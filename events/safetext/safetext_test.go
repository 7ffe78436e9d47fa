package safetext_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/events/safetext"
)

// forbidden is the judgement of the Unicode tables, made here anew: no output may have such a rune.
func forbidden(r rune) bool {
	if r == ' ' {
		return false
	}
	properties, _ := bidi.LookupRune(r)
	switch properties.Class() {
	case bidi.LRO, bidi.RLO, bidi.LRE, bidi.RLE, bidi.PDF, bidi.LRI, bidi.RLI, bidi.FSI, bidi.PDI, bidi.BN, bidi.B, bidi.S, bidi.WS:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zs, unicode.Zl, unicode.Zp,
		unicode.White_Space, unicode.Pattern_White_Space, unicode.Bidi_Control, unicode.Join_Control,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point)
}

func TestPrintable(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if forbidden(r) && safetext.Printable(r) {
			t.Errorf("%U is printed", r)
		}
	}
	for _, r := range "aZ09 ~é官بक์€😀\"\\\ufffd" {
		if !safetext.Printable(r) {
			t.Errorf("%U is not printed", r)
		}
	}
	for _, r := range "\u115f\u1160\u3164\uffa0\u2800\u034f\u061c\u180e\u200b\u200d\u200e\u2028\u2029\u202e\u2066\u2069\ufeff\u00a0\u00ad\u0085\u009b\U000e0041\U000e01ef" {
		if safetext.Printable(r) {
			t.Errorf("%U is printed", r)
		}
	}
}

// foreign are texts of the kinds that somebody writes to deceive, and any others.
func foreign() *rapid.Generator[string] {
	nasty := rapid.SampledFrom([]string{
		"\x1b[2J", "\x1b]0;owned\x07", "\u009b31m", "\n", "\r", "\t", "\u2028", "\u202e", "\u2066", "\u2068", "\u2069", "\u200b", "\u3164", "\u2800", "   ", " ", "\xff", "\ufffd",
		"Proven:\n", `"`, `\`, `'`, "''", "=1+1", "-2+3+cmd|' /C calc'!A0", "＝cmd|x!A0", "+1", "-1", "-1.5e3", "@SUM(A1)", ";=1", ",", "\u0301\u0301\u0301\u0301\u0301\u0301",
		"e\u0301", "官", "سلام", "·", "…", "\\x20", `\u202e`, "\U000e0020", "a",
	})
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(nasty, rapid.String()), 0, 12).Draw(t, "parts")
		return strings.Join(parts, "")
	})
}

// check holds every output for s to what the package promises, and s against another text.
func check(t interface {
	Helper()
	Errorf(string, ...any)
}, s, other string) {
	t.Helper()
	outputs := map[string]string{
		"Line": safetext.Line(s), "Clip": safetext.Clip(s, 20), "Quote": safetext.Quote(s), "Word": safetext.Word(s), "Cell": safetext.Cell(s),
		"Isolate": strings.NewReplacer("\u2068", "", "\u2069", "").Replace(safetext.Isolate(s)), "Unisolate": safetext.Unisolate(safetext.Isolate(s)),
	}
	for name, out := range outputs {
		if !utf8.ValidString(out) {
			t.Errorf("%s(%+q) = %+q is not UTF-8", name, s, out)
		}
		if strings.ContainsFunc(out, forbidden) {
			t.Errorf("%s(%+q) = %+q has a rune that is not to be printed", name, s, out)
		}
		if name != "Cell" && name != "Quote" && name != "Word" && name != "Isolate" && strings.Contains(out, "  ") || name == "Quote" && strings.Contains(out, "  ") {
			t.Errorf("%s(%+q) = %+q has a run of blanks", name, s, out)
		}
	}
	depth := 0
	for _, r := range safetext.Isolate(s) {
		switch r {
		case '\u2068':
			depth++
		case '\u2069':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if twice := safetext.Isolate("a " + safetext.Isolate(s)); depth != 0 || safetext.Unisolate(twice) != safetext.Line("a "+safetext.Unisolate(safetext.Isolate(s))) {
		t.Errorf("Isolate(%+q) = %+q, and within a sentence %+q", s, safetext.Isolate(s), twice)
	}
	if n := utf8.RuneCountInString(outputs["Clip"]); n > 21 {
		t.Errorf("Clip(%+q, 20) has %d runes", s, n)
	}
	if line := outputs["Line"]; safetext.Line(line) != line {
		t.Errorf("Line(%+q) = %+q, and of that %+q", s, line, safetext.Line(line))
	}

	whole := safetext.QuoteMost(s, len(s)+1)
	if back, err := strconv.Unquote(whole); err != nil || back != s {
		t.Errorf("%s is read as %+q, not %+q: %v", whole, back, s, err)
	}
	if s != other && whole == safetext.QuoteMost(other, len(other)+1) {
		t.Errorf("%+q and %+q are both quoted as %s", s, other, whole)
	}
	if word := outputs["Word"]; word != s && word != outputs["Quote"] {
		t.Errorf("Word(%+q) = %+q", s, word)
	}

	if back, err := safetext.ParseCell(outputs["Cell"]); err != nil || back != s {
		t.Errorf("the cell %+q is read as %+q, not %+q: %v", outputs["Cell"], back, s, err)
	}
	row := string(safetext.AppendRow(nil, s, "x", other)) + "\n"
	cells, err := csv.NewReader(strings.NewReader(row)).ReadAll()
	if want := []string{outputs["Cell"], "x", safetext.Cell(other)}; err != nil || len(cells) != 1 || !slices.Equal(cells[0], want) {
		t.Errorf("the row %+q is read as %+q, not %+q: %v", row, cells, want, err)
	}
	for _, comma := range ",;\t|" {
		r := csv.NewReader(strings.NewReader(row))
		r.Comma, r.LazyQuotes, r.FieldsPerRecord = comma, true, -1
		for {
			cells, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			for i, cell := range cells {
				if i == 0 && comma != ',' && strings.HasPrefix(row, "-") {
					continue // the row begins with a negative number, and what follows it is of the same cell here
				}
				if isFormula(cell) {
					t.Errorf("the row %+q, with %q between cells, has the formula %+q", row, comma, cell)
				}
			}
		}
	}
}

// JSON on a terminal means what it meant.
func TestJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want, got any
		text, err := json.MarshalIndent(map[string]any{"a": foreign().Draw(t, "text"), "b": []any{1, foreign().Draw(t, "more")}}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		out := safetext.JSON(text)
		if strings.ContainsFunc(string(out), func(r rune) bool { return r != '\n' && r != '\t' && forbidden(r) }) {
			t.Fatalf("%+q has a rune that is not to be printed", out)
		}
		if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(out, &got)); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+q means %+q, not %+q: %v", out, got, want, err)
		}
	})
}

// isFormula is what OWASP's page on CSV injection says that spreadsheets take for one.
func isFormula(cell string) bool {
	cell = strings.TrimLeft(cell, " ")
	if _, err := strconv.ParseFloat(cell, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return false
	}
	return strings.IndexAny(cell, "=+-@\t\r＝＋－＠") == 0 || strings.HasPrefix(cell, "\n") && strings.TrimSpace(cell) != ""
}

func TestForeignText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { check(t, foreign().Draw(t, "text"), foreign().Draw(t, "other")) })
}

func FuzzForeignText(f *testing.F) {
	f.Add("\x1b[2J\u202e=1+1", "Proven:\n  all")
	f.Add("\xff\u0301  '", `\xff`)
	f.Fuzz(func(t *testing.T, s, other string) { check(t, s, other) })
}

// No line of what is wrapped begins with foreign text but the first, and none is lost.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := safetext.Line(foreign().Draw(t, "text"))
		columns := rapid.IntRange(8, 40).Draw(t, "columns")
		lines := strings.Split(safetext.Wrap(s, columns, "  > "), "\n")
		var b strings.Builder
		for i, line := range lines {
			if safetext.Width(line) > columns {
				t.Fatalf("%q is %d columns wide, not %d", line, safetext.Width(line), columns)
			}
			if i > 0 {
				rest, hangs := strings.CutPrefix(line, "  > ")
				if !hangs {
					t.Fatalf("line %d of %q is %q", i, s, line)
				}
				line = rest
			}
			b.WriteString(line)
		}
		if got, want := strings.ReplaceAll(b.String(), " ", ""), strings.ReplaceAll(s, " ", ""); got != want {
			t.Fatalf("%q was wrapped to %q", s, lines)
		}
		for _, line := range strings.Split(safetext.Block(s, 200, "    | "), "\n") {
			if !strings.HasPrefix(line, "    | ") || safetext.Width(line) > 79 {
				t.Fatalf("a block of %q has the line %q", s, line)
			}
		}
	})
}

func TestExamples(t *testing.T) {
	long := strings.Repeat("a", 200)
	for _, test := range []struct{ name, got, want string }{
		{"a line", safetext.Line("a\x1b[2Jb\n   c"), "a·[2Jb· c"},
		{"a mark first", safetext.Line("\u0301a"), "·a"},
		{"clipped", safetext.Clip("abcdef", 3), "abc…"},
		{"not clipped", safetext.Clip("abc", 3), "abc"},
		{"a quote", safetext.Quote("a \u202e\"  b\n"), `"a \u202e\" \x20b\n"`},
		{"a long quote", safetext.Quote(long), `"` + long[:120] + `"… (200 bytes)`},
		{"a word", safetext.Word("saksi.access.performed.v1"), "saksi.access.performed.v1"},
		{"no word", safetext.Word("two words"), `"two words"`},
		{"nothing", safetext.Word(""), `""`},
		{"a name in HTML", safetext.Isolate("سلام"), "\u2068سلام\u2069"},
		{"ASCII in HTML", safetext.Isolate("lab-1"), "lab-1"},
		{"a formula", safetext.Cell(`=cmd|'\`), `'=cmd|'\\`},
		{"an apostrophe", safetext.Cell("'a"), "''a"},
		{"a Windows name", safetext.Cell(`DOMAIN\ana`), `DOMAIN\ana`},
		{"a number", safetext.Cell("-12.5e-3"), "-12.5e-3"},
		{"no number", safetext.Cell("-2+3"), "'-2+3"},
		{"a row", string(safetext.AppendRow(nil, "a", `b"c`, "x;=1", "-1", "c; d")), `a,"b""c",'x\x3b=1,-1,"c; d"`},
	} {
		if test.got != test.want {
			t.Errorf("%s: %+q, want %+q", test.name, test.got, test.want)
		}
	}
	if w := safetext.Width("官e\u0301a"); w != 4 {
		t.Errorf("a width of %d columns, want 4", w)
	}
	if _, err := safetext.ParseCell(`'\q`); err == nil {
		t.Error("a cell with an unknown escape sequence was read")
	}
}
