package schema

import (
	"math/big"
	"regexp"
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
	field := func(values ...string) *rapid.Generator[string] { return rapid.SampledFrom(values) }
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for _, g := range []*rapid.Generator[string]{
			field("0000", "1900", "2000", "2024", "2026", "9999", "+026", "-001", "202"), field("-", "-", "-", "/"), field("00", "01", "02", "04", "12", "13", "1x"), field("-"),
			field("00", "01", "28", "29", "30", "31", "32"), field("T", "T", "T", "t", " "), field("00", "23", "24"), field(":"), field("00", "59", "60"), field(":"),
			field("00", "59", "60"), field("", "", ".0", ".123456789", ".1234567890", ".", ",5"), field("Z", "Z", "Z", "z", "+00:00", "", "Z\n"),
		} {
			b.WriteString(g.Draw(t, "field"))
		}
		s := b.String()
		_, err := time.Parse(time.RFC3339, s)
		if got, want := isUTC([]byte(s)), err == nil && pattern.MatchString(s); got != want {
			t.Errorf("%q: %t, not %t (%v)", s, got, want, err)
		}
	})
}
