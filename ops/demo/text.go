package demo

import "strings"

// wrapped breaks a text into lines of at most width, all but the first indented.
func wrapped(s string, indent, width int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(s) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
