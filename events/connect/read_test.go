package connect_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/saksi-ledger/saksi/events/connect"
)

func zip(content string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, content)
	_ = w.Close()
	return b.String()
}

func TestRead(t *testing.T) {
	big := `{"a":"` + strings.Repeat("x", connect.MaxRecord) + `"}`
	full := `{"a":"` + strings.Repeat("x", connect.MaxRecord-8) + `"}`
	deep := `{"a":` + strings.Repeat("[", connect.MaxDepth) + strings.Repeat("]", connect.MaxDepth) + `}`
	deepest := `{"a":` + strings.Repeat("[", connect.MaxDepth-1) + strings.Repeat("]", connect.MaxDepth-1) + `}`
	type damage struct {
		line  int
		count int
		ended bool
		words string
	}
	for name, test := range map[string]struct {
		content string
		records []string
		damage  []damage
	}{
		"wrapper":             {`{"Records":[{"a":1},{"b":2}]}`, []string{`{"a":1}`, `{"b":2}`}, nil},
		"wrapper with space":  {"\ufeff \n{ \"Records\" :\r\n[ {\"a\": 1}\t, {} ] } \n", []string{`{"a": 1}`, `{}`}, nil},
		"no records":          {`{"Records":[]}`, nil, nil},
		"array":               {`[{"a":1},{"b":2}]`, []string{`{"a":1}`, `{"b":2}`}, nil},
		"empty array":         {`[]`, nil, nil},
		"wrappers in a row":   {`{"Records":[{"a":1}]}{"Records":[]}` + "\n[{\"b\":2}]", []string{`{"a":1}`, `{"b":2}`}, nil},
		"lines":               {"{\"a\":1}\n\n  {\"b\":2} \r\n{\"c\":3}", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}, nil},
		"values":              {`[{"a":[-0.5e+7,0,1E9,true,false,null,"\u00e4\\\"\n",{},[]]}]`, []string{`{"a":[-0.5e+7,0,1E9,true,false,null,"\u00e4\\\"\n",{},[]]}`}, nil},
		"largest":             {`[` + full + `]`, []string{full}, nil},
		"deepest":             {`[` + deepest + `]`, []string{deepest}, nil},
		"gzip":                {zip(`[{"a":1}]`), []string{`{"a":1}`}, nil},
		"gzip lines":          {zip("{\"a\":1}\n{\"b\":2}"), []string{`{"a":1}`, `{"b":2}`}, nil},
		"empty":               {"", nil, []damage{{1, 0, true, "empty"}}},
		"white space":         {" \n\n", nil, []damage{{3, 0, true, "empty"}}},
		"gzip of nothing":     {zip(""), nil, []damage{{1, 0, true, "empty"}}},
		"cut off in a record": {`{"Records":[{"a":1},{"b":`, []string{`{"a":1}`}, []damage{{1, 0, true, "ends in the middle"}}},
		"cut off in a list":   {`{"Records":[{"a":1}`, []string{`{"a":1}`}, []damage{{1, 0, true, "ends in the middle"}}},
		"cut off after comma": {`[{"a":1},`, []string{`{"a":1}`}, []damage{{1, 0, true, "ends in the middle"}}},
		"cut off wrapper":     {`{"Records":[{"a":1}]`, []string{`{"a":1}`}, []damage{{1, 0, true, "ends in the middle"}}},
		"cut off line":        {"{\"a\":1}\n{\"b\":", []string{`{"a":1}`}, []damage{{2, 0, true, "ends in the middle"}}},
		"garbage line":        {"{\"a\":1}\ngarbage\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}, []damage{{2, 1, false, "byte 1 of this line"}}},
		"list as a line":      {"{\"a\":1}\n[ERROR]\n[{\"x\":1}]\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}, []damage{{2, 2, false, "byte 1 of this line"}}},
		"wrapper as a line":   {"{\"a\":1}\n{\"Records\":[\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}, []damage{{2, 1, false, "broken JSON 0 bytes"}}},
		"garbage lines": {"{\"a\":1}\n\x00\x00\n{\"torn\":\n{\"torn\":\"\n{\"b\":2}\nx\n{\"c\":3}", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`},
			[]damage{{2, 3, false, "2 more after it"}, {6, 1, false, "left out"}}},
		"two on a line":          {"{\"a\":1}{\"b\":2}\n{\"c\":3}\n", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}, nil},
		"tail on a line":         {"{\"a\":1} x\n{\"c\":3}\n", []string{`{"a":1}`, `{"c":3}`}, []damage{{1, 1, false, "byte 9 of this line"}}},
		"other type on lines":    {"{\"a\":1}\n5\n\"x\"\nnull\n{\"b\":2}", []string{`{"a":1}`, `{"b":2}`}, []damage{{2, 3, false, "byte 1 of this line"}}},
		"huge line":              {big + "\n{\"b\":2}", []string{`{"b":2}`}, []damage{{1, 1, false, "1048584 bytes"}}},
		"pretty-printed":         {"{\n  \"a\": {\n    \"b\": 1\n  }\n}\n", []string{"{\n  \"a\": {\n    \"b\": 1\n  }\n}"}, nil},
		"only garbage":           {"# Licence\n\nsee [there]\n", nil, []damage{{1, 2, false, "byte 1"}}},
		"wrong types":            {`[{"a":1},5,"x",[{"c":3}],null,{"b":2}]`, []string{`{"a":1}`, `{"b":2}`}, []damage{{1, 4, false, "JSON object"}}},
		"huge record":            {`[{"a":1},` + big + `,{"b":2}]`, []string{`{"a":1}`, `{"b":2}`}, []damage{{1, 1, false, "1048584 bytes"}}},
		"deep record":            {`[{"a":1},` + deep + `,{"b":2}]`, []string{`{"a":1}`, `{"b":2}`}, []damage{{1, 1, false, "nested 101 deep"}}},
		"bottomless":             {`[{"a":1},` + strings.Repeat("[", 2<<20), []string{`{"a":1}`}, []damage{{1, 0, true, "broken JSON 1048576 bytes"}}},
		"duplicate names":        {`[{"a":1},{"b":1,"b":2},{"c":3}]`, []string{`{"a":1}`, `{"c":3}`}, []damage{{1, 1, false, "same name twice"}}},
		"invalid UTF-8":          {"[{\"a\":1},\n{\"b\":\"\xff\"},{\"c\":3}]", []string{`{"a":1}`, `{"c":3}`}, []damage{{2, 1, false, "not UTF-8"}}},
		"lone surrogate":         {`[{"b":"\ud800"},{"c":3}]`, []string{`{"c":3}`}, []damage{{1, 1, false, "not UTF-8"}}},
		"NUL":                    {"[{\"a\":1},\n{\"b\":\x00},{\"c\":3}]", []string{`{"a":1}`}, []damage{{2, 0, true, "broken JSON 5 bytes"}}},
		"NUL in a string":        {"[{\"a\":1},{\"b\":\"\x00\"},{\"c\":3}]", []string{`{"a":1}`}, []damage{{1, 0, true, "broken JSON"}}},
		"lost quote":             {`[{"a":1},{"b":"x},{"c":"},{\"planted\":1},{"}]`, []string{`{"a":1}`}, []damage{{1, 0, true, "broken JSON"}}},
		"lost comma":             {`[{"a":1}{"b":2}]`, []string{`{"a":1}`}, []damage{{1, 0, true, "want , or ]"}}},
		"comma too many":         {`[{"a":1},]`, []string{`{"a":1}`}, []damage{{1, 0, true, "broken JSON 0 bytes"}}},
		"wrapper goes on":        {`{"Records":[{"a":1}],"x":1}`, []string{`{"a":1}`}, nil},
		"wrapper not closed":     {`{"Records":[{"a":1}]"x":1}`, []string{`{"a":1}`}, []damage{{1, 0, true, "byte 21 of this line"}}},
		"appended record":        {`{"Records":[{"a":1}]}{"b":2}`, []string{`{"a":1}`, `{"b":2}`}, nil},
		"appended bytes":         {`{"Records":[{"a":1}]} x`, []string{`{"a":1}`}, []damage{{1, 1, false, "byte 23 of this line"}}},
		"appended to lines":      {"{\"Records\":[\n{\"a\":1}]} x", []string{`{"a":1}`}, []damage{{2, 0, true, "want the end"}}},
		"bad number":             {`[{"a":01}]`, nil, []damage{{1, 0, true, "broken JSON 6 bytes"}}},
		"bad point":              {`[{"a":1.}]`, nil, []damage{{1, 0, true, "broken JSON 7 bytes"}}},
		"bad exponent":           {`[{"a":1e+}]`, nil, []damage{{1, 0, true, "broken JSON 8 bytes"}}},
		"bad word":               {`[{"a":nul}]`, nil, []damage{{1, 0, true, "broken JSON 8 bytes"}}},
		"bad bracket":            {`[{"a":[}]}]`, nil, []damage{{1, 0, true, "broken JSON 6 bytes"}}},
		"gzip header only":       {zip(`[]`)[:6], nil, []damage{{1, 0, true, "cut off"}}},
		"gzip, other member":     {zip(`[{"a":1}]`) + zip(`[{"b":2}]`), []string{`{"a":1}`, `{"b":2}`}, nil},
		"gzip, bytes after":      {zip(`[{"a":1}]`) + "\x00", []string{`{"a":1}`}, []damage{{1, 0, true, "bytes follow"}}},
		"gzip line, bytes after": {zip(`{"a":1}`) + "x", []string{`{"a":1}`}, []damage{{1, 0, true, "bytes follow"}}},
		"gzip, wrong checksum":   {wrongChecksum(zip(`[{"a":1}]`)), []string{`{"a":1}`}, []damage{{1, 0, true, "checksum"}}},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once":      strings.NewReader(test.content),
				"byte by byte": iotest.OneByteReader(strings.NewReader(test.content)),
			} {
				var records []string
				var found []*connect.DamageError
				for record, err := range connect.Read(r, "log.json", connect.Format{}) {
					var d *connect.DamageError
					if errors.As(err, &d) {
						found = append(found, d)
						continue
					} else if err != nil {
						t.Fatal(err)
					}
					records = append(records, string(record.Raw))
					if plain, ok := at(test.content, record.Offset); ok && !strings.HasPrefix(plain, string(record.Raw)) {
						t.Errorf("%s: no record at byte %d", how, record.Offset)
					}
				}
				if !slices.Equal(records, test.records) {
					t.Errorf("%s: records %.200q, want %.200q", how, records, test.records)
				}
				if len(found) != len(test.damage) {
					t.Fatalf("%s: damage %v, want %v", how, found, test.damage)
				}
				for i, want := range test.damage {
					got := found[i]
					if got.File != "log.json" || got.Line != want.line || got.Count != want.count || got.Ended != want.ended {
						t.Errorf("%s: damage %+v (%v), want %+v", how, got, got, want)
					}
					if words := got.Error(); !strings.Contains(words, want.words) {
						t.Errorf("%s: %q doesn't say %q", how, words, want.words)
					}
				}
			}
		})
	}
}

func at(content string, offset int64) (string, bool) {
	if strings.HasPrefix(content, "\x1f\x8b") || offset > int64(len(content)) {
		return "", false
	}
	return content[offset:], true
}

func wrongChecksum(s string) string {
	b := []byte(s)
	b[len(b)-8] ^= 1
	return string(b)
}

// TestTruncated cuts a log at every byte: whatever was whole is read, no record
// appears that wasn't there, and only the whole file is without damage.
func TestTruncated(t *testing.T) {
	for name, whole := range map[string]string{
		"wrapper":    `{"Records":[{"a":"x"},{"b":[1,{"c":null}]},{"d":true}]}`,
		"lines":      "{\"a\":\"x\"}\n{\"b\":[1,{\"c\":null}]}\n{\"d\":true}\n",
		"gzip":       zip(`{"Records":[{"a":"x"},{"b":[1,{"c":null}]},{"d":true}]}`),
		"gzip lines": zip("{\"a\":\"x\"}\n{\"b\":[1,{\"c\":null}]}\n{\"d\":true}\n"),
	} {
		want, damage := collect(whole, name)
		if len(want) != 3 || len(damage) > 0 {
			t.Fatal(want, damage)
		}
		for n := range len(whole) {
			got, damage := collect(whole[:n], name)
			if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
				t.Errorf("%s, %d of %d bytes: read %q", name, n, len(whole), got)
			}
			// JSON Lines have no end that could be missing.
			boundary := name == "lines" && n > 0 && (whole[n] == '\n' || whole[n-1] == '\n')
			if (len(damage) == 0) != boundary {
				t.Errorf("%s, %d of %d bytes: damage %v", name, n, len(whole), damage)
			}
		}
	}
}

// TestMemory reads a gzip bomb: a record of 256 MiB, in a file of about one.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	pr, pw := io.Pipe()
	go func() {
		w, _ := gzip.NewWriterLevel(pw, gzip.BestSpeed)
		_, _ = io.WriteString(w, `[{"a":"`)
		block := bytes.Repeat([]byte("x"), 1<<20)
		for range 256 {
			_, _ = w.Write(block)
		}
		_, _ = io.WriteString(w, `"},{"b":2}]`)
		_ = w.Close()
		_ = pw.Close()
	}()
	var got []string
	var count int
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for record, err := range connect.Read(pr, "bomb", connect.Format{}) {
		if err != nil {
			count++
		} else {
			got = append(got, string(record.Raw))
		}
	}
	runtime.ReadMemStats(&after)
	if !slices.Equal(got, []string{`{"b":2}`}) || count != 1 {
		t.Errorf("read %q with %d damaged places", got, count)
	}
	// Everything that was ever allocated, the doublings of a growing buffer and
	// the writer's own included.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 16<<20 {
		t.Errorf("%d bytes allocated for a record of 256 MiB", allocated)
	}
}

// TestRawIsOwned keeps records while reading goes on, as a queue would.
func TestRawIsOwned(t *testing.T) {
	var kept [][]byte
	for record, err := range connect.Read(strings.NewReader(`[{"a":1},{"b":2},{"c":3}]`), "x", connect.Format{}) {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, record.Raw)
	}
	if got, want := string(bytes.Join(kept, nil)), `{"a":1}{"b":2}{"c":3}`; got != want {
		t.Errorf("kept %s, want %s", got, want)
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("cable pulled")
	for _, content := range []string{`[{"a":1},`, "{\"a\":1}\n", "{\"a\":1}"} {
		var got, damaged int
		for _, err := range connect.Read(io.MultiReader(strings.NewReader(content), iotest.ErrReader(broken)), "x", connect.Format{}) {
			if errors.Is(err, broken) {
				damaged++
			} else if err == nil {
				got++
			}
		}
		if got != 1 || damaged != 1 {
			t.Errorf("%q: %d records and %d damaged places, want one each", content, got, damaged)
		}
	}
}

func TestStopping(t *testing.T) {
	for content, most := range map[string]int{
		`[{"a":1},5,{"b":2},x`: 4, "x\n{\"a\":1}\nx\n{": 4, `[{"a":1},5,`: 3, "": 1,
	} {
		for stop := 1; stop <= most; stop++ {
			n := 0
			for range connect.Read(strings.NewReader(content), "x", connect.Format{}) { // panics if it goes on after a break
				if n++; n == stop {
					break
				}
			}
			if n != stop {
				t.Errorf("%q: stopped after %d, want %d", content, n, stop)
			}
		}
	}
}

func TestRecords(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "log.json.gz")
	if err := os.WriteFile(name, []byte(zip(readFile(t, "cloudtrail/testdata/log.json"))), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	for record, err := range connect.Records(name, connect.Format{}) {
		if err != nil || record.File != name {
			t.Fatal(record.File, err)
		}
		n++
	}
	if n != 11 {
		t.Errorf("%d records, want 11", n)
	}
	for _, err := range connect.Records(filepath.Join(dir, "missing.json"), connect.Format{}) {
		var damage *connect.DamageError
		if errors.As(err, &damage) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("missing file: %v", err)
		}
	}
}
