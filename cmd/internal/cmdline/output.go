package cmdline

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"

	"github.com/saksi-ledger/saksi/events/safetext"
)

// Result is what a command prints: a document for programs, rows for people.
type Result struct {
	// Document is the JSON.
	Document any
	// Columns and Rows are the table and the CSV. Without columns it is a table of two
	// columns, what and value, without a head.
	Columns []string
	Rows    [][]any
	// Collapsible are the columns that a terminal which is too narrow for all is not shown,
	// the least needed first.
	Collapsible []string
	// Long is a column of sentences. Where the terminal is too narrow for it, they
	// stand below their rows.
	Long string
	// Note follows the table.
	Note string
	// More says that there are more rows, and how to get them. It follows the table,
	// and goes to standard error where rows are for a program.
	More string
}

// Pair returns a row of two cells.
func Pair(what string, value any) []any { return []any{what, value} }

// Pairs returns a result of names and values in turn, with a document.
func Pairs(document any, pairs ...any) *Result {
	r := &Result{Document: document}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Rows = append(r.Rows, []any{pairs[i], pairs[i+1]})
	}
	return r
}

// print writes the result as the session's format says.
func (r *Result) print(s *Session) error {
	switch s.Format {
	case "json":
		enc := json.NewEncoder(JSONWriter(s.Out))
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(r.Document)
	case "csv":
		if r.More != "" {
			fmt.Fprintln(s.Err, safetext.Line(r.More))
		}
		return r.csv(s.Out)
	}
	text := r.table(TerminalWidth(s.Out), Colours(s.Out))
	_, err := io.WriteString(s.Out, text)
	return err
}

func (r *Result) csv(w io.Writer) error {
	columns := r.Columns
	if columns == nil {
		columns = []string{"what", "value"}
	}
	out := append(safetext.AppendRow(nil, columns...), '\n')
	for _, row := range r.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if n, ok := cell.(Number); ok {
				cell = n.Number()
			}
			cells[i] = fmt.Sprint(cell)
		}
		out = append(safetext.AppendRow(out, cells...), '\n')
	}
	_, err := w.Write(out)
	return err
}

// JSONWriter returns a writer of JSON to w. A terminal gets the runes that would steer it
// as escape sequences of JSON, which mean the same; anything else gets the exact bytes.
func JSONWriter(w io.Writer) io.Writer {
	if !IsTerminal(w) {
		return w
	}
	return terminalJSON{w}
}

type terminalJSON struct{ w io.Writer }

func (t terminalJSON) Write(b []byte) (int, error) {
	if _, err := t.w.Write(safetext.JSON(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Count is a number in a table for people, with the name of what is counted. In CSV
// it is the number.
type Count struct {
	N         uint64
	One, More string
}

// Number implements [Number].
func (c Count) Number() uint64 { return c.N }

// Number is a cell that people read as words, and programs as a number.
type Number interface{ Number() uint64 }

func (c Count) String() string { return Counted(c.N, c.One, c.More) }

// Counted says how many there are, of one or more than one.
func Counted[N ~int | ~int64 | ~uint64](n N, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// YesNo writes a truth for people.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// TerminalWidth returns how many characters fit a line of w: what COLUMNS says, else
// the width of a terminal. It is 0 for what is neither, which is not to be wrapped.
func TerminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// IsTerminal tells whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
