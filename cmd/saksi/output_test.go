package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTablesFitTheTerminal: a narrow terminal wraps long cells, and cuts off no
// column.
func TestTablesFitTheTerminal(t *testing.T) {
	out := result{columns: []string{"severity", "rule", "summary", "evidence"}, rows: [][]any{
		{"high", "sequence-gap", strings.Repeat("between one envelope and the next some are missing ", 3), "1412/3 1413/0"},
		{"low", "late-record", "short", "7/0"},
	}}
	for _, width := range []int{0, 60, 80, 200} {
		var b strings.Builder
		out.table(&b, width)
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); width > 0 && n > width {
				t.Errorf("width %d: a line of %d: %s", width, n, line)
			}
		}
		for _, cell := range []string{"EVIDENCE", "1412/3", "7/0", "sequence-gap", "missing"} {
			if !strings.Contains(b.String(), cell) {
				t.Errorf("width %d: no %q in\n%s", width, cell, b.String())
			}
		}
	}
}

// A terminal that is too narrow for all columns shows the first and the last, and names
// those that it leaves out.
func TestTablesSayWhatTheyLeaveOut(t *testing.T) {
	out := result{columns: []string{"order", "operator", "recorder", "due", "held"}, spare: []string{"recorder"}}
	out.rows = [][]any{{"order-0001-2026", "operator-1234567", "recorder-7654321", "2026-12-01T00:00:00Z", "yes"}}
	var b strings.Builder
	out.table(&b, 30)
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 30 && !strings.HasPrefix(line, "Left out") {
			t.Errorf("a line of %d: %s", n, line)
		}
	}
	for _, want := range []string{"ORDER", "HELD", "yes", "Left out in so narrow a terminal: recorder, due"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
