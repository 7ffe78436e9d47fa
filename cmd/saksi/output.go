package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// result is what a command prints: a document for programs, rows for people.
type result struct {
	// document is the JSON.
	document any
	// columns and rows are the table and the CSV; without columns a table of two
	// columns, what and value, without a head.
	columns []string
	rows    [][]any
	// note follows the table.
	note string
}

func (r result) print(c *cli.Context) error {
	w := c.App.Writer
	switch c.String("format") {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(r.document)
	case "csv":
		return r.csv(w)
	case "table", "":
		r.table(w)
		return nil
	}
	return usage("--format %s: want table, json or csv", c.String("format"))
}

func (r result) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	columns := r.columns
	if columns == nil {
		columns = []string{"what", "value"}
	}
	if err := out.Write(columns); err != nil {
		return err
	}
	for _, row := range r.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = formulaSafe(fmt.Sprint(cell))
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// formulaSafe keeps spreadsheets from taking a cell for a formula.
func formulaSafe(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		if cell[0] == '-' && len(cell) > 1 && unicode.IsDigit(rune(cell[1])) {
			return cell
		}
		return "'" + cell
	}
	return cell
}

func (r result) table(w io.Writer) {
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
	if width := terminalWidth(w); width > 0 {
		t.Style().Size.WidthMax = width
	}
	for _, row := range r.rows {
		cells := table.Row{}
		for _, cell := range row {
			cells = append(cells, printable(fmt.Sprint(cell)))
		}
		t.AppendRow(cells)
	}
	t.Render()
	if r.note != "" {
		fmt.Fprintln(w, r.note)
	}
}

// printable keeps what a stranger wrote from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
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
