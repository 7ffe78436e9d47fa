package connect_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/events/connect"
)

// naive reads the records of a whole log at once, with the standard library: a
// second implementation of [connect.Read] for logs that are well-formed.
func naive(content []byte) (records []any, err error) {
	if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		unzip, err := gzip.NewReader(bytes.NewReader(content)) // of all members
		if err != nil {
			return nil, err
		}
		if content, err = io.ReadAll(unzip); err != nil {
			return nil, err
		}
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	var plain [][]byte
	for _, line := range bytes.Split(content, []byte("\n")) {
		if time, rest, ok := bytes.Cut(line, []byte(" {")); ok && len(time) > 0 && time[0] == '2' {
			line = append([]byte("{"), rest...)
		}
		plain = append(plain, line)
	}
	decoder := json.NewDecoder(bytes.NewReader(bytes.Join(plain, []byte("\n"))))
	for {
		var v any
		if err := decoder.Decode(&v); err == io.EOF {
			return records, nil
		} else if err != nil {
			return nil, err
		}
		if list, ok := v.([]any); ok {
			for _, v := range list {
				records = append(records, naiveUnwrap(v)...)
			}
			continue
		}
		records = append(records, naiveUnwrap(v)...)
	}
}

func naiveUnwrap(v any) []any {
	object := v.(map[string]any)
	for _, name := range []string{"Records", "records", "Events", "events", "logEvents"} {
		if list, ok := object[name].([]any); ok {
			var all []any
			for _, v := range list {
				all = append(all, naiveUnwrap(v)...)
			}
			return all
		}
	}
	if object["detail-type"] != nil {
		return naiveUnwrap(object["detail"])
	}
	if contents, ok := object["contents"].(map[string]any); ok {
		object = contents
	}
	for _, name := range []string{"CloudTrailEvent", "event", "message", "@message"} {
		if text, ok := object[name].(string); ok {
			var inner any
			if json.Unmarshal([]byte(text), &inner) == nil {
				return naiveUnwrap(inner)
			}
		}
	}
	return []any{v}
}

// someRecord draws a record, as JSON on one line. Its members' names are none of
// those by which wrappers are known. It has a member: an empty object that stands whole on
// its line makes a file JSON Lines, where objects over several lines are damage.
func someRecord(t *rapid.T) []byte {
	b, err := json.Marshal(rapid.MapOfN(rapid.StringMatching(`[a-c]{1,3}`), someValue(3), 1, 4).Draw(t, "record"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func someValue(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.String().AsAny(), rapid.SampledFrom([]any{nil, true, false, 0, -1.5e300, 7, `"`, `\`, "}{][", "\n{\"x\":1}", "\u2028"}).AsAny(),
		rapid.StringMatching(`[{}\[\]",:\\ \n]{0,8}`).AsAny(),
	}
	if depth > 0 {
		leaves = append(leaves,
			rapid.SliceOfN(someValue(depth-1), 0, 3).AsAny(),
			rapid.MapOfN(rapid.StringMatching(`[a-c]{1,3}`), someValue(depth-1), 0, 3).AsAny())
	}
	return rapid.OneOf(leaves...)
}

// quoted returns JSON as a JSON string.
func quoted(record []byte) string {
	b, _ := json.Marshal(string(record)) // a string always can
	return string(b)
}

// forms are the ways to write records down. Each makes a whole log.
var forms = map[string]func(records [][]byte) string{
	"lines":        func(r [][]byte) string { return join(r, "\n", "%s") + "\n" },
	"CRLF":         func(r [][]byte) string { return join(r, "\r\n", "%s") + "\r\n\r\n" },
	"concatenated": func(r [][]byte) string { return join(r, "", "%s") },
	"array":        func(r [][]byte) string { return "[" + join(r, ",", "%s") + "]" },
	"array, lines": func(r [][]byte) string { return "[\n" + join(r, " ,\n", "  %s") + "\n]\n" },
	"pretty": func(r [][]byte) string {
		var all []string
		for _, record := range r {
			var b bytes.Buffer
			_ = json.Indent(&b, record, "", "  ")
			all = append(all, b.String())
		}
		return strings.Join(all, "\n")
	},
	"Records": func(r [][]byte) string { return `{"Records":[` + join(r, ",", "%s") + `]}` },
	"late Records": func(r [][]byte) string {
		return `{"version":"1", "x":{"Records":[{"no":1}]}, "Records" : [` + join(r, ", ", "%s") + `] , "n": [1,{}]}`
	},
	"records":       func(r [][]byte) string { return `{"records":[` + join(r, ",", "%s") + `]}` + "\n" + `{"records":[]}` },
	"a list a line": func(r [][]byte) string { return join(r, "\n", `{"Records":[%s]}`) },
	"lookup-events": func(r [][]byte) string {
		return `{"Events":[` + joinQuoted(r, ",", `{"EventId":"1","CloudTrailEvent":%s}`) + `],"NextToken":"x"}`
	},
	"EventBridge": func(r [][]byte) string {
		return join(r, "\n", `{"version":"0","detail-type":"x","source":"aws.x","detail":%s}`)
	},
	"log service": func(r [][]byte) string {
		return joinQuoted(r, "\n", `{"timestamp":1,"source":"x","contents":{"event":%s,"__topic__":"t"}}`)
	},
	"log service's export": func(r [][]byte) string { return joinQuoted(r, "\n", `{"__time__":1,"__topic__":"t","event":%s}`) },
	"export":               func(r [][]byte) string { return join(r, "\n", "2026-11-20T10:00:01.000Z %s") },
	"filter-log-events": func(r [][]byte) string {
		return `{"events":[` + joinQuoted(r, ",", `{"timestamp":1,"message":%s}`) + `]}`
	},
	"subscription": func(r [][]byte) string {
		return joinQuoted(r, "", `{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","message":%s}]}`)
	},
	"Insights": func(r [][]byte) string { return `[` + joinQuoted(r, ",", `{"@timestamp":"1","@message":%s}`) + `]` },
}

func join(records [][]byte, between, format string) string {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprintf(format, r))
	}
	return strings.Join(all, between)
}

func joinQuoted(records [][]byte, between, format string) string {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprintf(format, quoted(r)))
	}
	return strings.Join(all, between)
}

// packings are the ways to keep a log, given where it may be cut in two.
var packings = map[string]func(content string, cut int) string{
	"plain":       func(s string, _ int) string { return s },
	"with a mark": func(s string, _ int) string { return "\ufeff" + s },
	"gzip":        func(s string, _ int) string { return zip(s) },
	"two members": func(s string, cut int) string { return zip(s[:cut]) + zip("") + zip(s[cut:]) },
	"zstd":        func(s string, _ int) string { return frame(s) },
	"two frames":  func(s string, cut int) string { return frame(s[:cut]) + frame(s[cut:]) },
}

func frame(s string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

// TestForms writes any records down in each form and keeps them in each way: they
// are read as a naive reader of the standard library reads them, none is lost and
// none is made up.
func TestForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		var records [][]byte
		var want []any
		for range n {
			record := someRecord(t)
			var v any
			if err := json.Unmarshal(record, &v); err != nil {
				t.Fatal(err)
			}
			records, want = append(records, record), append(want, v)
		}
		form := rapid.SampledFrom(slices.Sorted(maps.Keys(forms))).Draw(t, "form")
		packing := rapid.SampledFrom(slices.Sorted(maps.Keys(packings))).Draw(t, "packing")
		content := forms[form](records)
		packed := packings[packing](content, rapid.IntRange(0, len(content)).Draw(t, "cut"))

		var got []any
		for record, err := range connect.Read(strings.NewReader(packed), "log", connect.Format{}) {
			if err != nil {
				t.Fatalf("%s, %s: %v\n%s", form, packing, err, content)
			}
			var v any
			if err := json.Unmarshal(record.Raw, &v); err != nil {
				t.Fatal(err)
			}
			got = append(got, v)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s, %s: read %v, want %v\n%s", form, packing, got, want, content)
		}
		if strings.HasPrefix(packing, "zstd") || packing == "two frames" {
			packed = content
		}
		second, err := naive([]byte(packed))
		if err != nil || !reflect.DeepEqual(second, want) {
			t.Fatalf("%s, %s: the naive reader reads %v, want %v (%v)\n%s", form, packing, second, want, err, content)
		}
	})
}

// TestCSV writes any rows with the standard library: they are read as it reads
// them.
func TestCSV(t *testing.T) {
	field := rapid.OneOf(rapid.StringMatching(`[a-z]{0,4}`), rapid.StringMatching(`[,;"\n a-b]{0,6}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Z]{1,3}`), 1, 4, rapid.ID[string]).Draw(t, "columns")
		rows := rapid.SliceOfN(rapid.SliceOfN(field, len(columns), len(columns)), 0, 5).Draw(t, "rows")
		comma := rapid.SampledFrom([]rune{',', ';', '\t'}).Draw(t, "comma")
		var b bytes.Buffer
		if rapid.Bool().Draw(t, "mark") {
			b.WriteString("\ufeff")
		}
		skip := rapid.IntRange(0, 2).Draw(t, "skip")
		b.WriteString(strings.Repeat("Report of a system\n", skip))
		start := b.Len()
		w := csv.NewWriter(&b)
		w.Comma = comma
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		_ = w.Write(columns)
		for _, row := range rows {
			_ = w.Write(row)
		}
		w.Flush()
		reader := csv.NewReader(bytes.NewReader(b.Bytes()[start:]))
		reader.Comma = comma
		all, err := reader.ReadAll()
		if err != nil {
			t.Skip("the standard library doesn't read what it writes") // a row of one empty field, among others
		}
		var want []map[string]string
		for _, row := range all[1:] {
			object := map[string]string{}
			for i, name := range columns {
				object[name] = row[i]
			}
			want = append(want, object)
		}
		var got []map[string]string
		for record, err := range connect.Read(&b, "log", connect.Format{CSV: &connect.CSV{Comma: byte(comma), Skip: skip}}) {
			if err != nil {
				t.Fatalf("%v\n%q", err, all)
			}
			var object map[string]string
			if err := json.Unmarshal(record.Raw, &object); err != nil {
				t.Fatal(err)
			}
			// Inside of quotes encoding/csv makes \n of \r\n; here a field is as it stands.
			for name, text := range object {
				object[name] = strings.ReplaceAll(text, "\r\n", "\n")
			}
			got = append(got, object)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("read %q, want %q", got, want)
		}
	})
}
