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
