package connect_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/saksi-ledger/saksi/events/connect"
)

// TestCSVDamage: a row that can't be read is left out and named, and the others
// stay.
func TestCSVDamage(t *testing.T) {
	long := strings.Repeat("x", connect.MaxRecord)
	for name, test := range map[string]struct {
		content string
		format  connect.CSV
		want    string // a and b of each row
		damage  string // line, count, words
	}{
		"rows":              {"a,b\n1,2\n3,4\n", connect.CSV{}, "1/2 3/4", ""},
		"no last line end":  {"a,b\r\n1,2\r\n3,4", connect.CSV{}, "1/2 3/4", ""},
		"only names":        {"a,b\n", connect.CSV{}, "", ""},
		"blank lines":       {"\n\na,b\n\n1,2\n\r\n3,4\n\n", connect.CSV{}, "1/2 3/4", ""},
		"quotes":            {"a,b\n\"1,\"\"x\"\"\n\",2\n\"\",\"\"\n", connect.CSV{}, "1,\"x\"\n/2 /", ""},
		"given names":       {"1;2\n", connect.CSV{Comma: ';', Columns: []string{"a", "b"}}, "1/2", ""},
		"lines before":      {"Report\n\"of\na,b\n1,2\n", connect.CSV{Skip: 2}, "1/2", ""},
		"too few":           {"a,b\n1\n3,4\n", connect.CSV{}, "3/4", "2 1 a row of 1 fields"},
		"too many":          {"a,b\n1,2,3\n3,4,5\n3,4\n", connect.CSV{}, "3/4", "2 2 a row of 3 fields"},
		"lost quote":        {"a,b\n1,\"2\n3,\"4\"\n5,6\n", connect.CSV{}, "5/6", "2 2 byte 4 of the line follows a quotation mark"},
		"quote inside":      {"a,b\n1,2\"\n3,4\n", connect.CSV{}, "3/4", "2 1 byte 4 of the line is a quotation mark in a field"},
		"return inside":     {"a,b\n\"1\"\rx,2\n3,4\n", connect.CSV{}, "3/4", "2 1 byte 5 of the line follows a quotation mark"},
		"never closed":      {"a,b\n1,2\n3,\"4\n5,6\n", connect.CSV{}, "1/2", "3 0 the file ends in the middle"},
		"too long":          {"a,b\n1,\"" + long + "\n3,4\n5,6\n", connect.CSV{}, "3/4 5/6", "2 1 a row of more than 1048576 bytes"},
		"not UTF-8":         {"a,b\n1,\xff\n3,4\n", connect.CSV{}, "3/4", "2 1 column \"b\" is not UTF-8"},
		"name not UTF-8":    {"a,\xff\n1,2\n", connect.CSV{}, "", "1 0 the name of column 2 is not UTF-8"},
		"same name twice":   {"a,a\n1,2\n", connect.CSV{}, "", "1 0 two columns are called \"a\""},
		"names broken":      {"a,\"b\"x\n1,2\n", connect.CSV{}, "", "1 0 the names of the columns can't be read"},
		"JSON all the same": {"[{\"a\":\"1\",\"b\":\"2\"}]", connect.CSV{}, "1/2", ""},
	} {
		var got, damage []string
		for record, err := range connect.Read(iotest.HalfReader(strings.NewReader(test.content)), "log", connect.Format{CSV: &test.format}) {
			if err == nil {
				got = append(got, textOf(t, record.Raw, "a")+"/"+textOf(t, record.Raw, "b"))
				continue
			}
			var d *connect.DamageError
			if !errors.As(err, &d) || d.Ended == (d.Count > 0) {
				t.Fatalf("%s: %v", name, err)
			}
			damage = append(damage, fmt.Sprintf("%d %d %v", d.Line, d.Count, d.Err))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: read %q, want %q", name, got, test.want)
		}
		if len(damage) != min(1, len(test.damage)) || len(damage) == 1 && !strings.HasPrefix(damage[0], test.damage) {
			t.Errorf("%s: damage %q, want %q", name, damage, test.damage)
		}
	}
}

// TestBare leaves objects as they are, and reports each bad one by itself.
func TestBare(t *testing.T) {
	const content = "{\"Records\":[{\"a\":1}]}\nx\ny\n{\"detail-type\":\"x\",\"detail\":{}}\n"
	var got []string
	for record, err := range connect.Read(strings.NewReader(content), "log", connect.Format{Bare: true, Apart: true}) {
		var d *connect.DamageError
		if errors.As(err, &d) {
			got = append(got, fmt.Sprintf("line %d, %d", d.Line, d.Count))
		} else {
			got = append(got, string(record.Raw))
		}
	}
	want := []string{`{"Records":[{"a":1}]}`, "line 2, 1", "line 3, 1", `{"detail-type":"x","detail":{}}`}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// TestWrapped: what can't be taken out of its wrapper is damage, and what only
// looks like one is a record.
func TestWrapped(t *testing.T) {
	nested := `{"a":1}`
	for range 6 {
		nested = `{"detail-type":"x","detail":` + nested + `}`
	}
	for content, want := range map[string]string{
		`{"CloudTrailEvent":"{\"a\":1}"}`:                       `{"a":1}`,
		`{"CloudTrailEvent":"nonsense"}`:                        `"CloudTrailEvent" is not one JSON object`,
		`{"CloudTrailEvent":"{\"a\":1}{\"b\":2}"}`:              `is not one JSON object`,
		`{"CloudTrailEvent":"{\"a\":1,\"a\":2}"}`:               `is not one JSON object`,
		`{"message":"{\"a\":1}"}`:                               `{"message":"{\"a\":1}"}`,
		`{"message":"hello","timestamp":1}`:                     `{"message":"hello","timestamp":1}`,
		`{"event":"{\"a\":1}"}`:                                 `{"event":"{\"a\":1}"}`,
		`{"events":["x"],"detail":{}}`:                          `{"events":["x"],"detail":{}}`,
		`{"events":[ ]}`:                                        `{"events":[ ]}`,
		`[{"events":[{"a":1},{"detail-type":"","detail":{}}]}]`: `{"a":1} {}`,
		nested: `more than 4 wrappers`,
		`{"CloudTrailEvent":"` + strings.Repeat(`[`, 200) + `"}`:                                    `is not one JSON object`,
		`{"CloudTrailEvent":"{\"a\":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}"}`: `nested more than 100 deep`,
	} {
		records, damage := collect(content, "log")
		got := strings.Join(records, " ")
		for _, err := range damage {
			got += err.Error()
		}
		if got != want && (len(damage) == 0 || !strings.Contains(got, want)) {
			t.Errorf("%s: %s, want %s", content, got, want)
		}
	}
}
