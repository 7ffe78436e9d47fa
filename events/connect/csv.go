package connect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxColumns is how many columns a row may have.
const maxColumns = 1000

// rows reads the rest as CSV, as RFC 4180 has it. A row whose quotation marks
// don't fit, or that has more or fewer fields than there are columns, is left
// out.
func (r *reader) rows() error {
	format := r.format.CSV
	comma := format.Comma
	if comma == 0 {
		comma = ','
	}
	for range format.Skip {
		if err := r.restOfLine(); err != nil {
			return r.unlessEnd(err)
		}
	}
	columns := format.Columns
	for {
		if _, err := r.blankLines(); err != nil {
			return r.unlessEnd(err)
		}
		at := r.here()
		fields, err := r.row(comma)
		var b *broken
		switch {
		case errors.As(err, &b) && !b.final:
			if columns == nil {
				return &broken{at, fmt.Errorf("the names of the columns can't be read: %w", b.err), true}
			}
			if err := r.leaveOut(at, b.err); err != nil {
				return err
			}
			r.left.Count += max(0, r.line-at.line)
			if err := r.restOfLine(); err != nil {
				return r.unlessEnd(err)
			}
			continue
		case err != nil:
			return err
		case columns == nil:
			if err := distinct(fields); err != nil {
				return &broken{at, err, true}
			}
			columns = fields
			continue
		case len(fields) != len(columns):
			err = fmt.Errorf("a row of %d fields: there are %d columns", len(fields), len(columns))
		}
		if err == nil {
			r.keep, err = rowObject(r.keep[:0], columns, fields)
		}
		if err == nil && len(r.keep) > r.format.MaxRecord {
			err = fmt.Errorf("a record of %d bytes: the most is %d", len(r.keep), r.format.MaxRecord)
		}
		if err != nil {
			if err := r.leaveOut(at, err); err != nil {
				return err
			}
			continue
		}
		if !r.flush() || !r.yield(Record{Raw: bytes.Clone(r.keep), File: r.name, Line: at.line, Offset: at.offset}, nil) {
			return errStopped
		}
	}
}

// blankLines consumes lines with nothing in them, and returns the byte after.
func (r *reader) blankLines() (byte, error) {
	for {
		b, err := r.next()
		if err != nil {
			return 0, err
		}
		if b[0] != '\n' && b[0] != '\r' {
			return b[0], nil
		}
		r.skip(1)
	}
}

// row reads one row, and the end of its line.
func (r *reader) row(comma byte) (fields []string, err error) {
	at := r.here()
	var field []byte
	// A field is quoted until it is added; closed behind its last quotation mark,
	// and returned behind a carriage return after that.
	size, quoted, closed, returned := 0, false, false, false
	wrong := func(format string, args ...any) error { return &broken{at, fmt.Errorf(format, args...), false} }
	add := func() error {
		if len(fields) == maxColumns {
			return wrong("a row of more than %d fields", maxColumns)
		}
		if !quoted {
			field = bytes.TrimSuffix(field, []byte("\r"))
		}
		fields = append(fields, string(field))
		field, quoted, closed, returned = field[:0], false, false, false
		return nil
	}
	for {
		b, err := r.next()
		switch {
		case err == io.EOF && quoted && !closed:
			return nil, failed(at, err)
		case err == io.EOF:
			return fields, add()
		case err != nil:
			return nil, &broken{r.here(), err, true}
		}
		for i := 0; i < len(b); i++ {
			if size++; size > r.format.MaxRecord {
				r.skip(i)
				return nil, wrong("a row of more than %d bytes: is a quotation mark missing?", r.format.MaxRecord)
			}
			c := b[i]
			switch {
			case quoted && !closed && c == '"':
				closed = true
			case quoted && !closed:
				field = append(field, c)
			case c == '\n':
				r.skip(i) // so that what is wrong with the row is on its line
				err := add()
				r.skip(1)
				return fields, err
			case c == comma && !returned:
				if err := add(); err != nil {
					r.skip(i)
					return nil, err
				}
			case closed && c == '"' && !returned:
				closed = false
				field = append(field, c)
			case closed && c == '\r' && !returned:
				returned = true
			case closed:
				r.skip(i)
				return nil, wrong("byte %d of the line follows a quotation mark that ends a field", r.column())
			case c == '"' && len(field) == 0:
				quoted = true
			case c == '"':
				r.skip(i)
				return nil, wrong("byte %d of the line is a quotation mark in a field that doesn't begin with one", r.column())
			default:
				field = append(field, c)
			}
		}
		r.skip(len(b))
	}
}

// distinct sees that the columns can be told apart by their names.
func distinct(columns []string) error {
	seen := map[string]bool{}
	for i, name := range columns {
		switch {
		case !utf8.ValidString(name):
			return fmt.Errorf("the name of column %d is not UTF-8", i+1)
		case seen[name]:
			return fmt.Errorf("two columns are called %.80q", name)
		}
		seen[name] = true
	}
	return nil
}

// rowObject appends a row as a JSON object.
func rowObject(to []byte, columns, fields []string) ([]byte, error) {
	to = append(to, '{')
	for i, name := range columns {
		if i > 0 {
			to = append(to, ',')
		}
		var err error
		if to, err = jsontext.AppendQuote(to, name); err != nil {
			return to, fmt.Errorf("the name of column %d is not UTF-8", i+1)
		}
		to = append(to, ':')
		if to, err = jsontext.AppendQuote(to, fields[i]); err != nil {
			return to, fmt.Errorf("column %.80q is not UTF-8: save the file as UTF-8", name)
		}
	}
	return append(to, '}'), nil
}

// header is a row of names, such as CSV begins with.
var header = regexp.MustCompile(`^\pZ*"?[\pL_][\pL\pN_ .()/#-]*"?(\pZ*[,;\t|]\pZ*"?[\pL_][\pL\pN_ .()/#-]*"?){2,}\pZ*$`)

func likeCSV(line []byte) bool { return len(line) < 16<<10 && header.Match(line) }
