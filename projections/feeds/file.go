package feeds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// File is a file of JSON Lines that a feed is appended to, one CloudEvent a line.
// It says by itself how far it has come, so that it goes on after its last whole
// line: nothing is missing and nothing stands twice, wherever the process ended.
// One process at a time may write it.
type File struct {
	f    *os.File
	view string
	last Mark
	id   string // of the last message, after the view's name
}

// maxLine bounds a line that is read back.
const maxLine = 4 << 20

// OpenFile opens a view's file, and makes it if it isn't there. What was being
// written when its process died, behind the last line feed, is cut off; a file
// that holds anything else than this view's feed is refused.
func OpenFile(path, view string) (*File, error) {
	return openAs(path, view, ParseMessage)
}

// OpenStreamFile is [OpenFile] for what came over HTTP, whose ids need not be numbers.
func OpenStreamFile(path, view string) (*File, error) {
	return openAs(path, view, ParseStreamed)
}

func openAs(path, view string, parse func([]byte) (*Message, error)) (*File, error) {
	file, err := openFile(path, view, parse)
	if err != nil {
		return nil, fmt.Errorf("open %s for the feed of view %s: %w", path, view, err)
	}
	return file, nil
}

func openFile(path, view string, parse func([]byte) (*Message, error)) (_ *File, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	line, rest, end, err := lastLine(f, info.Size())
	if err != nil {
		return nil, err
	}
	file := &File{f: f, view: view}
	if line != nil {
		m, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("its last line is none of a feed: %w", err)
		}
		if m.View != view {
			return nil, fmt.Errorf("it holds the feed of view %s", m.View)
		}
		file.last, file.id = m.Mark, m.ID
	}
	if begin := beginning(view); !bytes.HasPrefix(begin, rest[:min(len(rest), len(begin))]) {
		return nil, errors.New("what follows its last line feed is none of a feed's lines")
	}
	if err := f.Truncate(end); err != nil {
		return nil, err
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		return nil, err
	}
	// What is appended is fsynced; that there is such a file must be as well.
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return file, errors.Join(f.Sync(), d.Sync())
}

// beginning is how each line of a view begins.
func beginning(view string) []byte {
	return []byte(`{"specversion":"1.0","id":"` + view + "/")
}

// lastLine returns the last line that ends, what follows it, and where that
// begins. line is nil if there is none.
func lastLine(f io.ReaderAt, size int64) (line, rest []byte, end int64, err error) {
	from := max(size-2*maxLine, 0)
	tail := make([]byte, size-from)
	if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, 0, err
	}
	i := bytes.LastIndexByte(tail, '\n')
	if i < 0 {
		if from > 0 {
			return nil, nil, 0, fmt.Errorf("its last %d bytes have no line feed", len(tail))
		}
		return nil, tail, 0, nil
	}
	start := bytes.LastIndexByte(tail[:i], '\n') + 1
	if start == 0 && from > 0 {
		return nil, nil, 0, fmt.Errorf("its last line is longer than %d bytes", maxLine)
	}
	return tail[start:i], tail[i+1:], from + int64(i) + 1, nil
}

// Last is the last change that the file holds.
func (f *File) Last() Mark { return f.last }

// LastID is its id, after the view's name: the Last-Event-ID to go on after.
func (f *File) LastID() string { return f.id }

// Append writes messages, and returns when they are on disk. After an error the
// file is to be closed: opened again, it says what it holds.
func (f *File) Append(messages []Message) error {
	var b bytes.Buffer
	for _, m := range messages {
		b.Write(m.Raw)
		b.WriteByte('\n')
	}
	if _, err := f.f.Write(b.Bytes()); err != nil {
		return fmt.Errorf("append to the feed of view %s: %w", f.view, err)
	}
	if err := f.f.Sync(); err != nil {
		return fmt.Errorf("append to the feed of view %s: %w", f.view, err)
	}
	if n := len(messages); n > 0 {
		f.last, f.id = messages[n-1].Mark, messages[n-1].ID
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }
