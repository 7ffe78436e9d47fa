package schema

import (
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/schemas"
)

// ambiguous are patterns that taking all one can would get wrong, or that are no sequence of classes.
var ambiguous = []string{`^a*ab$`, `^[a-z]{1,3}[a-c]$`, `^a{0,1}a$`, `^[a-z.]{1,80}\.v[0-9]$`, `^x(ab)*$`, `a`, `^a`, `^a|b$`, `^.$`, `^(?i)k$`, `^\bx$`}

func TestPatternsByHand(t *testing.T) {
	quoted := regexp.MustCompile(`"pattern": ("(?:[^"\\]|\\.)*")`)
	patterns := map[string]bool{`^a?b*c+d{2}e{2,}$`: true, `^(a|bc|)d$`: true, `^a?a$`: true}
	for _, typ := range append(schemas.Types(), schemas.EventName) {
		file, ok := schemas.Event(typ)
		if !ok {
			file = schemas.EventLine()
		}
		for _, m := range quoted.FindAllSubmatch(file, -1) {
			patterns[strings.ReplaceAll(strings.Trim(string(m[1]), `"`), `\\`, `\`)] = true
		}
	}
	for source := range patterns {
		p, err := compilePattern(source)
		if err != nil {
			t.Fatal(err)
		}
		if p.alternatives == nil {
			t.Errorf("%s is left to package regexp, which is slow", source)
		}
	}
	for _, source := range ambiguous {
		p, err := compilePattern(source)
		if err != nil {
			t.Fatal(err)
		}
		if p.alternatives != nil {
			t.Errorf("%s is matched by hand, which is wrong", source)
		}
		patterns[source] = true
	}
	for source := range patterns {
		p, err := compilePattern(source)
		if err != nil {
			t.Fatal(err)
		}
		matching := rapid.StringMatching(source)
		rapid.Check(t, func(t *rapid.T) {
			s := []byte(matching.Draw(t, "s"))
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 1:
				s = append(s, rapid.Byte().Draw(t, "byte"))
			case 2:
				if len(s) > 0 {
					s = s[:len(s)-1]
				}
			case 3:
				if len(s) > 0 {
					s[rapid.IntRange(0, len(s)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
				}
			}
			if got, want := p.match(s), p.regexp.Match(s); got != want {
				t.Fatalf("%s matches %q: %t, but %t for package regexp", source, s, got, want)
			}
		})
	}
}

func TestDecimal(t *testing.T) {
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = a + "0"
		}
		x, ok := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok || !ok2 {
			t.Skip()
		}
		d, e := parseDecimal([]byte(a)), parseDecimal([]byte(b))
		if d.compare(e) != x.Cmp(y) {
			t.Errorf("%s and %s compare as %d", a, b, d.compare(e))
		}
		if d.isInteger() != x.IsInt() {
			t.Errorf("%s is an integer: %t", a, d.isInteger())
		}
	})
	huge, tiny, one := parseDecimal([]byte("1e99999999999999999999")), parseDecimal([]byte("-1e-99999999999999999999")), parseDecimal([]byte("1"))
	if huge.compare(one) != 1 || one.compare(tiny) != 1 || tiny.isInteger() || !huge.isInteger() {
		t.Error("exponents do not saturate")
	}
}

// TestUTC checks that what is taken for a time is the pattern's and package time's intersection, and the only form
// in which registry events can carry one.
func TestUTC(t *testing.T) {
	pattern := regexp.MustCompile(utcPattern)
	// Of each field, what is always right, what is right with some others, and what is wrong.
	fields := [][]string{
		{"2024", "2000", "1900", "2026", "0000", "9999", "+026", "-001", "202"}, {"-", "/"}, {"01", "12", "02", "04", "00", "13", "1x"}, {"-", "T"},
		{"01", "28", "29", "30", "31", "00", "32"}, {"T", "t", " "}, {"00", "23", "24"}, {":", "-"}, {"00", "59", "60"}, {":", ""},
		{"00", "59", "60"}, {"", ".0", ".123456789", ".1234567890", ".", ",5"}, {"Z", "z", "+00:00", "", "Z\n"},
	}
	rapid.Check(t, func(t *rapid.T) {
		odd := rapid.SliceOfN(rapid.IntRange(0, len(fields)-1), 0, 3).Draw(t, "odd")
		var b strings.Builder
		for i, values := range fields {
			if slices.Contains(odd, i) {
				b.WriteString(rapid.SampledFrom(values).Draw(t, "value"))
			} else {
				b.WriteString(values[0])
			}
		}
		s := b.String()
		_, err := time.Parse(time.RFC3339, s)
		if got, want := isUTC([]byte(s)), err == nil && pattern.MatchString(s); got != want {
			t.Errorf("%q: %t, not %t (%v)", s, got, want, err)
		}
	})
}

func TestUnescape(t *testing.T) {
	texts := rapid.SliceOf(rapid.SampledFrom([]string{`a`, `é`, `𝒮`, `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u00e9`, `\u2028`, `\uD835\udcae`, `\uffff`}))
	rapid.Check(t, func(t *rapid.T) {
		text := `"` + strings.Join(texts.Draw(t, "text"), "") + `"`
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		w := walker{b: []byte(text)}
		s, escaped, ok := w.string()
		if escaped {
			s = unescape(s)
		}
		if !ok || w.i != len(text) || string(s) != want {
			t.Errorf("%s is read as %q, not %q", text, s, want)
		}
	})
}
