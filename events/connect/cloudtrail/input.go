package cloudtrail

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// bufferSize is how much of a file is held beside the record being read.
const bufferSize = 64 << 10

// errAfterGzip is found where a file goes on after its gzip data.
var errAfterGzip = errors.New("bytes follow the end of the gzip data, which CloudTrail never writes; they were not read. " +
	"If files were joined on purpose, import them one by one or decompress them first; otherwise ask who appended them")

// input is decompressed content, read forwards, with the position it has come
// to. It belongs to one goroutine.
type input struct {
	r      *bufio.Reader
	offset int64
	line   int
}

// newInput finds out by its magic number whether r is gzip.
func newInput(r io.Reader) (*input, error) {
	file := bufio.NewReaderSize(r, bufferSize)
	if magic, _ := file.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return &input{r: file, line: 1}, nil
	}
	unzip, err := gzip.NewReader(file)
	if err != nil {
		return nil, gzipError(err)
	}
	// By default members are read on as if they were one. A log is one member,
	// so what stands behind it was put there by somebody else.
	unzip.Multistream(false)
	return &input{r: bufio.NewReaderSize(&member{file: file, unzip: unzip}, bufferSize), line: 1}, nil
}

// member reads one gzip member and looks whether anything follows it.
type member struct {
	file  *bufio.Reader
	unzip *gzip.Reader
}

func (m *member) Read(p []byte) (int, error) {
	n, err := m.unzip.Read(p)
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		return n, gzipError(err)
	}
	// gzip reads byte by byte from a bufio.Reader, so that it stands exactly
	// behind the member.
	if _, err := m.file.Peek(1); err == nil {
		return n, errAfterGzip
	} else if err != io.EOF {
		return n, err
	}
	return n, io.EOF
}

func gzipError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("the gzip data is cut off; what could be read of it was kept: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the gzip data is damaged; what could be read of it was kept: %w", err)
}

// next returns the bytes that are in the buffer, at least one, without
// consuming them. They are valid until the next call of a method.
func (in *input) next() ([]byte, error) {
	if _, err := in.r.Peek(1); err != nil {
		return nil, err
	}
	return in.r.Peek(in.r.Buffered())
}

// skip consumes n bytes that are in the buffer.
func (in *input) skip(n int) {
	b, _ := in.r.Peek(n)
	in.line += bytes.Count(b, []byte{'\n'})
	in.offset += int64(n)
	_, _ = in.r.Discard(n)
}

// space consumes white space and returns the byte after it, unconsumed.
func (in *input) space() (byte, error) {
	for {
		b, err := in.next()
		if err != nil {
			return 0, err
		}
		n := 0
		for n < len(b) && isSpace(b[n]) {
			n++
		}
		found := n < len(b)
		c := b[min(n, len(b)-1)]
		in.skip(n)
		if found {
			return c, nil
		}
	}
}

// spaceInLine consumes white space up to a line feed. It returns how many bytes
// that were, and whether the line is then at its end.
func (in *input) spaceInLine() (n int64, last bool, err error) {
	for {
		b, err := in.next()
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
		if b[0] == '\n' || !isSpace(b[0]) {
			return n, b[0] == '\n', nil
		}
		in.skip(1)
		n++
	}
}

// restOfLine consumes everything up to and with the next line feed.
func (in *input) restOfLine() error {
	for {
		b, err := in.next()
		if err != nil {
			return err
		}
		if n := bytes.IndexByte(b, '\n'); n >= 0 {
			in.skip(n + 1)
			return nil
		}
		in.skip(len(b))
	}
}

// value consumes one JSON value, or as much as could be one. It returns at most
// [MaxRecord] bytes of it appended to keep[:0]; size is what it had.
func (in *input) value(g *grammar, keep []byte) (raw []byte, size int64, how progress, err error) {
	raw = keep[:0]
	for {
		b, err := in.next()
		if err != nil {
			return raw, size, more, err
		}
		n, how := g.feed(b)
		size += int64(n)
		raw = append(raw, b[:min(n, MaxRecord-len(raw))]...)
		in.skip(n)
		if how != more {
			return raw, size, how, nil
		}
	}
}

// lookahead is how far behind an opening brace the list of a wrapper must begin.
const lookahead = 1 << 10

// wrapper returns how many bytes stand before the first element of
// {"Records":[…]}, if that is what begins here.
func (in *input) wrapper() (int, bool) {
	b, _ := in.r.Peek(lookahead)
	i := 0
	for _, token := range []string{`{`, `"Records"`, `:`, `[`} {
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if !bytes.HasPrefix(b[i:], []byte(token)) {
			return 0, false
		}
		i += len(token)
	}
	return i, true
}
