package cmdline

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/saksi-ledger/saksi/events/safetext"
)

// TestTablesFitTheTerminal: a narrow terminal wraps long cells, and cuts off no
// column.
func TestTablesFitTheTerminal(t *testing.T) {
	out := Result{Columns: []string{"severity", "rule", "summary", "evidence"}, Rows: [][]any{
		{"high", "sequence-gap", strings.Repeat("between one envelope and the next some are missing ", 3), "1412/3 1413/0"},
		{"low", "late-record", "short", "7/0"},
	}}
	for _, width := range []int{0, 60, 80, 200} {
		text := out.table(width, false)
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); width > 0 && n > width {
				t.Errorf("width %d: a line of %d: %s", width, n, line)
			}
		}
		for _, cell := range []string{"EVIDENCE", "1412/3", "7/0", "sequence-gap", "missing"} {
			if !strings.Contains(text, cell) {
				t.Errorf("width %d: no %q in\n%s", width, cell, text)
			}
		}
	}
}

// A terminal that is too narrow for all columns shows the first and the last, and names
// those that it leaves out.
func TestTablesSayWhatTheyLeaveOut(t *testing.T) {
	out := Result{Columns: []string{"order", "operator", "recorder", "due", "held"}, Collapsible: []string{"recorder"}}
	out.Rows = [][]any{{"order-0001-2026", "operator-1234567", "recorder-7654321", "2026-12-01T00:00:00Z", "yes"}}
	text := out.table(30, false)
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 30 && !strings.HasPrefix(line, "Left out") {
			t.Errorf("a line of %d: %s", n, line)
		}
	}
	for _, want := range []string{"ORDER", "HELD", "yes", "Left out in so narrow a terminal: recorder, due"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// What somebody else wrote steers no terminal, makes no line of its own and is no formula, in any format; CSV and JSON
// give it back exactly.
func TestForeignTextInResults(t *testing.T) {
	foreign := "=cmd|' /C calc'!A0;\x1b[2J\u009b31m\nProven:   \u202e\u2028\u3164"
	out := Result{Columns: []string{"who", "n"}, Rows: [][]any{{foreign, -1}}, Note: "The reason: " + safetext.Line(foreign) + "\nThe end."}
	steers := func(r rune) bool {
		return r != '\n' && !unicode.IsPrint(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
	}

	table := out.table(80, false)
	if strings.ContainsFunc(table, steers) || strings.Contains(table, "\nProven:") || !strings.Contains(table, "\nThe reason: =cmd") {
		t.Errorf("the table is %q", table)
	}

	var rows strings.Builder
	if err := out.csv(&rows); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(rows.String(), steers) {
		t.Errorf("the CSV is %q", rows.String())
	}
	read, err := csv.NewReader(strings.NewReader(rows.String())).ReadAll()
	if err != nil || len(read) != 2 || read[1][1] != "-1" || !strings.HasPrefix(read[1][0], "'=") {
		t.Fatalf("the CSV is read as %q: %v", read, err)
	}
	if back, err := safetext.ParseCell(read[1][0]); err != nil || back != foreign {
		t.Errorf("the cell is read as %q: %v", back, err)
	}

	var text strings.Builder
	if err := json.NewEncoder(terminalJSON{&text}).Encode(foreign); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal([]byte(text.String()), &back); err != nil || back != foreign || strings.ContainsFunc(text.String(), steers) {
		t.Errorf("JSON on a terminal is %q: %v", text.String(), err)
	}
}
