package connect

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// bufferSize is how much of a file is held beside the record being read.
const bufferSize = 64 << 10

// maxWindow is the largest window that a zstd frame may ask for, in bytes. The
// usual levels of compression ask for at most 8 MiB.
const maxWindow = 32 << 20

// errAfterGzip is found where a file goes on after its gzip data.
var errAfterGzip = errors.New("bytes follow the end of the gzip data, and are no gzip data themselves; they were not read: find out who appended them")

// input is decompressed content, read forwards, with the position it has come
// to. It belongs to one goroutine.
type input struct {
	r      *bufio.Reader
	close  func()
	offset int64
	line   int
	// begun is the offset of the first byte of the line.
	begun int64
}

// otherContent are the first bytes of files that hold no readable text, and what
// to do about them.
var otherContent = []struct{ begins, is, hint string }{
	{"PK\x03\x04", "a zip archive", "unpack it first"},
	{"BZh", "compressed by bzip2", "decompress it first"},
	{"\xfd7zXZ\x00", "compressed by xz", "decompress it first"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"},
	{"PAR1", "a Parquet file", "export it as JSON or CSV"},
	{"\xff\xfe", "text in UTF-16", "save it as UTF-8"},
	{"\xfe\xff", "text in UTF-16", "save it as UTF-8"},
}

// newInput finds out by its first bytes whether r is compressed by gzip or zstd.
func newInput(r io.Reader) (*input, error) {
	file := bufio.NewReaderSize(r, bufferSize)
	first, _ := file.Peek(8)
	switch {
	case bytes.HasPrefix(first, gzipMagic):
		unzip, err := gzip.NewReader(file)
		if err != nil {
			return nil, compressionError("gzip", err)
		}
		unzip.Multistream(false)
		return newContent(&members{file: file, unzip: unzip}, func() {}), nil
	case bytes.HasPrefix(first, zstdMagic), len(first) >= 4 && first[0]&0xf0 == 0x50 && string(first[1:4]) == "\x2a\x4d\x18":
		frames, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, compressionError("zstd", err)
		}
		return newContent(&frameReader{frames}, frames.Close), nil
	}
	for _, other := range otherContent {
		if bytes.HasPrefix(first, []byte(other.begins)) {
			return nil, fmt.Errorf("it is %s: %s", other.is, other.hint)
		}
	}
	return &input{r: file, line: 1, close: func() {}}, nil
}

func newContent(r io.Reader, close func()) *input {
	return &input{r: bufio.NewReaderSize(r, bufferSize), line: 1, close: close}
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// members reads gzip members one after the other, each whole with its checksum,
// and refuses what follows them and is none.
type members struct {
	file  *bufio.Reader
	unzip *gzip.Reader
}

func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.unzip.Read(p)
		switch {
		case err == nil:
			return n, nil
		case err != io.EOF:
			return n, compressionError("gzip", err)
		}
		// gzip reads byte by byte from a bufio.Reader, so that it stands exactly
		// behind the member.
		next, err := m.file.Peek(len(gzipMagic))
		switch {
		case len(next) == 0 && err == io.EOF:
			return n, io.EOF
		case len(next) == 0:
			return n, err
		case !bytes.Equal(next, gzipMagic):
			return n, errAfterGzip
		}
		if err := m.unzip.Reset(m.file); err != nil {
			return n, compressionError("gzip", err)
		}
		m.unzip.Multistream(false)
		if n > 0 {
			return n, nil
		}
	}
}

// frameReader says what is wrong with zstd data.
type frameReader struct{ frames *zstd.Decoder }

func (f *frameReader) Read(p []byte) (int, error) {
	n, err := f.frames.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return n, fmt.Errorf("the zstd data asks for a window of more than %d MiB: decompress it first", maxWindow>>20)
	case errors.Is(err, zstd.ErrMagicMismatch):
		return n, errors.New("bytes follow the end of the zstd data, and are no zstd data themselves; they were not read: find out who appended them")
	}
	return n, compressionError("zstd", err)
}

func compressionError(how string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("the %s data is cut off; what could be read of it was kept: %w", how, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the %s data is damaged; what could be read of it was kept: %w", how, err)
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
	if lines := bytes.Count(b, []byte{'\n'}); lines > 0 {
		in.line += lines
		in.begun = in.offset + int64(bytes.LastIndexByte(b, '\n')) + 1
	}
	in.offset += int64(n)
	_, _ = in.r.Discard(n)
}

// column counts from 1, in bytes.
func (in *input) column() int64 { return in.offset - in.begun + 1 }

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

// spaceInLine consumes white space up to a line feed, and returns the byte after
// it, unconsumed, or whether the line is at its end.
func (in *input) spaceInLine() (c byte, last bool, err error) {
	for {
		b, err := in.next()
		if err == io.EOF {
			return 0, true, nil
		}
		if err != nil {
			return 0, false, err
		}
		if b[0] == '\n' || !isSpace(b[0]) {
			return b[0], b[0] == '\n', nil
		}
		in.skip(1)
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

// firstLine returns what begins here up to a line feed, as far as it is in the
// buffer.
func (in *input) firstLine() []byte {
	b, _ := in.r.Peek(bufferSize)
	if n := bytes.IndexByte(b, '\n'); n >= 0 {
		b = b[:n]
	}
	return bytes.TrimRight(b, "\r")
}
