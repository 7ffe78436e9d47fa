package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/saksi-ledger/saksi/events/safetext"
)

// result is what a command prints: a document for programs, rows for people.
type result struct {
	// document is the JSON.
	document any
	// columns and rows are the table and the CSV; without columns a table of two
	// columns, what and value, without a head.
	columns []string
	rows    [][]any
	// spare are columns that a narrow terminal is not shown, the least needed first.
	spare []string
	// note follows the table.
	note string
}

func (r result) print(c *cli.Context) error {
	w := c.App.Writer
	switch formatOf(c) {
	case "json":
		enc := json.NewEncoder(jsonWriter(w))
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(r.document)
	case "csv":
		return r.csv(w)
	case "table":
		r.table(w, terminalWidth(w))
		return nil
	}
	return usage("--format %s: want table, json or csv", formatOf(c))
}

func (r result) csv(w io.Writer) error {
	columns := r.columns
	if columns == nil {
		columns = []string{"what", "value"}
	}
	out := append(safetext.AppendRow(nil, columns...), '\n')
	for _, row := range r.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = fmt.Sprint(cell)
		}
		out = append(safetext.AppendRow(out, cells...), '\n')
	}
	_, err := w.Write(out)
	return err
}

// table prints for people, in lines of at most width characters if that isn't 0.
func (r result) table(w io.Writer, width int) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	style := table.StyleLight
	style.Options = table.Options{SeparateColumns: false}
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	if r.columns != nil {
		header := table.Row{}
		for _, column := range r.columns {
			header = append(header, strings.ToUpper(column))
		}
		t.AppendHeader(header)
	}
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	var hidden []string
	if width > 0 {
		var configs []table.ColumnConfig
		configs, hidden = r.fit(width)
		t.SetColumnConfigs(configs)
		t.Style().Size.WidthMax = width
	}
	for _, row := range r.rows {
		cells := table.Row{}
		for _, cell := range row {
			cells = append(cells, safetext.Line(fmt.Sprint(cell)))
		}
		t.AppendRow(cells)
	}
	t.Render()
	if r.note != "" {
		for line := range strings.SplitSeq(r.note, "\n") {
			fmt.Fprintln(w, safetext.Line(line))
		}
	}
	if len(hidden) > 0 {
		fmt.Fprintf(w, "Left out in so narrow a terminal: %s.\n", strings.Join(hidden, ", "))
	}
}

// narrowest is the least that a column with a shorter head is made when a terminal
// is too narrow, in characters: a reference to an event fits, and so does a date.
const narrowest = 10

// fit makes room in a terminal: it wraps the cells of the widest columns, and
// leaves spare ones out, until what comes last in a row, its evidence, doesn't fall
// off the edge. It returns the columns that are hidden or wrapped, and the names of
// the hidden.
func (r result) fit(terminal int) (configs []table.ColumnConfig, hidden []string) {
	const gap = 2
	widths, least := make([]int, len(r.columns)), make([]int, len(r.columns))
	total, floor := 0, 0
	for i, name := range r.columns {
		widths[i] = safetext.Width(name)
		least[i] = max(narrowest, widths[i])
		for _, row := range r.rows {
			widths[i] = max(widths[i], safetext.Width(safetext.Line(fmt.Sprint(row[i]))))
		}
		least[i] = min(least[i], widths[i])
		total += gap + widths[i]
		floor += gap + least[i]
	}
	// Where the spare ones are not enough, those before the last go, the last of them first.
	spare := slices.Clone(r.spare)
	for i := len(r.columns) - 2; i > 0; i-- {
		if !slices.Contains(spare, r.columns[i]) {
			spare = append(spare, r.columns[i])
		}
	}
	for _, name := range spare {
		i := slices.Index(r.columns, name)
		if floor <= terminal {
			break
		} else if i < 0 {
			continue
		}
		total -= gap + widths[i]
		floor -= gap + least[i]
		widths[i], least[i] = 0, 0
		hidden = append(hidden, name)
		configs = append(configs, table.ColumnConfig{Number: i + 1, Hidden: true})
	}
	wrapped := map[int]bool{}
	for ; total > max(terminal, floor); total-- {
		widest := -1
		for i, width := range widths {
			if width > least[i] && (widest < 0 || width > widths[widest]) {
				widest = i
			}
		}
		widths[widest]--
		wrapped[widest] = true
	}
	for i := range wrapped {
		configs = append(configs, table.ColumnConfig{Number: i + 1, WidthMax: widths[i], WidthMaxEnforcer: text.WrapSoft})
	}
	return configs, hidden
}

// counted says how many there are, of one or more than one.
func counted[N ~int | ~int64 | ~uint64](n N, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// jsonWriter returns a writer of JSON to w. A terminal gets the runes that would steer it as escape sequences of JSON,
// which mean the same; anything else gets the exact bytes.
func jsonWriter(w io.Writer) io.Writer {
	if terminalWidth(w) == 0 {
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

// terminalWidth returns the width of w if it is a terminal, and 0 otherwise.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
