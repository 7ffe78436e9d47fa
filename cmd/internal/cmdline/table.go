package cmdline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/saksi-ledger/saksi/events/safetext"
)

const (
	// narrowest is the least that a column with a shorter head is made when a terminal
	// is too narrow, in characters: a reference to an event fits, and so does a date.
	narrowest = 10
	// gap is between two columns.
	gap = 2
	// shortProse is how wide a column of sentences may become before they go below
	// their rows.
	shortProse = 40
)

// column is a column of a table that is fitted to a terminal.
type column struct {
	index int
	name  string
	head  string // with line ends where it is broken
	width int    // what it needs
	least int    // what it can be made
}

// table returns the table for people, in lines of at most width characters if that
// isn't 0, and with colours if so.
func (r *Result) table(width int, colours bool) string {
	cells := make([][]string, len(r.Rows))
	for i, row := range r.Rows {
		for _, cell := range row {
			cells[i] = append(cells[i], safetext.Line(fmt.Sprint(cell)))
		}
	}
	l := r.layout(cells, width)
	var body strings.Builder
	if r.Columns != nil {
		heads := make([]string, len(l.columns))
		for i, c := range l.columns {
			heads[i] = c.head
		}
		l.line(&body, heads, false)
	}
	for _, row := range cells {
		line := make([]string, len(l.columns))
		for i, c := range l.columns {
			if c.index < len(row) {
				line[i] = row[c.index]
			}
		}
		l.line(&body, line, colours)
		if l.below >= 0 && row[l.below] != "" {
			for part := range strings.Lines(wrapped(row[l.below], width-gap)) {
				body.WriteString(strings.Repeat(" ", gap) + strings.TrimSuffix(part, "\n") + "\n")
			}
		}
	}
	for _, note := range append([]string{strings.TrimSuffix(r.Note, "\n")}, l.notes()...) {
		if note == "" {
			continue
		}
		for line := range strings.SplitSeq(note, "\n") {
			body.WriteString(wrapped(safetext.Line(line), width) + "\n")
		}
	}
	if r.More != "" {
		body.WriteString(safetext.Line(r.More) + "\n")
	}
	return body.String()
}

// line writes a row, in as many lines as its longest cell takes.
func (l *layout) line(b *strings.Builder, cells []string, colours bool) {
	parts := make([][]string, len(cells))
	height := 1
	for i, cell := range cells {
		if safetext.Width(cell) > l.columns[i].width {
			cell = text.WrapSoft(cell, max(l.columns[i].width, 1))
		}
		parts[i] = strings.Split(cell, "\n")
		height = max(height, len(parts[i]))
	}
	for n := range height {
		var line, plain strings.Builder
		for i, c := range l.columns {
			part := ""
			if n < len(parts[i]) {
				part = strings.TrimRight(parts[i][n], " ")
			}
			// Padding is written before the next cell, so that no line ends in spaces.
			if part == "" {
				plain.WriteString(strings.Repeat(" ", c.width+gap))
				continue
			}
			line.WriteString(plain.String())
			plain.Reset()
			plain.WriteString(strings.Repeat(" ", max(0, c.width-safetext.Width(part))+gap))
			if colours {
				part = paint(colourOf(c.name, cells[i]), part)
			}
			line.WriteString(part)
		}
		b.WriteString(line.String() + "\n")
	}
}

// layout is which columns a table shows, and where the others went.
type layout struct {
	columns []column
	below   int // the column whose cells stand below their rows; -1 for none
	same    []string
	left    []string
}

func (l layout) notes() []string {
	var notes []string
	if len(l.same) > 0 {
		notes = append(notes, "The same in all rows: "+strings.Join(l.same, "; ")+".")
	}
	if len(l.left) > 0 {
		notes = append(notes, "Left out in so narrow a terminal: "+strings.Join(l.left, ", ")+".")
	}
	return notes
}

// layout fits the columns to a terminal. Where they don't, in this order: heads are
// broken; columns that have nothing, or the same in all rows, are said once, below;
// sentences go below their rows; collapsible columns are left out; and the widest are
// wrapped. The first and the last column, its evidence, always stay.
func (r *Result) layout(cells [][]string, terminal int) layout {
	l := layout{below: -1}
	names := r.Columns
	if names == nil {
		names = []string{"", ""}
		for _, row := range r.Rows {
			for len(names) < len(row) {
				names = append(names, "")
			}
		}
	}
	for i, name := range names {
		c := column{index: i, name: name, head: strings.ToUpper(name)}
		c.width = safetext.Width(name)
		for _, row := range cells {
			if i < len(row) {
				c.width = max(c.width, safetext.Width(row[i]))
			}
		}
		l.columns = append(l.columns, c)
	}
	l.least()
	if terminal == 0 || l.total() <= terminal {
		return l
	}
	l.breakHeads(cells)
	if r.Columns != nil {
		l.foldSame(cells, terminal)
		if i := slices.IndexFunc(l.columns, func(c column) bool { return c.name == r.Long && r.Long != "" }); i >= 0 && l.total() > terminal && l.columns[i].width > shortProse {
			l.below = l.columns[i].index
			l.columns = slices.Delete(l.columns, i, i+1)
		}
		l.leaveOut(r.Collapsible, terminal)
	}
	l.wrap(terminal)
	return l
}

func (l *layout) total() (n int) {
	for _, c := range l.columns {
		n += gap + c.width
	}
	return n - gap
}

func (l *layout) floor() (n int) {
	for _, c := range l.columns {
		n += gap + c.least
	}
	return n - gap
}

// least says how narrow each column can be made.
func (l *layout) least() {
	for i := range l.columns {
		c := &l.columns[i]
		head := 0
		for _, part := range strings.Split(c.head, "\n") {
			head = max(head, safetext.Width(part))
		}
		c.least = min(max(narrowest, head), c.width)
	}
}

// breakHeads breaks heads that are wider than what is below them.
func (l *layout) breakHeads(cells [][]string) {
	for i := range l.columns {
		c := &l.columns[i]
		body := 0
		for _, row := range cells {
			if c.index < len(row) {
				body = max(body, safetext.Width(row[c.index]))
			}
		}
		if body >= len(c.head) {
			continue
		}
		broken := strings.NewReplacer(".", ".\n", " ", "\n").Replace(c.head)
		c.width = body
		for _, part := range strings.Split(broken, "\n") {
			c.width = max(c.width, safetext.Width(part))
		}
		c.head = broken
	}
	l.least()
}

// foldSame takes out columns that have nothing, or the same in every row.
func (l *layout) foldSame(cells [][]string, terminal int) {
	if len(cells) < 2 {
		return
	}
	for i := len(l.columns) - 2; i > 0 && l.total() > terminal; i-- {
		c := l.columns[i]
		value := cells[0][c.index]
		if slices.ContainsFunc(cells, func(row []string) bool { return row[c.index] != value }) {
			continue
		}
		if value == "" {
			value = "nothing"
		}
		l.same = slices.Insert(l.same, 0, c.name+" "+value)
		l.columns = slices.Delete(l.columns, i, i+1)
	}
}

// leaveOut leaves collapsible columns out until the rest can be made to fit. Where that is
// not enough, those before the last go, the last of them first.
func (l *layout) leaveOut(collapsible []string, terminal int) {
	order := slices.Clone(collapsible)
	for i := len(l.columns) - 2; i > 0; i-- {
		if name := l.columns[i].name; !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	for _, name := range order {
		if l.floor() <= terminal {
			return
		}
		if i := slices.IndexFunc(l.columns, func(c column) bool { return c.name == name }); i >= 0 {
			l.left = append(l.left, name)
			l.columns = slices.Delete(l.columns, i, i+1)
		}
	}
}

// wrap makes the widest columns narrower until the line fits.
func (l *layout) wrap(terminal int) {
	for total := l.total(); total > max(terminal, l.floor()); total-- {
		widest := -1
		for i, c := range l.columns {
			if c.width > c.least && (widest < 0 || c.width > l.columns[widest].width) {
				widest = i
			}
		}
		l.columns[widest].width--
	}
}

// wrapped breaks lines at spaces, so that each has width characters at most; a longer
// word stays whole. With width 0 nothing is broken.
func wrapped(s string, width int) string {
	if width <= 0 {
		return s
	}
	var out []string
	for _, line := range strings.Split(s, "\n") {
		current, length := "", 0
		for _, word := range strings.Split(line, " ") {
			n := safetext.Width(word)
			switch {
			case current == "" && length == 0:
				current, length = word, n
			case length+1+n > width:
				out = append(out, current)
				current, length = word, n
			default:
				current, length = current+" "+word, length+1+n
			}
		}
		out = append(out, current)
	}
	return strings.Join(out, "\n")
}
